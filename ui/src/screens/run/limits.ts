// The two limits as people type them: requests, and megabytes a second.

import { m } from '../../i18n';

export const MEGA = 1_000_000;
export const MOST = 1024;

export interface Typed {
  value: number | null;
  error: string | null;
}

/** Requests in flight to one registry; nothing typed lets it adapt. */
export function readProc(text: string): Typed {
  const trimmed = text.trim();
  if (trimmed === '') return { value: null, error: null };
  const value = Number(trimmed);
  if (!/^\d+$/.test(trimmed) || value < 1 || value > MOST)
    return { value: null, error: m.limits_proc_wrong() };
  return { value, error: null };
}

/** Megabytes a second, as bytes; nothing typed takes all there is. */
export function readBandwidth(text: string): Typed {
  const trimmed = text.trim().replace(',', '.');
  if (trimmed === '') return { value: null, error: null };
  const value = Math.round(Number(trimmed) * MEGA);
  if (!/^\d*\.?\d+$/.test(trimmed) || value < 1000 || value > 1e12) {
    return { value: null, error: m.limits_bandwidth_wrong() };
  }
  return { value, error: null };
}

export function bandwidthText(bandwidth: number | null): string {
  return bandwidth === null ? '' : String(bandwidth / MEGA);
}
