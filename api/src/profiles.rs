//! What people tell of themselves, what they chose, and all that is kept of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use accounts::{Defaults, ProfileChange};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use schemas::Millis;
use schemas::error::ErrorBody;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use store::Account;
use utoipa::ToSchema;

use crate::auth::{DONE, Done};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::likes::Like;
use crate::limits::Limit;
use crate::posted::Posted;
use crate::refused::Refused;
use crate::shapes::{BioText, DisplayNameText, GenreList, PreferenceChanges, SocialLinks, WebAddress};
use crate::signed_in::{Client, SignedIn};
use crate::wants::Wants;

/// Likes in an export.
const LIKES: usize = 10_000;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OwnProfile {
    display_name: String,
    slug: String,
    avatar_url: Option<String>,
    bio: String,
    genres: Vec<String>,
    website: Option<String>,
    /// Which network, and the address there.
    social_links: BTreeMap<String, String>,
}

impl OwnProfile {
    pub fn of(account: Account) -> Self {
        OwnProfile {
            display_name: account.display_name,
            slug: account.slug,
            avatar_url: account.profile.avatar_url,
            bio: account.profile.bio,
            genres: account.profile.genres,
            website: account.profile.website,
            social_links: account.profile.social_links,
        }
    }
}

/// What is absent stays; null takes away.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(crate) struct ProfilePatch {
    #[schema(value_type = Option<DisplayNameText>, inline)]
    display_name: Option<String>,
    #[serde(deserialize_with = "said")]
    #[schema(value_type = Option<WebAddress>, inline)]
    avatar_url: Option<Option<String>>,
    #[schema(value_type = Option<BioText>, inline)]
    bio: Option<String>,
    #[schema(value_type = Option<GenreList>, inline)]
    genres: Option<Vec<String>>,
    #[serde(deserialize_with = "said")]
    #[schema(value_type = Option<WebAddress>, inline)]
    website: Option<Option<String>>,
    #[schema(value_type = Option<SocialLinks>, inline)]
    social_links: Option<BTreeMap<String, String>>,
}

impl ProfilePatch {
    fn wanted(self) -> ProfileChange {
        ProfileChange {
            display_name: self.display_name,
            avatar_url: self.avatar_url,
            bio: self.bio,
            genres: self.genres,
            website: self.website,
            social_links: self.social_links,
        }
    }
}

/// Tells null from absent.
fn said<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(d).map(Some)
}

#[derive(Serialize, ToSchema)]
pub(crate) struct OwnPreferences {
    /// Rises with each change.
    version: u64,
    /// All that there are, defaults included.
    preferences: Map<String, Value>,
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct PreferencesPatch {
    /// The version that was read; if somebody changed them since, nothing is.
    version: Option<u64>,
    #[schema(value_type = PreferenceChanges, inline)]
    preferences: Map<String, Value>,
}

/// Of an export what can be taken over. Its other parts may stand beside it, and are left out.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Import {
    #[serde(default)]
    profile: ProfilePatch,
    #[schema(value_type = Option<PreferenceChanges>, inline)]
    preferences: Option<Map<String, Value>>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Imported {
    profile: OwnProfile,
    preferences: OwnPreferences,
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct Removal {
    password: String,
}

/// What the caller tells of themselves.
#[utoipa::path(get, path = "/api/auth/profile", tag = "accounts", security(("access" = []), ("session" = [])), responses(
    (status = 200, description = "The profile", body = OwnProfile), Refused))]
pub(crate) async fn profile(wants: Wants, SignedIn(caller): SignedIn) -> Response {
    wants.say(&OwnProfile::of(caller.account))
}

/// Changes it. A new display name is the name that the caller goes live under from now on; past evenings keep theirs.
#[utoipa::path(patch, path = "/api/auth/profile", tag = "accounts", security(("access" = []), ("session" = [])), request_body = ProfilePatch, responses(
    (status = 200, description = "The profile as it is now", body = OwnProfile),
    (status = 409, description = "The name is taken, or one of the house", body = ErrorBody), Refused))]
