// The facts under a row, as text.

import type { ImageState } from '../../backend/types';
import { m } from '../../i18n';
import { describe } from '../../text/errors';
import { bytes } from '../../text/format';
import { plain } from '../../text/plain';
import { reasonText } from './look';
import type { Fact } from './view.svelte';

export function factLabel(fact: Fact): string {
  return {
    problem: m.grid_fact_problem,
    remedy: m.grid_fact_remedy,
    details: m.grid_fact_details,
    source: m.grid_fact_source,
    destination: m.grid_fact_destination,
    reason: m.grid_fact_reason,
    move: m.grid_fact_move,
    present: m.grid_fact_present,
    mountable: m.grid_fact_mountable,
    copied: m.grid_fact_copied,
    mounted: m.grid_fact_mounted,
  }[fact]();
}

export function factText(row: ImageState, fact: Fact): string {
  switch (fact) {
    case 'problem':
      return row.error ? describe(row.error).title : '';
    case 'remedy':
      return row.error ? describe(row.error).remedy : '';
    case 'details':
      return row.error ? `[${row.error.code}] ${describe(row.error).detail}` : '';
    case 'source':
      return plain(row.source);
    case 'destination':
      return plain(row.destination);
    case 'reason':
      return reasonText(row.reason ?? '');
    case 'move':
      return bytes(row.plan?.bytes_to_move ?? 0);
    case 'present':
      return bytes(row.plan?.bytes_present ?? 0);
    case 'mountable':
      return bytes(row.plan?.bytes_mountable ?? 0);
    case 'copied':
      return bytes(row.bytesCopied);
    case 'mounted':
      return bytes(row.bytesMounted);
  }
}
