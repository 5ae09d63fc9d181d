//! The log, by `tracing`: to a file, or to standard error when asked for with `-v`.

use std::{fs::File, io, path::Path, sync::Mutex};

use registry::Code;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::{
    args::{LogFormat, SyncFlags},
    problem::Problem,
};

/// Starts the log. A file that can't be opened is an error before anything runs.
pub(crate) fn start(flags: &SyncFlags) -> Result<(), Problem> {
    start_at(flags.verbose, flags.log.as_deref(), flags.log_format)
}

/// Starts the log at a level, to a file or to standard error.
pub(crate) fn start_at(verbose: u8, file: Option<&Path>, format: LogFormat) -> Result<(), Problem> {
    let ours = |level: &str| {
        format!(
            "warn,registry={level},engine={level},accounts={level},profiles={level},image_syncer={level},\
             hyper_util=warn,reqwest=warn,rustls=warn"
        )
    };
    let level = match (verbose, file.is_some()) {
        (0, false) => None,
        (0 | 1, _) => Some(ours("info")),
        (2, _) => Some(ours("debug")),
        _ => Some("trace".to_owned()),
    };
    let from_environment = std::env::var("RUST_LOG").ok().filter(|value| !value.is_empty());
    let Some(level) = from_environment.or(level) else { return Ok(()) };
    let filter = EnvFilter::try_new(&level)
        .map_err(|error| Problem::config(format!("RUST_LOG: '{level}' is no filter: {error}")))?;
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match file {
        Some(path) => {
            let file = File::create(path).map_err(|error| {
                Problem::new(
                    Code::FileFailed,
                    format!("--log: cannot write {}: {error}", path.display()),
                )
                .hint("Name a file in a folder that exists and that you may write to.")
            })?;
            layer(format, false, Mutex::new(file))
        }
        None => layer(format, crate::terminal::colour_on_stderr(), io::stderr),
    };
    // A second start in one process (tests) is not worth an error.
    let _ = Registry::default().with(layer.with_filter(filter)).try_init();
    Ok(())
}

fn layer<W>(format: LogFormat, colour: bool, writer: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'w> tracing_subscriber::fmt::MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(colour);
    match format {
        LogFormat::Text => Box::new(layer),
        LogFormat::Json => Box::new(layer.json()),
    }
}
