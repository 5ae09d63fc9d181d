import type { Run } from './run.svelte';

/** How much of a plan or run is done, from 0 to 1; null until that can be told. */
export function shareOf({ totals, phase, info }: Pick<Run, 'totals' | 'phase' | 'info'>): number | null {
  if (info.kind === 'plan') return totals.images > 0 ? totals.resolved / totals.images : null;
  if (phase === 'planning') return null;
  if (totals.bytesTotal === 0) return 1;
  return (totals.bytesCopied + totals.bytesMounted + totals.bytesPresent) / totals.bytesTotal;
}
