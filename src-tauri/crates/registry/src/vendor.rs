//! The APIs that vendors have besides their registries, as far as they list more, or more willingly, than the
//! distribution API does: one module for each. They are plain HTTP with JSON; what they answer is made the same here.
//!
//! Which API belongs to a registry is told by the account ([`crate::Access::api`]), by the host's name, or by how the
//! registry asks for a login. None of this is needed to copy an image.

use std::sync::Arc;

use jiff::Timestamp;
use url::Url;

use crate::{
    Client, Code, Credential, Error, Registry, RepositoryName, Result,
    auth::{self, Challenge},
    browse::What,
    host::{HostState, Reach, Scheme},
    {Entry, TagEntry},
};

mod aliyun;
mod artifactory;
mod azure;
mod call;
mod docker_hub;
mod ecr;
mod gitlab;
pub(crate) mod google;
mod harbor;
mod quay;

pub(crate) mod create;

use call::Show;

/// Entries per page that are asked for.
pub(crate) const PAGE: usize = 100;

/// Whose registry it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Vendor {
    /// Alibaba Cloud's ACR, Enterprise edition.
    AliyunEnterprise,
    /// Alibaba Cloud's ACR, Personal edition.
    AliyunPersonal,
    /// JFrog Artifactory.
    Artifactory,
    /// Azure's container registry.
    Azure,
    /// Docker Hub.
    DockerHub,
    /// Amazon ECR, private.
    Ecr,
    /// Amazon ECR Public.
    EcrPublic,
    /// GitHub's ghcr.io.
    Ghcr,
    /// GitLab.
    GitLab,
    /// Google's Artifact Registry and Container Registry.
    Google,
    /// Harbor.
    Harbor,
    /// Quay.
    Quay,
    /// One that has no API of its own, or none that we know.
    Other,
}

/// A vendor's API, where the host's name does not tell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Api {
    /// Whose.
    pub vendor: Vendor,
    /// Where it is; where the vendor has it, if none is given.
    pub url: Option<Url>,
}

/// A registry's vendor and its API.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) vendor: Vendor,
    pub(crate) registry: Registry,
    /// The repository or namespace that is asked about, whose account is used.
    pub(crate) within: Option<RepositoryName>,
    /// What paths are put behind; ends with a slash.
    pub(crate) base: Url,
}

/// Where the next page is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cursor {
    Page(usize),
    Token(String),
}

impl Cursor {
    fn page(cursor: Option<&Self>) -> usize {
        match cursor {
            Some(Self::Page(page)) => *page,
            _ => 1,
        }
    }

    fn token(cursor: Option<&Self>) -> Option<&str> {
        match cursor {
            Some(Self::Token(token)) => Some(token),
            _ => None,
        }
    }
}

/// A page.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    pub(crate) entries: Vec<T>,
    pub(crate) next: Option<Cursor>,
}

impl<T> Batch<T> {
    /// A page of a list that is counted, where a full page may have a successor.
    fn counted(entries: Vec<T>, given: usize, page: usize) -> Self {
        Self { entries, next: (given >= PAGE).then_some(Cursor::Page(page + 1)) }
    }

    fn by_token(entries: Vec<T>, token: Option<String>) -> Self {
        Self { entries, next: token.filter(|token| !token.is_empty()).map(Cursor::Token) }
    }

    fn whole(entries: Vec<T>) -> Self {
        Self { entries, next: None }
    }
}

impl Vendor {
    /// Whose registry a host is, as far as its name tells.
    pub fn of_host(registry: &Registry) -> Option<Self> {
        let host = registry.as_str().split(':').next().unwrap_or_default();
        let ends = |end: &str| host.ends_with(end);
        Some(match host {
            _ if registry.is_docker_hub() => Self::DockerHub,
            "quay.io" => Self::Quay,
            "ghcr.io" => Self::Ghcr,
            "public.ecr.aws" => Self::EcrPublic,
            "registry.gitlab.com" => Self::GitLab,
            "gcr.io" => Self::Google,
            _ if ends(".gcr.io") || ends(".pkg.dev") => Self::Google,
            _ if ecr::Place::of(host).is_some() => Self::Ecr,
            _ if ends(".azurecr.io") || ends(".azurecr.cn") || ends(".azurecr.us") => Self::Azure,
            _ if ends(".personal.cr.aliyuncs.com") => Self::AliyunPersonal,
            _ if ends(".cr.aliyuncs.com") => Self::AliyunEnterprise,
            _ if ends(".aliyuncs.com") && host.starts_with("registry") => Self::AliyunPersonal,
            _ if ends(".jfrog.io") => Self::Artifactory,
            _ => return None,
        })
    }

