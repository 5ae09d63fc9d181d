// The Browse screen on the fake backend: empty, loading, error, thousands; by keyboard; axe is clean in each.

import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, test, vi } from 'vitest';
import { Problem } from '../backend/backend';
import type { BrowsePage, BrowseRequest } from '../backend/types';
import { clean, start, type Started } from './app';

const id = (testid: string): HTMLElement => screen.getByTestId(testid);
const rows = (): HTMLElement[] => screen.queryAllByTestId('browse-row');
const names = (): (string | undefined)[] => rows().map((row) => row.dataset['name']);
const named = (name: string): HTMLElement => {
  const row = rows().find((each) => each.dataset['name'] === name);
  if (!row) throw new Error(`no row ${name} among ${names().join(', ')}`);
  return row;
};

async function open({ user }: Started, name: string): Promise<void> {
  await waitFor(() => expect(named(name)).toBeInTheDocument());
  const toggle = named(name).querySelector('[data-toggle]');
  await user.click(toggle as Element);
  await waitFor(() => expect(named(name)).toHaveAttribute('aria-expanded', 'true'));
}

function page(count: number, kind: string, from = 0, more = false): BrowsePage {
  const entries = Array.from({ length: count }, (_, at) => ({
    name: kind === 'tag' ? `v${from + at}` : `team/r${String(from + at).padStart(5, '0')}`,
    kind,
    usable: true,
    count: null,
    size: null,
    created: null,
    updated: null,
    digest: null,
    mediaType: null,
    platforms: [],
    public: null,
    signed: null,
  }));
  return { listId: 'l', from, entries, more, fetchedAt: new Date().toISOString() };
}

