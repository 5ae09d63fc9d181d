// Compare by hand, Run, History, palette: on the fake backend, axe clean in each state.

import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, test, vi } from 'vitest';
import type { Backend } from '../backend/backend';
import { Problem } from '../backend/backend';
import type { AppEvent, ImageState, PickedImage, Update } from '../backend/types';
import { setLocale } from '../i18n';
import { NO_TOTALS } from '../state/run.svelte';
import { clean, start, type Started } from './app';

const id = (testid: string): HTMLElement => screen.getByTestId(testid);
const number = (testid: string, name: string): number => Number(id(testid).dataset[name]);

async function compared(query: string, change: Partial<Backend> = {}): Promise<Started> {
  const started = await start(query, '#/compare/team-mirror', change);
  await started.user.click(await screen.findByTestId('profile-compare'));
  await waitFor(() => expect(id('plan-summary').dataset['state']).toBe('ready'));
  return started;
}

async function running(query: string): Promise<Started> {
  const started = await compared(query);
  await started.user.click(id('plan-start'));
  await waitFor(() => expect(id('run-phase').dataset['phase']).toBe('copying'));
  return started;
}

async function ran(query: string): Promise<Started> {
  const started = await compared(query);
  await started.user.click(id('plan-start'));
  await screen.findByTestId('run-result');
  return started;
}

/** Two rows that write one destination: the engine counts them among what failed. */
const conflict = (at: number): ImageState => ({
  id: at,
  order: [0, 0, 0, at],
  source: `quay.io/a:${at}`,
  destination: 'r.io/a:1',
  status: 'failed',
  action: 'conflict',
  plan: { action: 'conflict', bytes_to_move: 0, bytes_present: 0, bytes_mountable: 0 },
  bytesTotal: 0,
  bytesCopied: 0,
  bytesInFlight: 0,
  bytesMounted: 0,
  bytesPresent: 0,
  replaces: null,
  sourceAccount: null,
  destinationAccount: null,
  reason: null,
  error: { code: 'rule.conflict', message: 'two rules', hint: '' },
});
const onlyConflicts: Update = {
  seq: 1,
  phase: 'done',
  totals: { ...NO_TOTALS, images: 2, resolved: 2, failed: 2, conflicts: 2 },
  images: [conflict(0), conflict(1)],
  warnings: [],
  pulls: [],
  waits: [],
};

