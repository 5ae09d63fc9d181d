// Whom a run waits for, in words.

import type { Waiting } from '../backend/types';
import { m } from '../i18n';
import { titleOf } from './catalogue';
import { plain } from './plain';

/** What is the matter, and at which registry. */
export function waitTitle({ code, registry }: Waiting): string {
  const host = plain(registry);
  // it has failed once, and not yet as often as it is tried
  if (code === 'registry.failed') return m.run_wait_failed({ host });
  const title = titleOf(code, { host });
  return title.includes(host) ? title : m.run_group_at({ what: title, host });
}