    /// What the registry's own way of asking for a login tells: the vendor, and where its API is.
    fn of_challenges(challenges: &[Challenge], home: &Url) -> Option<(Self, Url)> {
        for challenge in challenges {
            let service = challenge.param("service").unwrap_or_default();
            let realm = challenge.param("realm").unwrap_or_default();
            if realm.contains("Artifactory") || realm.contains("/artifactory/api/docker/") {
                return Some((Self::Artifactory, home.clone()));
            }
            if service == "harbor-registry" {
                return Some((Self::Harbor, home.clone()));
            }
            // nothing is shown there that the token service would not be shown as well
            let Ok(realm) = home.join(realm) else { continue };
            let mut origin = realm.clone();
            origin.set_path("/");
            origin.set_query(None);
            if service == "container_registry" && realm.path() == "/jwt/auth" {
                return Some((Self::GitLab, origin));
            }
            if realm.path() == "/v2/auth" && Some(service) == authority(&realm).as_deref() {
                return Some((Self::Quay, origin));
            }
        }
        None
    }

    /// Where its API is, unless it is the registry's own host.
    fn default_base(self, registry: &Registry) -> Option<String> {
        let host = registry.as_str();
        Some(match self {
            Self::DockerHub if registry.is_docker_hub() => "https://hub.docker.com/".into(),
            Self::GitLab if host == "registry.gitlab.com" => "https://gitlab.com/".into(),
            Self::Google if Self::of_host(registry) == Some(Self::Google) => {
                "https://artifactregistry.googleapis.com/".into()
            }
            Self::Ecr => ecr::Place::of(host)?.endpoint(),
            Self::EcrPublic => "https://api.ecr-public.us-east-1.amazonaws.com/".into(),
            Self::AliyunEnterprise | Self::AliyunPersonal => aliyun::endpoint(host)?,
            _ => return None,
        })
    }

    /// Whether the distribution API need not be asked when the vendor's own refuses.
    pub(crate) fn has_no_catalog(self, what: &What) -> bool {
        matches!(what, What::Below(_))
            && matches!(
                self,
                Self::DockerHub
                    | Self::Quay
                    | Self::Ghcr
                    | Self::EcrPublic
                    | Self::AliyunEnterprise
                    | Self::AliyunPersonal
            )
    }

    /// Whether the digests in its list of tags are those that a HEAD gives at the same time: they come from the same
    /// records. Docker Hub's list is another service's, which lags behind its registry.
    pub(crate) fn lists_true_digests(self) -> bool {
        matches!(self, Self::Azure | Self::Ecr | Self::EcrPublic | Self::Harbor | Self::Quay)
    }
}

fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

