//! Every route with every kind of caller: nobody reaches what is not theirs.

use schemas::Role;
use schemas::fact::Owner;
use store::RunRow;

use super::*;
use crate::trial::{over, run};

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

/// How a route answers those who come.
#[derive(Clone, Copy, Debug)]
enum Door {
    /// Everybody the same.
    All(u16),
    /// Whoever bears a signed identity.
    Person(u16),
    /// Somebody signed in, a DJ's program too.
    Own(u16),
    /// Somebody signed in, and no DJ's program.
    Session(u16),
    Admin(u16),
    /// The DJ of the evening.
    Evening(u16),
    /// The same of what is not there for anybody else, signed in or not.
    Polls(u16),
    /// Whoever is signed in is so no more; who is not is told nothing else.
    Out,
}

impl Door {
    fn answers(self, who: Who) -> u16 {
        use Who::{Admin, Dancer, Dj, DjToken, Gone, Guest, Nobody, Organizer, School, Suspended};
        match (self, who) {
            (Door::All(status), _) | (Door::Person(status), Guest | Dancer | Dj | Organizer | School | Admin | Suspended | Gone) => status,
            (Door::Own(status), DjToken | Dancer | Dj | Organizer | School | Admin) => status,
            (Door::Session(status), Dancer | Dj | Organizer | School | Admin) => status,
            (Door::Admin(status), Admin) | (Door::Evening(status) | Door::Polls(status), Dj) => status,
            (Door::Session(_), DjToken) => 403,
            (Door::Admin(_) | Door::Evening(_), DjToken | Dancer | Dj | Organizer | School | Admin) => 403,
            (Door::Polls(_), _) => 403,
            (Door::Out, DjToken) => 403,
            (Door::Out, _) => 200,
            (Door::Person(_), Nobody | DjToken) => 401,
            (Door::Own(_) | Door::Session(_) | Door::Admin(_) | Door::Evening(_), Nobody | Guest | Suspended | Gone) => 401,
        }
    }
}

