//! Platforms of index entries, and the filter that `--os` and `--arch` make.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Sentence, sentence};

#[cfg(test)]
mod tests;

/// The `platform` object of an index entry (OCI image spec, `image-index.md`), as far as a filter reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// Operating system, `linux`.
    #[serde(default)]
    pub os: String,
    /// Architecture by Go's names, `amd64`.
    #[serde(default)]
    pub architecture: String,
    /// Variant, `v7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Version of the operating system, `10.0.17763.1817`.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if let Some(variant) = &self.variant {
            write!(f, "/{variant}")?;
        }
        if let Some(version) = &self.os_version {
            write!(f, ":{version}")?;
        }
        Ok(())
    }
}

/// Which platforms to keep: os values are OR-ed, arch values OR-ed, the two AND-ed. Empty keeps all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PlatformFilter {
    /// `linux`, `windows:10.0.17763.1817`
    os: Vec<(String, Option<String>)>,
    /// `arm64`, `arm:v7`
    arch: Vec<(String, Option<String>)>,
}

impl PlatformFilter {
    /// Reads values of `--os` (`os[:os.version]`) and `--arch` (`arch[:variant]`), each perhaps a comma list; common
    /// aliases (`x86_64`, `aarch64`) become Go's names. The error says which value is wrong and why.
    pub fn parse<'a>(
        os: impl IntoIterator<Item = &'a str>,
        arch: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Sentence> {
        let mut filter = Self::default();
        for value in os.into_iter().flat_map(|list| list.split(',')) {
            let (name, version) = split(value, "os")?;
            add(&mut filter.os, (go_os(&name).to_owned(), version));
        }
        for value in arch.into_iter().flat_map(|list| list.split(',')) {
            let (name, variant) = split(value, "arch")?;
            let (name, implied) = go_arch(&name);
            let variant = variant.or_else(|| implied.map(ToOwned::to_owned));
            let wanted = match variant {
                None => (name.to_owned(), None),
                // "one variant" may be the one that goes without a name, as arm64's v8 does
                Some(variant) => {
                    (name.to_owned(), Some(go_variant(name, Some(&variant)).unwrap_or_default()))
                }
            };
            add(&mut filter.arch, wanted);
        }
        Ok(filter)
    }

    /// Whether this keeps everything.
    pub fn is_empty(&self) -> bool {
        self.os.is_empty() && self.arch.is_empty()
    }

    /// Whether a platform is kept. `arm` matches every variant of arm, `arm:v7` one; `windows:10.0.17763` matches that
    /// version and everything below it (`10.0.17763.1817`).
    pub fn keeps(&self, platform: &Platform) -> bool {
        let os = platform.os.to_ascii_lowercase();
        let os = go_os(&os);
        let arch = platform.architecture.to_ascii_lowercase();
        let (arch, implied) = go_arch(&arch);
        let variant = platform.variant.as_deref().filter(|v| !v.is_empty()).or(implied);
        let variant = go_variant(arch, variant).unwrap_or_default();
        let version = platform.os_version.as_deref().unwrap_or_default();
        let os_kept = self.os.is_empty()
            || self.os.iter().any(|(name, wanted)| {
                name == os && wanted.as_deref().is_none_or(|wanted| is_within(version, wanted))
            });
        let arch_kept = self.arch.is_empty()
            || self.arch.iter().any(|(name, wanted)| {
                name == arch && wanted.as_deref().is_none_or(|wanted| wanted == variant)
            });
        os_kept && arch_kept
    }
}

impl fmt::Display for PlatformFilter {
    /// As a person would say it: `os linux, arch amd64 or arm:v7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("every platform");
        }
        let mut separator = "";
        for (label, values) in [("os", &self.os), ("arch", &self.arch)] {
            if values.is_empty() {
                continue;
            }
            write!(f, "{separator}{label}")?;
            for (i, (name, detail)) in values.iter().enumerate() {
                write!(f, "{} {name}", if i == 0 { "" } else { " or" })?;
                match detail.as_deref() {
                    None => {}
                    Some("") => f.write_str(" without variant")?,
                    Some(detail) => write!(f, ":{detail}")?,
                }
            }
            separator = ", ";
        }
        Ok(())
    }
}

/// Splits `name[:detail]`, both in lower case.
fn split(value: &str, what: &str) -> Result<(String, Option<String>), Sentence> {
    let value = value.trim().to_ascii_lowercase();
    if value.is_empty() {
        return Err(sentence!("platform_empty", "an {what} value is empty", what = what));
    }
    if let Some((os, arch)) = value.split_once('/') {
        return Err(match what {
            "arch" if go_arch(os).0 == "arm" => {
                sentence!(
                    "platform_variant",
                    "'{value}' is not an arch: write a variant as '{os}:{arch}'",
                    value = &value,
                    os = os,
                    arch = arch,
                )
            }
            _ => sentence!(
                "platform_both",
                "'{value}' is not an {what}: give '{os}' as the os and '{arch}' as the arch",
                value = &value,
                what = what,
                os = os,
                arch = arch.replace('/', ":"),
            ),
        });
    }
    let (name, detail) = match value.split_once(':') {
        Some((name, detail)) => (name, Some(detail)),
        None => (&*value, None),
    };
    let plain = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    if !plain(name) || !detail.is_none_or(plain) {
        let form = if what == "os" { "os[:os.version]" } else { "arch[:variant]" };
        return Err(sentence!(
            "platform_form",
            "'{value}' is not of the form {form}",
            value = &value,
            form = form,
        ));
    }
    Ok((name.to_owned(), detail.map(ToOwned::to_owned)))
}

fn add(values: &mut Vec<(String, Option<String>)>, value: (String, Option<String>)) {
    if !values.contains(&value) {
        values.push(value);
    }
}

/// Go's name of an operating system.
fn go_os(name: &str) -> &str {
    match name {
        "macos" => "darwin",
        other => other,
    }
}

/// Go's name of an architecture, and the variant that the alias implies.
fn go_arch(name: &str) -> (&str, Option<&'static str>) {
    match name {
        "x86_64" | "x86-64" | "x64" => ("amd64", None),
        "x86" | "i386" | "i486" | "i586" | "i686" => ("386", None),
        "aarch64" | "armv8" | "armv8l" => ("arm64", None),
        "armhf" | "armv7" | "armv7l" => ("arm", Some("v7")),
        "armel" | "armv6" | "armv6l" => ("arm", Some("v6")),
        "armv5" | "armv5l" => ("arm", Some("v5")),
        "ppc64el" => ("ppc64le", None),
        "mips64el" => ("mips64le", None),
        "mipsel" => ("mipsle", None),
        "loongarch64" => ("loong64", None),
        other => (other, None),
    }
}

/// A variant in the form that containerd compares: arm64's `v8` and amd64's `v1` go without saying, as arm's `v7` does
/// where none is said; `7` is `v7`.
fn go_variant(arch: &str, variant: Option<&str>) -> Option<String> {
    let variant = variant.map(|v| {
        let v = v.to_ascii_lowercase();
        if v.starts_with(|c: char| c.is_ascii_digit()) { format!("v{v}") } else { v }
    });
    match (arch, variant.as_deref()) {
        ("arm64", Some("v8")) | ("amd64", Some("v1")) => None,
        ("arm", None) => Some("v7".into()),
        _ => variant,
    }
}

/// Whether `version` is `wanted` or a version below it.
fn is_within(version: &str, wanted: &str) -> bool {
    version.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
