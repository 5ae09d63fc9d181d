import { expect, test } from 'vitest';
import { providers } from '../../backend/fake/providers';
import type { Provider } from '../../backend/types';
import { AccountForm } from './form.svelte';
import { ProviderChoice, providerOf } from './provider.svelte';

const text = (en: string, zh = en) => ({ en, zh });

function provider(id: string, templates: [string, string[]][], hosts: string[]): Provider {
  return {
    id,
    name: text(id.toUpperCase(), `${id}名`),
    addresses: templates.map(([template, holes]) => ({ template, holes, note: null })),
    hosts,
    user: text('a user'),
    secrets: [{ id: 'password', isKept: true, hasUser: true, renews: false, settings: [] }],
    listing: 'api',
    mustExist: 'repository',
    mustExistWhat: text('the repository', '镜像仓库'),
    minDepth: 2,
    maxDepth: 2,
    limits: [text('slow', '慢')],
    docs: 'https://docs.example/',
  };
}

const ecr = provider(
  'ecr',
  [
    ['{account}.dkr.ecr.{region}.amazonaws.com', ['account', 'region']],
    ['{account}.dkr-ecr.{region}.on.aws', ['account', 'region']],
  ],
  ['*.dkr.ecr.*.amazonaws.com'],
);
const hub = provider('hub', [['docker.io', []]], ['docker.io']);

test('an address comes of its form once its holes are filled', () => {
  const choice = new ProviderChoice([ecr, hub]);
  expect(choice.address).toBeNull();
  choice.choose('ecr');
  choice.holes['account'] = ' 123456789012 ';
  expect(choice.address).toBeNull();
  choice.holes['region'] = 'eu-west-1';
  expect(choice.address).toBe('123456789012.dkr.ecr.eu-west-1.amazonaws.com');
  choice.form = 1;
  expect(choice.address).toBe('123456789012.dkr-ecr.eu-west-1.on.aws');
  choice.choose('hub');
  expect(choice.address).toBe('docker.io');
});

test('a host tells its provider', () => {
  const all = [ecr, hub];
  expect(providerOf(all, '1.dkr.ecr.x.amazonaws.com/team')?.id).toBe('ecr');
  expect(providerOf(all, 'Docker.io')?.id).toBe('hub');
  expect(providerOf(all, 'docker.io.example.com')).toBeNull();
  expect(providerOf(all, '1.dkr.ecr.x.amazonaws.com.evil.example')).toBeNull();
});

test('an address tells its form and what fills the holes', () => {
  const choice = new ProviderChoice(providers('en'), 'acr-personal');
  choice.read('registry-vpc.cn-beijing.aliyuncs.com/team');
  expect([choice.form, choice.holes]).toEqual([1, { region: 'cn-beijing' }]);
  choice.read('https://mine-vpc.cn-shanghai.personal.cr.aliyuncs.com/');
  expect([choice.form, choice.holes]).toEqual([4, { name: 'mine', region: 'cn-shanghai' }]);
  // of no form of its own: what was known stays
  choice.read('registry.example.com');
  expect(choice.form).toBe(4);
  expect(new ProviderChoice(providers('en'), 'nexus').fields).toEqual([]);
});

test('in Chinese those come first that are used most in China', () => {
  const ids = (language: string): string[] => providers(language).map(({ id }) => id);
  expect(ids('zh-CN').slice(0, 6)).toEqual([
    'acr-enterprise',
    'acr-personal',
    'swr',
    'tcr',
    'harbor',
    'docker-hub',
  ]);
  expect(ids('en').slice(0, 3)).toEqual(['docker-hub', 'ghcr', 'ecr']);
});

test('a form follows its provider, its address and what is pasted', () => {
  const form = new AccountForm(null);
  form.know(providers('en'));
  form.pick('ecr');
  expect([form.secretKind, form.address]).toEqual(['aws-keys', '']);
  Object.assign(form.choice.holes, { account: '1', region: 'r' });
  form.fillAddress();
  form.address += '/team';
  form.choice.holes['region'] = 'r2';
  form.fillAddress();
  expect(form.address).toBe('1.dkr.ecr.r2.amazonaws.com/team');
  // another registry's own host: it is that one
  form.address = 'ghcr.io';
  form.addressTyped();
  expect([form.choice.id, form.secretKind]).toEqual(['ghcr', 'password']);
  // a host of nobody's: what the user has picked stays, what was told by an address goes
  form.address = 'r.example.com';
  form.addressTyped();
  expect(form.choice.id).toBe('');
  form.pick('harbor');
  form.address = 'other.example.com';
  form.addressTyped();
  expect(form.choice.id).toBe('harbor');
  expect(form.paste('docker login -u AWS -p x 1.dkr.ecr.r.amazonaws.com')).toBe('x');
  expect([form.choice.id, form.secretKind, form.username]).toEqual(['ecr', 'password', 'AWS']);
  expect(form.choice.holes).toEqual({ account: '1', region: 'r' });
  // settings of another kind do not go along
  form.settings['role'] = 'x';
  expect(form.draft(null).settings).toEqual({});
});
