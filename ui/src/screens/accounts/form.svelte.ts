// An account as it is typed. The secret is not kept here: it stays in its field until it is taken, once.

import type { Account, AccountDraft, Provider, SecretKind, Trusted } from '../../backend/types';
import { parsePasted } from '../../text/login';
import { ProviderChoice, providerOf } from './provider.svelte';

/** What every registry takes; also before the list of providers is there. */
const PASSWORD: SecretKind = { id: 'password', isKept: true, hasUser: true, renews: false, settings: [] };
/** The provider that stands for all that have none. */
const ANY = 'registry';
/** Settings that few need. */
export const RARE = ['region', 'endpoint'];

export class AccountForm {
  readonly id: string | null;
  readonly hadSecret: boolean;
  readonly hadProxyPassword: boolean;
  readonly choice = new ProviderChoice();
  name = $state('');
  address = $state('');
  username = $state('');
  settings = $state<Record<string, string>>({});
  secretKind = $state('password');
  /** The file that the secret is read from, by Rust. */
  secretFile = $state('');
  insecure = $state(false);
  plainHttp = $state(false);
  caFile = $state('');
  trusted = $state.raw<Trusted | null>(null);
  clientCert = $state('');
  clientKey = $state('');
  proxy = $state('');
  mirrors = $state('');
  limit = $state('');
  /** Repositories that must exist before the first push are created. */
  creates = $state(false);
  api = $state('');
  pathPrefix = $state('');
  /** The user wants another secret than the stored one. */
  replacing = $state(false);
  /** Something was filled in from what was pasted. */
  filled = $state(false);
  #storedKind: string;
  #picked = false;
  #before: string;

  constructor(account: Account | null) {
    this.id = account?.id ?? null;
    this.hadSecret = account?.hasSecret ?? false;
    this.hadProxyPassword = account?.hasProxyPassword ?? false;
    this.#storedKind = account?.secretKind ?? '';
    if (account) {
      this.choice.id = account.provider;
      this.#picked = account.provider !== '';
      this.name = account.name === account.address ? '' : account.name;
      this.address = account.address;
      this.username = account.username;
      this.settings = { ...account.settings };
      this.secretKind = account.secretKind;
      this.insecure = account.insecure;
      this.plainHttp = account.plainHttp;
      this.caFile = account.caFile ?? '';
      this.trusted = account.trusted;
      this.clientCert = account.clientCert ?? '';
      this.clientKey = account.clientKey ?? '';
      this.proxy = account.proxy ?? '';
      this.mirrors = account.mirrors.join(', ');
      this.limit = account.limit?.toString() ?? '';
      this.creates = account.creates;
      this.api = account.api ?? '';
      this.pathPrefix = account.pathPrefix ?? '';
    }
    this.#before = this.#key();
  }

  get changed(): boolean {
    return this.#key() !== this.#before;
  }

  /** The list of providers has come. */
  know(providers: Provider[]): void {
    const untouched = !this.changed;
    this.choice.providers = providers;
    if (this.choice.id === '') this.#recognise(this.id !== null);
    this.choice.read(this.address);
    // that is no change of the user's
    if (untouched) this.#before = this.#key();
  }

  /** The user has picked a provider. */
  pick(id: string): void {
    this.#picked = id !== '';
    const before = this.choice.address;
    this.choice.choose(id);
    const { template, address } = this.choice;
    // what was the form of the one before is none of the new one
    if (address !== null) this.address = address;
    else if (template && !template.holes.includes('host')) this.address = '';
    else if (before !== null && this.address === before) this.address = '';
    this.choice.read(this.address);
    this.#fitKind(this.kinds[0]?.id ?? PASSWORD.id);
  }

