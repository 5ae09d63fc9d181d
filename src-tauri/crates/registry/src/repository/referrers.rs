use std::collections::HashSet;

use http::{
    HeaderValue, Method,
    header::{ACCEPT, CONTENT_TYPE},
};
use url::Url;

use crate::{
    Answer, Ask, Code, Descriptor, Digest, Manifest, ManifestKind, MediaType, Place, Repository,
    Result, Target, link, manifest::MAX_SIZE,
};

/// Statuses by which registries say that they have no referrers API.
const NO_API: &[u16] = &[400, 404, 405, 501];
/// Where a list that does not end is given up.
const MOST_PAGES: usize = 1000;

impl Repository {
    /// Manifests that refer to `digest`, by the referrers API or else the tag schema.
    pub async fn referrers(&self, digest: &Digest) -> Result<Vec<Descriptor>> {
        if !self.learnt().no_referrers
            && let Some(found) = self.referrers_by_api(digest).await?
        {
            return Ok(found);
        }
        self.referrers_by_tag(digest).await
    }

    /// `None` if there is no such API.
    async fn referrers_by_api(&self, digest: &Digest) -> Result<Option<Vec<Descriptor>>> {
        let path = format!("referrers/{digest}");
        let mut answer =
            self.referrers_page(digest, Place::Path { path: &path, query: &[] }, NO_API).await?;
        if !answer.status.is_success() {
            let error = answer.into_error().await;
            // an unknown repository tells nothing about the API
            if error.registry_code() != Some("NAME_UNKNOWN") {
                self.learn(|host| host.no_referrers = true);
            }
            return Ok(None);
        }
        let (mut found, mut seen, mut pages) = (Vec::new(), HashSet::new(), HashSet::<Url>::new());
        loop {
            pages.insert(answer.url.clone());
            if pages.len() > MOST_PAGES {
                let message = "the list of referrers does not end";
                return Err(answer.error(Code::RegistryRefused, message));
            }
            let bytes = answer.bytes(MAX_SIZE).await?;
            let index = Manifest::parse(bytes, answer.header(CONTENT_TYPE), None);
            let Some(entries) = index.ok().as_ref().and_then(entries) else {
                self.learn(|host| host.no_referrers = true);
                return Ok(None);
            };
            found.extend(entries.into_iter().filter(|entry| seen.insert(entry.digest.clone())));
            match link::next(&answer).filter(|url| !pages.contains(url)) {
                Some(next) => answer = self.referrers_page(digest, Place::Url(next), &[]).await?,
                None => return Ok(Some(found)),
            }
        }
    }

    async fn referrers_page(
        &self,
        digest: &Digest,
        place: Place<'_>,
        accept: &[u16],
    ) -> Result<Answer> {
        let mut ask = Ask::new("looking for referrers", Method::GET, place);
        ask.accept = accept;
        ask.reference = Some(self.blob_reference(digest));
        self.send(
            ask.header(ACCEPT, HeaderValue::from_static("application/vnd.oci.image.index.v1+json")),
        )
        .await
    }

    /// The tag schema: an index under the tag `sha256-<hex>`. A tag of that name that is no index is something else.
    async fn referrers_by_tag(&self, digest: &Digest) -> Result<Vec<Descriptor>> {
        let hex: String = digest.hex().chars().take(64).collect();
        let Ok(tag) = format!("{}-{hex}", digest.algorithm().as_str()).parse() else {
            return Ok(Vec::new());
        };
        match self.get_manifest(&Target::Tag(tag)).await {
            Ok(manifest) => Ok(entries(&manifest).unwrap_or_default()),
            Err(e) if e.code() == Code::RefNotFound => Ok(Vec::new()),
            Err(e) => Err(e),
        }
    }
}

fn entries(index: &Manifest) -> Option<Vec<Descriptor>> {
    match index.kind() {
        ManifestKind::Index { manifests, .. } if *index.media_type() == MediaType::OciIndex => {
            Some(manifests.clone())
        }
        _ => None,
    }
}
