//! The log: one JSON object per line on standard error (or plain lines on a terminal), filtered by `PREFLUX_LOG`.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Starts the log. kube's own account of failed requests is left out: it may repeat what an API server said of a Secret.
pub fn start() {
    let filter = std::env::var("PREFLUX_LOG").unwrap_or_else(|_| "info".to_owned());
    let filter = format!("{filter},kube_client::client::builder=off");
    let filter = EnvFilter::try_new(filter)
        .unwrap_or_else(|_| EnvFilter::new("info,kube_client::client::builder=off"));
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A second start, in tests, keeps the first one's log.
    let _ = if std::io::stderr().is_terminal() {
        log.without_time().try_init()
    } else {
        log.json().flatten_event(true).with_current_span(false).try_init()
    };
}
