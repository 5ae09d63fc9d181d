//! The registries that people use, as data: how each is addressed, how one signs in, what it lists, what must exist
//! before the first push. Nothing is asked here; `providers.json` says it, and a test holds its form.

use std::sync::OnceLock;

use registry::{Api, Code, Demand, Error, Registry, RepositoryName, Sentence, Vendor, sentence};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::SecretKind;

/// A text in the languages of the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// A kind of registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Provider {
    /// Its name in files.
    pub id: String,
    /// What it is called.
    pub name: Text,
    /// The forms of its address, the usual one first.
    pub addresses: Vec<Template>,
    /// Hosts that are its own: `*` stands for any part of a name. None where everyone runs it under a name of their own.
    pub hosts: Vec<String>,
    /// Which user name it wants.
    pub user: Text,
    /// The kinds of secret that it takes, the usual one first.
    pub secrets: Vec<SecretKind>,
    /// What it lists.
    pub listing: Listing,
    /// What must exist before the first push.
    pub must_exist: MustExist,
    /// How many components a repository's name has.
    pub depth: Depth,
    /// The limits that it publishes.
    pub limits: Vec<Text>,
    /// Its documentation.
    pub docs: Url,
    /// Its place in the list where the language is Chinese, before those that have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chinese_rank: Option<u8>,
}

/// An address with named holes: `{account}.dkr.ecr.{region}.amazonaws.com`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// The address.
    pub template: String,
    /// When it is the one, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}

/// What a registry lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Listing {
    /// Its repositories, by `_catalog`.
    Catalog,
    /// Its repositories, by an API of its own.
    Api,
    /// No repositories.
    None,
}

/// What must exist before the first push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MustExist {
    /// How much of the repository's name.
    pub level: Level,
    /// What that is called there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<Text>,
}

/// How much of a repository's name must exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// None of it.
    Nothing,
    /// Its beginning: namespace, project, organization.
    Namespace,
    /// All of it.
    Repository,
}

/// How many components a repository's name has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Depth {
    /// At least so many.
    pub min: usize,
    /// At most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<usize>,
}

/// Every provider, in the order for English.
pub fn all() -> &'static [Provider] {
    static ALL: OnceLock<Vec<Provider>> = OnceLock::new();
    ALL.get_or_init(|| {
        let read = serde_json::from_str(include_str!("provider/providers.json"));
        // the tests read it too
        read.unwrap_or_else(|error| {
            tracing::error!(%error, "the list of providers can't be read");
            Vec::new()
        })
    })
}

/// Every provider in the order for a language (`zh`, `zh-CN`, `en`, …): in Chinese those come first that are used most
/// in China.
pub fn ordered(language: &str) -> Vec<&'static Provider> {
    let mut list: Vec<_> = all().iter().collect();
    let is_chinese = language.split(['-', '_']).next() == Some("zh");
    if is_chinese {
        list.sort_by_key(|provider| provider.chinese_rank.unwrap_or(u8::MAX));
    } else {
        // what everyone knows first; the order of the file otherwise
        let rank = |provider: &Provider| ENGLISH.iter().position(|id| *id == provider.id);
        list.sort_by_key(|provider| rank(provider).unwrap_or(usize::MAX));
    }
    list
}

/// The order for other languages than Chinese.
const ENGLISH: &[&str] = &[
    "docker-hub",
    "ghcr",
    "ecr",
    "ecr-public",
    "gar",
    "gcr",
    "azure",
    "quay",
    "harbor",
    "gitlab",
    "artifactory",
    "nexus",
    "gitea",
    "zot",
    "registry",
    "acr-enterprise",
    "acr-personal",
    "swr",
    "tcr",
];

/// The provider with an id.
pub fn get(id: &str) -> Option<&'static Provider> {
    all().iter().find(|provider| provider.id == id)
}

/// The provider that a host belongs to, where its name tells.
pub fn of_host(registry: &Registry) -> Option<&'static Provider> {
    let host = registry.as_str();
    all().iter().find(|provider| provider.hosts.iter().any(|pattern| fits(pattern, host)))
}

