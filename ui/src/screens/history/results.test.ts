import { expect, test } from 'vitest';
import { setLocale } from '../../i18n';
import { NO_TOTALS } from '../../state/run.svelte';
import { countsText } from './results';

const told = (result: string, totals: Partial<typeof NO_TOTALS>): string =>
  countsText({ result, totals: { ...NO_TOTALS, ...totals } });

test('what there was none of is left out', () => {
  expect(told('partly-failed', { images: 7, copied: 4, failed: 3 })).toBe('4 copied, 3 failed');
  expect(told('succeeded', { images: 0 })).toBe('nothing to do');
});

test('of an interrupted run it is told how many were not done, never that there was nothing to do', () => {
  expect(told('interrupted', { images: 42 })).toBe('42 not done');
  expect(told('interrupted', { images: 42, copied: 10, failed: 2 })).toBe('10 copied, 2 failed, 30 not done');
  expect(told('interrupted', {})).toBe('nothing was recorded');
  setLocale('zh-CN');
  expect(told('interrupted', { images: 42, copied: 10 })).toBe('已复制 10，未完成 32');
});
