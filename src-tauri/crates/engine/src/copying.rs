//! One row while it is copied: its blobs are brought, then the manifests are put from the bottom up, the tag last.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{join_all, try_join_all},
};
use registry::{
    Code, Descriptor, Digest, Error, Manifest, ManifestKind, Result, Sentence, Target, sentence,
};
use tokio::sync::mpsc;

use crate::{
    Action, Attestations, ImageParts,
    commits::CopyId,
    copy,
    deliver::Want,
    gather::{Ticket, vanished},
    image::Image,
    referrers::Referrer,
    report::{SAME_DIGEST, SAME_WITHOUT_ATTESTATIONS},
    row::lock,
    run::{Run, panicked},
    stop::cancelled,
    tree::Tree,
    unit::Destination,
};

/// How long a cancelled run waits for the answer to a tag that it has begun to put.
const ANSWER: Duration = Duration::from_secs(5);
/// So often an image is repaired without counting it as a try, because blobs were there only by the registry's word:
/// they are asked for in another way, then written.
const DOUBTS: u32 = 2;
/// The pause before a manifest is put again whose blobs the registry did not see yet; doubles.
const LAG: Duration = Duration::from_millis(500);

/// One row while it is copied.
pub(crate) struct Copying {
    image: Arc<Image>,
    tree: Arc<Tree>,
    /// The image without its attestations, once that is what the row gets.
    bare: OnceLock<Arc<Tree>>,
    /// Why the destination refuses an attestation.
    refusal: Mutex<Option<Error>>,
    at: usize,
    /// Whether the image itself is to be copied, or only what refers to it.
    whole: bool,
    referrers: Vec<Arc<Referrer>>,
    id: CopyId,
    /// There is nothing under the tag yet.
    is_new: bool,
    /// Every blob that the row needs, by digest.
    blobs: HashMap<Digest, Descriptor>,
    /// A blob could not be brought: no more are begun.
    failed: AtomicBool,
}

/// How putting the tag ended, when it did not fail.
enum Tagged {
    /// It names the image now.
    Put,
    /// It did already.
    Already,
    /// It is locked and names something else.
    Locked(Option<Digest>),
}

impl Copying {
    pub(crate) fn new(
        image: &Arc<Image>,
        tree: Arc<Tree>,
        bare: Option<Arc<Tree>>,
        at: usize,
        action: Action,
        referrers: Vec<Arc<Referrer>>,
    ) -> Self {
        let whole = action != Action::Skip;
        let own = whole.then_some(bare.as_deref().unwrap_or(&tree)).into_iter();
        let trees = own.chain(referrers.iter().map(|referrer| &referrer.tree));
        let blobs = trees.flat_map(|tree| &tree.blobs);
        let blobs: HashMap<_, _> = blobs.map(|b| (b.digest.clone(), b.clone())).collect();
        let copying = Self {
            image: image.clone(),
            tree,
            bare: bare.map(OnceLock::from).unwrap_or_default(),
            refusal: Mutex::default(),
            at,
            whole,
            referrers,
            id: image.run.blobs.begin(),
            is_new: action == Action::Copy,
            blobs,
            failed: AtomicBool::new(false),
        };
        if copying.run().policy.parts {
            let own = whole.then_some(copying.tree());
            let referrers = copying.referrers.iter().map(|referrer| &referrer.tree);
            copying.destination().row.keep(ImageParts::new(own, referrers));
        }
        copying.destination().row.copying(copying.blobs().map(|blob| blob.size).sum());
        copying
    }

    /// What the row gets.
    fn tree(&self) -> &Tree {
        self.bare.get().unwrap_or(&self.tree)
    }

