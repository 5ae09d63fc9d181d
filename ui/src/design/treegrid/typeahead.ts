// Letters that are typed in quick succession name a row by its beginning (WAI-ARIA APG, "type-ahead"). Pure: no DOM.

import type { Keys } from './keyboard';

/** Milliseconds after which a letter begins anew. */
const PAUSE = 700;

export interface Named {
  count: number;
  /** What a row may be called by, lower case; none for a row that has no name. */
  names: (index: number) => readonly string[];
}

export class TypeAhead {
  #typed = '';
  #last = -Infinity;
  #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Something has been typed just now: the next letter belongs to it. */
  get goesOn(): boolean {
    return this.#typed !== '' && this.#now() - this.#last < PAUSE;
  }

  /** The row to go to; -1 where none begins so; null for a key that is no letter of a name. */
  type(keys: Keys, focused: number, rows: Named): number | null {
    if (keys.ctrlKey || keys.metaKey || keys.altKey) return null;
    const letter = keys.key.toLowerCase();
    if ([...letter].length !== 1 || letter === ' ' || letter === '?') return null;
    const before = this.goesOn ? this.#typed : '';
    // alone it is the filter's key
    if (letter === '/' && before === '') return null;
    this.#typed = before + letter;
    this.#last = this.#now();
    // the same letter again and again goes from row to row
    const same = [...this.#typed].every((each) => each === letter);
    if (same) return find(letter, focused + 1, rows) ?? -1;
    return find(this.#typed, Math.max(0, focused), rows) ?? -1;
  }
}

/** From a row on, then from the first. */
function find(beginning: string, from: number, { count, names }: Named): number | null {
  for (let step = 0; step < count; step += 1) {
    const index = (from + step) % count;
    if (names(index).some((name) => name.startsWith(beginning))) return index;
  }
  return null;
}
