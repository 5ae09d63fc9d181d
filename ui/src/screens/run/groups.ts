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
    // rows that have not been told of yet leave holes
    if (row?.status !== 'failed' || !row.error) continue;
    const known = byCode.get(row.error.code);
    if (known) known.push(row);
    else byCode.set(row.error.code, [row]);
  }
  return [...byCode]
    .map(([code, images]) => {
      const texts = images.map((image) => describe(image.error ?? { code, message: '', hint: '' }));
      const distinct = [...new Set(texts.map((text) => text.detail))].slice(0, DETAILS);
      return { code, text: texts[0] as ErrorText, images, detail: distinct.join('\n\n') };
    })
    .sort((one, other) => other.images.length - one.images.length);
}
