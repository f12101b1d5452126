//! Addresses and passwords: verifying, changing, and getting back in.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use schemas::Millis;
use schemas::error::ErrorBody;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::{DONE, Done};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::limits::Limit;
use crate::posted::Posted;
use crate::refused::Refused;
use crate::shapes::{EmailText, NewPasswordText};
use crate::signed_in::{Client, From, SignedIn};
use crate::wants::Wants;

#[derive(Deserialize, ToSchema)]
pub(crate) struct CodeOf {
    /// From the letter.
    code: String,
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct AddressOf {
    #[schema(value_type = EmailText, inline)]
    email: String,
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct NewPassword {
    /// From the letter.
    code: String,
    #[schema(value_type = NewPasswordText, inline)]
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PasswordChange {
    password: String,
    #[schema(value_type = NewPasswordText, inline)]
    new_password: String,
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct AddressChange {
    password: String,
    #[schema(value_type = EmailText, inline)]
    email: String,
}

/// Takes the code from the letter that verifies an address.
#[utoipa::path(post, path = "/api/auth/verify", tag = "accounts", request_body = CodeOf, responses(
    (status = 200, description = "The address is verified", body = Done), Refused))]
pub(crate) async fn verify(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    From(address): From,
    Posted(body): Posted<CodeOf>,
) -> Result<Response, Failure> {
    desk.limits.address(Limit::Codes, address)?;
    desk.accounts.verify_email(&body.code, Millis::now()).await?;
    Ok(wants.say(&DONE))
}

/// Sends the letter that verifies the address once more.
#[utoipa::path(post, path = "/api/auth/verify/send", tag = "accounts", security(("access" = []), ("session" = [])), responses(
    (status = 200, description = "It is on its way, or not needed", body = Done), Refused))]
pub(crate) async fn send_verification(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    SignedIn(caller): SignedIn,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Letters, &caller.id().to_string())?;
    desk.accounts.ask_verification(&caller, Millis::now()).await?;
    Ok(wants.say(&DONE))
}

/// Sends a letter with which a new password can be chosen. The answer is the same for an address that nobody has.
#[utoipa::path(post, path = "/api/auth/password/forgotten", tag = "accounts", request_body = AddressOf, responses(
    (status = 200, description = "If somebody has this address, a letter is on its way", body = Done), Refused))]
pub(crate) async fn forgotten(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    From(address): From,
    Posted(body): Posted<AddressOf>,
) -> Result<Response, Failure> {
    desk.limits.address(Limit::Letters, address)?;
    desk.limits.person(Limit::Letters, &body.email.trim().to_lowercase())?;
    desk.accounts.ask_reset(&body.email, Millis::now()).await?;
    Ok(wants.say(&DONE))
}

/// Chooses a new password with the code from a letter. Everything that was signed in is signed out.
#[utoipa::path(post, path = "/api/auth/password/reset", tag = "accounts", request_body = NewPassword, responses(
    (status = 200, description = "The password is the new one", body = Done), Refused))]
pub(crate) async fn reset(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    From(address): From,
    Posted(body): Posted<NewPassword>,
) -> Result<Response, Failure> {
    desk.limits.address(Limit::Codes, address)?;
    desk.accounts.reset_password(&body.code, &body.password, Millis::now()).await?;
    Ok(wants.say(&DONE))
}

/// Chooses a new password with the old one. Everything else that is signed in is signed out, DJ tokens included.
#[utoipa::path(post, path = "/api/auth/password", tag = "accounts", security(("access" = []), ("session" = [])), request_body = PasswordChange, responses(
    (status = 200, description = "The password is the new one", body = Done),
    (status = 409, description = "The account has no password yet; a letter helps to choose one", body = ErrorBody), Refused))]
pub(crate) async fn password(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    SignedIn(caller): SignedIn,
    Posted(body): Posted<PasswordChange>,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::SignIn, caller.account.email.as_str())?;
    desk.accounts.change_password(&caller, &body.password, &body.new_password, Millis::now()).await?;
    Ok(wants.say(&DONE))
}

/// Sends a letter to a new address. The account's address changes when the letter's code comes back.
#[utoipa::path(post, path = "/api/auth/email", tag = "accounts", security(("access" = []), ("session" = [])), request_body = AddressChange, responses(
    (status = 200, description = "The letter is on its way", body = Done),
    (status = 409, description = "The account has no password yet; a letter helps to choose one", body = ErrorBody), Refused))]
pub(crate) async fn email(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    SignedIn(caller): SignedIn,
    Posted(body): Posted<AddressChange>,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::SignIn, caller.account.email.as_str())?;
    desk.limits.person(Limit::Letters, &caller.id().to_string())?;
    desk.accounts.ask_email_change(&caller, &body.password, &body.email, Millis::now()).await?;
    Ok(wants.say(&DONE))
}

/// Takes the code from the letter to the new address.
#[utoipa::path(post, path = "/api/auth/email/confirm", tag = "accounts", request_body = CodeOf, responses(
    (status = 200, description = "The address is the new one", body = Done),
    (status = 409, description = "Somebody else has that address", body = ErrorBody), Refused))]
pub(crate) async fn confirm_email(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    From(address): From,
    Posted(body): Posted<CodeOf>,
) -> Result<Response, Failure> {
    desk.limits.address(Limit::Codes, address)?;
    desk.accounts.change_email(&body.code, Millis::now()).await?;
    Ok(wants.say(&DONE))
}
