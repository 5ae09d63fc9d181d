// The set that is being built: rules without a destination at first, then with one for all of them.

import type { Account, Profile, RuleDraft } from '../../backend/types';
import type { App } from '../../state/app.svelte';
import { cut } from '../../text/reference';
import { choices } from '../profiles/choices';
import { emptyProfile, ProfileDraft } from '../profiles/draft.svelte';
import { destination, type Mapping } from './mapping';

export type Step = 'choose' | 'set' | 'destination';

export class SyncSet {
  readonly draft: ProfileDraft;
  step: Step = $state('choose');
  /** The account of the destination; empty for a registry that is typed. */
  target = $state('');
  typed = $state('');
  mapping: Mapping = $state({ kind: 'keep', prefix: '', template: '{registry}/{path}' });
  /** The account that each rule's source was looked at with, by the rule's key. */
  #accounts = new Map<number, string | null>();

  constructor(private readonly app: App) {
    this.draft = new ProfileDraft(app.backend, { ...emptyProfile(), rules: [] }, false);
  }

  get rules(): RuleDraft[] {
    return this.draft.profile.rules;
  }

  accountOf(at: number): string | null {
    return this.#accounts.get(this.draft.keys[at] ?? -1) ?? null;
  }

  /** Adds rules, or what they select to rules that are there. Says how many rules are new or changed. */
  add(rules: RuleDraft[], accountId: string | null): number {
    let changed = 0;
    for (const rule of rules) {
      const known = this.rules.find((each) => isAlike(each, rule));
      if (known) {
        const source = union(known.source, rule.source);
        if (source === known.source) continue;
        known.source = source;
      } else {
        this.draft.addRule(rule);
        this.#accounts.set(this.draft.keys.at(-1) ?? -1, accountId);
      }
      changed += 1;
    }
    return changed;
  }

  remove(at: number): void {
    this.draft.removeRule(at);
    if (this.rules.length === 0) this.step = 'choose';
  }

  clear(): void {
    while (this.rules.length > 0) this.draft.removeRule(0);
    this.step = 'choose';
    this.draft.profile.name = '';
  }

  get registry(): string {
    return this.#account?.address ?? this.typed;
  }

  get destination(): string {
    return destination(this.registry, this.mapping);
  }

  get #account(): Account | undefined {
    return this.app.accounts.value?.find((each) => each.id === this.target);
  }

  /** The rules with their destination, as they are saved. */
  complete(): RuleDraft[] {
    const to = this.destination;
    return $state.snapshot(this.rules).map((rule) => ({ ...rule, destinations: [to] }));
  }

  /** Saves it as a profile; null while something is wrong, which is shown then. */
  async save(): Promise<Profile | null> {
    const { profile } = this.draft;
    const to = this.destination;
    for (const rule of profile.rules) rule.destinations = [to];
    profile.accounts = this.#named(profile);
    const saved = await this.draft.save();
    if (!saved) return null;
    this.clear();
    profile.id = '';
    profile.accounts = {};
    return saved;
  }

  /** Where several accounts fit, the ones that were looked with and chosen are used. */
  #named(profile: Profile): Record<string, string> {
    const used = [...this.draft.keys.map((_, at) => this.accountOf(at)), this.target || null];
    const named: Record<string, string> = {};
    for (const { key, accounts } of choices(profile, this.app.accounts.value ?? [])) {
      const account = accounts.find(({ id }) => used.includes(id));
      if (account) named[key] = account.id;
    }
    return named;
  }
}

/** Rules that differ in nothing but the tags that they name. */
function isAlike(one: RuleDraft, other: RuleDraft): boolean {
  const rest = ({ tags, platforms, repositories, source }: RuleDraft): string =>
    JSON.stringify([cut(source).repository, tags, platforms, repositories]);
  return rest(one) === rest(other);
}

/** The tags of both; all where one names none. */
function union(one: string, other: string): string {
  const [a, b] = [cut(one), cut(other)];
  if (a.selector === '') return one;
  if (b.selector === '') return other;
  const tags = [...a.selector.slice(1).split(','), ...b.selector.slice(1).split(',')];
  return `${a.repository}:${[...new Set(tags)].join(',')}`;
}

const sets = new WeakMap<App, SyncSet>();

/** The set of an app; it is there until it is saved or cleared. */
export function setOf(app: App): SyncSet {
  let set = sets.get(app);
  if (!set) sets.set(app, (set = new SyncSet(app)));
  return set;
}