/// Whether a host fits a pattern: each `*` stands for one or more characters, dots among them.
fn fits(pattern: &str, host: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == host };
    let Some(left) = host.strip_prefix(head) else { return false };
    // the star takes at least one character
    (1..=left.len())
        .filter(|at| left.is_char_boundary(*at))
        .any(|at| if rest.is_empty() { at == left.len() } else { fits(rest, &left[at..]) })
}

impl Template {
    /// The names of its holes, in their order.
    pub fn holes(&self) -> Vec<&str> {
        let parts = self.template.split('{').skip(1);
        parts.filter_map(|part| part.split_once('}').map(|(name, _)| name)).collect()
    }

    /// The address with its holes filled; `None` if one is not.
    pub fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Option<String> {
        let mut filled = self.template.clone();
        for hole in self.holes() {
            let value = value(hole).filter(|value| !value.is_empty())?;
            filled = filled.replace(&format!("{{{hole}}}"), &value);
        }
        Some(filled)
    }
}

impl Provider {
    /// Whose API lists and creates there.
    pub fn vendor(&self) -> Vendor {
        match self.id.as_str() {
            "acr-enterprise" => Vendor::AliyunEnterprise,
            "acr-personal" => Vendor::AliyunPersonal,
            "artifactory" => Vendor::Artifactory,
            "azure" => Vendor::Azure,
            "docker-hub" => Vendor::DockerHub,
            "ecr" => Vendor::Ecr,
            "ecr-public" => Vendor::EcrPublic,
            "gar" | "gcr" => Vendor::Google,
            "ghcr" => Vendor::Ghcr,
            "gitlab" => Vendor::GitLab,
            "harbor" => Vendor::Harbor,
            "quay" => Vendor::Quay,
            _ => Vendor::Other,
        }
    }

    /// Why a name can't be one of its repositories'.
    pub fn refuses(&self, registry: &Registry, repository: &RepositoryName) -> Option<Error> {
        let count = repository.as_str().split('/').count();
        let Depth { min, max } = self.depth;
        if count >= min && max.is_none_or(|max| count <= max) {
            return None;
        }
        let wants = match max {
            Some(max) if max == min => format!("exactly {min}"),
            Some(max) => format!("{min} to {max}"),
            None => format!("at least {min}"),
        };
        let parts = if count == 1 { "component" } else { "components" };
        let message = format!(
            "{} takes repository names of {wants} components, and '{repository}' has {count} {parts}",
            self.name.en
        );
        let forms: &[&str] = match (min, self.id.as_str()) {
            (3, _) => &["project", "repository", "image"],
            (_, "gcr") => &["project", "image"],
            _ => &["namespace", "repository"],
        };
        let hint = format!("Write the destination as '{registry}/{}'.", forms.join("/"));
        Some(Error::new(Code::RepoName, message).registry(registry).hint(hint))
    }
}

/// Whether an API may be there: `http` or `https`, and no user name or password.
pub fn is_api(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
}

/// The API of a registry's vendor, by what an account or an entry says: the provider's id, and where the API is. The
/// error says why that can't be.
pub fn api(
    provider: Option<&str>,
    url: Option<&Url>,
    registry: &Registry,
) -> Result<Option<Api>, &'static str> {
    let url = url.cloned();
    if url.as_ref().is_some_and(|url| !is_api(url)) {
        return Err("it must be a URL such as https://harbor.example.com/, without a user name");
    }
    let named = provider.and_then(get).map(Provider::vendor).or_else(|| match url {
        Some(_) => Vendor::of_host(registry),
        // the client looks at the name itself, and at how the registry asks for a login
        None => None,
    });
    match named {
        Some(vendor) => Ok(Some(Api { vendor, url })),
        None if url.is_some() => Err("say whose API it is: name the provider too"),
        None => Ok(None),
    }
}

/// Reads what stands before `/v2/` in a registry's addresses. The error says why it can't be that.
pub fn path_prefix(text: &str) -> Result<String, Sentence> {
    let text = text.trim_matches('/');
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
    let is_segment = |segment: &str| {
        !segment.is_empty() && segment.chars().all(fine) && !matches!(segment, "." | "..")
    };
    if text.split('/').all(is_segment) {
        Ok(text.to_owned())
    } else {
        Err(sentence!(
            "must_be_path",
            "it must be a path such as {example}",
            example = "artifactory/api/docker/key",
        ))
    }
}