describe('Compare by hand', () => {
  test('a row that is switched off counts no more, and is not sent along', async () => {
    let skipped: PickedImage[] = [];
    const { user, backend, container } = await compared('');
    const begin = vi.spyOn(backend, 'runsStart').mockImplementation(async (_, skip = []) => {
      skipped = skip;
      throw new Problem({ code: 'internal' });
    });
    const copy = number('plan-summary', 'copy');
    const write = id('plan-write').textContent;
    await user.click(id('filter-copy'));
    const row = (await screen.findAllByTestId('image-row'))[0] as HTMLElement;
    expect(row).toHaveAttribute('aria-selected', 'true');
    await user.click(within(row).getByTestId('image-switch'));
    await waitFor(() => expect(number('plan-summary', 'copy')).toBe(copy - 1));
    expect(number('plan-summary', 'off')).toBe(1);
    expect(id('plan-write').textContent).not.toBe(write);
    await user.click(id('filter-off'));
    const off = await screen.findByTestId('image-row');
    expect(off).toHaveTextContent('Left out');
    expect(off).toHaveAttribute('aria-selected', 'false');
    await clean(container);
    await user.click(id('plan-start'));
    await waitFor(() => expect(begin).toHaveBeenCalled());
    expect(skipped).toEqual([{ source: off.dataset['source'], destination: off.dataset['destination'] }]);
  });

  test('Space switches the current row; Ctrl-A all that match, and back', async () => {
    const { user } = await compared('');
    const overwrite = number('plan-summary', 'overwrite');
    expect(overwrite).toBeGreaterThan(1);
    await user.click(id('filter-overwrite'));
    id('image-grid').focus();
    await user.keyboard('{ArrowDown} ');
    await waitFor(() => expect(number('plan-summary', 'overwrite')).toBe(overwrite - 1));
    await user.click(id('filter-all'));
    await user.type(id('filter-text'), 'nginx');
    id('image-grid').focus();
    const others = number('plan-summary', 'copy');
    await user.keyboard('{Control>}a{/Control}');
    await waitFor(() => expect(number('plan-summary', 'copy')).toBeLessThan(others));
    await user.keyboard('{Control>}a{/Control}');
    await waitFor(() => expect(number('plan-summary', 'copy')).toBe(others));
  });

  test('blocked rows are left out, and the start is free', async () => {
    const { user } = await compared('scenario=blocked');
    expect(id('plan-start')).toBeDisabled();
    await user.click(id('plan-leave-blocked'));
    await waitFor(() => expect(id('plan-start')).toBeEnabled());
    expect(number('plan-summary', 'blocked')).toBe(0);
    // comparing again keeps what was chosen
    await user.click(id('plan-again'));
    await waitFor(() => expect(id('plan-summary').dataset['state']).toBe('planning'));
    await waitFor(() => expect(id('plan-start')).toBeEnabled());
    expect(number('plan-summary', 'off')).toBe(5);
  });

  test('the status bar tells what is blocked or in conflict apart from what failed', async () => {
    await compared('scenario=blocked');
    const said = { failed: 'failure', blocked: 'blocked', conflict: 'conflict' };
    for (const [name, word] of Object.entries(said)) {
      const count = number('plan-summary', name);
      expect(count).toBeGreaterThan(0);
      expect(id('status-bar')).toHaveTextContent(new RegExp(`\\b${count} ${word}s?\\b`));
    }
    expect(id('status-mark')).toHaveAttribute('data-tone', 'danger');
  });

  test('a comparison in which nothing failed has no failure at its foot', async () => {
    let tell: (event: AppEvent) => void = () => undefined;
    const { backend } = await start('', '#/home', {
      subscribe: async (onEvent) => void (tell = onEvent),
    });
    const info = await backend.runsPlan('team-mirror');
    tell({ type: 'run', run: info });
    tell({ type: 'update', runId: info.id, update: onlyConflicts });
    await waitFor(() => expect(id('status-bar')).toHaveTextContent('2 conflicts'));
    tell({ type: 'run', run: { ...info, endedAt: '2026-11-24T12:01:00Z' } });
    await screen.findByTestId('status-mark');
    expect(id('status-mark')).toHaveAttribute('data-tone', 'warn');
    expect(id('status-bar')).not.toHaveTextContent('failure');
  });

  test('tags that would be overwritten are named, and who asks on each side', async () => {
    const { user } = await compared('');
    const overwrite = number('plan-summary', 'overwrite');
    expect(id('plan-accounts')).toHaveTextContent('From docker.io as acmebot to ');
    await user.click(within(id('plan-overwritten')).getByText(/tags will be overwritten/));
    await waitFor(() => expect(screen.getAllByTestId('plan-overwritten-tag')).toHaveLength(overwrite));
  });
});

