//! How routes about accounts fail, described once for all of them.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, RefOr, Response, ResponseBuilder};

pub(crate) struct Refused;

const ALL: [(&str, &str); 6] = [
    ("400", "The body cannot be read, or says what cannot be"),
    ("401", "Nobody is signed in, or what was shown does not hold"),
    ("403", "Not allowed: without `X-Pika-Client`, with a suspended account, or with a DJ token where a session is needed"),
    ("404", "It is not there, or it is somebody else's"),
    ("429", "Too often; `Retry-After` says when the next is due"),
    ("503", "The store is away, or too many are at it; try again"),
];

impl IntoResponses for Refused {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let one = |words: &str| {
            let body = ContentBuilder::new().schema(Some(utoipa::openapi::Ref::from_schema_name("ErrorBody"))).build();
            RefOr::T(ResponseBuilder::new().description(words).content("application/json", body).build())
        };
        ALL.into_iter().map(|(status, words)| (status.to_owned(), one(words))).collect()
    }
}
