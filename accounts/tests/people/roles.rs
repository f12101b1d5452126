//! Roles, suspensions, profiles, preferences, and one's own data.

use accounts::{AccountError, Defaults, ProfileChange};
use schemas::{AccountId, Permission, Role};
use serde_json::{Map, Value, json};
use store::StoreError;

use crate::world::{PASSWORD, World, now};

pub async fn a_role_is_granted_by_somebody_and_changes_what_one_may(world: &World) {
    let (ada, admin) = (world.register("ada").await.account.id, world.register("root").await.account.id);
    let (cookie, caller) = world.browser("ada").await;
    assert!(caller.may(Permission::GoLive) && !caller.may(Permission::ManageEvents));
    assert_eq!(caller.require(Permission::ManageUsers), Err(AccountError::Forbidden));
    let granted = world.accounts.grant(ada, Role::Organizer, Some(admin), now()).await.unwrap();
    let grant = granted.roles.iter().find(|grant| grant.role == Role::Organizer).unwrap();
    assert_eq!(grant.granted_by, Some(admin));
    assert_eq!(world.accounts.by_cookie(&cookie, now()).await, Err(AccountError::NotSignedIn), "new rights want a new session");
    let (_, caller) = world.browser("ada").await;
    assert!(caller.may(Permission::ManageEvents));
    assert_eq!(world.accounts.grant(ada, Role::Organizer, None, now()).await.unwrap().roles, granted.roles, "it stays as it was granted");
    let taken = world.accounts.take(ada, Role::Organizer, Some(admin), now()).await.unwrap();
    assert!(taken.roles.iter().all(|grant| grant.role == Role::Dj));
    for never in [Role::Guest, Role::Dancer] {
        assert!(matches!(world.accounts.grant(ada, never, Some(admin), now()).await, Err(AccountError::Invalid(_))));
    }
    world.accounts.grant(admin, Role::Admin, None, now()).await.unwrap();
    assert!(world.accounts.take(admin, Role::Admin, Some(admin), now()).await.is_err(), "nobody locks themselves out");
    assert_eq!(world.accounts.grant(AccountId::random(), Role::Dj, None, now()).await.err(), Some(AccountError::NotFound));
    let log = world.audited(ada).await;
    assert!(log.contains(&"role_granted".to_owned()) && log.contains(&"role_taken".to_owned()), "{log:?}");
}

pub async fn whoever_is_suspended_is_out_and_stays_out(world: &World) {
    let ada = world.register("ada").await;
    let (cookie, _) = world.browser("ada").await;
    let pair = world.accounts.begin_app(&ada.account, "Desk", now()).await.unwrap();
    let by = Some(AccountId::random());
    assert!(world.accounts.suspend(ada.account.id, "", Some(ada.account.id), now()).await.is_err(), "nobody suspends themselves");
    world.accounts.suspend(ada.account.id, "spam", by, now()).await.unwrap();
    assert!(world.accounts.by_cookie(&cookie, now()).await.is_err());
    for bearer in [&pair.access, &ada.dj_token] {
        assert!(world.accounts.by_bearer(bearer, now()).await.is_err());
    }
    assert!(world.accounts.refresh(&pair.refresh, now()).await.is_err());
    let right = world.accounts.authenticate(&world.credentials("ada", PASSWORD), now()).await;
    assert_eq!(right.err(), Some(AccountError::Suspended), "whoever knows the password is told why");
    let wrong = world.accounts.authenticate(&world.credentials("ada", "not it at all"), now()).await;
    assert_eq!(wrong.err(), Some(AccountError::WrongPassword), "and nobody else");
    assert!(world.told(&cookie) && world.told(&ada.dj_token));
    world.accounts.unsuspend(ada.account.id, by, now()).await.unwrap();
    world.browser("ada").await;
    assert!(world.accounts.by_cookie(&cookie, now()).await.is_err(), "what was ended stays ended");
}

pub async fn a_profile_is_changed_and_a_name_moves(world: &World) {
    let ada = world.register("ada").await;
    world.register("eve").await;
    let caller = async || world.accounts.by_cookie(&world.browser("ada").await.0, now()).await.unwrap();
    let wanted = ProfileChange {
        bio: Some("Slow ones\u{202e}".to_owned()),
        genres: Some(vec!["Blues".to_owned()]),
        website: Some(Some("https://ada.example".to_owned())),
        social_links: Some([("instagram".to_owned(), "https://instagram.com/ada".to_owned())].into()),
        ..ProfileChange::default()
    };
    let changed = world.accounts.change_profile(&caller().await, wanted, now()).await.unwrap();
    assert_eq!((changed.profile.bio.as_str(), changed.profile.website.as_deref()), ("Slow ones", Some("https://ada.example")));
    let gone = ProfileChange { website: Some(None), ..ProfileChange::default() };
    assert_eq!(world.accounts.change_profile(&caller().await, gone, now()).await.unwrap().profile.website, None);
    for bad in [
        ProfileChange { website: Some(Some("javascript:alert(1)".to_owned())), ..ProfileChange::default() },
        ProfileChange { bio: Some("x".repeat(2_001)), ..ProfileChange::default() },
        ProfileChange { genres: Some(vec!["x".to_owned(); 21]), ..ProfileChange::default() },
        ProfileChange { social_links: Some([("evil".to_owned(), "https://a.example".to_owned())].into()), ..ProfileChange::default() },
    ] {
        assert!(matches!(world.accounts.change_profile(&caller().await, bad, now()).await, Err(AccountError::Invalid(_))));
    }
    let name = |name: &str| ProfileChange { display_name: Some(name.to_owned()), ..ProfileChange::default() };
    let taken = world.accounts.change_profile(&caller().await, name("dj EVE"), now()).await;
    assert_eq!(taken.err(), Some(AccountError::Store(StoreError::Taken)));
    let renamed = world.accounts.change_profile(&caller().await, name("DJ Lovelace"), now()).await.unwrap();
    assert_eq!((renamed.display_name.as_str(), renamed.slug.as_str()), ("DJ Lovelace", "dj-lovelace"));
    let spelled = world.accounts.change_profile(&caller().await, name("dj LOVELACE"), now()).await.unwrap();
    assert_eq!((spelled.display_name.as_str(), spelled.slug.as_str()), ("dj LOVELACE", "dj-lovelace"));
    assert_eq!(world.accounts.by_slug("dj-ada").await, Ok(None));
    assert_eq!(world.accounts.by_slug("DJ-Lovelace").await.unwrap().unwrap().id, ada.account.id);
    assert!(world.accounts.by_bearer(&ada.dj_token, now()).await.is_ok(), "their tokens are still theirs");
    let (_, eve) = world.browser("eve").await;
    world.accounts.change_profile(&eve, name("DJ ada"), now()).await.unwrap();
}

