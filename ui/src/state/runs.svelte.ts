import { SvelteMap } from 'svelte/reactivity';
import type { Backend } from '../backend/backend';
import type { RunInfo, Update } from '../backend/types';
import { Run } from './run.svelte';
import { Off, Selection } from './run-selection.svelte';

/** The plans and runs of this session. */
export class Runs {
  readonly byId = new SvelteMap<string, Run>();
  /** Ids, newest first. */
  order = $state.raw<string[]>([]);
  #backend: Backend;
  #off = new Map<string, Off>();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async load(): Promise<void> {
    const infos = await this.#backend.runsList();
    for (const info of infos.toReversed()) this.know(info);
    const active = infos.filter((info) => info.endedAt === null);
    await Promise.all(active.map((info) => this.byId.get(info.id)?.open()));
  }

  /** It began, ended, or was answered by a command. */
  know(info: RunInfo): Run {
    const known = this.byId.get(info.id);
    if (known) {
      // an answer that comes after the event of the end must not take the end back
      if (known.info.endedAt !== null) return known;
      if (info.endedAt === null) known.info = info;
      else void known.finish(info);
      return known;
    }
    const run = new Run(this.#backend, info);
    this.byId.set(info.id, run);
    this.order = [info.id, ...this.order];
    return run;
  }

  /** The rows of a comparison that are to be done; kept while the app runs. */
  selection(plan: Run): Selection {
    let off = this.#off.get(plan.info.profileId);
    if (!off) this.#off.set(plan.info.profileId, (off = new Off()));
    return new Selection(plan, off);
  }

  push(runId: string, update: Update): void {
    this.byId.get(runId)?.push(update);
  }

  /** The newest of a profile. */
  latest(profileId: string, kind: 'plan' | 'run'): Run | null {
    for (const id of this.order) {
      const run = this.byId.get(id);
      if (run && run.info.profileId === profileId && run.info.kind === kind) return run;
    }
    return null;
  }

  /** The runs that go on, newest first. */
  get going(): Run[] {
    const all = this.order.flatMap((id) => this.byId.get(id) ?? []);
    return all.filter((run) => run.info.kind === 'run' && !run.ended);
  }

  /** What the status bar shows: what goes on (a run before a plan), else what came last. */
  get current(): Run | null {
    const all = this.order.map((id) => this.byId.get(id)).filter((run) => run !== undefined);
    const active = all.filter((run) => !run.ended);
    return active.find((run) => run.info.kind === 'run') ?? active[0] ?? all[0] ?? null;
  }
}
