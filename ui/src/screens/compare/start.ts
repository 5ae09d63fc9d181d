import { m, plural } from '../../i18n';
import type { Counts, Run } from '../../state/run.svelte';

/** How many images would be written. */
export function toWrite(counts: Counts): number {
  return (counts.copy ?? 0) + (counts.overwrite ?? 0);
}

/** Why a plan can't be started with the rows that are switched on; null when it can. */
export function startReason(plan: Run, counts: Counts, running: boolean): string | null {
  if (!plan.ended) return m.compare_reason_planning();
  if (running) return m.compare_reason_running();
  if (plan.cancelled) return m.compare_reason_cancelled();
  const { blocked = 0, failed = 0, conflict = 0, off = 0 } = counts;
  if (blocked > 0) return plural(blocked, m.compare_reason_blocked_one, m.compare_reason_blocked_other);
  if (toWrite(counts) > 0) return null;
  if (plan.totals.images === 0) return m.compare_reason_empty();
  if (failed + conflict > 0) return m.compare_reason_failed();
  return off > 0 ? m.compare_reason_off() : m.compare_reason_nothing();
}
