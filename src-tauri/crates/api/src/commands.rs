//! The list of commands. Each is `name(request) -> answer`; the page calls `rpc(name, request)`.
//!
//! | command | request | answer |
//! |---|---|---|
//! | `app.info` | – | `AppInfo` |
//! | `settings.get` | – | `Settings` |
//! | `settings.set` | `Settings` | `Settings` |
//! | `keyring.status` | – | `KeyringStatus` |
//! | `keyring.retry` | – | `KeyringStatus` (asks the system to unlock) |
//! | `keyring.useMemory` | – | `KeyringStatus` (secrets live until the app ends) |
//! | `accounts.list` | – | `Account[]` |
//! | `accounts.save` | `AccountDraft` | `Account` |
//! | `accounts.remove` | `{id}` | – |
//! | `accounts.test` | `{token, draft: AccountDraft}` (a saved account: its id and `secret: null`) | `CheckReport`; steps come as `check` events too |
//! | `profiles.list` | – | `ProfileSummary[]` |
//! | `profiles.get` | `{id}` | `Profile` |
//! | `profiles.check` | `Profile` | `RuleProblem[]` |
//! | `profiles.save` | `Profile` | `Profile` |
//! | `profiles.duplicate` | `{id}` | `Profile` |
//! | `profiles.remove` | `{id}` | – |
//! | `profiles.import` | `{name, images: path, auth: path or null}` | `ImportReport` |
//! | `profiles.command` | `{id}` | `string`: the command line that does the same |
//! | `files.pick` | `{kind: "images" or "auth" or "ca"}` | path or null (a dialog of the system, opened by the shell) |
//! | `runs.plan` | `{profileId}` | `RunInfo` |
//! | `runs.start` | `{profileId}` | `RunInfo` |
//! | `runs.cancel` | `{id}` | – |
//! | `runs.list` | – | `RunInfo[]` of this session, newest first |
//! | `runs.snapshot` | `{id}` | `engine::Snapshot` |
//! | `runs.saveReport` | `{id}` | path or null (JSON, by a dialog of the system) |
//! | `demo.start` | – | `Demo` (idempotent) |
