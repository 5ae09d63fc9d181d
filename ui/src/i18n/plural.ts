import { number } from '../text/format';
import { locale } from './locale.svelte';

const rules = new Map<string, Intl.PluralRules>();

type Counted = (inputs: { count: NonNullable<unknown> }) => string;

/** The form that fits the count, with the count in it. Keys end in `_one` and `_other`; Chinese has the same text in both. */
export function plural(count: number, one: Counted, other: Counted): string {
  let rule = rules.get(locale());
  if (!rule) rules.set(locale(), (rule = new Intl.PluralRules(locale())));
  return (rule.select(count) === 'one' ? one : other)({ count: number(count) });
}
