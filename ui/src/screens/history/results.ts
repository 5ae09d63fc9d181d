// Icon, word and tone of how a run ended.

import CircleCheck from '@lucide/svelte/icons/circle-check';
import CircleSlash from '@lucide/svelte/icons/circle-slash';
import CircleX from '@lucide/svelte/icons/circle-x';
import Clock from '@lucide/svelte/icons/clock';
import TriangleAlert from '@lucide/svelte/icons/triangle-alert';
import Unplug from '@lucide/svelte/icons/unplug';
import type { HistoryRun } from '../../backend/types';
import { m } from '../../i18n';
import { number } from '../../text/format';
import type { Look } from '../images/look';

export function resultLook(result: string): Look {
  switch (result) {
    case 'succeeded':
      return { icon: CircleCheck, word: m.result_succeeded(), tone: 'ok' };
    case 'warnings':
      return { icon: TriangleAlert, word: m.result_warnings(), tone: 'warn' };
    case 'partly-failed':
      return { icon: CircleX, word: m.result_partly_failed(), tone: 'danger' };
    case 'failed':
      return { icon: CircleX, word: m.result_failed(), tone: 'danger' };
    case 'cancelled':
      return { icon: CircleSlash, word: m.result_cancelled(), tone: 'calm' };
    case 'interrupted':
      return { icon: Unplug, word: m.result_interrupted(), tone: 'warn' };
    default:
      return { icon: Clock, word: m.result_running(), tone: 'calm' };
  }
}

/** `14 copied, 61 skipped, 2 failed`: what there was none of is left out. */
export function countsText({ result, totals }: Pick<HistoryRun, 'result' | 'totals'>): string {
  const interrupted = result === 'interrupted';
  const ended = totals.copied + totals.skipped + totals.failed + totals.cancelled;
  const parts: [number, () => string][] = [
    [totals.copied, m.run_count_copied],
    [totals.skipped, m.run_count_skipped],
    [totals.failed, m.run_count_failed],
    [totals.cancelled, m.run_count_cancelled],
    // nobody told the end of these
    [interrupted ? totals.images - ended : 0, m.run_count_not_done],
  ];
  const told = parts
    .filter(([count]) => count > 0)
    .map(([count, word]) => m.run_count({ count: number(count), what: word() }));
  if (told.length > 0) return told.join(m.history_counts_between());
  return interrupted ? m.history_counts_unknown() : m.history_counts_none();
}

export function startedByText(startedBy: string): string {
  return startedBy === 'command' ? m.history_by_command() : m.history_by_app();
}
