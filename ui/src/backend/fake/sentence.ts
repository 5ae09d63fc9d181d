// Sentences as Rust makes them, of the catalogue's own keys.

import { m } from '../../i18n';
import type { Note, Sentence } from '../types';

type Key = keyof typeof m extends infer Name ? (Name extends `say_${infer Key}` ? Key : never) : never;
type Text = (inputs: Record<string, string>, options: { locale: 'en' }) => string;

export function sentence(key: Key, params: Sentence['params'] = {}): Sentence {
  const texts = Object.entries(params).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : value.text,
  ]);
  const text = (m[`say_${key}`] as Text)(Object.fromEntries(texts), { locale: 'en' });
  return { key, params, text };
}

export function note(what: Sentence, place: Partial<Note> = {}): Note {
  return { what, hint: null, file: null, line: null, column: null, ...place };
}

/** What is wrong with a rule's text. */
export function ruleWrong(side: 'source' | 'destination', written: string, why: Sentence, at = 0): Sentence {
  return sentence('rule_wrong_at', { side: sentence(side), written, why, character: `${at + 1}` });
}
