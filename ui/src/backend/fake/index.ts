// The whole backend in memory, for developing the page, its tests and its pictures. Nothing here is in the real app.

import { Problem, type Backend } from '../backend';
import type {
  Account,
  AccountDraft,
  AppEvent,
  CheckReport,
  CheckStep,
  ExportReport,
  FoundLogin,
  FoundLogins,
  ImportReport,
  KeyringStatus,
  HistoryDetail,
  Note,
  Pick,
  PickedImage,
  Profile,
  ProfileSummary,
  RuleProblem,
  RunInfo,
  Sentence,
  Settings,
  Snapshot,
  Taken,
  VerifyReport,
} from '../types';
import { retryHelps } from '../../text/catalogue';
import * as data from './data';
import { FakeBrowse } from './browse';
import { preview } from './preview';
import { FakeHistory } from './history';
import { providers } from './providers';
import { FakeRun, type Pace } from './run';
import { scenario, type Scenario } from './scenario';
import { note, ruleWrong, sentence } from './sentence';

const MISSING: KeyringStatus = {
  state: 'missing',
  hint: sentence('keyring_any'),
  detail:
    'org.freedesktop.DBus.Error.ServiceUnknown: The name org.freedesktop.secrets was not provided by any .service files',
  file: 'none',
};
const LOCKED: KeyringStatus = {
  state: 'locked',
  hint: sentence('keyring_locked'),
  detail: 'The collection “login” is locked.',
  file: 'none',
};
const READY: KeyringStatus = { state: 'ready', hint: null, detail: '', file: 'none' };

const EMPTY_DRAFT: AccountDraft = {
  id: null,
  name: '',
  address: '',
  username: '',
  secret: null,
  insecure: false,
  caFile: null,
  provider: '',
  settings: {},
  secretKind: '',
  secretFile: null,
  plainHttp: false,
  trusted: null,
  clientCert: null,
  clientKey: null,
  proxy: null,
  mirrors: [],
  limit: null,
  creates: null,
  api: null,
  pathPrefix: null,
};

/** A backend in the state that the query asks for. */
export function fake(query: string): Backend {
  const how = scenario(query);
  return new Fake(how).backend();
}

class Fake {
  #how: Scenario;
  #settings: Settings;
  #keyring: KeyringStatus = READY;
  #accounts: Account[];
  #profiles: Profile[];
  #lastRuns = new Map<string, ProfileSummary['lastRun']>();
  #runs: FakeRun[] = [];
  #onEvent: (event: AppEvent) => void = () => undefined;
  #ids = 0;
  #browse: FakeBrowse;
  #history: FakeHistory;

