//! Letting in a device that shows a code.

use std::sync::Arc;

use accounts::Polled;
use axum::extract::State;
use axum::response::Response;
use schemas::Millis;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::apps::TokenPair;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::limits::Limit;
use crate::posted::{Asked, Posted};
use crate::refused::Refused;
use crate::signed_in::{Client, From, SignedIn};
use crate::wants::Wants;

#[derive(Deserialize, ToSchema)]
pub(crate) struct Device {
    /// What the device calls itself, for whoever lets it in.
    #[serde(default)]
    name: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeviceWaits {
    device_code: String,
    /// Eight letters to show.
    user_code: String,
    /// Where to type it.
    verification_uri: String,
    /// Seconds.
    expires_in: u64,
    /// Seconds to wait between two questions.
    interval: u64,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DevicePoll {
    device_code: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DeviceState {
    /// `pending` until somebody lets it in, then `in`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tokens: Option<TokenPair>,
}

#[derive(Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UserCode {
    /// As the device shows it; case, spaces and dashes are ignored.
    code: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DeviceNamed {
    /// What the device calls itself. Anybody can make one call itself anything.
    name: String,
}

/// Begins: the device gets a code to show and one to ask with.
#[utoipa::path(post, path = "/api/auth/device", tag = "accounts", request_body = Device, responses(
    (status = 200, description = "The codes", body = DeviceWaits), Refused))]
pub(crate) async fn begin(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    From(address): From,
    Posted(body): Posted<Device>,
) -> Result<Response, Failure> {
    desk.limits.address(Limit::Devices, address)?;
    let started = desk.accounts.device_start(&body.name, Millis::now()).await?;
    Ok(wants.say(&DeviceWaits {
        device_code: started.device_code,
        user_code: started.user_code,
        verification_uri: format!("{}/account/device", desk.config.public_url.trim_end_matches('/')),
        expires_in: started.expires_in.as_secs(),
        interval: started.interval.as_secs(),
    }))
}

/// What the device asks until it is let in.
#[utoipa::path(post, path = "/api/auth/device/poll", tag = "accounts", request_body = DevicePoll, responses(
    (status = 200, description = "Whether it is in, and then its tokens, once", body = DeviceState), Refused))]
pub(crate) async fn poll(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    Posted(body): Posted<DevicePoll>,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Polls, &body.device_code)?;
    let state = match desk.accounts.device_poll(&body.device_code, Millis::now()).await? {
        Polled::Pending => DeviceState { status: "pending", tokens: None },
        Polled::In(pair) => DeviceState { status: "in", tokens: Some(TokenPair::of(pair)) },
    };
    Ok(wants.say(&state))
}

/// Which device shows this code.
#[utoipa::path(get, path = "/api/auth/device/confirm", tag = "accounts", security(("access" = []), ("session" = [])), params(UserCode), responses(
    (status = 200, description = "What it calls itself", body = DeviceNamed), Refused))]
pub(crate) async fn named(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    SignedIn(caller): SignedIn,
    Asked(asked): Asked<UserCode>,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Codes, &caller.id().to_string())?;
    let name = desk.accounts.device_named(&caller, &asked.code, Millis::now()).await?;
    Ok(wants.say(&DeviceNamed { name }))
}

/// Lets the device that shows this code in, as the caller.
#[utoipa::path(post, path = "/api/auth/device/confirm", tag = "accounts", security(("access" = []), ("session" = [])), request_body = UserCode, responses(
    (status = 200, description = "It is in", body = DeviceNamed), Refused))]
pub(crate) async fn confirm(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    SignedIn(caller): SignedIn,
    Posted(body): Posted<UserCode>,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Codes, &caller.id().to_string())?;
    let name = desk.accounts.device_let_in(&caller, &body.code, Millis::now()).await?;
    Ok(wants.say(&DeviceNamed { name }))
}