describe('Browse', () => {
  test('levels are read as they are opened, and kept', async () => {
    const asked: BrowseRequest[] = [];
    const started = await start('', '#/browse');
    const { backend, container } = started;
    const ask = backend.browseOpen;
    backend.browseOpen = (request) => {
      asked.push(request);
      return ask(request);
    };
    await waitFor(() => expect(names()).toEqual(['library', 'team', 'platform', 'research']));
    await open(started, 'team');
    await waitFor(() => expect(names()).toContain('team/web'));
    await open(started, 'team/web');
    await waitFor(() => expect(names()).toContain('1.27.0'));
    const levels = asked.map(({ namespace, repository }) => [namespace, repository]);
    expect(levels.filter((level) => level.some((name) => name !== null))).toEqual([
      ['team', null],
      [null, 'team/web'],
    ]);
    expect(named('1.27.0')).toHaveTextContent('linux/amd64');
    expect(named('1.27.0')).toHaveAttribute('aria-level', '3');
    await clean(container);
    // closed and opened again, nothing is asked
    await started.user.click(named('team').querySelector('[data-toggle]') as Element);
    await waitFor(() => expect(names()).not.toContain('team/web'));
    await open(started, 'team');
    await waitFor(() => expect(names()).toContain('1.27.0'));
    expect(asked).toHaveLength(levels.length);
    expect(id('browse-age')).toHaveTextContent(/Read/);
    // another screen and back
    await started.user.click(id('nav-home'));
    await started.user.click(id('nav-browse'));
    await waitFor(() => expect(names()).toContain('1.27.0'));
    expect(asked).toHaveLength(levels.length);
    await started.user.click(id('browse-refresh'));
    await waitFor(() => expect(asked.at(-1)).toMatchObject({ namespace: null, refresh: true }));
  });

  test('loading; and what is left is given up', async () => {
    const { container, user, backend } = await start('hold=browse', '#/browse');
    const given: string[] = [];
    const cancel = backend.browseCancel;
    backend.browseCancel = (token) => {
      given.push(token);
      return cancel(token);
    };
    expect(await screen.findByTestId('browse-loading')).toHaveTextContent('Loading');
    await clean(container);
    await user.click(id('nav-home'));
    await waitFor(() => expect(given).toHaveLength(1));
  });

  test('an error that can be tried again', async () => {
    let fail = true;
    const { container, user } = await start('', '#/browse', {
      browseOpen: async () => {
        if (fail)
          throw new Problem({ code: 'net.timeout', message: 'no answer', params: { host: 'docker.io' } });
        return page(2, 'repository');
      },
    });
    expect(await screen.findByTestId('error-title')).toHaveTextContent('docker.io');
    await clean(container);
    fail = false;
    await user.click(within(id('browse-refused')).getByRole('button', { name: 'Try again' }));
    await waitFor(() => expect(names()).toHaveLength(2));
    expect(screen.queryByTestId('browse-refused')).toBeNull();
  });

  test('a branch that fails says so in its place', async () => {
    const started = await start('', '#/browse');
    await open(started, 'team');
    await waitFor(() => expect(names()).toContain('team/denied'));
    await open(started, 'team/denied');
    const failed = await screen.findByTestId('browse-failed');
    expect(failed).toHaveTextContent('Try again');
    const remedy = within(failed).getByTestId('browse-remedy');
    expect(remedy).toHaveTextContent('Ask for the right to pull, or check the spelling');
    expect(remedy).toHaveAttribute('title', remedy.textContent);
    await open(started, 'team/empty');
    expect(await screen.findByTestId('browse-none')).toHaveTextContent('No tags');
    await clean(started.container);
  });

  test('a registry that lists nothing says why, and takes names by hand', async () => {
    const started = await start('', '#/browse');
    const { user, container } = started;
    await screen.findAllByTestId('browse-row');
    await user.selectOptions(id('browse-account'), 'acr');
    expect(await screen.findByTestId('browse-refused')).toHaveTextContent('does not list its repositories');
    expect(screen.getByText('Name the repositories yourself')).toBeVisible();
    await clean(container);
    await user.click(id('browse-add'));
    await user.click(await screen.findByTestId('browse-names-text'));
    await user.paste('team/app:1.26.0\nTeam/web');
    await user.click(id('browse-names-add'));
    // what is wrong stays to be mended
    expect(await screen.findByTestId('browse-names-wrong')).toHaveTextContent('no name of a repository');
    expect(id('browse-names-text')).toHaveValue('Team/web');
    await clean(container);
    await user.click(screen.getByRole('button', { name: 'Cancel' }));
    await waitFor(() => expect(names()).toContain('team/app'));
    expect(named('team/app')).toHaveTextContent('Added');
    await waitFor(() => expect(names()).toContain('1.27.0'));
    expect(names().filter((name) => name === '1.26.0')).toHaveLength(1);
  });

  test('a name that was added is taken off by Delete, and the list goes on from there', async () => {
    const started = await start('', '#/browse');
    const { user, backend } = started;
    const drop = vi.spyOn(backend, 'browseDrop');
    await screen.findAllByTestId('browse-row');
    await user.click(id('browse-add'));
    await user.click(await screen.findByTestId('browse-names-text'));
    await user.paste('team/one\nteam/two');
    await user.click(id('browse-names-add'));
    await waitFor(() => expect(names().slice(0, 3)).toEqual(['team/one', 'team/two', 'library']));
    id('browse-grid').focus();
    await user.keyboard('{ArrowDown}{ArrowDown}{Delete}');
    await waitFor(() => expect(names().slice(0, 2)).toEqual(['team/one', 'library']));
    expect(drop).toHaveBeenCalledWith('docker.io', 'team/two');
    // a name of the registry's own list stays
    await waitFor(() =>
      expect(id('browse-grid').getAttribute('aria-activedescendant')).toBe(named('library').id),
    );
    await user.keyboard('{Delete}');
    expect(names()).toContain('library');
    expect(drop).toHaveBeenCalledOnce();
    await user.keyboard('?');
    expect(within(await screen.findByTestId('shortcuts')).getByText('Del')).toBeVisible();
  });

  test('without accounts a registry is typed', async () => {
    const asked: BrowseRequest[] = [];
    const { container, user } = await start('scenario=empty', '#/browse', {
      browseOpen: async (request) => {
        asked.push(request);
        return page(1, 'repository');
      },
    });
    expect(await screen.findByText('No registry picked yet')).toBeVisible();
    await clean(container);
    await user.type(id('browse-host'), 'https://quay.io/team/');
    await user.click(id('browse-go'));
    await waitFor(() => expect(names()).toEqual(['team/r00000']));
    expect(asked[0]).toMatchObject({ accountId: null, host: 'quay.io', namespace: 'team' });
  });

  test('thousands come page by page, and the filter looks at what is there', async () => {
    const starts: number[] = [];
    const { user, container } = await start('', '#/browse', {
      browseOpen: async () => page(1000, 'repository', 0, true),
      browseMore: async ({ from }) => {
        starts.push(from);
        return page(1000, 'repository', from, from < 4000);
      },
    });
    await screen.findAllByTestId('browse-row');
    // only what is in sight is in the document, and only what is in sight is read on
    expect(rows().length).toBeLessThan(60);
    expect(starts).toEqual([]);
    id('browse-grid').focus();
    await user.keyboard('{ArrowDown}{Control>}{End}{/Control}');
    await user.type(id('browse-filter'), 'r00042');
    await waitFor(() => expect(names()).toEqual(['team/r00042']));
    await clean(container);
    await user.clear(id('browse-filter'));
    await user.type(id('browse-filter'), 'nothing has this name');
    await waitFor(() => expect(names()).toEqual([]));
  });

  test('by keyboard: open, go in, details, copy', async () => {
    const { user } = await start('', '#/browse');
    await screen.findAllByTestId('browse-row');
    id('browse-grid').focus();
    await user.keyboard('{ArrowDown}{ArrowDown}{ArrowRight}');
    await waitFor(() => expect(names()).toContain('team/api'));
    await user.keyboard('{ArrowRight}{ArrowRight}');
    await waitFor(() => expect(names()).toContain('1.27.0'));
    await user.keyboard('{ArrowRight}{Control>}c{/Control}');
    expect(await navigator.clipboard.readText()).toBe('docker.io/team/api:1.27.0');
    expect(id('live')).toHaveTextContent('Copied to the clipboard');
    await user.keyboard('{Enter}');
    expect(await screen.findByTestId('browse-sheet')).toBeVisible();
    expect(await screen.findAllByTestId('browse-image')).toHaveLength(3);
    await clean(document.body);
    await user.keyboard('{Escape}');
    await waitFor(() => expect(screen.queryByTestId('browse-sheet')).toBeNull());
  });

  test('letters that are typed go to the row that begins with them', async () => {
    const started = await start('', '#/browse');
    const { user } = started;
    await open(started, 'team');
    await waitFor(() => expect(names()).toContain('team/web'));
    const current = (): string | null => id('browse-grid').getAttribute('aria-activedescendant');
    id('browse-grid').focus();
    await user.keyboard('web');
    expect(current()).toBe(named('team/web').id);
    expect(named('team/web')).toHaveAttribute('aria-expanded', 'false');
  });

  test('names that play tricks are shown without them and can not be copied', async () => {
    const started = await start('scenario=names', '#/browse');
    await open(started, 'team');
    await waitFor(() => expect(started.container.textContent).toContain('gpj.exe'));
    expect(started.container.textContent).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
    const odd = rows().find((row) => row.textContent?.includes('gpj.exe'));
    expect(odd).toHaveTextContent('Unusual name');
    expect(within(odd as HTMLElement).queryByTestId('browse-copy')).toBeNull();
  });
});
