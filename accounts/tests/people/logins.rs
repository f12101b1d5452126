//! Signing in with a provider.

use accounts::{AccountError, Accounts, Caller, ClientSecret, Config, Credentials, Entered, LoginStart, Provider, Returned, Speaks};
use schemas::PersonId;
use schemas::secrets::ClusterKey;
use serde_json::{Value, json};

use crate::providers::{all, number, who};
use crate::world::{PASSWORD, World, now};

impl World {
    pub fn with(&self, change: impl FnOnce(&mut Config)) -> Accounts {
        let mut config = Config { providers: all(), ..self.accounts.config().clone() };
        change(&mut config);
        self.again(config, &ClusterKey::new(b"story"))
    }

    pub fn with_providers(&self) -> Accounts {
        self.with(|_| {})
    }
}

/// There and back.
async fn goes(start: &LoginStart, provider: &str, who: &Value) -> Returned {
    let mut came = Returned { provider: provider.to_owned(), shown: Some(start.shown.clone()), ..Returned::default() };
    for (name, value) in crate::providers::goes(&start.url, provider, who).await {
        match name.as_str() {
            "state" => came.state = value,
            "code" => came.code = Some(value),
            "error" => came.error = Some(value),
            "iss" => came.iss = Some(value),
            _ => {}
        }
    }
    came
}

/// There and back again, and in.
async fn signs_in(accounts: &Accounts, provider: &str, who: &Value) -> Result<Entered, AccountError> {
    let start = accounts.login_start(provider, "/account", None, now()).await?;
    accounts.login_finish(&goes(&start, provider, who).await, None, None, now()).await
}

async fn links(accounts: &Accounts, caller: &Caller, provider: &str, who: &Value) -> Result<Entered, AccountError> {
    let start = accounts.login_start(provider, "/account", Some(caller), now()).await?;
    accounts.login_finish(&goes(&start, provider, who).await, Some(caller), None, now()).await
}

fn failed(answer: Result<Entered, AccountError>, what: &str) {
    assert!(matches!(answer, Err(AccountError::LoginFailed(_))), "{what}: {answer:?}");
}

/// Refused with words of which these are some.
fn stands_in_the_way(answer: Result<Entered, AccountError>, words: &str) {
    match answer {
        Err(AccountError::InTheWay(said)) => assert!(said.contains(words), "{said}"),
        other => panic!("{other:?}"),
    }
}

async fn nobody_has(world: &World, who: &Value) {
    let found = world.accounts.find(who["email"].as_str().unwrap()).await;
    assert_eq!(found.map(|account| account.id), Err(AccountError::NotFound), "an account was made");
}

pub async fn somebody_signs_up_with_each_provider_and_comes_back(world: &World) {
    let accounts = world.with_providers();
    let known: Vec<_> = accounts.providers().collect();
    assert_eq!(known, [("google", "Google"), ("apple", "Apple"), ("github", "GitHub"), ("oidc", "Dance Club")]);
    for (provider, _) in known {
        let (ada, guest) = (who(&number(), ""), PersonId::random());
        let start = accounts.login_start(provider, "/account?tab=1", None, now()).await.unwrap();
        let made = accounts.login_finish(&goes(&start, provider, &ada).await, None, Some(guest), now()).await.unwrap();
        let account = &made.account;
        assert_eq!((made.next.as_str(), made.linked), ("/account?tab=1", false));
        assert_eq!(account.email.as_str(), ada["email"].as_str().unwrap());
        match provider {
            // It says a name in the browser's words alone.
            "apple" => assert!(account.display_name.starts_with("Dancer "), "{}", account.display_name),
            _ => assert_eq!(account.display_name, ada["name"].as_str().unwrap()),
        }
        assert!(account.verified_at.is_some() && account.password.is_none());
        assert_eq!(account.person, guest, "what they did as a guest stays theirs");
        assert!(world.letters_to(account.email.as_str()).is_empty(), "the provider has verified the address");
        // The address there may change, the number does not.
        let moved = json!({"sub": ada["sub"], "email": "elsewhere@example.org", "email_verified": false, "name": "Another Name"});
        let again = signs_in(&accounts, provider, &moved).await.unwrap();
        assert_eq!((again.account.id, again.account.email.as_str()), (account.id, account.email.as_str()));
        assert_eq!(world.audited(account.id).await, ["signed_in", "registered"]);
        let log = accounts.audit(Some(account.id), now().plus(3_600_000), 100).await.unwrap();
        assert_eq!(log.last().unwrap().detail, format!("{provider}; a guest became an account"));
        let empty = Credentials { email: account.email.as_str().to_owned(), password: String::new() };
        let wrong = accounts.authenticate(&empty, now()).await;
        assert_eq!(wrong.unwrap_err(), AccountError::WrongPassword, "no password is not an empty one");
    }
}

