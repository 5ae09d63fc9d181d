//! Profiles made of files from elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::accounts::{Account, AuthEntry, Links, SecretPlace, import};
use ::profiles::profile::{self, Import};

use super::{draft::told, library, summary};
use crate::{
    Api, Host,
    dto::{ApiError, ImportReport, ImportRequest},
    error::Result,
};

pub(crate) async fn import<H: Host>(
    api: &Arc<Api<H>>,
    request: ImportRequest,
) -> Result<ImportReport> {
    let images = PathBuf::from(&request.images);
    let auth = request.auth.filter(|path| !path.trim().is_empty()).map(PathBuf::from);
    let name = request.name.trim();
    let mut read = read(&images, auth.as_deref(), name).map_err(|wrong| ApiError::from(&wrong))?;
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
        changed: read.changed,
        refused: read.refused,
        warnings: read.warnings,
    };
    let mut made = Vec::new();
    for entry in read.auth {
        made.extend(add_account(api, entry, auth.as_deref(), &mut report.warnings).await?);
    }
    report.accounts = made.iter().map(Into::into).collect();
    report.profile = Some(summary(&told(&library.create(&read.profile)?), false));
    Ok(report)
}

/// Reads a profile of our own, or the original's files.
fn read(images: &Path, auth: Option<&Path>, name: &str) -> Result<Import, ::profiles::Rejected> {
    let env = |name: &str| std::env::var(name).ok();
    if profile::is_profile(images) {
        let profile = profile::read(images)?;
        let mut read = Import { taken: profile.rules.len(), profile, ..Import::default() };
        if auth.is_some() {
            read.warnings
                .push("the auth file was not read: a profile names its accounts itself".into());
        }
        return Ok(read);
    }
    let file = images.file_stem().unwrap_or_default().to_string_lossy();
    profile::import(if name.is_empty() { &file } else { name }, images, auth, &env)
}

/// Makes an account of an entry of an auth file, unless there is one for its address.
async fn add_account<H: Host>(
    api: &Arc<Api<H>>,
    entry: AuthEntry,
    auth: Option<&Path>,
    notes: &mut Vec<String>,
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
        notes.push(format!(
            "{}: there is the account '{}' for {} already; it was left as it is",
            entry.origin, known.name, known.address
        ));
        return Ok(None);
    }
    let links = Links::default();
    let account = import::take(&candidate, false, &mut accounts, &api.vault, &links).await?;
    if account.secret_in == SecretPlace::None && !account.username.is_empty() {
        notes.push(format!("{}: '{}' has no password; enter one", entry.origin, entry.written));
    }
    Ok(Some(account))
}
