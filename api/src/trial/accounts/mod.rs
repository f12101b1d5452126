//! Routes about accounts: each story on a file and on a CQL server.

#[path = "../../../../store/tests/cql/cassandra.rs"]
mod cassandra;
mod contract;
mod hostile;
#[path = "../../../../accounts/tests/people/keyspaces.rs"]
mod keyspaces;
mod logins;
mod matrix;
#[path = "../../../../accounts/tests/people/providers.rs"]
mod providers;
mod sessions;

use accounts::{Provider, Registration, Stores};
use axum::body::Body;
use axum::http::{HeaderMap, Method, header};
use schemas::Millis;
use serde_json::{Value, json};

use super::{Answer, World, request};
use crate::config::Config;
use crate::limits::Rates;

macro_rules! stories {
    ($place:expr) => {
        stories! { $place, contract:
            a_dj_signs_up_in_and_gets_a_new_token
            what_cannot_be_is_400
            a_page_of_another_origin_cannot_act_here
            guessers_are_slowed_down_and_told_when_to_come_back
            every_change_by_somebody_signed_in_is_counted
            a_limit_is_told_before_it_is_spent
            a_refusal_tells_what_is_left_too
            signing_in_takes_as_long_for_somebody_unknown
        }
        stories! { $place, sessions:
            a_browser_is_signed_in_by_a_cookie_that_changes_each_time
            under_https_only_the_name_that_cannot_be_planted_is_believed
            an_app_signs_in_and_its_access_ends_with_its_session
            a_device_is_let_in
            letters_lead_back_in
            an_export_holds_ones_likes_is_taken_over_by_another_account_and_an_account_goes
        }
        stories! { $place, logins:
            a_browser_goes_there_and_comes_back_signed_in
            a_provider_may_answer_with_a_form
            somebody_who_is_signed_in_links_a_login
            what_goes_wrong_is_said_in_words_and_changes_nothing
            under_https_only_the_name_that_cannot_be_planted_is_believed
            ways_to_a_provider_are_counted_for_each_address
        }
        stories! { $place, matrix:
            every_route_answers_each_caller_as_was_decided
            a_djs_token_of_an_admin_is_still_a_djs_token
            nobody_ends_somebody_elses_session_or_token
        }
        stories! { $place, hostile:
            whatever_comes_is_answered_with_a_4xx_in_our_shape
            what_is_shown_and_does_not_hold_is_nobody
            ids_that_cannot_be_are_not_there
            nothing_that_is_said_becomes_a_header
        }
    };
    ($place:expr, $file:ident: $($story:ident)*) => {
        mod $file {
            $(
                #[tokio::test]
                async fn $story() {
                    super::super::$file::$story($place).await;
                }
            )*
        }
    };
}

mod on_a_file {
    stories!(crate::trial::accounts::Place::File);
}

mod on_cql {
    stories!(crate::trial::accounts::Place::Cql);
}

#[test]
fn every_story_is_told() {
    let list = include_str!("mod.rs");
    let files = [
        include_str!("contract.rs"),
        include_str!("sessions.rs"),
        include_str!("logins.rs"),
        include_str!("matrix.rs"),
        include_str!("hostile.rs"),
    ];
    for file in files {
        for story in file.lines().filter_map(|line| line.strip_prefix("pub async fn ")?.split_once('(')) {
            assert!(list.lines().any(|line| line.trim() == story.0), "{} is never told", story.0);
        }
    }
}

/// Nobody's tries are counted.
fn without_limits() -> Config {
    Config { rates: Rates { factor: 0.0, ..Rates::default() }, ..Config::default() }
}

/// Where the people of a story are kept.
#[derive(Clone, Copy)]
pub enum Place {
    File,
    Cql,
}

impl Place {
    async fn world(self, config: Config) -> World {
        self.world_of(config, Vec::new()).await
    }

    /// A world in which people may sign in with these.
    async fn world_of(self, config: Config, providers: Vec<Provider>) -> World {
        let people = match self {
            Place::File => None,
            Place::Cql => {
                let (store, used) = keyspaces::keyspace().await;
                let (accounts, secrets, audit) = (store.clone(), store.clone(), store.clone());
                let keep: Box<dyn std::any::Any> = Box::new(used);
                Some((Stores { accounts, secrets, audit, tokens: store.clone(), subscriptions: store }, keep))
            }
        };
        World::made(config, None, providers, people)
    }
}

/// Routes of ours that `/openapi.json` tells of, as it spells them. What other roles answer for is theirs to test.
fn documented() -> Vec<(Method, String)> {
    let operations = |document: Value| {
        let paths = document["paths"].as_object().unwrap().clone().into_iter().filter(|(path, _)| path.starts_with("/api/"));
        let each = paths.flat_map(|(path, item)| {
            let methods: Vec<Method> = item.as_object().unwrap().keys().map(|method| method.to_uppercase().parse().unwrap()).collect();
            methods.into_iter().map(move |method| (method, path.clone()))
        });
        each.collect::<Vec<_>>()
    };
    let elsewhere = operations(serde_json::to_value(crate::elsewhere::document()).unwrap());
    let all = operations(serde_json::from_str(crate::openapi()).unwrap());
    all.into_iter().filter(|route| !elsewhere.contains(route)).collect()
}

pub const PASSWORD: &str = "blue suede shoes 7";

/// How somebody asks: with what they show.
#[derive(Clone, Default)]
pub struct As {
    pub cookie: Option<String>,
    pub bearer: Option<String>,
    pub client: Option<&'static str>,
}

impl As {
    pub fn nobody() -> As {
        As { client: Some("pika-web"), ..As::default() }
    }

    pub fn bearer(token: &str) -> As {
        As { bearer: Some(token.to_owned()), ..As::nobody() }
    }

    pub fn cookie(cookie: &str) -> As {
        As { cookie: Some(cookie.to_owned()), ..As::nobody() }
    }

    pub fn client(self, client: Option<&'static str>) -> As {
        As { client, ..self }
    }

    pub fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let mut request = request(method, path);
        if let Some(client) = self.client {
            request = request.header("x-pika-client", client);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        if let Some(bearer) = &self.bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        request
    }
}

impl World {
    pub async fn say(&self, who: &As, method: Method, path: &str, body: Value) -> Answer {
        let request = who.request(method, path).header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string()));
        self.send(request.unwrap()).await
    }

    pub async fn post(&self, who: &As, path: &str, body: Value) -> Answer {
        self.say(who, Method::POST, path, body).await
    }

    pub async fn fetch(&self, who: &As, path: &str) -> Answer {
        self.send(who.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    /// Signed up; gives the DJ's token.
    pub async fn signed_up(&self, name: &str) -> String {
        let wanted = Registration {
            email: format!("{name}@example.org"),
            password: PASSWORD.to_owned(),
            display_name: format!("DJ {name}"),
            guest: None,
            client: "pika-desktop".to_owned(),
        };
        self.accounts.register(wanted, Millis::now()).await.unwrap().dj_token
    }

    /// Signed in with a browser.
    pub async fn browser(&self, name: &str) -> As {
        let body = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        let answer = self.post(&As::nobody(), "/api/auth/login", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        As::cookie(&cookies(&answer.headers))
    }

    pub fn code(&self, about: &str) -> String {
        let letters = self.mailbox.letters();
        let letter = letters.iter().find(|letter| letter.about == about).unwrap_or_else(|| panic!("no letter about {about}"));
        letter.text.split('=').nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
    }
}

/// What a browser would send back.
pub fn cookies(headers: &HeaderMap) -> String {
    let set = headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned());
    set.collect::<Vec<_>>().join("; ")
}
