//! Where an Alibaba Cloud registry is, and where its API is.

use registry::Result;
use url::Url;

use crate::sign_in::Settings;

/// The two kinds of Container Registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    /// The one that everyone has, shared.
    Personal,
    /// An instance of one's own.
    Enterprise,
}

/// Where a registry is, and where its API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The region.
    pub region: String,
    /// Personal or Enterprise.
    pub edition: Edition,
    /// The API.
    pub api: Url,
}

impl Place {
    pub(super) fn of(settings: &Settings) -> Result<Self> {
        let read = read(settings.registry.as_str());
        let options = &settings.options;
        let edition = match (settings.provider.as_deref(), &read) {
            (Some("acr-personal"), _) => Edition::Personal,
            (Some("acr-enterprise"), _) => Edition::Enterprise,
            (_, Some((_, edition, _))) => *edition,
            _ if options.instance.is_some() => Edition::Enterprise,
            _ => Edition::Personal,
        };
        let region = options.region.clone().or_else(|| read.map(|(region, ..)| region.to_owned()));
        let region = region.filter(|region| is_region(region)).ok_or_else(|| {
            settings
                .wrong("the address tells no Alibaba Cloud region")
                .hint("Give the region, such as 'cn-hangzhou'.")
        })?;
        let api = if let Some(url) = &options.endpoint {
            url.clone()
        } else {
            // from inside a VPC there may be no way to the public address
            let inside = matches!(read, Some((.., true)));
            let name = if inside { "cr-vpc" } else { "cr" };
            Url::parse(&format!("https://{name}.{region}.aliyuncs.com/"))
                .map_err(|_| settings.wrong("the region can't be read"))?
        };
        Ok(Self { region, edition, api })
    }
}

fn is_region(text: &str) -> bool {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(fine)
}

/// Reads the region, the edition, and whether the address is inside Alibaba Cloud's network:
/// `registry[-vpc|-internal].<region>.aliyuncs.com`, `<id>[-vpc].<region>.personal.cr.aliyuncs.com`,
/// `<name>-registry[-vpc].<region>.cr.aliyuncs.com`.
fn read(host: &str) -> Option<(&str, Edition, bool)> {
    let rest = host.strip_suffix(".aliyuncs.com")?;
    if let Some(rest) = rest.strip_suffix(".personal.cr") {
        let (name, region) = rest.split_once('.')?;
        return Some((region, Edition::Personal, name.ends_with("-vpc")));
    }
    if let Some(rest) = rest.strip_suffix(".cr") {
        let (name, region) = rest.split_once('.')?;
        let inside = name.ends_with("-registry-vpc");
        return (inside || name.ends_with("-registry")).then_some((
            region,
            Edition::Enterprise,
            inside,
        ));
    }
    let (name, region) = rest.split_once('.')?;
    let inside = match name {
        "registry" | "registry-intl" => false,
        "registry-vpc" | "registry-internal" | "registry-intl-vpc" => true,
        _ => return None,
    };
    Some((region, Edition::Personal, inside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign_in::SecretKind;

    #[test]
    fn addresses_tell_edition_region_and_network() {
        use Edition::{Enterprise, Personal};
        for (host, region, edition, api) in [
            ("registry.cn-hangzhou.aliyuncs.com", "cn-hangzhou", Personal, "cr"),
            ("registry-vpc.cn-hangzhou.aliyuncs.com", "cn-hangzhou", Personal, "cr-vpc"),
            ("registry-internal.cn-beijing.aliyuncs.com", "cn-beijing", Personal, "cr-vpc"),
            ("registry-intl.ap-southeast-1.aliyuncs.com", "ap-southeast-1", Personal, "cr"),
            ("crpi-1a2b.cn-hangzhou.personal.cr.aliyuncs.com", "cn-hangzhou", Personal, "cr"),
            (
                "crpi-1a2b-vpc.cn-hangzhou.personal.cr.aliyuncs.com",
                "cn-hangzhou",
                Personal,
                "cr-vpc",
            ),
            ("my-registry.us-west-1.cr.aliyuncs.com", "us-west-1", Enterprise, "cr"),
            ("my-registry-vpc.us-west-1.cr.aliyuncs.com", "us-west-1", Enterprise, "cr-vpc"),
        ] {
            let settings = Settings::new(host.parse().unwrap(), SecretKind::AlibabaKey);
            let place = Place::of(&settings).unwrap();
            assert_eq!((place.region.as_str(), place.edition), (region, edition), "{host}");
            let api = format!("https://{api}.{region}.aliyuncs.com/");
            assert_eq!(place.api.as_str(), api, "{host}");
        }
        for host in ["acr.example.com", "oss.cn-hangzhou.aliyuncs.com"] {
            let settings = Settings::new(host.parse().unwrap(), SecretKind::AlibabaKey);
            assert!(
                Place::of(&settings).unwrap_err().message().contains("no Alibaba Cloud region")
            );
        }
    }
}
