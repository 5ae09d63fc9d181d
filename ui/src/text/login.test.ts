import { expect, test } from 'vitest';
import { parsePasted } from './login';

const account = (address: string, username = '', secret = ''): object => ({ address, username, secret });

test.each([
  ['docker login registry.example.com -u me', account('registry.example.com', 'me')],
  ['docker login -u me -p "s3 cret" r.example.com:5000', account('r.example.com:5000', 'me', 's3 cret')],
  ["docker login --username='me@corp' --password=abc r.io", account('r.io', 'me@corp', 'abc')],
  [
    '$ sudo docker login --username me registry.cn-hangzhou.aliyuncs.com',
    account('registry.cn-hangzhou.aliyuncs.com', 'me'),
  ],
  ['echo x | docker login -ume --password-stdin r.io', account('r.io', 'me')],
  ['docker login -u me', account('docker.io', 'me')],
  ['docker login https://index.docker.io/v1/', account('docker.io')],
  ['podman login --authfile a.json -u=me quay.io && echo done', account('quay.io', 'me')],
  ['crane auth login r.io -u me -p t', account('r.io', 'me', 't')],
  ['docker login \\\n  -u me \\\n  r.io', account('r.io', 'me')],
  ['quay.io/team/app:1.0', account('quay.io')],
  [`quay.io/team/app@sha256:${'0'.repeat(64)}`, account('quay.io')],
  ['localhost:5000/app:1', account('localhost:5000')],
  ['nginx:1.27', account('docker.io')],
  ['library/nginx', account('docker.io')],
  ['https://r.example.com/v2/', account('r.example.com')],
  ['registry-1.docker.io', account('docker.io')],
])('%j fills the fields', (text, expected) => {
  expect(parsePasted(text)).toEqual(expected);
});

test.each([
  '',
  'registry.example.com',
  'localhost:5000',
  'r.example.com/team',
  'docker.io',
  'nginx',
  'two words',
])('%j is left as it is', (text) => {
  expect(parsePasted(text)).toBeNull();
});
