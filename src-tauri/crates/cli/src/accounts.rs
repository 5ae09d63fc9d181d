//! `image-syncer accounts`: what accounts there are, and making some of what docker, podman and an auth file have.

use std::{fmt::Write as _, path::Path, process::ExitCode};

use accounts::{
    Account, Accounts, Address, CredentialFiles, Links, SecretKind, SystemKeyring, Vault,
    account::shown,
    import::{self, Candidate},
    secret_kind,
};
use registry::Code;
use serde_json::{Value, json};
use store::Dirs;

use crate::{
    config, passphrase,
    problem::{Problem, Problems},
    say,
    sync::{print, warn},
};

/// A variable of the environment.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The accounts, and where everything is.
pub(crate) fn open() -> Result<(Dirs, Accounts), Problem> {
    let dirs = Dirs::of_system().ok_or_else(|| {
        Problem::config("there is no home directory, hence neither profiles nor accounts")
            .hint("Set HOME or IMAGE_SYNCER_CONFIG_DIR.")
    })?;
    let (accounts, unread) = Accounts::open(dirs.accounts());
    match unread {
        Some(error) => Err(Problem::of(&accounts::file::Error::from(error).into())),
        None => Ok((dirs, accounts)),
    }
}

/// The keyring and the encrypted file; the file where the environment gives its passphrase.
pub(crate) fn vault(dirs: &Dirs) -> Vault {
    let file = dirs.secrets();
    let vault = Vault::new(std::sync::Arc::new(SystemKeyring))
        .with_file_asking(dirs.secrets(), move || passphrase::ask(&file))
        .with_links(Links::of_system(&environment));
    if passphrase::of_environment().is_some() {
        vault.prefer_file();
    }
    vault
}

/// An address as people type it on a command line; nothing that holds a secret is taken, or repeated.
pub(crate) fn address(text: &str) -> Result<Address, Problem> {
    let typed = accounts::Typed::read(text).map_err(|error| Problem::config(error.to_string()))?;
    if typed.secret.is_some() {
        return Err(Problem::config("a secret must not stand on the command line")
            .hint("Everyone on this machine can read it there. Change it, and give the new one by --password-stdin."));
    }
    Ok(typed.address)
}

/// `accounts`
pub(crate) fn list(as_json: bool) -> Result<ExitCode, Problems> {
    let (_, accounts) = open()?;
    if as_json {
        print(&format!("{:#}\n", json!(accounts.list())));
    } else if accounts.list().is_empty() {
        say(
            "no accounts; 'image-syncer login HOST' adds one, 'image-syncer accounts import' shows the logins of others",
        );
    } else {
        print(&table(accounts.list()));
    }
    Ok(ExitCode::SUCCESS)
}

