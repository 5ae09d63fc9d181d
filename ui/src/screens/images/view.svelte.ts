// The rows of a plan or run as the grid shows them: filtered, in order, with the facts of those that are open.

import type { ImageState } from '../../backend/types';
import { runClass, type Run, type RowClass, planClass, type Counts } from '../../state/run.svelte';
import type { Mark } from '../../state/changes';
import type { Selection } from '../../state/run-selection.svelte';
import type { BlobPart, ManifestPart } from '../../backend/types';
import { Order } from './order';
import { partLines, type PartLine } from './parts';

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

/** A line under a row. */
export type Child = { fact: Fact; part: null } | { fact: null; part: PartLine };

// the key of a line is the row's id and which line of it, in one number: facts come first, then parts
const WIDTH = 2 ** 20;
const PARTS = 16;

/** More lines than a row needs that can be read; an index may name a thousand manifests. */
const MOST = 4000;

const NONE: number[] = [];
const CLOSED: ReadonlySet<number> = new Set();

/** What is under way goes first, then what failed, what waits, what is done. */
const ORDER: RowClass[] = ['active', 'failed', 'waiting', 'copied', 'skipped', 'cancelled'];

/** What the lines are made by; another means that every row is looked at again. */
interface Made {
  filter: Filter;
  text: string;
  off: unknown;
}

export class ImagesView {
  filter = $state<Filter>('all');
  text = $state('');
  #open = $state.raw<ReadonlySet<number>>(new Set());
  /** Opened or closed since the order was brought up to date. */
  #turned = new Set<number>();
  /** Of open rows: which of their manifests are open. */
  #manifests = $state.raw<ReadonlyMap<number, ReadonlySet<number>>>(new Map());
  readonly run: Run;

  /** Of a comparison: what is switched off by hand. */
  readonly selection: Selection | null;

  constructor(run: Run, selection: Selection | null = null) {
    this.run = run;
    this.selection = selection;
    this.#order = new Order(run.info.kind === 'run' ? ORDER.length : 1);
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
    void this.#shown;
    return this.#order.ids().flatMap((id) => this.run.rows[id] ?? []);
  }

