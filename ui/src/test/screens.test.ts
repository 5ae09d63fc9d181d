// Every screen on the fake backend, in the states empty, loading, error, many; axe is clean in each.

import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import { Problem } from '../backend/backend';
import { setLocale } from '../i18n';
import { blankRule } from '../text/rule';
import { clean, start } from './app';

const id = (testid: string): HTMLElement => screen.getByTestId(testid);
const some = (testid: string): Promise<HTMLElement[]> => screen.findAllByTestId(testid);
const never = new Promise<never>(() => undefined);

describe('Home', () => {
  test('empty: a newcomer is shown where to begin, the demo first', async () => {
    const { container } = await start('scenario=empty');
    expect(await screen.findByText('No profiles yet')).toBeVisible();
    const cards = within(screen.getByRole('region', { name: 'Start here' })).getAllByRole('listitem');
    expect(cards[0]).toHaveTextContent('Try the demo');
    await clean(container);
  });

  test('many: profiles with their last results', async () => {
    const { container } = await start('');
    const rows = await some('home-profile');
    expect(rows).toHaveLength(3);
    expect(rows[0]).toHaveTextContent('14 copied, 61 skipped');
    expect(rows[1]).toHaveTextContent('Never run');
    expect(rows[2]).toHaveTextContent('2 failed, 3 copied, 40 skipped');
    await clean(container);
  });

  test('loading, and an error that can be tried again', async () => {
    let fail = true;
    const { container, user } = await start('', '#/home', {
      profilesList: async () => {
        if (fail) throw new Problem({ code: 'file.failed', message: 'profiles: permission denied' });
        return [];
      },
    });
    expect(await screen.findByTestId('error-title')).toHaveTextContent('A file could not be read or written');
    expect(screen.getByRole('alert')).toHaveTextContent('profiles: permission denied');
    await clean(container);
    fail = false;
    await user.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByText('No profiles yet')).toBeVisible();
  });

  test('a list that does not come says that it is loading', async () => {
    const { container } = await start('', '#/home', { profilesList: () => never });
    expect(screen.getByText('Loading…')).toBeInTheDocument();
    await clean(container);
  });

  test('what was wrong with the app’s files is told', async () => {
    await start('scenario=broken');
    expect(await screen.findByText(/kept as settings.yaml.broken/, { selector: '.remedy *' })).toBeVisible();
  });

  test('names are shown without what reorders them', async () => {
    const { container } = await start('scenario=names');
    await some('home-profile');
    expect(container.textContent).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
    await clean(container);
  });
});

