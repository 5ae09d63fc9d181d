// Which element draws which row. The element of a row that goes is given to one that comes: to change what it says costs
// much less than to make another. Pure: no DOM.

export class Slots {
  #of = new Map<number, number>();
  #next = 0;

  /**
   * The element of each key, in the order of the keys: the one it had, if it was drawn before. A key that is `alone` has
   * an element that is never another's.
   */
  assign(keys: readonly number[], alone: (at: number) => boolean): number[] {
    const before = this.#of;
    this.#of = new Map();
    const left = new Set(before.values());
    for (const key of keys) left.delete(before.get(key) ?? -1);
    const free = left.values();
    return keys.map((key, at) => {
      if (alone(at)) return -1 - key;
      const slot = before.get(key) ?? free.next().value ?? this.#next++;
      this.#of.set(key, slot);
      return slot;
    });
  }
}
