//! Where an ECR registry is, and where its API is.

use registry::Result;
use url::Url;

use crate::sign_in::Settings;

/// Where a registry is, and where its API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of the account that owns the registry, where the address tells.
    pub account: Option<String>,
    /// The region that calls are signed for.
    pub region: String,
    /// Whether this is ECR Public.
    pub is_public: bool,
    /// The API.
    pub api: Url,
}

/// What a host's name tells.
#[derive(Debug, PartialEq, Eq)]
struct Host<'a> {
    account: &'a str,
    region: &'a str,
    fips: bool,
    dual: bool,
    china: bool,
}

impl Place {
    pub(super) fn of(settings: &Settings) -> Result<Self> {
        let host = settings.registry.as_str();
        let options = &settings.options;
        let env = |name: &str| (settings.env)(name).filter(|text| !text.is_empty());
        let is_public =
            host == "public.ecr.aws" || settings.provider.as_deref() == Some("ecr-public");
        let read = read(host);
        let region = options.region.clone().or_else(|| read.as_ref().map(|h| h.region.to_owned()));
        let region = match region {
            Some(region) => region,
            // its API is in one region for everyone
            None if is_public => "us-east-1".to_owned(),
            None => env("AWS_REGION").or_else(|| env("AWS_DEFAULT_REGION")).ok_or_else(|| {
                settings
                    .wrong("the address tells no AWS region")
                    .hint("Give the region, or an address such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com.")
            })?,
        };
        if !is_region(&region) {
            let message = format!("'{region}' is no AWS region");
            return Err(settings.wrong(message).hint("Write it as 'eu-west-1'."));
        }
        let name = if is_public { "ECR_PUBLIC" } else { "ECR" };
        let endpoint = match &options.endpoint {
            Some(endpoint) => Some(endpoint.clone()),
            None => endpoint(settings, name)?,
        };
        let api = if let Some(url) = endpoint {
            url
        } else {
            let host = match &read {
                _ if is_public => format!("api.ecr-public.{region}.amazonaws.com"),
                Some(Host { dual: true, china: true, .. }) => {
                    format!("ecr.{region}.api.amazonwebservices.com.cn")
                }
                Some(Host { dual: true, .. }) => format!("ecr.{region}.api.aws"),
                Some(Host { fips: true, .. }) => format!("ecr-fips.{region}.amazonaws.com"),
                _ => format!("api.ecr.{region}.{}", domain(&region)),
            };
            Url::parse(&format!("https://{host}/"))
                .map_err(|_| settings.wrong(format!("'{region}' is no AWS region")))?
        };
        let account = read.map(|host| host.account.to_owned());
        Ok(Self { account, region, is_public, api })
    }

    pub(super) fn signing_name(&self) -> &'static str {
        if self.is_public { "ecr-public" } else { "ecr" }
    }

    pub(super) fn target(&self) -> &'static str {
        if self.is_public {
            "SpencerFrontendService"
        } else {
            "AmazonEC2ContainerRegistry_V20150921"
        }
    }

    pub(super) fn service_name(&self) -> &'static str {
        if self.is_public { "ECR Public" } else { "ECR" }
    }
}

/// The address of a service's API that the environment gives in place of the public one.
pub(super) fn endpoint(settings: &Settings, service: &str) -> Result<Option<Url>> {
    for name in [format!("AWS_ENDPOINT_URL_{service}"), "AWS_ENDPOINT_URL".to_owned()] {
        if let Some(text) = (settings.env)(&name).filter(|text| !text.is_empty()) {
            let url = Url::parse(&text).ok().filter(Url::has_host);
            return url.map(Some).ok_or_else(|| settings.wrong(format!("{name} is no URL")));
        }
    }
    Ok(None)
}

/// The domain of a region's services.
pub(super) fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

fn is_region(text: &str) -> bool {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.contains('-') && text.chars().all(fine) && !text.starts_with('-') && !text.ends_with('-')
}

/// Reads `123456789012.dkr.ecr[-fips].eu-west-1.amazonaws.com[.cn]`, `123456789012.dkr-ecr[-fips].eu-west-1.on.aws`.
fn read(host: &str) -> Option<Host<'_>> {
    let (account, rest) = host.split_once('.')?;
    if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (fips, dual, rest) = [
        ("dkr.ecr.", false, false),
        ("dkr.ecr-fips.", true, false),
        ("dkr-ecr.", false, true),
        ("dkr-ecr-fips.", true, true),
    ]
    .into_iter()
    .find_map(|(prefix, fips, dual)| Some((fips, dual, rest.strip_prefix(prefix)?)))?;
    let (region, domain) = rest.split_once('.')?;
    let china = match (dual, domain) {
        (false, "amazonaws.com") | (true, "on.aws") => false,
        (false, "amazonaws.com.cn") | (true, "on.amazonwebservices.com.cn") => true,
        _ => return None,
    };
    is_region(region).then_some(Host { account, region, fips, dual, china })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sign_in::{SecretKind, SignInOptions};

    fn place(host: &str, change: impl FnOnce(&mut Settings)) -> Result<Place> {
        let mut settings = Settings {
            env: Arc::new(|_| None),
            ..Settings::new(host.parse().unwrap(), SecretKind::AwsEnvironment)
        };
        change(&mut settings);
        Place::of(&settings)
    }

    #[test]
    fn addresses_tell_region_and_api() {
        for (host, region, api) in [
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
                "eu-west-1",
                "https://api.ecr.eu-west-1.amazonaws.com/",
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
                "https://api.ecr.cn-north-1.amazonaws.com.cn/",
            ),
            (
                "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
                "us-gov-west-1",
                "https://ecr-fips.us-gov-west-1.amazonaws.com/",
            ),
            (
                "123456789012.dkr-ecr.us-east-2.on.aws",
                "us-east-2",
                "https://ecr.us-east-2.api.aws/",
            ),
        ] {
            let place = place(host, |_| {}).unwrap();
            assert_eq!(place.account.as_deref(), Some("123456789012"), "{host}");
            assert_eq!((place.region.as_str(), place.api.as_str()), (region, api), "{host}");
            assert_eq!(place.signing_name(), "ecr");
        }
        let public = place("public.ecr.aws", |_| {}).unwrap();
        assert_eq!(public.api.as_str(), "https://api.ecr-public.us-east-1.amazonaws.com/");
        assert_eq!((public.signing_name(), public.is_public), ("ecr-public", true));
    }

    #[test]
    fn what_the_address_does_not_tell_is_asked_for() {
        let error = place("vpce-1.example.com", |_| {}).unwrap_err();
        assert!(error.message().contains("no AWS region"), "{error}");
        let given = place("vpce-1.example.com", |settings| {
            settings.options = SignInOptions {
                region: Some("eu-west-1".into()),
                endpoint: Some("https://vpce.example.com/".parse().unwrap()),
                ..SignInOptions::default()
            };
        });
        let given = given.unwrap();
        assert_eq!(
            (given.region.as_str(), given.api.as_str()),
            ("eu-west-1", "https://vpce.example.com/")
        );
        let by_env = place("vpce-1.example.com", |settings| {
            settings.env = Arc::new(|name| (name == "AWS_REGION").then(|| "eu-west-2".into()));
        });
        assert_eq!(by_env.unwrap().region, "eu-west-2");
        for bad in ["eu west", "Frankfurt", "x/../y", "a.b-c"] {
            let error = place("vpce-1.example.com", |settings| {
                settings.options.region = Some(bad.into());
            });
            assert!(error.unwrap_err().message().contains("no AWS region"), "{bad}");
        }
    }
}
