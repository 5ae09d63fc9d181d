import { describe, expect, test } from 'vitest';
import { CODES } from '../backend/types';
import { setLocale } from '../i18n';
import { catalogue } from './catalogue';
import { describe as describeError } from './errors';
import { ago, bytes, duration, list, millis, percent, rate } from './format';
import { plain } from './plain';
import { noteLine, say } from './say';
import { cut, shortDigest, split } from './reference';
import { joinPatterns, splitPatterns } from './patterns';
import { blankRule, ruleLine, sourceLine } from './rule';

describe('plain', () => {
  test('takes away what reorders or hides text, and nothing else', () => {
    expect(plain('a\u202eb\u2066c\u2069\u200f\u061cd')).toBe('abcd');
    expect(plain('x\u0000\u001b[31my\u009f')).toBe('x[31my');
    expect(plain('two\nlines\tand 中文 فريق')).toBe('two\nlines\tand 中文 فريق');
  });
});

describe('references', () => {
  test.each([
    ['quay.io/a/b:v1', { host: 'quay.io', path: '/a/', name: 'b', selector: ':v1' }],
    ['localhost:5000/b', { host: 'localhost:5000', path: '/', name: 'b', selector: '' }],
    ['nginx', { host: '', path: '', name: 'nginx', selector: '' }],
    ['quay.io/a/b:/^v1\\/x:/', { host: 'quay.io', path: '/a/', name: 'b', selector: ':/^v1\\/x:/' }],
    ['r.io/b:v1@sha256:ab', { host: 'r.io', path: '/', name: 'b', selector: ':v1@sha256:ab' }],
    ['', { host: '', path: '', name: '', selector: '' }],
  ])('%s is cut where it may be shortened', (text, parts) => {
    expect(split(text)).toEqual(parts);
    expect(cut(text).repository + cut(text).selector).toBe(text);
  });

  test('a digest is shortened', () => {
    expect(shortDigest(`@sha256:${'0123456789abcdef'.repeat(4)}`)).toBe('@sha256:0123456789ab…');
  });
});

describe('a rule as one line', () => {
  test.each([
    ['quay.io/a/b', ['r.io/x/b'], 'All tags of quay.io/a/b → r.io/x/b'],
    ['quay.io/a/b:v1.0', ['r.io/x/b:prod'], 'quay.io/a/b, tag v1.0 → r.io/x/b as prod'],
    [
      'quay.io/a/b:v1.0,v2.0',
      ['r.io/x/b', 's.io/y'],
      'quay.io/a/b, tags v1.0 and v2.0 → r.io/x/b and s.io/y',
    ],
    ['quay.io/a/b:/^v1/', ['r.io/x/b'], 'quay.io/a/b, tags matching /^v1/ → r.io/x/b'],
    [
      `quay.io/a/b@sha256:${'ab'.repeat(32)}`,
      ['r.io/x/b'],
      'quay.io/a/b, digest sha256:abababababab… → r.io/x/b',
    ],
    ['', ['r.io/x/b'], ''],
    ['quay.io/a/b', [' '], ''],
  ])('%s', (source, destinations, line) => {
    expect(ruleLine({ source, destinations })).toBe(line);
  });

  test('what narrows it is told in the same line', () => {
    const rule = blankRule('quay.io/team/**', ['r.io/{path}']);
    rule.repositories.exclude = ['team/old-*'];
    rule.tags = {
      include: ['1.*'],
      exclude: ['*-rc*', 'nightly'],
      versions: '>=1.2',
      newest: 5,
      newestBy: 'created',
    };
    rule.platforms = { os: ['linux'], arch: ['amd64', 'arm64'] };
    expect(ruleLine(rule)).toBe(
      'All tags of all repositories quay.io/team/**, without team/old-*, only 1.*, without tags *-rc* and nightly, ' +
        'versions >=1.2, newest 5 by date, for linux/amd64 and linux/arm64 → r.io/{path}',
    );
    expect(sourceLine(blankRule('a.io/b:1,2,3,4,5,6,7'))).toBe('a.io/b, 7 tags');
  });

  test('in Chinese', () => {
    setLocale('zh-CN');
    expect(ruleLine({ source: 'quay.io/a/b:v1,v2', destinations: ['r.io/b', 's.io/b'] })).toBe(
      'quay.io/a/b，Tag v1、v2 → r.io/b、s.io/b',
    );
  });
});

