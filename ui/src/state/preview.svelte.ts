// What a rule would copy, as Rust says it; asked some time after the last key, and given up when it is overtaken.

import { Problem, type Backend } from '../backend/backend';
import type { Preview, RuleDraft } from '../backend/types';

const DELAY = 400;

export interface Question {
  rule: RuleDraft;
  accountId: string | null;
  /** The registry is asked for what no list has. */
  ask: boolean;
  /** The dates of images are read where they decide. */
  dates: boolean;
  limit: number;
}

export class RulePreview {
  value = $state.raw<Preview | null>(null);
  problem = $state.raw<Problem | null>(null);
  loading = $state(false);
  #token = '';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = '';

  constructor(private readonly backend: Backend) {}

  /** Asks soon; the same question is not asked again. */
  soon(question: Question): void {
    const text = JSON.stringify(question);
    if (text === this.#asked) return;
    this.#asked = text;
    clearTimeout(this.#timer);
    this.#giveUp();
    this.#timer = setTimeout(() => void this.ask(question), DELAY);
  }

  async ask(question: Question): Promise<void> {
    clearTimeout(this.#timer);
    this.#giveUp();
    this.#asked = JSON.stringify(question);
    const token = crypto.randomUUID();
    this.#token = token;
    this.loading = true;
    try {
      const value = await this.backend.profilesPreview({ token, ...question });
      if (this.#token === token) Object.assign(this, { value, problem: null });
    } catch (thrown) {
      if (this.#token === token) Object.assign(this, { value: null, problem: Problem.from(thrown) });
    }
    if (this.#token === token) Object.assign(this, { loading: false });
    if (this.#token === token) this.#token = '';
  }

  /** Nobody waits any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#giveUp();
    this.#asked = '';
  }

  /** There is nothing to ask. */
  clear(): void {
    this.stop();
    this.value = null;
    this.problem = null;
  }

  #giveUp(): void {
    const token = this.#token;
    this.#token = '';
    this.loading = false;
    if (token) void this.backend.browseCancel(token).catch(() => undefined);
  }
}
