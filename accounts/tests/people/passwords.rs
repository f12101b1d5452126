//! Signing up, in and out, and getting back in.

use std::time::Duration;

use accounts::{AccountError, Registration};
use schemas::PersonId;
use store::{Account, PasswordHash, SecretKind, StoreError};

use crate::world::{PASSWORD, World, now};

pub async fn somebody_signs_up_verifies_and_signs_in(world: &World) {
    let ada = world.register("ada").await;
    assert_eq!((ada.account.display_name.as_str(), ada.account.slug.as_str(), ada.account.verified_at), ("DJ ada", "dj-ada", None));
    let hash = &ada.account.password.as_ref().unwrap().0;
    assert!(hash.starts_with("$argon2id$v=19$m=19456,") && !hash.contains(PASSWORD), "{hash}");
    let by_token = world.accounts.by_bearer(&ada.dj_token, now()).await.unwrap();
    assert_eq!(by_token.id(), ada.account.id);

    let code = world.code("ada@example.org", "verify").await;
    world.accounts.verify_email(&code, now()).await.unwrap();
    let account = world.accounts.find("ada@example.org").await.unwrap();
    assert!(account.verified_at.is_some());
    let again = world.accounts.verify_email(&code, now()).await;
    assert_eq!(again.err(), Some(AccountError::CodeGone), "a code is used once");

    let entered = world.accounts.sign_in(&world.credentials("ADA", PASSWORD), "pika-web", now()).await.unwrap();
    assert_ne!(entered.dj_token, ada.dj_token);
    assert!(world.accounts.by_bearer(&ada.dj_token, now()).await.is_ok(), "others stay");
    assert_eq!(world.audited(account.id).await, ["token_made", "signed_in", "email_verified", "token_made", "registered"]);
}

pub async fn nobody_signs_up_as_somebody_else(world: &World) {
    world.register("ada").await;
    let wanted = |email: &str, name: &str| Registration {
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        display_name: name.to_owned(),
        guest: None,
        client: String::new(),
    };
    for (email, name) in [("ADA@example.org", "DJ Other"), ("other@example.org", "dj ADA"), ("other@example.org", "DJ-ada!")] {
        let refused = world.accounts.register(wanted(email, name), now()).await;
        assert_eq!(refused.err(), Some(AccountError::Store(StoreError::Taken)), "{email} {name}");
    }
    for (email, name) in [("no address", "DJ Other"), ("other@example.org", "x"), ("other@example.org", "<script>")] {
        let refused = world.accounts.register(wanted(email, name), now()).await;
        assert!(matches!(refused, Err(AccountError::Invalid(_))), "{email} {name}");
    }
    let reserved = world.accounts.register(wanted("other@example.org", "Admin"), now()).await;
    assert!(matches!(reserved, Err(AccountError::InTheWay(_))), "a name of the house is taken");
    let weak = Registration { password: "other@example.org".to_owned(), ..wanted("other@example.org", "DJ Other") };
    assert!(matches!(world.accounts.register(weak, now()).await, Err(AccountError::Invalid(_))));
    world.accounts.register(wanted("other@example.org", "DJ Other"), now()).await.unwrap();
}

pub async fn a_guest_who_signs_up_stays_the_person_they_were(world: &World) {
    let guest = PersonId::random();
    let wanted = Registration {
        email: "guest@example.org".to_owned(),
        password: PASSWORD.to_owned(),
        display_name: "Former Guest".to_owned(),
        guest: Some(guest),
        client: String::new(),
    };
    let account = world.accounts.register(wanted, now()).await.unwrap().account;
    assert_eq!(account.person, guest);
}

pub async fn the_next_one_to_sign_up_in_a_browser_is_another_person(world: &World) {
    let guest = PersonId::random();
    let wanted = |name: &str| Registration {
        email: format!("{name}@example.org"),
        password: PASSWORD.to_owned(),
        display_name: format!("DJ {name}"),
        guest: Some(guest),
        client: String::new(),
    };
    world.register("ada").await;
    let taken = Registration { display_name: "DJ ada".to_owned(), ..wanted("first") };
    assert!(world.accounts.register(taken, now()).await.is_err(), "whoever is refused a name tries again as the same guest");
    let first = world.accounts.register(wanted("first"), now()).await.unwrap().account;
    assert_eq!(first.person, guest);
    // The session has ended by itself; the identity's cookie is still in the browser.
    let next = world.accounts.register(wanted("next"), now()).await.unwrap().account;
    assert_ne!(next.person, guest);
    let login = world.accounts.find(&first.id.to_string()).await.unwrap();
    assert_eq!(login.person, guest, "and the first one stays who they were");
    let (cookie, _) = world.accounts.begin_session(&first, "Firefox", now()).await.unwrap();
    let caller = world.accounts.by_cookie(&cookie, now()).await.unwrap();
    world.accounts.remove(&caller, PASSWORD, now()).await.unwrap();
    let last = world.accounts.register(wanted("last"), now()).await.unwrap().account;
    assert_ne!(last.person, guest, "what was liked before an account was removed is nobody's");
}

