//! How routes about accounts fail, described once for all of them.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, RefOr, Response, ResponseBuilder};

pub(crate) struct Refused;

const ALL: [(&str, &str); 6] = [
    ("400", "The body cannot be read, or says what cannot be"),
    ("401", "Nobody is signed in, or what was shown does not hold"),
    ("403", "Not allowed: without `X-Pika-Client`, with a suspended account, or with a DJ token where a session is needed"),
    ("404", "It is not there, or not any more, or it is somebody else's"),
    ("429", "Too often; `Retry-After` says when the next is due"),
    ("503", "The store is away, or too many are at it; try again"),
];

/// How the way to a provider and back fails: as a page to people, as a body to programs.
pub(crate) struct NotIn;

const NOT_IN: [(&str, &str); 7] = [
    ("400", "The query cannot be read"),
    ("401", "It was not begun in this browser, or too long ago, or the provider said no"),
    ("403", "The account is suspended"),
    ("404", "There is no such provider here"),
    ("409", "The address has an account, or the login another one, or the provider has not verified the address"),
    ("429", "Too often from this address"),
    ("503", "The provider or the store does not answer; nothing was changed"),
];

impl IntoResponses for Refused {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        described(&ALL)
    }
}

impl IntoResponses for NotIn {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        described(&NOT_IN)
    }
}

fn described(all: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let one = |words: &str| {
        let body = ContentBuilder::new().schema(Some(utoipa::openapi::Ref::from_schema_name("ErrorBody"))).build();
        RefOr::T(ResponseBuilder::new().description(words).content("application/json", body).build())
    };
    all.iter().map(|(status, words)| ((*status).to_owned(), one(words))).collect()
}
