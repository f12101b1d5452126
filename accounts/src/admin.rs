//! What those who run this Pika do to accounts: look, grant and take roles, suspend.

use schemas::{AccountId, Email, Millis, Role};
use store::{Account, Grant, Name};

use crate::Accounts;
use crate::audit::Action;
use crate::error::AccountError;

/// The most accounts of one page.
pub const PAGE: usize = 200;
/// Accounts that are read for one page of a search.
const LOOKED: usize = 2_000;

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

    /// Accounts whose address, name or slug holds `wanted`, whatever its case; an account's whole id finds it too. No table is sorted by
    /// what people look for, so the accounts are read through, and at most [`LOOKED`] of them for one answer: a page may be short, and
    /// even empty, and `next` leads on all the same.
    pub async fn search(&self, wanted: &str, after: Option<AccountId>, limit: usize) -> Result<Page, AccountError> {
        let limit = limit.clamp(1, PAGE);
        if let (Ok(id), None) = (wanted.parse::<AccountId>(), after) {
            let found = self.inner.stores.accounts.account(id).await?;
            return Ok(Page { accounts: found.into_iter().collect(), next: None });
        }
        let wanted = wanted.to_lowercase();
        let mut found = Vec::new();
        let mut after = after;
        for _ in 0..LOOKED / PAGE {
            let page = self.page(after, PAGE).await?;
            for account in page.accounts {
                after = Some(account.id);
                if holds(&account, &wanted) {
                    found.push(account);
                }
                if found.len() == limit {
                    return Ok(Page { accounts: found, next: after });
                }
            }
            if page.next.is_none() {
                return Ok(Page { accounts: found, next: None });
            }
        }
        Ok(Page { accounts: found, next: after })
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
            return Err(AccountError::in_the_way("nobody takes the role of an admin from themselves; another admin does"));
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
            return Err(AccountError::in_the_way("nobody suspends themselves"));
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

fn holds(account: &Account, wanted: &str) -> bool {
    let names = [account.email.as_str(), &account.display_name, &account.slug];
    names.into_iter().any(|name| name.to_lowercase().contains(wanted))
}
