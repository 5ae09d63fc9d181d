// What kinds of secrets, and their fields, are called.

import { m } from '../../i18n';

const NAMES: Record<string, () => string> = {
  password: m.kind_password,
  'identity-token': m.kind_identity_token,
  bearer: m.kind_bearer,
  'access-token': m.kind_access_token,
  'aws-keys': m.kind_aws_keys,
  'aws-profile': m.kind_aws_profile,
  'aws-environment': m.kind_aws_environment,
  'google-key': m.kind_google_key,
  'azure-principal': m.kind_azure_principal,
  'azure-token': m.kind_azure_token,
  'alibaba-key': m.kind_alibaba_key,
};

const HELP: Record<string, () => string> = {
  'identity-token': m.kind_identity_token_help,
  bearer: m.kind_bearer_help,
  'access-token': m.kind_ends_help,
  'aws-keys': m.kind_renews_help,
  'aws-profile': m.kind_aws_profile_help,
  'aws-environment': m.kind_aws_environment_help,
  'google-key': m.kind_renews_help,
  'azure-principal': m.kind_renews_help,
  'azure-token': m.kind_ends_help,
  'alibaba-key': m.kind_renews_help,
};

const SECRETS: Record<string, () => string> = {
  'identity-token': m.secret_token,
  bearer: m.secret_token,
  'access-token': m.secret_access_token,
  'aws-keys': m.secret_aws_keys,
  'google-key': m.secret_google_key,
  'azure-principal': m.secret_azure_principal,
  'azure-token': m.secret_access_token,
  'alibaba-key': m.secret_alibaba_key,
};

const USERS: Record<string, () => string> = {
  'aws-keys': m.user_aws_keys,
  'azure-principal': m.user_azure_principal,
  'alibaba-key': m.user_alibaba_key,
};

export const kindName = (id: string): string => NAMES[id]?.() ?? id;
export const kindHelp = (id: string): string => HELP[id]?.() ?? '';
export const secretLabel = (id: string): string => (SECRETS[id] ?? m.account_secret)();
export const userLabel = (id: string): string => (USERS[id] ?? m.account_username)();
