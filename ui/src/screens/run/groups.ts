// Failures by cause and registry: one cause is told once, with everything that it hit.

import type { ImageState } from '../../backend/types';
import { m } from '../../i18n';
import { retryHelps } from '../../text/catalogue';
import { describe, unnamed, type ErrorText } from '../../text/errors';
import { plain } from '../../text/plain';

export interface Group {
  key: string;
  code: string;
  text: ErrorText;
  images: ImageState[];
  /** Distinct particulars, as one text. */
  detail: string;
}

const DETAILS = 20;

/** The most frequent first. */
export function groups(rows: readonly ImageState[]): Group[] {
  const alike = new Map<string, ImageState[]>();
  for (const row of rows) {
    if (row?.status !== 'failed' || !row.error) continue;
    const key = `${row.error.code} ${row.error.params?.['host'] ?? ''}`;
    const known = alike.get(key);
    if (known) known.push(row);
    else alike.set(key, [row]);
  }
  return [...alike]
    .map(([key, images]) => {
      // thousands may have failed alike: no more is put in words than is shown
      const distinct = new Set<string>();
      for (const { error } of images) {
        if (error && distinct.size < DETAILS) distinct.add(describe(error).detail);
      }
      const error = images[0]?.error ?? { code: 'internal', message: '', hint: '' };
      const text = describe(images.length === 1 ? error : unnamed(error));
      const host = plain(error.params?.['host'] ?? '');
      if (!text.title.includes(host)) {
        text.title = m.run_group_at({ what: text.title, host });
      }
      return { key, code: error.code, text, images, detail: [...distinct].join('\n\n') };
    })
    .sort((one, other) => other.images.length - one.images.length);
}

/** What may go well the next time: the images of all causes but those that only other rules would help. */
export function worthRetrying(causes: readonly Group[]): ImageState[] {
  return causes.filter(({ code }) => retryHelps(code)).flatMap(({ images }) => images);
}
