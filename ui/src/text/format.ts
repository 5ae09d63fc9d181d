// Numbers, bytes, times: by Intl, in the language in use.

import { locale } from '../i18n/locale.svelte';

const cache = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>();

function numbers(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `n ${locale()} ${JSON.stringify(options)}`;
  let format = cache.get(key) as Intl.NumberFormat | undefined;
  if (!format) cache.set(key, (format = new Intl.NumberFormat(locale(), options)));
  return format;
}

export function number(value: number): string {
  return numbers({}).format(value);
}

export function percent(share: number): string {
  return numbers({ style: 'percent', maximumFractionDigits: 0 }).format(share);
}

const STEPS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Decimal units, as registries and disks count: `12.3 MB`. */
export function bytes(value: number): string {
  let size = value;
  let step = 0;
  while (size >= 999.5 && step < STEPS.length - 1) {
    size /= 1000;
    step += 1;
  }
  const digits = step === 0 || size >= 100 ? 0 : 1;
  const text = numbers({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(size);
  return `${text} ${STEPS[step]}`;
}

export function rate(bytesPerSecond: number): string {
  return `${bytes(bytesPerSecond)}/s`;
}

function unit(value: number, name: string): string {
  return numbers({ style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: 0 }).format(value);
}

/** `8 sec`, `2 min 5 sec`, `1 hr 12 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (hours > 0) return `${unit(hours, 'hour')} ${unit(minutes, 'minute')}`;
  if (minutes > 0) return `${unit(minutes, 'minute')} ${unit(rest, 'second')}`;
  return unit(rest, 'second');
}

export function millis(value: number): string {
  return `${number(Math.round(value))} ms`;
}

const SPANS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** `3 minutes ago`, `yesterday`; the day when it is long past. */
export function ago(time: string, now = Date.now()): string {
  const seconds = Math.round((new Date(time).getTime() - now) / 1000);
  if (Number.isNaN(seconds)) return '';
  if (Math.abs(seconds) > 7 * 86_400) return day(time);
  const key = `r ${locale()}`;
  let format = cache.get(key) as Intl.RelativeTimeFormat | undefined;
  if (!format) cache.set(key, (format = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' })));
  for (const [name, length] of SPANS) {
    if (Math.abs(seconds) >= length) return format.format(Math.trunc(seconds / length), name);
  }
  return format.format(0, 'second');
}

export function date(time: string): string {
  const key = `d ${locale()}`;
  let format = cache.get(key) as Intl.DateTimeFormat | undefined;
  if (!format) {
    format = new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'short' });
    cache.set(key, format);
  }
  return format.format(new Date(time));
}

/** `Nov 18, 2025` */
export function day(time: string): string {
  const key = `y ${locale()}`;
  let format = cache.get(key) as Intl.DateTimeFormat | undefined;
  if (!format) cache.set(key, (format = new Intl.DateTimeFormat(locale(), { dateStyle: 'medium' })));
  return format.format(new Date(time));
}

/** `a, b and c` in the language in use. */
export function list(items: string[]): string {
  // Intl's Chinese "和" has no space around it: references run together
  if (locale() === 'zh-CN') return items.join('、');
  return new Intl.ListFormat(locale(), { type: 'conjunction' }).format(items);
}

/** `14:03:27` */
export function clock(time: string): string {
  const key = `c ${locale()}`;
  let format = cache.get(key) as Intl.DateTimeFormat | undefined;
  if (!format) {
    format = new Intl.DateTimeFormat(locale(), { timeStyle: 'medium', hour12: false });
    cache.set(key, format);
  }
  return format.format(new Date(time));
}
