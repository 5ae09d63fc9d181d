// What narrows a rule, what it would copy, and profiles as files.

import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import { Problem } from '../backend/backend';
import type { PreviewRequest, Profile } from '../backend/types';
import { setLocale } from '../i18n';
import { blankRule } from '../text/rule';
import { clean, start } from './app';

const id = (testid: string): HTMLElement => screen.getByTestId(testid);
const line = (): string => id('rule-summary-0').textContent.trim();

describe('A rule in the editor', () => {
  test('unfolds to all that can narrow it, reads as one line, and is saved so', async () => {
    const { user, backend, container } = await start('', '#/profiles/new');
    await screen.findByTestId('profile-name');
    await user.type(id('profile-name'), 'Mine');
    await user.type(id('rule-source-0'), 'docker.io/library/web');
    await user.click(id('rule-destination-0-0'));
    await user.paste('r.io/{path}');
    expect(screen.queryByTestId('rule-details-0')).toBeNull();
    await user.click(id('rule-more-0'));
    expect(id('rule-more-0')).toHaveAttribute('aria-expanded', 'true');
    await user.type(id('rule-include-0'), '1.*, /^v{{2}/');
    await user.type(id('rule-exclude-0'), '*-rc*');
    await user.type(id('rule-versions-0'), '>=1.2');
    await user.type(id('rule-newest-0'), '5');
    await user.click(id('rule-by-created-0'));
    expect(screen.getByText(/Each run reads the date of every image/)).toBeVisible();
    await user.click(id('rule-platforms-own-0'));
    await user.click(id('rule-platform-0-os-linux'));
    await user.click(id('rule-platform-0-arch-amd64'));
    await user.click(id('rule-platform-0-arch-arm64'));
    expect(id('rule-index-0')).toHaveTextContent('Index rebuilt with up to 2 platforms');
    expect(line()).toContain('only 1.* and /^v{2}/, without tags *-rc*, versions >=1.2, newest 5 by date');
    await clean(container);
    // what becomes of the index is a choice where something is left out
    await user.click(id('index-sparse'));
    expect(id('rule-index-0')).toHaveTextContent('Index and digest stay as they are');
    await user.click(id('profile-limits'));
    await user.type(id('profile-retries'), '0');
    await user.type(id('profile-proc'), '8');
    await user.type(id('profile-bandwidth'), '50');
    expect(id('profile-bandwidth')).toHaveAccessibleDescription(/400 Mbit\/s/);
    await user.click(id('profile-save'));
    await screen.findAllByTestId('profile-row');
    const list = await backend.profilesList();
    const saved = await backend.profilesGet(list.at(-1)?.id ?? '');
    expect(saved).toMatchObject({ index: 'sparse', retries: 0, proc: 8, bandwidth: 50_000_000 });
    expect(saved.rules).toEqual([
      {
        ...blankRule('docker.io/library/web', ['r.io/{path}']),
        tags: {
          include: ['1.*', '/^v{2}/'],
          exclude: ['*-rc*'],
          versions: '>=1.2',
          newest: 5,
          newestBy: 'created',
        },
        platforms: { os: ['linux'], arch: ['amd64', 'arm64'] },
      },
    ]);
  });

  test('what is wrong stands at its control, which is unfolded for it; a number that is none holds the saving back', async () => {
    const saved: Profile[] = [];
    const { user, container } = await start('', '#/profiles/new', {
      profilesSave: async (profile) => {
        saved.push(profile);
        return profile;
      },
    });
    await screen.findByTestId('profile-name');
    await user.type(id('profile-name'), 'Mine');
    await user.type(id('rule-source-0'), 'quay.io/a/b');
    await user.type(id('rule-destination-0-0'), 'r.io/b');
    await user.click(id('rule-more-0'));
    await user.click(id('rule-include-0'));
    await user.paste('1.*, a[b]');
    await user.tab();
    expect(await screen.findByTestId('rule-include-0-error')).toHaveTextContent("'a[b]' is wrong");
    await user.click(id('rule-more-0'));
    expect(id('rule-include-0')).toBeVisible();
    await user.clear(id('rule-include-0'));
    await user.type(id('rule-newest-0'), '0');
    expect(id('rule-newest-0')).toHaveAccessibleDescription(/A whole number from 1/);
    await user.click(id('profile-save'));
    await clean(container);
    expect(saved).toEqual([]);
    await user.clear(id('rule-newest-0'));
    await user.click(id('profile-save'));
    await waitFor(() => expect(saved).toHaveLength(1));
  });

  test('a pattern of repositories can leave some out; a digest has no tags to choose from', async () => {
    const { user } = await start('', '#/profiles/new');
    await screen.findByTestId('profile-name');
    await user.type(id('rule-source-0'), 'docker.io/team/*');
    await user.click(id('rule-more-0'));
    await user.type(id('rule-repositories-0'), 'team/den*');
    await waitFor(() => expect(id('preview-counts')).toHaveTextContent('5 of 24 repositories'));
    await user.clear(id('rule-source-0'));
    await user.type(id('rule-source-0'), `quay.io/a@sha256:${'a'.repeat(64)}`);
    expect(screen.getByText(/there are no tags to choose from/)).toBeVisible();
    expect(screen.queryByTestId('rule-include-0')).toBeNull();
  });

  test('rules keep their own fields when one before them is removed', async () => {
    const { user } = await start('', '#/profiles/team-mirror');
    await screen.findByTestId('rule-source-2');
    await user.click(id('rule-more-2'));
    await user.type(id('rule-exclude-2'), 'x');
    await user.click(id('rule-remove-0'));
    expect(id('rule-exclude-1')).toHaveValue('x');
    expect(id('rule-source-1')).toHaveValue('docker.io/library/redis');
  });
});