/// What must be so before a repository can be written to, by what is known of its provider.
pub fn demand(
    provider: Option<&Provider>,
    registry: &Registry,
    repository: &RepositoryName,
) -> Result<Demand, Error> {
    let Some(provider) = provider else { return Ok(Demand::Nothing) };
    if let Some(error) = provider.refuses(registry, repository) {
        return Err(error);
    }
    Ok(match provider.must_exist.level {
        Level::Repository => Demand::Created,
        Level::Nothing | Level::Namespace => Demand::Nothing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Address;

    #[test]
    fn every_provider_of_the_list_is_whole() {
        let read: Vec<Provider> =
            serde_json::from_str(include_str!("provider/providers.json")).unwrap();
        assert_eq!(read.len(), 19);
        let holes = ["host", "port", "name", "region", "account", "area"];
        for provider in &read {
            let id = &provider.id;
            let texts = [&provider.name, &provider.user].into_iter().chain(&provider.limits);
            for text in texts.chain(provider.addresses.iter().filter_map(|a| a.note.as_ref())) {
                assert!(!text.en.is_empty() && !text.zh.is_empty(), "{id}");
            }
            assert!(!provider.secrets.is_empty() && provider.docs.scheme() == "https", "{id}");
            assert!(provider.depth.max.is_none_or(|max| max >= provider.depth.min), "{id}");
            assert_eq!(
                provider.must_exist.what.is_some(),
                provider.must_exist.level != Level::Nothing,
                "{id}"
            );
            for template in &provider.addresses {
                assert!(template.holes().iter().all(|hole| holes.contains(hole)), "{id}");
                let filled = template.fill(|hole| {
                    Some(
                        if hole == "port" {
                            "5000"
                        } else if hole == "host" {
                            "r.example"
                        } else {
                            "a1"
                        }
                        .into(),
                    )
                });
                let address: Address = filled.unwrap().parse().unwrap();
                // a host that is the provider's own is found again
                if !provider.hosts.is_empty() && !template.template.contains("{host}") {
                    let found = of_host(&address.registry).map(|found| found.id.as_str());
                    assert_eq!(found, Some(id.as_str()), "{address}");
                }
            }
            assert!(ENGLISH.contains(&id.as_str()), "{id} has a place in the order");
            assert_eq!(read.iter().filter(|other| other.id == *id).count(), 1, "{id}");
        }
        let template = &get("ecr").unwrap().addresses[0];
        assert_eq!(template.holes(), ["account", "region"]);
        assert_eq!(template.fill(|hole| (hole == "region").then(|| "x".into())), None);
    }

    #[test]
    fn hosts_tell_their_provider() {
        for (host, id) in [
            ("docker.io", Some("docker-hub")),
            ("index.docker.io", Some("docker-hub")),
            ("quay.io", Some("quay")),
            ("ghcr.io", Some("ghcr")),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", Some("ecr")),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", Some("ecr")),
            ("public.ecr.aws", Some("ecr-public")),
            ("europe-west3-docker.pkg.dev", Some("gar")),
            ("eu.gcr.io", Some("gcr")),
            ("gcr.io", Some("gcr")),
            ("myteam.azurecr.io", Some("azure")),
            ("registry.cn-hangzhou.aliyuncs.com", Some("acr-personal")),
            ("registry-vpc.cn-hangzhou.aliyuncs.com", Some("acr-personal")),
            ("registry-internal.cn-hangzhou.aliyuncs.com", Some("acr-personal")),
            ("crpi-1.cn-hangzhou.personal.cr.aliyuncs.com", Some("acr-personal")),
            ("my-registry.cn-hangzhou.cr.aliyuncs.com", Some("acr-enterprise")),
            ("my-registry-vpc.cn-hangzhou.cr.aliyuncs.com", Some("acr-enterprise")),
            ("swr.cn-north-4.myhuaweicloud.com", Some("swr")),
            ("team.tencentcloudcr.com", Some("tcr")),
            ("ccr.ccs.tencentyun.com", Some("tcr")),
            ("hkccr.ccs.tencentyun.com", Some("tcr")),
            ("team.jfrog.io", Some("artifactory")),
            ("registry.gitlab.com", Some("gitlab")),
            (".dkr.ecr.x.amazonaws.com.evil.example", None),
            ("azurecr.io", None),
            ("quay.io.example.com", None),
            ("harbor.example.com", None),
            ("localhost:5000", None),
        ] {
            let Ok(registry) = host.parse::<Registry>() else { continue };
            let found = of_host(&registry).map(|provider| provider.id.as_str());
            assert_eq!(found, id, "{host}");
        }
    }

    #[test]
    fn whose_api_it_is_and_where() {
        let registry: Registry = "harbor.example.com".parse().unwrap();
        let url = |text: &str| text.parse::<Url>().unwrap();
        let at = |provider, text: Option<&str>| api(provider, text.map(url).as_ref(), &registry);
        assert_eq!(at(None, None), Ok(None), "the registry itself may tell");
        let harbor = at(Some("harbor"), None).unwrap().unwrap();
        assert_eq!((harbor.vendor, harbor.url), (Vendor::Harbor, None));
        let harbor = at(Some("harbor"), Some("https://api.example.com/h")).unwrap().unwrap();
        assert_eq!(harbor.url, Some(url("https://api.example.com/h")));
        assert!(at(None, Some("https://api.example.com/")).unwrap_err().contains("provider"));
        for wrong in ["ftp://x/", "https://u:p@x/", "file:///x"] {
            assert!(at(Some("harbor"), Some(wrong)).is_err(), "{wrong}");
        }
        let ecr: Registry = "123456789012.dkr.ecr.eu-west-1.amazonaws.com".parse().unwrap();
        let told = api(None, Some(&url("https://vpce.example.com/")), &ecr).unwrap().unwrap();
        assert_eq!(told.vendor, Vendor::Ecr, "the host tells");
    }

    #[test]
    fn what_stands_before_v2() {
        assert_eq!(
            path_prefix("/artifactory/api/docker/key/").unwrap(),
            "artifactory/api/docker/key"
        );
        for wrong in ["", "/", "a//b", "a/../b", "a?b", "a b", "a/%2e%2e", "https://x/a"] {
            assert!(path_prefix(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_language_orders_the_list() {
        let ids = |language| -> Vec<&str> {
            ordered(language).into_iter().map(|provider| provider.id.as_str()).collect()
        };
        for chinese in ["zh", "zh-CN", "zh_TW"] {
            assert_eq!(
                ids(chinese)[..6],
                ["acr-enterprise", "acr-personal", "swr", "tcr", "harbor", "docker-hub"]
            );
        }
        assert_eq!(ids("en")[0], "docker-hub");
        assert_eq!(ids("de").len(), all().len());
    }

    #[test]
    fn names_of_the_wrong_depth_are_refused_with_the_form_that_is_right() {
        let check = |host: &str, name: &str| {
            let registry: Registry = host.parse().unwrap();
            let provider = match host {
                "harbor.example.com" => get("harbor"),
                _ => of_host(&registry),
            };
            demand(provider, &registry, &name.parse().unwrap())
        };
        for (host, name, wants) in [
            ("docker.io", "a/b/c", "exactly 2"),
            ("registry.cn-hangzhou.aliyuncs.com", "a", "exactly 2"),
            ("europe-docker.pkg.dev", "p/r", "at least 3"),
            ("harbor.example.com", "a", "at least 2"),
        ] {
            let error = check(host, name).unwrap_err();
            assert_eq!(error.code(), Code::RepoName);
            assert!(error.message().contains(wants), "{error}");
            assert!(error.own_hints().any(|hint| hint.contains(host)), "{error}");
        }
        for (host, name, wants) in [
            ("docker.io", "library/a", Demand::Nothing),
            ("europe-docker.pkg.dev", "p/r/a/b", Demand::Nothing),
            ("x.example.com", "a", Demand::Nothing),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "a", Demand::Created),
            ("public.ecr.aws", "alias/a", Demand::Created),
        ] {
            assert_eq!(check(host, name).unwrap(), wants, "{host}/{name}");
        }
    }
}
