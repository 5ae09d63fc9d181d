//! What the app tells on stderr. Secrets are redacted by their types, long before they could get here.

use tracing_subscriber::EnvFilter;

/// `IMAGE_SYNCER_LOG=debug` or `registry=debug,engine=debug` tells more.
const VARIABLE: &str = "IMAGE_SYNCER_LOG";

pub(crate) fn start() {
    let filter = EnvFilter::try_from_env(VARIABLE)
        .unwrap_or_else(|_| EnvFilter::new("warn,rustls_platform_verifier=off"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // only a test that runs the app twice in one process would have one already
    let _ = log.try_init();
}
