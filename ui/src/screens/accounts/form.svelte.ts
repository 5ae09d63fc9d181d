// An account as it is typed. The secret is not kept here: it stays in its field until it is taken, once.

import type { Account, AccountDraft } from '../../backend/types';
import { parsePasted } from '../../text/login';

export class AccountForm {
  readonly id: string | null;
  readonly hadSecret: boolean;
  name = $state('');
  address = $state('');
  username = $state('');
  insecure = $state(false);
  caFile = $state('');
  /** The field for a new secret is there. */
  replacing = $state(false);
  /** Something was filled in from what was pasted. */
  filled = $state(false);
  #before: string;

  constructor(account: Account | null) {
    this.id = account?.id ?? null;
    this.hadSecret = account?.hasSecret ?? false;
    this.replacing = !this.hadSecret;
    if (account) {
      this.name = account.name === account.address ? '' : account.name;
      this.address = account.address;
      this.username = account.username;
      this.insecure = account.insecure;
      this.caFile = account.caFile ?? '';
    }
    this.#before = this.#key();
  }

  get changed(): boolean {
    return this.#key() !== this.#before;
  }

  draft(secret: string | null): AccountDraft {
    return {
      id: this.id,
      name: this.name.trim(),
      address: this.address.trim(),
      username: this.username.trim(),
      secret,
      insecure: this.insecure,
      caFile: this.caFile.trim() || null,
    };
  }

  /** Fills the fields from a login command or reference; the secret that stood in it, or null when it was neither. */
  paste(text: string): string | null {
    const pasted = parsePasted(text);
    if (!pasted) return null;
    this.address = pasted.address;
    if (pasted.username) this.username = pasted.username;
    if (pasted.secret) this.replacing = true;
    this.filled = true;
    return pasted.secret;
  }

  #key(): string {
    return JSON.stringify(this.draft(null));
  }
}
