import { number } from '../text/format';
import { locale } from './locale.svelte';

type Counted = (inputs: { count: NonNullable<unknown> }) => string;

/** The form that fits the count, with the count in it. Keys end in `_one` and `_other`; Chinese has the same text in both. */
export function plural(count: number, one: Counted, other: Counted): string {
  const form = new Intl.PluralRules(locale()).select(count);
  return (form === 'one' ? one : other)({ count: number(count) });
}
