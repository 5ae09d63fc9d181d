use bytes::Bytes;
use http::{
    HeaderValue, Method,
    header::{ACCEPT, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};

use crate::{
    Answer, Ask, Body, Code, Digest, Error, Manifest, MediaType, Place, Repository, Result, Side,
    Target, Wait, headers,
    manifest::MAX_SIZE,
    patience::Patience,
    refusal,
    repository::{ManifestHead, ManifestPut},
    retry::Class,
};

/// What became of one fetch.
#[expect(clippy::large_enum_variant, reason = "there is one of it per request")]
enum Fetched {
    Manifest(Manifest),
    /// The body broke off.
    Broken(Error),
    /// The bytes hash to `got`, though the registry or the caller named another digest.
    Damaged {
        named: Digest,
        got: Digest,
        error: Error,
    },
}

impl Repository {
    /// Whether a manifest is there and what it is. At a destination, "denied" counts as absent (quirk 43). Where HEAD
    /// does not work or gives no digest, GET is used and remembered for the host.
    pub async fn head_manifest(&self, target: &Target) -> Result<Option<ManifestHead>> {
        self.head_manifest_unless(target, None).await
    }

    /// The same, for one who supposes that the manifest is `known`. A registry that names manifests' digests as their
    /// entity tags is asked to tell no more than that it is (RFC 9110, section 13.1.2), which costs it less: the
    /// head then has nothing but the digest, and the tag may name a manifest that is gone.
    pub async fn head_manifest_unless(
        &self,
        target: &Target,
        known: Option<&Digest>,
    ) -> Result<Option<ManifestHead>> {
        for mirror in self.mirrors().await {
            match mirror.look_for_manifest(target, known).await {
                Ok(Some(head)) => return Ok(Some(head)),
                other => mirror.pass_over(other.err().as_ref()),
            }
        }
        match self.look_for_manifest(target, known).await {
            // some say 401 of what is absent, whoever asks (Docker Hub, Quay): the upload finds out what we may do
            Err(error)
                if self.side == Side::Destination
                    && error.code() == Code::PushDenied
                    && error.http_status() == Some(401) =>
            {
                Ok(None)
            }
            told => told,
        }
    }

    async fn look_for_manifest(
        &self,
        target: &Target,
        known: Option<&Digest>,
    ) -> Result<Option<ManifestHead>> {
        let learnt = self.learnt();
        if learnt.head_unsupported {
            return self.head_by_get(target).await;
        }
        let path = format!("manifests/{target}");
        let mut ask = self.manifest_ask("looking for the manifest", Method::HEAD, &path, target);
        ask.accept = &[400, 403, 404, 405, 501];
        let known = known.filter(|_| learnt.etags_are_digests);
        if let Some(tag) = known.and_then(|known| entity_tag(known).parse().ok()) {
            ask = ask.header(IF_NONE_MATCH, tag);
            ask.accept = &[304, 400, 403, 404, 405, 501];
        }
        let answer = self.send(ask).await?;
        let told = match answer.status.as_u16() {
            304 => known.map(|known| ManifestHead {
                digest: headers::digest(&answer).unwrap_or_else(|| known.clone()),
                media_type: None,
                size: None,
            }),
            403 | 404 if self.side == Side::Destination => return Ok(None),
            400 | 403 | 404 | 405 | 501 => None,
            _ => {
                answer.check_no_page()?;
                let head = head_of(&answer, target);
                if let Some(head) = &head
                    && !learnt.etags_are_digests
                    && answer.header(ETAG) == Some(entity_tag(&head.digest).as_str())
                {
                    self.learn(|host| host.etags_are_digests = true);
                }
                head
            }
        };
        if told.is_some() {
            return Ok(told);
        }
        let head = self.head_by_get(target).await?;
        if head.is_some() {
            self.learn(|host| host.head_unsupported = true);
        }
        Ok(head)
    }

    async fn head_by_get(&self, target: &Target) -> Result<Option<ManifestHead>> {
        let manifest = match self.fetch(target).await {
            Ok(manifest) => manifest,
            Err(e) if e.http_status() == Some(404) => return Ok(None),
            // whether the place can be written to is for the PUT to find out
            Err(e)
                if self.side == Side::Destination
                    && !matches!(e.code(), Code::NotARegistry | Code::RepoName)
                    && matches!(e.http_status(), Some(400 | 403)) =>
            {
                return Ok(None);
            }
            Err(e) => return Err(e),
        };
        Ok(Some(ManifestHead {
            digest: manifest.digest().clone(),
            media_type: Some(manifest.media_type().clone()),
            size: Some(manifest.bytes().len() as u64),
        }))
    }

    /// A manifest, its bytes verified. By tag, the digest that the registry's header claims is verified against the
    /// body too; a body that differs is fetched again by that digest, and again up to `retries` times.
    pub async fn get_manifest(&self, target: &Target) -> Result<Manifest> {
        for mirror in self.mirrors().await {
            match mirror.fetch(target).await {
                Ok(manifest) => return Ok(manifest),
                Err(error) => mirror.pass_over(Some(&error)),
            }
        }
        self.fetch(target).await.map_err(|error| match error.http_status() {
            Some(404) if error.code() != Code::NotARegistry => {
                error.becomes(Code::RefNotFound, "there is no such manifest")
            }
            _ => error,
        })
    }

    async fn fetch(&self, target: &Target) -> Result<Manifest> {
        let mut patience = Patience::of(self);
        let mut target = target.clone();
        let mut damage: Option<(Digest, Error)> = None;
        loop {
            let error = match (self.fetch_once(&target).await, damage.take()) {
                (Ok(Fetched::Manifest(manifest)), _) => return Ok(manifest),
                (Ok(Fetched::Damaged { named, got, error }), _) => {
                    target = Target::Digest(named);
                    damage = Some((got, error.clone()));
                    error
                }
                // the header named nothing that is there: it may be the header that is wrong, not the body
                (Err(e), Some((got, error))) if e.http_status() == Some(404) => {
                    return match self.fetch_once(&Target::Digest(got)).await {
                        Ok(Fetched::Manifest(manifest)) => Ok(manifest),
                        _ => Err(error),
                    };
                }
                (Ok(Fetched::Broken(error)), before) => {
                    damage = before;
                    error
                }
                (Err(e), _) => return Err(e),
            };
            patience.pause(&error).await?;
        }
    }

    async fn fetch_once(&self, target: &Target) -> Result<Fetched> {
        let path = format!("manifests/{target}");
        let mut answer = self
            .send(self.manifest_ask("reading the manifest", Method::GET, &path, target))
            .await?;
        self.client.host_state(&self.registry).pulled();
        answer.check_no_page()?;
        let too_large = || format!("the manifest is larger than {} MiB", MAX_SIZE / (1024 * 1024));
        if headers::length(&answer).is_some_and(|length| length > MAX_SIZE as u64) {
            return Err(answer.error(Code::ManifestInvalid, too_large()));
        }
        let bytes = match answer.bytes(MAX_SIZE).await {
            Ok(bytes) => bytes,
            Err(error) if error.is_retryable() => return Ok(Fetched::Broken(error)),
            Err(error) => return Err(error),
        };
        let named = match target {
            Target::Digest(digest) => Some(digest.clone()),
            Target::Tag(_) => headers::digest(&answer),
        };
        match Manifest::parse(bytes.clone(), answer.header(CONTENT_TYPE), named.as_ref()) {
            Ok(manifest) => Ok(Fetched::Manifest(manifest)),
            Err(e) => {
                let error = answer.error(e.code(), e.message());
                match named {
                    Some(named) if e.code() == Code::DigestMismatch => {
                        let got = Digest::of(named.algorithm(), &bytes);
                        Ok(Fetched::Damaged { named, got, error })
                    }
                    _ => Err(error),
                }
            }
        }
    }

    /// Puts a manifest. `digest` is verified against what the registry says it stored.
    pub async fn put_manifest(
        &self,
        target: &Target,
        media_type: &MediaType,
        bytes: Bytes,
        digest: &Digest,
    ) -> Result<ManifestPut> {
        let reference = self.reference(target);
        let content_type = HeaderValue::from_str(media_type.as_str()).map_err(|e| {
            let error =
                Error::new(Code::ManifestInvalid, "the manifest's media type can't be sent");
            self.blame(error.cause(&e), &reference)
        })?;
        let path = format!("manifests/{target}");
        let mut patience = Patience::of(self);
        let mut created = false;
        let answer = loop {
            let mut ask = Ask::new(
                "writing the manifest",
                Method::PUT,
                Place::Path { path: &path, query: &[] },
            );
            ask.body = Body::Bytes(bytes.clone());
            ask.wait = Wait::Upload;
            ask.reference = Some(reference.clone());
            let error = match self.send(ask.header(CONTENT_TYPE, content_type.clone())).await {
                Ok(answer) => break answer,
                Err(error) => refusal::of_manifest(error, media_type),
            };
            match error.code() {
                // what was just written may not be seen everywhere yet
                Code::BlobNotFound => {
                    patience.pause(&error).await?;
                }
                Code::RepoMustExist if !created && self.create().await? => created = true,
                // some refuse to set the tag to what it is already, and some say no more than that there is a conflict
                Code::TagImmutable | Code::RegistryRefused
                    if error.code() == Code::TagImmutable || is_conflict(&error, target) =>
                {
                    return match self.head_manifest(target).await {
                        Ok(Some(head)) if head.digest == *digest => {
                            Ok(ManifestPut { subject_kept: false })
                        }
                        Ok(Some(_)) => Err(refusal::of_locked_tag(error)),
                        _ => Err(error),
                    };
                }
                _ => return Err(error),
            }
        };
        answer.check_no_page()?;
        if let Some(stored) = headers::digest(&answer) {
            let ours = stored == *digest || stored == Digest::of(stored.algorithm(), &bytes);
            if !ours {
                let message = format!(
                    "the registry stored another manifest: expected {digest}, got {stored}"
                );
                return Err(answer.error(Code::DigestMismatch, message));
            }
        }
        Ok(ManifestPut { subject_kept: answer.headers.contains_key("oci-subject") })
    }

    /// After a manifest was found to be absent: whether the registry says that there is not even the repository
    /// (`NAME_UNKNOWN`). Registries that create repositories at the first push mostly don't tell the two apart.
    pub async fn is_unknown(&self, target: &Target) -> Result<bool> {
        let path = format!("manifests/{target}");
        let mut ask = self.manifest_ask("looking for the repository", Method::GET, &path, target);
        ask.accept = &[404];
        let mut answer = self.client.send(&self.registry, Some(&self.name), self.side, ask).await?;
        Ok(!answer.status.is_success() && says_unknown(&mut answer).await)
    }

    /// The same, by the list of its tags; there most tell. Hosts that don't are asked once, and those that want no
    /// lists to be asked for now are not. Where it can't be found out, that is no.
    pub async fn is_unlisted(&self) -> bool {
        let host = self.client.host_state(&self.registry);
        if self.learnt().missing_untold || host.pauses.left(Class::List).is_some() {
            return false;
        }
        let path = Place::Path { path: "tags/list", query: &[("n", "1")] };
        let mut ask = Ask::new("looking for the repository", Method::GET, path);
        ask.reference = Some(format!("{}/{}", self.registry, self.name));
        ask.retry = false;
        ask.accept = &[401, 403, 404];
        let Ok(mut answer) = self.send(ask).await else { return false };
        if answer.status.is_success() {
            return false;
        }
        let is_unknown = answer.status.as_u16() == 404 && says_unknown(&mut answer).await;
        if !is_unknown {
            self.learn(|host| host.missing_untold = true);
        }
        is_unknown
    }

    fn manifest_ask<'a>(
        &self,
        what: &'static str,
        method: Method,
        path: &'a str,
        target: &Target,
    ) -> Ask<'a> {
        let mut ask = Ask::new(what, method, Place::Path { path, query: &[] });
        ask.reference = Some(self.reference(target));
        ask.header(ACCEPT, HeaderValue::from_static(MediaType::ACCEPT))
    }
}

async fn says_unknown(answer: &mut Answer) -> bool {
    let code = answer.error_body().await.code;
    code.is_some_and(|code| code == "NAME_UNKNOWN" || code.starts_with("RepositoryNotFound"))
}

/// The entity tag of a manifest where digests are used for that.
fn entity_tag(digest: &Digest) -> String {
    format!("\"{digest}\"")
}

/// A conflict at a tag, for which no reason is given that says more.
fn is_conflict(error: &Error, target: &Target) -> bool {
    error.http_status() == Some(409) && matches!(target, Target::Tag(_))
}

fn head_of(answer: &Answer, target: &Target) -> Option<ManifestHead> {
    let digest = match target {
        Target::Digest(digest) => digest.clone(),
        Target::Tag(_) => headers::digest(answer)?,
    };
    Some(ManifestHead {
        digest,
        media_type: answer
            .header(CONTENT_TYPE)
            .map(MediaType::parse)
            .filter(|told| !told.is_generic()),
        size: headers::length(answer),
    })
}
