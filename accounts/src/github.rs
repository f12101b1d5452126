//! GitHub, which says who somebody is only when it is asked.

use serde::Deserialize;

use crate::asking::Asking;
use crate::providers::{Claimed, ProviderError};

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Address {
    email: String,
    primary: bool,
    verified: bool,
}

/// Who the token is for. A name on GitHub can be given up and taken by somebody else, a number cannot; and the address on a
/// profile is whatever its owner wrote, so only the list of addresses counts.
pub(crate) async fn who(asking: &Asking, api: &str, token: &str) -> Result<Claimed, ProviderError> {
    let api = api.trim_end_matches('/');
    let user: User = asking.get(&format!("{api}/user"), Some(token)).await?;
    let addresses: Vec<Address> = asking.get(&format!("{api}/user/emails"), Some(token)).await?;
    let own = addresses.iter().find(|address| address.primary && address.verified);
    let name = user.name.filter(|name| !name.trim().is_empty()).unwrap_or(user.login);
    Claimed::new(user.id.to_string(), own.map(|address| address.email.as_str()), Some(name))
        .ok_or_else(|| ProviderError::refused("it names nobody"))
}