  /** A form of the address was picked, or a hole filled. */
  fillAddress(): void {
    const namespace = this.address.replace(/^https?:\/\//, '').replace(/^[^/]*/, '');
    const { address } = this.choice;
    this.address = address === null ? '' : address + namespace;
  }

  /** The address was typed or pasted. */
  addressTyped(): void {
    this.#recognise(false);
    this.choice.read(this.address);
  }

  /** The kinds of secret to choose from. */
  get kinds(): SecretKind[] {
    const of = (id: string): SecretKind[] | undefined =>
      this.choice.providers.find((each) => each.id === id)?.secrets;
    const kinds = of(this.choice.id) ?? of(ANY) ?? [PASSWORD];
    if (kinds.some(({ id }) => id === this.secretKind)) return kinds;
    // what the account has, although its provider is not known for it
    const all = this.choice.providers.flatMap(({ secrets }) => secrets);
    const own = all.find(({ id }) => id === this.secretKind);
    return own ? [...kinds, own] : kinds;
  }

  get kind(): SecretKind {
    return this.kinds.find(({ id }) => id === this.secretKind) ?? PASSWORD;
  }

  /** Whether there is a field for the secret: there is none that could stay, or another is wanted. */
  get asksSecret(): boolean {
    return this.kind.isKept && (!this.hadSecret || this.replacing || this.secretKind !== this.#storedKind);
  }

  /** The stored secret could stay. */
  get canKeep(): boolean {
    return this.hadSecret && this.secretKind === this.#storedKind;
  }

  get hasUser(): boolean {
    return this.kind.hasUser;
  }

  /** The settings that this kind of secret looks at. */
  get usualSettings(): string[] {
    return this.kind.settings.filter((name) => !RARE.includes(name));
  }

  get rareSettings(): string[] {
    return this.kind.settings.filter((name) => RARE.includes(name));
  }

  /** Something beyond the address and the login is set. */
  get special(): boolean {
    const { insecure, plainHttp, caFile, trusted, clientCert, proxy, mirrors, limit, name } = this;
    const { api, pathPrefix } = this;
    const rare = this.rareSettings.some((each) => this.settings[each]);
    return Boolean(
      insecure ||
      plainHttp ||
      caFile ||
      trusted ||
      clientCert ||
      proxy ||
      mirrors ||
      limit ||
      name ||
      api ||
      pathPrefix ||
      rare,
    );
  }

  /** Whether `limit` is a number that makes sense, or nothing. */
  get limitFits(): boolean {
    return /^(|[1-9][0-9]{0,3})$/.test(this.limit.trim());
  }

  draft(secret: string | null): AccountDraft {
    const orNull = (text: string): string | null => text.trim() || null;
    const settings = this.kind.settings
      .map((name) => [name, this.settings[name]?.trim() ?? ''] as const)
      .filter(([, value]) => value !== '');
    return {
      id: this.id,
      name: this.name.trim(),
      address: this.address.trim(),
      provider: this.choice.id,
      username: this.hasUser ? this.username.trim() : '',
      settings: Object.fromEntries(settings),
      secretKind: this.secretKind,
      secret,
      secretFile: this.asksSecret ? orNull(this.secretFile) : null,
      insecure: this.insecure,
      plainHttp: this.plainHttp,
      caFile: orNull(this.caFile),
      trusted: this.trusted,
      clientCert: orNull(this.clientCert),
      clientKey: orNull(this.clientKey),
      proxy: orNull(this.proxy),
      mirrors: this.mirrors.split(/[\s,]+/).filter(Boolean),
      limit: this.limitFits && this.limit.trim() ? Number(this.limit) : null,
      creates: this.creates,
      api: this.api.trim(),
      pathPrefix: this.pathPrefix.trim(),
    };
  }

  /** Fills the fields from a login command or reference; the secret that stood in it, or null when it was neither. */
  paste(text: string): string | null {
    const pasted = parsePasted(text);
    if (!pasted) return null;
    this.address = pasted.address;
    this.addressTyped();
    if (pasted.username) this.username = pasted.username;
    if (pasted.secret) this.replacing = true;
    // a login command has a user name with a password, whatever else the provider takes
    if (pasted.username || pasted.secret) this.#fitKind(PASSWORD.id);
    this.filled = true;
    return pasted.secret;
  }

  /** Takes the provider from the address, where its host tells; else it stays as the user has picked it. */
  #recognise(keepKind: boolean): void {
    const found = providerOf(this.choice.providers, this.address);
    if (found ? found.id === this.choice.id : this.#picked || this.choice.id === '') return;
    this.choice.choose(found?.id ?? '');
    if (found) this.#picked = false;
    if (!keepKind) this.#fitKind(this.kinds[0]?.id ?? PASSWORD.id);
  }

  #fitKind(id: string): void {
    if (this.kinds.some((each) => each.id === id)) this.secretKind = id;
  }

  #key(): string {
    return JSON.stringify(this.draft(null));
  }
}
