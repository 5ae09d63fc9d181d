//! What was typed, understood.

use std::path::{Path, PathBuf};

use ::accounts::{
    Account, Accounts, Address, Create, SecretKind, SecretPlace, Trusted, Typed, import,
    secret_kind,
};
use registry::{Code, Fingerprint};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::{
    Api, Host,
    app::lock,
    dto::{self, AccountDraft, ApiError},
    error::Result,
};

/// More than any key.
const MOST: u64 = 64 * 1024;

/// A draft, understood: the account as it will be, and its new secrets, if any were typed.
pub(super) struct Drafted {
    pub(super) account: Account,
    pub(super) secret: Option<SecretString>,
    pub(super) proxy_password: Option<SecretString>,
}

/// The account that a draft changes.
pub(super) fn old(accounts: &Accounts, draft: &AccountDraft) -> Result<Option<Account>> {
    let Some(id) = draft.id.as_deref().filter(|id| !id.is_empty()) else { return Ok(None) };
    match accounts.get(id) {
        Some(account) => Ok(Some(account.clone())),
        None => Err(ApiError::gone("account")),
    }
}

/// Whether there is no secret for the account: it is meant to be nobody, or its kind finds it on the system.
pub(super) fn needs_no_secret(account: &Account) -> bool {
    if account.secret_in == SecretPlace::Linked {
        return false;
    }
    let is_kept = account.secret_kind.parse().is_ok_and(SecretKind::is_kept);
    !is_kept || (account.username.is_empty() && account.secret_kind == secret_kind::PASSWORD)
}

pub(super) fn understand<H: Host>(
    api: &Api<H>,
    draft: AccountDraft,
    old: Option<&Account>,
) -> Result<Drafted> {
    let typed = Typed::read(&draft.address)?;
    let username = match draft.username.trim() {
        "" => typed.username.unwrap_or_default(),
        name => name.to_owned(),
    };
    let kind = match draft.secret_kind.trim() {
        "" => SecretKind::Password,
        text => text.parse().map_err(|why| {
            ApiError::field("secretKind", format!("the kind of the secret can't be used: {why}"))
        })?,
    };
    let from_file =
        match draft.secret_file.as_deref().map(str::trim).filter(|path| !path.is_empty()) {
            Some(path) => Some(secret_of_file(api, Path::new(path))?),
            None => None,
        };
    let secret = draft.secret.filter(|secret| !secret.expose_secret().is_empty());
    // of some kinds there is none
    let secret = from_file.or(secret).or(typed.secret).filter(|_| kind.is_kept());
    // a JSON key and a token come without a name; an access key is nothing without its id
    let needs_user = match kind {
        SecretKind::Password => secret.is_some(),
        kind => kind.has_user(),
    };
    if needs_user && username.is_empty() {
        return Err(ApiError::field("username", "a secret needs a user name")
            .param("why", "needed")
            .hint("Where a registry takes tokens alone, its documentation says which user name goes with them."));
    }
    let name = match draft.name.trim() {
        "" => typed.address.to_string(),
        name => name.to_owned(),
    };
    let path = |text: Option<String>| {
        text.filter(|path| !path.trim().is_empty()).map(|path| PathBuf::from(path.trim()))
    };
    let (proxy, proxy_password) = understand_proxy(draft.proxy.as_ref())?;
    let mirrors = draft.mirrors.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    let mirrors = mirrors.map(|text| {
        text.parse::<Address>().map_err(|error| ApiError::field("mirrors", error.to_string()))
    });
    // where the API and its path are belongs to the address
    let at_the_same = old.filter(|old| old.address.registry == typed.address.registry);
    let settings = draft.settings.into_iter().map(|(name, value)| (name, value.trim().to_owned()));
    let account = Account {
        name,
        username,
        provider: draft.provider.trim().to_owned(),
        settings: settings.filter(|(_, value)| !value.is_empty()).collect(),
        secret_kind: kind.as_str().to_owned(),
        insecure: draft.insecure,
        plain_http: draft.plain_http,
        ca_file: path(draft.ca_file),
        trusted: draft.trusted.map(trusted).transpose()?,
        client_cert: path(draft.client_cert),
        client_key: path(draft.client_key),
        proxy_secret_in: old.map_or(SecretPlace::None, |old| old.proxy_secret_in),
        proxy,
        mirrors: mirrors.collect::<Result<_>>()?,
        limit: draft.limit.map(|limit| limit as usize),
        secret_in: old.map_or(SecretPlace::None, |old| old.secret_in),
        link: old.and_then(|old| old.link.clone()),
        api: match draft.api.as_deref().map(str::trim) {
            None => at_the_same.and_then(|old| old.api.clone()),
            Some("") => None,
            Some(text) => Some(api_address(text)?),
        },
        path_prefix: match draft.path_prefix.as_deref().map(|path| path.trim().trim_matches('/')) {
            None => at_the_same.and_then(|old| old.path_prefix.clone()),
            Some("") => None,
            Some(path) => Some(path.to_owned()),
        },
        // how is not in the form
        create: match (draft.creates, old.map(|old| &old.create)) {
            (None, Some(old)) => old.clone(),
            (Some(true), Some(old)) if !old.is_none() => old.clone(),
            (creates, _) => Create::Asked(creates == Some(true)),
        },
        ..Account::new(old.map(|old| old.id.clone()).unwrap_or_default(), typed.address)
    };
    if let Some(old) = old
        && secret.is_none()
    {
        still_fits(&account, old)?;
    }
    Ok(Drafted { account, secret, proxy_password })
}

