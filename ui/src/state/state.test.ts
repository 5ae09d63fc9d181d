import { describe, expect, test, vi } from 'vitest';
import { Problem, type Backend } from '../backend/backend';
import { Announcer } from './announcer.svelte';
import { Keyring } from './keyring.svelte';
import { Loadable } from './loadable.svelte';
import { address, parse, Router, type Route } from './router.svelte';

describe('addresses', () => {
  test.each<[string, Route]>([
    ['#/home', { screen: 'home' }],
    ['#/accounts', { screen: 'accounts' }],
    ['#/accounts/new', { screen: 'accounts', open: 'new' }],
    ['#/profiles', { screen: 'profiles' }],
    ['#/profiles/new', { screen: 'editor', id: null }],
    ['#/profiles/a%2Fb', { screen: 'editor', id: 'a/b' }],
    ['#/compare/p', { screen: 'compare', profileId: 'p' }],
    ['#/run/r', { screen: 'run', runId: 'r' }],
    ['#/settings', { screen: 'settings' }],
  ])('%s', (hash, route) => {
    expect(parse(hash)).toEqual(route);
    expect(address(route)).toBe(hash);
  });

  test.each(['', '#/', '#/nowhere', '#/run', '#/profiles/%E0%A4%A'])('%j goes somewhere', (hash) => {
    expect(['home', 'profiles']).toContain(parse(hash).screen);
  });

  test('a screen that is asked first stays when the answer is no', async () => {
    location.hash = '#/profiles/new';
    const router = new Router();
    const stop = router.start();
    let answer = false;
    router.guard = async () => answer;
    router.go({ screen: 'home' });
    await vi.waitFor(() => expect(location.hash).toBe('#/profiles/new'));
    expect(router.route.screen).toBe('editor');
    answer = true;
    router.go({ screen: 'home' });
    await vi.waitFor(() => expect(router.route.screen).toBe('home'));
    expect(router.guard).toBeNull();
    stop();
  });
});

describe('what is fetched', () => {
  test('a later fetch keeps showing what was there, and the last one counts', async () => {
    const answers: ((value: string) => void)[] = [];
    const loadable = new Loadable(() => new Promise<string>((resolve) => answers.push(resolve)));
    const first = loadable.load();
    const second = loadable.load();
    answers[1]?.('new');
    await second;
    answers[0]?.('old');
    await first;
    expect(loadable.value).toBe('new');
    expect(loadable.loading).toBe(false);
  });

  test('a failure is kept beside the value', async () => {
    let fail = false;
    const loadable = new Loadable(async () => {
      if (fail) throw { code: 'file.failed', message: 'no', hint: '', params: {} };
      return 1;
    });
    await loadable.load();
    fail = true;
    await loadable.load();
    expect(loadable.value).toBe(1);
    expect(loadable.error).toBeInstanceOf(Problem);
    expect(loadable.error?.code).toBe('file.failed');
  });
});

describe('the keyring', () => {
  const missing = { state: 'missing', hint: null, detail: '', file: 'none' };
  const memory = { state: 'memory', hint: null, detail: '' };

  test('is no question while it is ready', async () => {
    expect(await new Keyring({} as Backend).require()).toBe(true);
  });

  test('asks, and goes on after the choice', async () => {
    const keyring = new Keyring({
      keyringRetry: async () => missing,
      keyringUseMemory: async () => memory,
    } as unknown as Backend);
    keyring.status = missing;
    const answer = keyring.require();
    await vi.waitFor(() => expect(keyring.asking).toBe(true));
    await keyring.retry();
    expect(keyring.asking).toBe(true);
    await keyring.useMemory();
    expect(await answer).toBe(true);
    expect(keyring.asking).toBe(false);
  });

  test('closing it is a no', async () => {
    const keyring = new Keyring({} as Backend);
    keyring.status = missing;
    const answer = keyring.require();
    // it looks at the keyring before it asks
    await vi.waitFor(() => expect(keyring.asking).toBe(true));
    keyring.close();
    expect(await answer).toBe(false);
  });
});

describe('what is read out', () => {
  test('progress every tenth or half a minute, failures at once and each once', () => {
    let now = 0;
    const said: string[] = [];
    const announcer = new Announcer(() => now);
    announcer.begin('start');
    const at = (share: number): void => announcer.progress(share, () => (said.push(`${share}`), `${share}`));
    at(0.05);
    at(0.11);
    at(0.15);
    now = 31_000;
    at(0.16);
    expect(said).toEqual(['0.11', '0.16']);
    announcer.failures(1, () => 'one failed');
    expect(announcer.message).toBe('one failed');
    announcer.failures(1, () => 'never');
    expect(announcer.message).toBe('one failed');
  });
});
