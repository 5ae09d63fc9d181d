// Icon, word and tone of what would be done with an image, or has been.

import ArrowRight from '@lucide/svelte/icons/arrow-right';
import Ban from '@lucide/svelte/icons/ban';
import Check from '@lucide/svelte/icons/check';
import CircleMinus from '@lucide/svelte/icons/circle-minus';
import CircleSlash from '@lucide/svelte/icons/circle-slash';
import CircleX from '@lucide/svelte/icons/circle-x';
import Clock from '@lucide/svelte/icons/clock';
import Equal from '@lucide/svelte/icons/equal';
import PenLine from '@lucide/svelte/icons/pen-line';
import Search from '@lucide/svelte/icons/search';
import TriangleAlert from '@lucide/svelte/icons/triangle-alert';
import type { Component } from 'svelte';
import type { ImageState } from '../../backend/types';
import type { Glyph } from '../../design/glyphs';
import { m, plural } from '../../i18n';
import { planClass, type PlanClass } from '../../state/run.svelte';
import { describe, unnamed } from '../../text/errors';
import { plain } from '../../text/plain';

export type Icon = Component<{ size?: number | string; 'aria-hidden'?: 'true' }>;
export type Tone = 'go' | 'calm' | 'warn' | 'danger' | 'clash' | 'ok';

export interface Look {
  icon: Icon;
  word: string;
  tone: Tone;
}

/** Of a row. */
export interface RowLook extends Look {
  glyph: Glyph;
}

export function planLook(row: ImageState): RowLook {
  const is = planClass(row);
  if (is !== 'open') return classLook(is);
  if (row.status === 'resolving')
    return { icon: Search, glyph: 'search', word: m.action_resolving(), tone: 'calm' };
  if (row.status === 'cancelled')
    return { icon: CircleSlash, glyph: 'slash', word: m.status_image_cancelled(), tone: 'calm' };
  return { icon: Clock, glyph: 'clock', word: m.action_waiting(), tone: 'calm' };
}

export function classLook(is: Exclude<PlanClass, 'open'> | 'off'): RowLook {
  switch (is) {
    case 'off':
      return { icon: CircleMinus, glyph: 'minus', word: m.action_off(), tone: 'calm' };
    case 'copy':
      return { icon: ArrowRight, glyph: 'arrow', word: m.action_copy(), tone: 'go' };
    case 'overwrite':
      return { icon: PenLine, glyph: 'pen', word: m.action_overwrite(), tone: 'warn' };
    case 'skip':
      return { icon: Equal, glyph: 'equal', word: m.action_skip(), tone: 'calm' };
    case 'conflict':
      return { icon: TriangleAlert, glyph: 'triangle', word: m.action_conflict(), tone: 'clash' };
    case 'blocked':
      return { icon: Ban, glyph: 'ban', word: m.action_blocked(), tone: 'danger' };
    case 'failed':
      return { icon: CircleX, glyph: 'cross', word: m.action_failed(), tone: 'danger' };
  }
}

export function runLook(row: ImageState): RowLook {
  switch (row.status) {
    case 'copying':
      return { icon: ArrowRight, glyph: 'arrow', word: m.status_copying(), tone: 'go' };
    case 'copied':
      return { icon: Check, glyph: 'check', word: m.status_copied(), tone: 'ok' };
    case 'skipped':
      return { icon: Equal, glyph: 'equal', word: m.status_skipped(), tone: 'calm' };
    case 'failed':
      return { icon: CircleX, glyph: 'cross', word: m.status_image_failed(), tone: 'danger' };
    case 'cancelled':
      return { icon: CircleSlash, glyph: 'slash', word: m.status_image_cancelled(), tone: 'calm' };
    case 'resolving':
      return { icon: Search, glyph: 'search', word: m.status_resolving(), tone: 'calm' };
    case 'planned':
      return { icon: Clock, glyph: 'clock', word: m.status_planned(), tone: 'calm' };
    default:
      return { icon: Clock, glyph: 'clock', word: m.status_waiting(), tone: 'calm' };
  }
}

// what the engine says of rows that it skips or ends; the report's contract names these
const REASONS: Record<string, () => string> = {
  'same digest': m.why_skip,
  'immutable tag': m.why_immutable,
  'the run was cancelled': m.error_cancelled_title,
  'switched off by hand': m.why_off,
  'same digest, without attestations': m.why_skip_bare,
  'attestations were left out, because the destination refuses them': m.why_no_attestations,
  'the run was interrupted': m.result_interrupted,
};
const REFERRERS = /^(.+); (\d+) referrers? (?:was|were) copied$/;
const PLATFORM = /^single-platform image (\S+) does not match (.+)$/;

/** The engine's reason in the language in use, where it is one of those that have a text. */
export function reasonText(reason: string): string {
  const [, same = '', count = ''] = REFERRERS.exec(reason) ?? [];
  if (same) {
    const copied = plural(Number(count), m.why_referrers_one, m.why_referrers_other);
    return m.note_hint({ what: reasonText(same), hint: copied });
  }
  const [, platform = '', filter = ''] = PLATFORM.exec(reason) ?? [];
  if (platform) return m.why_platform({ platform: plain(platform), filter: plain(filter) });
  return REASONS[reason]?.() ?? plain(reason);
}

/** Why it is so, on the row's own line. */
export function why(row: ImageState): string {
  if (row.error) return describe(unnamed(row.error)).title;
  if (row.reason) return reasonText(row.reason);
  switch (planClass(row)) {
    case 'copy':
      return m.why_copy();
    case 'overwrite':
      return m.why_overwrite();
    case 'skip':
      return m.why_skip();
    case 'conflict':
      return m.why_conflict();
    default:
      return '';
  }
}
