//! Promises about accounts and their names.

use schemas::{AccountId, Email};

use super::people::account;
use super::sample::EVENING;
use crate::accounts::STRAY_MS;
use crate::{Account, Accounts, Name, StoreError, Tokens};

async fn add(store: &dyn Accounts, name: &str) -> Account {
    let account = account(name);
    store.add_account(&account).await.expect("a new account is added");
    account
}

fn email(name: &str) -> Name {
    Name::Email(Email::parse(&format!("{name}@example.org")).expect("an address"))
}

pub async fn an_account_comes_back_as_it_was(store: &dyn Accounts) {
    let ada = add(store, "ada").await;
    assert_eq!(store.account(ada.id).await, Ok(Some(ada.clone())));
    for name in ada.names().iter().filter(|name| !matches!(name, Name::Dj(_))) {
        assert_eq!(store.account_named(name).await, Ok(Some(ada.clone())), "{name:?}");
    }
    assert_eq!(store.account(AccountId::random()).await, Ok(None));
    assert_eq!(store.account_named(&email("nobody")).await, Ok(None));
    assert_eq!(store.account_named(&Name::Slug("ada@example.org".to_owned())).await, Ok(None), "a name is of one kind");

    let bare = Account {
        verified_at: None,
        password: None,
        last_sign_in: None,
        suspended_at: None,
        roles: vec![],
        identities: vec![],
        profile: crate::Profile::default(),
        preferences: crate::Preferences::default(),
        ..account("bare")
    };
    store.add_account(&bare).await.expect("added");
    assert_eq!(store.account(bare.id).await, Ok(Some(bare)));
}

pub async fn every_name_is_one_accounts(store: &dyn Accounts) {
    let ada = add(store, "ada").await;
    let other = account("eve");
    let taken = [
        Account { email: ada.email.clone(), ..other.clone() },
        Account { slug: ada.slug.clone(), ..other.clone() },
        Account { display_name: ada.display_name.to_uppercase(), ..other.clone() },
        Account { identities: ada.identities.clone(), ..other.clone() },
        Account { person: ada.person, ..other.clone() },
    ];
    for wanted in taken {
        assert_eq!(store.add_account(&wanted).await, Err(StoreError::Taken));
        assert_eq!(store.account(wanted.id).await, Ok(None));
    }
    let taken_name = Account { person: other.person, email: ada.email.clone(), ..account("mallory") };
    assert_eq!(store.add_account(&taken_name).await, Err(StoreError::Taken));
    assert_eq!(store.add_account(&other).await, Ok(()), "a refused account left a claim behind");
    assert_eq!(store.account_named(&email("ada")).await, Ok(Some(ada)));
}

pub async fn of_many_who_want_a_name_one_gets_it(store: &dyn Accounts) {
    let wanted: Vec<Account> = (0..8).map(|_| account("wanted")).collect();
    let asked = futures_util::future::join_all(wanted.iter().map(|account| store.add_account(account))).await;
    let got: Vec<&Account> = wanted.iter().zip(&asked).filter(|(_, answer)| answer.is_ok()).map(|(account, _)| account).collect();
    // Where claims are made one by one all may see each other and step back, but never two get it.
    assert!(got.len() <= 1, "{asked:?}");
    let found = store.account_named(&email("wanted")).await.expect("an answer");
    assert_eq!(found.as_ref(), got.first().copied());
}

pub async fn only_the_next_version_is_taken(store: &dyn Accounts) {
    let ada = add(store, "ada").await;
    let suspended = Account { suspended_at: Some(EVENING.plus(9)), password: None, ..ada.clone() };
    assert_eq!(store.save_account(&suspended).await, Ok(true));
    assert_eq!(store.save_account(&Account { suspended_at: None, ..ada.clone() }).await, Ok(false), "it was read before the other wrote");
    let stored = store.account(ada.id).await.expect("an answer").expect("it is there");
    assert_eq!(stored, Account { version: ada.version + 1, ..suspended });
    assert_eq!(store.save_account(&account("never-made")).await, Ok(false));
}

