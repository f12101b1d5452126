//! What is left of a limit, told in every answer to somebody who is counted: in those that say no, too.

use std::cell::Cell;

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// How often at most.
    pub limit: u64,
    /// How often still.
    pub remaining: u64,
    /// Seconds until all of it is there again.
    pub reset: u64,
}

tokio::task_local! {
    /// The limit that the request of this task came nearest to.
    static NEAREST: Cell<Option<Left>>;
}

impl Left {
    /// Told in the answer to the request that is being answered, unless another limit of it is nearer.
    pub fn note(self) {
        let nearer = |nearest: &Cell<Option<Left>>| {
            if nearest.get().is_none_or(|known| self.remaining <= known.remaining) {
                nearest.set(Some(self));
            }
        };
        // What is counted outside of a request has nobody to be told.
        let _ = NEAREST.try_with(nearer);
    }
}

/// The answer, with what is left of the limit that it came nearest to. Twice round a request the inner one tells.
pub(crate) async fn told(answer: impl Future<Output = Response>) -> Response {
    let telling = async {
        let mut response = answer.await;
        if let Some(left) = NEAREST.with(Cell::get) {
            let Left { limit, remaining, reset } = left;
            for (name, value) in [("ratelimit-limit", limit), ("ratelimit-remaining", remaining), ("ratelimit-reset", reset)] {
                response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from(value));
            }
        }
        response
    };
    NEAREST.scope(Cell::new(None), telling).await
}
