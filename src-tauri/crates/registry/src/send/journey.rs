//! One try of a request: the first contact with the host, what is shown to the registry, and where it leads.

use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Version,
    header::{AUTHORIZATION, CONTENT_LENGTH, LOCATION},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::{Lost, Reply, Trip};
use crate::{
    Body, Place,
    auth::{Challenge, Proof},
    failure::{Failure, Plain},
    host::{Scheme, Turn},
    redirect::{self, Home},
    retry::Class,
    wire::{Load, Parcel, transmit},
};

/// What stands for itself in a query. Digests, names and numbers stay readable, and so does what naive servers compare.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'/')
    .remove(b',');

impl Trip<'_> {
    /// One try: the first contact with the host if need be, then the search for what the registry wants to be shown.
    pub(super) async fn try_once(&mut self) -> Result<Reply, Lost> {
        let (mut scheme, mut first) =
            match self.host.contact.turn(self.reach.access.tls.plain_http).await {
                Turn::Known(scheme) => (scheme, None),
                Turn::First(alone, scheme) => (scheme, Some(alone)),
                Turn::Failed(failure) => return Err(Lost::Network(failure)),
            };
        let mut tls_failure: Option<Failure> = None;
        loop {
            let home = self.host.home(scheme, self.reach)?;
            let proof = self.seeker.proof(&home).await?;
            let reply = match self.journey(home.clone(), proof.header(), tls_failure.as_ref()).await
            {
                Ok(reply) => reply,
                Err(Lost::Network(failure)) if first.is_some() && !self.host.contact.is_made() => {
                    if scheme == Scheme::Https && self.may_be_plain(&failure) {
                        scheme = Scheme::Http;
                        // finding out how to ask is no try
                        self.attempts -= 1;
                        if failure.plain == Plain::Surely {
                            self.host.contact.seems_plain();
                        } else {
                            tls_failure = Some(failure);
                        }
                        continue;
                    }
                    // a host that seems to speak neither is told about as one that should speak TLS
                    let failure = tls_failure.unwrap_or(failure);
                    self.host.contact.failed(&failure);
                    return Err(Lost::Network(failure));
                }
                Err(lost) => return Err(lost),
            };
            if reply.is_abroad || reply.response.status() != StatusCode::UNAUTHORIZED {
                proof.accepted();
                return Ok(reply);
            }
            let challenges = Challenge::of(reply.response.headers());
            self.host.auth.remember(&challenges);
            drop(first.take());
            if self.seeker.again(&home, &proof, &challenges).await? {
                if matches!(self.ask.body, Body::Stream { .. }) {
                    return Err(Lost::Unauthorized);
                }
                continue;
            }
            let is_untried = matches!(&proof, Proof::Credential { login, .. } if !login.is_good());
            if self.ask.accept.contains(&401) && !is_untried {
                return Ok(reply);
            }
            let error = self.seeker.unauthorized(&proof, &challenges).status(401);
            return Err(Lost::Refused(Box::new(reply), error));
        }
    }

    /// Whether plain HTTP may be spoken with the host after TLS has failed in this way.
    fn may_be_plain(&self, failure: &Failure) -> bool {
        self.reach.access.tls.insecure
            && failure.plain != Plain::No
            && !matches!(self.ask.body, Body::Stream { .. })
    }

    /// Sends the request and follows where it is led. `tls_failure`
    /// is why plain HTTP is tried, where that was no sure sign of it.
    async fn journey(
        &mut self,
        home: Home,
        proof: Option<&HeaderValue>,
        tls_failure: Option<&Failure>,
    ) -> Result<Reply, Lost> {
        let mut url = self.url(&home);
        let mut token_abroad: Option<(Home, HeaderValue)> = None;
        let mut redirects = 0;
        loop {
            let is_home = home.owns(&url);
            // a token is shown to the host that it is for, not to the storage to which that leads
            let abroad = token_abroad.as_ref().filter(|(there, _)| there.owns(&url));
            let shown = if is_home { proof } else { abroad.map(|(_, token)| token) }.cloned();
            let response =
                self.request(&url, shown.as_ref(), is_home).await.map_err(|failure| {
                    let there = url.host_str().filter(|_| !is_home);
                    Lost::Network(match there {
                        Some(host) => {
                            Failure { reason: format!("{} (at {host})", failure.reason), ..failure }
                        }
                        None => failure,
                    })
                })?;
            let status = response.status();
            if is_home {
                if let Some(failure) = tls_failure
                    && status == StatusCode::BAD_REQUEST
                {
                    // so says a TLS server to one who speaks plainly
                    return Err(Lost::Network(failure.clone()));
                }
                let scheme =
                    if home.url.scheme() == "https" { Scheme::Https } else { Scheme::Http };
                self.host.contact.made(scheme);
                self.host.note(response.headers());
                self.client.0.warnings.note(&self.host.registry, response.headers());
            }
            let is_read = matches!(self.ask.method, Method::GET | Method::HEAD);
            if status == StatusCode::UNAUTHORIZED && !is_home && is_read && token_abroad.is_none() {
                let challenges = Challenge::of(response.headers());
                let mut there = url.clone();
                there.set_path("/");
                there.set_query(None);
                let there = Home { url: there, insecure: home.insecure };
                if let Some(token) = self.seeker.abroad(&there, &challenges).await? {
                    token_abroad = Some((there, token));
                    continue;
                }
            }
            let can_follow = match status.as_u16() {
                301..=303 => is_read,
                307 | 308 => is_read || !matches!(self.ask.body, Body::Stream { .. }),
                _ => false,
            };
            let target = response.headers().get(LOCATION).and_then(|target| target.to_str().ok());
            let Some(target) = target.filter(|_| can_follow) else {
                return Ok(Reply { response, home, url, shown, is_abroad: !is_home });
            };
            redirects += 1;
            let next = if redirects > redirect::MOST {
                Err("it was redirected too often")
            } else {
                home.follow(&url, target)
            };
            url = next.map_err(|why| redirect::refused(self.ask.what, target, why))?;
        }
    }

    async fn request(
        &mut self,
        url: &Url,
        shown: Option<&HeaderValue>,
        is_home: bool,
    ) -> Result<reqwest::Response, Failure> {
        let mut headers: HeaderMap = self.ask.headers.clone();
        headers.extend(shown.map(|value| (AUTHORIZATION, value.clone())));
        let (body, len) = match &mut self.ask.body {
            Body::Empty => (Load::Empty, 0),
            Body::Bytes(bytes) => (Load::Bytes(bytes.clone()), bytes.len() as u64),
            Body::Stream { len, stream } => {
                let stream = std::mem::replace(stream, Box::pin(futures_util::stream::empty()));
                (Load::Stream { len: *len, stream }, *len)
            }
        };
        if !matches!(self.ask.method, Method::GET | Method::HEAD) {
            // always said: some proxies answer 411 without it, and without it bodies would be sent in chunks
            headers.insert(CONTENT_LENGTH, len.into());
        }
        self.attempts += 1;
        let parcel = Parcel {
            method: self.ask.method.clone(),
            url: url.clone(),
            headers,
            body,
            wait: self.ask.wait,
        };
        let pool = if is_home { &self.reach.http } else { &self.reach.abroad };
        let is_small = !matches!(self.class, Class::Blob | Class::Write);
        if is_home && !is_small {
            // from now on there are connections to spare, and what is lost on one of them holds up no other request
            let mut learnt = self.host.learnt();
            (learnt.http1_only, learnt.blobs_move) = (true, true);
        }
        let may_share = is_home && is_small && url.scheme() == "https";
        let shares = may_share && !self.host.learnt().http1_only;
        let http = if shares { &pool.shared } else { &pool.single };
        let proxy = self.reach.access.proxy.as_ref();
        let result = transmit(self.client, http, proxy, parcel, self.attempts).await;
        let failed = match &result {
            Ok(response) => response.version() < Version::HTTP_2,
            Err(_) => self.host.contact.is_made(),
        };
        if shares && failed {
            // what is tried again does not share that connection's fate
            self.host.learnt().http1_only = true;
        }
        result
    }

    fn url(&self, home: &Home) -> Url {
        let mut text = String::from(home.url.as_str());
        let (path, query) = match &self.ask.place {
            Place::Url(url) => return url.clone(),
            Place::Root { path, query } => (path, query),
            Place::Path { path, query } => {
                text.push_str("v2/");
                if let Some(repository) = self.repository {
                    text.push_str(repository.as_str());
                    text.push('/');
                }
                (path, query)
            }
        };
        text.push_str(path);
        for (n, (name, value)) in query.iter().enumerate() {
            text.push(if n == 0 { '?' } else { '&' });
            text.extend(utf8_percent_encode(name, QUERY));
            text.push('=');
            text.extend(utf8_percent_encode(value, QUERY));
        }
        // names, tags and digests can't make an address unreadable
        Url::parse(&text).unwrap_or_else(|_| home.url.clone())
    }
}