describe('Run', () => {
  test('pause and resume, by button and by key', async () => {
    const { user, container } = await running('hold=run');
    await user.click(id('run-pause'));
    expect(await screen.findByTestId('run-paused')).toHaveTextContent('Nothing new is begun');
    expect(id('run-pause')).toHaveTextContent('Resume');
    expect(id('status-bar')).toHaveTextContent('Team mirror: paused');
    await clean(container);
    await user.keyboard('{Control>}p{/Control}');
    await waitFor(() => expect(screen.queryByTestId('run-paused')).toBeNull());
  });

  test('stands at its profile while it goes on; the status bar says that there is another', async () => {
    const { user, backend, container } = await running('hold=run');
    expect(screen.queryByTestId('status-more')).toBeNull();
    await backend.runsStart('nightly', []);
    await waitFor(() => expect(id('status-more')).toHaveTextContent('+1 more'));
    expect(id('status-run')).toHaveTextContent('Nightly base images');
    await user.click(id('nav-home'));
    const links = await screen.findAllByTestId('profile-running');
    expect(links.map((link) => link.dataset['id']).sort()).toEqual(['nightly', 'team-mirror']);
    const link = links.find((each) => each.dataset['id'] === 'team-mirror') as HTMLElement;
    expect(link).toHaveTextContent(/^Running \d+%$/);
    expect(link).toHaveAccessibleName(/^Running \d+%: show the run of Team mirror$/);
    await clean(container);
    await user.click(link);
    await screen.findByTestId('run-phase');
    await user.click(id('run-cancel'));
    await screen.findByTestId('run-result');
    expect(screen.queryByTestId('status-more')).toBeNull();
    await user.click(id('nav-profiles'));
    const left = await screen.findAllByTestId('profile-running');
    expect(left.map((each) => each.dataset['id'])).toEqual(['nightly']);
  });

  test('is paused and resumed from any screen; a screen reader hears of it there', async () => {
    const { user } = await running('hold=run');
    await user.click(id('nav-profiles'));
    await screen.findAllByTestId('profile-row');
    await user.keyboard('{Control>}p{/Control}');
    await waitFor(() => expect(id('status-bar')).toHaveTextContent('Team mirror: paused'));
    expect(id('live')).toHaveTextContent('Paused');
    await user.keyboard('{Control>}p{/Control}');
    await waitFor(() => expect(id('status-bar')).toHaveTextContent('Copying Team mirror'));
    expect(id('live')).toHaveTextContent('The run goes on');
  });

  test('its failures and its end are told on any screen', async () => {
    const { user } = await compared('scenario=failing');
    const said = new Set<string>();
    new MutationObserver(() => said.add(id('live').textContent ?? '')).observe(id('live'), {
      characterData: true,
      childList: true,
      subtree: true,
    });
    await user.click(id('plan-start'));
    await user.click(id('nav-home'));
    await waitFor(() => expect(id('live')).toHaveTextContent(/^Finished: \d+ copied/));
    expect([...said].some((each) => /^\d+ images? failed so far$/.test(each))).toBe(true);
  });

  test('whom it waits for is said, with the time that is left', async () => {
    const { user, container } = await running('scenario=waiting&hold=run');
    const lines = within(await screen.findByTestId('run-waits')).getAllByRole('listitem');
    const left = (line: HTMLElement | undefined): number =>
      Number(/(\d+) sec/.exec(line?.textContent ?? '')?.[1]);
    expect(lines[0]).toHaveTextContent(
      /^docker\.io asks to slow down goes on in 1 min \d+ sec 12 requests wait$/,
    );
    expect(lines[1]).toHaveTextContent(
      /^new\.example\.com does not answer trying again in \d sec \(try 2 of 4\) 1 request waits$/,
    );
    expect(id('status-waits')).toHaveTextContent(/^docker\.io asks to slow down$/);
    const before = left(lines[1]);
    await waitFor(() => expect(left(lines[1])).toBeLessThan(before), { timeout: 5000 });
    await clean(container);
    await user.click(id('run-pause'));
    await waitFor(() => expect(screen.queryByTestId('run-waits')).toBeNull());
    expect(screen.queryByTestId('status-waits')).toBeNull();
  });

  test('limits are changed while it goes on', async () => {
    const { user, backend, container } = await running('hold=run');
    const sent = vi.spyOn(backend, 'runsLimits');
    await user.click(id('run-limits'));
    await user.type(await screen.findByTestId('limits-proc'), '4');
    await user.type(id('limits-bandwidth'), '10');
    expect(id('limits-bandwidth')).toHaveAccessibleDescription('That is 80 Mbit/s, all registries together.');
    await clean(container);
    await user.click(id('limits-apply'));
    await waitFor(() => expect(screen.queryByTestId('limits')).toBeNull());
    expect(sent).toHaveBeenCalledWith({ id: expect.any(String), proc: 4, bandwidth: 10_000_000 });
    const limited = (await screen.findAllByTestId('run-limited')).map((each) => each.textContent);
    expect(limited).toEqual(['4 requests at a time', 'at most 10.0 MB/s']);
  });

  test('how fast it goes is told in words too', async () => {
    const { user } = await running('hold=run');
    await waitFor(() => expect(id('run-speed-peak')).toHaveTextContent(/[1-9].*B\/s/));
    expect(within(id('run-speed')).getByRole('img')).toHaveAccessibleName(
      /^Upload speed: now .+, on average .+, at most .+$/,
    );
    await user.click(id('run-speed-off'));
    expect(within(id('run-speed')).queryByRole('img')).toBeNull();
    await user.click(id('run-speed-whole'));
  });

  test('what failed is tried again, but for what only other rules would help', async () => {
    const { user, backend, container } = await ran('scenario=failing');
    const retry = vi.spyOn(backend, 'runsRetry');
    const groups = screen.getAllByTestId('run-error-group');
    const conflicts = groups.filter((group) => group.dataset['code'] === 'rule.conflict');
    const hit = conflicts.map((group) => Number(/(\d+) images?/.exec(group.textContent)?.[1]));
    expect(hit).toEqual([3]);
    const worth = number('run-result', 'failed') - 3;
    expect(id('run-retry')).toHaveTextContent(`Retry ${worth} failed`);
    await clean(container);
    await user.click(id('run-retry'));
    await waitFor(() => expect(number('run-result', 'copied')).toBe(worth));
    expect(retry).toHaveBeenLastCalledWith(expect.any(String), null);
    expect(screen.queryByTestId('run-retry')).toBeNull();
  });

  test('one row is tried again by a key', async () => {
    const { user, backend } = await ran('scenario=failing');
    const retry = vi.spyOn(backend, 'runsRetry');
    await user.click(id('filter-failed'));
    const row = (await screen.findAllByTestId('image-row'))[0] as HTMLElement;
    const { source, destination } = row.dataset;
    id('image-grid').focus();
    await user.keyboard('{ArrowDown}r');
    await waitFor(() => expect(retry).toHaveBeenCalledWith(expect.any(String), [{ source, destination }]));
    await waitFor(() => expect(number('run-result', 'copied')).toBe(1));
  });

  test('its end is told as one sentence in either language', async () => {
    await ran('');
    expect(id('run-result')).toHaveTextContent(/\d+ copied, \d+ skipped, [\d.]+ [kMG]?B uploaded in \d+ sec/);
    setLocale('zh-CN');
    await waitFor(() =>
      expect(id('run-result')).toHaveTextContent(/复制 \d+，跳过 \d+，上传 [\d.]+ [kMG]?B，用时 \d+秒/),
    );
  });

  test('rows are found by typing, and R is a letter while something is typed', async () => {
    const { user, backend } = await ran('scenario=failing');
    const retry = vi.spyOn(backend, 'runsRetry');
    await user.click(id('filter-failed'));
    const rows = await screen.findAllByTestId('image-row');
    const wanted = rows.find((row) => row.dataset['source']?.includes('/prometheus:')) as HTMLElement;
    id('image-grid').focus();
    // the second letter comes while a failed row is the current one
    await user.keyboard('prom');
    expect(id('image-grid').getAttribute('aria-activedescendant')).toBe(wanted.id);
    expect(retry).not.toHaveBeenCalled();
  });

  test('the report is saved in four forms', async () => {
    const { user, container } = await ran('');
    await user.keyboard('{Control>}e{/Control}');
    await screen.findByTestId('export-json');
    await clean(container);
    await user.click(id('export-junit'));
    expect(await screen.findByTestId('toast')).toHaveTextContent('image-syncer-report.xml');
  });

  test('the log: by level and image, copied', async () => {
    const { user, container } = await ran('scenario=failing');
    await user.keyboard('{Control>}l{/Control}');
    const lines = await screen.findAllByTestId('log-line');
    expect(lines[0]).toHaveTextContent('the run began');
    await clean(container);
    await user.selectOptions(id('log-level'), 'error');
    await waitFor(() =>
      expect(screen.getAllByTestId('log-line').every((line) => line.dataset['level'] === 'error')).toBe(true),
    );
    const image = (id('log-image') as HTMLSelectElement).options[1]?.value ?? '';
    await user.selectOptions(id('log-image'), image);
    await waitFor(() => expect(screen.getAllByTestId('log-line')).toHaveLength(1));
    await user.click(id('log-copy'));
    expect(await navigator.clipboard.readText()).toMatch(/ ERROR \[/);
  });

  test('a failed row leads to its own lines in the log, by its button and by a key', async () => {
    const { user, container } = await ran('scenario=failing');
    await user.click(id('filter-failed'));
    const row = (await screen.findAllByTestId('image-row'))[1] as HTMLElement;
    await user.click(row.querySelector('[data-toggle]') as Element);
    await user.click(await screen.findByTestId('image-log'));
    const sheet = await screen.findByTestId('log');
    await waitFor(() => expect(id('log-image')).toHaveValue(row.dataset['id']));
    const lines = (): string[] =>
      within(sheet)
        .getAllByTestId('log-line')
        .map((line) => line.textContent ?? '');
    await waitFor(() => expect(lines().length).toBeGreaterThan(0));
    for (const line of lines()) expect(line).toContain(row.dataset['destination']);
    await clean(container);
    await user.keyboard('{Escape}');
    await waitFor(() => expect(screen.queryByTestId('log')).toBeNull());
    // the whole log is all of it again
    await user.click(id('run-log'));
    await waitFor(() => expect(id('log-image')).toHaveValue(''));
    await user.keyboard('{Escape}');
    await waitFor(() => expect(screen.queryByTestId('log')).toBeNull());
    id('image-grid').focus();
    await user.keyboard('{ArrowLeft}{ArrowUp}l');
    const first = screen.getAllByTestId('image-row')[0];
    await waitFor(() => expect(id('log-image')).toHaveValue(first?.dataset['id']));
  });

  test('a log that can not be read says so, and is tried again', async () => {
    let fail = true;
    const { user, backend } = await ran('');
    const read = backend.historyLog;
    vi.spyOn(backend, 'historyLog').mockImplementation((request) =>
      fail ? Promise.reject(new Problem({ code: 'file.failed', message: 'disk' })) : read(request),
    );
    await user.click(id('run-log'));
    const sheet = await screen.findByTestId('log');
    expect(await within(sheet).findByRole('alert')).toHaveTextContent('disk');
    fail = false;
    await user.click(within(sheet).getByRole('button', { name: 'Try again' }));
    await within(sheet).findAllByTestId('log-line');
  });
});

describe('History', () => {
  test('empty, loading, error', async () => {
    const { container } = await start('scenario=empty', '#/history');
    expect(await screen.findByText('No runs yet')).toBeVisible();
    await clean(container);
  });

  test('an error can be tried again', async () => {
    const { container } = await start('scenario=broken', '#/history');
    expect(await screen.findByRole('alert')).toHaveTextContent('history.db: disk I/O error');
    await clean(container);
  });

  test('loading says so', async () => {
    const never = new Promise<never>(() => undefined);
    await start('', '#/history', { historyList: () => never });
    expect(await screen.findByText('Loading…')).toBeInTheDocument();
  });

  test('runs with result, counts, bytes, time and who began them; by profile', async () => {
    const { user, container } = await start('', '#/history');
    const rows = await screen.findAllByTestId('history-run');
    expect(rows).toHaveLength(14);
    expect(rows[0]).toHaveTextContent(/Team mirror.*Finished.*14 copied, 28 skipped.*MB.*in the app/);
    expect(rows[1]).toHaveTextContent('by command');
    expect(rows[4]).toHaveTextContent('Finished with failures');
    await clean(container);
    await user.selectOptions(id('history-profile'), 'release');
    await waitFor(() => expect(screen.getAllByTestId('history-run')).toHaveLength(3));
  });

  test('many: page by page', async () => {
    const { user } = await start('scenario=many', '#/history');
    await waitFor(() => expect(screen.getAllByTestId('history-run')).toHaveLength(50));
    await user.click(id('history-more'));
    await waitFor(() => expect(screen.getAllByTestId('history-run')).toHaveLength(100));
    const ids = screen.getAllByTestId('history-run').map((row) => row.dataset['id']);
    expect(new Set(ids).size).toBe(100);
  });

  test('a run of before: its grid, its failures, tried again', async () => {
    const { user, container } = await start('', '#/history');
    const rows = await screen.findAllByTestId('history-run');
    await user.click(rows.find((row) => row.dataset['result'] === 'partly-failed') as HTMLElement);
    const failed = Number((await screen.findByTestId('run-result')).dataset['failed']);
    expect(failed).toBeGreaterThan(0);
    const row = (await screen.findAllByTestId('image-row'))[0] as HTMLElement;
    await user.click(row.querySelector('[data-toggle]') as Element);
    await clean(container);
    await user.click(await screen.findByTestId('image-log'));
    await waitFor(() => expect(id('log-image')).toHaveValue(row.dataset['id']));
    await user.keyboard('{Escape}');
    await waitFor(() => expect(screen.queryByTestId('log')).toBeNull());
    // but for what only other rules would help
    const worth = Number(/\d+/.exec(id('run-retry').textContent)?.[0]);
    expect(worth).toBeGreaterThan(0);
    expect(worth).toBeLessThan(failed);
    await user.click(id('run-retry'));
    await waitFor(() => expect(location.hash).toMatch(/^#\/run\//));
    await waitFor(() => expect(number('run-result', 'copied') + number('run-result', 'skipped')).toBe(worth));
  });

  test('the destinations are looked at again', async () => {
    const { user, container } = await start('', '#/history/2026-1000');
    await user.click(await screen.findByTestId('history-menu'));
    await user.click(await screen.findByTestId('history-verify'));
    expect(await screen.findByTestId('verify-good')).toHaveTextContent('42 images');
    await clean(container);
  });

  test('a run is removed after a question', async () => {
    const { user } = await start('', '#/history/2026-1000');
    await user.click(await screen.findByTestId('history-menu'));
    await user.click(await screen.findByTestId('history-remove'));
    await user.click(await screen.findByTestId('confirm-yes'));
    await waitFor(() => expect(screen.getAllByTestId('history-run')).toHaveLength(13));
  });

  test('a run that has ended stands there at once, and is found by its address', async () => {
    const { user } = await ran('');
    const address = location.hash.replace('run', 'history');
    await user.click(id('nav-history'));
    const [first] = await screen.findAllByTestId('history-run');
    expect(first).toHaveTextContent('Finished');
    location.hash = address;
    expect(await screen.findByTestId('run-result')).toHaveTextContent('All images are there');
  });

  test('an interrupted run is offered to go on, at home and in the history', async () => {
    const { user, backend, container } = await start('scenario=interrupted');
    const goOn = vi.spyOn(backend, 'runsContinue');
    expect(await screen.findByTestId('interrupted')).toHaveTextContent('Team mirror was interrupted');
    expect((await screen.findAllByTestId('home-profile'))[0]).toHaveTextContent(
      'Interrupted before it was done',
    );
    await clean(container);
    await user.click(id('interrupted-continue'));
    expect(goOn).toHaveBeenCalledWith('2026-1000');
    await screen.findByTestId('run-result');
    await user.click(id('nav-home'));
    await screen.findAllByTestId('home-profile');
    expect(screen.queryByTestId('interrupted')).toBeNull();
  });

  test('an interrupted run can be left alone', async () => {
    const { user } = await start('scenario=interrupted');
    await user.click(await screen.findByTestId('interrupted-leave'));
    expect(screen.queryByTestId('interrupted')).toBeNull();
  });
});

describe('Commands', () => {
  test('the palette finds a command, and what can not be done is not offered', async () => {
    const { user, container } = await start('');
    await screen.findAllByTestId('home-profile');
    await user.keyboard('{Control>}k{/Control}');
    const box = await screen.findByRole('combobox', { name: 'What do you want to do?' });
    await waitFor(() => expect(box).toHaveFocus());
    const commands = screen.getAllByRole('option').map((option) => option.dataset['command']);
    expect(commands).toContain('go.history');
    expect(commands).not.toContain('screen.pause');
    await clean(container);
    await user.keyboard('compare nig');
    const option = screen.getByRole('option', { selected: true });
    expect(box).toHaveAttribute('aria-activedescendant', option.id);
    expect(option).toHaveTextContent('Compare Nightly base images');
    await user.keyboard('{Enter}');
    await screen.findByTestId('plan-summary');
    expect(location.hash).toBe('#/compare/nightly');
  });

  test('arrows go round, a click chooses, nothing found says so', async () => {
    const { user } = await start('');
    await user.click(id('nav-palette'));
    await waitFor(() => expect(id('palette-text')).toHaveFocus());
    const options = screen.getAllByRole('option');
    await user.keyboard('{ArrowUp}');
    expect(options.at(-1)).toHaveAttribute('aria-selected', 'true');
    await user.keyboard('{ArrowDown}{ArrowDown}');
    expect(options[1]).toHaveAttribute('aria-selected', 'true');
    await user.keyboard('zzz');
    expect(screen.getByText('No command has these words')).toBeVisible();
    await user.clear(id('palette-text'));
    await user.click(screen.getByText('Theme: high contrast'));
    await waitFor(() => expect(document.documentElement.dataset['contrast']).toBe('more'));
  });

  test.each([
    ['#/home', ['profilesList', 'historyList']],
    ['#/accounts', ['accountsList']],
    ['#/profiles', ['profilesList']],
    ['#/browse', ['browseOpen']],
  ] as const)('F5 reads anew what %s shows, and the palette offers it', async (hash, commands) => {
    const { user, backend } = await start('', hash);
    await screen.findAllByTestId(
      { '#/home': 'home-profile', '#/accounts': 'account-row', '#/profiles': 'profile-row' }[
        hash as string
      ] ?? 'browse-row',
    );
    const asked = commands.map((command) => vi.spyOn(backend, command));
    await user.keyboard('{F5}');
    for (const each of asked) await waitFor(() => expect(each).toHaveBeenCalledOnce());
    await user.keyboard('{Control>}k{/Control}');
    const options = await screen.findAllByTestId('palette-option');
    expect(options.map((option) => option.dataset['command'])).toContain('screen.refresh');
  });

  test('what a notification leads to is shown', async () => {
    let tell: (event: { type: 'show'; target: string; id: string | null }) => void = () => undefined;
    const { container } = await start('', '#/settings', {
      subscribe: async (onEvent) => void (tell = onEvent),
    });
    tell({ type: 'show', target: 'run', id: '2026-1000' });
    expect(await screen.findByTestId('run-result')).toBeVisible();
    await clean(container);
    tell({ type: 'show', target: 'accounts', id: null });
    await screen.findAllByTestId('account-row');
  });

  test('the sheet of shortcuts has every key that there is', async () => {
    const { user } = await start('');
    await user.keyboard('?');
    const sheet = await screen.findByTestId('shortcuts');
    for (const key of ['K', '8', 'N', 'O', 'Enter', 'P', 'L', 'E', 'F5', '/', '?', 'Space'])
      expect(within(sheet).getAllByText(key).length).toBeGreaterThan(0);
    setLocale('zh-CN');
    await waitFor(() => expect(within(sheet).getAllByText('空格')).toHaveLength(3));
    expect(within(sheet).queryByText('Space')).toBeNull();
  });
});
