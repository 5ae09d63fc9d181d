// What a step of a connection test has found, in the language in use.

import type { CheckStep } from '../../backend/types';
import { m } from '../../i18n';
import { date } from '../../text/format';
import { plain } from '../../text/plain';

const NOTES: Record<string, (step: CheckStep) => string> = {
  proxied: () => m.check_note_proxied(),
  plain: () => m.check_note_plain(),
  unverified: (step) => m.check_note_unverified({ certificate: certificate(step) }),
  'wants-login': () => m.check_note_wants_login(),
  anonymous: () => m.check_note_anonymous(),
  empty: () => m.check_note_empty(),
  'no-repository': () => m.check_note_no_repository(),
  'no-tags': () => m.check_note_no_tags(),
  found: (step) => m.check_note_found({ tag: plain(step.detail) }),
  opened: () => m.check_note_opened(),
};

function certificate({ certificate: found }: CheckStep): string {
  if (!found) return '';
  const issuer = plain(found.issuer);
  return found.notAfter
    ? m.check_certificate({ issuer, until: date(found.notAfter) })
    : m.check_certificate_bare({ sha256: plain(found.sha256) });
}

export function found(step: CheckStep): string {
  const note = NOTES[step.note ?? ''];
  if (note) return note(step);
  // the rest has no words: addresses and ports
  return step.certificate ? certificate(step) : plain(step.detail);
}
