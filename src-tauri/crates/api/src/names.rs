//! Names of repositories by hand, for registries that list none: read as they are typed, and kept.

use std::sync::Arc;

use registry::{Reference, Registry, RepositoryName, sentence};
use store::KnownRepositories;

use crate::{
    Api, Host,
    app::lock,
    dto::{ApiError, ByHost, DropName, KeptName, NamesRequest, TypedName},
    error::Result,
};

/// The most names that are taken at once.
const NAMES: usize = 1000;
/// The most that are kept for a registry.
const KEPT: usize = 10_000;

/// Reads names that were typed or pasted, one a line or parted by spaces and commas.
/// What is right is kept for the registry.
#[expect(clippy::unused_async, reason = "all commands have one form")]
pub(crate) async fn names<H: Host>(
    api: &Arc<Api<H>>,
    request: NamesRequest,
) -> Result<Vec<TypedName>> {
    let host = registry(&request.host)?;
    let words = request.text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'));
    let words: Vec<&str> = words.map(trimmed).filter(|word| !word.is_empty()).collect();
    if words.len() > NAMES {
        let what = sentence!(
            "names_many",
            "these are {count} names; {most} are taken at once",
            count = words.len(),
            most = NAMES,
        );
        return Err(ApiError::field("text", what.to_string()).param("why", "many").note(what));
    }
    let mut names: Vec<TypedName> = Vec::new();
    for word in words {
        let name = typed(&host, word);
        if !names.iter().any(|known| known == &name) {
            names.push(name);
        }
    }
    keep(api, &host, &names)?;
    Ok(names)
}

fn registry(text: &str) -> Result<Registry> {
    text.trim()
        .parse()
        .map_err(|error: registry::InvalidReference| ApiError::field("host", error.to_string()))
}

/// The names that were kept for a registry.
#[expect(clippy::unused_async, reason = "all commands have one form")]
pub(crate) async fn kept<H: Host>(api: &Arc<Api<H>>, request: ByHost) -> Result<Vec<KeptName>> {
    let host = registry(&request.host)?;
    let known = KnownRepositories::load(&api.host.dirs().repositories())?;
    let kept = known
        .at(host.as_str())
        .map(|(repository, tags)| KeptName { repository: repository.into(), tags: tags.into() });
    // another program may have written anything
    let reads = |kept: &KeptName| {
        kept.repository.parse::<RepositoryName>().is_ok()
            && kept.tags.iter().all(|tag| tag.parse::<registry::Tag>().is_ok())
    };
    Ok(kept.filter(reads).collect())
}

/// Forgets a name.
#[expect(clippy::unused_async, reason = "all commands have one form")]
pub(crate) async fn drop_name<H: Host>(api: &Arc<Api<H>>, request: DropName) -> Result<()> {
    let host = registry(&request.host)?;
    let _one = lock(&api.names);
    let path = api.host.dirs().repositories();
    let mut known = KnownRepositories::load(&path)?;
    if known.remove(host.as_str(), &request.repository) {
        known.save(&path)?;
    }
    Ok(())
}

fn keep<H: Host>(api: &Arc<Api<H>>, host: &Registry, names: &[TypedName]) -> Result<()> {
    let _one = lock(&api.names);
    let path = api.host.dirs().repositories();
    let mut known = KnownRepositories::load(&path)?;
    let mut is_new = false;
    for name in names {
        if let Some(repository) = &name.repository {
            is_new |= known.add(host.as_str(), repository, name.tag.as_deref());
        }
    }
    if known.at(host.as_str()).count() > KEPT {
        let what = sentence!(
            "names_kept",
            "more than {most} names can't be kept for a registry",
            most = KEPT,
        );
        return Err(ApiError::field("text", what.to_string()).param("why", "many").note(what));
    }
    if is_new {
        known.save(&path)?;
    }
    Ok(())
}

fn trimmed(word: &str) -> &str {
    word.trim_matches(|c| matches!(c, '"' | '\'' | '`' | '-' | '*')).trim_end_matches('/')
}

/// A reference of this registry, or a repository's name in it, with or without tag.
fn typed(host: &Registry, word: &str) -> TypedName {
    let bare = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://"));
    let word = bare.unwrap_or(word);
    // a name alone is a name at this registry
    let within = format!("{host}/{word}");
    let read = match word.parse::<Reference>() {
        Ok(reference) if reference.registry == *host => Ok(reference),
        Ok(reference) if word.split('/').next().is_some_and(|first| first.contains(['.', ':'])) => {
            let at = reference.registry;
            let why =
                sentence!("elsewhere", "it is at another registry, {registry}", registry = &at);
            Err(("elsewhere", why))
        }
        _ => within.parse::<Reference>().map_err(|error| ("wrong", error.why)),
    };
    match read {
        Ok(reference) => TypedName {
            text: word.to_owned(),
            repository: Some(reference.repository.to_string()),
            tag: reference.tag.map(|tag| tag.to_string()),
            problem: None,
            reason: None,
        },
        Err((reason, why)) => TypedName {
            text: word.to_owned(),
            repository: None,
            tag: None,
            problem: Some(why),
            reason: Some(reason.into()),
        },
    }
}
