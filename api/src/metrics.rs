//! The only file of this role that knows a metric's name.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

pub fn describe() {
    describe_counter!("pika_client_errors_total", "Errors that pages reported from browsers, by kind.");
    describe_counter!("pika_http_requests_total", "Requests by route, method and status.");
    describe_histogram!("pika_http_request_seconds", Unit::Seconds, "From a request's head to its answer's, by route and method.");
    describe_gauge!("pika_live_sessions", "Sessions that are on. Every node says the same: take the maximum, not the sum.");
    describe_gauge!("pika_listeners", "Distinct listeners over all sessions. Every node says the same: take the maximum, not the sum.");
}

/// On a request that is being measured already, so that a layer laid twice counts once.
#[derive(Clone, Copy)]
struct Measured;

/// Counts and times each request by its route, never by its address: ids would make a series a session.
pub(crate) async fn measure(mut request: Request, next: Next) -> Response {
    if request.extensions_mut().insert(Measured).is_some() {
        return next.run(request).await;
    }
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let method = method(request.method());
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    counter!("pika_http_requests_total", "route" => route.clone(), "method" => method, "status" => status).increment(1);
    histogram!("pika_http_request_seconds", "route" => route, "method" => method).record(began.elapsed().as_secs_f64());
    response
}

/// A caller may invent methods; a label may not grow with them.
pub fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

pub(crate) fn client_error(kind: &'static str) {
    counter!("pika_client_errors_total", "kind" => kind).increment(1);
}

pub(crate) fn live_sessions(count: usize) {
    gauge!("pika_live_sessions").set(count as f64);
}

pub(crate) fn listeners(count: u64) {
    gauge!("pika_listeners").set(count as f64);
}
