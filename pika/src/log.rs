//! Log lines: for people in development, JSON in production. They carry no tokens, no names of people and no addresses. In a folder they
//! stand in files of a day each, of which the newest are kept: all lines, those of trouble, and one for each request.

use std::path::Path;

use anyhow::Context;
use tracing::{Level, Metadata, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::requests::ACCESS;
use crate::settings::Settings;
use crate::traces::{self, Exporter};

/// Lines that were said are in their files once this is dropped, and traces on their way.
#[must_use]
#[expect(dead_code, reason = "they write until they are dropped")]
pub struct Files(Option<Exporter>, Vec<WorkerGuard>);

/// `who` begins the names of the files.
pub fn start(settings: &Settings, who: &str) -> anyhow::Result<Files> {
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = if settings.log_json() { lines.json().flatten_event(true).boxed() } else { lines.with_target(false).boxed() };
    let mut layers = vec![lines.with_filter(filter(settings)?).boxed()];
    let mut guards = Vec::new();
    if let Some(folder) = &settings.log_dir {
        std::fs::create_dir_all(folder).with_context(|| format!("the log directory {}", folder.display()))?;
        let mut file = |name: &str| -> anyhow::Result<NonBlocking> {
            let (writer, guard) = tracing_appender::non_blocking(daily(folder, name, settings.log_days)?);
            guards.push(guard);
            Ok(writer)
        };
        layers.push(json(file(&format!("{who}-all"))?).with_filter(filter(settings)?).boxed());
        let trouble = |line: &Metadata<'_>| *line.level() <= Level::WARN;
        layers.push(json(file(&format!("{who}-trouble"))?).with_filter(filter(settings)?).with_filter(filter_fn(trouble)).boxed());
        let access = |line: &Metadata<'_>| line.target() == ACCESS;
        layers.push(json(file(&format!("{who}-access"))?).with_filter(filter_fn(access)).boxed());
    }
    let mut exporter = None;
    if let Some((layer, made)) = traces::layer(settings, who)? {
        layers.push(layer);
        exporter = Some(made);
    }
    tracing_subscriber::registry().with(layers).try_init().map_err(|e| anyhow::anyhow!("logging could not start: {e}"))?;
    Ok(Files(exporter, guards))
}

fn filter(settings: &Settings) -> anyhow::Result<EnvFilter> {
    let mut filter = EnvFilter::try_new(&settings.log)?;
    // The CQL driver says several lines a second while its servers are away, as errors. Who asked the store says what came of it. And a
    // line for each request is for whoever wants it.
    for quiet in ["scylla", ACCESS, nats::traces::TARGET] {
        if !settings.log.contains(quiet) {
            filter = filter.add_directive(format!("{quiet}=off").parse()?);
        }
    }
    Ok(filter)
}

/// A file for each day by UTC, `name.2026-11-21.log`; older than the newest `days` of them are removed. No name may begin another: what
/// begins with it counts as its.
fn daily(folder: &Path, name: &str, days: usize) -> anyhow::Result<RollingFileAppender> {
    let files = RollingFileAppender::builder().rotation(Rotation::DAILY).filename_prefix(name).filename_suffix("log").max_log_files(days);
    files.build(folder).with_context(|| format!("log files in {}", folder.display()))
}

fn json<S: Subscriber + for<'s> LookupSpan<'s>>(writer: NonBlocking) -> Box<dyn Layer<S> + Send + Sync> {
    fmt::layer().json().flatten_event(true).with_writer(writer).boxed()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_newest_days_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        for day in 1..=9 {
            std::fs::write(folder.path().join(format!("pika-all.2026-01-0{day}.log")), "old").unwrap();
            // How old they are is when they were made.
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        std::fs::write(folder.path().join("pika-trouble.2026-01-01.log"), "another's").unwrap();
        writeln!(daily(folder.path(), "pika-all", 7).unwrap(), "now").unwrap();
        let mut names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names.len(), 8, "{names:?}");
        assert_eq!(names[..2], ["pika-all.2026-01-04.log", "pika-all.2026-01-05.log"], "{names:?}");
    }
}
