//! Where one message in many went. The context of the span that wrote a message stands in its header `traceparent`, as W3C names it; who
//! reads the message finds it here by the message's place, and makes a span of its own that follows. Switched off, which is the
//! default, this costs a look at a flag.
//!
//! Contexts are kept beside what is read, and only the newest of them: one message in many has one, and nothing depends on it.

use std::collections::{HashMap, VecDeque};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::HeaderMap;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use parking_lot::Mutex;
use schemas::{Seq, SessionId};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::subjects::headers;

/// The target of spans that are traces, and never log lines.
pub const TARGET: &str = "traces";
/// Contexts that are kept: of the messages of a second or so.
const KEPT: usize = 1_024;

static ON: AtomicBool = AtomicBool::new(false);
static SEEN: LazyLock<Mutex<Seen>> = LazyLock::new(Mutex::default);

/// From here on contexts are written and read.
pub fn switch_on() {
    ON.store(true, Ordering::Relaxed);
}

fn on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// The context of a span that is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace(SpanContext);

impl Trace {
    /// Of the span that this is called in.
    pub fn current() -> Option<Trace> {
        let span = on().then(Span::current)?;
        Trace::recorded(span.context().span().span_context().clone())
    }

    fn recorded(context: SpanContext) -> Option<Trace> {
        (context.is_valid() && context.is_sampled()).then_some(Trace(context))
    }

    /// `00-<trace>-<span>-01`. One that is not recorded is none.
    fn parse(header: &str) -> Option<Trace> {
        let [version, trace, span, flags] = header.split('-').collect::<Vec<_>>()[..] else { return None };
        if (version.len(), trace.len(), span.len(), flags.len()) != (2, 32, 16, 2) || version == "ff" {
            return None;
        }
        let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
        let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
        Trace::recorded(SpanContext::new(trace, span, flags, true, TraceState::default()))
    }

    fn header(&self) -> String {
        format!("00-{}-{}-{:02x}", self.0.trace_id(), self.0.span_id(), self.0.trace_flags().to_u8())
    }

    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(headers::TRACE, self.header());
    }

    pub(crate) fn read(headers: Option<&HeaderMap>) -> Option<Trace> {
        headers.filter(|_| on())?.get(headers::TRACE).and_then(|header| Trace::parse(header.as_str()))
    }
}

/// A span of what is done for these: the child of the first, linked to the others. No span where there are none.
pub fn following(traces: &[Trace], span: impl FnOnce() -> Span) -> Span {
    let Some((first, others)) = traces.split_first() else { return Span::none() };
    let span = span();
    // An error means that nobody records it.
    let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(first.0.clone()));
    for (n, other) in others.iter().enumerate() {
        // Those of one message have one context.
        if !traces[..=n].contains(other) {
            span.add_link(other.0.clone());
        }
    }
    span
}

/// A part of the span that this is called in, if that is recorded.
pub fn within(span: impl FnOnce() -> Span) -> Span {
    Trace::current().map_or_else(Span::none, |_| span())
}

/// Of what was read of a session at this place lately.
pub fn at(session: &SessionId, seq: Seq) -> Option<Trace> {
    if !on() {
        return None;
    }
    SEEN.lock().traces.get(&(session.clone(), seq)).cloned()
}

pub(crate) fn remember(session: &SessionId, seq: Seq, headers: Option<&HeaderMap>) {
    if let Some(trace) = Trace::read(headers) {
        SEEN.lock().put((session.clone(), seq), trace);
    }
}

type Place = (SessionId, Seq);

#[derive(Default)]
struct Seen {
    traces: HashMap<Place, Trace>,
    order: VecDeque<Place>,
}

impl Seen {
    fn put(&mut self, place: Place, trace: Trace) {
        if self.traces.insert(place.clone(), trace).is_some() {
            return;
        }
        self.order.push_back(place);
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.traces.remove(&oldest);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_header_is_read_back_as_it_was_written() {
        assert_eq!(Trace::parse(HEADER).unwrap().header(), HEADER);
    }

    #[test]
    fn what_is_not_recorded_or_no_context_is_none() {
        let odd = [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c8031zz-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        ];
        assert_eq!(odd.map(Trace::parse), odd.map(|_| None));
    }

    #[test]
    fn only_the_newest_are_kept() {
        let (mut seen, trace) = (Seen::default(), Trace::parse(HEADER).unwrap());
        let place = |seq| (SessionId::parse("friday-night").unwrap(), seq);
        (0..3 * KEPT as Seq).for_each(|seq| seen.put(place(seq), trace.clone()));
        (0..KEPT).for_each(|_| seen.put(place(9), trace.clone()));
        assert_eq!((seen.traces.len(), seen.order.len()), (KEPT, KEPT));
        assert!(seen.traces.contains_key(&place(3 * KEPT as Seq - 1)) && !seen.traces.contains_key(&place(1)));
    }
}
