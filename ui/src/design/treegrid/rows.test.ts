import { expect, test } from 'vitest';
import { Rows } from './rows';

test('rows of one height', () => {
  const rows = new Rows(100, 10, []);
  expect([0, 1, 99, 100].map((index) => rows.start(index))).toEqual([0, 10, 990, 1000]);
  expect([-5, 0, 9, 10, 995, 5000].map((place) => rows.at(place))).toEqual([0, 0, 0, 1, 99, 99]);
  expect(new Rows(0, 10, []).at(50)).toBe(0);
});

test('a few that are higher, or lower', () => {
  const rows = new Rows(10, 10, [
    { index: 2, height: 40 },
    { index: 3, height: 5 },
  ]);
  expect([1, 2, 3, 4, 10].map((index) => rows.start(index))).toEqual([10, 20, 60, 65, 125]);
  expect([19, 20, 59, 60, 64, 65].map((place) => rows.at(place))).toEqual([1, 2, 2, 3, 3, 4]);
});

test('a row is brought into sight by the shortest way', () => {
  const rows = new Rows(100, 10, [{ index: 50, height: 300 }]);
  expect(rows.reveal(5, 0, 100)).toBeNull();
  expect(rows.reveal(5, 60, 100)).toBe(50);
  expect(rows.reveal(20, 0, 100)).toBe(110);
  // one that is higher than the room: from its beginning on
  expect(rows.reveal(50, 0, 100)).toBe(500);
});
