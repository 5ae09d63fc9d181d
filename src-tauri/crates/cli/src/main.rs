//! The headless `image-syncer`: the original's flags and files, our engine.
//!
//! `args` reads flags, `config` makes rules and logins of them, `sync` runs; everything that is said on a terminal is
//! here and in `progress`, `table` and `problem`.

mod accounts;
mod args;
mod check;
mod config;
mod demo;
mod history;
mod insecure;
mod inspect;
mod keyring;
mod log;
mod login;
mod logout;
mod look;
mod output;
mod passphrase;
mod problem;
mod progress;
mod rate;
mod record;
mod sync;
mod table;
mod terminal;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, error::ErrorKind};

use crate::{
    args::{AccountsCommand, Cli, Command},
    problem::{Problem, Problems},
};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error)
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) =>
        {
            sync::print(&error.render().to_string());
            return ExitCode::SUCCESS;
        }
        Err(error) => return usage(&problem::usage(&error).into()),
    };
    match run(cli) {
        Ok(code) => code,
        Err(problems) => usage(&problems),
    }
}

/// Nothing was contacted: status 2.
fn usage(problems: &Problems) -> ExitCode {
    for problem in &problems.0 {
        say(problem.render().trim_end());
    }
    ExitCode::from(2)
}

fn run(cli: Cli) -> Result<ExitCode, Problems> {
    let Cli { files, sync: flags, command } = cli;
    match command {
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "image-syncer", &mut script);
            sync::print(&String::from_utf8_lossy(&script));
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Man) => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(|error| {
                Problem::new(registry::Code::Internal, format!("the manual page: {error}"))
            })?;
            sync::print(&String::from_utf8_lossy(&page));
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Login(flags)) => on_runtime(login::login(*flags)),
        Some(Command::Logout { address, username, account }) => {
            on_runtime(logout::logout(&address, username.as_deref(), account.as_deref()))
        }
        Some(Command::Accounts { json, command: None }) => accounts::list(json),
        Some(Command::Accounts {
            json,
            command: Some(AccountsCommand::Import { addresses, auth, all, link }),
        }) => on_runtime(async move {
            accounts::import(&addresses, auth.as_deref(), all, link, json).await
        }),
        Some(Command::Check { address, repository, account, auth, json }) => {
            on_runtime(async move {
                let repository = repository.as_deref();
                check::check(&address, repository, account.as_deref(), auth.as_deref(), json).await
            })
        }
        Some(Command::History { list, command: None }) => history::list(&list),
        Some(Command::History { command: Some(command), .. }) => history::run(command),
        Some(Command::Demo) => on_runtime(demo::demo()),
        Some(Command::Run { profile, sync }) => {
            log::start(&sync)?;
            on_runtime(async {
                let work = config::profile(&profile, &sync).await?;
                sync::sync(work, &sync).await
            })
        }
        Some(Command::Copy { source, destinations, sync }) => {
            log::start(&sync)?;
            let read = config::copy(&source, &destinations, &sync)?;
            on_runtime(async { sync::sync(config::work(read, &sync).await?, &sync).await })
        }
        Some(Command::Ls { place, look }) => {
            let auth = look::start(&look)?;
            let place = look::place(&place)?;
            on_runtime(async move {
                look::Around::new(&look, auth, &place.registry).await?.ls(place).await
            })
        }
        Some(Command::Tags { repository, look }) => {
            let auth = look::start(&look)?;
            let reference = look::repository(&repository)?;
            on_runtime(async move {
                look::Around::new(&look, auth, &reference.registry).await?.tags(reference).await
            })
        }
        Some(Command::Inspect { reference, raw, look }) => {
            let auth = look::start(&look)?;
            let reference = look::reference(&reference)?;
            on_runtime(async move {
                let around = look::Around::new(&look, auth, &reference.registry).await?;
                inspect::inspect(around, reference, raw).await
            })
        }
        None => {
            log::start(&flags)?;
            let read = config::files(&files, &flags)?;
            on_runtime(async { sync::sync(config::work(read, &flags).await?, &flags).await })
        }
    }
}

/// The runtime is started only for what needs it, so that `--version` and usage errors take no time.
fn on_runtime(
    work: impl Future<Output = Result<ExitCode, Problems>>,
) -> Result<ExitCode, Problems> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
            Problem::new(registry::Code::Internal, format!("no threads to work with: {error}"))
        })?;
    let result = runtime.block_on(work);
    // What still hangs (a name look-up, a cancelled upload) must not hold the exit back.
    runtime.shutdown_background();
    result
}

/// Standard error is for people.
pub(crate) fn say(text: &str) {
    use std::io::Write as _;
    let _ = progress::aside(|| writeln!(std::io::stderr().lock(), "{text}"));
}
