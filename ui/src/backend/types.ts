// What crosses the border between the page and Rust. Written by hand from `api::dto` and `engine::event` with the same names.

/** Something went wrong. Title and remedy are shown by `code`, from the page's own catalogue. */
export interface ApiError {
  code: string;
  message: string;
  hint: string;
  params: Record<string, string>;
}

export interface AppInfo {
  version: string;
  locale: string;
  demo: boolean;
  configDir: string;
  /** What was wrong with the app's own files at its start; the broken ones were kept aside. */
  problems: ApiError[];
}

export interface Settings {
  /** `system`, `light` or `dark`. */
  theme: string;
  /** `system`, `en` or `zh-CN`. */
  language: string;
  notify: boolean;
}

export interface KeyringStatus {
  /** `ready`, `missing`, `locked` or `memory`. */
  state: string;
  hint: string;
  detail: string;
}

export interface Account {
  id: string;
  name: string;
  address: string;
  username: string;
  hasSecret: boolean;
  /** `keyring`, `memory` or `none`. */
  secretIn: string;
  insecure: boolean;
  caFile: string | null;
  verifiedAt: string | null;
}

export interface AccountDraft {
  id: string | null;
  name: string;
  address: string;
  username: string;
  /** `null` keeps the one that is stored. */
  secret: string | null;
  insecure: boolean;
  caFile: string | null;
}

export interface CheckStep {
  /** `dns`, `tcp`, `tls`, `registry`, `login` or `catalog`. */
  step: string;
  /** `passed`, `failed`, `warning` or `skipped`. */
  state: string;
  millis: number;
  detail: string;
  error: ApiError | null;
}

export interface CheckReport {
  passed: boolean;
  steps: CheckStep[];
}

export interface RuleDraft {
  source: string;
  destinations: string[];
}

export interface Profile {
  /** Empty for a new one. */
  id: string;
  name: string;
  rules: RuleDraft[];
  os: string[];
  arch: string[];
  /** `never`, `differing` or `always`. */
  overwrite: string;
  referrers: boolean;
}

export interface ProfileSummary {
  id: string;
  name: string;
  rules: number;
  /** The first rule, `source → destination`. */
  first: string;
  demo: boolean;
  broken: ApiError | null;
  lastRun: LastRun | null;
}

export interface LastRun {
  endedAt: string;
  copied: number;
  skipped: number;
  failed: number;
  cancelled: number;
}

export interface RuleProblem {
  rule: number;
  /** `source`, `destination`, `name`, `os` or `arch`. */
  field: string;
  destination: number;
  error: ApiError;
}

export interface ImportReport {
  profile: ProfileSummary | null;
  accounts: Account[];
  taken: number;
  notes: string[];
}

export interface Demo {
  source: string;
  destination: string;
  profileId: string;
}

export interface RunInfo {
  id: string;
  profileId: string;
  profileName: string;
  /** `plan` or `run`. */
  kind: string;
  startedAt: string;
  endedAt: string | null;
}

export type Phase = 'planning' | 'copying' | 'verifying' | 'done';

export type ImageStatus =
  'waiting' | 'resolving' | 'planned' | 'copying' | 'copied' | 'skipped' | 'failed' | 'cancelled';

export type Action = 'copy' | 'skip' | 'overwrite' | 'conflict' | 'blocked';

export interface Plan {
  action: Action;
  bytes_to_move: number;
  bytes_present: number;
  bytes_mountable: number;
}

export interface Failure {
  code: string;
  message: string;
  hint: string;
}

export interface ImageState {
  id: number;
  source: string;
  destination: string;
  status: ImageStatus;
  action: Action | null;
  plan: Plan | null;
  bytesTotal: number;
  bytesCopied: number;
  bytesInFlight: number;
  bytesMounted: number;
  bytesPresent: number;
  reason: string | null;
  error: Failure | null;
}

export interface Totals {
  images: number;
  resolved: number;
  copied: number;
  skipped: number;
  failed: number;
  cancelled: number;
  bytesTotal: number;
  bytesCopied: number;
  bytesInFlight: number;
  bytesMounted: number;
  bytesPresent: number;
  bytesPerSecond: number;
  seconds: number;
  secondsLeft: number | null;
}

export interface Update {
  seq: number;
  phase: Phase;
  totals: Totals;
  images: ImageState[];
  warnings: string[];
}

export type Snapshot = Update;

export type AppEvent =
  | { type: 'run'; run: RunInfo }
  | { type: 'update'; runId: string; update: Update }
  | { type: 'check'; token: string; step: CheckStep }
  | { type: 'keyring'; status: KeyringStatus };