/// Each route with what it is asked, in the order in which everybody asks; what ends what they show comes last. `{id}` is an evening's,
/// or somebody else's account's.
const ROUTES: &[(&str, &str, &str, Door)] = &[
    ("GET", "/api/sessions", "", Door::All(200)),
    ("GET", "/api/sessions/active", "", Door::All(200)),
    ("GET", "/api/sessions/recent", "", Door::All(200)),
    ("GET", "/api/sessions/{id}/history", "", Door::All(200)),
    ("GET", "/api/sessions/{id}/invitation", "", Door::All(404)),
    ("GET", "/api/sessions/{id}/recap", "", Door::All(200)),
    ("GET", "/api/sessions/{id}/recap?format=polls-csv", "", Door::Polls(200)),
    ("GET", "/api/session/{id}/recap", "", Door::All(200)),
    ("GET", "/api/session/{id}/recap?format=polls-csv", "", Door::Polls(200)),
    ("POST", "/api/sessions/{id}/sync-fingerprints", r#"{"tracks": []}"#, Door::Evening(200)),
    ("GET", "/api/join/{code}", "", Door::All(404)),
    ("GET", "/api/stats/top-tracks", "", Door::All(200)),
    ("GET", "/api/stats/global", "", Door::All(200)),
    ("GET", "/api/dj/{slug}", "", Door::All(404)),
    ("GET", "/api/client/{clientId}/likes", "", Door::Person(200)),
    ("POST", "/api/client-errors", r#"{"kind": "error", "message": "x"}"#, Door::All(204)),
    ("GET", "/api/push/key", "", Door::All(200)),
    ("POST", "/api/push/subscribe", "{}", Door::All(400)),
    ("DELETE", "/api/push/subscribe", r#"{"endpoint": "https://push.example.org/none"}"#, Door::All(404)),
    ("POST", "/api/auth/register", "{}", Door::All(400)),
    ("POST", "/api/auth/login", "{}", Door::All(400)),
    ("POST", "/api/auth/token", "{}", Door::All(400)),
    ("POST", "/api/auth/refresh", r#"{"refreshToken": "pk_ref_x"}"#, Door::All(401)),
    ("POST", "/api/auth/verify", r#"{"code": "x"}"#, Door::All(404)),
    ("POST", "/api/auth/password/forgotten", r#"{"email": "nobody@example.org"}"#, Door::All(200)),
    ("POST", "/api/auth/password/reset", r#"{"code": "x", "password": "another good phrase 7"}"#, Door::All(404)),
    ("POST", "/api/auth/email/confirm", r#"{"code": "x"}"#, Door::All(404)),
    ("POST", "/api/auth/device", r#"{"name": "x"}"#, Door::All(200)),
    ("POST", "/api/auth/device/poll", r#"{"deviceCode": "pk_dev_x"}"#, Door::All(404)),
    ("GET", "/api/auth/providers", "", Door::All(200)),
    ("GET", "/api/auth/{provider}", "", Door::All(404)),
    ("GET", "/api/auth/{provider}/callback", "", Door::All(404)),
    ("POST", "/api/auth/{provider}/callback", "", Door::All(404)),
    ("GET", "/api/auth/me", "", Door::Own(200)),
    ("GET", "/api/auth/logins", "", Door::Own(200)),
    ("GET", "/api/auth/sessions", "", Door::Own(200)),
    ("GET", "/api/auth/tokens", "", Door::Own(200)),
    ("GET", "/api/auth/profile", "", Door::Own(200)),
    ("GET", "/api/auth/preferences", "", Door::Own(200)),
    // None is set up here, and that is looked at first.
    ("POST", "/api/auth/{provider}/link", "", Door::Own(404)),
    ("DELETE", "/api/auth/logins/{provider}", "", Door::Session(404)),
    ("POST", "/api/auth/verify/send", "", Door::Session(200)),
    ("POST", "/api/auth/password", r#"{"password": "blue suede shoes 7", "newPassword": "short"}"#, Door::Session(400)),
    ("POST", "/api/auth/email", r#"{"password": "blue suede shoes 7", "email": "no address"}"#, Door::Session(400)),
    ("POST", "/api/auth/ticket", "", Door::Session(200)),
    ("GET", "/api/auth/device/confirm?code=BBBB-BBBB", "", Door::Session(404)),
    ("POST", "/api/auth/device/confirm", r#"{"code": "BBBB-BBBB"}"#, Door::Session(404)),
    ("DELETE", "/api/auth/sessions", "", Door::Session(200)),
    ("DELETE", "/api/auth/sessions/{id}", "", Door::Session(404)),
    ("POST", "/api/auth/tokens", r#"{"name": "x"}"#, Door::Session(200)),
    ("DELETE", "/api/auth/tokens/{id}", "", Door::Session(404)),
    ("PATCH", "/api/auth/profile", "{}", Door::Session(200)),
    ("PATCH", "/api/auth/preferences", r#"{"preferences": {}}"#, Door::Session(200)),
    ("GET", "/api/auth/export", "", Door::Session(200)),
    ("POST", "/api/auth/import", "{}", Door::Session(200)),
    // With a wrong password, which is another 401 than being nobody.
    ("DELETE", "/api/auth/account", r#"{"password": "not it"}"#, Door::Session(401)),
    ("GET", "/api/admin/users", "", Door::Admin(200)),
    ("GET", "/api/admin/users/{id}", "", Door::Admin(200)),
    ("POST", "/api/admin/users/{id}/roles", r#"{"role": "organizer"}"#, Door::Admin(200)),
    ("DELETE", "/api/admin/users/{id}/roles/{role}", "", Door::Admin(200)),
    ("POST", "/api/admin/users/{id}/suspension", r#"{"reason": "spam"}"#, Door::Admin(200)),
    ("DELETE", "/api/admin/users/{id}/suspension", "", Door::Admin(200)),
    ("GET", "/api/admin/audit", "", Door::Admin(200)),
    ("POST", "/api/auth/regenerate-token", "", Door::Own(200)),
    ("POST", "/api/auth/logout", "", Door::Out),
];

#[test]
fn it_is_decided_of_every_route_whom_it_answers() {
    use std::collections::BTreeSet;
    let decided: BTreeSet<(String, String)> =
        ROUTES.iter().map(|(method, path, ..)| ((*method).to_owned(), path.split('?').next().unwrap_or(path).to_owned())).collect();
    let there: BTreeSet<(String, String)> = documented().into_iter().map(|(method, path)| (method.to_string(), path)).collect();
    assert_eq!(there.difference(&decided).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "nobody said who may");
    assert_eq!(decided.difference(&there).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "these are gone");
}

/// What an admin may, what is one's own and what is an evening's DJ's: everybody else is refused in the way that is theirs.
pub async fn every_route_answers_each_caller_as_was_decided(place: Place) {
    let world = &place.world(without_limits()).await;
    let people = People::in_the(world).await;
    let dj = world.accounts.find("dj-one@example.org").await.unwrap().id.to_string();
    world.save(|changes| changes.runs.push(over(RunRow { owner: Owner::Dj { id: dj }, ..run("friday-night", 10) }, 90))).await;
    for who in ALL {
        let mut shown = people.shown(who).clone();
        for (method, path, body, door) in ROUTES {
            let id: &str = if path.starts_with("/api/admin") { &people.victim } else { "friday-night" };
            let path = path.replace("{id}", id).replace("{role}", "organizer").replace("{provider}", "google");
            let path = path.replace("{code}", "K7WQ2M").replace("{slug}", "nobody").replace("{clientId}", "client_1234");
            let request = shown.request(method.parse().unwrap(), &path).header(header::CONTENT_TYPE, "application/json");
            let answer = world.send(request.body(Body::from(*body)).unwrap()).await;
            let expected = door.answers(who);
            assert_eq!(answer.status.as_u16(), expected, "{who:?} {method} {path}: {}", answer.text());
            if (who, expected) != (Who::Admin, 200) {
                assert!(!answer.text().contains("victim"), "{who:?} {path} tells of somebody else");
            }
            if who == Who::DjToken && path == "/api/auth/regenerate-token" {
                shown = As::bearer(answer.json()["token"].as_str().unwrap());
            }
            if path == "/api/auth/account" && expected == 401 {
                let code =
                    if matches!(who, Who::Nobody | Who::Guest | Who::Gone | Who::Suspended) { "unauthorized" } else { "wrong_password" };
                assert_eq!(answer.failure().1, code, "{who:?}");
            }
        }
    }
    let admin = world.browser("root-one").await;
    let log = world.fetch(&admin, &format!("/api/admin/audit?account={}", people.victim)).await.json();
    let actions: Vec<&str> = log.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions[..4], ["unsuspended", "suspended", "role_taken", "role_granted"]);
    assert!(log[0]["actor"].is_string());
}

/// An admin's DJ token is no admin.
pub async fn a_djs_token_of_an_admin_is_still_a_djs_token(place: Place) {
    let world = &place.world(without_limits()).await;
    let token = world.signed_up("boss").await;
    let id = world.accounts.find("boss@example.org").await.unwrap().id;
    world.accounts.grant(id, Role::Admin, None, Millis::now()).await.unwrap();
    assert_eq!(world.fetch(&As::bearer(&token), "/api/admin/users").await.status, 403);
}

pub async fn nobody_ends_somebody_elses_session_or_token(place: Place) {
    let world = &place.world(without_limits()).await;
    let people = People::in_the(world).await;
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
