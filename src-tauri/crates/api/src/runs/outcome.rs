//! What is done with the outcome of a run, of this session or of the history: it is exported, and looked at again.

use std::{path::Path, sync::Arc};

use engine::{Report, verify::Expected};
use registry::{Client, Code, Reference};
use store::{
    export::{About, Format},
    history::Ending,
};

use crate::{
    Api, Host,
    app::lock,
    dto::{ApiError, ById, ExportFormat, ReportRequest, VerifyProblem, VerifyReport},
    error::Result,
    history, profiles,
};

/// Whose outcome it is.
pub(super) struct Of {
    pub(super) profile_id: String,
    about: About,
}

/// The report of a run that has ended.
pub(super) async fn outcome<H: Host>(api: &Arc<Api<H>>, id: &str) -> Result<(Of, Arc<Report>)> {
    let not_yet = || ApiError::new(Code::RunBusy, "the run has not ended yet");
    if let Some(run) = api.runs.find(id) {
        let report = lock(&run.report).clone().ok_or_else(not_yet)?;
        let info = lock(&run.info).clone();
        let ending = Ending::of(&report.totals, !report.warnings.is_empty());
        let about = About {
            profile: info.profile_name,
            started_at: info.started_at,
            result: ending.as_str().into(),
        };
        return Ok((Of { profile_id: info.profile_id, about }, report));
    }
    let run = history::stored(api, id).await?;
    if run.ending.is_none() {
        return Err(not_yet());
    }
    let id = id.to_owned();
    let report = history::with(api, move |history| history.report(&id)).await?;
    let report = report.ok_or_else(|| ApiError::gone("run"))?;
    let about = About::from(&run);
    Ok((Of { profile_id: run.profile_id, about }, Arc::new(report)))
}

pub(crate) async fn export<H: Host>(
    api: &Arc<Api<H>>,
    request: ReportRequest,
) -> Result<Option<String>> {
    let format = match request.format {
        ExportFormat::Json => Format::Json,
        ExportFormat::Csv => Format::Csv,
        ExportFormat::Markdown => Format::Markdown,
        ExportFormat::Junit => Format::Junit,
    };
    let (of, report) = outcome(api, &request.id).await?;
    let name = format!("image-syncer-report-{}.{}", request.id, format.extension());
    let Some(path) = api.host.save_file(Path::new(&name)).await else { return Ok(None) };
    let bytes = format
        .write(&of.about, &report)
        .map_err(|error| ApiError::new(Code::Internal, error.to_string()))?;
    // not by rename: the user may have chosen a place where only this file may be written
    std::fs::write(&path, bytes)
        .map_err(|error| ApiError::from(store::Error::io(&path, &error)))?;
    Ok(Some(path.display().to_string()))
}

pub(crate) async fn verify<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<VerifyReport> {
    let (of, report) = outcome(api, &request.id).await?;
    let work = profiles::work(api, &of.profile_id).await?;
    let mut images = Vec::new();
    let mut expected = Vec::new();
    for image in report.images.iter().filter(|image| image.stands()) {
        let destination = image.destination.parse::<Reference>().ok();
        if let (Some(destination), Some(digest)) = (destination, image.digest.clone()) {
            images.push(image);
            expected.push(Expected { destination, digest });
        }
    }
    let client = Client::new(work.prepared.options, work.access);
    let found = engine::verify::verify(client, work.prepared.policy.index, expected).await;
    let problems = images.iter().zip(&found).filter_map(|(image, verified)| {
        let problem = verified.problem.as_ref()?;
        Some(VerifyProblem {
            source: image.source.clone(),
            destination: image.destination.clone(),
            error: ApiError::new(problem.code, &problem.message).hint(&problem.hint),
        })
    });
    Ok(VerifyReport {
        images: images.len() as u64,
        manifests: found.iter().map(|verified| verified.manifests).sum(),
        blobs: found.iter().map(|verified| verified.blobs).sum(),
        problems: problems.collect(),
    })
}
