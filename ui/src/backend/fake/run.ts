// A plan or run that goes on by ticks, as the engine's would: rows appear, are compared, copied, end.

import { partsOf } from './parts';
import type {
  AppEvent,
  ImageParts,
  ImageState,
  Pulls,
  RunInfo,
  Sentence,
  Snapshot,
  Totals,
  Update,
  Waiting,
} from '../types';
import { NO_TAG, type FakeImage } from './data';

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

export interface Pace {
  tick: number;
  /** Stop when this share is done, and stay there. */
  holdAt: number | null;
  /** Stop in this phase of a run, and stay there. */
  stay?: 'planning' | 'verifying' | null;
  /** Registries are waited for. */
  waits?: boolean;
}

export class FakeRun {
  readonly info: RunInfo;
  #snapshot: Snapshot = {
    seq: 0,
    phase: 'planning',
    totals: { ...NO_TOTALS },
    images: [],
    warnings: [],
    pulls: [],
    waits: [],
  };
  #images: FakeImage[];
  #emit: (event: AppEvent) => void;
  #pace: Pace;
  #timer: ReturnType<typeof setInterval> | undefined;
  #changed = new Set<number>();
  /** What images are to be, and as it crosses the border: made ahead, as it is no work of the page's. */
  #ready: { row: ImageState; text: string }[] = [];
  #next = 0;
  #active: number[] = [];
  #started = 0;
  readonly #begun = Date.now();
  /** Where the next image to copy is looked for; all before it are under way or ended. */
  #from = 0;
  /** Images that are planned or under way. */
  #open = 0;
  #toMove: number;
  #counted = 0;
  #onEnd: (snapshot: Snapshot) => void;
  /** Destinations of images that were switched off by hand. */
  #skip: Set<string>;

  constructor(
    info: RunInfo,
    images: FakeImage[],
    pace: Pace,
    emit: (event: AppEvent) => void,
    onEnd: (snapshot: Snapshot) => void,
    skip: string[] = [],
  ) {
    this.#skip = new Set(skip);
    this.info = info;
    this.#images = images;
    this.#pace = pace;
    this.#emit = emit;
    this.#onEnd = onEnd;
    this.#toMove = images.reduce(
      (sum, image) => sum + (image.action === 'skip' ? 0 : image.size * (1 - image.present)),
      0,
    );
  }

  begin(): void {
    this.#emit({ type: 'run', run: { ...this.info } });
    this.#ready = this.#images.map((image, id) => {
      const row = this.#compared(image, id);
      return { row, text: JSON.stringify(row) };
    });
    this.#timer = setInterval(() => this.#tick(), this.#pace.tick);
  }

  /** What is under way ends; nothing begins. */
  pause(): void {
    this.#is('paused');
  }

  resume(): void {
    this.#is('running');
  }

  limits(proc: number | null, bandwidth: number | null): void {
    Object.assign(this.info, { proc, bandwidth });
    this.#is(this.info.state);
  }

  #is(state: string): void {
    if (this.info.endedAt) return;
    this.info.state = state;
    this.#emit({ type: 'run', run: { ...this.info } });
  }

  cancel(): void {
    if (this.info.endedAt) return;
    for (const image of this.#snapshot.images) {
      if (
        ['waiting', 'resolving', 'copying'].includes(image.status) ||
        (!this.#isPlan && image.status === 'planned')
      ) {
        this.#set(image.id, { status: 'cancelled', bytesInFlight: 0 });
      }
    }
    this.#end();
  }

  snapshot(): Snapshot {
    return structuredClone(this.#snapshot);
  }

  parts(image: number): ImageParts | null {
    const row = this.#snapshot.images[image];
    return row ? partsOf(row) : null;
  }

  get #isPlan(): boolean {
    return this.info.kind === 'plan';
  }

  #tick(): void {
    // the page that it was for is gone: a test has ended
    if (typeof document === 'undefined') return clearInterval(this.#timer);
    if (this.info.state === 'paused') {
      this.#snapshot.totals.bytesPerSecond = 0;
      return;
    }
    this.#started += 1;
    if (this.#held()) return;
    this.#resolve();
    if (!this.#isPlan) this.#copy();
    const ended =
      this.#next === this.#images.length && this.#active.length === 0 && (this.#isPlan || this.#open === 0);
    if (ended && this.#pace.stay === 'verifying') this.#snapshot.phase = 'verifying';
    else if (ended) return this.#end();
    this.#send();
  }

  #held(): boolean {
    const { holdAt, stay } = this.#pace;
    const { totals, phase } = this.#snapshot;
    if (stay) return phase === stay && this.#next > this.#images.length / 2;
    if (holdAt === null) return false;
    const share = this.#isPlan
      ? totals.resolved / this.#images.length
      : totals.bytesCopied / (this.#toMove || 1);
    return this.#next > 0 && share >= holdAt;
  }

  /** Some rows a tick become known and compared. */
  #resolve(): void {
    const upTo = Math.min(this.#images.length, this.#next + Math.max(2, Math.ceil(this.#images.length / 20)));
    for (; this.#next < upTo; this.#next += 1) {
      const ready = this.#ready[this.#next];
      if (!ready) continue;
      if (ready.row.source.startsWith('docker.io/')) this.#counted += 1;
      this.#put(ready.row);
    }
    if (this.#next === this.#images.length && !this.#isPlan) this.#snapshot.phase = 'copying';
  }

  /** An image when it has been compared. */
  #compared(image: FakeImage, id: number): ImageState {
    const bytes = {
      bytes_to_move: Math.round(image.size * (1 - image.present) * (image.action === 'skip' ? 0 : 0.9)),
      bytes_present: Math.round(image.size * image.present),
      bytes_mountable: Math.round(image.size * (1 - image.present) * (image.action === 'skip' ? 0 : 0.1)),
    };
    const off = this.#skip.has(image.destination);
    const failed = !off && image.fails?.when === 'plan' ? image.fails.error : null;
    // a row that could not be compared has no plan; conflicts and blocks have one
    const planned = failed === null || image.action === 'conflict' || image.action === 'blocked';
    return {
      id,
      source: image.source,
      destination: image.destination,
      status: failed ? 'failed' : !this.#isPlan && (off || image.action === 'skip') ? 'skipped' : 'planned',
      action: planned ? image.action : null,
      plan: planned ? { action: image.action, ...bytes } : null,
      bytesTotal: image.size,
      bytesCopied: 0,
      bytesInFlight: 0,
      bytesMounted: 0,
      bytesPresent: bytes.bytes_present,
      replaces: image.action === 'overwrite' ? `sha256:${'5f2d'.repeat(16)}` : null,
      order: [0, 0, 0, id],
      sourceAccount: accountOf(image.source),
      destinationAccount: accountOf(image.destination),
      reason: off ? 'switched off by hand' : image.action === 'skip' ? 'same digest' : null,
      error: failed,
    };
  }

  /** Up to 50 images at once get on. */
  #copy(): void {
    const { images } = this.#snapshot;
    for (; this.#from < images.length && this.#active.length < 50; this.#from += 1) {
      const image = images[this.#from] as ImageState;
      if (image.status !== 'planned') continue;
      this.#active.push(image.id);
      this.#set(image.id, { status: 'copying', bytesMounted: image.plan?.bytes_mountable ?? 0 });
    }
    this.#active = this.#active.filter((id) => this.#goOn(id));
  }

  /** True while there is more to do. */
  #goOn(id: number): boolean {
    const image = this.#snapshot.images[id] as ImageState;
    const planned = this.#images[id] as FakeImage;
    const goal = image.bytesTotal - image.bytesPresent - image.bytesMounted;
    const step = Math.max(4_000_000, goal / 12);
    const bytesCopied = Math.min(goal, image.bytesCopied + image.bytesInFlight);
    if (planned.fails && bytesCopied > goal / 2) {
      this.#set(id, { status: 'failed', error: planned.fails.error, bytesInFlight: 0 });
      return false;
    }
    const bytesInFlight = Math.min(goal - bytesCopied, step * (0.6 + ((id * 13) % 10) / 12));
    if (bytesCopied >= goal) {
      this.#set(id, { status: 'copied', bytesCopied: goal, bytesInFlight: 0 });
      return false;
    }
    this.#set(id, { bytesCopied, bytesInFlight });
    return true;
  }

  #set(id: number, change: Partial<ImageState>): void {
    this.#put({ ...(this.#snapshot.images[id] as ImageState), ...change });
  }

  // as the engine does: what the page is measured by must not be this
  #put(image: ImageState): void {
    const before = this.#snapshot.images[image.id];
    if (before) this.#count(before, -1);
    this.#count(image, 1);
    this.#snapshot.images[image.id] = image;
    this.#changed.add(image.id);
  }

  #count(image: ImageState, sign: 1 | -1): void {
    const { totals } = this.#snapshot;
    const { status } = image;
    if (status in totals) totals[status as 'copied' | 'skipped' | 'failed' | 'cancelled'] += sign;
    if (status === 'planned' || status === 'copying') this.#open += sign;
    totals.bytesTotal += sign * image.bytesTotal;
    totals.bytesCopied += sign * image.bytesCopied;
    totals.bytesInFlight += sign * image.bytesInFlight;
    totals.bytesMounted += sign * image.bytesMounted;
    totals.bytesPresent += sign * image.bytesPresent;
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#snapshot.phase = 'done';
    this.#send();
    this.info.endedAt = new Date().toISOString();
    this.info.state = 'ended';
    this.#onEnd(this.snapshot());
    this.#emit({ type: 'run', run: { ...this.info } });
  }

  #send(): void {
    const snapshot = this.#snapshot;
    snapshot.seq += 1;
    this.#times();
    const head: Omit<Update, 'images'> = {
      seq: snapshot.seq,
      phase: snapshot.phase,
      totals: snapshot.totals,
      warnings: [],
      pulls: this.#isPlan ? this.#pulls() : [],
      waits: this.#waits(),
    };
    snapshot.pulls = head.pulls;
    snapshot.waits = head.waits;
    if (snapshot.seq === 3) {
      head.warnings = this.#isPlan && this.#images.length === 42 ? [NO_TAG] : [];
      snapshot.warnings.push(...head.warnings);
    }
    const rows = [...this.#changed].map((id) => {
      const [row, ready] = [snapshot.images[id], this.#ready[id]];
      return ready?.row === row ? ready?.text : JSON.stringify(row);
    });
    this.#changed.clear();
    // as it crosses the border: a text, which the page reads
    const text = `${JSON.stringify(head).slice(0, -1)},"images":[${rows.join(',')}]}`;
    this.#emit({ type: 'update', runId: this.info.id, update: JSON.parse(text) as Update });
  }

  /** Docker Hub counts, and is short of pulls for the big profile. */
  #pulls(): Pulls[] {
    const needed = this.#counted;
    if (needed === 0) return [];
    const left = Math.max(0, 100 - needed);
    return [{ registry: 'docker.io', needed, left, limit: 100, window_seconds: 21_600 }];
  }

  /** One registry has asked for a pause, another fails. */
  #waits(): Waiting[] {
    if (!this.#pace.waits || this.#snapshot.phase === 'done') return [];
    const until = (seconds: number): number => this.#begun + seconds * 1000;
    return [
      { registry: 'docker.io', code: 'rate.limited', tries: null, requests: 12, until: until(95) },
      { registry: 'new.example.com', code: 'net.timeout', tries: [2, 4], requests: 1, until: until(8) },
    ];
  }

  #times(): void {
    const { totals } = this.#snapshot;
    totals.images = this.#images.length;
    totals.resolved = this.#next;
    totals.seconds = (this.#started * this.#pace.tick) / 1000;
    const moved = totals.bytesCopied + totals.bytesInFlight;
    totals.bytesPerSecond =
      this.#snapshot.phase === 'done' ? 0 : Math.round(moved / Math.max(0.1, totals.seconds));
    const left = totals.bytesTotal - totals.bytesCopied - totals.bytesMounted - totals.bytesPresent;
    const timed = this.#snapshot.phase !== 'planning' && totals.bytesPerSecond > 0;
    totals.secondsLeft = timed ? left / totals.bytesPerSecond : null;
  }
}

