import { describe, expect, test } from 'vitest';
import { Changes } from '../../state/changes';
import { Order } from './order';

describe('the order of rows', () => {
  test('is that of the piles, then of the ids', () => {
    const order = new Order(2);
    order.set(3, 0);
    order.set(0, 1);
    order.set(1, 0);
    expect(order.ids()).toEqual([1, 3, 0]);
    expect(order.count).toBe(3);
    expect([0, 1, 2].map((line) => order.at(line)?.id)).toEqual([1, 3, 0]);
    expect(order.at(3)).toBeNull();
    expect(order.at(-1)).toBeNull();
    expect([0, 1, 2, 3].map((id) => order.lineOf(id))).toEqual([2, 0, -1, 1]);
  });

  test('is that of the ranks where there are such, and rows that come later stand behind', () => {
    const order = new Order(2);
    order.arrange([2, 0, 3, 1]);
    for (const id of [0, 1, 2, 3]) order.set(id, id === 0 ? 1 : 0);
    order.set(70, 0, 2);
    expect(order.ids()).toEqual([2, 3, 1, 70, 0]);
    expect([0, 1, 2, 4, 5].map((line) => order.at(line)?.id)).toEqual([2, 3, 1, 70, 0]);
    expect([0, 1, 2, 3, 70].map((id) => order.lineOf(id))).toEqual([5, 2, 0, 1, 3]);
  });

  test('a row takes several lines', () => {
    const order = new Order(1);
    for (const id of [0, 1, 2]) order.set(id, 0);
    order.set(1, 0, 4);
    expect(order.count).toBe(6);
    expect(order.at(3)).toEqual({ id: 1, offset: 2 });
    expect(order.at(5)).toEqual({ id: 2, offset: 0 });
    expect(order.lineOf(2)).toBe(5);
    order.set(1, null);
    expect(order.count).toBe(2);
    expect(order.at(1)?.id).toBe(2);
  });

  test('is as a plain sort has it, whatever has happened to the rows', () => {
    const order = new Order(3);
    const plain = new Map<number, { pile: number; lines: number }>();
    // the same numbers every time
    let seed = 7;
    const next = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    for (let step = 0; step < 3000; step += 1) {
      const id = next(step < 1000 ? 60 : 700);
      const pile = next(4);
      const lines = 1 + next(3);
      order.set(id, pile === 3 ? null : pile, lines);
      if (pile === 3) plain.delete(id);
      else plain.set(id, { pile, lines });
    }
    const wanted = [...plain]
      .sort(([one, a], [other, b]) => a.pile - b.pile || one - other)
      .flatMap(([id, { lines }]) => Array.from({ length: lines }, (_, offset) => ({ id, offset })));
    expect(order.count).toBe(wanted.length);
    expect(wanted.map((_, line) => order.at(line))).toEqual(wanted);
    for (const id of plain.keys()) {
      expect(order.lineOf(id)).toBe(wanted.findIndex((place) => place.id === id));
    }
    order.clear();
    expect(order.count).toBe(0);
    expect(order.ids()).toEqual([]);
  });
});

describe('what has changed', () => {
  test('each who asks gets what is new to it', () => {
    const changes = new Changes();
    changes.add(1);
    const first = changes.since(null);
    expect(first.ids).toBeNull();
    changes.add(2);
    changes.add(3);
    const second = changes.since(first.mark);
    expect(second.ids).toEqual([2, 3]);
    expect(changes.since(second.mark).ids).toEqual([]);
    expect(changes.since(first.mark).ids).toEqual([2, 3]);
  });

  test('all is looked at when the rows are others, or when that is cheaper', () => {
    const changes = new Changes();
    const { mark } = changes.since(null);
    changes.reset();
    expect(changes.since(mark).ids).toBeNull();
    const later = changes.since(null).mark;
    for (let id = 0; id < 1500; id += 1) changes.add(id % 10);
    changes.trim(1000);
    expect(changes.since(later).ids).toHaveLength(1500);
    changes.trim(10);
    expect(changes.since(later).ids).toBeNull();
  });
});