describe('Profiles', () => {
  test('what is wrong stands at its field, once it is left or saved', async () => {
    const { user, container } = await start('', '#/profiles/new');
    await screen.findByTestId('profile-name');
    expect(screen.queryByText('This field is needed.')).toBeNull();
    await user.type(id('rule-source-0'), 'quay.io/Team/app:1.0');
    await user.tab();
    await waitFor(() =>
      expect(id('rule-error-source-0')).toHaveTextContent("upper-case letter 'T' (character 9)"),
    );
    expect(screen.queryByTestId('rule-error-destination-0-0')).toBeNull();
    await user.click(id('profile-save'));
    expect(await screen.findByTestId('rule-error-destination-0-0')).toHaveTextContent(
      'This field is needed.',
    );
    expect(id('profile-name')).toHaveFocus();
    await clean(container);
  });

  test('a rule reads as one line; a second destination has its own field', async () => {
    const { user } = await start('', '#/profiles/new');
    await screen.findByTestId('profile-name');
    await user.type(id('rule-source-0'), 'quay.io/a/b:v1,v2');
    await user.type(id('rule-destination-0-0'), 'r.io/b');
    await user.click(id('destination-add-0'));
    await user.type(id('rule-destination-0-1'), 's.io/b');
    expect(id('rule-summary-0')).toHaveTextContent('quay.io/a/b, tags v1 and v2 → r.io/b and s.io/b');
  });

  test('is saved as it was typed', async () => {
    const { user, backend } = await start('scenario=empty', '#/profiles/new');
    await screen.findByTestId('profile-name');
    await user.type(id('profile-name'), 'Mine');
    await user.type(id('rule-source-0'), ' quay.io/a/b ');
    await user.type(id('rule-destination-0-0'), 'r.io/b');
    await user.click(id('platform-os-linux'));
    await user.type(id('platform-arch-other'), 'arm:v7, loong64,');
    await user.click(id('overwrite-never'));
    await user.click(id('attestations-auto'));
    await user.click(id('profile-referrers'));
    await user.click(id('profile-save'));
    await some('profile-row');
    const [summary] = await backend.profilesList();
    expect(await backend.profilesGet(summary?.id ?? '')).toEqual({
      id: summary?.id,
      name: 'Mine',
      rules: [blankRule('quay.io/a/b', ['r.io/b'])],
      os: ['linux'],
      arch: ['arm:v7', 'loong64'],
      overwrite: 'never',
      attestations: 'auto',
      index: 'rewrite',
      referrers: true,
      retries: null,
      proc: null,
      bandwidth: null,
      accounts: {},
    });
  });

  test('leaving with changes asks', async () => {
    const { user } = await start('', '#/profiles/team-mirror');
    await screen.findByTestId('profile-name');
    await user.type(id('profile-name'), '!');
    await user.click(id('nav-home'));
    await user.click(await screen.findByTestId('confirm-no'));
    expect(id('profile-name')).toHaveValue('Team mirror!');
    // the next question is another dialog
    await waitFor(() => expect(screen.queryByTestId('confirm-no')).toBeNull());
    await user.click(id('nav-home'));
    await user.click(await screen.findByTestId('confirm-yes'));
    await some('home-profile');
  });

  test('duplicate, command, remove', async () => {
    const { user, container } = await start('', '#/profiles');
    await some('profile-row');
    await user.click(screen.getByRole('button', { name: 'More for Team mirror' }));
    await clean(container);
    await user.click(await screen.findByTestId('profile-command'));
    expect(await screen.findByTestId('toast')).toHaveTextContent('Command copied');
    expect(await navigator.clipboard.readText()).toBe('image-syncer run team-mirror');
    await user.click(screen.getByRole('button', { name: 'More for Team mirror' }));
    await user.click(await screen.findByTestId('profile-duplicate'));
    expect(await screen.findByTestId('profile-name')).toHaveValue('Team mirror (2)');
  });

  test('import: the report, and what is wrong with a file', async () => {
    const { user, container } = await start('scenario=empty', '#/import');
    await user.click(await screen.findByTestId('import-start'));
    expect(id('import-images')).toHaveAccessibleDescription(/This field is needed/);
    await user.type(id('import-images'), 'bad.yaml');
    await user.click(id('import-start'));
    expect(await screen.findByRole('alert')).toHaveTextContent(
      "bad.yaml, line 3: 'quay.io/a/b' is written twice",
    );
    await user.clear(id('import-images'));
    await user.type(id('import-images'), 'images.yaml');
    await user.type(id('import-auth'), 'auth.yaml');
    await user.click(id('import-start'));
    const report = await screen.findByTestId('import-report');
    expect(report).toHaveTextContent('3 rules taken as they were');
    expect(report).toHaveTextContent('acme+mirror @ quay.io');
    expect(id('import-changed')).toHaveTextContent("is 'r.example/acme/b' now");
    expect(id('import-refused')).toHaveTextContent('upper-case letter');
    expect(id('import-warning')).toHaveTextContent(
      "auth.yaml, line 4: 'insecured' of 'quay.io' is unknown and is left out; did you mean 'insecure'?",
    );
    setLocale('zh-CN');
    await waitFor(() =>
      expect(id('import-warning')).toHaveTextContent(
        'auth.yaml 第 4 行：“quay.io”的“insecured”未知，已忽略；是否应为“insecure”？',
      ),
    );
    expect(id('import-refused')).toHaveTextContent('源“quay.io/A”：仓库名称含有大写字母“A”（第 9 个字符）');
    setLocale('en');
    await clean(container);
  });
});

