// A little of what Rust says of a rule: enough for the page.

import { cut } from '../../text/reference';
import type { BrowseEntry, Preview, PreviewPair, PreviewRequest, RuleDraft } from '../types';

/** The lists of tags and of repositories, as far as they are known. */
export interface Lists {
  tags: (host: string, repository: string, ask: boolean) => BrowseEntry[] | null;
  repositories: (host: string, ask: boolean) => string[] | null;
}

const BLANK: Preview = {
  known: true,
  complete: true,
  matched: 0,
  of: null,
  byRepository: false,
  pairs: 0,
  first: [],
  bytes: 0,
  sized: 0,
  configs: 0,
  problem: null,
  fetchedAt: null,
};

export function preview({ rule, ask, dates, limit }: PreviewRequest, lists: Lists): Preview {
  const { repository, selector } = cut(rule.source);
  const slash = repository.indexOf('/');
  const host = repository.slice(0, slash);
  const path = repository.slice(slash + 1);
  const destinations = rule.destinations.filter(Boolean);
  const to = destinations.length > 0 ? destinations : [''];
  if (/[*?]/.test(path)) return ofRepositories(host, path, rule, to, limit, lists.repositories(host, ask));

  const named = /^:[^/]/.test(selector) ? selector.slice(1).split(',') : null;
  const entries = lists.tags(host, path, ask && named === null);
  if (entries === null && named === null) return { ...BLANK, known: false, complete: false };
  const sizes = new Map((entries ?? []).map((entry) => [entry.name, entry.size]));
  let tags = (named ?? (entries ?? []).map(({ name }) => name)).filter((tag) => keeps(rule, selector, tag));
  const { newest, newestBy } = rule.tags;
  const configs =
    newest !== null && newestBy === 'created' && tags.length > newest && !dates ? tags.length : 0;
  if (newest !== null) tags = tags.slice(0, newest);
  const pairs: PreviewPair[] = to.flatMap((destination) =>
    tags.map((tag) => ({
      source: `${repository}:${tag}`,
      destination: destination && `${filled(destination, host, path)}:${tag}`,
      bytes: sizes.get(tag) ?? null,
      problem: null,
    })),
  );
  const known = tags.flatMap((tag) => sizes.get(tag) ?? []);
  return {
    ...BLANK,
    matched: tags.length,
    of: named ? null : (entries?.length ?? 0),
    pairs: pairs.length,
    first: configs > 0 ? [] : pairs.slice(0, limit),
    bytes: configs > 0 ? 0 : known.reduce((sum, size) => sum + size, 0),
    sized: configs > 0 ? 0 : known.length,
    configs,
    fetchedAt: new Date().toISOString(),
  };
}

function ofRepositories(
  host: string,
  pattern: string,
  rule: RuleDraft,
  to: string[],
  limit: number,
  all: string[] | null,
): Preview {
  if (all === null) return { ...BLANK, known: false, complete: false, byRepository: true };
  const fits = all.filter(
    (name) => glob(pattern).test(name) && !rule.repositories.exclude.some((each) => glob(each).test(name)),
  );
  const pairs = fits.flatMap((name) =>
    to.map((destination) => ({
      source: `${host}/${name}`,
      destination: destination && filled(destination, host, name),
      bytes: null,
      problem: null,
    })),
  );
  return {
    ...BLANK,
    matched: fits.length,
    of: all.length,
    byRepository: true,
    pairs: pairs.length,
    first: pairs.slice(0, limit),
    fetchedAt: new Date().toISOString(),
  };
}

function keeps({ tags }: RuleDraft, selector: string, tag: string): boolean {
  if (selector.startsWith(':/') && !new RegExp(selector.slice(2, -1)).test(tag)) return false;
  if (tags.exclude.some((each) => glob(each).test(tag))) return false;
  return tags.include.length === 0 || tags.include.some((each) => glob(each).test(tag));
}

function glob(pattern: string): RegExp {
  if (pattern.startsWith('/')) return new RegExp(pattern.slice(1, -1));
  const escaped = pattern.replace(/[.+^$()|[\]\\{}]/g, '\\$&');
  return new RegExp(
    `^${escaped.replaceAll('**', '\u0000').replaceAll('*', '[^/]*').replaceAll('\u0000', '.*')}$`,
  );
}

function filled(destination: string, host: string, path: string): string {
  const parts = path.split('/');
  return destination
    .replaceAll('{path}', path)
    .replaceAll('{name}', parts.at(-1) ?? '')
    .replaceAll('{namespace}', parts.slice(0, -1).join('/'))
    .replaceAll('{registry}', host.replace(':', '-'));
}