    pub(crate) fn run(&self) -> &Arc<Run> {
        &self.image.run
    }

    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.blobs.values()
    }

    /// Whether the blob must still be brought.
    pub(crate) fn needs(&self, blob: &Descriptor) -> bool {
        self.blobs.contains_key(&blob.digest) && !self.failed.load(Ordering::Acquire)
    }

    pub(crate) fn want(&self, blob: &Descriptor, line: Option<mpsc::Sender<()>>) -> Want {
        let destination = self.destination();
        let source = self.image.unit.source.repository.clone();
        Want {
            place: destination.place.clone(),
            blob: blob.clone(),
            row: destination.row.clone(),
            copy: self.id,
            // within one registry its config is most likely there under another tag
            is_new: self.is_new && *source.registry() != *destination.place.registry(),
            source,
            line,
        }
    }

    pub(crate) async fn deliver(&self, mut want: Want, ticket: Ticket) -> Result<()> {
        let delivered = AssertUnwindSafe(want.deliver(self.run(), ticket)).catch_unwind().await;
        let delivered = delivered.unwrap_or_else(|_| Err(vanished()));
        if delivered.is_err() {
            self.failed.store(true, Ordering::Release);
        }
        want.leave_line().await;
        delivered
    }

    fn destination(&self) -> &Destination {
        self.image.destination(self.at)
    }

    /// Waits for the blobs, puts the manifests, and ends the row.
    pub(crate) async fn finish(self: Arc<Self>, blobs: mpsc::UnboundedReceiver<Result<()>>) {
        if AssertUnwindSafe(self.end(blobs)).catch_unwind().await.is_err() {
            panicked(&self.destination().row);
        }
        // whoever waits for a manifest of ours waits no more
        let place = &self.destination().place;
        self.run().blobs.end(self.id, place, self.blobs.keys());
    }

    async fn end(&self, blobs: mpsc::UnboundedReceiver<Result<()>>) {
        let row = &self.destination().row;
        let tagged = match self.all_there(blobs).await {
            Ok(()) => self.put_all().await,
            Err(error) => Err(error),
        };
        let digest = self.tree().root.digest();
        match tagged {
            Ok(Tagged::Put) => {
                if self.bare.get().is_some() {
                    self.tell_bare();
                }
                row.copied(digest)
            }
            Ok(Tagged::Already) => {
                let same =
                    if self.bare.get().is_some() { SAME_WITHOUT_ATTESTATIONS } else { SAME_DIGEST };
                let reason = match self.referrers.len() {
                    0 => same.to_owned(),
                    1 => format!("{same}; 1 referrer was copied"),
                    n => format!("{same}; {n} referrers were copied"),
                };
                row.skipped(&reason, Some(digest))
            }
            Ok(Tagged::Locked(stands)) => {
                self.run().board.warn(sentence!(
                    "immutable",
                    "{destination} is immutable and names another image than {source}: it was left as it is",
                    destination = row.destination(),
                    source = row.source(),
                ));
                row.skipped("immutable tag", stands.as_ref())
            }
            Err(error) => row.failed(&error),
        };
    }

    /// Waits for the blobs. Where one fails, those that are under way are waited for too, so that the row's numbers are
    /// final.
    async fn all_there(&self, mut blobs: mpsc::UnboundedReceiver<Result<()>>) -> Result<()> {
        let mut missing = self.blobs.len();
        let mut failed = Ok(());
        while missing > 0 {
            match blobs.recv().await {
                Some(Ok(())) => missing -= 1,
                Some(Err(error)) => failed = failed.and(Err(error)),
                None => return failed.and_then(|()| Err(vanished())),
            }
        }
        failed
    }

    /// Puts the manifests. Where the registry misses blobs that it had taken, they are asked for again.
    async fn put_all(&self) -> Result<Tagged> {
        let (mut tries, mut doubts) = (0, 0);
        loop {
            let error = match self.put_once().await {
                Err(error) if is_missing(&error) => error,
                ended => return ended,
            };
            if self.doubt() && doubts < DOUBTS {
                // what is learnt of a host costs no try, and what it has not done it won't have done a little later
                doubts += 1;
            } else if tries < self.run().policy.retries {
                let pause = LAG * 2u32.saturating_pow(tries).min(16);
                tries += 1;
                self.run().wait(tokio::time::sleep(pause)).await?;
            } else {
                return Err(error);
            }
            tracing::warn!(%error, "the destination misses what it was given: asking again");
            self.destination().row.attempt(1 + tries + doubts);
            self.repair().await?;
        }
    }

    /// Takes nothing that was said of this image's blobs for granted any more. Whether some were there only by the
    /// registry's word.
    fn doubt(&self) -> bool {
        let place = &self.destination().place;
        let told = self.blobs().filter(|blob| self.run().blobs.forget(place, &blob.digest));
        let deceived = told.count() > 0;
        if deceived {
            place.repository.mount_lied();
        }
        deceived
    }

    /// Brings the image's parts again.
    async fn repair(&self) -> Result<()> {
        let run = self.run();
        let destination = self.destination();
        let place = &destination.place;
        let trees = self.referrers.iter().map(|referrer| &referrer.tree).chain([self.tree()]);
        for manifest in trees.flat_map(Tree::manifests) {
            let digest = manifest.digest().clone();
            run.puts.forget(&(place.index, Target::Digest(digest.clone()), digest));
        }
        destination.row.recount();
        let again = self.blobs().map(|blob| {
            let want = Want { is_new: false, ..self.want(blob, None) };
            let ticket = want.announce(run);
            self.deliver(want, ticket)
        });
        try_join_all(again).await.map(drop)
    }

    async fn put_once(&self) -> Result<Tagged> {
        if self.whole {
            match self.put_children(self.tree()).await {
                Err(error) if !self.leaves_attestations_out().await? => return Err(error),
                Err(_) => self.put_children(self.tree()).await?,
                Ok(()) => {}
            }
            if !self.referrers.is_empty() {
                // what refers to the image wants it to be there, and the tag comes last
                self.put_by_digest(&self.tree().root.manifest).await?;
            }
        }
        for referrer in &self.referrers {
            self.put_children(&referrer.tree).await?;
            self.put_referrer(referrer).await?;
        }
        if self.whole { self.put_root().await } else { Ok(Tagged::Already) }
    }

    /// Whether an attestation was refused and may be left out, which it then is.
    async fn leaves_attestations_out(&self) -> Result<bool> {
        if self.bare.get().is_some() || lock(&self.refusal).is_none() {
            return Ok(false);
        }
        let Some(bare) = copy::bare(&self.image).await? else { return Ok(false) };
        Ok(self.bare.set(bare).is_ok())
    }

    /// Says that attestations were left out: on the row, and once per registry.
    fn tell_bare(&self) {
        let destination = self.destination();
        destination.row.reason("attestations were left out, because the destination refuses them");
        if destination.key().is_none() {
            let target = destination.target(self.tree().root.digest());
            destination.row.redirect(destination.place.repository.reference(&target));
        }
        let refusal = lock(&self.refusal).take();
        if destination.place.site.refused_attestation() {
            let registry = destination.place.registry();
            let what = sentence!(
                "no_attestations",
                "{registry} refuses attestations, so they are left out and the digests of indexes change",
                registry = registry,
            );
            self.run().board.warn(match refusal {
                None => what,
                Some(error) => sentence!(
                    "because",
                    "{what}: {why}",
                    what = what,
                    why = Sentence::from(&error),
                ),
            });
        }
    }

    async fn put_children(&self, tree: &Tree) -> Result<()> {
        for level in &tree.levels {
            // a PUT that was begun is not given up for another's sake: its manifest may be wanted all the same
            let puts = join_all(level.iter().map(|manifest| self.put_by_digest(manifest))).await;
            puts.into_iter().collect::<Result<()>>()?;
        }
        Ok(())
    }

    async fn put_by_digest(&self, manifest: &Manifest) -> Result<()> {
        let target = Target::Digest(manifest.digest().clone());
        let put = self.put_part(target, manifest, None).await;
        if let Err(error) = &put
            && self.run().policy.attestations == Attestations::Auto
            && is_refusal(error)
            && self.tree.root.attestations().any(|digest| digest == manifest.digest())
        {
            *lock(&self.refusal) = Some(error.clone());
        }
        put
    }

    async fn put_referrer(&self, referrer: &Referrer) -> Result<()> {
        let root = &referrer.tree.root.manifest;
        self.put_part(referrer.target.clone(), root, referrer.subject()).await
    }

    /// Puts a manifest that is not the image's own tag, once per run and repository.
    async fn put_part(
        &self,
        target: Target,
        manifest: &Manifest,
        subject: Option<&Digest>,
    ) -> Result<()> {
        let run = self.run();
        let place = &self.destination().place;
        let digest = manifest.digest();
        let put = async {
            let bytes = manifest.bytes().clone();
            let put = place.repository.put_manifest(&target, manifest.media_type(), bytes, digest);
            let offer = place.site.offer();
            // requests are large, and this waits long before its turn comes
            let answer = Box::pin(run.unless_stopped(put)).await?;
            drop(offer);
            self.committed(manifest);
            match subject {
                Some(subject) if !answer.subject_kept => {
                    Box::pin(run.indexes.enter(run, place, subject, manifest)).await
                }
                _ => Ok(()),
            }
        };
        run.puts.run((place.index, target.clone(), digest.clone()), put).await.map(drop)
    }

    /// A manifest is there, and the registry has seen the blobs that it names.
    fn committed(&self, manifest: &Manifest) {
        let (run, place) = (self.run(), &self.destination().place);
        place.site.took();
        match manifest.kind() {
            ManifestKind::Schema1 { blobs } => run.blobs.committed(place, blobs),
            _ => run.blobs.committed(place, manifest.blobs().iter().map(|blob| &blob.digest)),
        }
    }

    async fn put_root(&self) -> Result<Tagged> {
        let run = self.run();
        let destination = self.destination();
        let repository = &destination.place.repository;
        let root = &self.tree().root.manifest;
        let digest = root.digest();
        let target = destination.target(digest);
        let mut stands = None;
        let put = async {
            if run.stop.is_cancelled() {
                return Err(cancelled());
            }
            let bytes = root.bytes().clone();
            let put = repository.put_manifest(&target, root.media_type(), bytes, digest);
            let offer = destination.place.site.offer();
            let answer = answered(run, Box::pin(put)).await;
            drop(offer);
            match answer {
                Ok(_) => {
                    self.committed(root);
                    Ok(())
                }
                Err(error) if error.code() == Code::TagImmutable => {
                    let head = run.unless_stopped(repository.head_manifest(&target));
                    let head = Box::pin(head).await?;
                    let head = head.map(|head| head.digest);
                    if head.as_ref() == Some(digest) {
                        return Ok(());
                    }
                    stands = head;
                    Err(error)
                }
                Err(error) if is_missing(&error) && self.tree().root.only.is_some() => {
                    Err(sparse_refused(error))
                }
                Err(error) => Err(error),
            }
        };
        let key = (destination.place.index, target.clone(), digest.clone());
        match run.puts.run(key, put).await {
            Ok(true) => Ok(Tagged::Put),
            // another row of this run put the same
            Ok(false) => Ok(Tagged::Already),
            Err(error) if error.code() == Code::TagImmutable => Ok(Tagged::Locked(stands)),
            Err(error) => Err(error),
        }
    }
}

/// Waits for the answer to a tag's PUT even when the run is cancelled, so that the outcome is true; but not for ever.
async fn answered<T>(run: &Run, put: impl Future<Output = Result<T>>) -> Result<T> {
    let late = async {
        run.stop.cancelled().await;
        tokio::time::sleep(ANSWER).await;
    };
    tokio::select! {
        biased;
        answer = put => answer,
        () = late => Err(cancelled()),
    }
}

/// The destination takes no index of which parts are missing.
fn sparse_refused(error: Error) -> Error {
    let error = error.becomes(
        Code::ManifestRejected,
        "the registry takes no index of which manifests are missing (sparse)",
    );
    error.hint("Use the index policy 'rewrite': the index then lists only what is copied.")
}

/// Whether the destination says no to a manifest for what it is, as far as registries can be understood.
fn is_refusal(error: &Error) -> bool {
    error.code() == Code::ManifestRejected
        || (matches!(error.code(), Code::PushDenied | Code::RegistryRefused)
            && matches!(error.http_status(), Some(400 | 403 | 415 | 422)))
}

/// Whether the destination refuses a manifest because it does not have what the manifest names.
fn is_missing(error: &Error) -> bool {
    error.code() == Code::BlobNotFound
}
