import { Problem, type Backend } from '../backend/backend';
import type { AccountDraft, Account, CheckReport, CheckStep } from '../backend/types';
import { Loadable } from './loadable.svelte';

export const STEPS = ['dns', 'tcp', 'tls', 'registry', 'login', 'catalog', 'pull', 'push'] as const;

/** A connection test: the steps as they come. */
export class Check {
  readonly token = crypto.randomUUID();
  steps = $state.raw<CheckStep[]>([]);
  state = $state<'running' | 'passed' | 'failed'>('running');
  error = $state.raw<Problem | null>(null);

  add(step: CheckStep): void {
    this.steps = [...this.steps.filter((each) => each.step !== step.step), step];
  }

  finish(report: CheckReport): void {
    this.steps = report.steps;
    this.state = report.passed ? 'passed' : 'failed';
  }

  fail(problem: Problem): void {
    this.error = problem;
    this.state = 'failed';
  }
}

export class Accounts extends Loadable<Account[]> {
  check = $state.raw<Check | null>(null);
  #backend: Backend;

  constructor(backend: Backend) {
    super(() => backend.accountsList());
    this.#backend = backend;
  }

  async save(draft: AccountDraft): Promise<Account> {
    const account = await this.#backend.accountsSave(draft);
    await this.load();
    return account;
  }

  async remove(id: string): Promise<void> {
    await this.#backend.accountsRemove(id);
    await this.load();
  }

  async test(draft: AccountDraft, repository: string | null): Promise<void> {
    const check = new Check();
    this.check = check;
    try {
      check.finish(await this.#backend.accountsTest(check.token, draft, repository));
    } catch (thrown) {
      check.fail(Problem.from(thrown));
    }
    if (draft.id) await this.load();
  }

  onStep(token: string, step: CheckStep): void {
    if (this.check?.token === token && this.check.state === 'running') this.check.add(step);
  }
}
