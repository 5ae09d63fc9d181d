// Which rows of a comparison are to be done: all, but those that were switched off by hand. By reference, so that it
// outlives comparing again.

import type { ImageState, PickedImage } from '../backend/types';
import type { Mark } from './changes';
import { planClass, type Counts, type Run } from './run.svelte';

const keyOf = (row: ImageState): string => `${row.source}\n${row.destination}`;

const NONE: ImageState[] = [];

/** What is switched off in a profile's comparisons. */
export class Off {
  keys = $state.raw<ReadonlySet<string>>(new Set());
}

export class Selection {
  readonly run: Run;
  #off: Off;
  /** Which rows are switched off, as of `#mark` and with `#seen`. */
  #ids = new Set<number>();
  #mark: Mark | null = null;
  #seen: ReadonlySet<string> | null = null;

  constructor(run: Run, off: Off) {
    this.run = run;
    this.#off = off;
  }

  /** Others when something was switched. */
  get keys(): ReadonlySet<string> {
    return this.#off.keys;
  }

  /** A row where there is something to switch off. */
  can(row: ImageState): boolean {
    const is = planClass(row);
    return is !== 'skip' && is !== 'open';
  }

  isOff(row: ImageState): boolean {
    return this.#off.keys.size > 0 && this.#off.keys.has(keyOf(row));
  }

  /** Rows with nothing to switch off stay as they are. */
  set(rows: Iterable<ImageState>, on: boolean): void {
    const next = new Set(this.#off.keys);
    for (const row of rows) {
      if (!this.can(row)) continue;
      if (on) next.delete(keyOf(row));
      else next.add(keyOf(row));
    }
    this.#off.keys = next;
  }

  /** What is switched off, in this comparison. */
  readonly rows: ImageState[] = $derived.by(() => {
    void this.run.version;
    const { keys } = this.#off;
    if (keys.size === 0) return NONE;
    const { ids, mark } = this.run.changes.since(this.#seen === keys ? this.#mark : null);
    if (ids === null) this.#ids.clear();
    for (const row of ids?.map((id) => this.run.rows[id]) ?? this.run.rows) {
      if (!row) continue;
      if (this.isOff(row) && this.can(row)) this.#ids.add(row.id);
      else this.#ids.delete(row.id);
    }
    this.#seen = keys;
    this.#mark = mark;
    return [...this.#ids].flatMap((id) => this.run.rows[id] ?? []);
  });

  readonly #sums: { counts: Counts; planned: Run['planned'] } = $derived.by(() => {
    const counts: Counts = { ...this.run.counts, off: this.rows.length };
    const planned = { ...this.run.planned };
    for (const row of this.rows) {
      const is = planClass(row);
      counts[is] = (counts[is] ?? 0) - 1;
      planned.move -= row.plan?.bytes_to_move ?? 0;
      planned.present -= row.plan?.bytes_present ?? 0;
      planned.mountable -= row.plan?.bytes_mountable ?? 0;
    }
    return { counts, planned };
  });

  get counts(): Counts {
    return this.#sums.counts;
  }

  get planned(): Run['planned'] {
    return this.#sums.planned;
  }

  picked(): PickedImage[] {
    return this.rows.map(({ source, destination }) => ({ source, destination }));
  }
}
