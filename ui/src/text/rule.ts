// A rule as one line that can be read aloud. For showing only: Rust decides what a rule means.

import type { RuleDraft } from '../backend/types';
import { m } from '../i18n';
import { list } from './format';
import { plain } from './plain';
import { cut, shortDigest } from './reference';

export function ruleLine(rule: RuleDraft): string {
  const source = plain(rule.source.trim());
  const destinations = rule.destinations.map((each) => plain(each.trim())).filter(Boolean);
  if (!source || destinations.length === 0) return '';
  return m.rule_to({ source: sourceText(source), destinations: list(destinations.map(destinationText)) });
}

function sourceText(source: string): string {
  const { repository, selector } = cut(source);
  if (selector === '') return m.rule_all_tags({ repository });
  if (selector.startsWith(':/')) return m.rule_matching({ repository, expression: selector.slice(1) });
  if (selector.startsWith('@')) return m.rule_digest({ repository, digest: shortDigest(selector).slice(1) });
  const tags = selector.slice(1).split(',');
  if (tags.length === 1) return m.rule_tag({ repository, tags: shortDigest(tags[0] ?? '') });
  return m.rule_tags({ repository, tags: list(tags) });
}

function destinationText(destination: string): string {
  const { repository, selector } = cut(destination);
  if (!selector.startsWith(':')) return destination;
  return m.rule_as({ repository, tags: list(selector.slice(1).split(',')) });
}