impl Client {
    /// The vendor of a registry, with its API; `None` where there is none that we know. The account is the one for what
    /// is asked about, or for the registry as a whole.
    pub(crate) async fn site(
        &self,
        registry: &Registry,
        within: Option<&RepositoryName>,
    ) -> Result<Option<Site>> {
        let host = self.host_state(registry);
        let reach = host.reach(self, within).await?;
        let given = reach.access.api.clone();
        let named = given.as_ref().map(|api| api.vendor).or_else(|| Vendor::of_host(registry));
        let url = given.and_then(|api| api.url);
        let (vendor, url) = match (named, url) {
            (Some(vendor), Some(url)) => (vendor, url),
            (Some(vendor), None) => match vendor.default_base(registry) {
                Some(base) => (vendor, parse(&base)?),
                // its API is where its tokens come from, under another name than its registry
                None if vendor == Vendor::GitLab => {
                    let told = self.told_site(&host, &reach).await?;
                    let url = told.filter(|(told, _)| *told == vendor).map(|(_, url)| url);
                    match url {
                        Some(url) => (vendor, url),
                        None => (vendor, self.home_url(&host, &reach).await?),
                    }
                }
                None => (vendor, self.home_url(&host, &reach).await?),
            },
            (None, _) => match self.told_site(&host, &reach).await? {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        let (registry, within) = (registry.clone(), within.cloned());
        Ok(Some(Site { vendor, registry, within, base: slashed(url) }))
    }

    /// The same, as far as it is known without a request.
    pub(crate) async fn known_site(
        &self,
        registry: &Registry,
        within: Option<&RepositoryName>,
    ) -> Result<Option<Site>> {
        let host = self.host_state(registry);
        let reach = host.reach(self, within).await?;
        let is_told = reach.access.api.is_some() || Vendor::of_host(registry).is_some();
        if is_told || host.contact.scheme().is_some() {
            return self.site(registry, within).await;
        }
        Ok(None)
    }

    /// What the registry's way of asking for a login tells.
    async fn told_site(&self, host: &HostState, reach: &Reach) -> Result<Option<(Vendor, Url)>> {
        if host.contact.scheme().is_none() {
            self.knock(host).await?;
        }
        let home = self.home_url(host, reach).await?;
        let challenges = host.auth.challenges();
        Ok(Vendor::of_challenges(challenges.as_deref().unwrap_or_default(), &home))
    }

    /// The registry's own address, in the scheme that it speaks; its front door is asked where that may be either.
    async fn home_url(&self, host: &HostState, reach: &Reach) -> Result<Url> {
        let may_be_plain = reach.access.tls.insecure;
        if may_be_plain && host.contact.scheme().is_none() {
            self.knock(host).await?;
        }
        let scheme = host.contact.scheme().unwrap_or(Scheme::Https);
        let mut url = host.home(scheme, reach)?.url;
        // what stands before `v2/` is the registry's alone
        url.set_path("/");
        Ok(url)
    }

    /// Makes the first contact. What the registry says of who we are is another matter.
    async fn knock(&self, host: &HostState) -> Result<()> {
        match self.ping(&host.registry).await {
            Err(error) if host.contact.scheme().is_none() => Err(error),
            _ => Ok(()),
        }
    }
}

impl Site {
    /// How the registry is reached for what is asked about.
    async fn reach(&self, client: &Client) -> Result<Arc<Reach>> {
        client.host_state(&self.registry).reach(client, self.within.as_ref()).await
    }

    /// What the account's credential is at an API: a user name and password, or a token.
    async fn own_show(&self, client: &Client) -> Result<Show> {
        let reach = self.reach(client).await?;
        let header = match &reach.login.current().credential {
            Credential::Anonymous => None,
            Credential::Bearer(token) => auth::bearer(secrecy::ExposeSecret::expose_secret(token)),
            credential => auth::basic(credential),
        };
        Ok(header.map_or(Show::Nothing, Show::Header))
    }

    /// The account's secret alone, as a token, with the user name that goes with it.
    async fn own_token(&self, client: &Client) -> Result<Option<(String, Show)>> {
        let reach = self.reach(client).await?;
        let login = reach.login.current();
        let user = match &login.credential {
            Credential::Basic { username, .. } => username.clone(),
            _ => String::new(),
        };
        let header = login.secret(auth::bearer).flatten();
        Ok(header.map(|header| (user, Show::Header(header))))
    }
}

impl Site {
    /// A page of what is below a namespace, or at the top. `None`: the distribution API is as good.
    pub(crate) async fn entries(
        &self,
        client: &Client,
        namespace: Option<&str>,
        cursor: Option<&Cursor>,
    ) -> Result<Option<Batch<Entry>>> {
        match self.vendor {
            Vendor::AliyunEnterprise | Vendor::AliyunPersonal => {
                aliyun::entries(self, client, namespace, cursor).await.map(Some)
            }
            Vendor::Artifactory => {
                artifactory::entries(self, client, namespace, cursor).await.map(Some)
            }
            Vendor::DockerHub => docker_hub::entries(self, client, namespace, cursor).await.map(Some),
            Vendor::Ecr | Vendor::EcrPublic => {
                ecr::entries(self, client, namespace, cursor).await.map(Some)
            }
            Vendor::Ghcr => Err(self.unsupported(
                "GitHub's registry has no list of repositories; its packages are listed by another API, for their owner alone",
                "Look the names up at github.com under Packages, and give them as ghcr.io/OWNER/NAME.",
            )),
            Vendor::GitLab => gitlab::entries(self, client, namespace, cursor).await.map(Some),
            Vendor::Google => google::entries(self, client, namespace).await,
            Vendor::Harbor => harbor::entries(self, client, namespace, cursor).await.map(Some),
            Vendor::Quay => quay::entries(self, client, namespace, cursor).await.map(Some),
            Vendor::Azure | Vendor::Other => Ok(None),
        }
    }

    /// A page of the tags of a repository. `None`: the distribution API is as good.
    pub(crate) async fn tags(
        &self,
        client: &Client,
        name: &RepositoryName,
        cursor: Option<&Cursor>,
    ) -> Result<Option<Batch<TagEntry>>> {
        match self.vendor {
            Vendor::AliyunEnterprise | Vendor::AliyunPersonal => {
                aliyun::tags(self, client, name, cursor).await.map(Some)
            }
            Vendor::Azure => azure::tags(self, client, name, cursor).await.map(Some),
            Vendor::DockerHub => docker_hub::tags(self, client, name, cursor).await.map(Some),
            Vendor::Ecr | Vendor::EcrPublic => {
                ecr::tags(self, client, name, cursor).await.map(Some)
            }
            Vendor::Harbor => harbor::tags(self, client, name, cursor).await.map(Some),
            Vendor::Quay => quay::tags(self, client, name, cursor).await.map(Some),
            Vendor::Artifactory
            | Vendor::Ghcr
            | Vendor::GitLab
            | Vendor::Google
            | Vendor::Other => Ok(None),
        }
    }

    /// The address of something of the API. Segments are encoded, slashes in them too.
    fn at(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    fn unsupported(&self, why: &str, hint: &'static str) -> Error {
        Error::new(Code::CatalogUnsupported, why).registry(&self.registry).hint(hint)
    }
}

fn parse(url: &str) -> Result<Url> {
    Url::parse(url).map_err(|error| {
        Error::new(Code::ConfigInvalid, "the address of the vendor's API can't be read")
            .cause(&error)
    })
}

fn slashed(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    url
}

/// A time as most write it. What is none is not told.
fn time(text: Option<&str>) -> Option<Timestamp> {
    let text = text?.trim();
    // Go's zero time stands for "never"
    let time: Timestamp = text.parse().ok()?;
    (time.as_second() > 0).then_some(time)
}

fn milliseconds(milliseconds: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(milliseconds).ok().filter(|time| time.as_second() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_tell_their_vendors() {
        for (host, vendor) in [
            ("docker.io", Some(Vendor::DockerHub)),
            ("quay.io", Some(Vendor::Quay)),
            ("ghcr.io", Some(Vendor::Ghcr)),
            ("public.ecr.aws", Some(Vendor::EcrPublic)),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", Some(Vendor::Ecr)),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", Some(Vendor::Ecr)),
            ("123456789012.dkr-ecr.eu-west-1.on.aws", Some(Vendor::Ecr)),
            ("evil.dkr.ecr.eu-west-1.amazonaws.com.example", None),
            ("eu.gcr.io", Some(Vendor::Google)),
            ("europe-west1-docker.pkg.dev", Some(Vendor::Google)),
            ("team.azurecr.io", Some(Vendor::Azure)),
            ("registry.cn-hangzhou.aliyuncs.com", Some(Vendor::AliyunPersonal)),
            ("team-registry.cn-hangzhou.cr.aliyuncs.com", Some(Vendor::AliyunEnterprise)),
            ("registry.gitlab.com", Some(Vendor::GitLab)),
            ("acme.jfrog.io", Some(Vendor::Artifactory)),
            ("registry.example.com:5000", None),
        ] {
            assert_eq!(Vendor::of_host(&host.parse().unwrap()), vendor, "{host}");
        }
    }

    #[test]
    fn challenges_tell_vendors_too() {
        let home = Url::parse("https://r.example.com/").unwrap();
        let of = |header: &str| {
            let mut headers = http::HeaderMap::new();
            headers.insert("www-authenticate", header.parse().unwrap());
            Vendor::of_challenges(&Challenge::of(&headers), &home)
                .map(|(vendor, url)| (vendor, url.to_string()))
        };
        let own = "https://r.example.com/".to_owned();
        for (header, found) in [
            (
                r#"Bearer realm="https://r.example.com/service/token",service="harbor-registry""#,
                Some((Vendor::Harbor, own.clone())),
            ),
            (
                r#"Bearer realm="https://git.example.com/jwt/auth",service="container_registry""#,
                Some((Vendor::GitLab, "https://git.example.com/".into())),
            ),
            (
                r#"Bearer realm="https://r.example.com/v2/auth",service="r.example.com""#,
                Some((Vendor::Quay, own.clone())),
            ),
            (r#"Basic realm="Artifactory Realm""#, Some((Vendor::Artifactory, own.clone()))),
            (r#"Bearer realm="https://r.example.com/v2/auth",service="other""#, None),
            (r#"Basic realm="Registry""#, None),
        ] {
            assert_eq!(of(header), found, "{header}");
        }
    }

    #[test]
    fn addresses_are_encoded() {
        let site = Site {
            vendor: Vendor::Harbor,
            registry: "r.example.com".parse().unwrap(),
            within: None,
            base: Url::parse("https://r.example.com/prefix/").unwrap(),
        };
        assert_eq!(
            site.at(&["api", "a/b", "c%2Fd"], &[("q", "tags=*")]).as_str(),
            "https://r.example.com/prefix/api/a%2Fb/c%252Fd?q=tags%3D*"
        );
    }

    #[test]
    fn times_that_are_none() {
        assert_eq!(time(Some("0001-01-01T00:00:00Z")), None);
        assert_eq!(time(Some("yesterday")), None);
        assert!(time(Some("2026-01-02T03:04:05.678901Z")).is_some());
        assert!(time(Some("2026-01-02T03:04:05+08:00")).is_some());
    }
}
