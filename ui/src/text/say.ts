// Sentences of Rust's, in the language in use: by their keys, from the catalogue.

import type { Note, Sentence } from '../backend/types';
import { locale, m } from '../i18n';
import { titleOf } from './catalogue';
import { plain } from './plain';

type Text = (inputs: Record<string, string>) => string;
const texts = m as unknown as Readonly<Record<string, Text | undefined>>;

/** One without a key, or of a key that is not known (any more), is shown in English. */
export function say({ key, params, text }: Sentence): string {
  // an error's own sentence is English, for *Details*
  if (key === 'error' && locale() !== 'en') {
    return titleOf(param(params['code']), {
      host: param(params['host']),
      reference: param(params['reference']),
    });
  }
  const own = texts[`say_${key}`];
  if (key === '' || !own) return plain(text);
  return own(Object.fromEntries(Object.entries(params).map(([name, value]) => [name, param(value)])));
}

function param(value: Sentence['params'][string] = ''): string {
  return typeof value === 'string' ? plain(value) : say(value);
}

/** What it is and what to do, a line each. */
export function noteLines({ what, hint }: Note): string {
  return hint ? `${say(what)}\n${say(hint)}` : say(what);
}

/** What it is, where, and what to do. */
export function noteLine({ what, hint, file, line }: Note): string {
  const told = hint ? m.note_hint({ what: say(what), hint: say(hint) }) : say(what);
  if (!file) return told;
  const place = { file: plain(file), what: told };
  return line === null ? m.note_in(place) : m.note_at({ ...place, line });
}
