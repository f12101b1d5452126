//! Sessions, tokens, tickets and devices.

use accounts::{AccountError, Polled};
use schemas::note::AskToken;
use schemas::secrets::token_hash;
use schemas::{AccountId, PersonId};

use crate::world::{PASSWORD, World, now};

const DAY: i64 = 86_400_000;

pub async fn a_session_holds_a_week_or_until_it_is_ended(world: &World) {
    world.register("ada").await;
    let (first, caller) = world.browser("ada").await;
    let (second, _) = world.browser("ada").await;
    assert!(world.accounts.by_cookie(&first, now().plus(6 * DAY)).await.is_ok());
    assert_eq!(world.accounts.by_cookie(&first, now().plus(7 * DAY + 1_000)).await, Err(AccountError::NotSignedIn));

    let listed = world.accounts.sessions(&caller, now()).await.unwrap();
    assert_eq!((listed.len(), listed.iter().filter(|session| session.current).count()), (2, 1));
    assert!(listed.iter().all(|session| session.label == "Firefox" && session.kind == "browser"));
    assert!(listed.iter().all(|session| !first.contains(&session.id) && !second.contains(&session.id)), "an id proves nothing");
    let other = listed.iter().find(|session| !session.current).unwrap();
    world.accounts.end_one_session(&caller, &other.id, now()).await.unwrap();
    assert_eq!(world.accounts.by_cookie(&second, now()).await, Err(AccountError::NotSignedIn));
    assert!(world.told(&second));
    assert_eq!(world.accounts.end_one_session(&caller, &other.id, now()).await, Err(AccountError::NotFound));

    world.browser("ada").await;
    assert_eq!(world.accounts.end_other_sessions(&caller, now()).await, Ok(1));
    world.accounts.sign_out(&first, now()).await.unwrap();
    world.accounts.sign_out(&first, now()).await.unwrap();
    assert_eq!(world.accounts.by_cookie(&first, now()).await, Err(AccountError::NotSignedIn));
}

pub async fn nobody_ends_what_is_somebody_elses(world: &World) {
    world.register("ada").await;
    world.register("eve").await;
    let ((cookie, ada), (_, eve)) = (world.browser("ada").await, world.browser("eve").await);
    let hers = world.accounts.sessions(&ada, now()).await.unwrap()[0].id.clone();
    assert_eq!(world.accounts.end_one_session(&eve, &hers, now()).await, Err(AccountError::NotFound));
    let token = accounts::token_id(&world.accounts.dj_tokens(&ada).await.unwrap()[0]);
    assert_eq!(world.accounts.end_dj_token(&eve, &token, now()).await, Err(AccountError::NotFound));
    assert!(world.accounts.by_cookie(&cookie, now()).await.is_ok());
}

pub async fn a_djs_token_is_one_of_several(world: &World) {
    let ada = world.register("ada").await;
    let (_, caller) = world.browser("ada").await;
    let laptop = world.accounts.add_dj_token(&caller, "laptop\u{0}", now()).await.unwrap();
    let names: Vec<String> = world.accounts.dj_tokens(&caller).await.unwrap().into_iter().map(|token| token.label).collect();
    assert_eq!(names, ["pika-desktop", "laptop"]);

    let by_token = world.accounts.by_bearer(&ada.dj_token, now()).await.unwrap();
    let anew = world.accounts.regenerate_dj_token(&by_token, "pika-desktop", now()).await.unwrap();
    assert_eq!(world.accounts.by_bearer(&ada.dj_token, now()).await, Err(AccountError::NotSignedIn), "dead at once");
    assert!(world.told(&ada.dj_token));
    assert!(world.accounts.by_bearer(&anew, now()).await.is_ok() && world.accounts.by_bearer(&laptop, now()).await.is_ok());

    // A token that lies in programs changes nothing of the account.
    let forbidden = Some(AccountError::Forbidden);
    assert_eq!(world.accounts.add_dj_token(&by_token, "x", now()).await.err(), forbidden);
    assert_eq!(world.accounts.end_other_sessions(&by_token, now()).await.err(), forbidden);
    assert_eq!(world.accounts.change_password(&by_token, PASSWORD, "a new password of mine", now()).await.err(), forbidden);
    assert_eq!(world.accounts.ticket(&by_token, now()).await.err(), forbidden);
    assert_eq!(world.accounts.remove(&by_token, PASSWORD, now()).await.err(), forbidden);

    for _ in 0..25 {
        world.accounts.add_dj_token(&caller, "many", now()).await.unwrap();
    }
    assert_eq!(world.accounts.dj_tokens(&caller).await.unwrap().len(), 20);
}

