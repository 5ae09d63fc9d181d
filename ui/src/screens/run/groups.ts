// Failures by cause: one cause is told once, with everything that it hit.

import type { ImageState } from '../../backend/types';
import { describe, type ErrorText } from '../../text/errors';

export interface Group {
  code: string;
  text: ErrorText;
  images: ImageState[];
  /** Distinct particulars, as one text. */
  detail: string;
}

const DETAILS = 20;

/** The most frequent first. */
export function groups(rows: readonly ImageState[]): Group[] {
  const byCode = new Map<string, ImageState[]>();
  for (const row of rows) {
    if (row?.status !== 'failed' || !row.error) continue;
    const known = byCode.get(row.error.code);
    if (known) known.push(row);
    else byCode.set(row.error.code, [row]);
  }
  return [...byCode]
    .map(([code, images]) => {
      // thousands may have failed alike: no more is put in words than is shown
      const distinct = new Set<string>();
      for (const { error } of images) {
        if (error && distinct.size < DETAILS) distinct.add(describe(error).detail);
      }
      const text = describe(images[0]?.error ?? { code, message: '', hint: '' });
      return { code, text, images, detail: [...distinct].join('\n\n') };
    })
    .sort((one, other) => other.images.length - one.images.length);
}
