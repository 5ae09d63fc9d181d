// Rows in piles, one pile after the other, each in the order of the ids or of the ranks that are given to them. A row
// takes as many lines as it is told to. Every question and every change costs a few steps however many rows there are:
// each pile is a Fenwick tree by rank, which knows the sums of the lines of rows.

const NOWHERE = 255;

export interface Place {
  id: number;
  /** Which of the row's lines, from 0. */
  offset: number;
}

export class Order {
  /** Sums of lines, one tree for each pile; its size is a power of two. */
  #trees: Int32Array[];
  #size = 64;
  #sums: number[];
  #pile = new Uint8Array(64).fill(NOWHERE);
  #lines = new Uint16Array(64);
  /** The ids in order, and each id's place there; an id beyond is its own. */
  #arranged = new Int32Array(0);
  #ranks = new Int32Array(0);

  constructor(piles: number) {
    this.#trees = Array.from({ length: piles }, () => new Int32Array(65));
    this.#sums = this.#trees.map(() => 0);
  }

  /** How many lines there are. */
  get count(): number {
    return this.#sums.reduce((sum, each) => sum + each, 0);
  }

  clear(): void {
    for (const tree of this.#trees) tree.fill(0);
    this.#sums.fill(0);
    this.#pile.fill(NOWHERE);
    this.#lines.fill(0);
  }

  /** Empties it; from here on the rows stand as these ids do, which are all from 0 on. */
  arrange(ids: readonly number[]): void {
    this.clear();
    while (this.#size < ids.length) this.#grow();
    this.#arranged = Int32Array.from(ids);
    this.#ranks = new Int32Array(ids.length);
    for (const [rank, id] of ids.entries()) this.#ranks[id] = rank;
  }

  /** Null takes the row out. */
  set(id: number, pile: number | null, lines = 1): void {
    while (id >= this.#size) this.#grow();
    const was = this.#pile[id] ?? NOWHERE;
    const had = this.#lines[id] ?? 0;
    if (pile !== null && was === pile) {
      if (had !== lines) this.#add(pile, id, lines - had);
    } else {
      if (was !== NOWHERE) this.#add(was, id, -had);
      if (pile !== null) this.#add(pile, id, lines);
    }
    this.#pile[id] = pile ?? NOWHERE;
    this.#lines[id] = pile === null ? 0 : lines;
  }

  /** Whose line it is; null when there are not so many. */
  at(line: number): Place | null {
    let rest = line;
    if (rest < 0) return null;
    for (const [pile, sum] of this.#sums.entries()) {
      if (rest < sum) return this.#find(pile, rest);
      rest -= sum;
    }
    return null;
  }

  /** The row's first line; -1 when it is not shown. */
  lineOf(id: number): number {
    const pile = this.#pile[id] ?? NOWHERE;
    if (pile === NOWHERE) return -1;
    let line = 0;
    for (let before = 0; before < pile; before += 1) line += this.#sums[before] ?? 0;
    const tree = this.#trees[pile] as Int32Array;
    for (let node = this.#ranks[id] ?? id; node > 0; node -= node & -node) line += tree[node] ?? 0;
    return line;
  }

  /** The rows that are shown, in order. */
  ids(): number[] {
    const piles: number[][] = this.#trees.map(() => []);
    for (let rank = 0; rank < this.#size; rank += 1) {
      const id = this.#arranged[rank] ?? rank;
      piles[this.#pile[id] ?? NOWHERE]?.push(id);
    }
    return piles.flat();
  }

  #find(pile: number, line: number): Place {
    const tree = this.#trees[pile] as Int32Array;
    let rank = 0;
    let offset = line;
    for (let step = this.#size; step > 0; step >>= 1) {
      const sum = tree[rank + step];
      if (sum === undefined || sum > offset) continue;
      rank += step;
      offset -= sum;
    }
    return { id: this.#arranged[rank] ?? rank, offset };
  }

  #add(pile: number, id: number, lines: number): void {
    const tree = this.#trees[pile] as Int32Array;
    for (let node = (this.#ranks[id] ?? id) + 1; node <= this.#size; node += node & -node) {
      tree[node] = (tree[node] ?? 0) + lines;
    }
    this.#sums[pile] = (this.#sums[pile] ?? 0) + lines;
  }

  #grow(): void {
    const size = this.#size * 2;
    this.#trees = this.#trees.map((tree, pile) => {
      const larger = new Int32Array(size + 1);
      larger.set(tree);
      // the one new node that is above what was there
      larger[size] = this.#sums[pile] ?? 0;
      return larger;
    });
    const piles = new Uint8Array(size).fill(NOWHERE);
    piles.set(this.#pile);
    const lines = new Uint16Array(size);
    lines.set(this.#lines);
    [this.#pile, this.#lines, this.#size] = [piles, lines, size];
  }
}
