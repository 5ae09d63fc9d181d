// What is known of one plan or run: a snapshot, and the numbered updates that came after it.

import { Problem, type Backend } from '../backend/backend';
import type {
  ImageState,
  Phase,
  Pulls,
  RunInfo,
  Sentence,
  Snapshot,
  Totals,
  Update,
  Waiting,
} from '../backend/types';
import { Changes } from './changes';
import { Parts } from './parts.svelte';
import { Speed } from './run-speed';

export const NO_TOTALS: Totals = {
  images: 0,
  resolved: 0,
  copied: 0,
  skipped: 0,
  failed: 0,
  cancelled: 0,
  toCopy: 0,
  toSkip: 0,
  toOverwrite: 0,
  conflicts: 0,
  blocked: 0,
  bytesToMove: 0,
  bytesMountable: 0,
  bytesTotal: 0,
  bytesCopied: 0,
  bytesInFlight: 0,
  bytesMounted: 0,
  bytesPresent: 0,
  bytesPerSecond: 0,
  seconds: 0,
  secondsLeft: null,
  paused: false,
};

/** The class of a row in a plan: what would be done with it. */
export type PlanClass = 'copy' | 'overwrite' | 'skip' | 'conflict' | 'blocked' | 'failed' | 'open';
/** The class of a row in a run: where it is. */
export type RunClass = 'active' | 'waiting' | 'copied' | 'skipped' | 'failed' | 'cancelled';
/** `off`: switched off by hand. */
export type RowClass = PlanClass | RunClass | 'off';

export function planClass(row: ImageState): PlanClass {
  const action = row.plan?.action ?? row.action;
  // "failed" with an action is a conflict or block that the engine has already told as an error
  if (action === 'conflict' || action === 'blocked') return action;
  if (row.status === 'failed') return 'failed';
  if (row.status === 'skipped') return 'skip';
  return action ?? 'open';
}

export function runClass(row: ImageState): RunClass {
  switch (row.status) {
    case 'copying':
      return 'active';
    case 'waiting':
    case 'resolving':
    case 'planned':
      return 'waiting';
    default:
      return row.status;
  }
}

/** A registry, and with whose account it is asked, in words. */
export interface Asked {
  host: string;
  account: Sentence | null;
}

export type Counts = Partial<Record<RowClass, number>>;

/** Calls back once before the next picture; soon all the same when nothing is drawn (a hidden window). */
export function nextFrame(work: () => void): void {
  if (document.hidden) setTimeout(work, 100);
  else requestAnimationFrame(work);
}

export class Run {
  info = $state.raw() as RunInfo;
  phase = $state<Phase>('planning');
  totals = $state.raw<Totals>(NO_TOTALS);
  warnings = $state.raw<Sentence[]>([]);
  /** Reads of manifests at sources that count them. */
  pulls = $state.raw<Pulls[]>([]);
  /** Registries that are waited for. */
  waits = $state.raw<Waiting[]>([]);
  counts = $state.raw<Counts>({});
  /** Bytes that would be moved, are there, can be mounted: sums of the rows' plans. */
  planned = $state.raw({ move: 0, present: 0, mountable: 0 });
  /** At each side, which hosts are asked with whose account. */
  accounts = $state.raw<{ source: Asked[]; destination: Asked[] }>({ source: [], destination: [] });
  /** Rises with every change of `rows`, which is a plain list: 20 000 proxies would be too slow. */
  version = $state(0);
  /** Rises when rows have failed, or no longer have. */
  failures = $state(0);
  /** The rows have been fetched, or have come from the first update on. */
  loaded = $state(false);
  error = $state.raw<Problem | null>(null);
  cancelling = $state(false);

  readonly rows: ImageState[] = [];
  /** Which of `rows` have changed. */
  readonly changes = new Changes();
  /** What opened rows are made of. */
  readonly parts: Parts;
  /** Beside `version` too. */
  readonly speed = new Speed();

  #backend: Backend;
  /** Beside `rows`, where it has been asked for. */
  #keys: (string | undefined)[] = [];
  #seq = 0;
  #queue: Update[] = [];
  #drawing = false;
  #fetching: Promise<void> | null = null;
  #classify: (row: ImageState) => RowClass;
  #failed = new Set<number>();
  #failedSince = false;

  constructor(backend: Backend, info: RunInfo) {
    this.#backend = backend;
    this.info = info;
    this.parts = new Parts(backend, info.id);
    this.#classify = info.kind === 'plan' ? planClass : runClass;
  }

  get ended(): boolean {
    return this.phase === 'done' || this.info.endedAt !== null;
  }

  get paused(): boolean {
    return this.info.state === 'paused' && !this.ended;
  }

  get cancelled(): boolean {
    return this.ended && (this.cancelling || this.totals.cancelled > 0);
  }

  /** Fetches the whole if it isn't there. */
  async open(): Promise<void> {
    if (!this.loaded) await this.#fetch();
  }