pub async fn a_wrong_password_lets_nobody_in(world: &World) {
    let ada = world.register("ada").await;
    for (name, password) in [("ada", "blue suede shoes 8"), ("ada", ""), ("nobody", PASSWORD), ("", ""), ("ada\0", PASSWORD)] {
        let refused = world.accounts.authenticate(&world.credentials(name, password), now()).await;
        assert_eq!(refused.err(), Some(AccountError::WrongPassword), "{name} {password}");
    }
    assert!(world.audited(ada.account.id).await.contains(&"sign_in_refused".to_owned()));
}

/// Right or wrong, known or not, with an old hash or a new one.
pub async fn an_answer_takes_as_long_whoever_it_is_for(world: &World) {
    let floor = Duration::from_millis(400);
    let accounts = world.with_floor(floor);
    world.register("ada").await;
    let old = PasswordHash(bcrypt::hash("an old password", 4).unwrap());
    let old = Account { password: Some(old), suspended_at: None, identities: vec![], ..store::contract::people::account("old") };
    world.accounts.adopt(old, now()).await.unwrap();
    for (name, password) in [("ada", PASSWORD), ("ada", "not it"), ("nobody", PASSWORD), ("old", "not it"), ("", "")] {
        let asked = std::time::Instant::now();
        let _ = accounts.authenticate(&world.credentials(name, password), now()).await;
        assert!(asked.elapsed() >= floor, "{name} was answered after {:?}", asked.elapsed());
    }
}

pub async fn a_hash_of_an_older_pika_is_made_anew_at_its_owners_sign_in(world: &World) {
    let old = bcrypt::hash("an old password", 4).unwrap();
    let account =
        Account { password: Some(PasswordHash(old)), suspended_at: None, identities: vec![], ..store::contract::people::account("old") };
    world.accounts.adopt(account.clone(), now()).await.unwrap();
    let wrong = world.accounts.authenticate(&world.credentials("old", "another password"), now()).await;
    assert_eq!(wrong.err(), Some(AccountError::WrongPassword));
    for _ in 0..2 {
        world.accounts.authenticate(&world.credentials("old", "an old password"), now()).await.unwrap();
        let stored = world.accounts.find("old@example.org").await.unwrap();
        assert!(stored.password.unwrap().0.starts_with("$argon2id$"));
    }
}

pub async fn accounts_of_an_older_pika_are_moved_here_once(world: &World) {
    let row = |email: &str, name: &str, hash: Option<String>| accounts::Moved {
        email: email.to_owned(),
        display_name: name.to_owned(),
        hash,
        verified: true,
        created_at: Some(schemas::Millis(1_700_000_000_000)),
    };
    let bcrypt = bcrypt::hash("an old password", 4).unwrap();
    let ada = world.accounts.move_in(row("Ada@example.org", "DJ Ada", Some(bcrypt.clone())), now()).await.unwrap();
    assert_eq!((ada.slug.as_str(), ada.created_at, ada.verified_at.is_some()), ("dj-ada", schemas::Millis(1_700_000_000_000), true));
    world.accounts.authenticate(&world.credentials("ada", "an old password"), now()).await.unwrap();
    let again = world.accounts.move_in(row("ada@example.org", "DJ Ada", Some(bcrypt.clone())), now()).await;
    assert!(matches!(again, Err(AccountError::Taken | AccountError::Store(store::StoreError::Taken))), "{again:?}");
    assert_eq!(world.accounts.find("ada@example.org").await.unwrap().id, ada.id);
    let letter = world.accounts.move_in(row("eve@example.org", "DJ Eve", None), now()).await.unwrap();
    assert!(letter.password.is_none());
    for (email, name, hash) in [
        ("no address", "DJ One", Some(bcrypt.clone())),
        ("one@example.org", "<script>", Some(bcrypt.clone())),
        ("one@example.org", "DJ One", Some("plain text".to_owned())),
        ("one@example.org", "DJ One", Some("$1$md5crypt".to_owned())),
        ("one@example.org", "DJ One", Some(format!("$2b${}", "x".repeat(300)))),
        ("one@example.org", "DJ One", Some(bcrypt.replacen("$04$", "$13$", 1))),
    ] {
        assert!(matches!(world.accounts.move_in(row(email, name, hash), now()).await, Err(AccountError::Invalid(_))), "{email} {name}");
    }
}

