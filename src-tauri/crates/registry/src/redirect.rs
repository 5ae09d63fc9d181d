//! Where redirects, upload `Location`s, `Link`s and token services may lead.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::{Answer, Code, Error, Result};

/// How many redirects are followed.
pub(crate) const MOST: usize = 10;

/// Where a registry lives, for judging where it leads us.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    /// `https://host:port/`, and what stands before `v2/` there.
    pub(crate) url: Url,
    /// The registry's certificate is not verified: nothing that it says is safe anyway.
    pub(crate) insecure: bool,
}

impl Home {
    /// Whether an URL is of the registry's own scheme, host and port, so that credentials may go there.
    pub(crate) fn owns(&self, url: &Url) -> bool {
        self.url.scheme() == url.scheme()
            && self.url.host() == url.host()
            && self.url.port_or_known_default() == url.port_or_known_default()
    }

    /// Whether the registry is on this machine or its link.
    fn is_near(&self) -> bool {
        is_near(&self.url)
    }

    /// Resolves the target of a redirect, `Location` or `Link` found at `from`. The error says why it is refused.
    pub(crate) fn follow(&self, from: &Url, target: &str) -> Result<Url, &'static str> {
        let mut url = from.join(target.trim()).map_err(|_| "it is no address")?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("it is neither http nor https");
        }
        // user names in URLs are nobody's credentials here
        let _ = (url.set_username(""), url.set_password(None));
        url.set_fragment(None);
        self.mend(&mut url);
        if from.scheme() == "https" && url.scheme() == "http" {
            return Err("it leads from https to http");
        }
        if is_near(&url) && !self.is_near() && !self.insecure {
            return Err("it leads to this machine or its link");
        }
        Ok(url)
    }

    /// A registry behind a proxy doesn't know how it is called from outside: it says `http` where the proxy speaks
    /// TLS, or forgets the port.
    fn mend(&self, url: &mut Url) {
        if self.url.host() != url.host() || self.owns(url) {
            return;
        }
        let own = self.url.port_or_known_default();
        let port_is_ours = url.port().is_none() || url.port() == own;
        let upgrades = url.scheme() == "http" && self.url.scheme() == "https";
        let is_v2 = url.path().strip_prefix(self.url.path()).is_some_and(|p| p.starts_with("v2/"));
        let forgot_port = url.scheme() == self.url.scheme() && is_v2;
        if port_is_ours && (upgrades || forgot_port) {
            let _ = (url.set_scheme(self.url.scheme()), url.set_port(self.url.port()));
        }
    }

    /// The token service that a challenge names. The error says why it must not be asked.
    pub(crate) fn realm(&self, realm: &str) -> Result<Url, &'static str> {
        let mut url = self.url.join(realm).map_err(|_| "its address can't be read")?;
        let _ = (url.set_username(""), url.set_password(None));
        url.set_fragment(None);
        match url.scheme() {
            "https" => {}
            "http" if self.url.scheme() == "http" || self.insecure => {}
            "http" => return Err("it speaks plain http, and the registry https"),
            _ => return Err("it is neither http nor https"),
        }
        if is_near(&url) && !self.is_near() && !self.insecure {
            return Err("it is on this machine or its link");
        }
        Ok(url)
    }
}

/// `host` or `host:port` of an URL, for messages.
pub(crate) fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether an URL leads to this machine or to the link (where clouds keep their secrets).
fn is_near(url: &Url) -> bool {
    let near4 = |ip: Ipv4Addr| ip.is_loopback() || ip.is_link_local() || ip.is_unspecified();
    let near6 = |ip: Ipv6Addr| {
        ip.is_loopback()
            || ip.is_unicast_link_local()
            || ip.is_unspecified()
            || ip.to_ipv4_mapped().is_some_and(near4)
    };
    match url.host() {
        Some(Host::Ipv4(ip)) => near4(ip),
        Some(Host::Ipv6(ip)) => near6(ip),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => true,
    }
}