pub async fn a_name_leads_to_who_bears_it_now(store: &dyn Accounts) {
    let ada = add(store, "ada").await;
    store.claim_name(&email("new"), ada.id, EVENING).await.expect("claimed");
    store.claim_name(&email("new"), ada.id, EVENING).await.expect("claiming again is no error");
    assert_eq!(store.account_named(&email("new")).await, Ok(None), "claimed is not yet borne");
    let moved = Account { email: Email::parse("new@example.org").expect("an address"), ..ada.clone() };
    assert_eq!(store.save_account(&moved).await, Ok(true));
    assert_eq!(store.account_named(&email("ada")).await, Ok(None), "an old name leads nowhere, also before it is released");
    store.release_name(&email("ada"), AccountId::random()).await.expect("no error");
    store.release_name(&email("ada"), ada.id).await.expect("released");
    assert_eq!(store.account_named(&email("new")).await.map(|found| found.map(|found| found.id)), Ok(Some(ada.id)));
    let next = account("ada");
    assert_eq!(store.claim_name(&email("ada"), next.id, EVENING).await, Ok(()), "what was released is free");
}

pub async fn a_stray_claim_is_free_after_a_minute(store: &dyn Accounts) {
    let (dead, ada) = (AccountId::random(), add(store, "ada").await);
    store.claim_name(&email("stray"), dead, EVENING).await.expect("claimed");
    assert_eq!(store.claim_name(&email("stray"), ada.id, EVENING.plus(STRAY_MS - 1)).await, Err(StoreError::Taken));
    assert_eq!(store.claim_name(&email("stray"), ada.id, EVENING.plus(STRAY_MS)).await, Ok(()));
    let guest = Name::Person(schemas::PersonId::random());
    store.claim_name(&guest, dead, EVENING).await.expect("claimed");
    assert_eq!(store.claim_name(&guest, ada.id, EVENING.plus(STRAY_MS)).await, Ok(()), "whoever did not come to their account tries again");
    let late = EVENING.plus(10 * STRAY_MS);
    assert_eq!(store.claim_name(&email("ada"), dead, late).await, Err(StoreError::Taken), "a name that is borne is never stray");
}

pub async fn a_removed_account_leaves_its_names_but_for_two(store: &dyn Accounts) {
    let ada = add(store, "ada").await;
    store.remove_account(&ada).await.expect("removed");
    assert_eq!((store.account(ada.id).await, store.account_named(&email("ada")).await), (Ok(None), Ok(None)));
    let late = EVENING.plus(10 * STRAY_MS);
    let person = Name::Person(ada.person);
    assert_eq!(store.claim_name(&person, AccountId::random(), late).await, Err(StoreError::Taken), "what they liked is nobody else's");
    let imposter = account("ada");
    assert_eq!(store.add_account(&imposter).await, Err(StoreError::Taken), "nobody else goes live under the name of past evenings");
    let again = Account { display_name: "Somebody".to_owned(), ..imposter };
    assert_eq!(store.add_account(&again).await, Ok(()));
}

pub async fn a_dj_who_takes_another_name_gives_the_old_one_free(store: &dyn Accounts) {
    let ada = add(store, "ada").await;
    let (old, new) = (Name::Dj(ada.display_name.clone()), Name::Dj("DJ Lovelace".to_owned()));
    store.claim_name(&new, ada.id, EVENING).await.expect("claimed");
    let other = AccountId::random();
    assert_eq!(store.claim_name(&old, other, EVENING).await, Err(StoreError::Taken), "it is theirs until they give it up");
    store.release_name(&old, ada.id).await.expect("released");
    assert_eq!(store.claim_name(&old, other, EVENING).await, Ok(()));
    assert_eq!(store.claim_name(&new, other, EVENING).await, Err(StoreError::Taken));
}

pub async fn pages_of_accounts_hold_each_once(store: &dyn Accounts) {
    let mut made = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        made.push(add(store, name).await.id);
    }
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = store.accounts(after, 2).await.expect("a page");
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        listed.extend(page.into_iter().map(|account| account.id));
    }
    listed.sort();
    made.sort();
    assert_eq!(listed, made);
}

/// DJs that an operator made and DJs with an account share one list of names.
pub async fn djs_names_are_one_list<S: Accounts + Tokens>(store: &S) {
    let digit = |digit: char| digit.to_string().repeat(64);
    store.add_token("DJ Operator", &digit('1'), EVENING).await.expect("added");
    let wanted = Account { display_name: "dj operator".to_owned(), ..account("x") };
    assert_eq!(store.add_account(&wanted).await, Err(StoreError::Taken));
    let ada = add(store, "ada").await;
    let token = store.add_token("DJ ADA", &digit('2'), EVENING).await.expect("added");
    assert_eq!((token.dj, token.name), (ada.id.to_string(), ada.display_name));
}
