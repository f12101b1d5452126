//! Every route with every kind of caller: nobody reaches what is not theirs.

use schemas::Role;

use super::*;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    Guest,
    Dancer,
    DjToken,
    Dj,
    Organizer,
    School,
    Admin,
    Suspended,
    /// Of a session that has ended.
    Gone,
}

const ALL: [Who; 10] =
    [Who::Nobody, Who::Guest, Who::Dancer, Who::DjToken, Who::Dj, Who::Organizer, Who::School, Who::Admin, Who::Suspended, Who::Gone];

struct People {
    shown: Vec<(Who, As)>,
    victim: String,
}

impl People {
    async fn in_the(world: &World) -> People {
        let mut shown = vec![(Who::Nobody, As::nobody()), (Who::Guest, As::cookie(&world.cookie(schemas::PersonId::random())))];
        let roles = [
            (Who::Dancer, "dancer", None),
            (Who::DjToken, "token", Some(Role::Dj)),
            (Who::Dj, "dj-one", Some(Role::Dj)),
            (Who::Organizer, "organizer", Some(Role::Organizer)),
            (Who::School, "school", Some(Role::DanceSchool)),
            (Who::Admin, "root-one", Some(Role::Admin)),
            (Who::Suspended, "suspended", Some(Role::Admin)),
            (Who::Gone, "gone", Some(Role::Admin)),
        ];
        for (who, name, role) in roles {
            let token = world.signed_up(name).await;
            let id = world.accounts.find(&format!("{name}@example.org")).await.unwrap().id;
            match role {
                Some(role) => world.accounts.grant(id, role, None, Millis::now()).await.unwrap(),
                None => world.accounts.take(id, Role::Dj, None, Millis::now()).await.unwrap(),
            };
            let browser = world.browser(name).await;
            match who {
                Who::DjToken => shown.push((who, As::bearer(&token))),
                Who::Suspended => {
                    world.accounts.suspend(id, "", None, Millis::now()).await.unwrap();
                    shown.push((who, browser));
                }
                Who::Gone => {
                    world.post(&browser, "/api/auth/logout", json!({})).await;
                    shown.push((who, browser));
                }
                _ => shown.push((who, browser)),
            }
        }
        world.signed_up("victim").await;
        let victim = world.accounts.find("victim@example.org").await.unwrap().id.to_string();
        People { shown, victim }
    }

    fn shown(&self, who: Who) -> &As {
        &self.shown.iter().find(|(of, _)| *of == who).unwrap().1
    }
}

fn lifted() -> World {
    let rates = crate::limits::Rates { factor: 0.0, ..crate::limits::Rates::default() };
    World::with(crate::config::Config { rates, ..crate::config::Config::default() })
}

/// What an admin may, and everybody else is refused in the way that is theirs.
#[tokio::test]
async fn only_an_admin_reaches_other_peoples_accounts() {
    let world = lifted();
    let people = People::in_the(&world).await;
    let victim = &people.victim;
    let routes = [
        (Method::GET, "/api/admin/users".to_owned(), json!({})),
        (Method::GET, format!("/api/admin/users/{victim}"), json!({})),
        (Method::POST, format!("/api/admin/users/{victim}/roles"), json!({"role": "organizer"})),
        (Method::DELETE, format!("/api/admin/users/{victim}/roles/organizer"), json!({})),
        (Method::POST, format!("/api/admin/users/{victim}/suspension"), json!({"reason": "spam"})),
        (Method::DELETE, format!("/api/admin/users/{victim}/suspension"), json!({})),
        (Method::GET, "/api/admin/audit".to_owned(), json!({})),
    ];
    for who in ALL {
        for (method, path, body) in &routes {
            let answer = world.say(people.shown(who), method.clone(), path, body.clone()).await;
            let expected = match who {
                Who::Nobody | Who::Guest | Who::Gone | Who::Suspended => 401,
                Who::Dancer | Who::DjToken | Who::Dj | Who::Organizer | Who::School => 403,
                Who::Admin => 200,
            };
            assert_eq!(answer.status.as_u16(), expected, "{who:?} {method} {path}: {}", answer.text());
            if expected != 200 {
                assert!(!answer.text().contains("victim"), "{who:?} {path} tells of somebody");
            }
        }
    }
    let log = world.fetch(people.shown(Who::Admin), &format!("/api/admin/audit?account={victim}")).await.json();
    let actions: Vec<&str> = log.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions[..4], ["unsuspended", "suspended", "role_taken", "role_granted"]);
    assert!(log[0]["actor"].is_string());
}

/// An admin's DJ token is no admin.
#[tokio::test]
async fn a_djs_token_of_an_admin_is_still_a_djs_token() {
    let world = lifted();
    let token = world.signed_up("boss").await;
    let id = world.accounts.find("boss@example.org").await.unwrap().id;
    world.accounts.grant(id, Role::Admin, None, Millis::now()).await.unwrap();
    assert_eq!(world.fetch(&As::bearer(&token), "/api/admin/users").await.status, 403);
}

/// What is one's own is found only by oneself: the same address gives each their own, or nothing.
#[tokio::test]
async fn everybody_reaches_only_their_own() {
    let world = lifted();
    let people = People::in_the(&world).await;
    let own = ["/api/auth/me", "/api/auth/sessions", "/api/auth/tokens", "/api/auth/profile", "/api/auth/preferences", "/api/auth/export"];
    for who in ALL {
        for path in own {
            let answer = world.fetch(people.shown(who), path).await;
            let expected = match who {
                Who::Nobody | Who::Guest | Who::Gone | Who::Suspended => 401,
                Who::DjToken if path == "/api/auth/export" => 403,
                Who::DjToken | Who::Dancer | Who::Dj | Who::Organizer | Who::School | Who::Admin => 200,
            };
            assert_eq!(answer.status.as_u16(), expected, "{who:?} {path}: {}", answer.text());
            assert!(!answer.text().contains("victim"), "{who:?} {path} tells of somebody else");
        }
    }
}

#[tokio::test]
async fn nobody_ends_somebody_elses_session_or_token() {
    let world = lifted();
    let people = People::in_the(&world).await;
    let victim = world.browser("victim").await;
    let session = world.fetch(&victim, "/api/auth/sessions").await.json()[0]["id"].as_str().unwrap().to_owned();
    let token = world.fetch(&victim, "/api/auth/tokens").await.json()[0]["id"].as_str().unwrap().to_owned();
    for who in ALL {
        for path in [format!("/api/auth/sessions/{session}"), format!("/api/auth/tokens/{token}")] {
            let answer = world.say(people.shown(who), Method::DELETE, &path, json!({})).await;
            let expected = match who {
                Who::Nobody | Who::Guest | Who::Gone | Who::Suspended => 401,
                Who::DjToken => 403,
                Who::Dancer | Who::Dj | Who::Organizer | Who::School | Who::Admin => 404,
            };
            assert_eq!(answer.status.as_u16(), expected, "{who:?} {path}");
        }
    }
    assert_eq!(world.fetch(&victim, "/api/auth/me").await.status, 200);
}
