import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { Problem } from './backend';

const invoke = vi.hoisted(() => vi.fn());
vi.mock('@tauri-apps/api/core', () => ({
  invoke,
  Channel: class {
    onmessage: unknown = null;
  },
}));

import { tauri } from './tauri';

beforeEach(() => {
  invoke.mockReset();
  invoke.mockResolvedValue(null);
});

test('every command that Rust has is called by its name, and no other', async () => {
  const rust = readFileSync(
    join(import.meta.dirname, '../../../src-tauri/crates/api/src/commands.rs'),
    'utf8',
  );
  const commands = [...rust.matchAll(/^ {4}"([a-z]+\.[a-zA-Z]+)" =>/gm)].map((match) => match[1] ?? '');
  expect(commands.length).toBeGreaterThan(20);
  for (const [name, method] of Object.entries(tauri)) {
    if (name !== 'subscribe') await (method as (...args: unknown[]) => Promise<unknown>)('a', 'b', 'c');
  }
  const called = invoke.mock.calls.map(([command, { name }]) => (expect(command).toBe('rpc'), name));
  expect(called.sort()).toEqual(commands.sort());
});

test('a request is an object with named fields', async () => {
  await tauri.profilesImport('n', 'i.yaml', null);
  expect(invoke).toHaveBeenCalledWith('rpc', {
    name: 'profiles.import',
    request: { name: 'n', images: 'i.yaml', auth: null },
  });
});

test('events come by the channel', async () => {
  const seen = vi.fn();
  await tauri.subscribe(seen);
  const [command, { channel }] = invoke.mock.calls[0] ?? [];
  expect(command).toBe('subscribe');
  channel.onmessage({ type: 'keyring' });
  expect(seen).toHaveBeenCalledWith({ type: 'keyring' });
});

test.each([
  [{ code: 'auth.rejected', message: 'm', hint: 'h', params: { host: 'x' } }, 'auth.rejected'],
  ['command rpc not found', 'internal'],
  [new Error('boom'), 'internal'],
])('what is thrown arrives as a Problem: %j', async (thrown, code) => {
  invoke.mockRejectedValue(thrown);
  const problem = await tauri.appInfo().catch((error: unknown) => error);
  expect(problem).toBeInstanceOf(Problem);
  expect((problem as Problem).code).toBe(code);
});
