// The rows of a plan or run as the grid shows them: filtered, in order, with the facts of those that are open.

import type { ImageState } from '../../backend/types';
import { runClass, type Run, type RowClass, planClass, type Counts } from '../../state/run.svelte';
import type { Selection } from '../../state/run-selection.svelte';

export type Filter = 'all' | RowClass;

/** Under a row: one fact about it. */
export const FACTS = [
  'problem',
  'remedy',
  'details',
  'source',
  'destination',
  'reason',
  'move',
  'present',
  'mountable',
  'copied',
  'mounted',
] as const;
export type Fact = (typeof FACTS)[number];

// a line of the grid is the row's id and which fact of it, in one number: cheap lists of 20 000
const WIDTH = 16;

/** What is under way goes first, then what failed, what waits, what is done. */
const ORDER: RowClass[] = ['active', 'failed', 'waiting', 'copied', 'skipped', 'cancelled'];

export class ImagesView {
  filter = $state<Filter>('all');
  text = $state('');
  #open = $state.raw<ReadonlySet<number>>(new Set());
  readonly run: Run;

  /** Of a comparison: what is switched off by hand. */
  readonly selection: Selection | null;

  constructor(run: Run, selection: Selection | null = null) {
    this.run = run;
    this.selection = selection;
  }

  get counts(): Counts {
    return this.selection?.counts ?? this.run.counts;
  }

  isOff(row: ImageState): boolean {
    return this.selection !== null && this.selection.isOff(row) && this.selection.can(row);
  }

  classify(row: ImageState): RowClass {
    if (this.run.info.kind === 'run') return runClass(row);
    return this.isOff(row) ? 'off' : planClass(row);
  }

  /** The rows that are shown, each once. */
  images(): ImageState[] {
    return this.lines
      .filter((line) => line % WIDTH === 0)
      .flatMap((line) => this.run.rows[line / WIDTH] ?? []);
  }

  get varied(): boolean {
    return this.#open.size > 0;
  }

  readonly lines: number[] = $derived.by(() => {
    void this.run.version;
    const { rows, keys } = this.run;
    const isRun = this.run.info.kind === 'run';
    const { filter } = this;
    const wanted = this.text.trim().toLowerCase();
    // a run is sorted into one pile for each state; a plan is one pile
    const piles: number[][] = isRun ? ORDER.map(() => []) : [[]];
    for (let id = 0; id < rows.length; id += 1) {
      const row = rows[id];
      if (!row) continue;
      const is = this.classify(row);
      if (filter !== 'all' && filter !== is) continue;
      if (wanted !== '' && !keys[id]?.includes(wanted)) continue;
      const pile = piles[isRun ? ORDER.indexOf(is) : 0];
      if (pile) this.#pile(pile, row);
    }
    return piles.length === 1 ? (piles[0] ?? []) : piles.flat();
  });

  imageAt(line: number): ImageState | undefined {
    return this.run.rows[Math.floor((this.lines[line] ?? -1) / WIDTH)];
  }

  /** Null for the row itself. */
  factAt(line: number): Fact | null {
    const code = (this.lines[line] ?? 0) % WIDTH;
    return code === 0 ? null : (FACTS[code - 1] ?? null);
  }

  isOpen(id: number): boolean {
    return this.#open.has(id);
  }

  toggle(id: number, open: boolean): void {
    const next = new Set(this.#open);
    if (open) next.add(id);
    else next.delete(id);
    this.#open = next;
  }

  /** The row, and its facts when it is open. */
  #pile(pile: number[], row: ImageState): void {
    const code = row.id * WIDTH;
    pile.push(code);
    if (this.#open.size === 0 || !this.#open.has(row.id)) return;
    for (const fact of factsOf(row)) pile.push(code + FACTS.indexOf(fact) + 1);
  }
}

export function factsOf(row: ImageState): Fact[] {
  return FACTS.filter((fact) => {
    switch (fact) {
      case 'problem':
      case 'remedy':
      case 'details':
        return row.error !== null;
      case 'reason':
        return row.reason !== null;
      case 'move':
      case 'present':
      case 'mountable':
        return row.plan !== null;
      case 'copied':
        return row.bytesCopied > 0;
      case 'mounted':
        return row.bytesMounted > 0;
      default:
        return true;
    }
  });
}
