// A profile as it is typed, with what Rust says about it.

import type { Backend } from '../../backend/backend';
import type { Profile, RuleDraft, RuleProblem } from '../../backend/types';
import { blankRule } from '../../text/rule';

export const OVERWRITE = ['never', 'differing', 'always'] as const;
export type Overwrite = (typeof OVERWRITE)[number];

export const ATTESTATIONS = ['keep', 'strip', 'auto'] as const;
export type Attestations = (typeof ATTESTATIONS)[number];

export const INDEX = ['rewrite', 'sparse'] as const;
export type Index = (typeof INDEX)[number];

const DELAY = 300;

export function emptyProfile(): Profile {
  return {
    id: '',
    name: '',
    rules: [blankRule()],
    os: [],
    arch: [],
    overwrite: 'differing',
    attestations: 'keep',
    index: 'rewrite',
    referrers: false,
    retries: null,
    proc: null,
    bandwidth: null,
    accounts: {},
  };
}

/** Where something may be wrong: a field of the profile (`rule` is null) or of a rule; `item` of a list, or any of them. */
function key(field: string, rule: number | null, item: number | null): string {
  return [field, rule ?? '', item ?? ''].join('-');
}

export class ProfileDraft {
  profile: Profile = $state(emptyProfile());
  problems = $state.raw<RuleProblem[]>([]);
  /** Fields that the user has left, or all of them once Save was tried: only these show what is wrong. */
  touched = $state.raw<ReadonlySet<string>>(new Set());
  all = $state(false);
  /** Numbers that are none, by field: nothing is saved while there are any. */
  invalid: Record<string, boolean> = $state({});
  /** A key for each rule that stays with it when others come or go. */
  keys: number[] = $state([]);
  #nextKey = 0;
  #before = '';
  #backend: Backend;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn = 0;

  constructor(backend: Backend, profile: Profile, touched: boolean) {
    this.#backend = backend;
    this.profile = profile;
    this.keys = profile.rules.map(() => (this.#nextKey += 1));
    this.all = touched;
    this.#before = JSON.stringify(profile);
  }

  get changed(): boolean {
    return JSON.stringify(this.profile) !== this.#before;
  }

  get count(): number {
    return this.problems.length + Object.values(this.invalid).filter(Boolean).length;
  }

  touch(field: string, rule: number | null = null, item: number | null = null): void {
    this.touched = new Set([...this.touched, key(field, rule, item)]);
  }

  addRule(rule: RuleDraft = blankRule()): void {
    this.profile.rules.push(rule);
    this.keys.push((this.#nextKey += 1));
  }

  removeRule(at: number): void {
    this.profile.rules.splice(at, 1);
    this.keys.splice(at, 1);
    // what was said of the rules behind it is of others now
    this.problems = this.problems.filter((problem) => problem.rule === null || problem.rule < at);
  }

  /** What is wrong with a field, if it may be shown already; without `item`, the first of its items that is wrong. */
  at(field: string, rule: number | null = null, item: number | null = null): RuleProblem | null {
    if (!this.all && !this.touched.has(key(field, rule, item))) return null;
    return (
      this.problems.find(
        (problem) =>
          problem.field === field && problem.rule === rule && (item === null || problem.item === item),
      ) ?? null
    );
  }

  /** Some time after the last key. */
  checkSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.check().catch(() => undefined), DELAY);
  }

  async check(): Promise<void> {
    clearTimeout(this.#timer);
    const turn = (this.#turn += 1);
    const problems = await this.#backend.profilesCheck(this.clean());
    if (turn === this.#turn) this.problems = problems;
  }

  /** Null while something is wrong; it is shown then. */
  async save(): Promise<Profile | null> {
    this.all = true;
    await this.check();
    if (this.count > 0) return null;
    const saved = await this.#backend.profilesSave(this.clean());
    this.profile.id = saved.id;
    this.#before = JSON.stringify(this.profile);
    return saved;
  }

  clean(): Profile {
    const profile = $state.snapshot(this.profile);
    return { ...profile, name: profile.name.trim(), rules: profile.rules.map(cleaned) };
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** A rule without what does not count: spaces around, an empty range. */
export function cleaned(rule: RuleDraft): RuleDraft {
  return {
    ...rule,
    source: rule.source.trim(),
    destinations: rule.destinations.map((each) => each.trim()),
    tags: { ...rule.tags, versions: rule.tags.versions?.trim() || null },
  };
}
