import { expect, test } from 'vitest';
import { bandwidthText, readBandwidth, readProc } from './limits';

test.each([
  ['', null],
  [' 8 ', 8],
  ['1024', 1024],
])('requests: %j is %j', (text, value) => expect(readProc(text)).toEqual({ value, error: null }));

test.each(['0', '1025', '-3', '2.5', 'many', '1e3'])('requests: %j is refused', (text) =>
  expect(readProc(text).error).toMatch(/1 to 1,?024/),
);

test.each([
  ['', null],
  ['10', 10_000_000],
  ['2,5', 2_500_000],
  ['.5', 500_000],
])('bandwidth: %j is %j bytes', (text, value) => expect(readBandwidth(text)).toEqual({ value, error: null }));

test.each(['0', '-1', '5 MB', '1e3', 'Infinity'])('bandwidth: %j is refused', (text) =>
  expect(readBandwidth(text).error).not.toBeNull(),
);

test('a bandwidth comes back as it was typed', () => {
  for (const text of ['', '10', '2.5']) expect(bandwidthText(readBandwidth(text).value)).toBe(text);
});
