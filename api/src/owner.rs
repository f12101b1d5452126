//! Who speaks for a run: its DJ's token, or the ownerToken that was given out when it began.

use axum::http::{HeaderMap, header};
use schemas::fact::Owner;
use schemas::secrets::token_hash;
use schemas::{Code, Millis};
use store::RunRow;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::signed_in::{caller, session_cookie};

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
    let Some(token) = bearer(headers) else {
        return match session_cookie(headers, desk) {
            Some(_) => of_account(desk, headers, run).await,
            None => Ok(Standing::Stranger),
        };
    };
    if token.starts_with(OWNER_TOKEN) {
        let owns = desk.key.owns(token, &run.session, run.begin);
        return Ok(if owns { Standing::Owner } else { Standing::Unknown });
    }
    if token.len() > LONGEST {
        return Ok(Standing::Unknown);
    }
    // An access token has its parts joined by dots; no DJ's token has one.
    if token.contains('.') {
        return of_account(desk, headers, run).await;
    }
    let found = desk.stored(desk.tokens.find_token(&token_hash(token), Millis::now())).await?;
    Ok(found.map_or(Standing::Unknown, |token| of_dj(&token.dj, &run.owner)))
}

/// Of somebody who is signed in; a session that is over is nobody's.
async fn of_account(desk: &Desk, headers: &HeaderMap, run: &RunRow) -> Result<Standing, Failure> {
    match caller(headers, desk).await {
        Ok(caller) => Ok(of_dj(&caller.id().to_string(), &run.owner)),
        Err(failure) if failure.0.code == Code::Unauthorized => Ok(Standing::Unknown),
        Err(failure) => Err(failure),
    }
}

fn of_dj(dj: &str, owner: &Owner) -> Standing {
    match owner {
        Owner::Dj { id } if id == dj => Standing::Owner,
        Owner::Dj { .. } | Owner::Person { .. } => Standing::Other,
    }
}

pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
