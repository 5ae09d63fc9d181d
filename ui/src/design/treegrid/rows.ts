// Where rows stand in a grid of which only those in sight are in the document. All are as high as each other, but for a
// few. Pure: no DOM.

export interface Tall {
  /** Which row. */
  index: number;
  height: number;
}

export class Rows {
  readonly #count: number;
  readonly #height: number;
  readonly #tall: readonly Tall[];
  /** By how much the tall rows before each, and the last one, are higher than others. */
  readonly #more: number[] = [0];

  /** `tall` in the order of the rows. */
  constructor(count: number, height: number, tall: readonly Tall[]) {
    this.#count = count;
    this.#height = height;
    this.#tall = tall;
    for (const each of tall) this.#more.push((this.#more.at(-1) ?? 0) + each.height - height);
  }

  /** Where a row begins; of the one after the last, where all end. */
  start(index: number): number {
    let [low, high] = [0, this.#tall.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#tall[middle] as Tall).index < index) low = middle + 1;
      else high = middle;
    }
    return index * this.#height + (this.#more[low] ?? 0);
  }

  /** Which row is at this place; the first or the last one when none is. */
  at(place: number): number {
    let [low, high] = [0, Math.max(0, this.#count - 1)];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.start(middle) <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** From where on the rows are to be shown that a row is in sight; null when it is already. */
  reveal(index: number, from: number, room: number): number | null {
    const [start, end] = [this.start(index), this.start(index + 1)];
    if (start < from) return start;
    if (end > from + room) return Math.min(start, end - room);
    return null;
  }
}
