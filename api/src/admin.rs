//! For those who run this Pika: accounts, roles, suspensions, and who did what.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use schemas::error::ErrorBody;
use schemas::{AccountId, Code, Millis, Role};
use serde::{Deserialize, Serialize};
use store::{Account, AuditEntry};
use utoipa::{IntoParams, ToSchema};

use crate::desk::Desk;
use crate::failure::Failure;
use crate::limits::Limit;
use crate::posted::{Asked, Posted};
use crate::refused::Refused;
use crate::shapes::{AccountIdText, AuditLimit, GrantableRole, Moment, UsersLimit};
use crate::signed_in::{Client, ManageUsers, May};
use crate::wants::Wants;

const PAGE: usize = 50;
/// The most entries of the audit log in one answer.
pub(crate) const AUDIT_MOST: usize = 500;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ManagedUser {
    id: String,
    email: String,
    email_verified: bool,
    display_name: String,
    slug: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Millis,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_sign_in: Option<Millis>,
    #[schema(value_type = Option<String>, format = DateTime)]
    suspended_at: Option<Millis>,
    roles: Vec<GrantedRole>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GrantedRole {
    role: Role,
    #[schema(value_type = String, format = DateTime)]
    granted_at: Millis,
    /// The account that granted it; null: it came with the account, or from the command line.
    granted_by: Option<String>,
}

impl ManagedUser {
    fn of(account: Account) -> Self {
        let role = |grant: store::Grant| GrantedRole {
            role: grant.role,
            granted_at: grant.granted_at,
            granted_by: grant.granted_by.map(|id| id.to_string()),
        };
        ManagedUser {
            id: account.id.to_string(),
            email: account.email.as_str().to_owned(),
            email_verified: account.verified_at.is_some(),
            display_name: account.display_name,
            slug: account.slug,
            created_at: account.created_at,
            last_sign_in: account.last_sign_in,
            suspended_at: account.suspended_at,
            roles: account.roles.into_iter().map(role).collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Users {
    users: Vec<ManagedUser>,
    /// `after` of the next page; null on the last one.
    next: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UserPaging {
    /// Accounts wanted; 50 where nothing is said.
    #[param(value_type = Option<UsersLimit>, inline)]
    limit: Option<usize>,
    /// `next` of the page before.
    #[param(value_type = Option<AccountIdText>, inline)]
    after: Option<String>,
    /// Only accounts whose address, name or slug holds this, or whose id it is. A page of a search may be short, or empty, and not the last.
    q: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct RoleWanted {
    #[schema(value_type = GrantableRole, inline)]
    role: Role,
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct Reason {
    /// Kept in the audit log.
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Entry {
    /// Tells entries of one moment apart. Whoever reads on asks for what came before the moment after the last entry's, and leaves out
    /// those that they have.
    id: String,
    #[schema(value_type = String, format = DateTime)]
    at: Millis,
    /// Whose account it concerns.
    account: Option<String>,
    /// Who did it.
    actor: Option<String>,
    action: String,
    detail: String,
}

impl Entry {
    fn of(entry: AuditEntry) -> Self {
        let id = |id: Option<AccountId>| id.map(|id| id.to_string());
        Entry { id: entry.id, at: entry.at, account: id(entry.account), actor: id(entry.actor), action: entry.action, detail: entry.detail }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Only what concerns this account.
    #[param(value_type = Option<AccountIdText>, inline)]
    account: Option<String>,
    /// Only what came before this moment, in ISO 8601.
    #[param(value_type = Option<Moment>, inline)]
    before: Option<String>,
    /// Entries wanted; 100 where nothing is said.
    #[param(value_type = Option<AuditLimit>, inline)]
    limit: Option<usize>,
}

/// The account that an address names. An id that no account can have is an account that is not there.
fn named(id: &str) -> Result<AccountId, Failure> {
    id.parse().map_err(|_| Code::NotFound.into())
}

/// All accounts, in pages.
#[utoipa::path(get, path = "/api/admin/users", tag = "admin", security(("session" = []), ("access" = [])), params(UserPaging), responses(
    (status = 200, description = "A page", body = Users), Refused))]
pub(crate) async fn users(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: May<ManageUsers>,
    Asked(paging): Asked<UserPaging>,
) -> Result<Response, Failure> {
    let after = paging.after.as_deref().map(str::parse::<AccountId>).transpose();
    let after = after.map_err(|_| Failure::with(Code::InvalidMessage, "after is the `next` of a page"))?;
    let limit = paging.limit.unwrap_or(PAGE);
    if !(1..=accounts::USERS_PAGE).contains(&limit) {
        return Err(Failure::with(Code::InvalidMessage, format!("limit must be 1 to {}", accounts::USERS_PAGE)));
    }
    let page = match paging.q.as_deref().map(str::trim).filter(|wanted| !wanted.is_empty()) {
        None => desk.accounts.page(after, limit).await?,
        Some(wanted) => desk.accounts.search(wanted, after, limit).await?,
    };
    Ok(wants.say(&Users { users: page.accounts.into_iter().map(ManagedUser::of).collect(), next: page.next.map(|id| id.to_string()) }))
}

/// One account.
#[utoipa::path(get, path = "/api/admin/users/{id}", tag = "admin", security(("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "An account's id")), responses((status = 200, description = "The account", body = ManagedUser), Refused))]
pub(crate) async fn user(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: May<ManageUsers>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let account = desk.accounts.find(&named(&id)?.to_string()).await?;
    Ok(wants.say(&ManagedUser::of(account)))
}

/// Grants a role. Whoever gets it signs in anew.
#[utoipa::path(post, path = "/api/admin/users/{id}/roles", tag = "admin", security(("session" = []), ("access" = [])), request_body = RoleWanted,
    params(("id" = String, Path, description = "An account's id")), responses((status = 200, description = "The account as it is now", body = ManagedUser), Refused))]
pub(crate) async fn grant(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    admin: May<ManageUsers>,
    Path(id): Path<String>,
    Posted(body): Posted<RoleWanted>,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Changes, &admin.0.id().to_string())?;
    let account = desk.accounts.grant(named(&id)?, body.role, Some(admin.0.id()), Millis::now()).await?;
    Ok(wants.say(&ManagedUser::of(account)))
}

/// Takes a role away. Whoever had it signs in anew.
#[utoipa::path(delete, path = "/api/admin/users/{id}/roles/{role}", tag = "admin", security(("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "An account's id"), ("role" = inline(GrantableRole), Path, description = "A role's name")),
    responses((status = 200, description = "The account as it is now", body = ManagedUser),
    (status = 409, description = "It is the caller's own role of an admin; another admin takes it", body = ErrorBody), Refused))]
pub(crate) async fn take(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    admin: May<ManageUsers>,
    Path((id, role)): Path<(String, String)>,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Changes, &admin.0.id().to_string())?;
    let role = Role::named(&role).filter(|role| Role::GRANTED.contains(role)).ok_or(Code::NotFound)?;
    let account = desk.accounts.take(named(&id)?, role, Some(admin.0.id()), Millis::now()).await?;
    Ok(wants.say(&ManagedUser::of(account)))
}

