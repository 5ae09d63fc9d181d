// The chips over the grid of a run.

import { m } from '../../i18n';
import type { Filter } from './view.svelte';

export function runFilters(): { value: Filter; word: string }[] {
  return [
    { value: 'all', word: m.grid_filter_all() },
    { value: 'active', word: m.grid_filter_active() },
    { value: 'failed', word: m.status_image_failed() },
    { value: 'waiting', word: m.grid_filter_waiting() },
    { value: 'copied', word: m.status_copied() },
    { value: 'skipped', word: m.status_skipped() },
    { value: 'cancelled', word: m.status_image_cancelled() },
  ];
}
