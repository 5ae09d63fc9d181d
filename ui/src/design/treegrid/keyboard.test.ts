import { describe, expect, test } from 'vitest';
import { step, type Tree, type TreeRow } from './keyboard';

// 0 open, with two children 1 and 2; 3 closed; 4 a leaf
const rows: TreeRow[] = [
  { level: 1, expanded: true },
  { level: 2, expanded: null },
  { level: 2, expanded: null },
  { level: 1, expanded: false },
  { level: 1, expanded: null },
];
const tree: Tree = { count: rows.length, page: 3, row: (index) => rows[index] as TreeRow };
const press = (key: string, at: number, more = {}): ReturnType<typeof step> =>
  step({ key, ...more }, at, tree);

describe('moving', () => {
  test('up and down, not past the ends', () => {
    expect(press('ArrowDown', 0)).toEqual({ do: 'focus', index: 1 });
    expect(press('ArrowDown', 4)).toBeNull();
    expect(press('ArrowUp', 3)).toEqual({ do: 'focus', index: 2 });
    expect(press('ArrowUp', 0)).toBeNull();
  });

  test('the first arrow only sets the focus', () => {
    expect(press('ArrowDown', -1)).toEqual({ do: 'focus', index: 0 });
    expect(press('ArrowUp', -1)).toEqual({ do: 'focus', index: 0 });
  });

  test('pages and ends, with Ctrl too', () => {
    expect(press('PageDown', 0)).toEqual({ do: 'focus', index: 3 });
    expect(press('PageDown', 3)).toEqual({ do: 'focus', index: 4 });
    expect(press('PageUp', 4)).toEqual({ do: 'focus', index: 1 });
    expect(press('Home', 4)).toEqual({ do: 'focus', index: 0 });
    expect(press('End', 0)).toEqual({ do: 'focus', index: 4 });
    expect(press('End', 0, { ctrlKey: true })).toEqual({ do: 'focus', index: 4 });
    expect(press('Home', 4, { metaKey: true })).toEqual({ do: 'focus', index: 0 });
  });

  test('a focus that is past the end counts as the end', () => {
    expect(press('ArrowUp', 99)).toEqual({ do: 'focus', index: 3 });
  });
});

describe('the tree', () => {
  test('right opens a closed row, goes into an open one, does nothing on a leaf', () => {
    expect(press('ArrowRight', 3)).toEqual({ do: 'expand', index: 3 });
    expect(press('ArrowRight', 0)).toEqual({ do: 'focus', index: 1 });
    expect(press('ArrowRight', 4)).toBeNull();
  });

  test('left closes an open row, goes to the parent of a child, does nothing at the top', () => {
    expect(press('ArrowLeft', 0)).toEqual({ do: 'collapse', index: 0 });
    expect(press('ArrowLeft', 2)).toEqual({ do: 'focus', index: 0 });
    expect(press('ArrowLeft', 3)).toBeNull();
  });

  test('Enter and space turn it over', () => {
    expect(press('Enter', 0)).toEqual({ do: 'collapse', index: 0 });
    expect(press(' ', 3)).toEqual({ do: 'expand', index: 3 });
    expect(press('Enter', 4)).toBeNull();
  });
});

describe('what is not its business', () => {
  test.each([
    ['Tab', {}],
    ['a', {}],
    ['a', { ctrlKey: true }],
    ['Enter', { ctrlKey: true }],
    ['ArrowDown', { altKey: true }],
    ['ArrowDown', { shiftKey: true }],
  ])('%s %j', (key, more) => {
    expect(press(key, 1, more)).toBeNull();
  });

  test('an empty grid', () => {
    expect(step({ key: 'ArrowDown' }, -1, { ...tree, count: 0 })).toBeNull();
  });
});

describe('ticking, where rows have boxes', () => {
  const boxes: Tree = { ...tree, checks: true };
  const tick = (key: string, at: number, more = {}): ReturnType<typeof step> =>
    step({ key, ...more }, at, boxes);

  test('Space ticks a row instead of opening it; without boxes it opens', () => {
    expect(tick(' ', 3)).toEqual({ do: 'check', index: 3, range: false });
    expect(press(' ', 3)).toEqual({ do: 'expand', index: 3 });
    expect(tick('Enter', 3)).toEqual({ do: 'expand', index: 3 });
    expect(tick(' ', -1)).toBeNull();
  });

  test('with Shift a range is taken, by the arrows too, not past the ends', () => {
    expect(tick(' ', 3, { shiftKey: true })).toEqual({ do: 'check', index: 3, range: true });
    expect(tick('ArrowDown', 1, { shiftKey: true })).toEqual({ do: 'check', index: 2, range: true });
    expect(tick('ArrowUp', 1, { shiftKey: true })).toEqual({ do: 'check', index: 0, range: true });
    expect(tick('ArrowDown', 4, { shiftKey: true })).toBeNull();
    expect(press('ArrowDown', 1, { shiftKey: true })).toBeNull();
  });

  test('Ctrl-A takes all, and the other keys stay', () => {
    expect(tick('a', 1, { ctrlKey: true })).toEqual({ do: 'all' });
    expect(tick('a', -1, { metaKey: true })).toEqual({ do: 'all' });
    expect(tick('End', 0, { ctrlKey: true })).toEqual({ do: 'focus', index: 4 });
    expect(tick('ArrowDown', 0)).toEqual({ do: 'focus', index: 1 });
  });
});
