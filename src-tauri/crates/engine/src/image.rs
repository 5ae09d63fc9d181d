//! One source image: look at its destinations, compare, and copy or plan what differs.

use std::{collections::HashSet, panic::AssertUnwindSafe, pin::pin, sync::Arc};

use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use registry::{Code, Digest, Error, Result, Side, Target};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tracing::Instrument as _;

use crate::{
    Action, Overwrite, Plan,
    claims::Verdict,
    copy, plan,
    report::{SAME_DIGEST, SAME_WITHOUT_ATTESTATIONS},
    row::Row,
    run::{Run, Slot, panic_error, panicked},
    site::{LOOK, Site},
    source_image::{Chosen, SourceImage, What},
    tree::Root,
    unit::{Aim, Destination, Unit},
};

/// A destination, by number, with the digest that stands there.
type Look = (usize, Result<Option<Digest>>);

/// A row that is compared.
#[derive(Clone, Debug)]
pub(crate) struct Compared {
    /// Which of the unit's destinations.
    pub(crate) at: usize,
    pub(crate) action: Action,
    /// What shall stand there.
    pub(crate) digest: Digest,
    /// The image stands there without its attestations, which the destination refused.
    pub(crate) bare: bool,
}

impl Compared {
    /// Why nothing has to be done, where that is so.
    pub(crate) fn why_skipped(&self) -> &'static str {
        if self.bare { SAME_WITHOUT_ATTESTATIONS } else { SAME_DIGEST }
    }
}

/// A source image being worked on.
pub(crate) struct Image {
    pub(crate) run: Arc<Run>,
    pub(crate) unit: Arc<Unit>,
    source: SourceImage,
    slot: Slot,
}

/// Does all that is to be done for an image. Destinations that answer at once go on together; one that does not answer
/// for long is seen to later, and alone. Where that is all that is left, other images may begin.
#[tracing::instrument(name = "image", skip_all,
    fields(source = %unit.source.repository.reference(&unit.target)))]
pub(crate) async fn process(run: Arc<Run>, unit: Arc<Unit>, slot: Slot) {
    let source = SourceImage::new(run.clone(), unit.clone());
    let image = Arc::new(Image { run, unit, source, slot });
    let mut processed = pin!(image.clone().see_to_all());
    tokio::select! {
        () = &mut processed => {}
        () = image.make_way() => processed.await,
    }
}

