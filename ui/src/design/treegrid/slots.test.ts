import { expect, test } from 'vitest';
import { Slots } from './slots';

const none = (): boolean => false;

test('a row keeps its element, one that comes has that of one that went', () => {
  const slots = new Slots();
  expect(slots.assign([10, 11, 12], none)).toEqual([0, 1, 2]);
  expect(slots.assign([9, 10, 11, 12], none)).toEqual([3, 0, 1, 2]);
  expect(slots.assign([10, 12, 13, 14], none)).toEqual([0, 2, 3, 1]);
});

test('the elements of rows that went for good are not kept', () => {
  const slots = new Slots();
  expect(slots.assign([10, 11, 12], none)).toEqual([0, 1, 2]);
  expect(slots.assign([12], none)).toEqual([2]);
  expect(slots.assign([12, 13], none)).toEqual([2, 3]);
});

test('some rows have their element alone', () => {
  const slots = new Slots();
  expect(slots.assign([10, 11, 12], (at) => at === 1)).toEqual([0, -12, 1]);
  expect(slots.assign([10, 12, 13], none)).toEqual([0, 1, 2]);
});
