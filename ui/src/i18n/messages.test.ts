import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import en from '../../messages/en.json';
import zh from '../../messages/zh-CN.json';
import { fit, locale, m, plural, setLocale } from '.';

const holes = (text: string): string[] =>
  [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '').sort();

test('both languages have the same keys, and there are many', () => {
  expect(Object.keys(en).length).toBeGreaterThan(300);
  expect(Object.keys(zh)).toEqual(Object.keys(en));
});

test('what is compiled is what is written: paraglide is silent when its plugin is missing', () => {
  expect(Object.keys(m).sort()).toEqual(Object.keys(en).sort());
});

test('a text has the same holes in both languages', () => {
  for (const [key, text] of Object.entries(en)) {
    expect(holes(zh[key as keyof typeof zh]), key).toEqual(holes(text));
  }
});

test('no text is empty, and Chinese is Chinese', () => {
  for (const [key, text] of Object.entries({ ...en })) expect(text.trim(), key).not.toBe('');
  const same = Object.keys(en).filter((key) => en[key as keyof typeof en] === zh[key as keyof typeof zh]);
  expect(same.sort()).toEqual([
    'accounts_col_registry',
    'app_name',
    'browse_registry',
    'rule_to',
    'user_alibaba_key',
  ]);
});

test('Chinese has one word for one thing', () => {
  // what goes on is any work, a comparison too
  const any = ['status_label', 'status_idle'];
  const wrong = /(?<!同步)任务|(?<!同步)方案|blob|仓库类型|同时请求数|复制引用/i;
  const odd = Object.entries(zh).filter(
    ([key, text]) => wrong.test(text.replace(/\{\w+\}/g, '')) && !any.includes(key),
  );
  expect(odd).toEqual([]);
});

test('plurals come in pairs', () => {
  const keys = Object.keys(en);
  const stems = (end: string): string[] =>
    keys.filter((key) => key.endsWith(end)).map((key) => key.slice(0, -end.length));
  expect(stems('_one').sort()).toEqual(stems('_other').sort());
});

test('every text is used', () => {
  const source = sources(join(import.meta.dirname, '..'))
    .concat(sources(join(import.meta.dirname, '../../../src-tauri')))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  // a sentence of Rust's stands there under its own key
  const use = (key: string): RegExp =>
    key.startsWith('say_')
      ? new RegExp(`\\bsentence!\\(\\s*"${key.slice('say_'.length)}"`)
      : new RegExp(`\\b${key}\\b`);
  expect(Object.keys(en).filter((key) => !use(key).test(source))).toEqual([]);
});

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(
      (entry) =>
        entry.isFile() && /\.(svelte|ts|rs)$/.test(entry.name) && !entry.parentPath.includes('messages'),
    )
    .map((entry) => join(entry.parentPath, entry.name));
}

test('the language changes at once, the document says which', () => {
  expect(m.nav_accounts()).toBe('Accounts');
  setLocale('zh-CN');
  expect(m.nav_accounts()).toBe('账号');
  expect(document.documentElement.lang).toBe('zh-CN');
  expect(locale()).toBe('zh-CN');
});

test.each([
  ['zh-CN', 'zh-CN'],
  ['zh_CN.UTF-8', 'zh-CN'],
  ['zh-Hans-SG', 'zh-CN'],
  ['en-GB', 'en'],
  ['de-DE', 'en'],
  ['', 'en'],
])('%s is shown in %s', (tag, expected) => {
  expect(fit(tag)).toBe(expected);
});

test('a count takes its form, with grouped digits', () => {
  expect(plural(1, m.compare_images_one, m.compare_images_other)).toBe('1 image');
  expect(plural(20_000, m.compare_images_one, m.compare_images_other)).toBe('20,000 images');
  setLocale('zh-CN');
  expect(plural(1, m.compare_images_one, m.compare_images_other)).toBe('1 个镜像');
});
