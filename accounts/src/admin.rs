//! What those who run this Pika do to accounts: look, grant and take roles, suspend.

use schemas::{AccountId, Email, Millis, Role};
use store::{Account, Grant, Name};

use crate::Accounts;
use crate::audit::Action;
use crate::error::AccountError;

/// Accounts of one page.
const PAGE: usize = 200;

#[derive(Clone, Debug)]
pub struct Page {
    pub accounts: Vec<Account>,
    /// Where the next page begins; none: this is the last.
    pub next: Option<AccountId>,
}

impl Accounts {
    pub async fn page(&self, after: Option<AccountId>, limit: usize) -> Result<Page, AccountError> {
        let limit = limit.clamp(1, PAGE);
        let mut accounts = self.inner.stores.accounts.accounts(after, limit + 1).await?;
        let more = accounts.len() > limit;
        accounts.truncate(limit);
        let next = accounts.last().filter(|_| more).map(|account| account.id);
        Ok(Page { accounts, next })
    }

    /// The account of an id or an address, as an operator names it.
    pub async fn find(&self, named: &str) -> Result<Account, AccountError> {
        let accounts = &self.inner.stores.accounts;
        let found = match (named.parse::<AccountId>(), Email::parse(named)) {
            (Ok(id), _) => accounts.account(id).await?,
            (Err(_), Ok(email)) => accounts.account_named(&Name::Email(email)).await?,
            (Err(_), Err(_)) => None,
        };
        found.ok_or(AccountError::NotFound)
    }

    /// Grants a role; `by` none: from the command line. What somebody has stays as it was granted.
    pub async fn grant(&self, id: AccountId, role: Role, by: Option<AccountId>, now: Millis) -> Result<Account, AccountError> {
        if !Role::GRANTED.contains(&role) {
            return Err(AccountError::invalid(format!("{} is no role that is granted", role.name())));
        }
        let mut news = false;
        let account = self
            .inner
            .change(id, |account| {
                news = account.roles.iter().all(|grant| grant.role != role);
                if news {
                    account.roles.push(Grant { role, granted_at: now, granted_by: by });
                }
                Ok(())
            })
            .await?;
        if news {
            self.inner.note(Action::RoleGranted, Some(id), by, role.name(), now).await?;
            self.privilege_changed(&account, now).await?;
        }
        Ok(account)
    }

    pub async fn take(&self, id: AccountId, role: Role, by: Option<AccountId>, now: Millis) -> Result<Account, AccountError> {
        if by == Some(id) && role == Role::Admin {
            return Err(AccountError::invalid("nobody takes the role of an admin from themselves; another admin does"));
        }
        let mut news = false;
        let account = self
            .inner
            .change(id, |account| {
                news = account.roles.iter().any(|grant| grant.role == role);
                account.roles.retain(|grant| grant.role != role);
                Ok(())
            })
            .await?;
        if news {
            self.inner.note(Action::RoleTaken, Some(id), by, role.name(), now).await?;
            self.privilege_changed(&account, now).await?;
        }
        Ok(account)
    }

    /// From now on nothing that the account holds lets anybody in, and what is open closes.
    pub async fn suspend(&self, id: AccountId, why: &str, by: Option<AccountId>, now: Millis) -> Result<Account, AccountError> {
        if by == Some(id) {
            return Err(AccountError::invalid("nobody suspends themselves"));
        }
        let account = self
            .inner
            .change(id, |account| {
                account.suspended_at.get_or_insert(now);
                Ok(())
            })
            .await?;
        self.inner.note(Action::Suspended, Some(id), by, crate::sessions::label(why), now).await?;
        self.inner.sign_everything_out(&account, None, now).await?;
        Ok(account)
    }

    pub async fn unsuspend(&self, id: AccountId, by: Option<AccountId>, now: Millis) -> Result<Account, AccountError> {
        let account = self
            .inner
            .change(id, |account| {
                account.suspended_at = None;
                Ok(())
            })
            .await?;
        self.inner.note(Action::Unsuspended, Some(id), by, "", now).await?;
        Ok(account)
    }

    /// What somebody may do has changed, so they sign in anew: an old session must not carry new rights, nor a remembered token old
    /// ones. Their DJ's tokens stay theirs, but every node asks again whose they are.
    async fn privilege_changed(&self, account: &Account, now: Millis) -> Result<(), AccountError> {
        self.inner.end_sessions(account.id, None, now).await?;
        for token in self.inner.stores.tokens.tokens_of(&account.id.to_string()).await? {
            self.inner.tell(&token.sha256).await;
        }
        Ok(())
    }
}
