// What is wrong with a field of a form, in the language in use: by the field and the reason, never by the text.

import { m } from '../i18n';
import type { Failure } from '../backend/types';

const TEXTS: Record<string, () => string> = {
  address: m.field_address,
  name: m.field_hidden,
  username: m.field_username,
  'username.needed': m.field_username_needed,
  'secret.moved': m.field_secret_moved,
  'secret.kind': m.field_secret_kind,
  'secret.missing': m.field_secret_missing,
  secret: m.field_secret_file,
  proxy: m.field_proxy,
  mirrors: m.field_mirrors,
  limit: m.account_limit_error,
  clientCert: m.field_client_cert,
  repository: m.field_repository,
  host: m.field_address,
};

/** Null where the problem is about no field, or about one that has no text. */
export function fieldText(problem: Failure & { params?: Record<string, string> }): string | null {
  const { field = '', why = '' } = problem.params ?? {};
  if (field === '' || !['config.invalid', 'file.failed'].includes(problem.code)) return null;
  return (TEXTS[`${field}.${why}`] ?? TEXTS[field])?.() ?? null;
}