describe('Compare and Run', () => {
  test('the demo is three clicks', async () => {
    const { user, container } = await start('scenario=empty');
    await user.click(await screen.findByTestId('home-try-demo'));
    await user.click(await screen.findByTestId('profile-compare'));
    await waitFor(() => expect(id('plan-start')).toBeEnabled(), { timeout: 60_000 });
    expect(id('plan-summary').dataset['copy']).toBe('6');
    await clean(container);
    await user.click(id('plan-start'));
    const result = await screen.findByTestId('run-result', {}, { timeout: 60_000 });
    expect(result).toHaveTextContent('All images are there');
    expect(result.dataset).toMatchObject({ copied: '6', failed: '0' });
    expect(id('run-phase').dataset['phase']).toBe('done');
    await clean(container);
  });

  test('blocked rows hold the start back and say why', async () => {
    const { user, container } = await start('scenario=blocked', '#/compare/team-mirror');
    await user.click(await screen.findByTestId('profile-compare'));
    await screen.findByTestId('plan-start-reason', {}, { timeout: 60_000 });
    await waitFor(() => expect(id('plan-start-reason')).toHaveTextContent('5 images are blocked'));
    expect(id('plan-start')).toBeDisabled();
    expect(id('plan-start')).toHaveAccessibleDescription(/5 images are blocked/);
    expect(id('plan-pulls')).toHaveTextContent(/^docker\.io: \d+ pulls are needed, \d+ are left$/);
    await user.click(id('filter-blocked'));
    await waitFor(() => expect(screen.getAllByTestId('image-row')).toHaveLength(5));
    expect(screen.getAllByTestId('image-row')[0]).toHaveTextContent('No permission to write');
    await clean(container);
  });

  test('a cancelled comparison can not be started', async () => {
    const { user } = await start('hold=plan', '#/compare/team-mirror');
    await user.click(await screen.findByTestId('profile-compare'));
    await user.click(await screen.findByTestId('plan-cancel'));
    await waitFor(() => expect(id('plan-summary').dataset['state']).toBe('cancelled'));
    expect(id('plan-start')).toBeDisabled();
    expect(id('plan-start-reason')).toHaveTextContent('was cancelled');
  });

  test('failures are told by cause with a remedy; again, what is there is skipped', async () => {
    const { user, container } = await start('scenario=failing', '#/compare/team-mirror');
    await user.click(await screen.findByTestId('profile-compare'));
    await waitFor(() => expect(id('plan-start')).toBeEnabled(), { timeout: 60_000 });
    await user.click(id('plan-start'));
    await screen.findByTestId('run-result', {}, { timeout: 60_000 });
    const groups = screen.getAllByTestId('run-error-group');
    expect(groups.map((group) => group.dataset['code'])).toContain('quota.exceeded');
    const auth = groups.find((group) => group.dataset['code'] === 'auth.rejected') as HTMLElement;
    expect(within(auth).getByRole('button', { name: 'Open accounts' })).toBeVisible();
    expect(auth).toHaveTextContent('Replace the secret of the account');
    // what two rules are at odds about stays so however often it is tried
    const rules = groups.find((group) => group.dataset['code'] === 'rule.conflict') as HTMLElement;
    expect(within(auth).getByTestId('run-error-retry')).toBeVisible();
    expect(within(rules).queryByTestId('run-error-retry')).toBeNull();
    expect(within(rules).getByRole('button', { name: 'Edit rules' })).toBeVisible();
    await user.click(id('filter-failed'));
    const rows = await screen.findAllByTestId('image-row');
    const conflict = rows.find((row) => row.dataset['action'] === 'conflict') as HTMLElement;
    expect(within(conflict).queryByTestId('image-retry')).toBeNull();
    expect(screen.getAllByTestId('image-retry').length).toBeGreaterThan(0);
    await clean(container);
    await user.click(id('run-again'));
    await waitFor(() => expect(Number(id('run-result').dataset['skipped'])).toBeGreaterThan(20), {
      timeout: 60_000,
    });
  });

  test('cancel ends a run and says what was not done', async () => {
    const { user, container } = await start('hold=run', '#/compare/team-mirror');
    await user.click(await screen.findByTestId('profile-compare'));
    await waitFor(() => expect(id('plan-start')).toBeEnabled(), { timeout: 60_000 });
    await user.click(id('plan-start'));
    expect(await screen.findByTestId('run-progress')).toHaveAttribute('role', 'progressbar');
    await clean(container);
    await waitFor(() => expect(id('run-phase').dataset['phase']).toBe('copying'));
    await user.click(id('run-cancel'));
    const result = await screen.findByTestId('run-result');
    expect(Number(result.dataset['cancelled'])).toBeGreaterThan(0);
    expect(result).toHaveTextContent('Cancelled');
    // nothing was verified
    expect(screen.queryByTestId('run-phase')).toBeNull();
  });

  test('a plan that can not begin is told over the screen', async () => {
    const { user, container } = await start('', '#/compare/team-mirror', {
      runsPlan: () => Promise.reject(new Problem({ code: 'keyring.locked', message: 'locked' })),
    });
    await user.click(await screen.findByTestId('profile-compare'));
    expect(await screen.findByTestId('problem')).toHaveTextContent('The system keyring is locked');
    await clean(container);
    await user.click(id('problem-close'));
    await waitFor(() => expect(screen.queryByTestId('problem')).toBeNull());
  });

  test('a run that is not known any more says so', async () => {
    const { container } = await start('', '#/run/gone');
    expect(await screen.findByText('This run is not known any more')).toBeVisible();
    await clean(container);
  });

  test('the work in hand stands on every screen and opens', async () => {
    const { user } = await start('hold=plan', '#/compare/team-mirror');
    expect(id('status-bar')).toHaveTextContent('Nothing is running');
    await user.click(await screen.findByTestId('profile-compare'));
    await user.click(id('nav-settings'));
    await screen.findByTestId('settings-version');
    expect(id('status-run')).toHaveTextContent('Comparing Team mirror');
    await user.click(id('status-run'));
    await screen.findByTestId('plan-summary');
  });

  test('many: 20 000 rows are counted, some are drawn', async () => {
    const { user } = await start('scenario=many', '#/compare/team-mirror');
    await user.click(await screen.findByTestId('profile-compare'));
    await waitFor(() => expect(id('filter-all')).toHaveTextContent('20,000'), { timeout: 60_000 });
    await waitFor(() => expect(id('plan-start')).toBeEnabled(), { timeout: 60_000 });
    expect(id('image-grid')).toHaveAttribute('aria-rowcount', '20001');
    expect(screen.getAllByTestId('image-row').length).toBeLessThan(60);
  }, 40_000);
});

