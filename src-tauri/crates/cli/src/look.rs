//! Looking around: `ls` and `tags`. Entries are printed page by page as they come; nothing is kept.

use std::{io::Write as _, process::ExitCode, sync::Arc};

use accounts::{Address, AuthEntry};
use indicatif::DecimalBytes;
use registry::{
    Client, ClientOptions, Entry, EntryKind, InvalidReference, Reference, Registry, TagEntry, shown,
};
use serde::Serialize;

use crate::{
    args::{LogFormat, LookFlags},
    config,
    insecure::Insecure,
    log,
    problem::{Problem, Problems},
    say,
};

/// What all commands that look around share.
pub(crate) struct Around {
    pub(crate) client: Client,
    pub(crate) json: bool,
    limit: usize,
}

/// Reads `HOST[/NAMESPACE]`.
pub(crate) fn place(text: &str) -> Result<Address, Problem> {
    let bare = text.trim_end_matches('/');
    bare.parse().map_err(|error: accounts::InvalidAddress| {
        Problem::config(error.to_string())
            .hint("Name a registry, as in quay.io, or one of its namespaces, as in quay.io/team.")
    })
}

/// Reads a repository; a tag or digest is not wanted here.
pub(crate) fn repository(text: &str) -> Result<Reference, Problem> {
    let reference = reference(text)?;
    if reference.tag.is_some() || reference.digest.is_some() {
        return Err(Problem::config(format!("'{text}' names one image, not a repository"))
            .hint("Leave the tag and the digest away, or use 'image-syncer inspect'."));
    }
    Ok(reference)
}

/// Reads a reference.
pub(crate) fn reference(text: &str) -> Result<Reference, Problem> {
    text.parse().map_err(|error: InvalidReference| {
        Problem::config(error.to_string())
            .hint("Write registry/repository:tag, as in quay.io/team/app:v1.")
    })
}

/// Starts the log and reads the logins of the auth file. What can be wrong is found before anything is contacted.
pub(crate) fn start(look: &LookFlags) -> Result<Vec<AuthEntry>, Problems> {
    log::start_at(look.verbose, None, LogFormat::Text)?;
    config::auth(look.auth.as_deref())
}

impl Around {
    /// With the logins of the auth file, the accounts, and docker and podman, as a sync has them.
    pub(crate) async fn new(
        look: &LookFlags,
        auth: Vec<AuthEntry>,
        registry: &Registry,
    ) -> Result<Self, Problems> {
        let access = config::access(auth, &look.accounts, std::slice::from_ref(registry)).await?;
        let registries = look.insecure.clone();
        let access = Insecure { registries, others: Arc::new(access) };
        let client = Client::new(ClientOptions::default(), Arc::new(access));
        Ok(Self { client, json: look.json, limit: look.limit.unwrap_or(usize::MAX) })
    }