impl Image {
    async fn see_to_all(self: Arc<Self>) {
        let mut tasks = JoinSet::new();
        if self.reads_anyway() {
            let image = self.clone();
            let read = async move {
                let _ = image.source.chosen().await;
            };
            tasks.spawn(read.in_current_span());
        }
        let all = 0..self.unit.destinations.len();
        let mut looks: FuturesUnordered<_> = all.clone().map(|at| self.look(at)).collect();
        let mut waiting: HashSet<usize> = all.collect();
        while let Some(first) = looks.next().await {
            waiting.remove(&first.0);
            let since = Instant::now();
            let mut together = vec![first];
            loop {
                let until = self.patient_until(since, &waiting);
                match timeout_at(until, looks.next()).await {
                    Ok(Some(look)) => {
                        waiting.remove(&look.0);
                        together.push(look);
                    }
                    Err(_) if self.patient_until(since, &waiting) > until => {}
                    Ok(None) | Err(_) => break,
                }
            }
            for site in self.sites(&waiting) {
                site.note_silence(self.run.policy.patience);
            }
            tasks.spawn(self.clone().guarded(together).in_current_span());
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Lets other images begin once this one only waits for destinations that are late.
    async fn make_way(&self) {
        let all = &self.unit.destinations;
        if !self.run.writes_to_several() {
            return std::future::pending().await;
        }
        let patience = self.run.policy.patience;
        let mut since = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let is_ended = |row: &Row| row.is_ended() || (self.run.plan_only && row.is_planned());
            let left = all.iter().filter(|at| !is_ended(&at.row)).map(|at| &at.place.site);
            let left: Vec<_> = left.collect();
            if left.len() < all.len() {
                let since = *since.get_or_insert_with(Instant::now);
                if self.run.patient_until(since, None) <= Instant::now() {
                    for site in &left {
                        site.note_stuck(patience);
                    }
                }
            }
            if !left.is_empty()
                && left.iter().all(|site| self.run.is_behind(site))
                && self.slot.make_way(&self.run.behind).await
            {
                return;
            }
        }
    }

    pub(crate) fn destination(&self, at: usize) -> &Destination {
        &self.unit.destinations[at]
    }

    fn sites(&self, ats: &HashSet<usize>) -> impl Iterator<Item = &Arc<Site>> {
        ats.iter().map(|at| &self.destination(*at).place.site)
    }

    /// How long destinations that have not answered are waited for.
    fn patient_until(&self, since: Instant, waiting: &HashSet<usize>) -> Instant {
        let expected = self.sites(waiting).filter(|site| !self.run.is_behind(site));
        match expected.map(|site| site.moved()).max() {
            None if !waiting.is_empty() => since,
            moved => self.run.patient_until(since, moved),
        }
    }

    /// The image's digest at the source.
    pub(crate) async fn source_digest(&self) -> Result<Digest> {
        self.source.digest().await
    }

    /// Whether the source's manifest is needed whatever stands at the destinations.
    fn reads_anyway(&self) -> bool {
        match self.run.policy.overwrite {
            Overwrite::Never => false,
            Overwrite::Differing => self.source.is_narrowed(),
            Overwrite::Always => true,
        }
    }

    /// What is to be copied to a destination that refuses attestations; `None` where that is nothing else.
    pub(crate) async fn bare(&self) -> Result<Option<Root>> {
        self.source.bare().await
    }

    /// What stands at a destination.
    async fn look(&self, at: usize) -> Look {
        let destination = self.destination(at);
        destination.row.resolving();
        let standing = AssertUnwindSafe(self.standing(destination)).catch_unwind().await;
        (at, standing.unwrap_or_else(|_| Err(panic_error())))
    }

    async fn standing(&self, destination: &Destination) -> Result<Option<Digest>> {
        destination.place.allows()?;
        let target = match &destination.aim {
            Aim::Tag(tag) => Target::Tag(tag.clone()),
            Aim::Digest if !self.source.is_narrowed() => {
                Target::Digest(self.source.digest().await?)
            }
            // what is put by digest has its name from the filtered manifest
            Aim::Digest => match self.source.chosen().await?.what {
                What::Manifest(root) => Target::Digest(root.digest().clone()),
                What::NoMatch(_) => return Ok(None),
            },
        };
        if let Target::Tag(tag) = &target
            && let Ok(Some(digest)) = self.run.wait(destination.place.standing(tag)).await
        {
            return Ok(Some(digest));
        }
        let mut stands = self.head(destination, &target).await?;
        if stands.is_none()
            && destination.aim == Aim::Digest
            && let Some(bare) = self.bare().await?
        {
            stands = self.head(destination, &Target::Digest(bare.digest().clone())).await?;
        }
        Ok(stands)
    }

    async fn head(&self, destination: &Destination, target: &Target) -> Result<Option<Digest>> {
        let head = async {
            match target {
                // a tag that must not be overwritten is looked for as late as can be
                Target::Tag(tag) if self.run.policy.overwrite != Overwrite::Never => {
                    destination.place.head(tag).await
                }
                _ => destination.place.repository.head_manifest(target).await,
            }
        };
        let ask = destination.place.site.ask();
        let head = self.run.unless_stopped(head).await?;
        drop(ask);
        destination.place.site.touch();
        if head.is_none() && self.run.plan_only {
            // a run finds out by its first write
            self.run.unless_stopped(destination.place.must_exist(target)).await?;
        }
        Ok(head.map(|head| head.digest))
    }

    /// A wave whose panic is the failure of its own rows.
    async fn guarded(self: Arc<Self>, looks: Vec<Look>) {
        let all: Vec<usize> = looks.iter().map(|(at, _)| *at).collect();
        if AssertUnwindSafe(self.wave(looks)).catch_unwind().await.is_err() {
            for destination in all.into_iter().map(|at| self.destination(at)) {
                self.withdraw(destination);
                panicked(&destination.row);
            }
        }
    }

    /// Compares some destinations and sees to what differs.
    async fn wave(self: &Arc<Self>, looks: Vec<Look>) {
        let mut standing = Vec::new();
        for (at, look) in looks {
            match look {
                Ok(digest) => standing.push((at, digest)),
                Err(error) => self.refuse(at, &error),
            }
        }
        if self.run.policy.overwrite == Overwrite::Never {
            standing.retain(|(at, digest)| {
                if let Some(digest) = digest {
                    self.leave(*at, "tag exists", None, digest);
                }
                digest.is_none()
            });
        }
        if standing.is_empty() {
            return;
        }
        let ats: Vec<usize> = standing.iter().map(|(at, _)| *at).collect();
        match self.compare(standing).await {
            Err(error) => {
                for at in ats {
                    self.refuse(at, &error);
                }
            }
            Ok(Err(reason)) => {
                for at in ats {
                    let destination = self.destination(at);
                    self.tell_accounts(at);
                    self.withdraw(destination);
                    if self.run.plan_only {
                        destination.row.planned_to_skip(&reason);
                    } else {
                        destination.row.skipped(&reason, None);
                    }
                }
            }
            Ok(Ok((source, compared))) => {
                for row in &compared {
                    self.tell_accounts(row.at);
                    self.destination(row.at).row.sourced(&source);
                }
                let clear = self.settle(compared).await;
                self.act(&source, clear).await;
            }
        }
    }

    /// Compares what stands at destinations with the source. The inner error is why nothing is to be done at all.
    async fn compare(
        &self,
        standing: Vec<(usize, Option<Digest>)>,
    ) -> Result<Result<(Digest, Vec<Compared>), String>> {
        let by_head = !self.reads_anyway() && standing.iter().all(|(_, digest)| digest.is_some());
        let source = if by_head {
            let stands = standing.iter().find_map(|(_, digest)| digest.as_ref());
            Some(self.source.digest_unless(stands).await?)
        } else {
            None
        };
        if let Some(source) = &source
            && standing.iter().all(|(_, digest)| digest.as_ref() == Some(source))
        {
            let same = |(at, _)| Compared {
                at,
                action: Action::Skip,
                digest: source.clone(),
                bare: false,
            };
            let compared = standing.into_iter().map(same).collect();
            return Ok(Ok((source.clone(), compared)));
        }
        self.expect_blobs(&standing, source.as_ref());
        let Chosen { source, what } = self.source.chosen().await?;
        let root = match what {
            What::Manifest(root) => root,
            What::NoMatch(reason) => {
                for (at, _) in &standing {
                    self.destination(*at).row.sourced(&source);
                }
                return Ok(Err(reason));
            }
        };
        let always = self.run.policy.overwrite == Overwrite::Always;
        let bare = self.bare().await?;
        let mut compared = Vec::with_capacity(standing.len());
        for (at, stands) in standing {
            let is = |root: &Root| stands.as_ref() == Some(root.digest());
            let bare = bare.as_ref().filter(|bare| is(bare) && !is(&root));
            let digest = bare.unwrap_or(&root).digest().clone();
            let what = bare.unwrap_or(&root);
            let action = match &stands {
                Some(_) if always => Action::Overwrite,
                Some(stands) if *stands != digest => Action::Overwrite,
                Some(_) if self.has_parts(at, what).await? => Action::Skip,
                _ => Action::Copy,
            };
            if let Some(stands) = stands.filter(|stands| *stands != digest) {
                self.destination(at).row.replaces(stands);
            }
            compared.push(Compared { at, action, digest, bare: bare.is_some() });
        }
        Ok(Ok((source, compared)))
    }

    /// Has connections for blobs begun while the manifest is read. `source` is its digest, where that is known.
    fn expect_blobs(&self, standing: &[(usize, Option<Digest>)], source: Option<&Digest>) {
        if self.run.plan_only {
            return;
        }
        let is_other = |stands: &Digest| source.is_some_and(|source| source != stands);
        let lacks = |(_, stands): &&(usize, Option<Digest>)| stands.as_ref().is_none_or(is_other);
        let mut lacking = standing.iter().filter(lacks).peekable();
        if lacking.peek().is_some() {
            self.run.aside(self.unit.source.repository.expect_blobs());
        }
        for (at, _) in lacking {
            self.run.aside(self.destination(*at).place.repository.expect_blobs());
        }
    }

    /// Whether a destination that has an index has what is wanted of it. Of an index that was copied in part, another
    /// run may have wanted another part.
    async fn has_parts(&self, at: usize, root: &Root) -> Result<bool> {
        let Some(only) = &root.only else { return Ok(true) };
        let manifests = root.manifest.children().iter().map(|entry| &entry.digest);
        for digest in manifests.filter(|digest| only.contains(*digest)) {
            let target = Target::Digest(digest.clone());
            if self.head(self.destination(at), &target).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The row tells with whose accounts it is read and written, as far as that is known.
    fn tell_accounts(&self, at: usize) {
        let destination = self.destination(at);
        let accounts =
            (self.unit.source.repository.account(), destination.place.repository.account());
        destination.row.accounts(accounts.0, accounts.1);
    }

    /// Tells rivals for the same tags what will be written, and waits to hear the same of them. What is in conflict
    /// ends here.
    async fn settle(&self, compared: Vec<Compared>) -> Vec<Compared> {
        for row in &compared {
            let destination = self.destination(row.at);
            if let Some(key) = destination.key() {
                self.run.claims.settle(&key, &destination.row, Some(&row.digest));
            }
        }
        let mut clear = Vec::new();
        for row in compared {
            let destination = self.destination(row.at);
            let Some(key) = destination.key() else {
                clear.push(row);
                continue;
            };
            let mut verdict = self.run.claims.verdict(&key, &destination.row);
            if verdict == Verdict::Wait {
                let wait = self.run.claims.wait(&key, &destination.row);
                verdict = match self.slot.lend(self.run.wait(wait)).await {
                    Ok(verdict) => verdict,
                    Err(error) => {
                        destination.row.failed(&error);
                        continue;
                    }
                };
            }
            match verdict {
                Verdict::Conflict(sources) => self.conflict(destination, &sources),
                Verdict::Clear | Verdict::Wait => clear.push(row),
            }
        }
        clear
    }

    fn conflict(&self, destination: &Destination, sources: &[String]) {
        let row = &destination.row;
        let error = Error::new(
            Code::RuleConflict,
            format!(
                "{} would get different images, from {}; none was written",
                row.destination(),
                sources.join(" and from ")
            ),
        );
        if self.run.plan_only {
            row.unworkable(Action::Conflict, &error);
        } else {
            row.action(Action::Conflict);
            row.failed(&error);
        }
    }

    /// Copies or plans what is to be copied, and ends what is not.
    async fn act(self: &Arc<Self>, source: &Digest, compared: Vec<Compared>) {
        let mut todo = Vec::new();
        for row in compared {
            let referrers = self.run.policy.referrers && !self.run.plan_only;
            if row.action == Action::Skip && !referrers {
                self.leave(row.at, row.why_skipped(), Some(source), &row.digest);
                continue;
            }
            let destination = self.destination(row.at);
            if row.action != Action::Skip
                && self.run.plan_only
                && let Err(error) = destination.place.may_push().await
            {
                self.refuse(row.at, &error);
                continue;
            }
            if destination.key().is_none() {
                let target = destination.target(&row.digest);
                destination.row.redirect(destination.place.repository.reference(&target));
            }
            if !self.run.plan_only {
                destination.row.planned(Plan::of(row.action), Some(source), None);
            }
            todo.push(row);
        }
        if todo.is_empty() {
            return;
        }
        if !self.run.plan_only {
            let source = self.unit.source.repository.registry();
            if let Some(warning) = self.run.budget.check(&self.run.client, source) {
                self.run.board.warn(warning);
            }
        }
        match self.source.chosen().await {
            Ok(Chosen { what: What::Manifest(root), source }) => {
                if self.run.plan_only {
                    plan::plan(self, &source, root, todo).await;
                } else {
                    copy::copy(self, root, todo).await;
                }
            }
            // neither can be: the manifest was there to compare with
            Ok(_) => todo.iter().for_each(|row| panicked(&self.destination(row.at).row)),
            Err(error) => todo.iter().for_each(|row| self.refuse(row.at, &error)),
        }
    }

    /// What stands at the destination stays.
    fn leave(&self, at: usize, reason: &str, source: Option<&Digest>, digest: &Digest) {
        let destination = self.destination(at);
        if source.is_none() {
            self.tell_accounts(at);
            self.withdraw(destination);
        }
        destination.row.planned(Plan::of(Action::Skip), source, Some(digest));
        if self.run.plan_only {
            destination.row.reason(reason);
        } else {
            destination.row.skipped(reason, Some(digest));
        }
    }

    /// The row can't be worked on.
    pub(crate) fn refuse(&self, at: usize, error: &Error) {
        let destination = self.destination(at);
        self.tell_accounts(at);
        self.withdraw(destination);
        match (is_blocked(error), self.run.plan_only) {
            (true, true) => destination.row.unworkable(Action::Blocked, error),
            (blocked, _) => {
                if blocked {
                    destination.row.action(Action::Blocked);
                }
                destination.row.failed(error);
            }
        }
    }

    /// The row will write nothing.
    fn withdraw(&self, destination: &Destination) {
        if let Some(key) = destination.key() {
            self.run.claims.settle(&key, &destination.row, None);
        }
    }
}

/// Whether an error says that a destination can't be written to, as things stand.
fn is_blocked(error: &Error) -> bool {
    error.side() == Some(Side::Destination)
        && matches!(
            error.code(),
            Code::AuthRequired
                | Code::AuthRejected
                | Code::PullDenied
                | Code::PushDenied
                | Code::RepoMustExist
                | Code::RepoName
                | Code::RegistryReadOnly
        )
}
