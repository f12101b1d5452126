//! A person's own data: all of it in one document, and its removal.

use schemas::Millis;
use serde_json::{Value, json};
use store::SecretKind;

use crate::Accounts;
use crate::audit::Action;
use crate::caller::Caller;
use crate::error::AccountError;
use crate::profile::Defaults;
use crate::sessions::token_id;

/// Entries of the audit log in an export.
const ENTRIES: usize = 10_000;

impl Accounts {
    /// What is kept of the caller here. Likes and the like are added by whoever has them.
    pub async fn export(&self, caller: &Caller, now: Millis) -> Result<Value, AccountError> {
        caller.require_session()?;
        let (stores, account, profile) = (&self.inner.stores, &caller.account, &caller.account.profile);
        let sessions = stores.secrets.secrets_of(account.id, SecretKind::Session, now).await?;
        let tokens = self.dj_tokens(caller).await?;
        let browsers = stores.subscriptions.subscriptions_of(account.person).await?;
        let audit = stores.audit.audit_of(account.id, ENTRIES).await?;
        self.inner.note(Action::Exported, Some(account.id), Some(account.id), "", now).await?;
        Ok(json!({
            "account": {
                "id": account.id.to_string(),
                "email": account.email.as_str(),
                "emailVerifiedAt": account.verified_at,
                "displayName": account.display_name,
                "slug": account.slug,
                "createdAt": account.created_at,
                "lastSignIn": account.last_sign_in,
                "roles": account.roles.iter().map(|grant| json!({"role": grant.role, "grantedAt": grant.granted_at})).collect::<Vec<_>>(),
                "logins": account.identities.iter().map(|login| json!({"provider": login.provider, "linkedAt": login.linked_at})).collect::<Vec<_>>(),
            },
            "profile": {
                "avatarUrl": profile.avatar_url,
                "bio": profile.bio,
                "genres": profile.genres,
                "website": profile.website,
                "socialLinks": profile.social_links,
            },
            "preferences": Defaults::under(&account.preferences),
            "sessions": sessions.iter().map(|session| json!({"label": session.label, "createdAt": session.created_at, "lastUsed": session.last_used})).collect::<Vec<_>>(),
            "djTokens": tokens.iter().map(|token| json!({"id": token_id(token), "name": token.label, "createdAt": token.created_at, "lastUsed": token.last_used})).collect::<Vec<_>>(),
            // Not the endpoints: whoever has one may push to it.
            "notifications": browsers.iter().map(|browser| json!({"service": service(&browser.endpoint), "createdAt": browser.created_at, "lastSeen": browser.seen_at})).collect::<Vec<_>>(),
            "history": audit.iter().map(|entry| json!({"at": entry.at, "action": entry.action, "detail": entry.detail})).collect::<Vec<_>>(),
        }))
    }

    /// Removes the account. Everything that lets anybody in ends, the address and the slug are free again, and nothing is left that
    /// leads from a dancer's likes and votes to a person. What stays: past evenings under the DJ's name, which nobody else may take.
    pub async fn remove(&self, caller: &Caller, password: &str, now: Millis) -> Result<(), AccountError> {
        caller.require_session()?;
        let (inner, account) = (&self.inner, &caller.account);
        inner.prove(account, password).await?;
        inner.sign_everything_out(account, None, now).await?;
        // The code holds the address that it verifies.
        inner.end_secrets(account.id, &[SecretKind::VerifyEmail], now).await?;
        for browser in inner.stores.subscriptions.subscriptions_of(account.person).await? {
            inner.stores.subscriptions.unsubscribe(&browser).await?;
        }
        inner.stores.accounts.remove_account(account).await?;
        inner.note(Action::Removed, Some(account.id), Some(account.id), "", now).await
    }
}

/// The host that an endpoint lies at.
fn service(endpoint: &str) -> &str {
    endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest).split('/').next().unwrap_or_default()
}