/// Whether the stored secret may go on being the account's.
fn still_fits(account: &Account, old: &Account) -> Result<()> {
    if needs_no_secret(account) || old.secret_in == SecretPlace::None {
        return Ok(());
    }
    // else whoever can change an address could send the secret anywhere
    if old.address.registry != account.address.registry {
        return Err(ApiError::field(
            "secret",
            "the stored secret belongs to the account's former address",
        )
        .param("why", "moved")
        .hint("Enter the secret again."));
    }
    // where a sign-in goes besides the registry
    let endpoint = |account: &Account| account.settings.get("endpoint").cloned();
    if (account.api.is_some() && old.api != account.api)
        || (endpoint(account).is_some() && endpoint(old) != endpoint(account))
    {
        return Err(ApiError::field("secret", "the stored secret was not meant for this address")
            .param("why", "moved")
            .hint("Enter the secret again."));
    }
    // who carries it there, where the registry's certificate proves nothing or is not the one that it was
    if account.proxy.is_some()
        && ways(account) != ways(old)
        && (account.insecure
            || account.plain_http
            || account.trusted.is_some()
            || account.ca_file.is_some())
    {
        return Err(ApiError::field("secret", "the stored secret was not meant for this way")
            .param("why", "moved")
            .hint("Enter the secret again: the proxy could read it."));
    }
    if old.secret_kind != account.secret_kind {
        return Err(ApiError::field("secret", "the stored secret is of another kind")
            .param("why", "kind")
            .hint("Enter the secret."));
    }
    Ok(())
}

/// What decides who can read what is sent to a registry.
fn ways(account: &Account) -> impl PartialEq + use<> {
    let Account { insecure, plain_http, trusted, ca_file, proxy, .. } = account.clone();
    (insecure, plain_http, trusted, ca_file, proxy)
}

/// What is in a file that the user has picked. A path that the page alone names is not read: it could be any file.
fn secret_of_file<H: Host>(api: &Api<H>, path: &Path) -> Result<SecretString> {
    use std::io::Read as _;
    let failed = |why: String| {
        ApiError::new(Code::FileFailed, format!("{} can't be read: {why}", path.display()))
            .param("field", "secret")
            .param("path", path.display())
            .hint("Pick the file again, or paste what is in it.")
    };
    if !lock(&api.picked).contains(path) {
        return Err(failed("it was not picked".into()));
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    file.take(MOST + 1).read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
    if text.len() as u64 > MOST {
        return Err(failed("it is too big for a key".into()));
    }
    if text.trim().is_empty() {
        return Err(failed("it is empty".into()));
    }
    text.truncate(text.trim_end().len());
    Ok(text.into())
}

fn api_address(text: &str) -> Result<Url> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    // a login belongs into the account's own fields, and a query means nothing
    let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
    url.filter(|url| url.has_host() && url.query().is_none()).ok_or_else(|| {
        ApiError::field("api", "the API's address can't be read")
            .hint("Write https://host, or https://host/path.")
    })
}

/// A proxy's address as it was typed, and the password in it. No error repeats the text.
fn understand_proxy(text: Option<&SecretString>) -> Result<(Option<Url>, Option<SecretString>)> {
    let text = text.map(|text| text.expose_secret().trim()).filter(|text| !text.is_empty());
    let Some(text) = text else { return Ok((None, None)) };
    let wrong = || {
        ApiError::field("proxy", "the proxy's address can't be read")
            .hint("Write http://host:port, https://host:port or socks5://host:port.")
    };
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    Ok(import::without_password(&Url::parse(&text).map_err(|_| wrong())?))
}

fn trusted(told: dto::Trusted) -> Result<Trusted> {
    let sha256: Fingerprint =
        told.sha256.parse().map_err(|error| ApiError::field("trusted", format!("{error}")))?;
    match told.kind.as_str() {
        "certificate" => Ok(Trusted::Certificate { sha256, subject: told.subject }),
        "ca" => Ok(Trusted::Ca { sha256, subject: told.subject, pem: told.pem }),
        _ => Err(ApiError::field("trusted", "there is no such kind of trust")),
    }
}
