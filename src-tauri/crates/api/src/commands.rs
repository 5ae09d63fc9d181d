//! The list of commands. Each is `name(request) -> answer`; the page calls `rpc(name, request)`. The router, the
//! TypeScript types and the page's idea of what exists all come from this one list.

use std::sync::Arc;

use registry::Code;
use serde_json::Value;
use ts_rs::{Config, TS};

use crate::{
    Api, Host, accounts, app, browse, demo,
    dto::{
        Account, AccountDraft, ApiError, AppInfo, BrowsePage, BrowseRequest, ByHost, ById,
        ByProfile, ByToken, CheckReport, Demo, DetailsRequest, DropName, ExportReport,
        ExportRequest, FindRequest, FolderRequest, FoundLogins, HistoryDetail, HistoryPage,
        HistoryRequest, ImageDetails, ImportReport, ImportRequest, KeptName, KeyringStatus,
        LimitsRequest, LogPage, LogRequest, MoreRequest, NamesRequest, PartsRequest,
        PassphraseRequest, PickRequest, Preview, PreviewRequest, Profile, ProfileSummary,
        RenameRequest, ReportRequest, RetryRequest, RuleProblem, RunInfo, Settings, StartRequest,
        TakeRequest, Taken, TestRequest, TypedName, VerifyReport,
    },
    error::Result,
    history, logins, names,
    profiles::{self, export, import, preview},
    providers::{self, Provider},
    runs,
    typescript::Types,
};

/// A command, for lists of them.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// `accounts.save`
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    pub(crate) request: fn(&Config) -> String,
    pub(crate) answer: fn(&Config) -> String,
}

