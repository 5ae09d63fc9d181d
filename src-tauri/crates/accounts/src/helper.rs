//! Credential helpers: programs named `docker-credential-<name>` that keep secrets, by the protocol of
//! `docker-credential-helpers`: the registry on standard input, JSON on standard output.

use std::{
    collections::HashMap, ffi::OsString, fmt, io, process::Stdio, sync::Arc, time::Duration,
};

use registry::{Code, Credential, Error, Result};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
    sync::Mutex,
    time::Instant,
};

/// More than any answer: an answer is a name and a token.
const ANSWER_MAX: u64 = 1 << 20;

/// How long a failure is remembered: a helper that hangs must not hang for each repository anew.
const FAILURE_LIFE: Duration = Duration::from_mins(1);

/// A helper's name, checked: it becomes part of a program's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HelperName(String);

impl HelperName {
    /// Only what can't leave the directory that the program is in.
    pub(crate) fn new(name: &str) -> Result<Self> {
        let allowed =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
        if !name.is_empty() && name.bytes().all(allowed) {
            return Ok(Self(name.to_owned()));
        }
        Err(Error::new(
            Code::HelperFailed,
            format!("'{}' is no name of a credential helper", name.escape_debug()),
        )
        .hint("Write the part after 'docker-credential-', such as 'osxkeychain'."))
    }
}

impl fmt::Display for HelperName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "docker-credential-{}", self.0)
    }
}

/// A helper and what it was asked about.
type Question = (HelperName, String);
type Answer = Arc<Mutex<Option<(Instant, Result<Option<Credential>>)>>>;

/// Runs helpers, and remembers what they said.
#[derive(Debug)]
pub(crate) struct Helpers {
    /// `$PATH` to find them by.
    path: Option<OsString>,
    timeout: Duration,
    answers: Mutex<HashMap<Question, Answer>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: SecretString,
}

impl Helpers {
    pub(crate) fn new(path: Option<OsString>, timeout: Duration) -> Self {
        Self { path, timeout, answers: Mutex::default() }
    }

    /// What a helper has for a server. `None`: it knows nothing. With `renew` it is asked again, unless somebody else's
    /// renewal was under way already.
    pub(crate) async fn get(
        &self,
        name: &HelperName,
        server: &str,
        renew: bool,
    ) -> Result<Option<Credential>> {
        let asked_at = Instant::now();
        let answer = {
            let mut answers = self.answers.lock().await;
            Arc::clone(answers.entry((name.clone(), server.to_owned())).or_default())
        };
        let mut answer = answer.lock().await;
        match &*answer {
            Some((at, Ok(credential))) if !renew || *at >= asked_at => {
                return Ok(credential.clone());
            }
            Some((at, Err(error))) if at.elapsed() < FAILURE_LIFE => return Err(error.clone()),
            _ => {}
        }
        let got = match self.run(name, "get", server).await {
            Ok(Some(output)) => read(name, &output),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        *answer = Some((Instant::now(), got.clone()));
        got
    }

    /// The servers that a helper knows, with user names.
    pub(crate) async fn list(&self, name: &HelperName) -> Result<Vec<(String, String)>> {
        let Some(output) = self.run(name, "list", "").await? else { return Ok(Vec::new()) };
        let servers: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&output).map_err(|_| rubbish(name))?;
        Ok(servers
            .into_iter()
            .map(|(server, user)| (server, user.as_str().unwrap_or_default().to_owned()))
            .collect())
    }

    /// Runs a helper and gives its output; `None` where it says that it has nothing.
    async fn run(&self, name: &HelperName, action: &str, input: &str) -> Result<Option<Vec<u8>>> {
        let failed = |what: String| {
            Error::new(Code::HelperFailed, format!("the credential helper {name} {what}"))
        };
        let mut command = Command::new(name.to_string());
        command
            .arg(action)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        // a group of its own, so that what it has started ends with it
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| {
            let hint = "Install it, or remove it from 'credHelpers' and 'credsStore' in docker's config.json.";
            let what = match error.kind() {
                io::ErrorKind::NotFound => "is not in $PATH",
                _ => "could not be started",
            };
            failed(what.into()).cause(&error).hint(hint)
        })?;
        let group = Group::of(&child);
        let talk = async {
            if let Some(mut stdin) = child.stdin.take() {
                // a helper that needs no input may have closed it
                let _ = stdin.write_all(input.as_bytes()).await;
            }
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let stdout = child.stdout.take();
            let stderr = child.stderr.take();
            let read_out = async {
                match stdout {
                    Some(pipe) => pipe.take(ANSWER_MAX).read_to_end(&mut out).await.map(drop),
                    None => Ok(()),
                }
            };
            let read_err = async {
                match stderr {
                    Some(pipe) => pipe.take(ANSWER_MAX).read_to_end(&mut err).await.map(drop),
                    None => Ok(()),
                }
            };
            let (read_out, read_err, status) = tokio::join!(read_out, read_err, child.wait());
            read_out.and(read_err)?;
            io::Result::Ok((status?, out, err))
        };
        let Ok(talk) = tokio::time::timeout(self.timeout, talk).await else {
            drop(group);
            let what = format!("did not answer within {} s", self.timeout.as_secs_f64());
            return Err(failed(what)
                .hint(format!("Run 'echo REGISTRY | {name} get' to see what it waits for.")));
        };
        group.ended();
        let (status, out, err) =
            talk.map_err(|error| failed("could not be talked with".into()).cause(&error))?;
        if status.success() {
            return Ok(Some(out));
        }
        // by the protocol, a helper that fails says why on standard output
        let said = [&out, &err].map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
        let nothing =
            ["credentials not found", "no credentials server URL", "no credentials username"];
        if said.iter().any(|text| nothing.iter().any(|nothing| text.contains(nothing))) {
            return Ok(None);
        }
        let said = said.iter().find_map(|text| text.lines().next()).unwrap_or("it said nothing");
        let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
        Err(failed(format!("failed ({status}): {said}"))
            .hint(format!("Run 'echo REGISTRY | {name} get' to see what is wrong.")))
    }
}

fn read(name: &HelperName, output: &[u8]) -> Result<Option<Credential>> {
    // the output may be a secret in a wrong form: no error repeats it
    let wire: Wire = serde_json::from_slice(output).map_err(|_| rubbish(name))?;
    let has_secret = !secrecy::ExposeSecret::expose_secret(&wire.secret).is_empty();
    Ok(match wire.username.as_str() {
        "" if !has_secret => None,
        "<token>" => Some(Credential::IdentityToken(wire.secret)),
        _ => Some(Credential::Basic { username: wire.username, password: wire.secret }),
    })
}

/// The processes of a helper: killed all together when it is given up, and when nobody waits for it any more.
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

impl Group {
    #[cfg(unix)]
    fn of(child: &tokio::process::Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self { leader: id.and_then(rustix::process::Pid::from_raw) }
    }

    #[cfg(not(unix))]
    fn of(_: &tokio::process::Child) -> Self {
        Self {}
    }

    /// It has ended by itself: its number may soon be somebody else's.
    #[cfg_attr(not(unix), expect(clippy::unused_self, reason = "there are no groups"))]
    fn ended(self) {
        #[cfg(unix)]
        std::mem::forget(self);
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            // it may be gone already
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

fn rubbish(name: &HelperName) -> Error {
    Error::new(
        Code::HelperFailed,
        format!("the credential helper {name} gave an answer that can't be understood"),
    )
    .hint(format!(
        "Run 'echo REGISTRY | {name} get': it must print a JSON object with Username and Secret."
    ))
}
