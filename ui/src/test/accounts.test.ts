// Accounts on the fake backend: the list, the sheet, tests and trust; axe is clean in each state.

import { screen, waitFor } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import { Problem } from '../backend/backend';
import type { AccountDraft } from '../backend/types';
import { clean, start, type Started } from './app';

const id = (testid: string): HTMLElement => screen.getByTestId(testid);
const some = (testid: string): Promise<HTMLElement[]> => screen.findAllByTestId(testid);
const never = new Promise<never>(() => undefined);

/** The sheet of a new account, and what it sends, which is never answered. */
async function adding(): Promise<Started & { sent: AccountDraft[] }> {
  const sent: AccountDraft[] = [];
  const started = await start('scenario=empty', '#/accounts/new', {
    accountsSave: (draft) => {
      sent.push({ ...draft });
      return never;
    },
  });
  await screen.findByTestId('account-sheet');
  return { ...started, sent };
}

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
    const { sent, user, container } = await adding();
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
    const { sent, user, container } = await adding();
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
    const { sent, user, container } = await adding();
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