describe('What a rule would copy', () => {
  test('stands in a live table, is asked once per change, and what is overtaken is given up', async () => {
    const asked: PreviewRequest[] = [];
    const given: string[] = [];
    const started = await start('', '#/profiles/new');
    const { user, backend, container } = started;
    const ask = backend.profilesPreview;
    backend.profilesPreview = (request) => {
      asked.push(request);
      return request.rule.source.endsWith('slow') ? new Promise(() => undefined) : ask(request);
    };
    backend.browseCancel = async (token) => {
      given.push(token);
      return null;
    };
    await screen.findByTestId('profile-name');
    await user.click(id('rule-more-0'));
    expect(id('rule-preview')).toHaveTextContent('Name a source');
    await user.type(id('rule-source-0'), 'docker.io/team/web');
    await waitFor(() => expect(screen.getAllByTestId('preview-pair')).toHaveLength(7));
    expect(id('preview-counts')).toHaveTextContent('7 of 7 tags');
    expect(id('rule-preview')).toHaveTextContent('No destination yet');
    expect(asked).toHaveLength(1);
    await user.click(id('rule-destination-0-0'));
    await user.paste('r.io/x/{name}');
    await waitFor(() =>
      expect(screen.getAllByTestId('preview-pair')[0]).toHaveTextContent('r.io/x/web:1.27.0'),
    );
    await user.type(id('rule-include-0'), '1.27.*');
    await waitFor(() => expect(id('preview-counts')).toHaveTextContent('1 of 7 tags'));
    await clean(container);
    await user.clear(id('rule-source-0'));
    await user.type(id('rule-source-0'), 'docker.io/team/slow');
    await user.click(await screen.findByTestId('preview-stop'));
    expect(given).toContain(asked.at(-1)?.token);
  });

  test('dates are read only when that is asked for; how many is told before', async () => {
    const asked: boolean[] = [];
    const { user, backend } = await start('', '#/profiles/new');
    const ask = backend.profilesPreview;
    backend.profilesPreview = (request) => {
      asked.push(request.dates);
      return ask(request);
    };
    await screen.findByTestId('profile-name');
    await user.type(id('rule-source-0'), 'docker.io/team/nightly');
    await user.click(id('rule-more-0'));
    await user.type(id('rule-newest-0'), '3');
    await user.click(id('rule-by-created-0'));
    expect(await screen.findByTestId('preview-configs')).toHaveTextContent('4,200 images');
    expect(asked.every((each) => !each)).toBe(true);
    await user.click(id('preview-dates'));
    await waitFor(() => expect(screen.getAllByTestId('preview-pair')).toHaveLength(3));
  });

  test('a registry that does not answer is told in its place', async () => {
    const { user } = await start('', '#/profiles/new', {
      profilesPreview: async () => {
        throw new Problem({ code: 'net.timeout', message: 'no answer', params: { host: 'quay.io' } });
      },
    });
    await screen.findByTestId('profile-name');
    await user.type(id('rule-source-0'), 'quay.io/a/b');
    await user.click(id('rule-more-0'));
    await waitFor(() => expect(id('rule-preview')).toHaveTextContent('quay.io'));
  });
});