macro_rules! commands {
    ($($(#[doc = $doc:literal])+ $name:literal => $module:ident::$handler:ident($request:ty) -> $answer:ty;)*) => {
        /// Every command.
        pub const COMMANDS: &[Command] = &[$(Command {
            name: $name,
            doc: concat!($($doc, "\n"),+),
            request: <$request as TS>::name,
            answer: <$answer as TS>::name,
        }),*];

        impl<H: Host> Api<H> {
            /// Finds a command, reads its request, runs it, and writes its answer.
            pub(crate) async fn route(self: &Arc<Self>, name: &str, request: Value) -> Result<Value> {
                match name {
                    $($name => {
                        let request: $request = read(name, request)?;
                        // each may be large; all of them together would be
                        let answer: $answer = Box::pin($module::$handler(self, request)).await?;
                        write(name, &answer)
                    })*
                    _ => Err(ApiError::new(Code::Internal, "there is no such command")),
                }
            }
        }

        pub(crate) fn types(types: &mut Types<'_>) {
            $(types.add::<$request>(); types.add::<$answer>();)*
        }
    };
}

commands! {
    /// What the page must know at its start.
    "app.info" => app::info(()) -> AppInfo;
    /// What the user has set.
    "settings.get" => app::settings(()) -> Settings;
    /// Sets it.
    "settings.set" => app::set_settings(Settings) -> Settings;
    /// Shows a notification as the end of a run would.
    "settings.tryNotification" => app::try_notification(()) -> ();
    /// Whether secrets can be kept. Never asks the user anything.
    "keyring.status" => app::keyring_status(()) -> KeyringStatus;
    /// Tries the keyring again; the system may ask the user for its password.
    "keyring.retry" => app::keyring_retry(()) -> KeyringStatus;
    /// From here on secrets live in memory until the app ends.
    "keyring.useMemory" => app::keyring_use_memory(()) -> KeyringStatus;
    /// Opens the encrypted file of secrets, or makes it; from here on secrets are kept there.
    "keyring.useFile" => app::keyring_use_file(PassphraseRequest) -> KeyringStatus;
    /// Every account.
    "accounts.list" => accounts::list(()) -> Vec<Account>;
    /// Adds an account or changes the one with the id. Its secret goes to the keyring.
    "accounts.save" => accounts::save(AccountDraft) -> Account;
    /// Removes an account and its secret.
    "accounts.remove" => accounts::remove(ById) -> ();
    /// Tests the connection; steps come as `check` events too.
    "accounts.test" => accounts::test(TestRequest) -> CheckReport;
    /// The logins that docker, podman and an auth file have on this machine; no secret is read.
    "accounts.find" => logins::find(FindRequest) -> FoundLogins;
    /// Makes accounts of them: their secrets copied from keyring to keyring, or linked.
    "accounts.take" => logins::take(TakeRequest) -> Taken;
    /// Opens a list of repositories or tags: what is known of it, or its first page.
    "browse.open" => browse::open(BrowseRequest) -> BrowsePage;
    /// Another page of a list.
    "browse.more" => browse::more(MoreRequest) -> BrowsePage;
    /// Looks into one image.
    "browse.details" => browse::details(DetailsRequest) -> ImageDetails;
    /// Nobody waits any more for the request with this token; it ends with `cancelled`.
    "browse.cancel" => browse::cancel(ByToken) -> ();
    /// Forgets a list.
    "browse.forget" => browse::forget(ById) -> ();
    /// Reads names of repositories that were typed or pasted, and keeps those that are right.
    "browse.names" => names::names(NamesRequest) -> Vec<TypedName>;
    /// The names that were kept for a registry.
    "browse.kept" => names::kept(ByHost) -> Vec<KeptName>;
    /// Forgets one of them.
    "browse.drop" => names::drop_name(DropName) -> ();
    /// The registries that people use, in the order for the language.
    "providers.list" => providers::list(()) -> Vec<Provider>;
    /// Every profile, also those whose file can't be read.
    "profiles.list" => profiles::list(()) -> Vec<ProfileSummary>;
    /// One profile.
    "profiles.get" => profiles::get(ById) -> Profile;
    /// What is wrong with a profile as it is typed.
    "profiles.check" => profiles::check(Profile) -> Vec<RuleProblem>;
    /// Saves a profile; one without an id is new.
    "profiles.save" => profiles::save(Profile) -> Profile;
    /// What a rule would copy, from lists alone: those of this session, or asked for.
    "profiles.preview" => preview::preview(PreviewRequest) -> Preview;
    /// Gives a profile another name; its id stays.
    "profiles.rename" => profiles::rename(RenameRequest) -> Profile;
    /// Makes a copy under another name.
    "profiles.duplicate" => profiles::duplicate(ById) -> Profile;
    /// Removes a profile.
    "profiles.remove" => profiles::remove(ById) -> ();
    /// Makes a profile, and accounts, from the original image-syncer's files; or a profile from a file of our own.
    "profiles.import" => import::import(ImportRequest) -> ImportReport;
    /// Saves a profile's file where the user says; the path, or `null` when they changed their mind.
    "profiles.exportFile" => export::file(ById) -> Option<String>;
    /// A profile as an images file of the original image-syncer, and what that can't say.
    "profiles.exportOriginal" => export::original(ExportRequest) -> ExportReport;
    /// The command line that does the same as a profile.
    "profiles.command" => profiles::command(ById) -> String;
    /// A path from the system's file dialog; `null` when the user changed their mind.
    "files.pick" => app::pick_file(PickRequest) -> Option<String>;
    /// Opens a folder of the app in the system's file manager.
    "files.open" => app::open_folder(FolderRequest) -> ();
    /// Compares: a run that writes nothing.
    "runs.plan" => runs::plan(ByProfile) -> RunInfo;
    /// Starts to copy, all but what is switched off by hand.
    "runs.start" => runs::start(StartRequest) -> RunInfo;
    /// Runs again what failed, or some images, of a run that has ended.
    "runs.retry" => runs::retry(RetryRequest) -> RunInfo;
    /// Takes up a run that was interrupted: what is there already is skipped.
    "runs.continue" => runs::take_up(ById) -> RunInfo;
    /// From here on no request begins and nothing is read; a `run` event tells.
    "runs.pause" => runs::pause(ById) -> ();
    /// Goes on.
    "runs.resume" => runs::resume(ById) -> ();
    /// Sets the limits of a run that goes on.
    "runs.limits" => runs::limits(LimitsRequest) -> ();
    /// Ends a plan or run cleanly; it is over when its `run` event says so.
    "runs.cancel" => runs::cancel(ById) -> ();
    /// The plans and runs of this session, newest first.
    "runs.list" => runs::list(()) -> Vec<RunInfo>;
    /// Everything about one of them at this moment.
    "runs.snapshot" => runs::snapshot(ById) -> engine::Snapshot;
    /// What one image of a plan or run is made of, and how far its blobs have got; `null` until it is compared.
    "runs.parts" => runs::parts(PartsRequest) -> Option<engine::ImageParts>;
    /// Saves the report of a run that has ended where the user says; the path, or `null` when they changed their mind.
    "runs.export" => runs::export(ReportRequest) -> Option<String>;
    /// Looks at the destinations of a run that has ended: whether every manifest and blob is there. Takes long.
    "runs.verify" => runs::verify(ById) -> VerifyReport;
    /// Runs that have ended, of all sessions and of the command line, newest first.
    "history.list" => history::list(HistoryRequest) -> HistoryPage;
    /// One of them with its grid.
    "history.get" => history::get(ById) -> HistoryDetail;
    /// Its log.
    "history.log" => history::log(LogRequest) -> LogPage;
    /// Forgets it.
    "history.remove" => history::remove(ById) -> ();
    /// Starts the demo's two registries, once.
    "demo.start" => demo::start(()) -> Demo;
}

fn read<T: serde::de::DeserializeOwned>(name: &str, request: Value) -> Result<T> {
    // serde's own words would repeat the value, which may be a secret
    serde_json::from_value(request).map_err(|_| {
        ApiError::new(Code::Internal, format!("the request of '{name}' has not the right form"))
    })
}

fn write<T: serde::Serialize>(name: &str, answer: &T) -> Result<Value> {
    serde_json::to_value(answer).map_err(|error| {
        ApiError::new(Code::Internal, format!("the answer of '{name}' can't be written: {error}"))
    })
}
