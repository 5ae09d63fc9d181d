// Runs that have been, as a team would have them, and their logs.

import type {
  HistoryPage,
  HistoryRequest,
  HistoryRun,
  LogLine,
  LogPage,
  LogRequest,
  Snapshot,
} from '../types';
import { Problem } from '../backend';
import * as data from './data';
import { ended, NO_TOTALS } from './run';
import type { Scenario } from './scenario';

const RESULTS = ['succeeded', 'succeeded', 'warnings', 'succeeded', 'partly-failed', 'cancelled', 'failed'];
const PROFILES = [
  ['team-mirror', 'Team mirror'],
  ['nightly', 'Nightly base images'],
  ['team-mirror', 'Team mirror'],
  ['release', 'Release 2026.11'],
] as const;

export class FakeHistory {
  #how: Scenario;
  #runs: HistoryRun[];
  /** Of runs of this session. */
  #snapshots = new Map<string, Snapshot>();

  constructor(how: Scenario) {
    this.#how = how;
    const count = { empty: 0, nokeyring: 0, many: 430 }[how.name as string] ?? 14;
    this.#runs = Array.from({ length: count }, (_, at) => past(at, how));
  }

  list({ before, limit, profileId }: HistoryRequest): HistoryPage {
    if (this.#how.name === 'broken') {
      throw new Problem({
        code: 'file.failed',
        message: '/home/acme/.local/share/image-syncer/history.db: disk I/O error',
        hint: 'Check the disk and who owns the file.',
      });
    }
    const all = this.#runs.filter((run) => profileId === null || run.profileId === profileId);
    const from = before === null ? 0 : all.findIndex((run) => run.id === before) + 1;
    return { runs: structuredClone(all.slice(from, from + limit)), more: from + limit < all.length };
  }

  run(id: string): HistoryRun {
    const run = this.#runs.find((each) => each.id === id);
    if (!run) throw new Problem({ code: 'gone', message: 'there is no such run any more' });
    return run;
  }

  snapshot(id: string): Snapshot {
    const kept = this.#snapshots.get(id);
    if (kept) return structuredClone(kept);
    const run = this.run(id);
    const failing = ['partly-failed', 'failed'].includes(run.result);
    const how = { ...this.#how, name: failing ? ('failing' as const) : this.#how.name };
    const snapshot = ended(data.images(run.profileId, how), run.result);
    if (run.result === 'warnings') snapshot.warnings = [data.NO_TAG];
    return snapshot;
  }

  /** A run of this session has ended. */
  add(run: HistoryRun, snapshot: Snapshot): void {
    this.#runs = [run, ...this.#runs.filter((each) => each.id !== run.id)];
    this.#snapshots.set(run.id, snapshot);
  }

  remove(id: string): null {
    this.run(id);
    this.#runs = this.#runs.filter((each) => each.id !== id);
    return null;
  }

  log({ id, level, image, from }: LogRequest): LogPage {
    const run = this.#runs.find((each) => each.id === id);
    if (!run && this.#how.name === 'empty') return { lines: [], more: false };
    const levels = ['debug', 'info', 'warn', 'error'];
    const least = levels.indexOf(level ?? 'debug');
    const all = lines(run?.startedAt ?? new Date().toISOString(), run ? this.snapshot(id) : null).filter(
      (line) => levels.indexOf(line.level) >= least && (image === null || line.image === image),
    );
    return { lines: all.slice(from, from + 200), more: from + 200 < all.length };
  }
}

function past(at: number, how: Scenario): HistoryRun {
  const [profileId, profileName] = PROFILES[at % PROFILES.length] ?? PROFILES[0];
  const interrupted = how.name === 'interrupted' && at === 0;
  const result = interrupted ? 'interrupted' : (RESULTS[at % RESULTS.length] ?? 'succeeded');
  const seconds = 48 + ((at * 137) % 900);
  const hours = 2.5 + at * 11.3;
  const failed = { failed: 42, 'partly-failed': 4 }[result] ?? 0;
  const cancelled = result === 'cancelled' ? 17 : 0;
  const copied = result === 'failed' ? 0 : 14 + ((at * 5) % 9);
  return {
    id: `2026-${1000 - at}`,
    profileId,
    profileName: how.name === 'names' ? `${profileName} مرآة ${'and some more '.repeat(12)}` : profileName,
    startedAt: data.ago(hours),
    endedAt: interrupted ? null : data.ago(hours - seconds / 3600),
    startedBy: at % 3 === 1 ? 'command' : 'app',
    result,
    totals: {
      ...NO_TOTALS,
      images: 42,
      resolved: 42,
      copied,
      failed,
      cancelled,
      skipped: Math.max(0, 42 - copied - failed - cancelled),
      bytesTotal: 4_100_000_000,
      bytesCopied: copied * 61_000_000,
      bytesMounted: copied * 4_000_000,
      seconds,
    },
    retryOf: at === 3 ? '2026-996' : null,
  };
}

/** A few lines for each image. */
function lines(start: string, snapshot: Snapshot | null): LogLine[] {
  let millis = new Date(start).getTime();
  const line = (level: string, image: number | null, text: string): LogLine => ({
    at: new Date((millis += 137)).toISOString(),
    level,
    image,
    text,
  });
  const out = [line('info', null, 'the run began: 3 rules')];
  for (const { id, source, destination, status, error } of snapshot?.images ?? []) {
    out.push(line('debug', id, `HEAD ${source}: 200`));
    if (error) {
      out.push(line('warn', id, `${destination}: tried again in 2 s`));
      out.push(line('error', id, `[${error.code}] ${error.message}`));
    } else out.push(line('info', id, `${destination}: ${status}`));
  }
  return out;
}
