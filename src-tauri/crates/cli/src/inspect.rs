//! `inspect REFERENCE`: one image, for people, as JSON, or the manifest's bytes.

use std::{fmt::Write as _, io::Write as _, process::ExitCode};

use registry::{
    Inspection, Reference, Target,
    inspect::{Image, ImageKind},
    shown,
};

use crate::{
    look::{Around, failed, size, time},
    problem::Problems,
    sync::{print, warn},
};

pub(crate) async fn inspect(
    around: Around,
    reference: Reference,
    raw: bool,
) -> Result<ExitCode, Problems> {
    if raw {
        let repository = around.client.source(&reference.registry, &reference.repository);
        let target: Target = reference.target();
        return Ok(match repository.get_manifest(&target).await {
            Ok(manifest) => {
                let mut out = std::io::stdout().lock();
                let _ = out.write_all(manifest.bytes()).and_then(|()| out.flush());
                ExitCode::SUCCESS
            }
            Err(error) => failed(&error.without_side()),
        });
    }
    let found = match around.client.inspect(&reference).await {
        Ok(found) => found,
        Err(error) => return Ok(failed(&error)),
    };
    if around.json {
        // plain data: it always can be
        print(&format!("{}\n", serde_json::to_string_pretty(&found).unwrap_or_default()));
    } else {
        print(&told(&found));
    }
    for warning in &found.warnings {
        warn(warning);
    }
    Ok(ExitCode::SUCCESS)
}

fn told(found: &Inspection) -> String {
    let mut text = String::new();
    let kind = match found.kind {
        ImageKind::Index => "index",
        ImageKind::Image => "image",
        ImageKind::Artifact => "artifact",
        ImageKind::Schema1 => "image in Docker's old schema 1 format",
    };
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<12}{}", shown(value));
    };
    fact("reference", &found.reference);
    fact("digest", &found.digest.to_string());
    fact("type", &format!("{kind} ({})", found.media_type));
    if let Some(artifact) = &found.artifact_type {
        fact("artifact", artifact);
    }
    if found.size.is_some() {
        fact("size", &format!("{} compressed", size(found.size)));
    }
    fact("signed", if found.is_signed() { "yes" } else { "no signature found" });
    for (name, value) in &found.annotations {
        fact("annotation", &format!("{name}={value}"));
    }
    images(&found.images, &mut text);
    if let [only] = &*found.images {
        layers(only, &mut text);
    }
    if !found.referrers.is_empty() {
        text.push_str("\nREFERRER\n");
        for referrer in &found.referrers {
            let _ = writeln!(text, "{}  {}", referrer.digest, shown(&referrer.artifact_type));
        }
    }
    text
}

fn images(images: &[Image], text: &mut String) {
    let platform = |image: &Image| match &image.platform {
        _ if image.attestation => "(attestation)".to_owned(),
        Some(platform) => shown(&platform.to_string()).into_owned(),
        None => "-".to_owned(),
    };
    let width =
        images.iter().map(|image| platform(image).chars().count()).max().unwrap_or(0).max(8);
    let _ = writeln!(
        text,
        "\n{:<width$}  {:>10}  {:<16}  {:>6}  DIGEST",
        "PLATFORM", "SIZE", "CREATED", "LAYERS"
    );
    for image in images {
        let _ = writeln!(
            text,
            "{:<width$}  {:>10}  {:<16}  {:>6}  {}",
            platform(image),
            size(image.size),
            time(image.created),
            image.layers.len(),
            image.digest
        );
    }
}

fn layers(image: &Image, text: &mut String) {
    let _ = writeln!(text, "\n{:<71}  {:>10}  TYPE", "LAYER", "SIZE");
    for layer in &image.layers {
        let kind = layer.media_type.as_deref().unwrap_or_default();
        let line = format!("{}  {:>10}  {}", layer.digest, size(layer.size), shown(kind));
        let _ = writeln!(text, "{}", line.trim_end());
    }
}
