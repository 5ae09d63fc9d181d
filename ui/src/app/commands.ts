// Everything that can be done by a key or from the palette: once, for the keys, the palette and the sheet of shortcuts.

import { m } from '../i18n';
import type { ActionId } from '../state/actions.svelte';
import type { App } from '../state/app.svelte';
import type { Route } from '../state/router.svelte';

export type Group = 'screens' | 'accounts' | 'profiles' | 'screen' | 'app';

export interface Command {
  id: string;
  title: () => string;
  group: Group;
  /** `ctrl+k`: Ctrl, or Cmd on a Mac; a single character is typed without. */
  keys?: string;
  enabled: (app: App) => boolean;
  run: (app: App) => void;
}

const always = (): boolean => true;

function screen(digit: number, title: () => string, route: Route): Command {
  return {
    id: `go.${route.screen}`,
    title,
    group: 'screens',
    keys: `ctrl+${digit}`,
    enabled: always,
    run: (app) => app.router.go(route),
  };
}

function action(id: ActionId, title: () => string, keys?: string): Command {
  return {
    id: `screen.${id}`,
    title,
    group: 'screen',
    ...(keys ? { keys } : {}),
    enabled: (app) => app.actions.has(id),
    run: (app) => void app.actions.run(id),
  };
}

const theme = (value: string, title: () => string): Command => ({
  id: `theme.${value}`,
  title,
  group: 'app',
  enabled: (app) => app.settings.theme !== value,
  run: (app) => void app.set({ theme: value }),
});

const latest = (app: App, kind: 'plan' | 'run') =>
  app.runs.order.map((id) => app.runs.byId.get(id)).find((run) => run?.info.kind === kind) ?? null;

export const COMMANDS: Command[] = [
  screen(1, m.nav_home, { screen: 'home' }),
  screen(2, m.nav_accounts, { screen: 'accounts' }),
  screen(3, m.nav_browse, { screen: 'browse' }),
  screen(4, m.nav_profiles, { screen: 'profiles' }),
  {
    id: 'go.compare',
    title: m.command_last_compare,
    group: 'screens',
    keys: 'ctrl+5',
    enabled: (app) => latest(app, 'plan') !== null,
    run: (app) => {
      const plan = latest(app, 'plan');
      if (plan) app.show(plan);
    },
  },
  {
    id: 'go.run',
    title: m.command_last_run,
    group: 'screens',
    keys: 'ctrl+6',
    enabled: (app) => latest(app, 'run') !== null,
    run: (app) => {
      const run = latest(app, 'run');
      if (run) app.show(run);
    },
  },
  screen(7, m.nav_history, { screen: 'history' }),
  screen(8, m.nav_settings, { screen: 'settings' }),
  {
    id: 'profile.new',
    title: m.shortcut_new,
    group: 'profiles',
    keys: 'ctrl+n',
    enabled: always,
    run: (app) => app.router.go({ screen: 'editor', id: null }),
  },
  {
    id: 'import',
    title: m.shortcut_import,
    group: 'profiles',
    keys: 'ctrl+o',
    enabled: always,
    run: (app) => app.router.go({ screen: 'import' }),
  },
  {
    id: 'account.new',
    title: m.home_account_title,
    group: 'accounts',
    enabled: always,
    run: (app) => app.router.go({ screen: 'accounts', open: 'new' }),
  },
  {
    id: 'demo',
    title: m.home_demo_title,
    group: 'app',
    enabled: always,
    run: (app) => void app.startDemo(),
  },
  action('go', m.shortcut_go, 'ctrl+enter'),
  action('cancel', m.command_cancel),
  action('limits', m.command_limits),
  action('retry', m.command_retry),
  action('all', m.command_all),
  action('log', m.command_log, 'ctrl+l'),
  action('export', m.command_export, 'ctrl+e'),
  action('refresh', m.command_refresh, 'f5'),
  {
    id: 'screen.filter',
    title: m.shortcut_filter,
    group: 'screen',
    keys: '/',
    enabled: () => document.querySelector('[data-filter]') !== null,
    run: () => {
      const filter = document.querySelector<HTMLInputElement>('[data-filter]');
      filter?.focus();
      filter?.select();
    },
  },
  {
    id: 'screen.pause',
    title: m.command_pause,
    group: 'app',
    keys: 'ctrl+p',
    enabled: (app) => app.going !== null,
    run: (app) => {
      if (app.going) void app.pauseOrResume(app.going);
    },
  },
  {
    id: 'palette',
    title: m.command_palette,
    group: 'app',
    keys: 'ctrl+k',
    enabled: always,
    run: (app) => void (app.paletteOpen = true),
  },
  {
    id: 'shortcuts',
    title: m.shortcuts_title,
    group: 'app',
    keys: '?',
    enabled: always,
    run: (app) => void (app.shortcutsOpen = true),
  },
  theme('system', m.command_theme_system),
  theme('light', m.command_theme_light),
  theme('dark', m.command_theme_dark),
  theme('contrast', m.command_theme_contrast),
  {
    id: 'language',
    title: m.command_language,
    group: 'app',
    enabled: always,
    run: (app) => void app.set({ language: document.documentElement.lang === 'zh-CN' ? 'en' : 'zh-CN' }),
  },
];

/** The palette has these besides: what can be done with each profile. */
export function profileCommands(app: App): Command[] {
  return (app.profiles.value ?? [])
    .filter((profile) => profile.broken === null)
    .flatMap(({ id, name }) => [
      {
        id: `compare ${id}`,
        title: () => m.command_compare({ name }),
        group: 'profiles' as const,
        enabled: always,
        run: (app: App) => void app.compare(id),
      },
      {
        id: `run ${id}`,
        title: () => m.command_run({ name }),
        group: 'profiles' as const,
        enabled: always,
        run: (app: App) => void app.run(id),
      },
      {
        id: `edit ${id}`,
        title: () => m.command_edit({ name }),
        group: 'profiles' as const,
        enabled: always,
        run: (app: App) => app.router.go({ screen: 'editor', id }),
      },
    ]);
}

/** Those whose title has every word of the text; where it begins with the text, first. */
export function search(commands: Command[], text: string): Command[] {
  const wanted = text.trim().toLowerCase();
  const words = wanted.split(/\s+/).filter(Boolean);
  const hits = commands
    .map((command) => ({ command, title: command.title().toLowerCase() }))
    .filter(({ title }) => words.every((word) => title.includes(word)));
  return [
    ...hits.filter(({ title }) => title.startsWith(wanted)),
    ...hits.filter(({ title }) => !title.startsWith(wanted)),
  ].map(({ command }) => command);
}
