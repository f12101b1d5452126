//! Traces for an OpenTelemetry collector: one evening's message in many, from the request or the socket over the log to the store and back.
//! What is said of a message is its kind, and never whose it is.

use std::time::Duration;

use anyhow::Context;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::settings::Settings;

/// How long a collector may take for a batch, and the last one when the process leaves.
const PATIENCE: Duration = Duration::from_secs(3);

/// Spans that were recorded are on their way once this is dropped.
#[must_use]
pub struct Exporter(SdkTracerProvider);

impl Drop for Exporter {
    fn drop(&mut self) {
        // A collector that is away is no reason to stay.
        let _ = self.0.shutdown_with_timeout(PATIENCE);
    }
}

/// Whether this names where spans are taken. A password would be sent to nobody and shown in errors.
pub fn is_collector(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    ["http", "https"].contains(&url.scheme()) && url.username().is_empty() && url.password().is_none() && url.path().len() > 1
}

type Taker<S> = Box<dyn Layer<S> + Send + Sync>;

/// What takes the spans of `who`, if a collector is named.
pub fn layer<S>(settings: &Settings, who: &str) -> anyhow::Result<Option<(Taker<S>, Exporter)>>
where
    S: Subscriber + for<'s> LookupSpan<'s> + Send + Sync,
{
    let Some(url) = &settings.traces_url else { return Ok(None) };
    let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpJson).with_endpoint(url).with_timeout(PATIENCE);
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter.build().context("`traces_url`")?)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.traces_ratio))))
        .with_resource(
            Resource::builder()
                .with_service_name(who.to_owned())
                .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
                .build(),
        )
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("pika"))
        // Neither files and lines nor threads: they say nothing of an evening.
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(|span| span.target() == nats::traces::TARGET));
    nats::traces::switch_on();
    Ok(Some((layer.boxed(), Exporter(provider))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_has_an_address_with_a_path_and_no_password() {
        assert!(["http://127.0.0.1:4318/v1/traces", "https://collector.example/v1/traces"].into_iter().all(is_collector));
        let odd = [
            "",
            "collector:4318",
            "http://collector:4318",
            "user:word@collector:4318/v1",
            "http://user:word@collector/v1/traces",
            "ftp://a/b",
        ];
        assert!(!odd.into_iter().any(is_collector));
    }
}
