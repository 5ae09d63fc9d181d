// What all rules of a set would copy, each asked for in its turn, a few at once.

import { Problem, type Backend } from '../../backend/backend';
import type { Preview, RuleDraft } from '../../backend/types';

const AT_ONCE = 4;
const DELAY = 300;
/** Of each rule so many pairs are shown. */
export const LIMIT = 100;

export interface Row {
  rule: RuleDraft;
  preview: Preview | null;
  problem: Problem | null;
}

export class SetPreview {
  rows = $state.raw<Row[]>([]);
  left = $state(0);
  #turn = 0;
  #tokens = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly backend: Backend) {}

  soon(rules: RuleDraft[], accounts: (string | null)[]): void {
    this.stop();
    // what is known stays to be seen until it is known anew
    this.rows = rules.map((rule, at) => this.rows[at] ?? { rule, preview: null, problem: null });
    this.left = rules.length;
    this.#timer = setTimeout(() => this.#start(rules, accounts), DELAY);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#turn += 1;
    this.left = 0;
    for (const token of this.#tokens) void this.backend.browseCancel(token).catch(() => undefined);
    this.#tokens.clear();
  }

  #start(rules: RuleDraft[], accounts: (string | null)[]): void {
    const turn = this.#turn;
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < rules.length && turn === this.#turn) {
        const at = next;
        next += 1;
        const row = await this.#ask(rules[at] as RuleDraft, accounts[at] ?? null);
        if (turn !== this.#turn) return;
        this.rows = this.rows.map((each, index) => (index === at ? row : each));
        this.left -= 1;
      }
    };
    for (let at = 0; at < AT_ONCE; at += 1) void work();
  }

  async #ask(rule: RuleDraft, accountId: string | null): Promise<Row> {
    const token = crypto.randomUUID();
    this.#tokens.add(token);
    try {
      const question = { token, rule, accountId, ask: true, dates: false, limit: LIMIT };
      return { rule, preview: await this.backend.profilesPreview(question), problem: null };
    } catch (thrown) {
      return { rule, preview: null, problem: Problem.from(thrown) };
    } finally {
      this.#tokens.delete(token);
    }
  }
}