    /// `ls HOST[/NAMESPACE]`
    pub(crate) async fn ls(self, place: Address) -> Result<ExitCode, Problems> {
        let namespace = place.namespace.as_ref().map(registry::RepositoryName::as_str);
        let mut pages = self.client.browse(&place.registry, namespace);
        let mut list = List::new(self.json, self.limit);
        let ended = loop {
            match pages.next().await {
                Ok(Some(page)) => {
                    if !list.add(&page) {
                        break Ok(());
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        Ok(list.end(ended, "nothing is listed there"))
    }

    /// `tags REPOSITORY`
    pub(crate) async fn tags(self, repository: Reference) -> Result<ExitCode, Problems> {
        let mut pages = self.client.browse_tags(&repository.registry, &repository.repository);
        let mut list = List::new(self.json, self.limit);
        let ended = loop {
            match pages.next().await {
                Ok(Some(page)) => {
                    if !list.add(&page) {
                        break Ok(());
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        Ok(list.end(ended, "the repository has no tags"))
    }
}

/// An error of a registry, after which the program ends with status 1.
pub(crate) fn failed(error: &registry::Error) -> ExitCode {
    say(Problem::of(error).render().trim_end());
    ExitCode::FAILURE
}

/// A row of a table.
trait Row: Serialize {
    const HEAD: &'static [&'static str];
    fn cells(&self) -> Vec<String>;
}

impl Row for Entry {
    const HEAD: &'static [&'static str] = &["NAME", "KIND", "COUNT", "SIZE", "UPDATED"];

    fn cells(&self) -> Vec<String> {
        let kind = match self.kind {
            EntryKind::Namespace => "namespace",
            EntryKind::Repository => "repository",
            EntryKind::Either => "repository or namespace",
        };
        vec![
            shown(&self.name).into_owned(),
            kind.into(),
            self.count.map(|count| count.to_string()).unwrap_or_default(),
            size(self.size),
            time(self.updated.or(self.created)),
        ]
    }
}

impl Row for TagEntry {
    const HEAD: &'static [&'static str] = &["TAG", "SIZE", "PUSHED", "PLATFORMS", "DIGEST"];

    fn cells(&self) -> Vec<String> {
        let platforms: Vec<_> = self.platforms.iter().map(ToString::to_string).collect();
        vec![
            shown(&self.name).into_owned(),
            size(self.size),
            time(self.pushed.or(self.created)),
            shown(&platforms.join(",")).into_owned(),
            self.digest.as_ref().map(ToString::to_string).unwrap_or_default(),
        ]
    }
}

pub(crate) fn size(bytes: Option<u64>) -> String {
    bytes.map(|bytes| DecimalBytes(bytes).to_string()).unwrap_or_default()
}

/// `2026-01-02 03:04`, in UTC.
pub(crate) fn time(time: Option<impl ToString>) -> String {
    let text = time.map(|time| time.to_string()).unwrap_or_default();
    text.get(..16).unwrap_or_default().replace('T', " ")
}

/// A list that is printed as it comes.
struct List {
    json: bool,
    left: usize,
    printed: usize,
    /// The columns that the first page has something for, and how wide they are.
    columns: Vec<(usize, usize)>,
    gone: bool,
}

impl List {
    fn new(json: bool, limit: usize) -> Self {
        Self { json, left: limit, printed: 0, columns: Vec::new(), gone: false }
    }

    /// Prints a page. Says whether more is wanted.
    fn add<T: Row>(&mut self, page: &[T]) -> bool {
        let page = &page[..page.len().min(self.left)];
        self.left -= page.len();
        let text = if self.json { self.json(page) } else { self.table(page) };
        self.print(&text);
        self.left > 0 && !self.gone
    }

    fn print(&mut self, text: &str) {
        let mut out = std::io::stdout().lock();
        // a reader that went away wants no more
        self.gone |= out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err();
    }

    fn json<T: Row>(&mut self, page: &[T]) -> String {
        let mut text = String::new();
        for entry in page {
            text.push_str(if self.printed == 0 { "[\n  " } else { ",\n  " });
            // plain data: it always can be
            text.push_str(&serde_json::to_string(entry).unwrap_or_default());
            self.printed += 1;
        }
        text
    }

    fn table<T: Row>(&mut self, page: &[T]) -> String {
        let rows: Vec<Vec<String>> = page.iter().map(Row::cells).collect();
        let mut text = String::new();
        if self.printed == 0 && !rows.is_empty() {
            let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max();
            let told = (0..T::HEAD.len()).filter_map(|at| Some((at, width(at)?)));
            self.columns = told
                .filter(|(at, width)| *width > 0 || *at == 0)
                .map(|(at, width)| (at, width.max(T::HEAD[at].len())))
                .collect();
            let head: Vec<String> = T::HEAD.iter().map(ToString::to_string).collect();
            self.line(&head, &mut text);
        }
        for row in &rows {
            self.line(row, &mut text);
            self.printed += 1;
        }
        text
    }

    fn line(&self, row: &[String], text: &mut String) {
        let start = text.len();
        for (at, width) in &self.columns {
            if text.len() > start {
                text.push_str("  ");
            }
            text.push_str(&row[*at]);
            let fill = width.saturating_sub(row[*at].chars().count());
            text.extend(std::iter::repeat_n(' ', fill));
        }
        text.truncate(start + text[start..].trim_end().len());
        text.push('\n');
    }

    fn end(mut self, ended: registry::Result<()>, empty: &str) -> ExitCode {
        if self.json {
            let end = if self.printed == 0 { "[]\n" } else { "\n]\n" };
            self.print(end);
        }
        if let Err(error) = ended {
            return failed(&error);
        }
        if self.printed == 0 {
            say(empty);
        }
        ExitCode::SUCCESS
    }
}
