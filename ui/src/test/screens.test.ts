// Every screen on the fake backend, in the states empty, loading, error, many; axe is clean in each.

import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import { Problem } from '../backend/backend';
import type { AccountDraft } from '../backend/types';
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

describe('Accounts', () => {
  test('many: no secret is anywhere', async () => {
    const { container } = await start('', '#/accounts');
    const rows = await some('account-row');
    expect(rows).toHaveLength(6);
    expect(rows[3]).toHaveTextContent('Insecure');
    expect(rows[3]).toHaveTextContent('Failed');
    expect(rows[3]).toHaveTextContent('User name or token refused by harbor.lab.example.com:8443');
    await waitFor(() => expect(rows[4]).toHaveTextContent('Amazon ECR'));
    expect(rows[4]).toHaveTextContent('AWS access key');
    expect(rows[2]).toHaveTextContent('Alibaba Cloud ACR Personal');
    expect(rows[5]).toHaveTextContent('anonymous');
    await clean(container);
  });

  test('empty, and error', async () => {
    const { container } = await start('scenario=empty', '#/accounts');
    expect(await screen.findByText('No accounts yet')).toBeVisible();
    await clean(container);
    await start('scenario=broken', '#/accounts');
    expect(await screen.findByTestId('error-code')).toHaveTextContent('file.failed');
  });

  test('a login line fills the fields; the secret goes out once, and the field is empty in the same call', async () => {
    const sent: AccountDraft[] = [];
    const fields: string[] = [];
    const { user } = await start('scenario=empty', '#/accounts/new', {
      accountsSave: (draft) => {
        sent.push({ ...draft });
        queueMicrotask(() => fields.push((id('account-secret') as HTMLInputElement).value));
        return never;
      },
    });
    await screen.findByTestId('account-sheet');
    await user.click(id('account-address'));
    await user.paste("docker login -u me -p 'CANARY-1' registry.example.com");
    await waitFor(() => expect(id('account-address')).toHaveValue('registry.example.com'));
    expect(id('account-username')).toHaveValue('me');
    expect(id('account-secret')).toHaveValue('CANARY-1');
    await user.click(id('account-save'));
    expect(sent).toEqual([
      {
        id: null,
        name: '',
        address: 'registry.example.com',
        username: 'me',
        secret: 'CANARY-1',
        insecure: false,
        caFile: null,
        provider: '',
        settings: {},
        secretKind: 'password',
        secretFile: null,
        plainHttp: false,
        trusted: null,
        clientCert: null,
        clientKey: null,
        proxy: null,
        mirrors: [],
        limit: null,
        creates: false,
        api: '',
        pathPrefix: '',
      },
    ]);
    expect(fields).toEqual(['']);
    expect(document.documentElement.outerHTML).not.toContain('CANARY-1');
  });

  test('a secret that could not be saved must be typed again', async () => {
    let tries = 0;
    const { user } = await start('scenario=empty', '#/accounts/new', {
      accountsSave: async () => {
        tries += 1;
        throw new Problem({ code: 'file.failed', message: 'disk full' });
      },
    });
    await screen.findByTestId('account-sheet');
    await user.type(id('account-address'), 'r.io');
    await user.type(id('account-secret'), 's');
    await user.click(id('account-save'));
    expect(await screen.findByText('Type it again: it was not kept.')).toBeVisible();
    await user.click(id('account-save'));
    expect(tries).toBe(1);
  });

  test('a stored secret is kept unless it is replaced, and never shown', async () => {
    const sent: (string | null)[] = [];
    const { user } = await start('', '#/accounts/quay', {
      accountsSave: async (draft) => {
        sent.push(draft.secret);
        throw new Problem({ code: 'internal' });
      },
    });
    await screen.findByTestId('account-sheet');
    expect(screen.queryByTestId('account-secret')).toBeNull();
    await user.click(id('account-save'));
    await user.click(id('account-replace-secret'));
    expect(id('account-secret')).toHaveValue('');
    await user.type(id('account-secret'), 'new');
    await user.click(id('account-save'));
    await waitFor(() => expect(sent).toEqual([null, 'new']));
  });

  test('an address is needed', async () => {
    const { user, container } = await start('', '#/accounts/new');
    await screen.findByTestId('account-sheet');
    await user.click(id('account-save'));
    expect(id('account-address')).toHaveAccessibleDescription(/This field is needed/);
    await clean(container);
  });

  test('the test fills in step by step, with time and remedy', async () => {
    const { user, container } = await start('scenario=failing', '#/accounts/quay');
    await screen.findByTestId('account-sheet');
    await user.click(id('account-test'));
    expect(id('account-check-result').dataset['state']).toBe('running');
    await waitFor(() => expect(id('check-step-dns').dataset['state']).toBe('passed'));
    expect(id('check-step-catalog').dataset['state']).toBe('waiting');
    await waitFor(() => expect(id('account-check-result').dataset['state']).toBe('failed'), {
      timeout: 60_000,
    });
    expect(id('check-step-login')).toHaveTextContent('User name or token refused by quay.io');
    expect(id('check-step-tcp')).toHaveTextContent('23 ms');
    expect(id('check-step-catalog').dataset['state']).toBe('skipped');
    await clean(container);
  });

  test('without a keyring the choice is asked, then the saving goes on', async () => {
    const { user, container } = await start('scenario=nokeyring', '#/accounts/new');
    await screen.findByTestId('account-sheet');
    await user.type(id('account-address'), 'r.io');
    await user.type(id('account-username'), 'me');
    await user.type(id('account-secret'), 's');
    await user.click(id('account-save'));
    expect(await screen.findByTestId('keyring-dialog')).toHaveTextContent(
      'never writes secrets to plain files',
    );
    await clean(container);
    await user.click(id('keyring-retry'));
    expect(await screen.findByText('Still not available.')).toBeVisible();
    await user.click(id('keyring-memory'));
    const [row] = await some('account-row');
    expect(row).toHaveTextContent('In memory until you quit');
  });

  test('or an encrypted file is made; its passphrase leaves the page at once', async () => {
    const given: string[] = [];
    const { user, backend, container } = await start('scenario=nokeyring', '#/accounts/new');
    const useFile = backend.keyringUseFile;
    backend.keyringUseFile = (passphrase) => {
      given.push(passphrase);
      return useFile(passphrase);
    };
    await screen.findByTestId('account-sheet');
    await user.type(id('account-address'), 'r.io');
    await user.type(id('account-username'), 'me');
    await user.type(id('account-secret'), 's');
    await user.click(id('account-save'));
    await screen.findByTestId('keyring-dialog');
    await user.type(id('keyring-passphrase'), 'CANARY-2');
    await user.type(id('keyring-passphrase-again'), 'CANARY-3');
    await user.click(id('keyring-file'));
    expect(id('keyring-passphrase')).toHaveAccessibleDescription('The two are not the same.');
    expect(given).toEqual([]);
    await user.clear(id('keyring-passphrase'));
    await user.clear(id('keyring-passphrase-again'));
    await user.type(id('keyring-passphrase'), 'wrong');
    await user.type(id('keyring-passphrase-again'), 'wrong');
    await user.click(id('keyring-file'));
    expect(await screen.findByText(/does not open secrets.age/)).toBeVisible();
    expect(id('keyring-passphrase')).toHaveValue('');
    await clean(container);
    await user.type(id('keyring-passphrase'), 'CANARY-2');
    await user.type(id('keyring-passphrase-again'), 'CANARY-2');
    await user.click(id('keyring-file'));
    const [row] = await some('account-row');
    expect(row).toHaveTextContent('In the encrypted file');
    expect(given).toEqual(['wrong', 'CANARY-2']);
    expect(document.documentElement.outerHTML).not.toContain('CANARY');
  });

  test('a certificate that the test has shown can be trusted, and no longer', async () => {
    const sent: (AccountDraft['trusted'] | undefined)[] = [];
    const { user, container } = await start('scenario=empty', '#/accounts/new', {
      accountsSave: (draft) => {
        sent.push(draft.trusted);
        return never;
      },
    });
    await screen.findByTestId('account-sheet');
    await user.type(id('account-address'), 'lab.untrusted');
    await user.click(id('account-test'));
    await waitFor(() => expect(id('account-check-result').dataset['state']).toBe('failed'));
    await clean(container);
    await user.click(await screen.findByTestId('check-trust'));
    const facts = await screen.findByTestId('trust-facts');
    for (const fact of ['CN=lab.untrusted', 'CN=Lab CA', '2027', /^.*10:17/])
      expect(facts).toHaveTextContent(fact);
    await clean(document.body);
    // nothing is trusted by looking
    expect(screen.queryByTestId('account-trusted')).toBeNull();
    await user.click(id('trust-go'));
    await waitFor(() => expect(id('account-check-result').dataset['state']).toBe('passed'), {
      timeout: 60_000,
    });
    expect(id('account-trusted')).toHaveTextContent('Lab CA');
    await user.click(id('account-save'));
    expect(sent[0]?.kind).toBe('ca');
  });

  test('or nothing is verified, which stays marked', async () => {
    const { user } = await start('scenario=empty', '#/accounts/new');
    await screen.findByTestId('account-sheet');
    await user.type(id('account-address'), 'lab.untrusted');
    await user.click(id('account-test'));
    await user.click(await screen.findByTestId('check-trust', {}, { timeout: 60_000 }));
    await user.click(id('trust-skip'));
    await user.click(id('trust-go'));
    await waitFor(() => expect(id('account-check-result').dataset['state']).toBe('passed'), {
      timeout: 60_000,
    });
    expect(id('check-step-tls').dataset['state']).toBe('warning');
    expect(id('account-insecure')).toBeChecked();
    await user.click(id('account-save'));
    const [row] = await some('account-row');
    expect(row).toHaveTextContent('Insecure');
  });

  test('a cloud: provider, holes of its address, kind of secret, settings', async () => {
    const sent: AccountDraft[] = [];
    const { user, container } = await start('scenario=empty', '#/accounts/new', {
      accountsSave: (draft) => {
        sent.push({ ...draft });
        return never;
      },
    });
    await screen.findByTestId('account-sheet');
    await user.click(id('account-provider'));
    await waitFor(() => expect(id('account-provider-list').children.length).toBeGreaterThan(10));
    await user.type(id('account-provider'), 'amaz{Enter}');
    expect(id('account-provider')).toHaveValue('Amazon ECR');
    await user.type(id('account-provider-account'), '123456789012');
    expect(id('account-address')).toHaveValue('');
    await user.type(id('account-provider-region'), 'eu-west-1');
    expect(id('account-address')).toHaveValue('123456789012.dkr.ecr.eu-west-1.amazonaws.com');
    expect(id('account-kind')).toHaveValue('aws-keys');
    await user.type(screen.getByLabelText('Access key ID'), 'AKIAX');
    await user.type(screen.getByLabelText('Secret access key'), 'CANARY-4');
    await user.type(id('account-setting-role'), ' arn:aws:iam::1:role/x ');
    await clean(container);
    await user.click(id('account-save'));
    expect(sent[0]).toMatchObject({
      provider: 'ecr',
      address: '123456789012.dkr.ecr.eu-west-1.amazonaws.com',
      username: 'AKIAX',
      secret: 'CANARY-4',
      secretKind: 'aws-keys',
      settings: { role: 'arn:aws:iam::1:role/x' },
    });
    expect(document.documentElement.outerHTML).not.toContain('CANARY-4');
  });

  test('a profile of this computer needs no secret; neither goes one out that was typed before', async () => {
    const sent: AccountDraft[] = [];
    const { user, container } = await start('scenario=empty', '#/accounts/new', {
      accountsSave: (draft) => {
        sent.push({ ...draft });
        return never;
      },
    });
    await screen.findByTestId('account-sheet');
    await user.type(id('account-address'), 'public.ecr.aws{Tab}');
    await waitFor(() => expect(id('account-kind')).toHaveValue('aws-keys'));
    await user.type(id('account-secret'), 'CANARY-5');
    await user.selectOptions(id('account-kind'), 'aws-profile');
    expect(screen.queryByTestId('account-secret')).toBeNull();
    expect(screen.queryByTestId('account-username')).toBeNull();
    await user.type(id('account-setting-profile'), 'prod');
    await clean(container);
    await user.click(id('account-save'));
    expect(sent[0]).toMatchObject({
      provider: 'ecr-public',
      username: '',
      secret: null,
      secretKind: 'aws-profile',
      settings: { profile: 'prod' },
    });
  });

  test('a JSON key is pasted, or a file that the app reads itself', async () => {
    const sent: AccountDraft[] = [];
    const { user, container } = await start('scenario=empty', '#/accounts/new', {
      accountsSave: (draft) => {
        sent.push({ ...draft });
        return never;
      },
    });
    await screen.findByTestId('account-sheet');
    await user.type(id('account-address'), 'europe-docker.pkg.dev{Tab}');
    await waitFor(() => expect(id('account-kind')).toHaveValue('google-key'));
    expect(id('account-provider-region')).toHaveValue('europe');
    await user.click(id('account-secret'));
    await user.paste('{"private_key": "CANARY-6"}');
    await user.click(id('account-secret-pick'));
    expect(await screen.findByTestId('account-secret-file')).toHaveTextContent('mirror-prod-1f2e3d.json');
    await clean(container);
    await user.click(id('account-save'));
    expect(sent[0]).toMatchObject({
      secret: null,
      secretFile: '/home/acme/Downloads/mirror-prod-1f2e3d.json',
      secretKind: 'google-key',
    });
    expect(document.documentElement.outerHTML).not.toContain('CANARY-6');
  });

  test.each([
    ['en', 'The secret needs this with it.'],
    ['zh-CN', '使用密钥时必须填写此项。'],
  ])('what is wrong with a field is told there, in %s', async (language, text) => {
    const { user } = await start(`scenario=empty&lang=${language}`, '#/accounts/new');
    await screen.findByTestId('account-sheet');
    await user.type(id('account-address'), 'r.io');
    await user.type(id('account-secret'), 's');
    await user.click(id('account-save'));
    await waitFor(() => expect(id('account-username')).toHaveAccessibleDescription(new RegExp(text)));
    expect(screen.queryByTestId('error-title')).toBeNull();
  });

  test('another kind of secret than the stored one asks for it', async () => {
    const { user } = await start('', '#/accounts/ecr');
    await screen.findByTestId('account-sheet');
    expect(screen.queryByTestId('account-secret')).toBeNull();
    expect(await screen.findByTestId('account-provider-account')).toHaveValue('123456789012');
    await user.selectOptions(id('account-kind'), 'password');
    expect(id('account-secret')).toBeVisible();
    await user.selectOptions(id('account-kind'), 'aws-keys');
    expect(screen.queryByTestId('account-secret')).toBeNull();
  });

  test('a keyring that was locked meanwhile is asked about before the secret leaves the page', async () => {
    let saves = 0;
    const { user, backend } = await start('', '#/accounts/new');
    const save = backend.accountsSave;
    backend.accountsSave = (draft) => {
      saves += 1;
      return save(draft);
    };
    await screen.findByTestId('account-sheet');
    await user.type(id('account-address'), 'r.io');
    await user.type(id('account-username'), 'me');
    await user.type(id('account-secret'), 'CANARY-7');
    backend.keyringStatus = async () => ({ state: 'locked', hint: null, detail: '', file: 'none' });
    await user.click(id('account-save'));
    expect(await screen.findByTestId('keyring-dialog')).toBeVisible();
    expect(saves).toBe(0);
    expect(id('account-secret')).toHaveValue('CANARY-7');
    await user.click(id('keyring-memory'));
    await waitFor(() => expect(saves).toBe(1));
    await waitFor(() => expect(screen.queryByTestId('account-sheet')).toBeNull());
  });

  test('what a registry needs besides is kept; a repository is tried when it is named', async () => {
    const tried: (string | null)[] = [];
    const { user, backend, container } = await start('scenario=empty', '#/accounts/new');
    const test = backend.accountsTest;
    backend.accountsTest = (token, draft, repository) => {
      tried.push(repository);
      return test(token, draft, repository);
    };
    await screen.findByTestId('account-sheet');
    await user.type(id('account-address'), 'r.io');
    await user.click(id('account-more'));
    await user.type(id('account-proxy'), 'socks5://proxy.example.com:1080');
    await user.type(id('account-mirrors'), 'm.io, n.io/hub');
    await user.type(id('account-limit'), '0');
    expect(id('account-limit')).toHaveAccessibleDescription(/A number from 1/);
    await user.clear(id('account-limit'));
    await user.type(id('account-limit'), '4');
    await user.click(id('account-plain'));
    await user.type(id('account-repository'), 'team/app');
    await user.click(id('account-test'));
    await waitFor(() => expect(id('check-step-push').dataset['state']).toBe('passed'), { timeout: 60_000 });
    expect(tried).toEqual(['team/app']);
    await clean(container);
    await user.click(id('account-save'));
    const [row] = await some('account-row');
    expect(row).toHaveTextContent('Plain HTTP');
    const [account] = await backend.accountsList();
    expect(account).toMatchObject({
      proxy: 'socks5://proxy.example.com:1080',
      mirrors: ['m.io', 'n.io/hub'],
      limit: 4,
      plainHttp: true,
    });
  });

  test('logins of docker and podman are chosen, and linked or copied', async () => {
    const { user, backend, container } = await start('', '#/accounts');
    await some('account-row');
    await user.click(id('account-import'));
    const logins = await some('login');
    expect(logins).toHaveLength(3);
    expect(logins[2]).toHaveTextContent('there is the account quay.io already');
    const boxes = screen.getAllByTestId<HTMLInputElement>('login-check');
    expect(boxes.map((box) => box.checked)).toEqual([true, true, false]);
    await clean(container);
    await user.click(boxes[0] as HTMLElement);
    await user.click(id('logins-link'));
    await user.click(screen.getByRole('button', { name: 'Import 1 login' }));
    await waitFor(() => expect(screen.queryByTestId('logins-sheet')).toBeNull());
    const accounts = await backend.accountsList();
    expect(accounts).toHaveLength(7);
    expect(accounts[6]).toMatchObject({ address: 'gcr.io', secretIn: 'linked' });
    expect((await some('account-row'))[6]).toHaveTextContent('Asked from docker-credential-gcloud');
  });

  test('an auth file is looked at too; what fails is told; nothing found is said', async () => {
    const { user } = await start('scenario=failing', '#/accounts/import');
    await some('login');
    expect(id('logins-problem')).toHaveTextContent('docker-credential-pass is not in $PATH');
    await user.click(id('logins-auth-pick'));
    await waitFor(() => expect(screen.getAllByTestId('login')).toHaveLength(4));
    await start('scenario=empty', '#/accounts/import');
    expect(await screen.findByTestId('logins-none')).toBeVisible();
  });

  test('each button that chooses a file says for which field', async () => {
    const { user } = await start('', '#/accounts/quay');
    await screen.findByTestId('account-sheet');
    await user.click(id('account-more'));
    const of = (): (string | null)[] =>
      screen.getAllByRole('button', { name: /^Choose/ }).map((button) => button.getAttribute('aria-label'));
    expect(of()).toEqual([
      'Choose… (CA file)',
      'Choose… (Client certificate)',
      'Choose… (Key of the client certificate)',
    ]);
    location.hash = '#/import';
    await screen.findByTestId('import-images');
    expect(new Set(of()).size).toBe(2);
  });

  test('removing asks first', async () => {
    const { user } = await start('', '#/accounts');
    await some('account-row');
    await user.click(screen.getByRole('button', { name: 'Remove quay.io' }));
    await user.click(await screen.findByTestId('confirm-no'));
    expect(await some('account-row')).toHaveLength(6);
    await user.click(screen.getByRole('button', { name: 'Remove quay.io' }));
    await user.click(await screen.findByTestId('confirm-yes'));
    await waitFor(() => expect(screen.getAllByTestId('account-row')).toHaveLength(5));
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
