//! Secrets that people type or pipe: never on a command line, never shown.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _},
    path::Path,
};

use registry::Code;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{problem::Problem, say};

/// Holds the passphrase of the encrypted file.
pub(crate) const VARIABLE: &str = "IMAGE_SYNCER_PASSPHRASE";
/// Names a file that holds it, such as a container's secret.
pub(crate) const FILE_VARIABLE: &str = "IMAGE_SYNCER_PASSPHRASE_FILE";

/// More than any secret.
const MOST: u64 = 1 << 20;

/// Whether a person can be asked.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// The passphrase that the environment gives.
pub(crate) fn of_environment() -> Option<SecretString> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(passphrase) = set(VARIABLE) {
        return Some(passphrase.into());
    }
    let text = std::fs::read_to_string(set(FILE_VARIABLE)?).ok()?;
    Some(text.trim_end_matches(['\n', '\r']).to_owned().into())
}

/// The passphrase of the encrypted file, from the environment or a person. One that is not there yet is made with it:
/// then it is asked for twice.
pub(crate) fn ask(file: &Path) -> Option<SecretString> {
    of_environment().or_else(|| {
        if !is_interactive() {
            None
        } else if file.exists() {
            prompt("Passphrase of the encrypted secrets: ").ok()
        } else {
            chosen()
        }
    })
}

/// A new passphrase.
fn chosen() -> Option<SecretString> {
    say("The secrets are encrypted with a passphrase of yours. Nobody can recover it.");
    loop {
        let first = prompt("New passphrase: ").ok()?;
        if first.expose_secret().is_empty() {
            return None;
        }
        let again = prompt("The same again: ").ok()?;
        if first.expose_secret() == again.expose_secret() {
            return Some(first);
        }
        say("the two are not the same");
    }
}

/// Asks without an echo.
pub(crate) fn prompt(text: &str) -> Result<SecretString, Problem> {
    rpassword::prompt_password(text).map(SecretString::from).map_err(|error| {
        Problem::new(Code::FileFailed, format!("the terminal can't be read: {error}"))
    })
}

/// Asks for something that may be seen.
pub(crate) fn question(text: &str) -> Result<String, Problem> {
    let failed = |error: io::Error| {
        Problem::new(Code::FileFailed, format!("the terminal can't be read: {error}"))
    };
    let mut err = io::stderr().lock();
    err.write_all(text.as_bytes()).and_then(|()| err.flush()).map_err(failed)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok(line.trim().to_owned())
}

/// All of standard input but the end of its last line.
pub(crate) fn piped() -> Result<SecretString, Problem> {
    let mut text = String::new();
    io::stdin().lock().take(MOST).read_to_string(&mut text).map_err(|error| {
        Problem::config(format!("the secret on standard input can't be read: {error}"))
    })?;
    let end = text.trim_end_matches(['\n', '\r']).len();
    text.truncate(end);
    let secret = SecretString::from(text);
    if secret.expose_secret().is_empty() {
        return Err(Problem::config("there is no secret on standard input")
            .hint("Pipe it in: 'image-syncer login HOST -u USER --password-stdin < FILE'."));
    }
    Ok(secret)
}
