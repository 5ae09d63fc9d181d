// The rows of a plan or run as the grid shows them: filtered, in order, with the facts of those that are open.

import type { ImageState } from '../../backend/types';
import { runClass, type Run, type RowClass, planClass, type Counts } from '../../state/run.svelte';

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

  constructor(run: Run) {
    this.run = run;
  }

  get counts(): Counts {
    return this.run.counts;
  }

  get varied(): boolean {
    return this.#open.size > 0;
  }

  readonly lines: number[] = $derived.by(() => {
    void this.run.version;
    const { rows, keys } = this.run;
    const isRun = this.run.info.kind === 'run';
    const wanted = this.text.trim().toLowerCase();
    const groups = new Map<RowClass, number[]>();
    const inOrder: number[] = [];
    for (let id = 0; id < rows.length; id += 1) {
      const row = rows[id];
      if (!row) continue;
      const is = isRun ? runClass(row) : planClass(row);
      if (this.filter !== 'all' && this.filter !== is) continue;
      if (wanted && !keys[id]?.includes(wanted)) continue;
      if (!isRun) inOrder.push(id);
      else if (groups.get(is)?.push(id) === undefined) groups.set(is, [id]);
    }
    const ids = isRun ? ORDER.flatMap((is) => groups.get(is) ?? []) : inOrder;
    return this.#withFacts(ids);
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

  #withFacts(ids: number[]): number[] {
    if (this.#open.size === 0) return ids.map((id) => id * WIDTH);
    return ids.flatMap((id) => {
      const row = this.run.rows[id];
      if (!row || !this.#open.has(id)) return [id * WIDTH];
      return [id * WIDTH, ...factsOf(row).map((fact) => id * WIDTH + FACTS.indexOf(fact) + 1)];
    });
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