pub async fn a_token_that_nobody_used_for_a_month_is_removed(world: &World) {
    let (ada, eve) = (world.register("ada").await, world.register("eve").await);
    world.accounts.by_bearer(&eve.dj_token, now().plus(20 * DAY)).await.unwrap();
    for (days, removed) in [(29, 0), (31, 1)] {
        let mut swept = store::Swept::default();
        assert_eq!(world.accounts.tidy(now().plus(days * DAY), &mut swept).await, Ok(()));
        assert_eq!(swept.of(store::Kind::DjToken), removed, "after {days} days: {swept}");
    }
    assert_eq!(world.accounts.by_bearer(&ada.dj_token, now()).await, Err(AccountError::NotSignedIn));
    assert!(world.told(&ada.dj_token));
    assert!(world.accounts.by_bearer(&eve.dj_token, now()).await.is_ok());
}

pub async fn an_app_renews_its_tokens(world: &World) {
    let ada = world.register("ada").await;
    let pair = world.accounts.begin_app(&ada.account, "Desk", now()).await.unwrap();
    assert_eq!(world.accounts.by_bearer(&pair.access, now()).await.unwrap().id(), ada.account.id);
    assert_eq!(world.accounts.by_bearer(&pair.access, now().plus(901_000)).await, Err(AccountError::NotSignedIn), "it is short-lived");
    assert_eq!(
        world.accounts.by_bearer(&pair.refresh, now()).await,
        Err(AccountError::NotSignedIn),
        "a refresh token is shown to nobody else"
    );
    let next = world.accounts.refresh(&pair.refresh, now()).await.unwrap();
    assert_ne!(next.refresh, pair.refresh);
    world.accounts.refresh(&next.refresh, now().plus(29 * DAY)).await.unwrap();
    for bad in ["", "pk_ref_x", &pair.access, &ada.dj_token] {
        assert_eq!(world.accounts.refresh(bad, now()).await.err(), Some(AccountError::NotSignedIn), "{bad}");
    }
    let other = world.accounts.begin_app(&ada.account, "Desk", now()).await.unwrap();
    assert_eq!(world.accounts.refresh(&other.refresh, now().plus(31 * DAY)).await.err(), Some(AccountError::NotSignedIn));
}

pub async fn a_refresh_token_that_comes_twice_ends_its_family(world: &World) {
    let ada = world.register("ada").await;
    let stolen = world.accounts.begin_app(&ada.account, "Desk", now()).await.unwrap();
    let beside = world.accounts.begin_app(&ada.account, "Phone", now()).await.unwrap();
    let thiefs = world.accounts.refresh(&stolen.refresh, now()).await.unwrap();
    assert_eq!(world.accounts.refresh(&stolen.refresh, now()).await.err(), Some(AccountError::NotSignedIn), "the owner comes with it too");
    for dead in [&thiefs.access, &stolen.access] {
        assert_eq!(world.accounts.by_bearer(dead, now()).await, Err(AccountError::NotSignedIn));
    }
    assert_eq!(world.accounts.refresh(&thiefs.refresh, now()).await.err(), Some(AccountError::NotSignedIn));
    assert!(world.accounts.by_bearer(&beside.access, now()).await.is_ok(), "another sign-in is another family");
    assert!(world.audited(ada.account.id).await.contains(&"refresh_reused".to_owned()));
}

pub async fn a_ticket_opens_one_socket(world: &World) {
    let ada = world.register("ada").await;
    let (cookie, caller) = world.browser("ada").await;
    let ask =
        async |secret: &str, later: i64| world.accounts.identify(&AskToken::by_hash(token_hash(secret)), now().plus(later)).await.unwrap();
    let (ticket, _) = world.accounts.ticket(&caller, now()).await.unwrap();
    let answer = ask(&ticket, 29_000).await;
    assert_eq!(answer.person, Some(ada.account.person));
    assert_eq!(answer.credential, Some(token_hash(&cookie)), "it ends with the session that it was made in");
    assert_eq!(answer.dj.unwrap().id, ada.account.id.to_string());
    assert_eq!(ask(&ticket, 0).await, Default::default(), "once");
    let (late, _) = world.accounts.ticket(&caller, now()).await.unwrap();
    assert_eq!(ask(&late, 30_001).await, Default::default(), "soon");
    let (orphan, _) = world.accounts.ticket(&caller, now()).await.unwrap();
    world.accounts.sign_out(&cookie, now()).await.unwrap();
    assert_eq!(ask(&orphan, 0).await, Default::default(), "its session is over");
}

