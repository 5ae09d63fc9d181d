// Which rows of a comparison are to be done: all, but those that were switched off by hand. By reference, so that it
// outlives comparing again.

import type { ImageState, PickedImage } from '../backend/types';
import { planClass, type Counts, type Run } from './run.svelte';

const keyOf = (row: ImageState): string => `${row.source}\n${row.destination}`;

/** What is switched off in a profile's comparisons. */
export class Off {
  keys = $state.raw<ReadonlySet<string>>(new Set());
}

export class Selection {
  readonly run: Run;
  #off: Off;

  constructor(run: Run, off: Off) {
    this.run = run;
    this.#off = off;
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
    if (this.#off.keys.size === 0) return [];
    return this.run.rows.filter((row) => row && this.isOff(row) && this.can(row));
  });

  readonly counts: Counts = $derived.by(() => {
    const counts: Counts = { ...this.run.counts, off: this.rows.length };
    for (const row of this.rows) {
      const is = planClass(row);
      counts[is] = (counts[is] ?? 0) - 1;
    }
    return counts;
  });

  readonly planned: Run['planned'] = $derived.by(() => {
    const planned = { ...this.run.planned };
    for (const { plan } of this.rows) {
      if (!plan) continue;
      planned.move -= plan.bytes_to_move;
      planned.present -= plan.bytes_present;
      planned.mountable -= plan.bytes_mountable;
    }
    return planned;
  });

  picked(): PickedImage[] {
    return this.rows.map(({ source, destination }) => ({ source, destination }));
  }
}
