// A set built by ticking: by mouse, keyboard and drag; what it becomes.

import { fireEvent, screen, waitFor } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import type { BrowseEntry, BrowsePage } from '../backend/types';
import { byOs } from '../screens/browse/picks';
import { destination, filled } from '../screens/browse/mapping';
import { clean, start, type Started } from './app';

const id = (testid: string): HTMLElement => screen.getByTestId(testid);
const rows = (): HTMLElement[] => screen.queryAllByTestId('browse-row');
const named = (name: string): HTMLElement => {
  const row = rows().find((each) => each.dataset['name'] === name);
  if (!row) throw new Error(`no row ${name} among ${rows().map((each) => each.dataset['name'])}`);
  return row;
};
const box = (name: string): Element => named(name).querySelector('[data-check]') as Element;
const ticked = (name: string): string | null => box(name).getAttribute('aria-checked');
const set = (): string[] => screen.queryAllByTestId('set-rule').map((row) => row.textContent.trim());

async function open({ user }: Started, ...names: string[]): Promise<void> {
  for (const name of names) {
    await waitFor(() => expect(named(name)).toBeInTheDocument());
    await user.click(named(name).querySelector('[data-toggle]') as Element);
    await waitFor(() => expect(screen.queryByTestId('browse-loading')).toBeNull());
  }
}

