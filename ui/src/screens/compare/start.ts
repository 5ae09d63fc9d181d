import { m, plural } from '../../i18n';
import type { Run } from '../../state/run.svelte';

/** How many images would be written. */
export function toWrite(plan: Run): number {
  return (plan.counts.copy ?? 0) + (plan.counts.overwrite ?? 0);
}

/** Why a plan can't be started; null when it can. */
export function startReason(plan: Run, running: boolean): string | null {
  if (!plan.ended) return m.compare_reason_planning();
  if (running) return m.compare_reason_running();
  if (plan.cancelled) return m.compare_reason_cancelled();
  const { blocked = 0, failed = 0, conflict = 0 } = plan.counts;
  if (blocked > 0) return plural(blocked, m.compare_reason_blocked_one, m.compare_reason_blocked_other);
  if (toWrite(plan) > 0) return null;
  if (plan.totals.images === 0) return m.compare_reason_empty();
  return failed + conflict > 0 ? m.compare_reason_failed() : m.compare_reason_nothing();
}
