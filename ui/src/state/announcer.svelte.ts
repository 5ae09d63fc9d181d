// What a screen reader is told without asking: seldom, and failures at once.

export class Announcer {
  message = $state('');
  #lastShare = 0;
  #lastTime = 0;
  #failed = 0;
  #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  say(message: string): void {
    this.message = message;
  }

  begin(message: string): void {
    this.#lastShare = 0;
    this.#lastTime = this.#now();
    this.#failed = 0;
    this.say(message);
  }

  /** Every 10 % or 30 s. */
  progress(share: number, message: () => string): void {
    const now = this.#now();
    if (share - this.#lastShare < 0.1 && now - this.#lastTime < 30_000) return;
    this.#lastShare = share;
    this.#lastTime = now;
    this.say(message());
  }

  failures(count: number, message: () => string): void {
    if (count <= this.#failed) return;
    this.#failed = count;
    this.say(message());
  }
}