pub async fn a_name_that_cannot_be_is_another(world: &World) {
    let accounts = world.with_providers();
    let named = async |name: Value| {
        let mut person = who(&number(), "");
        person["name"] = name;
        signs_in(&accounts, "google", &person).await.unwrap().account.display_name
    };
    assert_eq!(named(json!("Grace Hopper")).await, "Grace Hopper");
    assert!(named(json!("Grace Hopper")).await.starts_with("Grace Hopper "), "a name is somebody's");
    for bad in [json!(null), json!(""), json!("<script>"), json!("admin"), json!("x"), json!("\u{202e}"), json!("y".repeat(200))] {
        let name = named(bad.clone()).await;
        assert!(name.starts_with("Dancer "), "{bad} became {name}");
    }
}

pub async fn a_login_is_linked_by_its_owner_and_unlinked(world: &World) {
    let accounts = world.with_providers();
    let ada = world.register("ada").await.account;
    let (_, caller) = world.browser("ada").await;
    let login = who(&number(), "");
    let linked = links(&accounts, &caller, "google", &login).await.unwrap();
    assert!(linked.linked && linked.account.id == ada.id);
    assert_eq!(signs_in(&accounts, "google", &login).await.unwrap().account.id, ada.id);
    assert_eq!(signs_in(&accounts, "google", &login).await.unwrap().account.email, ada.email, "the account's address stays");
    let (_, caller) = world.browser("ada").await;
    assert_eq!(accounts.logins(&caller).iter().map(|login| login.provider.as_str()).collect::<Vec<_>>(), ["google"]);
    assert!(links(&accounts, &caller, "google", &login).await.is_ok(), "again is no error");
    stands_in_the_way(links(&accounts, &caller, "google", &who(&number(), "")).await, "unlink it first");
    links(&accounts, &caller, "github", &who(&number(), "")).await.unwrap();

    accounts.unlink(&caller, "google", now()).await.unwrap();
    assert_eq!(accounts.unlink(&caller, "google", now()).await, Err(AccountError::NotFound));
    assert_eq!(world.audited(ada.id).await.iter().filter(|action| *action == "login_unlinked").count(), 1);
    let other = signs_in(&accounts, "google", &login).await.unwrap().account;
    assert_ne!(other.id, ada.id, "it leads nowhere any more, so it is a new account");
}

pub async fn the_last_way_into_an_account_stays(world: &World) {
    let accounts = world.with_providers();
    let login = who(&number(), "");
    let account = signs_in(&accounts, "google", &login).await.unwrap().account;
    let (cookie, _) = accounts.begin_session(&account, "Firefox", now()).await.unwrap();
    let caller = accounts.by_cookie(&cookie, now()).await.unwrap();
    assert!(matches!(accounts.unlink(&caller, "google", now()).await, Err(AccountError::InTheWay(_))));
    assert!(matches!(accounts.remove(&caller, "", now()).await, Err(AccountError::InTheWay(_))), "it is told to choose a password");
    accounts.ask_reset(account.email.as_str(), now()).await.unwrap();
    let code = world.code(account.email.as_str(), "reset").await;
    accounts.reset_password(&code, PASSWORD, now()).await.unwrap();
    let (cookie, _) = accounts.begin_session(&account, "Firefox", now()).await.unwrap();
    let caller = accounts.by_cookie(&cookie, now()).await.unwrap();
    accounts.unlink(&caller, "google", now()).await.unwrap();
    stands_in_the_way(signs_in(&accounts, "google", &login).await, "there is an account with this address");
}