pub async fn a_forgotten_password_is_replaced_and_all_else_is_signed_out(world: &World) {
    let ada = world.register("ada").await;
    let (cookie, _) = world.browser("ada").await;
    world.accounts.ask_reset("nobody@example.org", now()).await.unwrap();
    world.accounts.ask_reset("ADA@example.org", now()).await.unwrap();
    let code = world.code("ada@example.org", "reset").await;
    assert!(world.letters_to("nobody@example.org").is_empty());

    let refused = world.accounts.reset_password(&code, "password", now()).await;
    assert!(matches!(refused, Err(AccountError::Invalid(_))), "a password that is refused does not cost the letter");
    world.accounts.reset_password(&code, "a new password of mine", now()).await.unwrap();
    assert!(world.accounts.reset_password(&code, "a newer password of mine", now()).await.is_err(), "a code is used once");
    let old = world.accounts.authenticate(&world.credentials("ada", PASSWORD), now()).await;
    assert_eq!(old.err(), Some(AccountError::WrongPassword));
    world.accounts.authenticate(&world.credentials("ada", "a new password of mine"), now()).await.unwrap();
    assert_eq!(world.accounts.by_cookie(&cookie, now()).await, Err(AccountError::NotSignedIn));
    assert_eq!(world.accounts.by_bearer(&ada.dj_token, now()).await, Err(AccountError::NotSignedIn));
    assert!(world.told(&cookie) && world.told(&ada.dj_token), "nodes that remember them are told");
    assert!(world.accounts.find("ada@example.org").await.unwrap().verified_at.is_some(), "the letter arrived");
    assert!(world.letters_to("ada@example.org").contains(&"password_changed"));
}

pub async fn of_two_who_use_one_letter_at_once_one_chooses_the_password(world: &World) {
    world.register("ada").await;
    world.accounts.ask_reset("ada@example.org", now()).await.unwrap();
    let code = world.code("ada@example.org", "reset").await;
    let chosen = ["the first to come 71", "the next to come 72"];
    let reset = |password| world.accounts.reset_password(&code, password, now());
    let (one, other) = tokio::join!(reset(chosen[0]), reset(chosen[1]));
    assert_eq!([&one, &other].iter().filter(|outcome| outcome.is_ok()).count(), 1, "{one:?} {other:?}");
    let winner = chosen[usize::from(other.is_ok())];
    world.accounts.authenticate(&world.credentials("ada", winner), now()).await.unwrap();
}

/// Somebody who knew the password prepared to come back before its owner chose another.
pub async fn a_new_password_ends_what_was_begun_with_the_old_one(world: &World) {
    let ada = world.register("ada").await.account;
    for by_letter in [true, false] {
        let password = if by_letter { PASSWORD } else { "a new password of mine" };
        let (_, thief) = browser_with(world, password).await;
        world.accounts.ask_email_change(&thief, password, "thief@example.org", now()).await.unwrap();
        let change = world.code("thief@example.org", "change").await;
        let device = world.accounts.device_start("Another", now()).await.unwrap();
        world.accounts.device_let_in(&thief, &device.user_code, now()).await.unwrap();
        let reset = reset_code(world).await;
        if by_letter {
            let mine = reset_code(world).await;
            world.accounts.reset_password(&mine, "a new password of mine", now()).await.unwrap();
        } else {
            let (_, caller) = browser_with(world, password).await;
            world.accounts.change_password(&caller, password, "the newest password of mine", now()).await.unwrap();
        }
        assert_eq!(world.accounts.change_email(&change, now()).await.err(), Some(AccountError::CodeGone), "the address stays");
        let again = world.accounts.reset_password(&reset, "a password of the thief", now()).await;
        assert_eq!(again, Err(AccountError::CodeGone), "another letter is void");
        let polled = world.accounts.device_poll(&device.device_code, now()).await;
        assert!(matches!(polled, Err(AccountError::NotFound)), "a device that was let in and did not come");
        assert_eq!(world.accounts.find("ada@example.org").await.unwrap().id, ada.id);
    }
}

