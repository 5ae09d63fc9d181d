//! The log, by `tracing`: to a file, or to standard error when asked for with `-v`.

use std::{
    fmt,
    fs::File,
    io,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use registry::Code;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::{
    args::{LogFormat, SyncFlags},
    output,
    problem::Problem,
};

/// Whether only errors are said.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Starts the log. A file that can't be opened is an error before anything runs.
pub(crate) fn start(flags: &SyncFlags) -> Result<(), Problem> {
    // before a file is emptied
    output::distinct(flags)?;
    QUIET.store(flags.quiet, Ordering::Relaxed);
    // whoever wants JSON wants a log
    let verbose = if is_json_on_stderr(flags) { flags.verbose.max(1) } else { flags.verbose };
    start_at(verbose, flags.log.as_deref(), flags.log_format)
}

/// Whether only errors are said.
pub(crate) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Whether the log tells by itself what becomes of images: it is in a file, or read by a program. On standard error the
/// lines of progress tell it.
pub(crate) fn is_apart(flags: &SyncFlags) -> bool {
    flags.log.is_some() || is_json_on_stderr(flags)
}

/// Whether standard error is the log's, line by line.
pub(crate) fn is_json_on_stderr(flags: &SyncFlags) -> bool {
    flags.log.is_none() && flags.log_format == LogFormat::Json && !flags.quiet
}

/// Starts the log at a level, to a file or to standard error.
pub(crate) fn start_at(verbose: u8, file: Option<&Path>, format: LogFormat) -> Result<(), Problem> {
    let ours = |level: &str| {
        format!(
            "warn,registry={level},engine={level},accounts={level},profiles={level},image_syncer={level},\
             hyper_util=warn,reqwest=warn,rustls=warn,rustls_platform_verifier=off"
        )
    };
    let level = match (verbose, file.is_some()) {
        (0, false) => None,
        (0 | 1, _) => Some(ours("info")),
        (2, _) => Some(ours("debug")),
        _ => Some("trace".to_owned()),
    };
    let from_environment = std::env::var("RUST_LOG").ok().filter(|value| !value.is_empty());
    let Some(level) = from_environment.or(level) else {
        if !is_quiet() {
            warnings();
        }
        return Ok(());
    };
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

/// Without a log, what lower layers warn of is said like all else; the engine's warnings are in the report, which is told.
fn warnings() {
    let filter = EnvFilter::new(
        "off,registry=warn,registry::warnings=off,accounts=warn,store=warn,engine::deliver=warn,engine::copying=warn",
    );
    let layer = tracing_subscriber::fmt::layer()
        .event_format(Warning)
        .with_writer(|| Aside)
        .with_ansi(false)
        .with_filter(filter);
    let _ = Registry::default().with(layer).try_init();
}

/// Standard error, above the bars where there are any.
struct Aside;

impl io::Write for Aside {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        crate::progress::aside(|| io::stderr().write(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// `warning: …`
struct Warning;

impl<S, N> FormatEvent<S, N> for Warning
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> fmt::Result {
        writer.write_str("warning: ")?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
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
