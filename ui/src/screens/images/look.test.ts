import { expect, test } from 'vitest';
import { setLocale } from '../../i18n';
import { reasonText } from './look';

test.each([
  ['same digest', 'Same digest', '摘要相同'],
  ['same digest; 1 referrer was copied', 'Same digest; 1 referrer was copied', '摘要相同；已复制 1 个引用者'],
  [
    'same digest, without attestations; 2 referrers were copied',
    'Same digest, without attestations; 2 referrers were copied',
    '摘要相同，不含证明；已复制 2 个引用者',
  ],
  [
    'single-platform image windows/amd64 does not match linux',
    'The only platform, windows/amd64, does not match linux',
    '唯一的平台 windows/amd64 与 linux 不符',
  ],
  ['what is not known', 'what is not known', 'what is not known'],
])('the reason "%s" is told in both languages', (reason, english, chinese) => {
  expect(reasonText(reason)).toBe(english);
  setLocale('zh-CN');
  expect(reasonText(reason)).toBe(chinese);
});
