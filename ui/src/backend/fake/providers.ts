// The providers of the real app, as Rust tells them.

import list from '../../../../src-tauri/crates/accounts/src/provider/providers.json';
import type { Provider, SecretKind } from '../types';

/** Those that everyone knows come first where the language is not Chinese. */
const KNOWN = ['docker-hub', 'ghcr', 'ecr', 'ecr-public', 'gar', 'gcr', 'azure', 'quay', 'harbor', 'gitlab'];

const SETTINGS: Record<string, string[]> = {
  'aws-keys': ['role', 'region', 'endpoint'],
  'aws-profile': ['profile', 'role', 'region', 'endpoint'],
  'aws-environment': ['role', 'region', 'endpoint'],
  'google-key': ['endpoint'],
  'azure-principal': ['tenant', 'endpoint'],
  'azure-token': ['tenant'],
  'alibaba-key': ['instance', 'region', 'endpoint'],
};

function kind(id: string): SecretKind {
  return {
    id,
    isKept: !['aws-profile', 'aws-environment'].includes(id),
    hasUser: ['password', 'aws-keys', 'azure-principal', 'alibaba-key'].includes(id),
    renews: id in SETTINGS && id !== 'azure-token',
    settings: SETTINGS[id] ?? [],
  };
}

const holes = (template: string): string[] =>
  [...template.matchAll(/\{(\w+)\}/g)].map((found) => found[1] ?? '');

function told(provider: (typeof list)[number]): Provider {
  return {
    ...provider,
    addresses: provider.addresses.map((address) => ({
      template: address.template,
      holes: holes(address.template),
      note: 'note' in address ? (address.note ?? null) : null,
    })),
    secrets: provider.secrets.map(kind),
    mustExist: provider.mustExist.level,
    mustExistWhat: ('what' in provider.mustExist ? provider.mustExist.what : null) ?? null,
    minDepth: provider.depth.min,
    maxDepth: ('max' in provider.depth ? provider.depth.max : null) ?? null,
  };
}

/** In the order for a language. */
export function providers(language: string): Provider[] {
  const rank = (provider: (typeof list)[number]): number =>
    language.startsWith('zh')
      ? (('chineseRank' in provider ? provider.chineseRank : null) ?? 99)
      : KNOWN.indexOf(provider.id) + 1 || KNOWN.length + 1;
  return [...list].sort((a, b) => rank(a) - rank(b)).map(told);
}
