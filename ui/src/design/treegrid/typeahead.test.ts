import { expect, test } from 'vitest';
import { TypeAhead } from './typeahead';

const NAMES = ['alpine', 'nginx', 'node', '', 'node-red', 'redis', 'team/app'];
const rows = { count: NAMES.length, names: (at: number) => (NAMES[at] ? [NAMES[at]] : []) };

function typing(): (keys: string, focused: number, wait?: number) => (number | null)[] {
  let now = 0;
  const ahead = new TypeAhead(() => now);
  return (keys, focused, wait = 100) => {
    let at = focused;
    return [...keys].map((key) => {
      now += wait;
      const to = ahead.type({ key }, at, rows);
      if (to !== null && to >= 0) at = to;
      return to;
    });
  };
}

test('letters in quick succession go to the row that begins with all of them', () => {
  expect(typing()('Node-', 0)).toEqual([1, 2, 2, 2, 4]);
  expect(typing()('re', -1)).toEqual([5, 5]);
});

test('slowly, each letter is the first one; the same letter goes on to the next row, and round', () => {
  expect(typing()('nr', 0, 1000)).toEqual([1, 5]);
  expect(typing()('nnnn', 0)).toEqual([1, 2, 4, 1]);
});

test('what begins no row goes nowhere, and what is no letter is left to others', () => {
  expect(typing()('zx', 2)).toEqual([-1, -1]);
  expect(typing()(' ?/', 2)).toEqual([null, null, null]);
  expect(typing()('team/a', 0)).toEqual([6, 6, 6, 6, 6, 6]);
  const ahead = new TypeAhead();
  expect(ahead.type({ key: 'Enter' }, 0, rows)).toBeNull();
  expect(ahead.type({ key: 'n', ctrlKey: true }, 0, rows)).toBeNull();
});
