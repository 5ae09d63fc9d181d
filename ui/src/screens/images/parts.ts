// The lines under an opened row: facts about the image, then its manifests, and the blobs of those that are open.

import ArrowRight from '@lucide/svelte/icons/arrow-right';
import ArrowUp from '@lucide/svelte/icons/arrow-up';
import Check from '@lucide/svelte/icons/check';
import CircleX from '@lucide/svelte/icons/circle-x';
import Clock from '@lucide/svelte/icons/clock';
import Equal from '@lucide/svelte/icons/equal';
import Hourglass from '@lucide/svelte/icons/hourglass';
import Link from '@lucide/svelte/icons/link';
import type { BlobPart, ImageParts, ManifestPart } from '../../backend/types';
import { m } from '../../i18n';
import { percent } from '../../text/format';
import { plain } from '../../text/plain';
import type { Look } from './look';

/** One of an image's manifests, by its number; or one of the blobs of that manifest, by its number within the image. */
export interface PartLine {
  manifest: number;
  blob: number | null;
  /** Stays with the line whatever is open. */
  code: number;
}

/** The lines of an image's parts, where the manifests in `open` are open. */
export function partLines(parts: ImageParts, open: ReadonlySet<number>): PartLine[] {
  const lines: PartLine[] = [];
  let code = 0;
  for (const [manifest, { blobs }] of parts.manifests.entries()) {
    lines.push({ manifest, blob: null, code });
    if (open.has(manifest)) {
      for (const [at, blob] of blobs.entries()) lines.push({ manifest, blob, code: code + 1 + at });
    }
    code += 1 + blobs.length;
  }
  return lines;
}

/** What a manifest is, in words: its platform where it has one. */
export function manifestWord(part: ManifestPart): string {
  if (part.platform) return plain(part.platform);
  switch (part.role) {
    case 'index':
      return m.part_index();
    case 'attestation':
      return m.part_attestation();
    case 'referrer':
      return m.part_referrer();
    default:
      return m.part_image();
  }
}

/** The bytes under a manifest; its own where there are none. */
export function manifestSize(parts: ImageParts, part: ManifestPart): number {
  if (part.blobs.length === 0) return part.size;
  return part.blobs.reduce((sum, at) => sum + (parts.blobs[at]?.size ?? 0), 0);
}

export function blobWord(blob: BlobPart): string {
  return blob.config ? m.part_config() : m.part_layer();
}

/** How far a blob has got; in a plan, what would be done with it. */
export function blobLook(blob: BlobPart, isRun: boolean): Look {
  switch (blob.status) {
    case 'waiting':
      return isRun
        ? { icon: Clock, word: m.status_waiting(), tone: 'calm' }
        : { icon: ArrowRight, word: m.action_copy(), tone: 'go' };
    case 'shared':
      return { icon: Hourglass, word: m.part_shared(), tone: 'calm' };
    case 'uploading':
      return {
        icon: ArrowUp,
        word: m.part_uploading({ share: percent(blob.size > 0 ? blob.inFlight / blob.size : 0) }),
        tone: 'go',
      };
    case 'copied':
      return { icon: Check, word: m.status_copied(), tone: 'ok' };
    case 'mounted':
      return { icon: Link, word: isRun ? m.grid_fact_mounted() : m.grid_fact_mountable(), tone: 'ok' };
    case 'present':
      return { icon: Equal, word: m.grid_fact_present(), tone: 'calm' };
    case 'failed':
      return { icon: CircleX, word: m.status_image_failed(), tone: 'danger' };
  }
}