describe('Settings and keys', () => {
  test('language and theme change at once and are sent', async () => {
    const { user, backend, container } = await start('', '#/settings');
    await user.click(await screen.findByTestId('settings-language-zh-CN'));
    expect(await screen.findByRole('heading', { name: '设置' })).toBeVisible();
    expect(document.documentElement.lang).toBe('zh-CN');
    await user.click(id('settings-theme-dark'));
    expect(document.documentElement.dataset['theme']).toBe('dark');
    await user.selectOptions(id('settings-notify-failed'), 'never');
    await user.selectOptions(id('settings-history-days'), '');
    await user.click(id('settings-tray'));
    await user.type(id('limits-proc'), '8');
    await user.type(id('limits-bandwidth'), '2,5');
    await user.tab();
    await waitFor(async () =>
      expect(await backend.settingsGet()).toEqual({
        theme: 'dark',
        language: 'zh-CN',
        notifications: { finished: 'hidden', failed: 'never', attention: 'always' },
        historyDays: null,
        tray: true,
        proc: 8,
        bandwidth: 2_500_000,
      }),
    );
    await clean(container);
  });

  test('high contrast is one more theme, and a test notification is sent or told why not', async () => {
    const { user } = await start('scenario=failing', '#/settings');
    await user.click(await screen.findByTestId('settings-theme-contrast'));
    expect(document.documentElement.dataset).toMatchObject({ theme: 'light', contrast: 'more' });
    await user.click(id('settings-theme-light'));
    expect(document.documentElement.dataset['contrast']).toBeUndefined();
    await user.click(id('settings-notify-try'));
    expect(await screen.findByTestId('problem')).toHaveTextContent('The desktop shows no notifications');
  });

  test('limits are for each new run, and say so', async () => {
    const { user } = await start('', '#/settings');
    expect(await screen.findByTestId('limits-proc')).toHaveAccessibleDescription(/^For each new run/);
    expect(id('limits-bandwidth')).toHaveAccessibleDescription(/^For each new run/);
    await user.type(id('limits-bandwidth'), '10');
    expect(id('limits-bandwidth')).toHaveAccessibleDescription(
      'That is 80 Mbit/s for each new run, all registries together.',
    );
  });

  test('a limit that makes no sense is refused and not sent', async () => {
    const { user, backend } = await start('', '#/settings');
    await user.type(await screen.findByTestId('limits-proc'), '0');
    await user.tab();
    expect(id('limits-proc')).toHaveAccessibleDescription(/1 to 1024/);
    expect((await backend.settingsGet()).proc).toBeNull();
  });

  test('a setting that can not be saved goes back', async () => {
    const { user } = await start('', '#/settings', {
      settingsSet: () => Promise.reject(new Problem({ code: 'file.failed' })),
    });
    await user.click(await screen.findByTestId('settings-theme-dark'));
    expect(await screen.findByTestId('problem')).toBeVisible();
    expect(document.documentElement.dataset['theme']).toBe('light');
  });

  test('shortcuts: screens, new profile, filter, help', async () => {
    const { user, container } = await start('');
    await user.keyboard('{Control>}2{/Control}');
    await some('account-row');
    await user.keyboard('{Control>}n{/Control}');
    await screen.findByTestId('profile-name');
    await user.keyboard('{Control>}o{/Control}');
    await screen.findByTestId('import-images');
    await user.keyboard('{Control>}1{/Control}');
    await some('home-profile');
    await user.keyboard('?');
    expect(await screen.findByTestId('shortcuts')).toHaveTextContent('Compare; again to start');
    await clean(container);
    await user.keyboard('{Control>}2{/Control}');
    expect(screen.queryByTestId('account-row')).toBeNull();
    await user.keyboard('{Escape}');
    await waitFor(() => expect(screen.queryByTestId('shortcuts')).toBeNull());
  });

  test('Ctrl-Enter compares, and starts when it is pressed again', async () => {
    const { user } = await start('', '#/compare/team-mirror');
    await screen.findByTestId('profile-compare');
    await user.keyboard('{Control>}{Enter}{/Control}');
    await waitFor(() => expect(id('plan-start')).toBeEnabled(), { timeout: 60_000 });
    await user.keyboard('/');
    expect(id('filter-text')).toHaveFocus();
    await user.keyboard('nginx{Escape}{Escape}');
    expect(id('filter-text')).toHaveValue('');
    await user.keyboard('{Control>}{Enter}{/Control}');
    await screen.findByTestId('run-phase');
  });

  test('a start that fails is told, and the page is there all the same', async () => {
    await start('', '#/home', {
      appInfo: () => Promise.reject(new Problem({ code: 'internal', message: 'boom' })),
    });
    expect(await screen.findByText('Something went wrong on our side')).toBeVisible();
  });
});