  /** The lines under rows, in order. */
  readonly children: number[] = $derived.by(() => {
    if (this.#open.size === 0) return NONE;
    void this.#shown;
    const lines: number[] = [];
    for (const id of this.#open) {
      const [line, row] = [this.#order.lineOf(id), this.run.rows[id]];
      if (line < 0 || !row) continue;
      for (let child = 1; child <= this.#childrenOf(row).length; child += 1) lines.push(line + child);
    }
    return lines.sort((one, other) => one - other);
  });

  #isArranged = false;
  // What is kept beside the rows. Only `#shown` changes it, and whoever reads it reads `#shown` first.
  #order: Order;
  #mark: Mark | null = null;
  #made: Made | null = null;
  #parts = 0;
  /** Of the rows that are shown: which can be switched, and which of these are off. */
  #switchable = new Set<number>();
  #switched = new Set<number>();

  /** Brings the order up to date: a new object each time. */
  readonly #shown = $derived.by(() => {
    void this.run.version;
    const open = this.#open;
    const parts = this.run.parts.version;
    if (parts !== this.#parts) for (const id of open) this.#turned.add(id);
    this.#parts = parts;
    const made: Made = {
      filter: this.filter,
      text: this.text.trim().toLowerCase(),
      off: this.selection?.keys,
    };
    const last = this.#made;
    const same = last?.filter === made.filter && last.text === made.text && last.off === made.off;
    const arranges = !this.#isArranged && this.#isKnown();
    const { ids, mark } = this.run.changes.since(same && !arranges ? this.#mark : null);
    if (arranges) {
      this.#isArranged = true;
      this.#order.arrange(inOrder(this.run.rows));
    }
    if (ids === null) {
      this.#order.clear();
      this.#switchable.clear();
      this.#switched.clear();
      for (const row of this.run.rows) if (row) this.#place(row, made, open);
    } else {
      for (const id of this.#turned.size > 0 ? [...ids, ...this.#turned] : ids) {
        const row = this.run.rows[id];
        if (row) this.#place(row, made, open);
      }
    }
    this.#turned.clear();
    this.#mark = mark;
    this.#made = made;
    return { lines: this.#order.count, can: this.#switchable.size, off: this.#switched.size };
  });

  /** Whether no row comes any more. Until then rows stand as they come, so that none moves under the reader's eyes. */
  #isKnown(): boolean {
    const { phase, info, rows } = this.run;
    return rows.length > 0 && (info.kind === 'run' ? phase !== 'planning' : phase === 'done');
  }

  /** How many lines there are: rows, and what is under open ones. */
  get count(): number {
    return this.#shown.lines;
  }

  /** Of the rows that are shown, how many can be switched, and how many of these are off. */
  get switches(): { can: number; off: number } {
    return this.#shown;
  }

  /** The rows that are shown and can be switched. */
  switchable(): ImageState[] {
    void this.#shown;
    return [...this.#switchable].flatMap((id) => this.run.rows[id] ?? []);
  }

  imageAt(line: number): ImageState | undefined {
    void this.#shown;
    return this.run.rows[this.#order.at(line)?.id ?? -1];
  }

  /** Null for the row itself. */
  childAt(line: number): Child | null {
    void this.#shown;
    const place = this.#order.at(line);
    if (!place || place.offset === 0) return null;
    const row = this.run.rows[place.id];
    return row ? (this.#childrenOf(row)[place.offset - 1] ?? null) : null;
  }

  factAt(line: number): Fact | null {
    return this.childAt(line)?.fact ?? null;
  }

  /** The manifest of a line, and the blob under it where it is one. */
  partAt(line: number): { manifest: ManifestPart; blob: BlobPart | null } | null {
    const part = this.childAt(line)?.part;
    const parts = part ? this.run.parts.of(this.imageAt(line)?.id ?? -1) : null;
    const manifest = part ? parts?.manifests[part.manifest] : undefined;
    if (!part || !manifest) return null;
    return { manifest, blob: part.blob === null ? null : (parts?.blobs[part.blob] ?? null) };
  }

  /** Stays with a line when others come or go. */
  keyAt(line: number): number {
    const image = this.imageAt(line);
    if (!image) return -1;
    const child = this.childAt(line);
    return image.id * WIDTH + (child ? codeOf(child) : 0);
  }

  /** The line with this key; -1 when it is not shown. */
  lineOf(key: number): number {
    void this.#shown;
    const row = this.run.rows[Math.floor(key / WIDTH)];
    const line = row ? this.#order.lineOf(row.id) : -1;
    const code = key % WIDTH;
    if (!row || line < 0 || code === 0) return line;
    const children = this.#open.has(row.id) ? this.#childrenOf(row) : [];
    const at = children.findIndex((child) => codeOf(child) === code);
    return at < 0 ? -1 : line + 1 + at;
  }

  isOpen(id: number): boolean {
    return this.#open.has(id);
  }

  toggle(id: number, open: boolean): void {
    const next = new Set(this.#open);
    if (open) next.add(id);
    else next.delete(id);
    this.#turned.add(id);
    this.#open = next;
    if (open) this.run.parts.ask(id);
  }

  isManifestOpen(line: number): boolean {
    const part = this.childAt(line)?.part;
    return part?.blob === null && this.#manifestsOf(this.imageAt(line)?.id ?? -1).has(part.manifest);
  }

  toggleManifest(line: number, open: boolean): void {
    const [part, image] = [this.childAt(line)?.part, this.imageAt(line)];
    if (!part || !image) return;
    const next = new Set(this.#manifestsOf(image.id));
    if (open) next.add(part.manifest);
    else next.delete(part.manifest);
    this.#turned.add(image.id);
    this.#manifests = new Map(this.#manifests).set(image.id, next);
  }

  /** Asks again for what open rows are made of, where they have got on since. */
  refresh(): void {
    void this.run.version;
    for (const id of this.#open) {
      const row = this.run.rows[id];
      if (!row || this.#asked.get(id) === row) continue;
      this.#asked.set(id, row);
      this.run.parts.ask(id);
    }
  }

  #asked = new Map<number, ImageState>();

  #manifestsOf(id: number): ReadonlySet<number> {
    return this.#manifests.get(id) ?? CLOSED;
  }

  /** What is under an open row. */
  #childrenOf(row: ImageState): Child[] {
    const parts = this.run.parts.of(row.id);
    const children: Child[] = factsOf(row).map((fact) => ({ fact, part: null }));
    if (!parts) return children;
    for (const part of partLines(parts, this.#manifestsOf(row.id))) {
      if (children.length === MOST) break;
      children.push({ fact: null, part });
    }
    return children;
  }

  /** Puts a row where it belongs, or takes it out. */
  #place(row: ImageState, { filter, text }: Made, open: ReadonlySet<number>): void {
    const { id } = row;
    const is = this.classify(row);
    const shown = (filter === 'all' || filter === is) && (text === '' || this.run.keyOf(row).includes(text));
    // a run is sorted into one pile for each state; a plan is one pile
    const pile = this.run.info.kind === 'run' ? ORDER.indexOf(is) : 0;
    this.#order.set(id, shown ? pile : null, open.has(id) ? 1 + this.#childrenOf(row).length : 1);
    if (!this.selection) return;
    const can = shown && this.selection.can(row);
    put(this.#switchable, id, can);
    put(this.#switched, id, can && is === 'off');
  }
}

function codeOf(child: Child): number {
  return child.part ? PARTS + child.part.code : FACTS.indexOf(child.fact) + 1;
}

/** The ids in the order of the rules, as in the report: rows come in whichever order registries answer. */
function inOrder(rows: readonly ImageState[]): number[] {
  const ids = Array.from(rows, (_, id) => id);
  return ids.sort((one, other) => {
    const [a = [], b = []] = [rows[one]?.order, rows[other]?.order];
    const at = a.findIndex((part, at) => part !== b[at]);
    return at < 0 ? one - other : (a[at] ?? 0) - (b[at] ?? 0);
  });
}

function put(set: Set<number>, id: number, member: boolean): void {
  if (member) set.add(id);
  else set.delete(id);
}

export function factsOf(row: ImageState): Fact[] {
  return FACTS.filter((fact) => {
    switch (fact) {
      case 'problem':
      case 'remedy':
      case 'details':
        return row.error !== null;
      case 'reason':
        // what is in the way tells it already
        return row.reason !== null && row.error === null;
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
