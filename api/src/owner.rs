//! Who speaks for a run: its DJ's token, or the ownerToken that was given out when it began.

use axum::http::{HeaderMap, header};
use schemas::fact::Owner;
use schemas::secrets::token_hash;
use schemas::{Code, Millis};
use store::RunRow;

use crate::desk::Desk;
use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// No token was shown.
    Stranger,
    /// A token that nobody gave out, or that was revoked.
    Unknown,
    /// A DJ's token, and not the DJ of this run.
    Other,
    Owner,
}

impl Standing {
    pub fn require_owner(self) -> Result<(), Failure> {
        match self {
            Standing::Owner => Ok(()),
            Standing::Stranger | Standing::Unknown => Err(Code::Unauthorized.into()),
            Standing::Other => Err(Code::NotOwner.into()),
        }
    }
}

/// An ownerToken begins so. One of another run cannot be told from an invented one, so both prove nothing.
const OWNER_TOKEN: &str = "pk_own_";
/// Longer is no token of ours, and is not worth hashing.
const LONGEST: usize = 2_000;

pub(crate) async fn standing(desk: &Desk, headers: &HeaderMap, run: &RunRow) -> Result<Standing, Failure> {
    let Some(token) = bearer(headers) else { return Ok(Standing::Stranger) };
    if token.starts_with(OWNER_TOKEN) {
        let owns = desk.key.owns(token, &run.session, run.begin);
        return Ok(if owns { Standing::Owner } else { Standing::Unknown });
    }
    if token.len() > LONGEST {
        return Ok(Standing::Unknown);
    }
    let found = desk.stored(desk.tokens.find_token(&token_hash(token), Millis::now())).await?;
    Ok(match (found, &run.owner) {
        (None, _) => Standing::Unknown,
        (Some(dj), Owner::Dj { id }) if dj.dj == *id => Standing::Owner,
        (Some(_), Owner::Dj { .. } | Owner::Person { .. }) => Standing::Other,
    })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
