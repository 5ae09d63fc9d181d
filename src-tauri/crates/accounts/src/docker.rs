//! The credential files of docker (`config.json`) and podman (`auth.json`), which have one form.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use registry::{Credential, Registry, RepositoryName};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{
    Address,
    auth_file::{address_of_key, longest},
};

/// Some writers leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A credential file as it was found.
#[derive(Debug)]
pub(crate) struct DockerFile {
    /// Its path.
    pub(crate) path: PathBuf,
    /// The same as people write it.
    pub(crate) shown: String,
    /// The credentials that are in it.
    pub(crate) entries: Vec<DockerEntry>,
    /// Helpers for single registries.
    pub(crate) helpers: Vec<(Registry, String)>,
    /// The helper for all other registries.
    pub(crate) store: Option<String>,
    /// What in it can't be used, for people.
    pub(crate) warnings: Vec<String>,
}

/// A credential in a file.
#[derive(Debug)]
pub(crate) struct DockerEntry {
    pub(crate) address: Address,
    /// The key as it was written.
    pub(crate) written: String,
    pub(crate) credential: Credential,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    auths: Option<BTreeMap<String, WireAuth>>,
    #[serde(default)]
    cred_helpers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Deserialize)]
struct WireAuth {
    #[serde(default)]
    auth: Option<SecretString>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<SecretString>,
    #[serde(default)]
    identitytoken: Option<SecretString>,
    #[serde(default)]
    registrytoken: Option<SecretString>,
}

/// Where credential files may be, docker's first: `$DOCKER_CONFIG` or `~/.docker`; `$REGISTRY_AUTH_FILE`, or
/// `$XDG_RUNTIME_DIR/containers` and `~/.config/containers`.
pub(crate) fn places(env: &dyn Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let dir = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = dir("HOME").or_else(|| dir("USERPROFILE"));
    let mut places = Vec::new();
    let docker = dir("DOCKER_CONFIG").or_else(|| Some(home.as_ref()?.join(".docker")));
    places.extend(docker.map(|dir| dir.join("config.json")));
    if let Some(file) = dir("REGISTRY_AUTH_FILE") {
        places.push(file);
    } else {
        places.extend(dir("XDG_RUNTIME_DIR").map(|dir| dir.join("containers/auth.json")));
        let config = dir("XDG_CONFIG_HOME").or_else(|| Some(home?.join(".config")));
        places.extend(config.map(|dir| dir.join("containers/auth.json")));
    }
    places
}

impl DockerFile {
    /// Reads a file; `None` where there is none. The error is a sentence: these files are other programs', and one that
    /// can't be read is no reason not to start.
    pub(crate) fn read(path: &Path, home: Option<&Path>) -> Result<Option<Self>, String> {
        let shown = match home.and_then(|home| path.strip_prefix(home).ok()) {
            Some(rest) => format!("~/{}", rest.display()),
            None => path.display().to_string(),
        };
        match fs::read(path) {
            Ok(bytes) if bytes.trim_ascii().is_empty() => Ok(None),
            Ok(bytes) => {
                Self::parse(&shown, &bytes).map(|file| Some(Self { path: path.into(), ..file }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{shown} can't be read and is left out: {error}")),
        }
    }

    fn parse(shown: &str, bytes: &[u8]) -> Result<Self, String> {
        // serde_json's own words may repeat a value, which may be a secret
        let wire: Wire = serde_json::from_slice(bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let what = if error.is_data() { "has a value of the wrong type" } else { "is no JSON" };
            format!("{shown} {what} (line {line}, column {column}) and is left out")
        })?;
        let mut file = Self {
            path: PathBuf::new(),
            shown: shown.to_owned(),
            entries: Vec::new(),
            helpers: Vec::new(),
            store: wire.creds_store.filter(|name| !name.is_empty()),
            warnings: Vec::new(),
        };
        for (key, auth) in wire.auths.unwrap_or_default() {
            let credential = match auth.credential() {
                Ok(Some(credential)) => credential,
                // docker leaves an empty entry where the secret is with a helper
                Ok(None) => continue,
                Err(why) => {
                    file.warnings.push(format!("{shown}: the entry '{key}' is left out: {why}"));
                    continue;
                }
            };
            // such as "https://index.docker.io/v1/access-token": docker's own, never asked for
            let Ok(address) = address_of_key(&key) else { continue };
            file.entries.push(DockerEntry { address, written: key, credential });
        }
        for (key, name) in wire.cred_helpers.unwrap_or_default() {
            if let Ok(Address { registry, namespace: None }) = address_of_key(&key) {
                file.helpers.push((registry, name));
            }
        }
        Ok(file)
    }

    /// The credential that is in the file for a repository, by the longest key.
    pub(crate) fn entry(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
    ) -> Option<&DockerEntry> {
        longest(&self.entries, |entry| &entry.address, registry, repository)
    }

    /// The helper that the file names for this very registry.
    pub(crate) fn helper(&self, registry: &Registry) -> Option<&str> {
        self.helpers.iter().find(|(host, _)| host == registry).map(|(_, name)| name.as_str())
    }
}

impl WireAuth {
    fn credential(self) -> Result<Option<Credential>, &'static str> {
        let some = |secret: Option<SecretString>| {
            secret.filter(|secret| !secret.expose_secret().is_empty())
        };
        if let Some(token) = some(self.identitytoken) {
            return Ok(Some(Credential::IdentityToken(token)));
        }
        if let Some(token) = some(self.registrytoken) {
            return Ok(Some(Credential::Bearer(token)));
        }
        if let Some(auth) = some(self.auth) {
            let bytes = BASE64
                .decode(auth.expose_secret().trim())
                .map_err(|_| "its 'auth' is no base64")?;
            let text = String::from_utf8(bytes).map_err(|_| "its 'auth' is no text")?;
            let (username, password) = text.split_once(':').ok_or("its 'auth' has no colon")?;
            // docker pads with zeros
            let password = password.trim_matches('\0');
            return Ok(Some(Credential::Basic {
                username: username.to_owned(),
                password: password.into(),
            }));
        }
        Ok(self.username.filter(|name| !name.is_empty()).map(|username| Credential::Basic {
            username,
            password: self.password.unwrap_or_default(),
        }))
    }
}

/// The user name of a credential that has one.
pub(crate) fn user(credential: &Credential) -> Option<&str> {
    match credential {
        Credential::Basic { username, .. } => Some(username),
        _ => None,
    }
}
