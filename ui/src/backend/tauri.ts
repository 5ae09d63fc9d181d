// The real backend. The only module that may speak to Tauri (a lint sees to it).

import { Channel, invoke } from '@tauri-apps/api/core';
import { Problem, type Backend } from './backend';
import type { AppEvent, Commands } from './types';

async function rpc<Name extends keyof Commands>(
  name: Name,
  request: Commands[Name]['request'],
): Promise<Commands[Name]['answer']> {
  try {
    return await invoke('rpc', { name, request });
  } catch (thrown) {
    throw Problem.from(thrown);
  }
}

export const tauri: Backend = {
  appInfo: () => rpc('app.info', null),
  settingsGet: () => rpc('settings.get', null),
  settingsSet: (settings) => rpc('settings.set', settings),
  settingsTryNotification: () => rpc('settings.tryNotification', null),
  keyringStatus: () => rpc('keyring.status', null),
  keyringRetry: () => rpc('keyring.retry', null),
  keyringUseMemory: () => rpc('keyring.useMemory', null),
  keyringUseFile: (passphrase) => rpc('keyring.useFile', { passphrase }),
  accountsList: () => rpc('accounts.list', null),
  accountsSave: (draft) => rpc('accounts.save', draft),
  accountsRemove: (id) => rpc('accounts.remove', { id }),
  accountsTest: (token, draft, repository) => rpc('accounts.test', { token, draft, repository }),
  accountsFind: (machine, auth) => rpc('accounts.find', { machine, auth }),
  accountsTake: (auth, picks) => rpc('accounts.take', { auth, picks }),
  browseOpen: (request) => rpc('browse.open', request),
  browseMore: (request) => rpc('browse.more', request),
  browseDetails: (request) => rpc('browse.details', request),
  browseCancel: (token) => rpc('browse.cancel', { token }),
  browseForget: (id) => rpc('browse.forget', { id }),
  browseNames: (host, text) => rpc('browse.names', { host, text }),
  browseKept: (host) => rpc('browse.kept', { host }),
  browseDrop: (host, repository) => rpc('browse.drop', { host, repository }),
  providersList: () => rpc('providers.list', null),
  profilesList: () => rpc('profiles.list', null),
  profilesGet: (id) => rpc('profiles.get', { id }),
  profilesCheck: (profile) => rpc('profiles.check', profile),
  profilesSave: (profile) => rpc('profiles.save', profile),
  profilesPreview: (request) => rpc('profiles.preview', request),
  profilesRename: (id, name) => rpc('profiles.rename', { id, name }),
  profilesDuplicate: (id) => rpc('profiles.duplicate', { id }),
  profilesRemove: (id) => rpc('profiles.remove', { id }),
  profilesImport: (name, images, auth) => rpc('profiles.import', { name, images, auth }),
  profilesExportFile: (id) => rpc('profiles.exportFile', { id }),
  profilesExportOriginal: (id, save) => rpc('profiles.exportOriginal', { id, save }),
  profilesCommand: (id) => rpc('profiles.command', { id }),
  filesPick: (kind) => rpc('files.pick', { kind }),
  filesOpen: (folder) => rpc('files.open', { folder }),
  runsPlan: (profileId) => rpc('runs.plan', { profileId }),
  runsStart: (profileId, skip = []) => rpc('runs.start', { profileId, skip }),
  runsRetry: (id, images) => rpc('runs.retry', { id, images }),
  runsContinue: (id) => rpc('runs.continue', { id }),
  runsPause: (id) => rpc('runs.pause', { id }),
  runsResume: (id) => rpc('runs.resume', { id }),
  runsLimits: (request) => rpc('runs.limits', request),
  runsCancel: (id) => rpc('runs.cancel', { id }),
  runsList: () => rpc('runs.list', null),
  runsSnapshot: (id) => rpc('runs.snapshot', { id }),
  runsParts: (id, image) => rpc('runs.parts', { id, image }),
  runsVerify: (id) => rpc('runs.verify', { id }),
  runsExport: (id, format) => rpc('runs.export', { id, format }),
  historyList: (request) => rpc('history.list', request),
  historyGet: (id) => rpc('history.get', { id }),
  historyLog: (request) => rpc('history.log', request),
  historyRemove: (id) => rpc('history.remove', { id }),
  demoStart: () => rpc('demo.start', null),
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
