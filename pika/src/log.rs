//! Log lines: for people in development, JSON in production. They carry no tokens, no names of people and no addresses.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::settings::Settings;

pub fn start(settings: &Settings) -> anyhow::Result<()> {
    let mut filter = EnvFilter::try_new(&settings.log)?;
    // The CQL driver says several lines a second while its servers are away, as errors. Who asked the store says what came of it.
    if !settings.log.contains("scylla") {
        filter = filter.add_directive("scylla=off".parse()?);
    }
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_span_events(FmtSpan::NONE).with_writer(std::io::stderr);
    let started = if settings.log_json() { lines.json().flatten_event(true).try_init() } else { lines.with_target(false).try_init() };
    started.map_err(|e| anyhow::anyhow!("logging could not start: {e}"))
}