pub(crate) async fn change_profile(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    SignedIn(caller): SignedIn,
    Posted(body): Posted<ProfilePatch>,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Changes, &caller.id().to_string())?;
    let account = desk.accounts.change_profile(&caller, body.wanted(), Millis::now()).await?;
    Ok(wants.say(&OwnProfile::of(account)))
}

/// What the caller chose, over the defaults.
#[utoipa::path(get, path = "/api/auth/preferences", tag = "accounts", security(("access" = []), ("session" = [])), responses(
    (status = 200, description = "All preferences", body = OwnPreferences), Refused))]
pub(crate) async fn preferences(wants: Wants, SignedIn(caller): SignedIn) -> Response {
    let preferences = &caller.account.preferences;
    wants.say(&OwnPreferences { version: preferences.version, preferences: Defaults::under(preferences) })
}

/// Changes some preferences.
#[utoipa::path(patch, path = "/api/auth/preferences", tag = "accounts", security(("access" = []), ("session" = [])), request_body = PreferencesPatch, responses(
    (status = 200, description = "All preferences as they are now", body = OwnPreferences),
    (status = 409, description = "They were changed since that version", body = ErrorBody), Refused))]
pub(crate) async fn change_preferences(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    SignedIn(caller): SignedIn,
    Posted(body): Posted<PreferencesPatch>,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Changes, &caller.id().to_string())?;
    let preferences = desk.accounts.change_preferences(&caller, &body.preferences, body.version).await?;
    Ok(wants.say(&OwnPreferences { version: preferences.version, preferences: Defaults::under(&preferences) }))
}

/// Everything that is kept of the caller, as a file.
#[utoipa::path(get, path = "/api/auth/export", tag = "accounts", security(("access" = []), ("session" = [])), responses(
    (status = 200, description = "One JSON document", body = Object), Refused))]
pub(crate) async fn export(State(desk): State<Arc<Desk>>, wants: Wants, SignedIn(caller): SignedIn) -> Result<Response, Failure> {
    desk.limits.person(Limit::Letters, &caller.id().to_string())?;
    let mut document = desk.accounts.export(&caller, Millis::now()).await?;
    let (likes, total) = desk.stored(desk.live.person_likes(caller.account.person, LIKES)).await?;
    let likes: Vec<Like> = likes.into_iter().map(Like::of).collect();
    document["likes"] = serde_json::json!({ "total": total, "likes": likes });
    let mut response = wants.say(&document);
    let name = HeaderValue::from_static("attachment; filename=\"pika-my-data.json\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

/// Takes over profile and preferences from an export, all of it or nothing.
///
/// Names stay what they are here, because others may bear them; likes and history are what happened elsewhere.
#[utoipa::path(post, path = "/api/auth/import", tag = "accounts", security(("access" = []), ("session" = [])), request_body = Import, responses(
    (status = 200, description = "Both as they are now", body = Imported), Refused))]
pub(crate) async fn import(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    SignedIn(caller): SignedIn,
    Posted(body): Posted<Import>,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Changes, &caller.id().to_string())?;
    let preferences = body.preferences.unwrap_or_default();
    let account = desk.accounts.import(&caller, &body.profile.wanted(), &preferences, Millis::now()).await?;
    let preferences = OwnPreferences { version: account.preferences.version, preferences: Defaults::under(&account.preferences) };
    Ok(wants.say(&Imported { profile: OwnProfile::of(account), preferences }))
}

/// Removes the account.
///
/// What stays: past evenings under the DJ's name, and likes and votes in their sums, with nothing that leads to a person.
#[utoipa::path(delete, path = "/api/auth/account", tag = "accounts", security(("access" = []), ("session" = [])), request_body = Removal, responses(
    (status = 200, description = "The account is gone", body = Done),
    (status = 409, description = "The account has no password yet; a letter helps to choose one", body = ErrorBody), Refused))]
pub(crate) async fn remove(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    SignedIn(caller): SignedIn,
    Posted(body): Posted<Removal>,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::SignIn, caller.account.email.as_str())?;
    desk.accounts.remove(&caller, &body.password, Millis::now()).await?;
    Ok(wants.say(&DONE))
}