async fn browser_with(world: &World, password: &str) -> (String, accounts::Caller) {
    let account = world.accounts.authenticate(&world.credentials("ada", password), now()).await.unwrap();
    let (cookie, _) = world.accounts.begin_session(&account, "Firefox", now()).await.unwrap();
    let caller = world.accounts.by_cookie(&cookie, now()).await.unwrap();
    (cookie, caller)
}

/// The code of a new letter: those of before are in the box still.
async fn reset_code(world: &World) -> String {
    let letters = || world.letters_to("ada@example.org").iter().filter(|about| **about == "reset").count();
    let before = letters();
    world.accounts.ask_reset("ada@example.org", now()).await.unwrap();
    let arrived = async {
        while letters() == before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), arrived).await.expect("no new letter");
    world.code("ada@example.org", "reset").await
}

pub async fn a_removed_account_leaves_no_code_behind(world: &World) {
    let ada = world.register("ada").await.account;
    let (_, caller) = world.browser("ada").await;
    world.accounts.ask_email_change(&caller, PASSWORD, "new@example.org", now()).await.unwrap();
    let left = async || {
        let mut left = Vec::new();
        for kind in SecretKind::ALL {
            left.extend(world.stores.secrets.secrets_of(ada.id, kind, now()).await.unwrap());
        }
        left
    };
    assert!(left().await.iter().any(|secret| secret.about == "ada@example.org"), "a code holds the address that it verifies");
    world.accounts.remove(&caller, PASSWORD, now()).await.unwrap();
    assert!(left().await.is_empty());
}

pub async fn a_code_from_a_letter_ends(world: &World) {
    world.register("ada").await;
    let verify = world.code("ada@example.org", "verify").await;
    world.accounts.ask_reset("ada@example.org", now()).await.unwrap();
    let reset = world.code("ada@example.org", "reset").await;
    let late = now().plus(3_600_001);
    assert!(world.accounts.reset_password(&reset, "a new password of mine", late).await.is_err());
    assert!(world.accounts.verify_email(&verify, now().plus(86_400_001)).await.is_err());
    for other in [&reset, "", "pk_ver_x", "pk_res_x", &"x".repeat(10_000)] {
        assert_eq!(world.accounts.verify_email(other, now()).await.err(), Some(AccountError::CodeGone), "{other}");
        assert_eq!(world.accounts.change_email(other, now()).await.err(), Some(AccountError::CodeGone), "{other}");
    }
    assert!(world.accounts.change_email(&verify, now()).await.is_err(), "a code for one thing does not do another");
    world.accounts.verify_email(&verify, now()).await.unwrap();
}

pub async fn somebody_changes_their_password(world: &World) {
    world.register("ada").await;
    let (here, caller) = world.browser("ada").await;
    let (elsewhere, _) = world.browser("ada").await;
    let wrong = world.accounts.change_password(&caller, "not it", "a new password of mine", now()).await;
    assert_eq!(wrong, Err(AccountError::WrongPassword));
    world.accounts.change_password(&caller, PASSWORD, "a new password of mine", now()).await.unwrap();
    assert!(world.accounts.by_cookie(&here, now()).await.is_ok(), "the session that asked stays");
    assert_eq!(world.accounts.by_cookie(&elsewhere, now()).await, Err(AccountError::NotSignedIn));
    world.accounts.authenticate(&world.credentials("ada", "a new password of mine"), now()).await.unwrap();
}

pub async fn somebody_changes_their_address(world: &World) {
    world.register("ada").await;
    world.register("eve").await;
    let (_, caller) = world.browser("ada").await;
    let wrong = world.accounts.ask_email_change(&caller, "not it", "new@example.org", now()).await;
    assert_eq!(wrong, Err(AccountError::WrongPassword));

    world.accounts.ask_email_change(&caller, PASSWORD, "eve@example.org", now()).await.unwrap();
    let taken = world.code("eve@example.org", "change").await;
    assert_eq!(world.accounts.change_email(&taken, now()).await.err(), Some(AccountError::Store(StoreError::Taken)));

    world.accounts.ask_email_change(&caller, PASSWORD, "New@example.org", now()).await.unwrap();
    assert!(world.accounts.find("new@example.org").await.is_err(), "nothing changes before the letter is answered");
    let code = world.code("new@example.org", "change").await;
    world.accounts.change_email(&code, now()).await.unwrap();
    assert_eq!(world.accounts.find("new@example.org").await.unwrap().id, caller.id());
    assert_eq!(world.accounts.find("ada@example.org").await.err(), Some(AccountError::NotFound));
    assert!(world.letters_to("ada@example.org").contains(&"changed"), "the old address hears of it");
    world.register_as("ada@example.org", "DJ Next").await;
}