describe('errors', () => {
  test('every code that Rust knows has its texts, and no other', () => {
    expect(CODES.length).toBeGreaterThan(40);
    expect(Object.keys(catalogue).sort()).toEqual([...CODES].sort());
  });

  test('the host is named, or spoken of', () => {
    const error = { code: 'net.timeout', message: 'no answer', hint: '' };
    expect(describeError({ ...error, params: { host: 'quay.io\u202e' } }).title).toBe(
      'quay.io does not answer',
    );
    expect(describeError(error).title).toBe('The registry does not answer');
  });

  test('a code that is not known is our fault, and keeps its name and words', () => {
    const text = describeError({ code: 'new.code', message: 'what\u202eever', hint: 'do it' });
    expect(text).toMatchObject({ code: 'new.code', title: 'Something went wrong on our side' });
    expect(text.detail).toBe('whatever\ndo it');
  });

  test.each([
    ['proxy.failed', 'accounts', /account’s proxy/],
    ['tls.name', 'accounts', /in the account/],
    ['tls.expired', 'accounts', /renewed/],
    ['tls.failed', 'accounts', /proxy/],
    ['net.dns', 'accounts', /spelling/],
    ['net.timeout', 'accounts', /proxy/],
    ['net.reset', 'accounts', /port/],
    ['repo.must-exist', 'accounts', /let the account do so/],
    ['platform.none', 'rules', /of the rule or of the profile/],
  ])('%s leads to %s', (code, action, remedy) => {
    const text = describeError({ code, message: '', hint: '' });
    expect(text.action).toBe(action);
    expect(text.remedy).toMatch(remedy);
  });

  test('where only the particulars say anything, they are the remedy', () => {
    expect(describeError({ code: 'config.invalid', message: 'line 3: twice', hint: '' }).remedy).toBe(
      'line 3: twice',
    );
  });
});

describe('sentences of Rust', () => {
  const c = { key: 'name_upper', params: { c: 'A\u202e' }, text: "has an upper-case letter 'A'" };
  const its = {
    key: 'its_repository',
    params: { why: c },
    text: "its repository has an upper-case letter 'A'",
  };

  test('are said in the language in use, their parts too', () => {
    expect(say(its)).toBe("its repository has an upper-case letter 'A'");
    setLocale('zh-CN');
    expect(say(its)).toBe('仓库名称含有大写字母“A”');
  });

  test('are said in English where nothing else is known', () => {
    setLocale('zh-CN');
    expect(say({ key: '', params: {}, text: 'as it\u202e was' })).toBe('as it was');
    expect(say({ key: 'of_tomorrow', params: {}, text: 'new' })).toBe('new');
  });

  test('of an error, are said by its code', () => {
    const error = {
      key: 'error',
      params: { code: 'net.timeout', host: 'r.io' },
      text: 'no answer: registry r.io',
    };
    const why = { key: 'because', params: { what: its, why: error }, text: '' };
    expect(say(error)).toBe('no answer: registry r.io');
    setLocale('zh-CN');
    expect(say(why)).toBe('仓库名称含有大写字母“A”：r.io 没有响应');
  });

  test('are told with their place and what to do', () => {
    const note = {
      what: its,
      hint: { key: 'rule_space_hint', params: {}, text: '' },
      file: 'a.yaml',
      line: 3,
      column: 1,
    };
    expect(noteLine(note)).toBe(`a.yaml, line 3: ${its.text}; take the space out`);
    setLocale('zh-CN');
    expect(noteLine(note)).toBe('a.yaml 第 3 行：仓库名称含有大写字母“A”；请去掉空格');
    expect(noteLine({ ...note, hint: null, line: null })).toBe('a.yaml：仓库名称含有大写字母“A”');
    const wrong = { code: 'config.invalid', message: 'm', hint: '', notes: [note, { ...note, line: 4 }] };
    expect(describeError(wrong).remedy.split('\n')[1]).toContain('第 4 行');
  });
});

describe('formats', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [12_345_678, '12.3 MB'],
    [999_999_999, '1.0 GB'],
    [4_000_000_000_000, '4.0 TB'],
    [9e15, '9.0 PB'],
    [9e18, '9,000 PB'],
  ])('%d bytes', (value, text) => {
    expect(bytes(value)).toBe(text);
  });

  test('times, shares, lists', () => {
    expect(rate(1_500_000)).toBe('1.5 MB/s');
    expect(millis(12.4)).toBe('12 ms');
    expect(percent(0.457)).toBe('46%');
    expect(duration(-3)).toBe('0 sec');
    expect(duration(125)).toBe('2 min 5 sec');
    expect(duration(3 * 3600 + 59)).toBe('3 hr 0 min');
    const now = Date.parse('2026-11-24T12:00:00Z');
    expect(ago('2026-11-24T11:59:40Z', now)).toBe('now');
    expect(ago('2026-11-24T09:30:00Z', now)).toBe('2 hours ago');
    expect(ago('2026-11-23T11:00:00Z', now)).toBe('yesterday');
    expect(ago('2026-10-01T11:00:00Z', now)).toContain('2026');
    expect(ago('nonsense', now)).toBe('');
    expect(list(['a', 'b', 'c'])).toBe('a, b, and c');
    setLocale('zh-CN');
    expect(duration(125)).toBe('2分钟 5秒');
    expect(ago('2026-11-24T09:30:00Z', now)).toBe('2小时前');
  });
});

describe('patterns in one field', () => {
  test.each([
    ['1.*, *-rc*', ['1.*', '*-rc*']],
    ['  a，b  c ', ['a', 'b', 'c']],
    ['/^v{1,2} x/ b', ['/^v{1,2} x/', 'b']],
    ['/a/b/, c', ['/a/b/', 'c']],
    ['/half, typed', ['/half, typed']],
    ['', []],
  ])('%j', (text, patterns) => {
    expect(splitPatterns(text)).toEqual(patterns);
    expect(splitPatterns(joinPatterns(patterns))).toEqual(patterns);
  });
});