  /** An update that came. It shows with the next picture. */
  push(update: Update): void {
    this.#queue.push(update);
    if (this.#drawing) return;
    this.#drawing = true;
    nextFrame(() => {
      this.#drawing = false;
      this.#apply();
    });
  }

  /** It ended. What is shown as the end is the end: all that came before is brought in first. */
  async finish(info: RunInfo): Promise<void> {
    this.#apply();
    if (this.#fetching) await this.#fetching;
    if (this.loaded && this.phase !== 'done') await this.#fetch();
    this.info = info;
  }

  /** Shows what is known of a run that has ended, without asking for it. */
  freeze(snapshot: Snapshot): void {
    this.#replace(snapshot);
  }

  /** What the text filter looks at in a row, lower case. */
  keyOf({ id, source, destination }: ImageState): string {
    return (this.#keys[id] ??= `${source}\n${destination}`.toLowerCase());
  }

  /** The failed rows as a retry names them. */
  failed(): ImageState[] {
    return [...this.#failed].sort((one, other) => one - other).flatMap((id) => this.rows[id] ?? []);
  }

  async pause(): Promise<void> {
    await this.#backend.runsPause(this.info.id);
  }

  async resume(): Promise<void> {
    await this.#backend.runsResume(this.info.id);
  }

  async limit(proc: number | null, bandwidth: number | null): Promise<void> {
    await this.#backend.runsLimits({ id: this.info.id, proc, bandwidth });
  }

  async cancel(): Promise<void> {
    this.cancelling = true;
    try {
      await this.#backend.runsCancel(this.info.id);
    } catch (thrown) {
      this.cancelling = false;
      throw thrown;
    }
  }

  #apply(): void {
    if (this.#fetching || this.#queue.length === 0) return;
    const queue = this.#queue.filter((update) => update.seq > this.#seq);
    this.#queue = [];
    const counts = { ...this.counts };
    const planned = { ...this.planned };
    const warnings: Sentence[] = [];
    let applied: Update | null = null;
    for (const [at, update] of queue.entries()) {
      if (update.seq !== this.#seq + 1) {
        this.#queue = queue.slice(at);
        void this.#fetch();
        break;
      }
      this.#seq = update.seq;
      for (const image of update.images) this.#put(image, counts, planned);
      warnings.push(...update.warnings);
      applied = update;
    }
    if (!applied) return;
    this.loaded = true;
    this.phase = applied.phase;
    this.totals = applied.totals;
    this.speed.add(applied.totals.seconds, applied.totals.bytesPerSecond);
    this.pulls = applied.pulls;
    this.waits = applied.waits;
    this.counts = counts;
    this.planned = planned;
    if (warnings.length > 0) this.warnings = [...this.warnings, ...warnings];
    this.#changed();
  }

  #changed(): void {
    this.changes.trim(this.rows.length);
    this.version += 1;
    if (this.#failedSince) this.failures += 1;
    this.#failedSince = false;
  }

  /** One at a time: whoever asks meanwhile waits for the same answer. */
  #fetch(): Promise<void> {
    this.#fetching ??= this.#load().then(() => {
      this.#fetching = null;
      this.#apply();
    });
    return this.#fetching;
  }

  async #load(): Promise<void> {
    try {
      this.#replace(await this.#backend.runsSnapshot(this.info.id));
      this.error = null;
    } catch (thrown) {
      // nothing more is shown of it than what came so far; opening it again tries again
      this.#queue = [];
      this.error = Problem.from(thrown);
    }
  }

  #replace(snapshot: Snapshot): void {
    this.rows.length = 0;
    this.#keys = [];
    this.changes.reset();
    this.#failed.clear();
    this.#failedSince = true;
    const counts: Counts = {};
    const planned = { move: 0, present: 0, mountable: 0 };
    for (const image of snapshot.images) this.#put(image, counts, planned);
    this.#seq = snapshot.seq;
    this.phase = snapshot.phase;
    this.totals = snapshot.totals;
    this.warnings = snapshot.warnings;
    this.pulls = snapshot.pulls;
    this.waits = snapshot.waits;
    this.counts = counts;
    this.planned = planned;
    this.loaded = true;
    this.#changed();
  }

  #asked(side: 'source' | 'destination', reference: string, account: Sentence | null): void {
    const host = reference.slice(0, reference.indexOf('/'));
    const known = this.accounts[side];
    if (known.some((each) => each.host === host && each.account?.text === account?.text)) return;
    this.accounts = { ...this.accounts, [side]: [...known, { host, account }] };
  }

  #put(image: ImageState, counts: Counts, planned: Run['planned']): void {
    const before = this.rows[image.id];
    if (before) {
      const was = this.#classify(before);
      counts[was] = (counts[was] ?? 0) - 1;
      add(planned, before, -1);
    }
    const is = this.#classify(image);
    counts[is] = (counts[is] ?? 0) + 1;
    add(planned, image, 1);
    this.#keys[image.id] = undefined;
    this.rows[image.id] = image;
    this.changes.add(image.id);
    if (image.status === 'failed') this.#failed.add(image.id);
    if (image.status === 'failed' || this.#failed.delete(image.id)) this.#failedSince = true;
    if (image.plan) {
      this.#asked('source', image.source, image.sourceAccount);
      this.#asked('destination', image.destination, image.destinationAccount);
    }
  }
}

function add(planned: Run['planned'], { plan }: ImageState, sign: 1 | -1): void {
  if (!plan) return;
  planned.move += sign * plan.bytes_to_move;
  planned.present += sign * plan.bytes_present;
  planned.mountable += sign * plan.bytes_mountable;
}