/// Whether secrets may be sent to an API beside the registry's. The error says why not.
pub(crate) fn service(url: &Url, insecure: bool) -> Result<(), &'static str> {
    let is_on_link = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_link_local() || ip.is_unspecified(),
        Some(Host::Ipv6(ip)) => {
            let near4 = |ip: Ipv4Addr| ip.is_link_local() || ip.is_unspecified();
            ip.is_unicast_link_local()
                || ip.is_unspecified()
                || ip.to_ipv4_mapped().is_some_and(near4)
        }
        Some(Host::Domain(_)) => false,
        None => return Err("it names no host"),
    };
    match url.scheme() {
        _ if is_on_link => Err("it is on this machine's link"),
        "https" => Ok(()),
        "http" if insecure || is_near(url) => Ok(()),
        "http" => Err("it speaks plain http, and secrets would go there"),
        _ => Err("it is neither http nor https"),
    }
}

/// The error for a target that is refused.
pub(crate) fn refused(what: &str, target: &str, why: &str) -> Error {
    let target = crate::redact::text(target, &[]);
    Error::new(Code::RedirectRefused, format!("{what} failed: not going to {target}: {why}"))
}

/// Resolves a `Location` or `Link` target against the URL that answered (RFC 3986), its query kept byte for byte. An
/// `http` address of the registry's own host becomes `https` where the registry speaks that (a TLS proxy in front of
/// it doesn't tell), and a port that was forgotten comes back; every other downgrade, and loopback or link-local
/// hosts unless the registry is one itself, is `redirect.refused`.
pub(crate) fn resolve(answer: &Answer, target: &str) -> Result<Url> {
    answer.home().follow(&answer.url, target).map_err(|why| {
        let error = refused(answer.what(), target, why);
        answer.place(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn follow(
        home: &str,
        insecure: bool,
        from: &str,
        target: &str,
    ) -> Result<String, &'static str> {
        let home = Home { url: Url::parse(home).unwrap(), insecure };
        home.follow(&home.url.join(from).unwrap(), target).map(String::from)
    }

    #[test]
    fn every_form_of_location() {
        let from = "/v2/a/blobs/uploads/?mount=x";
        for (home, target, expected) in [
            (
                "https://r.io/",
                "/v2/a/blobs/uploads/1?_state=a%2Fb+c=&x=%20",
                "https://r.io/v2/a/blobs/uploads/1?_state=a%2Fb+c=&x=%20",
            ),
            ("https://r.io/", "1?_state=x", "https://r.io/v2/a/blobs/uploads/1?_state=x"),
            ("https://r.io/", "?_state=x", "https://r.io/v2/a/blobs/uploads/?_state=x"),
            ("https://r.io/", "//s.io/x", "https://s.io/x"),
            ("https://r.io/", "https://r.io/x", "https://r.io/x"),
            ("https://r.io/", "https://r.io:443/x", "https://r.io/x"),
            ("https://r.io/", "http://r.io/x", "https://r.io/x"),
            ("https://r.io/", "http://r.io:443/x", "https://r.io/x"),
            ("https://r.io:5000/", "http://r.io/x", "https://r.io:5000/x"),
            ("https://r.io:5000/", "http://r.io:5000/x", "https://r.io:5000/x"),
            ("https://r.io:5000/", "https://r.io/v2/x", "https://r.io:5000/v2/x"),
            ("https://r.io:5000/", "https://r.io/other", "https://r.io/other"),
            ("http://r.io:5000/", "http://r.io/v2/x", "http://r.io:5000/v2/x"),
            ("http://r.io:5000/", "https://r.io:5001/v2/x", "https://r.io:5001/v2/x"),
            ("https://r.io/", "https://u:p@s.io/x#f", "https://s.io/x"),
            ("https://r.io/", " /x ", "https://r.io/x"),
            ("http://127.0.0.1:5000/", "http://127.0.0.1:6000/x", "http://127.0.0.1:6000/x"),
        ] {
            assert_eq!(
                follow(home, false, from, target).as_deref(),
                Ok(expected),
                "{home} {target}"
            );
        }
    }

    #[test]
    fn what_is_refused() {
        for (target, why) in [
            ("http://s.io/x", "it leads from https to http"),
            ("http://r.io:8080/x", "it leads from https to http"),
            ("ftp://r.io/x", "it is neither http nor https"),
            ("file:///etc/passwd", "it is neither http nor https"),
            ("https://", "it is no address"),
            ("https://localhost/x", "it leads to this machine or its link"),
            ("https://a.localhost./x", "it leads to this machine or its link"),
            ("https://127.1.2.3/x", "it leads to this machine or its link"),
            ("https://2130706433/x", "it leads to this machine or its link"),
            ("https://0.0.0.0/x", "it leads to this machine or its link"),
            ("https://169.254.169.254/latest/meta-data", "it leads to this machine or its link"),
            ("https://[::1]/x", "it leads to this machine or its link"),
            ("https://[::ffff:127.0.0.1]/x", "it leads to this machine or its link"),
            ("https://[fe80::1]/x", "it leads to this machine or its link"),
        ] {
            assert_eq!(follow("https://r.io/", false, "/v2/", target), Err(why), "{target}");
        }
        assert!(follow("https://r.io/", true, "/v2/", "https://169.254.1.1/x").is_ok());
        assert!(follow("https://localhost/", false, "/v2/", "https://[::1]/x").is_ok());
        assert!(follow("https://r.io/", true, "/v2/", "http://s.io/x").is_err(), "even so");
    }

    #[test]
    fn whose_credentials() {
        let home = Home { url: Url::parse("https://r.io/").unwrap(), insecure: false };
        for (url, owns) in [
            ("https://r.io/v2/", true),
            ("https://r.io:443/v2/", true),
            ("https://R.IO/v2/", true),
            ("http://r.io/v2/", false),
            ("https://r.io:444/v2/", false),
            ("https://s.r.io/v2/", false),
        ] {
            assert_eq!(home.owns(&Url::parse(url).unwrap()), owns, "{url}");
        }
    }

    #[test]
    fn services_that_get_secrets() {
        for (url, insecure, fine) in [
            ("https://api.ecr.eu-west-1.amazonaws.com/", false, true),
            ("http://api.ecr.eu-west-1.amazonaws.com/", false, false),
            ("http://api.example/", true, true),
            ("http://127.0.0.1:1/", false, true),
            ("http://localhost:1/", false, true),
            ("https://169.254.169.254/", false, false),
            ("http://169.254.169.254/", true, false),
            ("https://[fe80::1]/", false, false),
            ("https://[::ffff:169.254.169.254]/", false, false),
            ("https://0.0.0.0/", false, false),
            ("file:///etc/passwd", false, false),
        ] {
            assert_eq!(service(&Url::parse(url).unwrap(), insecure).is_ok(), fine, "{url}");
        }
    }

    #[test]
    fn token_services() {
        let realm = |home: &str, insecure, realm: &str| {
            let home = Home { url: Url::parse(home).unwrap(), insecure };
            home.realm(realm).map(String::from)
        };
        assert_eq!(realm("https://r.io/", false, "/t?x=1").as_deref(), Ok("https://r.io/t?x=1"));
        assert_eq!(
            realm("https://r.io/", false, "https://u:p@a.io/t").as_deref(),
            Ok("https://a.io/t")
        );
        assert!(realm("https://r.io/", false, "http://r.io/t").is_err());
        assert!(realm("https://r.io/", true, "http://r.io/t").is_ok());
        assert!(realm("http://r.io/", false, "http://a.io/t").is_ok());
        assert!(realm("https://r.io/", false, "https://169.254.169.254/t").is_err());
        assert!(realm("https://r.io/", false, "file:///t").is_err());
        assert!(realm("http://localhost:5000/", false, "http://127.0.0.1:5001/t").is_ok());
    }
}
