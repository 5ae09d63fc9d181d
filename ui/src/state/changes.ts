// Which rows have changed since one last looked: whoever keeps something beside a list of 20 000 rows brings it up to
// date by what has changed, not by all.

/** How far one has read. */
export interface Mark {
  epoch: number;
  at: number;
}

export class Changes {
  #epoch = 0;
  #ids: number[] = [];

  add(id: number): void {
    this.#ids.push(id);
  }

  /** All rows may be others: the next look is at the whole. */
  reset(): void {
    this.#epoch += 1;
    this.#ids = [];
  }

  /** Keeps the list of what has changed from growing without end: with `rows` rows, a look at the whole is cheaper. */
  trim(rows: number): void {
    if (this.#ids.length > 4 * rows + 1000) this.reset();
  }

  /** What has changed since the mark, an id perhaps twice; null when all is to be looked at. And the mark from here. */
  since(mark: Mark | null): { ids: number[] | null; mark: Mark } {
    const now = { epoch: this.#epoch, at: this.#ids.length };
    if (mark?.epoch !== this.#epoch) return { ids: null, mark: now };
    return { ids: mark.at === now.at ? [] : this.#ids.slice(mark.at), mark: now };
  }
}
