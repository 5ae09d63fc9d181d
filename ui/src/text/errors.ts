// What to show of an error, in the language in use.

import type { Failure, Note } from '../backend/types';
import { locale, m } from '../i18n';
import { entryOf, titleOf, type Entry, type Remedy } from './catalogue';
import { fieldText } from './fields';
import { plain } from './plain';
import { noteLine } from './say';

export interface ErrorText {
  code: string;
  title: string;
  remedy: string;
  /** The particulars, in English, for *Details*. */
  detail: string;
  action: Remedy | null;
}

type Described = Failure & { params?: Record<string, string>; notes?: Note[] };

/** The same without the image's name: of several images, or beside it. */
export function unnamed(error: Failure): Failure {
  const { reference: _reference, ...params } = error.params ?? {};
  return { ...error, params };
}

function remedyOf(error: Described, entry: Entry, detail: string): string {
  if (error.notes && error.notes.length > 0) return error.notes.map(noteLine).join('\n');
  const field = fieldText(error);
  if (field) return field;
  // the particulars are English
  if (entry.telling && detail && locale() === 'en') return detail;
  const { path, line } = error.params ?? {};
  const place = [path && plain(path), line && m.error_line({ line })].filter(Boolean).join(', ');
  return place ? m.error_place({ remedy: entry.remedy(), place }) : entry.remedy();
}

export function describe(error: Described): ErrorText {
  const entry = entryOf(error.code);
  const detail = plain([error.message, error.hint].filter(Boolean).join('\n'));
  return {
    code: error.code,
    title: titleOf(error.code, error.params ?? {}),
    remedy: remedyOf(error, entry, detail),
    detail,
    action: entry.action ?? null,
  };
}
