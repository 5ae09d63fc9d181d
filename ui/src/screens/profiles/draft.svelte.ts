// A profile as it is typed, with what Rust says about it.

import type { Backend } from '../../backend/backend';
import type { Profile, RuleProblem } from '../../backend/types';

/** The usual platforms have a chip each; others are typed. */
export const CHIPS = {
  os: ['linux', 'windows'],
  arch: ['amd64', 'arm64', 'arm', '386', 'ppc64le', 's390x', 'riscv64'],
} as const;
export type Platforms = keyof typeof CHIPS;

export const OVERWRITE = ['never', 'differing', 'always'] as const;
export type Overwrite = (typeof OVERWRITE)[number];

export const ATTESTATIONS = ['keep', 'strip', 'auto'] as const;
export type Attestations = (typeof ATTESTATIONS)[number];

const DELAY = 300;

export function emptyProfile(): Profile {
  return {
    id: '',
    name: '',
    rules: [{ source: '', destinations: [''] }],
    os: [],
    arch: [],
    overwrite: 'differing',
    attestations: 'keep',
    referrers: false,
    accounts: {},
  };
}

export class ProfileDraft {
  profile: Profile = $state(emptyProfile());
  problems = $state.raw<RuleProblem[]>([]);
  /** Fields that the user has left, or all of them once Save was tried: only these show what is wrong. */
  touched = $state.raw<ReadonlySet<string>>(new Set());
  all = $state(false);
  #chosen: Record<Platforms, string[]> = $state({ os: [], arch: [] });
  #others: Record<Platforms, string> = $state({ os: '', arch: '' });
  #before = '';
  #backend: Backend;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn = 0;

  constructor(backend: Backend, profile: Profile, touched: boolean) {
    this.#backend = backend;
    this.profile = profile;
    for (const [list, known] of Object.entries(CHIPS) as [Platforms, readonly string[]][]) {
      this.#chosen[list] = profile[list].filter((each) => known.includes(each));
      this.#others[list] = profile[list].filter((each) => !known.includes(each)).join(', ');
    }
    this.all = touched;
    this.#before = JSON.stringify(profile);
  }

  get changed(): boolean {
    return JSON.stringify(this.profile) !== this.#before;
  }

  get count(): number {
    return this.problems.length;
  }

  touch(field: string): void {
    this.touched = new Set([...this.touched, field]);
  }

  addRule(): void {
    this.profile.rules.push({ source: '', destinations: [''] });
  }

  removeRule(at: number): void {
    this.profile.rules.splice(at, 1);
  }

  /** A chip of the list is down. */
  isChosen(list: Platforms, value: string): boolean {
    return this.#chosen[list].includes(value);
  }

  toggle(list: Platforms, value: string): void {
    const chosen = this.#chosen[list];
    this.#chosen[list] = chosen.includes(value)
      ? chosen.filter((each) => each !== value)
      : [...chosen, value];
    this.#join(list);
  }

  /** What is typed besides the chips, as it is typed. */
  others(list: Platforms): string {
    return this.#others[list];
  }

  setOthers(list: Platforms, text: string): void {
    this.#others[list] = text;
    this.#join(list);
  }

  #join(list: Platforms): void {
    const typed = this.#others[list].split(/[,，\s]+/).filter(Boolean);
    this.profile[list] = [...new Set([...this.#chosen[list], ...typed])];
  }

  /** What is wrong with a field, if it may be shown already. */
  at(field: string, rule = 0, destination = 0): RuleProblem | null {
    const key = field === 'source' || field === 'destination' ? `${field}-${rule}-${destination}` : field;
    if (!this.all && !this.touched.has(key)) return null;
    return (
      this.problems.find(
        (problem) =>
          problem.field === field &&
          (field === 'source'
            ? problem.rule === rule
            : field !== 'destination' || (problem.rule === rule && problem.destination === destination)),
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
    if (this.problems.length > 0) return null;
    const saved = await this.#backend.profilesSave(this.clean());
    this.profile.id = saved.id;
    this.#before = JSON.stringify(this.profile);
    return saved;
  }

  clean(): Profile {
    const profile = $state.snapshot(this.profile);
    return {
      ...profile,
      name: profile.name.trim(),
      rules: profile.rules.map((rule) => ({
        source: rule.source.trim(),
        destinations: rule.destinations.map((each) => each.trim()),
      })),
    };
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
