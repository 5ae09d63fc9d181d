// The language in use. Paraglide's own setLocale reloads the page; ours is a rune, so that every text follows at once.

import { locales, overwriteGetLocale, overwriteSetLocale, type Locale } from './messages/runtime.js';

export type { Locale };

let current = $state<Locale>('en');

overwriteGetLocale(() => current);
overwriteSetLocale((locale) => setLocale(locale));

export function locale(): Locale {
  return current;
}

export function setLocale(locale: Locale): void {
  current = locale;
  document.documentElement.lang = locale;
}

/** The catalogue that fits a language tag: `zh`, `zh_CN.UTF-8` and `zh-Hans` are `zh-CN`, what is unknown is English. */
export function fit(tag: string): Locale {
  const wanted = tag.replace('_', '-').toLowerCase();
  return locales.find((each) => wanted.startsWith(each.toLowerCase().split('-')[0] ?? each)) ?? 'en';
}
