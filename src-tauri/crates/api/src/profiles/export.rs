//! Profiles written to files elsewhere.

use std::{path::Path, sync::Arc};

use super::{library, not_the_demo, problem};
use crate::{
    Api, Host,
    dto::{ApiError, ById, ExportReport, ExportRequest},
    error::Result,
};

/// The profile's own file.
pub(crate) async fn file<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<Option<String>> {
    not_the_demo(&request.id)?;
    let text = library(api).text(&request.id)?;
    save(api, &format!("{}.yaml", request.id), &text).await
}

/// An images file of the original image-syncer.
pub(crate) async fn original<H: Host>(
    api: &Arc<Api<H>>,
    request: ExportRequest,
) -> Result<ExportReport> {
    not_the_demo(&request.id)?;
    let profile = library(api).get(&request.id)?.profile;
    let export = profile.to_original().map_err(problem)?;
    let path = if request.save {
        save(api, &format!("{}-images.yaml", request.id), &export.text).await?
    } else {
        None
    };
    Ok(ExportReport {
        text: export.text,
        taken: export.taken as u32,
        of: profile.rules.len() as u32,
        notes: export.notes,
        path,
    })
}

async fn save<H: Host>(api: &Arc<Api<H>>, name: &str, text: &str) -> Result<Option<String>> {
    let Some(path) = api.host.save_file(Path::new(name)).await else { return Ok(None) };
    // not by rename: the user may have chosen a place where only this file may be written
    std::fs::write(&path, text).map_err(|error| ApiError::from(store::Error::io(&path, &error)))?;
    Ok(Some(path.display().to_string()))
}
