import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import type { Provider } from '../../backend/types';
import { setLocale } from '../../i18n';
import { ProviderChoice, providerOf } from './provider.svelte';
import ProviderPicker from './ProviderPicker.svelte';

const text = (en: string, zh = en) => ({ en, zh });

function provider(id: string, templates: [string, string[]][], hosts: string[]): Provider {
  return {
    id,
    name: text(id.toUpperCase(), `${id}名`),
    addresses: templates.map(([template, holes]) => ({ template, holes, note: null })),
    hosts,
    user: text('a user'),
    secrets: [{ id: 'password', isKept: true, hasUser: true, renews: false }],
    listing: 'api',
    mustExist: 'repository',
    mustExistWhat: text('the repository', '镜像仓库'),
    minDepth: 2,
    maxDepth: 2,
    limits: [text('slow', '慢')],
    docs: 'https://docs.example/',
  };
}

const ecr = provider(
  'ecr',
  [
    ['{account}.dkr.ecr.{region}.amazonaws.com', ['account', 'region']],
    ['{account}.dkr-ecr.{region}.on.aws', ['account', 'region']],
  ],
  ['*.dkr.ecr.*.amazonaws.com'],
);
const hub = provider('hub', [['docker.io', []]], ['docker.io']);

test('an address comes of its form once its holes are filled', () => {
  const choice = new ProviderChoice([ecr, hub]);
  expect(choice.address).toBeNull();
  choice.choose('ecr');
  choice.holes['account'] = ' 123456789012 ';
  expect(choice.address).toBeNull();
  choice.holes['region'] = 'eu-west-1';
  expect(choice.address).toBe('123456789012.dkr.ecr.eu-west-1.amazonaws.com');
  choice.form = 1;
  expect(choice.address).toBe('123456789012.dkr-ecr.eu-west-1.on.aws');
  choice.choose('hub');
  expect(choice.address).toBe('docker.io');
});

test('a host tells its provider', () => {
  const all = [ecr, hub];
  expect(providerOf(all, '1.dkr.ecr.x.amazonaws.com/team')?.id).toBe('ecr');
  expect(providerOf(all, 'Docker.io')?.id).toBe('hub');
  expect(providerOf(all, 'docker.io.example.com')).toBeNull();
  expect(providerOf(all, '1.dkr.ecr.x.amazonaws.com.evil.example')).toBeNull();
});

test('choosing a provider and filling its holes tells the address, in both languages', async () => {
  const user = userEvent.setup();
  for (const language of ['en', 'zh-CN'] as const) {
    setLocale(language);
    const onchange = vi.fn();
    const { unmount } = render(ProviderPicker, { providers: [ecr, hub], value: '', onchange });
    await user.selectOptions(screen.getByTestId('account-provider'), 'ecr');
    expect(onchange).toHaveBeenLastCalledWith(ecr, null);
    await user.type(screen.getByTestId('account-provider-account'), '1');
    await user.type(screen.getByTestId('account-provider-region'), 'r');
    expect(onchange).toHaveBeenLastCalledWith(ecr, '1.dkr.ecr.r.amazonaws.com');
    const notes = screen.getByTestId('account-provider-notes').textContent ?? '';
    expect(notes).toContain(language === 'en' ? 'the repository' : '镜像仓库');
    unmount();
  }
  setLocale('en');
});
