//! A look at destinations afterwards: whether what a run says it left there is there, down to the last blob. Nothing is
//! written, and no layer is read: registries are taken at their word about what they hold, not at their tags'.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use futures_util::{StreamExt as _, stream};
use registry::{
    Client, Code, Digest, Error, Manifest, ManifestKind, Reference, Registry, Repository,
    RepositoryName, Result, Target,
};
use tokio::sync::{Mutex, OnceCell};
use tokio_util::sync::CancellationToken;

use crate::{
    Control, Failure, IndexPolicy, Policy,
    board::Board,
    lanes::Lanes,
    run::Run,
    tree::{Root, Tree},
};

/// Images that are looked at together.
const IMAGES: usize = 16;
/// Blobs of each that are asked for together.
const BLOBS: usize = 8;

/// What shall stand at a destination.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Where: with a tag, or by digest.
    pub destination: Reference,
    /// What.
    pub digest: Digest,
}

/// What was found there.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// Manifests that were asked for.
    pub manifests: u64,
    /// Blobs that were asked for; a blob of several images of one repository counts for the first.
    pub blobs: u64,
    /// What is not as it should be.
    pub problem: Option<Failure>,
}

/// Asks each destination for the image, every manifest under it and every blob. The answers are in the order of what
/// is expected.
pub async fn verify(client: Client, index: IndexPolicy, expected: Vec<Expected>) -> Vec<Verified> {
    let control = Control {
        lanes: Lanes::new(client.requests_per_host()),
        client,
        board: Arc::new(Board::new(true)),
        stop: CancellationToken::new(),
    };
    let look = Arc::new(Look {
        run: Run::new(&[], Policy { index, ..Policy::default() }, true, control),
        asked: Mutex::default(),
    });
    // all of it is owned by the futures: borrowed, they could not be proven to be `Send`
    stream::iter(expected)
        .map(move |expected| look.clone().verified(expected))
        .buffered(IMAGES)
        .collect()
        .await
}

type Answer = Arc<OnceCell<bool>>;

struct Look {
    run: Run,
    /// Whether a blob is there, each asked for once.
    asked: Mutex<HashMap<(Registry, RepositoryName, Digest), Answer>>,
}

impl Look {
    async fn verified(self: Arc<Self>, expected: Expected) -> Verified {
        let mut verified = Verified::default();
        if let Err(error) = self.image(&expected, &mut verified).await {
            verified.problem = Some(Failure::from(&error));
        }
        verified
    }

    async fn image(self: &Arc<Self>, expected: &Expected, verified: &mut Verified) -> Result<()> {
        let Expected { destination, digest } = expected;
        let repository =
            self.run.client.destination(&destination.registry, &destination.repository);
        let target = match &destination.tag {
            Some(tag) => Target::Tag(tag.clone()),
            None => Target::Digest(digest.clone()),
        };
        verified.manifests += 1;
        let wrong = |code: Code, why: String| {
            let error = Error::new(code, why).on(registry::Side::Destination);
            error.registry(repository.registry()).reference(repository.reference(&target))
        };
        match repository.head_manifest(&target).await? {
            None => return Err(wrong(Code::RefNotFound, "the image is not there any more".into())),
            Some(head) if head.digest != *digest => {
                let why =
                    format!("another image stands there: expected {digest}, got {}", head.digest);
                return Err(wrong(Code::DigestMismatch, why));
            }
            Some(_) => {}
        }
        let manifest = self.run.manifests.get(&self.run, &repository, digest).await?;
        let root = self.root(&repository, manifest, verified).await?;
        let tree = Tree::read(&self.run, &repository, root).await?;
        verified.manifests += tree.manifests().count() as u64;
        let digests: Vec<_> = tree.blobs.iter().map(|blob| blob.digest.clone()).collect();
        let mut blobs = stream::iter(digests)
            // what a manifest names elsewhere need not be here
            .map(|digest| self.clone().has(repository.clone(), digest))
            .buffer_unordered(BLOBS);
        while let Some(answer) = blobs.next().await {
            let (digest, is_first, there) = answer?;
            verified.blobs += u64::from(is_first);
            if !there {
                let why = format!("the registry has lost the blob {digest}");
                return Err(wrong(Code::BlobNotFound, why));
            }
        }
        Ok(())
    }

    /// Of an index that was copied in part, those entries that are there.
    async fn root(
        &self,
        repository: &Repository,
        manifest: Arc<Manifest>,
        verified: &mut Verified,
    ) -> Result<Root> {
        let ManifestKind::Index { manifests, .. } = manifest.kind() else {
            return Ok(manifest.into());
        };
        if self.run.policy.index != IndexPolicy::Sparse {
            return Ok(manifest.into());
        }
        let mut there = HashSet::new();
        for entry in manifests {
            verified.manifests += 1;
            let target = Target::Digest(entry.digest.clone());
            if repository.head_manifest(&target).await?.is_some() {
                there.insert(entry.digest.clone());
            }
        }
        Ok(Root { manifest, only: Some(Arc::new(there)) })
    }

    /// Whether a repository has a blob, and whether this is the first time that it is asked.
    async fn has(
        self: Arc<Self>,
        repository: Repository,
        digest: Digest,
    ) -> Result<(Digest, bool, bool)> {
        let key = (repository.registry().clone(), repository.name().clone(), digest.clone());
        let cell = self.asked.lock().await.entry(key).or_default().clone();
        let mut is_first = false;
        let ask = async || {
            is_first = true;
            Ok::<_, Error>(repository.head_blob(&digest).await?.is_some())
        };
        let there = *cell.get_or_try_init(ask).await?;
        Ok((digest, is_first, there))
    }
}
