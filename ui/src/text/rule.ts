// A rule as one line that can be read aloud. For showing only: Rust decides what a rule means.

import type { RuleDraft } from '../backend/types';
import { locale, m } from '../i18n';
import { list, number } from './format';
import { plain } from './plain';
import { cut, shortDigest } from './reference';

/** Of more tags only the number is told. */
const NAMED = 6;

/** What may stand in a destination for parts of the source, to be named in texts. */
export const PLACEHOLDERS = {
  path: '{path}',
  name: '{name}',
  namespace: '{namespace}',
  registry: '{registry}',
};

type Written = Pick<RuleDraft, 'source' | 'destinations'> & Partial<RuleDraft>;

/** A rule that narrows nothing. */
export function blankRule(source = '', destinations: string[] = ['']): RuleDraft {
  return {
    source,
    destinations,
    tags: { include: [], exclude: [], versions: null, newest: null, newestBy: 'version' },
    repositories: { exclude: [] },
    platforms: null,
  };
}

export function ruleLine(rule: Written): string {
  const source = sourceLine(rule);
  const destinations = rule.destinations.map((each) => plain(each.trim())).filter(Boolean);
  if (!source || destinations.length === 0) return '';
  return m.rule_to({ source, destinations: list(destinations.map(destinationText)) });
}

/** What is copied, without where it goes. */
export function sourceLine(rule: Written): string {
  const source = plain(rule.source.trim());
  if (!source) return '';
  const parts = [sourceText(source), ...narrowing(rule)];
  return parts.join(locale() === 'zh-CN' ? '，' : ', ');
}

/** Whether the source names its repositories by pattern. */
export function isByPattern(source: string): boolean {
  return /[*?]/.test(cut(source.trim()).repository);
}

/** Whether the source is a digest, which has no tags to narrow. */
export function isByDigest(source: string): boolean {
  return cut(source.trim()).selector.includes('@');
}

function sourceText(source: string): string {
  const { repository, selector } = cut(source);
  if (isByPattern(source)) {
    if (selector === '') return m.rule_repositories({ repository });
    return m.rule_repositories_tags({ repository, tags: selector.slice(1) });
  }
  if (selector === '') return m.rule_all_tags({ repository });
  if (selector.startsWith(':/')) return m.rule_matching({ repository, expression: selector.slice(1) });
  if (selector.startsWith('@')) return m.rule_digest({ repository, digest: shortDigest(selector).slice(1) });
  const tags = selector.slice(1).split(',');
  if (tags.length === 1) return m.rule_tag({ repository, tags: shortDigest(tags[0] ?? '') });
  if (tags.length > NAMED) return m.rule_tag_count({ repository, count: number(tags.length) });
  return m.rule_tags({ repository, tags: list(tags) });
}

function narrowing({ tags, repositories, platforms }: Written): string[] {
  const parts: string[] = [];
  if (repositories?.exclude.length) parts.push(m.rule_without({ patterns: some(repositories.exclude) }));
  if (tags?.include.length) parts.push(m.rule_only({ patterns: some(tags.include) }));
  if (tags?.exclude.length) parts.push(m.rule_without_tags({ patterns: some(tags.exclude) }));
  if (tags?.versions) parts.push(m.rule_versions({ range: plain(tags.versions) }));
  if (tags?.newest) {
    const count = number(tags.newest);
    parts.push(
      tags.newestBy === 'created' ? m.rule_newest_created({ count }) : m.rule_newest_version({ count }),
    );
  }
  if (platforms && platforms.os.length + platforms.arch.length > 0) {
    parts.push(m.rule_platforms({ platforms: platformsText(platforms.os, platforms.arch) }));
  }
  return parts;
}

function some(patterns: string[]): string {
  const shown = patterns.slice(0, NAMED).map(plain);
  return patterns.length > NAMED ? `${shown.join(', ')} …` : list(shown);
}

/** `linux/amd64 and linux/arm64`; one of the lists alone where the other is empty. */
export function platformsText(os: string[], arch: string[]): string {
  if (os.length === 0 || arch.length === 0) return list([...os, ...arch].map(plain));
  return list(os.flatMap((each) => arch.map((one) => plain(`${each}/${one}`))));
}

function destinationText(destination: string): string {
  const { repository, selector } = cut(destination);
  if (!selector.startsWith(':')) return destination;
  return m.rule_as({ repository, tags: list(selector.slice(1).split(',')) });
}