pub async fn preferences_lie_over_their_defaults(world: &World) {
    let ada = world.register("ada").await;
    let (_, caller) = world.browser("ada").await;
    let map = |value: Value| -> Map<String, Value> { value.as_object().unwrap().clone() };
    let changed = world.accounts.change_preferences(&caller, &map(json!({"theme": "light", "textSize": 150})), Some(0)).await.unwrap();
    assert_eq!((changed.version, Defaults::under(&changed)["theme"].clone()), (1, "light".into()));
    let stale = world.accounts.change_preferences(&caller, &map(json!({"theme": "system"})), Some(0)).await;
    assert_eq!(stale.err(), Some(AccountError::Taken), "somebody else changed them meanwhile");
    let program = world.accounts.by_bearer(&ada.dj_token, now()).await.unwrap();
    let by_token = world.accounts.change_preferences(&program, &map(json!({"theme": "dark"})), None).await;
    assert_eq!(by_token.err(), Some(AccountError::Forbidden), "a DJ's program chooses nothing for its DJ");
    let back = world.accounts.change_preferences(&caller, &map(json!({"theme": null})), Some(1)).await.unwrap();
    assert_eq!((Defaults::under(&back)["theme"].clone(), Defaults::under(&back)["textSize"].clone()), ("dark".into(), 150.into()));
    for bad in [
        json!({"theme": "neon"}),
        json!({"theme": 1}),
        json!({"unknown": true}),
        json!({"textSize": 1e9}),
        json!({"showBpm": "yes"}),
        json!({"theme": {"a": []}}),
    ] {
        assert!(
            matches!(world.accounts.change_preferences(&caller, &map(bad.clone()), None).await, Err(AccountError::Invalid(_))),
            "{bad}"
        );
    }
}

pub async fn ones_own_data_is_told_and_removed(world: &World) {
    let ada = world.register("ada").await;
    let (cookie, caller) = world.browser("ada").await;
    let told = world.accounts.export(&caller, now()).await.unwrap();
    assert_eq!((told["account"]["email"].as_str(), told["account"]["displayName"].as_str()), (Some("ada@example.org"), Some("DJ ada")));
    assert!(told["history"].as_array().unwrap().len() >= 2 && told["sessions"].as_array().unwrap().len() == 1);
    let text = told.to_string();
    for secret in ["argon2", &ada.dj_token, &cookie, "sha256"] {
        assert!(!text.contains(secret), "{secret} is in the export");
    }
    assert_eq!(world.accounts.remove(&caller, "not it", now()).await, Err(AccountError::WrongPassword));
    world.accounts.remove(&caller, PASSWORD, now()).await.unwrap();
    assert!(world.accounts.by_cookie(&cookie, now()).await.is_err() && world.accounts.by_bearer(&ada.dj_token, now()).await.is_err());
    assert_eq!(world.accounts.find("ada@example.org").await.err(), Some(AccountError::NotFound));
    world.register_as("ada@example.org", "Another Name").await;
}

pub async fn pages_of_accounts_lead_to_the_end(world: &World) {
    for name in ["a", "b", "c"] {
        world.register(&format!("name-{name}")).await;
    }
    let first = world.accounts.page(None, 2).await.unwrap();
    let last = world.accounts.page(first.next, 2).await.unwrap();
    assert_eq!((first.accounts.len(), last.accounts.len(), last.next), (2, 1, None));
    let found = async |wanted: &str, limit| {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = world.accounts.search(wanted, after, limit).await.unwrap();
            found.extend(page.accounts.into_iter().map(|account| account.display_name));
            after = page.next;
            if after.is_none() {
                found.sort();
                return found;
            }
        }
    };
    assert_eq!(found("NAME-", 1).await, ["DJ name-a", "DJ name-b", "DJ name-c"], "each is found once, however short the pages are");
    assert_eq!(found("name-b@example", 50).await, ["DJ name-b"]);
    assert_eq!(found("dj-name-c", 50).await, ["DJ name-c"]);
    let of_a = world.accounts.find("name-a@example.org").await.unwrap().id;
    assert_eq!(found(&of_a.to_string(), 50).await, ["DJ name-a"]);
    assert!(found("%", 50).await.is_empty() && found("nobody", 50).await.is_empty());
}
