// An account as it is typed. The secret is not kept here: it stays in its field until it is taken, once.

import type { Account, AccountDraft, Trusted } from '../../backend/types';
import { parsePasted } from '../../text/login';

export class AccountForm {
  readonly id: string | null;
  readonly hadSecret: boolean;
  readonly hadProxyPassword: boolean;
  name = $state('');
  address = $state('');
  username = $state('');
  insecure = $state(false);
  plainHttp = $state(false);
  caFile = $state('');
  trusted = $state.raw<Trusted | null>(null);
  clientCert = $state('');
  clientKey = $state('');
  proxy = $state('');
  mirrors = $state('');
  limit = $state('');
  /** The field for a new secret is there. */
  replacing = $state(false);
  /** Something was filled in from what was pasted. */
  filled = $state(false);
  /** What is not shown here, and stays as it is. */
  #rest: Pick<AccountDraft, 'provider' | 'settings' | 'secretKind'>;
  #before: string;

  constructor(account: Account | null) {
    this.id = account?.id ?? null;
    this.hadSecret = account?.hasSecret ?? false;
    this.hadProxyPassword = account?.hasProxyPassword ?? false;
    this.replacing = !this.hadSecret;
    this.#rest = {
      provider: account?.provider ?? '',
      settings: account?.settings ?? {},
      secretKind: account?.secretKind ?? '',
    };
    if (account) {
      this.name = account.name === account.address ? '' : account.name;
      this.address = account.address;
      this.username = account.username;
      this.insecure = account.insecure;
      this.plainHttp = account.plainHttp;
      this.caFile = account.caFile ?? '';
      this.trusted = account.trusted;
      this.clientCert = account.clientCert ?? '';
      this.clientKey = account.clientKey ?? '';
      this.proxy = account.proxy ?? '';
      this.mirrors = account.mirrors.join(', ');
      this.limit = account.limit?.toString() ?? '';
    }
    this.#before = this.#key();
  }

  get changed(): boolean {
    return this.#key() !== this.#before;
  }

  /** Something beyond the address and the login is set. */
  get special(): boolean {
    const { insecure, plainHttp, caFile, trusted, clientCert, proxy, mirrors, limit, name } = this;
    return Boolean(
      insecure || plainHttp || caFile || trusted || clientCert || proxy || mirrors || limit || name,
    );
  }

  /** Whether `limit` is a number that makes sense, or nothing. */
  get limitFits(): boolean {
    return /^(|[1-9][0-9]{0,3})$/.test(this.limit.trim());
  }

  draft(secret: string | null): AccountDraft {
    const orNull = (text: string): string | null => text.trim() || null;
    return {
      ...this.#rest,
      id: this.id,
      name: this.name.trim(),
      address: this.address.trim(),
      username: this.username.trim(),
      secret,
      insecure: this.insecure,
      plainHttp: this.plainHttp,
      caFile: orNull(this.caFile),
      trusted: this.trusted,
      clientCert: orNull(this.clientCert),
      clientKey: orNull(this.clientKey),
      proxy: orNull(this.proxy),
      mirrors: this.mirrors.split(/[\s,]+/).filter(Boolean),
      limit: this.limitFits && this.limit.trim() ? Number(this.limit) : null,
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
