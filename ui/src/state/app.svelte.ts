import { getContext, setContext } from 'svelte';
import { Problem, type Backend } from '../backend/backend';
import type { AppEvent, AppInfo, PickedImage, ProfileSummary, RunInfo, Settings } from '../backend/types';
import { fit, setLocale } from '../i18n';
import { Accounts } from './accounts.svelte';
import { Actions } from './actions.svelte';
import { Announcer } from './announcer.svelte';
import { Browse } from './browse.svelte';
import { History } from './history.svelte';
import { Keyring } from './keyring.svelte';
import { Loadable } from './loadable.svelte';
import { Router } from './router.svelte';
import type { Run } from './run.svelte';
import { Runs } from './runs.svelte';

export interface Question {
  title: string;
  text: string;
  yes: string;
  no: string;
  danger?: boolean;
}

/** Everything that the page knows, by domain. */
export class App {
  readonly router = new Router();
  readonly announcer = new Announcer();
  readonly accounts: Accounts;
  readonly profiles: Loadable<ProfileSummary[]>;
  readonly keyring: Keyring;
  readonly browse: Browse;
  readonly runs: Runs;
  readonly history: History;
  readonly actions = new Actions();

  info = $state.raw<AppInfo>({ version: '', locale: 'en', demo: false, configDir: '', problems: [] });
  settings = $state.raw<Settings>({
    theme: 'system',
    language: 'system',
    notifications: { finished: 'hidden', failed: 'always', attention: 'always' },
    historyDays: null,
    tray: false,
    proc: null,
    bandwidth: null,
  });
  /** The start failed. */
  error = $state.raw<Problem | null>(null);
  /** What the demo said when it was started. */
  demo = $state.raw<{ source: string; destination: string; profileId: string } | null>(null);
  question = $state.raw<(Question & { answer: (yes: boolean) => void }) | null>(null);
  /** Something that a command said and that stands nowhere else. */
  problem = $state.raw<Problem | null>(null);
  toast = $state<string | null>(null);
  shortcutsOpen = $state(false);
  paletteOpen = $state(false);
  #toastTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly backend: Backend) {
    this.accounts = new Accounts(backend);
    this.profiles = new Loadable(() => backend.profilesList());
    this.keyring = new Keyring(backend);
    this.browse = new Browse(backend);
    this.runs = new Runs(backend);
    this.history = new History(backend);
  }

  async start(): Promise<void> {
    try {
      await this.backend.subscribe((event) => this.#on(event));
      const [info, settings] = await Promise.all([this.backend.appInfo(), this.backend.settingsGet()]);
      this.info = info;
      this.settings = settings;
      this.showSettings();
      await Promise.all([this.keyring.load(), this.runs.load()]);
    } catch (thrown) {
      this.error = Problem.from(thrown);
    }
    void this.profiles.load();
    void this.accounts.load();
    void this.history.look();
  }

  async set(change: Partial<Settings>): Promise<void> {
    const before = this.settings;
    this.settings = { ...before, ...change };
    this.showSettings();
    await this.attempt(async () => {
      try {
        this.settings = await this.backend.settingsSet(this.settings);
      } catch (thrown) {
        this.settings = before;
        throw thrown;
      } finally {
        this.showSettings();
      }
    });
  }

  /** Language and theme to the document; also called when the system's change. */
  showSettings(): void {
    const { language, theme } = this.settings;
    setLocale(fit(language === 'system' ? this.info.locale : language));
    const asked = (query: string): boolean => matchMedia(query).matches;
    const contrast = theme === 'contrast' || asked('(prefers-contrast: more)');
    const dark =
      theme === 'dark' ||
      ((theme === 'system' || theme === 'contrast') && asked('(prefers-color-scheme: dark)'));
    const { dataset } = document.documentElement;
    dataset['theme'] = dark ? 'dark' : 'light';
    if (contrast) dataset['contrast'] = 'more';
    else delete dataset['contrast'];
  }

  /** Runs something whose failure stands nowhere else: it is shown over the screen. */
  async attempt<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (thrown) {
      this.problem = Problem.from(thrown);
      return null;
    }
  }

  tell(message: string): void {
    clearTimeout(this.#toastTimer);
    this.toast = message;
    this.announcer.say(message);
    this.#toastTimer = setTimeout(() => (this.toast = null), 5000);
  }

  ask(question: Question): Promise<boolean> {
    this.question?.answer(false);
    return new Promise((resolve) => {
      this.question = {
        ...question,
        answer: (yes) => {
          this.question = null;
          resolve(yes);
        },
      };
    });
  }

  /** Asks both sides what they have, and shows it. */
  async compare(profileId: string): Promise<void> {
    const info = await this.attempt(() => this.backend.runsPlan(profileId));
    if (!info) return;
    this.runs.know(info);
    this.router.go({ screen: 'compare', profileId });
  }

  /** Without the rows that were switched off by hand. */
  async run(profileId: string, skip: PickedImage[] = []): Promise<void> {
    await this.#begin(() => this.backend.runsStart(profileId, skip));
  }

  /** A new run of what failed in an ended one, or of these images of it. */
  async retry(id: string, images: PickedImage[] | null = null): Promise<void> {
    await this.#begin(() => this.backend.runsRetry(id, images));
  }

  /** Takes up a run that was interrupted. */
  async continue(id: string): Promise<void> {
    await this.#begin(() => this.backend.runsContinue(id));
  }

  async #begin(start: () => Promise<RunInfo>): Promise<void> {
    const info = await this.attempt(start);
    if (!info) return;
    this.history.leave(info.retryOf ?? info.id);
    this.runs.know(info);
    this.router.go({ screen: 'run', runId: info.id });
  }

  /** The run that goes on and is meant: that on the screen, else the one in the status bar. */
  get going(): Run | null {
    const { route } = this.router;
    const shown = route.screen === 'run' ? this.runs.byId.get(route.runId) : undefined;
    const run = shown && !shown.ended ? shown : this.runs.current;
    return run && run.info.kind === 'run' && !run.ended && !run.cancelling ? run : null;
  }

  async pauseOrResume(run: Run): Promise<void> {
    await this.attempt(() => (run.paused ? run.resume() : run.pause()));
  }

  async startDemo(): Promise<void> {
    const demo = await this.attempt(() => this.backend.demoStart());
    if (!demo) return;
    this.demo = demo;
    void this.profiles.load();
    this.router.go({ screen: 'compare', profileId: demo.profileId });
  }

  show(run: Run): void {
    const { kind, id, profileId } = run.info;
    this.router.go(kind === 'plan' ? { screen: 'compare', profileId } : { screen: 'run', runId: id });
  }

  /** A notification or the tray was clicked. */
  #show(target: string, id: string | null): void {
    if (target === 'run' && id) this.router.go({ screen: 'run', runId: id });
    else if (target === 'accounts') this.router.go({ screen: 'accounts' });
    else this.router.go({ screen: 'home' });
  }

  #on(event: AppEvent): void {
    switch (event.type) {
      case 'run':
        this.runs.know(event.run);
        if (event.run.kind === 'run' && event.run.endedAt !== null) void this.profiles.load();
        break;
      case 'update':
        this.runs.push(event.runId, event.update);
        break;
      case 'history':
        void this.history.look();
        if (this.history.runs) void this.history.load();
        break;
      case 'show':
        this.#show(event.target, event.id);
        break;
      case 'check':
        this.accounts.onStep(event.token, event.step);
        break;
      case 'keyring':
        this.keyring.status = event.status;
        if (this.keyring.asking && this.keyring.usable) this.keyring.close();
        break;
    }
  }
}

const KEY = Symbol('app');

export function provideApp(app: App): void {
  setContext(KEY, app);
}

export function useApp(): App {
  return getContext(KEY);
}