pub async fn an_address_alone_proves_nothing(world: &World) {
    let accounts = world.with_providers();
    world.register("ada").await;
    let (_, ada) = world.browser("ada").await;
    for provider in ["google", "github"] {
        let mut same = who(&number(), "");
        same["email"] = json!("ada@example.org");
        stands_in_the_way(signs_in(&accounts, provider, &same).await, "there is an account with this address");
        let mut unverified = who(&number(), "");
        unverified["email_verified"] = json!(false);
        stands_in_the_way(signs_in(&accounts, provider, &unverified).await, "has not verified your address");
        nobody_has(world, &unverified).await;
        stands_in_the_way(links(&accounts, &ada, provider, &unverified).await, "has not verified your address");
        let eves = who(&number(), "");
        signs_in(&accounts, provider, &eves).await.unwrap();
        stands_in_the_way(links(&accounts, &ada, provider, &eves).await, "linked to another account already");
    }
    let (_, ada) = world.browser("ada").await;
    assert!(accounts.logins(&ada).is_empty());
}

pub async fn a_way_leads_back_once_and_only_whoever_began_it(world: &World) {
    let accounts = world.with_providers();
    world.register("ada").await;
    let (_, ada) = world.browser("ada").await;
    for provider in ["google", "github"] {
        let person = who(&number(), "");
        let start = accounts.login_start(provider, "/", None, now()).await.unwrap();
        let came = goes(&start, provider, &person).await;
        let another = accounts.login_start(provider, "/", None, now()).await.unwrap();
        let finish = async |came: Returned| accounts.login_finish(&came, None, None, now()).await;
        failed(finish(Returned { shown: None, ..came.clone() }).await, "without what the browser was given");
        failed(finish(Returned { shown: Some(another.shown), ..came.clone() }).await, "in another browser");
        failed(finish(Returned { shown: Some("pk_log_x".to_owned()), ..came.clone() }).await, "with something else");
        failed(finish(Returned { state: String::new(), ..came.clone() }).await, "without a state");
        failed(finish(Returned { state: "x".repeat(43), ..came.clone() }).await, "with a wrong state");
        nobody_has(world, &person).await;
        assert!(finish(came.clone()).await.is_ok(), "none of these cost the visitor their way");
        failed(finish(came).await, "a second time");

        let start = accounts.login_start(provider, "/", None, now()).await.unwrap();
        let came = goes(&start, provider, &person).await;
        let late = now().plus(600_000);
        failed(accounts.login_finish(&came, None, None, late).await, "too late");

        let start = accounts.login_start(provider, "/", None, now()).await.unwrap();
        let mut came = goes(&start, provider, &person).await;
        came.provider = "oidc".to_owned();
        failed(accounts.login_finish(&came, None, None, now()).await, "from another provider");

        // A code that is good, in a way that it was not given for.
        let (one, other) = (
            accounts.login_start(provider, "/", None, now()).await.unwrap(),
            accounts.login_start(provider, "/", None, now()).await.unwrap(),
        );
        let stolen = goes(&one, provider, &person).await.code;
        let mut came = goes(&other, provider, &person).await;
        came.code = stolen;
        failed(accounts.login_finish(&came, None, None, now()).await, "with somebody else's code");

        failed(signs_in(&accounts, provider, &who(&number(), "cancelled")).await, "called off");
        // Linking: begun by somebody who is signed in, ended by nobody, by somebody else, in another session.
        world.register(&format!("eve-{provider}")).await;
        let (_, eve) = world.browser(&format!("eve-{provider}")).await;
        let (_, again) = world.browser("ada").await;
        for who_comes in [None, Some(&eve), Some(&again)] {
            let start = accounts.login_start(provider, "/", Some(&ada), now()).await.unwrap();
            let came = goes(&start, provider, &who(&number(), "")).await;
            failed(accounts.login_finish(&came, who_comes, None, now()).await, "ended by another");
        }
    }
    let (_, ada) = world.browser("ada").await;
    assert!(accounts.logins(&ada).is_empty());
    assert_eq!(accounts.login_start("facebook", "/", None, now()).await.err(), Some(AccountError::NotFound));
}