/** As Rust tells it. */
function accountOf(reference: string): Sentence {
  const account = (name: string, address: string): Sentence => ({
    key: 'origin_account',
    params: { name, address },
    text: `account '${name}' (${address})`,
  });
  if (reference.startsWith('docker.io/')) return account('acmebot', 'docker.io');
  if (reference.startsWith('harbor.lab')) return account('robot$team+ci', 'harbor.lab.example.com:8443/team');
  if (reference.startsWith('registry.cn-hangzhou')) {
    return account('ACR Hangzhou', 'registry.cn-hangzhou.aliyuncs.com');
  }
  return { key: 'origin_anonymous', params: {}, text: 'anonymous' };
}

/** The rows of a run that has ended, without having gone on. */
export function ended(images: FakeImage[], result: string): Snapshot {
  const rows = images.map((image, id): ImageState => {
    const missing = Math.round(image.size * (1 - image.present));
    const stopped = (result === 'cancelled' || result === 'interrupted') && id % 3 === 1;
    const skipped = image.action === 'skip' && !image.fails;
    const status = image.fails ? 'failed' : skipped ? 'skipped' : stopped ? 'cancelled' : 'copied';
    return {
      id,
      source: image.source,
      destination: image.destination,
      status,
      action: image.action,
      plan: {
        action: image.action,
        bytes_to_move: skipped ? 0 : missing,
        bytes_present: image.size - missing,
        bytes_mountable: 0,
      },
      bytesTotal: image.size,
      bytesCopied: status === 'copied' ? Math.round(missing * 0.9) : 0,
      bytesInFlight: 0,
      bytesMounted: status === 'copied' ? Math.round(missing * 0.1) : 0,
      bytesPresent: image.size - missing,
      replaces: null,
      order: [0, 0, 0, id],
      sourceAccount: accountOf(image.source),
      destinationAccount: accountOf(image.destination),
      reason: skipped ? 'same digest' : null,
      error: image.fails?.error ?? null,
    };
  });
  const totals = { ...NO_TOTALS, images: rows.length, resolved: rows.length, seconds: 312 };
  for (const row of rows) {
    if (row.status in totals) totals[row.status as 'copied' | 'skipped' | 'failed' | 'cancelled'] += 1;
    totals.bytesTotal += row.bytesTotal;
    totals.bytesCopied += row.bytesCopied;
    totals.bytesMounted += row.bytesMounted;
    totals.bytesPresent += row.bytesPresent;
  }
  return { seq: 1, phase: 'done', totals, images: rows, warnings: [], pulls: [], waits: [] };
}