function many(count: number, from: number, more: boolean): BrowsePage {
  const entries = Array.from({ length: count }, (_, at): BrowseEntry => ({
    name: `v${from + at}`,
    kind: 'tag',
    usable: true,
    count: null,
    size: 10,
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

describe('Ticking', () => {
  test('a tick is for what is below; what is between shows it; count and bytes are always there', async () => {
    const started = await start('', '#/browse');
    const { user, container } = started;
    await open(started, 'team', 'team/web');
    expect(id('selection-sum')).toHaveTextContent('Nothing chosen yet');
    expect(id('selection-add')).toBeDisabled();
    await user.click(box('1.27.0'));
    expect([ticked('1.27.0'), ticked('team/web'), ticked('team')]).toEqual(['true', 'mixed', 'mixed']);
    expect(id('selection-sum')).toHaveTextContent('Tags: 1 · 31.4 MB');
    await clean(container);
    // the row with Shift: all between
    await user.keyboard('{Shift>}');
    await user.click(box('1.24.0'));
    await user.keyboard('{/Shift}');
    expect(id('selection-sum')).toHaveTextContent('Tags: 4');
    await user.click(box('team/web'));
    expect([ticked('1.21.0'), ticked('team/web')]).toEqual(['true', 'true']);
    expect(id('selection-sum')).toHaveTextContent('Repositories: 1');
    await user.click(box('1.21.0'));
    expect([ticked('1.21.0'), ticked('team/web')]).toEqual(['false', 'mixed']);
    await user.click(id('selection-add'));
    expect(set()).toHaveLength(1);
    expect(set()[0]).toContain('All tags of docker.io/team/web, without tags 1.21.0');
    // all that is left is 6 of 7, from the list that is there
    await waitFor(() => expect(set()[0]).toContain('6 of 7 tags'));
    await waitFor(() => expect(id('set-sum')).toHaveTextContent(/1 rule · Tags: 6 · \d/));
    expect(ticked('team/web')).toBe('false');
  });

  test('each tag of a repository ticked by itself is the repository full, and still only these tags', async () => {
    const started = await start('', '#/browse');
    await open(started, 'team', 'team/web');
    for (let at = 0; at < 7; at += 1) await started.user.click(box(`1.${27 - at}.0`));
    expect(ticked('team/web')).toBe('true');
    expect(ticked('team')).toBe('mixed');
    await started.user.click(id('selection-add'));
    expect(set()[0]).toContain('docker.io/team/web, 7 tags');
  });

  test('platforms of a tag are rules of their own', async () => {
    const started = await start('', '#/browse');
    await open(started, 'team', 'team/web', '1.26.0');
    await started.user.click(box('linux/arm64'));
    expect(ticked('1.26.0')).toBe('mixed');
    await started.user.click(id('selection-add'));
    expect(set()[0]).toContain('docker.io/team/web, tag 1.26.0, for linux/arm64');
    expect(byOs(['linux/amd64', 'linux/arm/v7', 'windows/amd64:10.0.1'])).toEqual([
      { os: ['linux'], arch: ['amd64', 'arm:v7'] },
      { os: ['windows:10.0.1'], arch: ['amd64'] },
    ]);
  });

  test('a namespace stands for its repositories, which are read for it', async () => {
    const started = await start('', '#/browse');
    await waitFor(() => expect(named('team')).toBeInTheDocument());
    await started.user.click(box('team'));
    expect(id('selection-sum')).toHaveTextContent('Namespaces: 1');
    await started.user.click(id('selection-add'));
    await waitFor(() => expect(set()).toHaveLength(6));
    expect(set()[0]).toContain('All tags of docker.io/team/api');
  });

  test('by keyboard alone: tick, range, all that match, add', async () => {
    const started = await start('', '#/browse');
    const { user } = started;
    await open(started, 'team', 'team/web');
    id('browse-grid').focus();
    await user.keyboard('{Home}{ArrowDown}{ArrowDown}{ArrowDown}{ArrowDown}');
    await user.keyboard(' ');
    expect(ticked('1.27.0')).toBe('true');
    await user.keyboard('{Shift>}{ArrowDown}{ArrowDown}{/Shift}');
    expect([ticked('1.26.0'), ticked('1.25.0'), ticked('1.24.0')]).toEqual(['true', 'true', 'false']);
    await user.keyboard('{Insert}');
    await waitFor(() => expect(set()).toHaveLength(1));
    expect(set()[0]).toContain('tags 1.27.0, 1.26.0, and 1.25.0');
    await user.keyboard('{Control>}a{/Control}');
    await waitFor(() => expect(id('selection-sum')).toHaveTextContent('Tags: 7'));
    await user.keyboard('{Insert}');
    // the same tags are not there twice: the rule grows
    await waitFor(() => expect(set()[0]).toContain('7 tags'));
    expect(set()).toHaveLength(1);
  });

  test('all that match the filter are ticked, also what is not loaded yet', async () => {
    const starts: number[] = [];
    const started = await start('', '#/browse', {
      browseOpen: async ({ repository, namespace }) => {
        if (repository) return many(1000, 0, true);
        const page = many(1, 0, false);
        const kind = namespace === null ? 'repository' : 'tag';
        return { ...page, entries: page.entries.map((entry) => ({ ...entry, name: 'app', kind })) };
      },
      browseMore: async ({ from }) => {
        starts.push(from);
        return many(1000, from, from < 99_000);
      },
    });
    const { user } = started;
    await open(started, 'app');
    expect(rows().length).toBeLessThan(60);
    await user.type(id('browse-filter'), 'v9999');
    await user.click(id('selection-all'));
    // v9999 and v99990 to v99999
    await waitFor(() => expect(id('selection-sum')).toHaveTextContent('Tags: 11 · 110 B'), {
      timeout: 20_000,
    });
    expect(starts.at(-1)).toBe(99_000);
    await user.click(id('selection-add'));
    await waitFor(() => expect(set()[0]).toContain('docker.io/app, 11 tags'));
  }, 60_000);

  test('a row is dragged to the set', async () => {
    const started = await start('', '#/browse');
    await open(started, 'team');
    const data = new Map<string, string>();
    const dataTransfer = { effectAllowed: '', setData: (type: string, text: string) => data.set(type, text) };
    await fireEvent.dragStart(named('team/web'), { dataTransfer });
    expect(data.get('text/plain')).toBe('docker.io/team/web');
    await fireEvent.dragOver(id('set'), { dataTransfer });
    await fireEvent.drop(id('set'), { dataTransfer });
    await waitFor(() => expect(set()[0]).toContain('All tags of docker.io/team/web'));
  });
});

describe('The set', () => {
  test('a rule unfolds, is narrowed, removed; emptying asks', async () => {
    const started = await start('', '#/browse');
    const { user, container } = started;
    await open(started, 'team');
    await user.click(box('team/web'));
    await user.click(box('team/api'));
    await user.click(id('selection-add'));
    expect(set()).toHaveLength(2);
    await user.click(screen.getAllByTestId('set-rule-line')[1] as HTMLElement);
    await user.type(id('rule-include-1'), '1.27.*');
    expect(set()[1]).toContain('only 1.27.*');
    await clean(container);
    await user.click(screen.getAllByTestId('set-rule-remove')[0] as HTMLElement);
    expect(set()).toHaveLength(1);
    // another screen and back: it is still there
    await user.click(id('nav-home'));
    await user.click(id('nav-browse'));
    await waitFor(() => expect(set()).toHaveLength(1));
    await user.click(id('set-clear'));
    await user.click(await screen.findByTestId('confirm-yes'));
    await waitFor(() => expect(set()).toEqual([]));
    expect(screen.getByText('Nothing in it yet')).toBeVisible();
  });

  test('goes to a registry by a mapping, with a live table, and becomes a profile', async () => {
    const started = await start('', '#/browse');
    const { user, backend, container } = started;
    await open(started, 'team', 'library');
    await user.click(box('team/web'));
    await user.click(box('library/web'));
    await user.click(id('selection-add'));
    await user.click(id('set-destination'));
    expect(id('destination')).toBeVisible();
    await clean(container);
    await user.selectOptions(id('destination-account'), 'lab');
    const pairs = (): string[] => screen.getAllByTestId('pair').map((row) => row.textContent);
    const to = 'harbor.lab.example.com:8443/team';
    await waitFor(() => expect(pairs()).toHaveLength(14));
    await waitFor(() => expect(pairs()[0]).toContain(`${to}/library/web:1.27.0`));
    expect(id('mapping-last').closest('label')).toHaveTextContent('team/web');
    expect(id('mapping-prefix').closest('label')).toHaveTextContent('team/mirror/library/web');
    await user.click(id('mapping-last'));
    // both repositories would go to one place
    expect(await screen.findByTestId('destination-twice')).toHaveTextContent('7 names');
    await user.click(id('mapping-template'));
    await user.clear(id('mapping-text'));
    await user.click(id('mapping-text'));
    await user.paste('{namespace}-{label}');
    await user.click(id('set-save'));
    expect(await screen.findByTestId('destination-error')).toHaveTextContent('placeholder that is not known');
    await user.clear(id('mapping-text'));
    await user.paste('x/{namespace}-{name}');
    await waitFor(() => expect(pairs()[0]).toContain(`${to}/x/library-web:1.27.0`));
    expect(screen.queryByTestId('destination-twice')).toBeNull();
    await user.click(id('set-save'));
    await screen.findAllByTestId('profile-row');
    const saved = (await backend.profilesList()).at(-1);
    const profile = await backend.profilesGet(saved?.id ?? '');
    expect(profile.name).toBe('web to harbor.lab.example.com:8443');
    expect(profile.rules.map(({ source, destinations }) => [source, destinations])).toEqual([
      ['docker.io/library/web', [`${to}/x/{namespace}-{name}`]],
      ['docker.io/team/web', [`${to}/x/{namespace}-{name}`]],
    ]);
    await user.click(id('nav-browse'));
    expect(await screen.findByText('Nothing in it yet')).toBeVisible();
  });

  test('or is compared at once; a registry that is not named is asked for', async () => {
    const started = await start('', '#/browse');
    const { user } = started;
    await open(started, 'team');
    await user.click(box('team/web'));
    await user.click(id('selection-add'));
    await user.click(id('set-destination'));
    await user.selectOptions(id('destination-account'), '');
    await user.click(id('set-compare'));
    expect(id('destination-host')).toHaveAccessibleDescription('This field is needed.');
    await user.type(id('destination-host'), 'https://r.example.com/team/');
    await user.click(id('set-compare'));
    await waitFor(() => expect(location.hash).toMatch(/^#\/compare\//));
  });
});

describe('A mapping', () => {
  const mapping = { prefix: ' /mirror/ ', template: '{registry}/{path}' };
  test.each([
    ['keep', 'r.io/{path}', 'r.io/team/web/shop'],
    ['prefix', 'r.io/mirror/{path}', 'r.io/mirror/team/web/shop'],
    ['last', 'r.io/mirror/{name}', 'r.io/mirror/shop'],
    ['template', 'r.io/{registry}/{path}', 'r.io/quay.io-443/team/web/shop'],
  ] as const)('%s', (kind, text, example) => {
    expect(destination('https://r.io/', { ...mapping, kind })).toBe(text);
    expect(filled(text, 'quay.io:443/team/web/shop:1.0')).toBe(example);
  });

  test('short names are at Docker Hub; without a namespace its slash goes', () => {
    expect(filled('r.io/{path}', 'nginx:1')).toBe('r.io/library/nginx');
    expect(filled('r.io/{namespace}/x-{name}', 'quay.io/app')).toBe('r.io/x-app');
    expect(destination('', { ...mapping, kind: 'keep' })).toBe('');
  });
});
