// The title and remedy of every code. The code is all that is looked at.

import { m } from '../i18n';
import type { CODES } from '../backend/types';
import { plain } from './plain';

type Text = (inputs: { host: NonNullable<unknown> }) => string;
type Of = (inputs: { what: NonNullable<unknown> }) => string;

/** What the user can be led to. */
export type Remedy = 'accounts' | 'rules' | 'keyring';

export interface Entry {
  title: Text;
  /** The title where the image or repository is known. */
  of?: Of;
  remedy: () => string;
  action?: Remedy;
  /** Only the particulars say much: where they are in the language in use, they stand in the remedy's place. */
  telling?: true;
}

// prettier-ignore
export const catalogue: Record<(typeof CODES)[number], Entry> = {
  'auth.required': { title: m.error_auth_required_title, of: m.error_auth_required_title_of, remedy: m.error_auth_required_remedy, action: 'accounts' },
  'auth.rejected': { title: m.error_auth_rejected_title, remedy: m.error_auth_rejected_remedy, action: 'accounts' },
  'auth.unavailable': { title: m.error_auth_unavailable_title, remedy: m.error_auth_unavailable_remedy },
  'access.pull-denied': { title: m.error_access_pull_denied_title, of: m.error_access_pull_denied_title_of, remedy: m.error_access_pull_denied_remedy, action: 'accounts' },
  'access.push-denied': { title: m.error_access_push_denied_title, of: m.error_access_push_denied_title_of, remedy: m.error_access_push_denied_remedy, action: 'accounts' },
  'repo.must-exist': { title: m.error_repo_must_exist_title, of: m.error_repo_must_exist_title_of, remedy: m.error_repo_must_exist_remedy, action: 'accounts' },
  'repo.name': { title: m.error_repo_name_title, of: m.error_repo_name_title_of, remedy: m.error_repo_name_remedy, action: 'rules' },
  'ref.not-found': { title: m.error_ref_not_found_title, of: m.error_ref_not_found_title_of, remedy: m.error_ref_not_found_remedy, action: 'rules' },
  'catalog.unsupported': { title: m.error_catalog_unsupported_title, remedy: m.error_catalog_unsupported_remedy },
  'manifest.schema1': { title: m.error_manifest_schema1_title, remedy: m.error_manifest_schema1_remedy },
  'manifest.rejected': { title: m.error_manifest_rejected_title, remedy: m.error_manifest_rejected_remedy },
  'manifest.invalid': { title: m.error_manifest_invalid_title, remedy: m.error_manifest_invalid_remedy },
  'blob.not-found': { title: m.error_blob_not_found_title, remedy: m.error_blob_not_found_remedy },
  'tag.immutable': { title: m.error_tag_immutable_title, remedy: m.error_tag_immutable_remedy, action: 'rules' },
  'quota.exceeded': { title: m.error_quota_exceeded_title, remedy: m.error_quota_exceeded_remedy },
  'registry.read-only': { title: m.error_registry_read_only_title, remedy: m.error_registry_read_only_remedy },
  'rate.limited': { title: m.error_rate_limited_title, remedy: m.error_rate_limited_remedy, action: 'accounts' },
  'digest.mismatch': { title: m.error_digest_mismatch_title, remedy: m.error_digest_mismatch_remedy },
  'upload.expired': { title: m.error_upload_expired_title, remedy: m.error_upload_expired_remedy },
  'tls.untrusted': { title: m.error_tls_untrusted_title, remedy: m.error_tls_untrusted_remedy, action: 'accounts' },
  'tls.expired': { title: m.error_tls_expired_title, remedy: m.error_tls_expired_remedy, action: 'accounts' },
  'tls.name': { title: m.error_tls_name_title, remedy: m.error_tls_name_remedy, action: 'accounts' },
  'tls.changed': { title: m.error_tls_changed_title, remedy: m.error_tls_changed_remedy, action: 'accounts' },
  'tls.failed': { title: m.error_tls_failed_title, remedy: m.error_tls_failed_remedy, action: 'accounts' },
  'http.plain': { title: m.error_http_plain_title, remedy: m.error_http_plain_remedy, action: 'accounts' },
  'net.dns': { title: m.error_net_dns_title, remedy: m.error_net_dns_remedy, action: 'accounts' },
  'net.timeout': { title: m.error_net_timeout_title, remedy: m.error_net_timeout_remedy, action: 'accounts' },
  'net.reset': { title: m.error_net_reset_title, remedy: m.error_net_reset_remedy, action: 'accounts' },
  'proxy.failed': { title: m.error_proxy_failed_title, remedy: m.error_proxy_failed_remedy, action: 'accounts' },
  'registry.not-found': { title: m.error_registry_not_found_title, remedy: m.error_registry_not_found_remedy },
  'registry.failed': { title: m.error_registry_failed_title, remedy: m.error_registry_failed_remedy },
  'registry.refused': { title: m.error_registry_refused_title, remedy: m.error_registry_refused_remedy, telling: true },
  'redirect.refused': { title: m.error_redirect_refused_title, remedy: m.error_redirect_refused_remedy },
  'keyring.missing': { title: m.error_keyring_missing_title, remedy: m.error_keyring_missing_remedy, action: 'keyring' },
  'keyring.locked': { title: m.error_keyring_locked_title, remedy: m.error_keyring_locked_remedy, action: 'keyring' },
  'secrets.locked': { title: m.error_secrets_locked_title, remedy: m.error_secrets_locked_remedy, action: 'keyring' },
  'secrets.passphrase': { title: m.error_secrets_passphrase_title, remedy: m.error_secrets_passphrase_remedy, telling: true },
  'helper.failed': { title: m.error_helper_failed_title, remedy: m.error_helper_failed_remedy, telling: true },
  'platform.none': { title: m.error_platform_none_title, remedy: m.error_platform_none_remedy, action: 'rules' },
  'rule.conflict': { title: m.error_rule_conflict_title, remedy: m.error_rule_conflict_remedy, action: 'rules' },
  'rule.invalid': { title: m.error_rule_invalid_title, remedy: m.error_rule_invalid_remedy, action: 'rules', telling: true },
  'rule.empty': { title: m.error_rule_empty_title, remedy: m.error_rule_empty_remedy, action: 'rules' },
  'config.invalid': { title: m.error_config_invalid_title, remedy: m.error_config_invalid_remedy, telling: true },
  'file.failed': { title: m.error_file_failed_title, remedy: m.error_file_failed_remedy, telling: true },
  'cancelled': { title: m.error_cancelled_title, remedy: m.error_cancelled_remedy },
  'internal': { title: m.error_internal_title, remedy: m.error_internal_remedy },
  'run.busy': { title: m.error_run_busy_title, remedy: m.error_run_busy_remedy },
  'gone': { title: m.error_gone_title, remedy: m.error_gone_remedy },
  'notify.failed': { title: m.error_notify_failed_title, remedy: m.error_notify_failed_remedy },
};

export function entryOf(code: string): Entry {
  return (catalogue as Record<string, Entry>)[code] ?? catalogue.internal;
}

/** Whether the same may go well when it is tried again and nothing else was done: not what the rules are wrong with. */
export function retryHelps(code: string): boolean {
  return !code.startsWith('rule.');
}

/** What happened, to whom where that is known. */
export function titleOf(code: string, params: Record<string, string>): string {
  const entry = entryOf(code);
  const host = plain(params['host'] ?? '');
  const what = plain(params['reference'] ?? '');
  const title = what && entry.of ? entry.of({ what }) : entry.title({ host: host || m.common_registry() });
  // "the registry …" may begin the sentence; a host's name stays as it is
  return host || (what && entry.of) ? title : title.charAt(0).toUpperCase() + title.slice(1);
}