pub async fn nodes_learn_whose_something_is(world: &World) {
    let ada = world.register("ada").await;
    let (cookie, _) = world.browser("ada").await;
    let pair = world.accounts.begin_app(&ada.account, "Desk", now()).await.unwrap();
    let ask = async |secret: &str| world.accounts.identify(&AskToken::by_hash(token_hash(secret)), now()).await.unwrap();
    for known in [&cookie, &ada.dj_token] {
        let answer = ask(known).await;
        assert_eq!((answer.person, answer.credential), (Some(ada.account.person), Some(token_hash(known))));
        assert_eq!(answer.dj.map(|dj| (dj.id, dj.name)), Some((ada.account.id.to_string(), "DJ ada".to_owned())));
    }
    let ask_access = async |access: &str| {
        let ask = AskToken { access: Some(access.to_owned()), ..AskToken::by_hash(String::new()) };
        world.accounts.identify(&ask, now()).await.unwrap()
    };
    assert_eq!(ask_access(&pair.access).await.person, Some(ada.account.person));
    assert_eq!(ask_access(&format!("{}x", pair.access)).await, Default::default());
    for nobodys in [&pair.refresh, "", "x", &world.code("ada@example.org", "verify").await] {
        assert_eq!(ask(nobodys).await, Default::default(), "{nobodys} is shown to nobody else");
    }
    world.stores.tokens.add_token("DJ Operator", &token_hash("pk_dj_operator"), now()).await.unwrap();
    let operators = ask("pk_dj_operator").await;
    assert_eq!((operators.dj.map(|dj| dj.name), operators.person), (Some("DJ Operator".to_owned()), None::<PersonId>));
    let admin = AccountId::random();
    world.accounts.take(ada.account.id, schemas::Role::Dj, Some(admin), now()).await.unwrap();
    assert_eq!(ask(&ada.dj_token).await.dj, None, "whoever may not go live is no DJ");
    world.accounts.suspend(ada.account.id, "", Some(admin), now()).await.unwrap();
    for dead in [&cookie, &ada.dj_token] {
        assert_eq!(ask(dead).await, Default::default());
    }
}

pub async fn a_device_is_let_in_with_the_code_that_it_shows(world: &World) {
    let ada = world.register("ada").await;
    let (_, caller) = world.browser("ada").await;
    let device = world.accounts.device_start("Booth <b>", now()).await.unwrap();
    assert!(matches!(world.accounts.device_poll(&device.device_code, now()).await, Ok(Polled::Pending)));
    assert_eq!(world.accounts.device_named(&caller, &device.user_code, now()).await.as_deref(), Ok("Booth <b>"));
    for bad in ["", "BBBB-BBBB", &device.device_code] {
        assert_eq!(world.accounts.device_let_in(&caller, bad, now()).await, Err(AccountError::NotFound), "{bad}");
    }
    world.accounts.device_let_in(&caller, &device.user_code.to_lowercase().replace('-', " "), now()).await.unwrap();
    assert_eq!(world.accounts.device_let_in(&caller, &device.user_code, now()).await, Err(AccountError::NotFound), "once");
    let Ok(Polled::In(pair)) = world.accounts.device_poll(&device.device_code, now()).await else { panic!("it was let in") };
    assert_eq!(world.accounts.by_bearer(&pair.access, now()).await.unwrap().id(), ada.account.id);
    assert!(
        matches!(world.accounts.device_poll(&device.device_code, now()).await, Err(AccountError::NotFound)),
        "its tokens are given once"
    );

    let late = world.accounts.device_start("Booth", now()).await.unwrap();
    let after = now().plus(600_001);
    assert_eq!(world.accounts.device_let_in(&caller, &late.user_code, after).await, Err(AccountError::NotFound));
    assert!(matches!(world.accounts.device_poll(&late.device_code, after).await, Err(AccountError::NotFound)));
}
