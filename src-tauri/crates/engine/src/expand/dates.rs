//! The dates that decide which tags of a rule are the newest.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use registry::{Code, Dates, Result, Tag, Target, sentence};

use super::Group;
use crate::{Rule, TagDates, run::Run};

/// Images that are looked into at once.
const AT_ONCE: usize = 8;

/// Reads the dates that a rule needs: a manifest and a config for each image, of an index for each of its images.
pub(super) async fn read(
    run: &Run,
    group: &Group,
    rule: &Rule,
    listed: &[Tag],
) -> Result<TagDates> {
    let tags = rule.undated(listed);
    if tags.is_empty() {
        return Ok(TagDates::new());
    }
    let source = &rule.source.written;
    tracing::info!("{source}: reads {} configs to find the newest images", tags.len());
    let known = Dates::new(group.source.repository.clone());
    let look = |tag: Tag| {
        let known = &known;
        async move {
            match run.unless_stopped(known.of(&Target::Tag(tag.clone()))).await {
                Ok(date) => Ok((tag, date)),
                // removed since it was listed: it is not among the newest
                Err(error) if error.code() == Code::RefNotFound => Ok((tag, None)),
                Err(error) => Err(error),
            }
        }
    };
    let looks: Vec<_> = tags.iter().map(|tag| look((*tag).clone())).collect();
    let found: Vec<_> = stream::iter(looks).buffer_unordered(AT_ONCE).try_collect().await?;
    let dates: TagDates = found.into_iter().filter_map(|(tag, date)| Some((tag, date?))).collect();
    let without = tags.len() - dates.len();
    if without > 0 {
        run.board.warn(sentence!(
            "undated",
            "{without} of the {all} images of '{source}' do not say when they were made: they count as the oldest",
            without = without,
            all = tags.len(),
            source = source,
        ));
    }
    Ok(dates)
}