  constructor(how: Scenario) {
    this.#how = how;
    this.#settings = {
      theme: how.theme,
      language: how.language,
      notifications: { finished: 'hidden', failed: 'always', attention: 'always' },
      historyDays: 90,
      tray: false,
      proc: null,
      bandwidth: null,
    };
    this.#accounts = data.accounts(how);
    this.#browse = new FakeBrowse(how);
    this.#history = new FakeHistory(how);
    this.#profiles = data.profiles(how);
    if (how.name === 'nokeyring') this.#keyring = MISSING;
    if (how.name === 'locked') this.#keyring = LOCKED;
  }

  backend(): Backend {
    const answer = <T>(work: () => T): Promise<T> => this.#answer(work);
    return {
      appInfo: () =>
        answer(() => ({
          version: '0.1.0',
          locale: this.#how.locale,
          demo: this.#how.demo,
          configDir: '/home/acme/.config/image-syncer',
          problems: this.#how.name === 'broken' ? [data.KEPT_ASIDE] : [],
        })),
      settingsGet: () => answer(() => this.#settings),
      settingsSet: (settings) => answer(() => (this.#settings = structuredClone(settings))),
      settingsTryNotification: () => answer(() => this.#tryNotification()),
      keyringStatus: () => answer(() => this.#keyring),
      keyringRetry: () => answer(() => this.#unlock()),
      keyringUseMemory: () => answer(() => this.#setKeyring({ ...READY, state: 'memory' })),
      keyringUseFile: (passphrase) => answer(() => this.#openFile(passphrase)),
      accountsList: () => answer(() => this.#list(this.#accounts)),
      accountsSave: (draft) => answer(() => this.#saveAccount(draft)),
      accountsRemove: (id) =>
        answer(() => ((this.#accounts = this.#accounts.filter((each) => each.id !== id)), null)),
      accountsTest: (token, draft, repository) => this.#test(token, { ...draft }, repository),
      accountsFind: (machine, auth) => answer(() => this.#find(machine, auth)),
      accountsTake: (auth, picks) => answer(() => this.#take(auth, picks)),
      browseOpen: (request) => this.#browse.open(request),
      browseMore: (request) => this.#browse.more(request),
      browseDetails: (request) => this.#browse.details(request),
      browseCancel: (token) => answer(() => this.#browse.cancel(token)),
      browseForget: () => answer(() => null),
      browseNames: (host, text) => answer(() => this.#browse.names(host, text)),
      browseKept: (host) => answer(() => this.#browse.kept(host)),
      browseDrop: (host, repository) => answer(() => this.#browse.drop(host, repository)),
      providersList: () =>
        answer(() =>
          providers(this.#settings.language === 'system' ? this.#how.locale : this.#settings.language),
        ),
      profilesList: () => answer(() => this.#summaries()),
      profilesGet: (id) => answer(() => structuredClone(this.#profile(id))),
      profilesCheck: (profile) => answer(() => check(profile)),
      profilesSave: (profile) => answer(() => this.#saveProfile(profile)),
      profilesPreview: (request) => this.#browse.waited(request.token, () => preview(request, this.#browse)),
      profilesRename: (id, name) => answer(() => this.#rename(id, name)),
      profilesExportFile: (id) => answer(() => `/home/acme/${this.#profile(id).id}.yaml`),
      profilesExportOriginal: (id, save) => answer(() => this.#original(id, save)),
      profilesDuplicate: (id) =>
        answer(() => {
          const profile = this.#profile(id);
          return this.#saveProfile({ ...structuredClone(profile), id: '', name: `${profile.name} (2)` });
        }),
      profilesRemove: (id) =>
        answer(() => ((this.#profiles = this.#profiles.filter((each) => each.id !== id)), null)),
      profilesImport: (name, images, auth) => answer(() => this.#import(name, images, auth)),
      profilesCommand: (id) => answer(() => `image-syncer run ${this.#profile(id).id}`),
      filesPick: (kind) =>
        answer(
          () =>
            ({
              images: '/home/acme/images.yaml',
              auth: '/home/acme/auth.yaml',
              ca: '/etc/ssl/ca.pem',
              identity: '/home/acme/client.pem',
              secret: '/home/acme/Downloads/mirror-prod-1f2e3d.json',
            })[kind],
        ),
      filesOpen: () => answer(() => null),
      runsPlan: (profileId) => answer(() => this.#begin(profileId, 'plan')),
      runsStart: (profileId, skip = []) => answer(() => this.#begin(profileId, 'run', { skip })),
      runsRetry: (id, images) => answer(() => this.#retry(id, images)),
      runsContinue: (id) =>
        answer(() => this.#begin(this.#history.run(id).profileId, 'run', { retryOf: id })),
      runsPause: (id) => answer(() => (this.#run(id).pause(), null)),
      runsResume: (id) => answer(() => (this.#run(id).resume(), null)),
      runsLimits: ({ id, proc, bandwidth }) => answer(() => (this.#run(id).limits(proc, bandwidth), null)),
      runsCancel: (id) => answer(() => (this.#run(id).cancel(), null)),
      runsList: () => answer(() => this.#runs.map((run) => ({ ...run.info }))),
      runsSnapshot: (id) => answer(() => this.#run(id).snapshot()),
      runsParts: (id, image) => answer(() => this.#run(id).parts(image)),
      runsVerify: (id) => answer(() => this.#verify(id)),
      runsExport: (_, format) =>
        answer(
          () =>
            `/home/acme/image-syncer-report.${{ json: 'json', csv: 'csv', markdown: 'md', junit: 'xml' }[format]}`,
        ),
      historyList: (request) => answer(() => this.#history.list(request)),
      historyGet: (id) => answer(() => this.#detail(id)),
      historyLog: (request) => answer(() => this.#history.log(request)),
      historyRemove: (id) =>
        answer(() => {
          this.#history.remove(id);
          this.#onEvent({ type: 'history' });
          return null;
        }),
      demoStart: () =>
        answer(() => {
          if (!this.#profiles.some((each) => each.id === 'demo')) this.#profiles.unshift(data.demoProfile());
          return { source: data.DEMO_SOURCE, destination: data.DEMO_DESTINATION, profileId: 'demo' };
        }),
      subscribe: (onEvent) => answer(() => void (this.#onEvent = onEvent)),
    };
  }

  async #answer<T>(work: () => T): Promise<T> {
    await wait(this.#how.latency);
    return work();
  }

  #list<T>(list: T[]): T[] {
    if (this.#how.name === 'broken') {
      throw new Problem({
        code: 'file.failed',
        message: '/home/acme/.config/image-syncer/accounts.yaml: permission denied',
        hint: 'Check who owns the file.',
      });
    }
    return structuredClone(list);
  }

  #unlock(): KeyringStatus {
    return this.#how.name === 'locked' ? this.#setKeyring(READY) : this.#keyring;
  }

  #setKeyring(status: KeyringStatus): KeyringStatus {
    this.#keyring = status;
    this.#onEvent({ type: 'keyring', status });
    return status;
  }

  #openFile(passphrase: string): KeyringStatus {
    if (passphrase === 'wrong') {
      throw new Problem({
        code: 'secrets.passphrase',
        message: 'the passphrase does not open secrets.age',
        hint: 'Check the passphrase; nothing was changed.',
      });
    }
    return this.#setKeyring({ ...READY, state: 'file', file: 'open' });
  }

  #find(machine: boolean, auth: string | null): FoundLogins {
    const known = ({ address, username }: FoundLogin): string | null =>
      this.#accounts.find((each) => each.address === address && each.username === (username ?? ''))
        ?.address ?? null;
    const list = [
      ...(machine && this.#how.name !== 'empty' ? data.FOUND : []),
      ...(auth ? [data.FOUND_IN_FILE] : []),
    ];
    const problems =
      this.#how.name === 'failing'
        ? [
            {
              code: 'helper.failed',
              message: 'the credential helper docker-credential-pass is not in $PATH',
              hint: "Install it, or remove it from 'credsStore' in docker's config.json.",
              params: {},
              notes: [],
            },
          ]
        : [];
    return { found: list.map((each) => ({ ...each, known: known(each) })), problems };
  }

  #take(auth: string | null, picks: Pick[]): Taken {
    const { found } = this.#find(true, auth);
    const accounts = picks.flatMap(({ key, link }) => {
      const login = found.find((each) => each.key === key);
      if (!login) return [];
      const account: Account = {
        ...data.blank(`account-${(this.#ids += 1)}`),
        name: login.address,
        address: login.address,
        username: login.username ?? 'oauth2accesstoken',
        secretIn: link ? 'linked' : this.#place(),
        link: link ? login.source : null,
      };
      this.#accounts.push(account);
      return [structuredClone(account)];
    });
    return { accounts, problems: [] };
  }

  /** Where secrets go now. */
  #place(): string {
    return this.#keyring.state === 'ready' ? 'keyring' : this.#keyring.state;
  }

  #saveAccount(draft: AccountDraft): Account {
    if (draft.secret && !['ready', 'memory', 'file'].includes(this.#keyring.state)) {
      throw new Problem({ code: `keyring.${this.#keyring.state}`, message: this.#keyring.detail });
    }
    const known = this.#accounts.find((each) => each.id === draft.id);
    const isKept = !draft.secretKind.match(/^aws-(profile|environment)$/);
    const given = Boolean(draft.secret) || draft.secretFile !== null;
    const hasSecret = isKept && (given || (draft.secret === null && (known?.hasSecret ?? false)));
    if (given && !draft.username && ['', 'password', 'aws-keys'].includes(draft.secretKind)) {
      throw new Problem({
        code: 'config.invalid',
        message: 'a secret needs a user name',
        params: { field: 'username', why: 'needed' },
      });
    }
    const { secret: _, secretFile: __, proxy, creates, api, pathPrefix, ...plain } = draft;
    const account: Account = {
      ...data.blank(known?.id ?? `account-${(this.#ids += 1)}`),
      ...plain,
      id: known?.id ?? `account-${this.#ids}`,
      secretKind: draft.secretKind || 'password',
      proxy: proxy && proxy.replace(/:[^:@/]*@/, '@'),
      hasProxyPassword: proxy !== null && /:[^:@/]*@/.test(proxy),
      creates: creates ?? known?.creates ?? false,
      api: (api ?? known?.api) || null,
      pathPrefix: (pathPrefix ?? known?.pathPrefix) || null,
      hasSecret,
      secretIn: given && isKept ? this.#place() : hasSecret ? (known?.secretIn ?? 'keyring') : 'none',
      link: given ? null : (known?.link ?? null),
      verifiedAt: known?.verifiedAt ?? null,
      failed: known?.failed ?? null,
    };
    if (known) Object.assign(known, account);
    else this.#accounts.push(account);
    return structuredClone(account);
  }

  async #test(token: string, draft: AccountDraft, repository: string | null): Promise<CheckReport> {
    const pause = this.#how.name === 'slow' ? 1000 : 120;
    const steps: CheckStep[] = [];
    for (const step of checkSteps(draft, repository, this.#how)) {
      await wait(pause);
      if (step.step === 'login' && this.#how.hold === 'check') await new Promise(() => undefined);
      steps.push(step);
      this.#onEvent({ type: 'check', token, step });
    }
    const passed = steps.every((step) => step.state !== 'failed');
    const known = this.#accounts.find((each) => each.id === draft.id);
    const at = new Date().toISOString();
    const failed = steps.find((step) => step.state === 'failed');
    if (known && passed) Object.assign(known, { verifiedAt: at, failed: null });
    if (known && failed?.error) known.failed = { at, step: failed.step, code: failed.error.code };
    return { passed, steps };
  }

  #summaries(): ProfileSummary[] {
    const list = this.#list(this.#profiles).map((profile) =>
      data.summary(profile, this.#lastRuns.get(profile.id) ?? undefined),
    );
    const [first] = list;
    if (this.#how.name === 'interrupted' && first?.lastRun && !this.#lastRuns.has(first.id)) {
      first.lastRun = { ...first.lastRun, interrupted: true };
    }
    return this.#how.name === 'names' || this.#how.name === 'failing' ? [...list, data.BROKEN] : list;
  }

  #profile(id: string): Profile {
    const profile = this.#profiles.find((each) => each.id === id);
    if (!profile) throw new Problem({ code: 'gone', message: 'there is no such profile any more' });
    return profile;
  }

  #saveProfile(profile: Profile): Profile {
    const saved = { ...structuredClone(profile), id: profile.id || slug(profile.name, (this.#ids += 1)) };
    const at = this.#profiles.findIndex((each) => each.id === saved.id);
    if (at < 0) this.#profiles.push(saved);
    else this.#profiles[at] = saved;
    return structuredClone(saved);
  }

  #rename(id: string, name: string): Profile {
    if (this.#profiles.some((each) => each.id !== id && each.name === name)) {
      throw new Problem({
        code: 'config.invalid',
        message: `there is a profile named '${name}' already`,
        params: { field: 'name' },
        notes: [note(sentence('name_taken', { name }))],
      });
    }
    return this.#saveProfile({ ...this.#profile(id), name });
  }

  #original(id: string, save: boolean): ExportReport {
    const { rules, os, arch } = this.#profile(id);
    const plain = ({ tags, platforms }: Profile['rules'][number]): boolean =>
      platforms === null && tags.newest === null && tags.versions === null;
    const taken = rules.filter(plain);
    const flags = [...os.map((each) => `--os ${each}`), ...arch.map((each) => `--arch ${each}`)];
    return {
      text: taken.map(({ source, destinations }) => `${source}: ${destinations.join(', ')}\n`).join(''),
      taken: taken.length,
      of: rules.length,
      notes: [
        ...rules.filter((rule) => !plain(rule)).map(({ source }) => sentence('export_tags', { source })),
        ...(flags.length > 0 ? [sentence('export_flags', { flags: flags.join(' ') })] : []),
        sentence('export_logins'),
      ],
      path: save ? `/home/acme/${id}-images.yaml` : null,
    };
  }

  #import(name: string, images: string, auth: string | null): ImportReport {
    const at = (file: string, line: number): Partial<Note> => ({
      file: `/home/acme/${file}.yaml`,
      line,
      column: 1,
    });
    if (images.includes('bad')) {
      throw new Problem({
        code: 'config.invalid',
        message: `${images}:3:12: 'quay.io/a/b' is written twice, on line 1 and on line 3`,
        hint: 'write several destinations as a list under one key',
        params: { file: images, line: '3', column: '12' },
        notes: [
          note(sentence('twice', { key: 'quay.io/a/b', first: '1', second: '3' }), {
            hint: sentence('twice_images'),
            file: images,
            line: 3,
            column: 12,
          }),
        ],
      });
    }
    const profile = this.#saveProfile({
      ...(data.profiles({ ...this.#how, name: 'usual' })[0] as Profile),
      id: '',
      name: name || 'images',
    });
    const accounts: Account[] = auth
      ? [
          this.#saveAccount({
            ...EMPTY_DRAFT,
            address: 'quay.io',
            username: 'acme+mirror',
            secret: 'imported',
          }),
        ]
      : [];
    return {
      profile: data.summary(profile, null),
      accounts,
      taken: profile.rules.length,
      changed: [
        note(
          sentence('destination_now', { destination: 'r.example/${TEAM}/b', text: 'r.example/acme/b' }),
          at('images', 2),
        ),
      ],
      refused: [
        note(
          ruleWrong(
            'source',
            'quay.io/A',
            sentence('its_repository', { why: sentence('name_upper', { c: 'A' }) }),
            8,
          ),
          { ...at('images', 9), hint: sentence('rule_upper_hint', { name: 'quay.io/a' }) },
        ),
      ],
      warnings: [
        note(sentence('unknown', { what: sentence('field_of', { name: 'insecured', owner: 'quay.io' }) }), {
          ...at('auth', 4),
          hint: sentence('did_you_mean', { near: 'insecure' }),
        }),
      ],
    };
  }

  #tryNotification(): null {
    if (this.#how.name !== 'failing') return null;
    throw new Problem({
      code: 'notify.failed',
      message: 'The name org.freedesktop.Notifications was not provided by any .service files',
    });
  }

  #verify(id: string): VerifyReport {
    const { images } = this.#history.snapshot(id);
    const there = images.filter(({ status }) => status === 'copied' || status === 'skipped');
    const problems = there.slice(0, this.#how.name === 'failing' ? 2 : 0).map(({ source, destination }) => ({
      source,
      destination,
      error: {
        code: 'blob.not-found',
        message: `${destination}: 404 BLOB_UNKNOWN`,
        hint: '',
        params: {},
        notes: [],
      },
    }));
    return { images: there.length, manifests: there.length * 3, blobs: there.length * 7, problems };
  }

  #detail(id: string): HistoryDetail {
    return { run: structuredClone(this.#history.run(id)), snapshot: this.#history.snapshot(id) };
  }

  /** The images that failed, or these. */
  #retry(id: string, images: PickedImage[] | null): RunInfo {
    const { profileId } = this.#history.run(id);
    const rows = this.#history
      .snapshot(id)
      .images.filter(({ status, destination, error }) =>
        images
          ? images.some((each) => each.destination === destination)
          : status === 'failed' && error && retryHelps(error.code),
      );
    return this.#begin(profileId, 'run', { retryOf: id, only: rows.map((row) => row.destination) });
  }

  #begin(
    profileId: string,
    kind: 'plan' | 'run',
    {
      skip = [],
      only,
      retryOf = null,
    }: { skip?: PickedImage[]; only?: string[]; retryOf?: string | null } = {},
  ): RunInfo {
    const profile = this.#profile(profileId);
    const runs = this.#runs.filter(({ info }) => info.profileId === profileId && info.kind === 'run');
    if (runs.some((run) => !run.info.endedAt)) {
      throw new Problem({ code: 'run.busy', message: `${profile.name} is running already` });
    }
    const info: RunInfo = {
      id: `${kind}-${(this.#ids += 1)}`,
      profileId,
      profileName: profile.name,
      kind,
      startedAt: new Date().toISOString(),
      endedAt: null,
      state: 'running',
      startedBy: 'app',
      proc: this.#settings.proc,
      bandwidth: this.#settings.bandwidth,
      retryOf,
    };
    // what an earlier run has copied is there now, and what is tried again works
    const images = data
      .images(profileId, this.#how)
      .filter((image) => !only || only.includes(image.destination))
      .map((image) =>
        only
          ? { ...image, fails: null }
          : runs.length > 0 && !image.fails
            ? { ...image, action: 'skip' as const, present: 1 }
            : image,
      );
    const { tick, hold } = this.#how;
    const stay = kind === 'run' && (hold === 'planning' || hold === 'verifying') ? hold : null;
    const waits = this.#how.name === 'waiting';
    const pace: Pace = { tick, holdAt: hold === kind ? 0.45 : null, stay, waits };
    const run = new FakeRun(
      info,
      images,
      pace,
      (event) => this.#onEvent(event),
      (snapshot) => this.#ended(info, snapshot),
      skip.map(({ destination }) => destination),
    );
    this.#runs.unshift(run);
    run.begin();
    return { ...info };
  }

  #ended(info: RunInfo, snapshot: Snapshot): void {
    if (info.kind !== 'run') return;
    const { totals } = snapshot;
    const { copied, skipped, failed, cancelled } = totals;
    const endedAt = new Date().toISOString();
    this.#lastRuns.set(info.profileId, { endedAt, interrupted: false, copied, skipped, failed, cancelled });
    const result =
      cancelled > 0 ? 'cancelled' : failed === 0 ? 'succeeded' : copied > 0 ? 'partly-failed' : 'failed';
    const { id, profileId, profileName, startedAt, startedBy, retryOf } = info;
    this.#history.add(
      { id, profileId, profileName, startedAt, endedAt, startedBy, result, totals, retryOf },
      snapshot,
    );
    this.#onEvent({ type: 'history' });
  }

  #run(id: string): FakeRun {
    const run = this.#runs.find((each) => each.info.id === id);
    if (!run) throw new Problem({ code: 'gone', message: 'there is no such run any more' });
    return run;
  }
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function slug(name: string, id: number): string {
  return `${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}-${id}`;
}

function checkSteps(draft: AccountDraft, repository: string | null, how: Scenario): CheckStep[] {
  const host = draft.address.split('/')[0] ?? draft.address;
  const step = (name: string, millis: number, detail: string, state = 'passed', note = ''): CheckStep => ({
    step: name,
    state,
    millis,
    detail,
    note: note || null,
    certificate: null,
    error: null,
    trust: null,
  });
  const fingerprint = Array.from({ length: 32 }, (_, at) => (at * 7 + 16).toString(16))
    .join(':')
    .toUpperCase();
  const certificate = (issuer: string): CheckStep['certificate'] => ({
    subject: `CN=${host}`,
    issuer,
    notAfter: '2027-02-18T00:00:00Z',
    sha256: fingerprint,
  });
  if (host.endsWith('.untrusted') && !draft.trusted && !draft.insecure) {
    return [
      step('dns', 4, '198.51.100.7'),
      step('tcp', 23, '198.51.100.7:443'),
      {
        ...step('tls', 41, `subject CN=${host}`, 'failed'),
        certificate: certificate('O=Lab, CN=Lab CA'),
        error: {
          code: 'tls.untrusted',
          message: `contacting the registry failed: the certificate is signed by nobody that this system trusts: registry ${host}`,
          hint: '',
          params: { host },
          notes: [],
        },
        trust: {
          certificate: { kind: 'certificate', sha256: fingerprint, subject: `CN=${host}`, pem: '' },
          ca: { kind: 'ca', sha256: fingerprint.replace(/^../, 'FF'), subject: 'CN=Lab CA', pem: 'PEM' },
        },
      },
      ...['registry', 'login', 'catalog', 'pull', 'push'].map((name) => step(name, 0, '', 'skipped')),
    ];
  }
  const tried = repository
    ? [step('pull', 31, 'v1', 'passed', 'found'), step('push', 64, '', 'passed', 'opened')]
    : ['pull', 'push'].map((name) => step(name, 0, '', 'skipped', 'no-repository'));
  const steps = [
    step('dns', 4, '198.51.100.7'),
    step('tcp', 23, '198.51.100.7:443'),
    draft.insecure
      ? { ...step('tls', 41, '', 'warning', 'unverified'), certificate: certificate('O=Lab, CN=Lab CA') }
      : { ...step('tls', 41, ''), certificate: certificate("C=US, O=Let's Encrypt, CN=R12") },
    step('registry', 38, '', 'passed', 'wants-login'),
    draft.username || draft.secretKind !== 'password'
      ? step('login', 87, '')
      : step('login', 0, '', 'skipped', 'anonymous'),
    {
      ...step('catalog', 52, '', 'warning'),
      error: {
        code: 'catalog.unsupported',
        message: `the registry does not list its repositories: registry ${host}: HTTP 401`,
        hint: '',
        params: { host },
        notes: [],
      },
    },
    ...tried,
  ];
  if (how.name !== 'failing') return steps;
  const failed: CheckStep = {
    ...step('login', 112, ''),
    state: 'failed',
    error: {
      code: 'auth.rejected',
      message: `${host}: the token service refused ${draft.username || 'anonymous'}: 401 (1 try, 0.1 s)`,
      hint: 'Make a new access token.',
      params: { host },
      notes: [],
    },
  };
  return [
    ...steps.slice(0, 4),
    failed,
    ...['catalog', 'pull', 'push'].map((name) => step(name, 0, '', 'skipped')),
  ];
}

/** A little of what Rust checks, so that the form has something to show. */
function check(profile: Profile): RuleProblem[] {
  const problems: RuleProblem[] = [];
  const add = (rule: number | null, field: string, item: number, what: Sentence): void => {
    const error = { code: 'config.invalid', message: what.text, hint: '', params: {}, notes: [note(what)] };
    problems.push({ rule, field, item, error });
  };
  const empty = (side: 'source' | 'destination'): Sentence =>
    sentence('rule_wrong', { side: sentence(side), written: '', why: sentence('empty') });
  if (profile.name === '') add(null, 'name', 0, sentence('no_name'));
  profile.rules.forEach((rule, at) => {
    const repository = rule.source.split(':')[0] ?? '';
    if (rule.source === '') add(at, 'source', 0, empty('source'));
    const wrong = /\s/.exec(rule.source) ?? /[A-Z]/.exec(repository);
    if (wrong) {
      const [c] = wrong;
      const why = /\s/.test(c) ? sentence('name_space') : sentence('name_upper', { c });
      const its = sentence('its_repository', { why });
      add(at, 'source', 0, ruleWrong('source', rule.source, its, wrong.index));
    }
    if (rule.destinations.length === 0) {
      add(at, 'destination', 0, sentence('no_destination', { source: rule.source }));
    }
    rule.destinations.forEach((destination, to) => {
      if (destination === '') add(at, 'destination', to, empty('destination'));
      const unknown = /\{(?!path\}|name\}|namespace\}|registry\})/.exec(destination);
      if (unknown) {
        const why = sentence('rule_placeholder');
        add(at, 'destination', to, ruleWrong('destination', destination, why, unknown.index));
      }
    });
    for (const field of ['include', 'exclude'] as const) {
      rule.tags[field].forEach((pattern, item) => {
        if (/^[^/].*[[\]]/.test(pattern)) {
          const why = sentence('pattern_character', { c: '[' });
          add(at, field, item, sentence('wrong_pattern', { text: pattern, why }));
        }
      });
    }
    if (rule.tags.versions && !/^[\s\d.,<>=~^*x-]+$/.test(rule.tags.versions)) {
      const why = 'unexpected character while parsing major version number';
      add(at, 'versions', 0, sentence('no_range', { text: rule.tags.versions, why }));
    }
  });
  return problems;
}