pub async fn a_token_that_is_not_what_it_says_lets_nobody_in(world: &World) {
    let accounts = world.with_providers();
    let spoiled = [
        "none",
        "shared-with-public-key",
        "shared-with-secret",
        "nonce",
        "no-nonce",
        "audience",
        "two-audiences",
        "party",
        "issuer",
        "expired",
        "future",
        "old",
        "foreign-key",
        "unknown-key",
        "other-algorithm",
        "tampered",
        "no-subject",
        "garbage",
        "no-token",
    ];
    for fault in spoiled {
        let person = who(&number(), fault);
        failed(signs_in(&accounts, "google", &person).await, fault);
        nobody_has(world, &person).await;
    }
    // Whoever sends the browser back says who they are; a mix of two providers is found out by it.
    for iss in [None, Some("https://accounts.example".to_owned())] {
        let start = accounts.login_start("google", "/", None, now()).await.unwrap();
        let mut came = goes(&start, "google", &who(&number(), "")).await;
        came.iss = iss;
        failed(accounts.login_finish(&came, None, None, now()).await, "from another issuer");
    }
    failed(signs_in(&accounts, "github", &who(&number(), "refused")).await, "an error with 200");
    let wrong = world.with(|config| config.providers.iter_mut().for_each(|p| p.secret = ClientSecret::Given("x".to_owned())));
    for provider in ["google", "github"] {
        failed(signs_in(&wrong, provider, &who(&number(), "")).await, "with a wrong secret of ours");
    }
}

pub async fn a_provider_that_is_away_changes_nothing(world: &World) {
    let accounts = world.with_providers();
    let away = |title: &str| Some(AccountError::Provider(title.to_owned()));
    for fault in ["down", "nonsense", "huge"] {
        let person = who(&number(), fault);
        assert_eq!(signs_in(&accounts, "google", &person).await.err(), away("Google"), "{fault}");
        nobody_has(world, &person).await;
    }
    assert!(signs_in(&accounts, "google", &who(&number(), "elsewhere")).await.is_err(), "nobody is followed elsewhere with a code");
    assert_eq!(signs_in(&accounts, "github", &who(&number(), "down")).await.err(), away("GitHub"));
    // A port that nobody listens on, and somebody else at the issuer's address.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let at = |url: String| {
        world.with(|config| config.providers = vec![Provider::google("google".to_owned(), ClientSecret::Given(String::new()), Some(url))])
    };
    assert_eq!(at(format!("http://{closed}")).login_start("google", "/", None, now()).await.err(), away("Google"));
    let Speaks::Oidc { issuer, .. } = &accounts.config().providers[0].speaks else { panic!() };
    assert_eq!(at(format!("{issuer}/")).login_start("google", "/", None, now()).await.err(), away("Google"), "not the issuer that was set");
}

pub async fn whoever_is_suspended_is_not_let_in_by_a_provider(world: &World) {
    let accounts = world.with_providers();
    let person = who(&number(), "");
    let account = signs_in(&accounts, "oidc", &person).await.unwrap().account;
    accounts.suspend(account.id, "spam", None, now()).await.unwrap();
    assert_eq!(signs_in(&accounts, "oidc", &person).await.err(), Some(AccountError::Suspended));
    assert_eq!(world.audited(account.id).await[0], "sign_in_refused");
}