describe('Profiles as files', () => {
  const menu = async (user: Awaited<ReturnType<typeof start>>['user'], item: string): Promise<void> => {
    await user.click(await screen.findByRole('button', { name: 'More for Team mirror' }));
    await user.click(await screen.findByTestId(item));
  };

  test('renamed, with what is wrong at the field', async () => {
    const { user, container } = await start('', '#/profiles');
    await menu(user, 'profile-rename');
    const name = await screen.findByTestId('rename-name');
    expect(name).toHaveValue('Team mirror');
    await user.clear(name);
    await user.type(name, 'Release 2026.11{Enter}');
    await waitFor(() => expect(name).toHaveAccessibleDescription(/already/));
    await clean(container);
    await user.clear(name);
    await user.type(name, 'Mirror of the team');
    await user.click(id('rename-save'));
    expect(await screen.findByRole('link', { name: 'Mirror of the team' })).toBeVisible();
  });

  test('exported as a file, and for the original with what does not fit', async () => {
    const saves: boolean[] = [];
    const { user, backend, container } = await start('', '#/profiles');
    await menu(user, 'profile-export');
    expect(await screen.findByTestId('toast')).toHaveTextContent('/home/acme/team-mirror.yaml');
    const ask = backend.profilesExportOriginal;
    backend.profilesExportOriginal = (which, save) => {
      saves.push(save);
      return ask(which, save);
    };
    await menu(user, 'profile-original');
    expect(await screen.findByTestId('original-taken')).toHaveTextContent('3 of 3 rules');
    const notes = screen.getAllByTestId('original-note').map((note) => note.textContent);
    expect(notes.join('\n')).toContain('--os linux');
    setLocale('zh-CN');
    await waitFor(() =>
      expect(screen.getAllByTestId('original-note').at(-1)).toHaveTextContent(
        '文件不含登录信息：原版从认证文件读取',
      ),
    );
    setLocale('en');
    await clean(container);
    await user.click(id('original-copy'));
    expect(await navigator.clipboard.readText()).toContain('docker.io/library/redis: ');
    await user.click(id('original-save'));
    await waitFor(() => expect(screen.queryByTestId('original-sheet')).toBeNull());
    expect(saves).toEqual([false, true]);
    expect(id('toast')).toHaveTextContent('team-mirror-images.yaml');
  });

  test('a broken file is shown with its place, and stays as it is', async () => {
    const { container } = await start('scenario=failing', '#/profiles');
    const broken = await screen.findByTestId('profile-broken');
    expect(broken).toHaveTextContent("Line 7, column 3: rule 2 has no 'destinations'");
    expect(broken).toHaveTextContent('old-mirror.yaml stays as it is');
    setLocale('zh-CN');
    await waitFor(() => expect(broken).toHaveTextContent('第 7 行第 3 列：第 2 条规则缺少“destinations”'));
    setLocale('en');
    const row = broken.closest('li') as HTMLElement;
    expect(within(row).getByTestId('profile-row-compare')).toBeDisabled();
    await clean(container);
  });
});
