//! Profiles made of files from elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::accounts::{Account, AuthEntry, Links, SecretPlace, import};
use ::profiles::profile::{self, Import};
use registry::sentence;

use super::{draft::told, library, summary};
use crate::{
    Api, Host,
    dto::{ApiError, ImportReport, ImportRequest, Note},
    error::Result,
};

pub(crate) async fn import<H: Host>(
    api: &Arc<Api<H>>,
    request: ImportRequest,
) -> Result<ImportReport> {
    let images = PathBuf::from(&request.images);
    let auth = request.auth.filter(|path| !path.trim().is_empty()).map(PathBuf::from);
    let name = request.name.trim();
    let is_own = profile::is_profile(&images);
    let read = read(&images, auth.as_deref(), name, is_own);
    let mut read = read.map_err(|wrong| ApiError::from(&wrong))?;
    if !name.is_empty() {
        read.profile.name = name.to_owned();
    }
    let library = library(api);
    // before any account is made
    library.is_free(&read.profile.name)?;

    let mut report = ImportReport {
        profile: None,
        accounts: Vec::new(),
        taken: read.taken as u32,
        changed: read.changed.iter().map(Into::into).collect(),
        refused: read.refused.iter().map(Into::into).collect(),
        warnings: read.warnings.iter().map(Into::into).collect(),
    };
    if is_own && auth.is_some() {
        let what = sentence!(
            "import_auth_unread",
            "the auth file was not read: a profile names its accounts itself",
        );
        report.warnings.push(what.into());
    }
    let mut made = Vec::new();
    for entry in read.auth {
        made.extend(add_account(api, entry, auth.as_deref(), &mut report.warnings).await?);
    }
    report.accounts = made.iter().map(Into::into).collect();
    report.profile = Some(summary(&told(&library.create(&read.profile)?), false));
    Ok(report)
}

/// Reads a profile of our own, or the original's files.
fn read(
    images: &Path,
    auth: Option<&Path>,
    name: &str,
    is_own: bool,
) -> Result<Import, ::profiles::Rejected> {
    let env = |name: &str| std::env::var(name).ok();
    if is_own {
        let profile = profile::read(images)?;
        return Ok(Import { taken: profile.rules.len(), profile, ..Import::default() });
    }
    let file = images.file_stem().unwrap_or_default().to_string_lossy();
    profile::import(if name.is_empty() { &file } else { name }, images, auth, &env)
}

/// Makes an account of an entry of an auth file, unless there is one for its address.
async fn add_account<H: Host>(
    api: &Arc<Api<H>>,
    entry: AuthEntry,
    auth: Option<&Path>,
    notes: &mut Vec<Note>,
) -> Result<Option<Account>> {
    let says_something = entry.username.is_some()
        || entry.insecure
        || entry.ca.is_some()
        || entry.cert.is_some()
        || entry.proxy.is_some()
        || entry.limit.is_some();
    if !says_something {
        return Ok(None);
    }
    let entry = match auth {
        Some(file) => import::beside(entry, file),
        None => entry,
    };
    let mut accounts = api.accounts.lock().await;
    crate::accounts::refresh(&mut accounts)?;
    let candidate = import::Candidate::from(entry.clone());
    if let Some(known) = candidate.known(&accounts) {
        let what = sentence!(
            "import_account_known",
            "there is the account '{name}' for {address} already; it was left as it is",
            name = &known.name,
            address = known.address.to_string(),
        );
        notes.push(Note::from(what).at(&entry.origin));
        return Ok(None);
    }
    let links = Links::default();
    let account = import::take(&candidate, false, &mut accounts, &api.vault, &links).await?;
    if account.secret_in == SecretPlace::None && !account.username.is_empty() {
        let what = sentence!(
            "import_no_password",
            "'{name}' has no password; enter one",
            name = &entry.written,
        );
        notes.push(Note::from(what).at(&entry.origin));
    }
    Ok(Some(account))
}
