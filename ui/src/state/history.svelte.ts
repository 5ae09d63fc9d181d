// The runs that have been, newest first, page by page.

import { Problem, type Backend } from '../backend/backend';
import type { HistoryRun } from '../backend/types';

const PAGE = 50;
const LATEST = 5;

export class History {
  runs = $state.raw<HistoryRun[] | null>(null);
  more = $state(false);
  loading = $state(false);
  error = $state.raw<Problem | null>(null);
  profileId = $state<string | null>(null);
  /** Runs that a crash or a loss of power has interrupted, and that nothing has come after; one of a profile. */
  interrupted = $state.raw<HistoryRun[]>([]);
  /** The newest few, of whichever profile. */
  latest = $state.raw<HistoryRun[]>([]);
  #backend: Backend;
  #turn = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** As many as are shown, from the newest on. */
  async load(): Promise<void> {
    await this.#read(null, Math.max(PAGE, this.runs?.length ?? 0));
  }

  async next(): Promise<void> {
    const last = this.runs?.at(-1);
    if (last && this.more && !this.loading) await this.#read(last.id, PAGE);
  }

  async show(profileId: string | null): Promise<void> {
    if (profileId === this.profileId) return;
    this.profileId = profileId;
    this.runs = null;
    await this.load();
  }

  /** Looks at the newest runs, and for interrupted ones; what can't be read is told where the history is shown. */
  async look(): Promise<void> {
    try {
      const { runs } = await this.#backend.historyList({ before: null, limit: PAGE, profileId: null });
      this.latest = runs.slice(0, LATEST);
      this.interrupted = newestOfEach(runs).filter((run) => run.result === 'interrupted');
    } catch {
      this.latest = this.interrupted = [];
    }
  }

  /** Offers it no more, until the app is started again. */
  leave(id: string): void {
    this.interrupted = this.interrupted.filter((run) => run.id !== id);
  }

  async #read(before: string | null, limit: number): Promise<void> {
    const turn = (this.#turn += 1);
    this.loading = true;
    try {
      const { profileId } = this;
      const page = await this.#backend.historyList({ before, limit, profileId });
      if (turn !== this.#turn) return;
      this.runs = before === null ? page.runs : [...(this.runs ?? []), ...page.runs];
      this.more = page.more;
      this.error = null;
    } catch (thrown) {
      if (turn !== this.#turn) return;
      this.error = Problem.from(thrown);
    }
    this.loading = false;
  }
}

function newestOfEach(runs: HistoryRun[]): HistoryRun[] {
  const seen = new Set<string>();
  return runs.filter(({ profileId }) => !seen.has(profileId) && seen.add(profileId));
}