/// Suspends an account: nothing that it holds lets anybody in from now on.
#[utoipa::path(post, path = "/api/admin/users/{id}/suspension", tag = "admin", security(("session" = []), ("access" = [])), request_body = Reason,
    params(("id" = String, Path, description = "An account's id")), responses((status = 200, description = "The account as it is now", body = ManagedUser),
    (status = 409, description = "Nobody suspends themselves", body = ErrorBody), Refused))]
pub(crate) async fn suspend(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    admin: May<ManageUsers>,
    Path(id): Path<String>,
    Posted(body): Posted<Reason>,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Changes, &admin.0.id().to_string())?;
    let account = desk.accounts.suspend(named(&id)?, &body.reason, Some(admin.0.id()), Millis::now()).await?;
    Ok(wants.say(&ManagedUser::of(account)))
}

/// Ends a suspension. Whoever was suspended signs in anew.
#[utoipa::path(delete, path = "/api/admin/users/{id}/suspension", tag = "admin", security(("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "An account's id")), responses((status = 200, description = "The account as it is now", body = ManagedUser), Refused))]
pub(crate) async fn unsuspend(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    admin: May<ManageUsers>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Changes, &admin.0.id().to_string())?;
    let account = desk.accounts.unsuspend(named(&id)?, Some(admin.0.id()), Millis::now()).await?;
    Ok(wants.say(&ManagedUser::of(account)))
}

/// Who did what, newest first.
#[utoipa::path(get, path = "/api/admin/audit", tag = "admin", security(("session" = []), ("access" = [])), params(AuditQuery), responses(
    (status = 200, description = "Entries of at most a year", body = [Entry]),
    (status = 400, description = "`before` is no time, or `account` no id", body = ErrorBody), Refused))]
pub(crate) async fn audit(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: May<ManageUsers>,
    Asked(asked): Asked<AuditQuery>,
) -> Result<Response, Failure> {
    let wrong = |what: &str| Failure::with(Code::InvalidMessage, what.to_owned());
    let before = match asked.before.as_deref() {
        // A little ahead, for entries of this very moment.
        None => Millis::now().plus(60_000),
        Some(text) => Millis::parse(text).ok_or_else(|| wrong("before must be a time in ISO 8601"))?,
    };
    let account = asked.account.as_deref().map(|id| id.parse().map_err(|_| wrong("account must be an account's id"))).transpose()?;
    let limit = asked.limit.unwrap_or(100);
    if !(1..=AUDIT_MOST).contains(&limit) {
        return Err(wrong(&format!("limit must be 1 to {AUDIT_MOST}")));
    }
    let entries = desk.accounts.audit(account, before, limit).await?;
    Ok(wants.say(&entries.into_iter().map(Entry::of).collect::<Vec<_>>()))
}
