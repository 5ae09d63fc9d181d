import { Problem } from '../backend/backend';

/** Something that is fetched: not there yet, there, or failed. A later fetch keeps showing what was there. */
export class Loadable<T> {
  value = $state.raw<T | null>(null);
  error = $state.raw<Problem | null>(null);
  loading = $state(true);
  #fetch: () => Promise<T>;
  #turn = 0;

  constructor(fetch: () => Promise<T>) {
    this.#fetch = fetch;
  }

  async load(): Promise<void> {
    const turn = (this.#turn += 1);
    this.loading = true;
    try {
      const value = await this.#fetch();
      if (turn !== this.#turn) return;
      this.value = value;
      this.error = null;
    } catch (thrown) {
      if (turn !== this.#turn) return;
      this.error = Problem.from(thrown);
    }
    this.loading = false;
  }
}
