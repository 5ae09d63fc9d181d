// The real backend. The only module that may speak to Tauri (a lint sees to it).

import { Channel, invoke } from '@tauri-apps/api/core';
import { Problem, type Backend } from './backend';
import type { AppEvent } from './types';

async function rpc<Answer>(name: string, request: unknown = null): Promise<Answer> {
  try {
    return await invoke<Answer>('rpc', { name, request });
  } catch (thrown) {
    throw Problem.from(thrown);
  }
}

export const tauri: Backend = {
  appInfo: () => rpc('app.info'),
  settingsGet: () => rpc('settings.get'),
  settingsSet: (settings) => rpc('settings.set', settings),
  keyringStatus: () => rpc('keyring.status'),
  keyringRetry: () => rpc('keyring.retry'),
  keyringUseMemory: () => rpc('keyring.useMemory'),
  accountsList: () => rpc('accounts.list'),
  accountsSave: (draft) => rpc('accounts.save', draft),
  accountsRemove: (id) => rpc('accounts.remove', { id }),
  accountsTest: (token, draft) => rpc('accounts.test', { token, draft }),
  profilesList: () => rpc('profiles.list'),
  profilesGet: (id) => rpc('profiles.get', { id }),
  profilesCheck: (profile) => rpc('profiles.check', profile),
  profilesSave: (profile) => rpc('profiles.save', profile),
  profilesDuplicate: (id) => rpc('profiles.duplicate', { id }),
  profilesRemove: (id) => rpc('profiles.remove', { id }),
  profilesImport: (name, images, auth) => rpc('profiles.import', { name, images, auth }),
  profilesCommand: (id) => rpc('profiles.command', { id }),
  filesPick: (kind) => rpc('files.pick', { kind }),
  runsPlan: (profileId) => rpc('runs.plan', { profileId }),
  runsStart: (profileId) => rpc('runs.start', { profileId }),
  runsCancel: (id) => rpc('runs.cancel', { id }),
  runsList: () => rpc('runs.list'),
  runsSnapshot: (id) => rpc('runs.snapshot', { id }),
  runsSaveReport: (id) => rpc('runs.saveReport', { id }),
  demoStart: () => rpc('demo.start'),
  async subscribe(onEvent) {
    const channel = new Channel<AppEvent>();
    channel.onmessage = onEvent;
    try {
      await invoke('subscribe', { channel });
    } catch (thrown) {
      throw Problem.from(thrown);
    }
  },
};