fn table(accounts: &[Account]) -> String {
    let head = ["ID", "ADDRESS", "USER", "SECRET", "WORKED", "REMARKS"].map(str::to_owned);
    let rows = accounts.iter().map(|account| {
        let user = if account.username.is_empty() { "-" } else { &account.username };
        let remarks = [
            (account.failed.is_some(), "FAILED"),
            (account.insecure, "INSECURE"),
            (account.plain_http, "PLAIN HTTP"),
            (account.proxy.is_some(), "proxy"),
            (account.trusted.is_some(), "own trust"),
            (!account.mirrors.is_empty(), "mirrors"),
            (
                accounts.iter().any(|a| a.id != account.id && a.address == account.address),
                "shared address",
            ),
        ];
        let mut remarks: Vec<_> =
            remarks.into_iter().filter_map(|(is, text)| is.then_some(text)).collect();
        if account.secret_kind != secret_kind::PASSWORD {
            remarks.insert(0, &account.secret_kind);
        }
        [
            shown(&account.id),
            account.address.to_string(),
            shown(user),
            secret(account).to_owned(),
            account.verified_at.map_or_else(|| "-".to_owned(), |at| at.to_string()),
            remarks.join(", "),
        ]
    });
    lines(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

/// Where its secret is.
fn secret(account: &Account) -> &'static str {
    match account.secret_kind.parse::<SecretKind>() {
        Ok(kind) if !kind.is_kept() => "system",
        _ => account.secret_in.as_str(),
    }
}

fn lines<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `accounts import`
pub(crate) async fn import(
    addresses: &[String],
    auth: Option<&Path>,
    all: bool,
    link: bool,
    as_json: bool,
) -> Result<ExitCode, Problems> {
    let (dirs, mut accounts) = open()?;
    let mut entries = config::auth(auth)?;
    if let Some(file) = auth {
        entries = entries.into_iter().map(|entry| import::beside(entry, file)).collect();
    }
    let files = CredentialFiles::of_system(&environment);
    let (candidates, problems) = import::candidates(&files, entries).await;
    for problem in &problems {
        warn(&problem.to_string());
    }
    if addresses.is_empty() && !all {
        show(&candidates, &accounts, as_json);
        return Ok(ExitCode::SUCCESS);
    }
    let wanted: Vec<Address> =
        addresses.iter().map(|text| address(text)).collect::<Result<_, _>>()?;
    if let Some(lost) = wanted.iter().find(|at| candidates.iter().all(|c| c.address != **at)) {
        return Err(Problem::config(format!("there is no login for {lost} to import"))
            .hint("'image-syncer accounts import' lists those that there are.")
            .into());
    }
    let vault = vault(&dirs);
    let links = Links::of_system(&environment);
    let (mut made, mut failed) = (Vec::new(), false);
    for candidate in &candidates {
        let is_wanted = wanted.contains(&candidate.address);
        if candidate.known(&accounts).is_some() {
            if is_wanted {
                say(&format!("{}: there is an account for it already", candidate.address));
            }
            continue;
        }
        if !all && !is_wanted {
            continue;
        }
        let linked = link && candidate.can_link;
        match import::take(candidate, linked, &mut accounts, &vault, &links).await {
            Ok(account) => {
                say(&format!("{}: account '{}'{}", account.address, account.id, kept(&account)));
                made.push(account);
            }
            Err(error) => {
                failed = true;
                let problem = Problem::of(&error.registry(&candidate.address.registry));
                say(problem.render().trim_end());
            }
        }
    }
    if as_json {
        print(&format!("{:#}\n", json!(made)));
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn show(candidates: &[Candidate], accounts: &Accounts, as_json: bool) {
    let known = |candidate: &Candidate| candidate.known(accounts).map(|known| known.id.clone());
    if as_json {
        let list: Vec<Value> = candidates
            .iter()
            .map(|candidate| {
                json!({ "address": candidate.address, "username": candidate.user, "source": candidate.source,
                    "canLink": candidate.can_link, "account": known(candidate) })
            })
            .collect();
        print(&format!("{:#}\n", json!(list)));
        return;
    }
    if candidates.is_empty() {
        say("no logins were found");
        return;
    }
    let head = ["ADDRESS", "USER", "SOURCE", "ACCOUNT"].map(str::to_owned);
    let rows = candidates.iter().map(|candidate| {
        [
            candidate.address.to_string(),
            candidate.user.as_deref().map_or_else(|| "-".to_owned(), shown),
            shown(&candidate.source),
            known(candidate).map_or_else(|| "-".to_owned(), |id| shown(&id)),
        ]
    });
    print(&lines(&std::iter::once(head).chain(rows).collect::<Vec<_>>()));
    say("name the ones to import, or take --all that are not there yet");
}

/// Where an account's secret is, for people.
pub(crate) fn kept(account: &Account) -> &'static str {
    use accounts::SecretPlace as Place;
    match account.secret_in {
        Place::None if secret(account) == "system" => {
            ", its secret found on this machine each time"
        }
        Place::None => ", without a secret",
        Place::Keyring => ", its secret in the system's keyring",
        Place::Memory => ", its secret in memory",
        Place::File => ", its secret in the encrypted file",
        Place::Linked => ", its secret asked for each time",
    }
}

/// The account that an id or an address and user mean.
pub(crate) fn choose<'a>(
    accounts: &'a Accounts,
    address: &'a Address,
    username: Option<&str>,
    id: Option<&str>,
) -> Result<&'a Account, Problem> {
    let unknown = |what: String| {
        Problem::new(Code::ConfigInvalid, what)
            .hint("'image-syncer accounts' lists those that there are, with their ids.")
    };
    if let Some(id) = id {
        return accounts
            .get(id)
            .filter(|account| account.address.registry == address.registry)
            .ok_or_else(|| unknown(format!("there is no account '{}' for {address}", shown(id))));
    }
    let mut fitting =
        accounts.at(address).filter(|account| username.is_none_or(|name| account.username == name));
    match (fitting.next(), fitting.next()) {
        (Some(account), None) => Ok(account),
        (None, _) => Err(unknown(format!("there is no such account for {address}"))),
        (Some(_), Some(_)) => {
            let ids: Vec<_> = accounts.at(address).map(|account| shown(&account.id)).collect();
            Err(unknown(format!("{address} has several accounts: {}", ids.join(", ")))
                .hint("Name one with --account ID."))
        }
    }
}
