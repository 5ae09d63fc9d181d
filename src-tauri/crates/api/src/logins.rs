//! Commands about logins that others keep on this machine: docker, podman, and the original image-syncer's auth file.

use std::{path::Path, sync::Arc};

use ::accounts::{
    AuthEntry, CredentialFiles, Links,
    import::{self, Candidate},
};
use ::profiles::image_syncer;

use crate::{
    Api, Host, accounts,
    dto::{ApiError, FindRequest, FoundLogin, FoundLogins, TakeRequest, Taken},
    error::{Result, codes},
};

pub(crate) async fn find<H: Host>(api: &Arc<Api<H>>, request: FindRequest) -> Result<FoundLogins> {
    let (candidates, problems) = candidates(api, request.machine, request.auth.as_deref()).await?;
    let mut accounts = api.accounts.lock().await;
    accounts::refresh(&mut accounts)?;
    let found = candidates.iter().map(|candidate| FoundLogin {
        key: candidate.key.clone(),
        address: candidate.address.to_string(),
        username: candidate.user.clone(),
        source: candidate.source.clone(),
        can_link: candidate.can_link,
        known: candidate.known(&accounts).map(|account| account.name.clone()),
    });
    Ok(FoundLogins { found: found.collect(), problems })
}

pub(crate) async fn take<H: Host>(api: &Arc<Api<H>>, request: TakeRequest) -> Result<Taken> {
    let (candidates, _) = candidates(api, true, request.auth.as_deref()).await?;
    let links = Links::of_system(&|name| api.host.env(name));
    let mut accounts = api.accounts.lock().await;
    let mut taken = Taken { accounts: Vec::new(), problems: Vec::new() };
    for pick in request.picks {
        let Some(candidate) = candidates.iter().find(|candidate| candidate.key == pick.key) else {
            let message = "it is not there any more";
            taken.problems.push(ApiError::new(codes::GONE, message));
            continue;
        };
        let linked = pick.link && candidate.can_link;
        match import::take(candidate, linked, &mut accounts, &api.vault, &links).await {
            Ok(account) => taken.accounts.push((&account).into()),
            Err(error) => {
                taken.problems.push(error.registry(&candidate.address.registry).into());
            }
        }
    }
    Ok(taken)
}

async fn candidates<H: Host>(
    api: &Arc<Api<H>>,
    machine: bool,
    auth: Option<&str>,
) -> Result<(Vec<Candidate>, Vec<ApiError>)> {
    let env = |name: &str| api.host.env(name);
    let mut problems = Vec::new();
    let entries = match auth.map(str::trim).filter(|path| !path.is_empty()) {
        Some(path) => auth_file(Path::new(path), &env, &mut problems)?,
        None => Vec::new(),
    };
    let files = if machine { CredentialFiles::of_system(&env) } else { CredentialFiles::none() };
    let (candidates, told) = import::candidates(&files, entries).await;
    problems.extend(told.iter().map(Into::into));
    Ok((candidates, problems))
}

fn auth_file(
    path: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    problems: &mut Vec<ApiError>,
) -> Result<Vec<AuthEntry>> {
    let loaded =
        image_syncer::load_auth(path, env).map_err(|rejected| ApiError::from(&rejected))?;
    for warning in &loaded.warnings {
        let hint = warning.hint.as_deref().unwrap_or_default();
        problems.push(ApiError::new(warning.code, warning.to_string()).hint(hint).note(warning));
    }
    Ok(loaded.auth.into_iter().map(|entry| import::beside(entry, path)).collect())
}
