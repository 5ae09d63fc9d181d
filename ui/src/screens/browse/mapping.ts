// Where images go: what the user chooses, as a destination with placeholders.

import { cut } from '../../text/reference';

export const KINDS = ['keep', 'prefix', 'last', 'template'] as const;
export type MappingKind = (typeof KINDS)[number];

export interface Mapping {
  kind: MappingKind;
  /** `team/mirror`: before the path, or the last part of it. */
  prefix: string;
  /** `{registry}/{path}` */
  template: string;
}

/** The destination of every rule: `r.io/mirror/{path}`. Empty while the registry is not named. */
export function destination(registry: string, { kind, prefix, template }: Mapping): string {
  const base = registry.trim().replace(/^https?:\/\//, '');
  const below = {
    keep: '{path}',
    prefix: `${prefix}/{path}`,
    last: `${prefix}/{name}`,
    template: template.trim() || '{path}',
  }[kind];
  if (base === '') return '';
  return `${base}/${below}`
    .replace(/\s+/g, '')
    .replace(/\/{2,}/g, '/')
    .replace(/\/$/, '');
}

/** What a destination is for a source, to show by example. Rust fills it in for good. */
export function filled(destination: string, source: string): string {
  const { repository } = cut(source.trim());
  const parts = repository.split('/');
  const hasHost = parts.length > 1 && /[.:]|^localhost$/.test(parts[0] ?? '');
  const host = hasHost ? (parts[0] ?? '') : 'docker.io';
  const path = hasHost ? parts.slice(1) : parts.length === 1 ? ['library', ...parts] : parts;
  const namespace = path.slice(0, -1).join('/');
  return destination
    .replaceAll('{path}', path.join('/'))
    .replaceAll('{name}', path.at(-1) ?? '')
    .replaceAll('{registry}', host.replace(/[:[\]]/g, '-'))
    .replaceAll(namespace === '' ? '{namespace}/' : '{namespace}', namespace)
    .replaceAll('{namespace}', namespace);
}
