//! AWS's own files: `~/.aws/credentials` and `~/.aws/config`. What of a profile is of use here is read; what another
//! program would have to do (SSO, `credential_process`) is named.

use std::path::PathBuf;

use registry::{Code, Error, Result};

use super::{super::Environment, Keys};

/// What stands in place of keys where another program has to fetch them.
const UNSUPPORTED: [&str; 4] =
    ["credential_process", "sso_session", "sso_start_url", "login_session"];

/// A profile, from both files.
#[derive(Debug, Default)]
pub(super) struct Profile {
    pub(super) keys: Option<Keys>,
    pub(super) role: Option<String>,
    pub(super) source: Option<String>,
    pub(super) credential_source: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) session_name: Option<String>,
    pub(super) web_identity_token_file: Option<String>,
    /// A setting that would need another program.
    pub(super) unsupported: Option<&'static str>,
}

/// The profile that is meant where none is named.
pub(super) fn default_name(env: &Environment) -> String {
    env("AWS_PROFILE").filter(|name| !name.is_empty()).unwrap_or_else(|| "default".into())
}

/// Reads a profile; `None` if neither file has it.
pub(super) async fn read(env: &Environment, name: &str) -> Result<Option<Profile>> {
    let mut settings: Vec<(String, String)> = Vec::new();
    let mut found = false;
    // what both say, the credentials file says better
    for (variable, file, prefixed) in
        [("AWS_SHARED_CREDENTIALS_FILE", "credentials", false), ("AWS_CONFIG_FILE", "config", true)]
    {
        let path = env(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
        let path = path.or_else(|| Some(PathBuf::from(env("HOME")?).join(".aws").join(file)));
        let Some(path) = path else { continue };
        let text = match tokio::fs::read_to_string(&path).await {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                let message = format!("{} can't be read", path.display());
                return Err(Error::new(Code::FileFailed, message).cause(&error));
            }
        };
        if let Some(section) = section(&text, name, prefixed) {
            found = true;
            settings.extend(section);
        }
    }
    if !found {
        return Ok(None);
    }
    let get = |name: &str| {
        let value = settings.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        value.filter(|value| !value.is_empty())
    };
    let keys = match (get("aws_access_key_id"), get("aws_secret_access_key")) {
        (Some(id), Some(secret)) => Some(Keys {
            id,
            secret: secret.into(),
            token: get("aws_session_token").map(Into::into),
            expires: None,
        }),
        _ => None,
    };
    Ok(Some(Profile {
        keys,
        role: get("role_arn"),
        source: get("source_profile"),
        credential_source: get("credential_source"),
        external_id: get("external_id"),
        session_name: get("role_session_name"),
        web_identity_token_file: get("web_identity_token_file"),
        unsupported: UNSUPPORTED.into_iter().find(|name| get(name).is_some()),
    }))
}

/// The settings of one profile: `[name]` in the one file, `[profile name]` in the other, where the default may go
/// without the word. Sections of the same name add up; the first of repeated settings counts.
fn section(text: &str, wanted: &str, prefixed: bool) -> Option<Vec<(String, String)>> {
    let (mut inside, mut found) = (false, false);
    let mut settings = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let is_nested = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(title) = line.strip_prefix('[') {
            let title = title.split(']').next().unwrap_or_default().trim();
            let name = match title.split_once(char::is_whitespace) {
                Some(("profile", name)) if prefixed => name.trim().trim_matches(['"', '\'']),
                _ if !prefixed || title == "default" => title,
                _ => "",
            };
            inside = name == wanted;
            found |= inside;
        } else if inside
            // settings below a setting (`s3 =`) are of no use here
            && !is_nested
            && let Some((key, value)) = line.split_once('=')
        {
            // a comment after a value begins after a blank
            let value = [" #", " ;", "\t#", "\t;"]
                .iter()
                .filter_map(|mark| value.find(mark))
                .min()
                .map_or(value, |end| &value[..end]);
            settings.push((key.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    found.then_some(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, name: &str, prefixed: bool) -> Option<String> {
        let settings = section(text, name, prefixed)?;
        Some(settings.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn sections_as_aws_writes_them() {
        let text = "\u{feff}# mine\n[default]\naws_access_key_id = A\n\n[ci]\nAWS_ACCESS_KEY_ID=B\naws_secret_access_key = a/b+c=d # old\ns3 =\n  max = 1\n; x\nrole_arn=r\n";
        assert_eq!(of(text, "default", false).as_deref(), Some("aws_access_key_id=A"));
        assert_eq!(
            of(text, "ci", false).as_deref(),
            Some("aws_access_key_id=B aws_secret_access_key=a/b+c=d s3= role_arn=r")
        );
        assert_eq!(of(text, "none", false), None);
        assert_eq!(of(text, "ci", true), None, "config writes 'profile' before names");
        let config = "[default]\nregion = x\n[profile ci]\nregion=y\n[profile \"a b\"]\nregion=z\n[sso-session ci]\nsso_region=q\n";
        assert_eq!(of(config, "default", true).as_deref(), Some("region=x"));
        assert_eq!(of(config, "ci", true).as_deref(), Some("region=y"));
        assert_eq!(of(config, "a b", true).as_deref(), Some("region=z"));
    }
}
