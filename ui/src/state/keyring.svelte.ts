import type { Backend } from '../backend/backend';
import type { KeyringStatus } from '../backend/types';

/** Whether secrets can be kept, and the question what to do when they can't. */
export class Keyring {
  status = $state.raw<KeyringStatus>({ state: 'ready', hint: null, detail: '', file: 'none' });
  /** The dialog is open. */
  asking = $state(false);
  #backend: Backend;
  #answer: ((usable: boolean) => void) | null = null;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  get usable(): boolean {
    return ['ready', 'memory', 'file'].includes(this.status.state);
  }

  async load(): Promise<void> {
    this.status = await this.#backend.keyringStatus();
  }

  /** Before a secret is saved: true when there is a place for it, once the user has chosen one if need be. */
  async require(): Promise<boolean> {
    // it may have been locked since the last look, and what is sent in vain must be typed again
    await this.load().catch(() => undefined);
    if (this.usable) return true;
    this.asking = true;
    return new Promise((resolve) => {
      this.#answer?.(false);
      this.#answer = resolve;
    });
  }

  async retry(): Promise<void> {
    this.status = await this.#backend.keyringRetry();
    if (this.usable) this.close();
  }

  async useMemory(): Promise<void> {
    this.status = await this.#backend.keyringUseMemory();
    if (this.usable) this.close();
  }

  /** Opens the encrypted file, or makes it. */
  async useFile(passphrase: string): Promise<void> {
    this.status = await this.#backend.keyringUseFile(passphrase);
    if (this.usable) this.close();
  }

  close(): void {
    this.asking = false;
    this.#answer?.(this.usable);
    this.#answer = null;
  }
}
