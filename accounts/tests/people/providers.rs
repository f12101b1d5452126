//! Providers that these stories sign in with, and a browser that goes there and comes back. See `deploy/oidc/server.mjs`.
#![allow(dead_code)] // Each test binary uses a part of it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;

use accounts::{ClientSecret, Provider};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::{Client, Response, Url};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

/// They end when this process does, and with it the pipe that they listen to.
struct Servers {
    oidc: String,
    github: String,
    /// Apple's key of a team, as it gives it out.
    p8: String,
    _child: Child,
    _open: ChildStdin,
}

static SERVERS: LazyLock<Servers> = LazyLock::new(|| {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let random = ring::rand::SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
    // What stands in front of a point of P-256 in a public key's file.
    let spki = [STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA=").unwrap(), pair.public_key().as_ref().to_vec()].concat();
    let pem = |of: &str, bytes: &[u8]| format!("-----BEGIN {of}-----\n{}\n-----END {of}-----\n", STANDARD.encode(bytes));
    let mut command = Command::new("node");
    command.arg("server.mjs").current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/oidc"));
    command.env("APPLE_PUBLIC_KEY", pem("PUBLIC KEY", &spki)).env("NODE_NO_WARNINGS", "1");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node: the providers of the tests need it");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut ports = line.trim().strip_prefix("ready ").expect("no providers: `deploy/tools.sh oidc` gets what they need").split(' ');
    let mut next = || format!("http://127.0.0.1:{}", ports.next().unwrap());
    let (oidc, github) = (next(), next());
    Servers { oidc, github, p8: pem("PRIVATE KEY", pkcs8.as_ref()), _open: child.stdin.take().unwrap(), _child: child }
});

/// Where OpenID Connect is spoken.
pub fn issuer() -> &'static str {
    &SERVERS.oidc
}

/// All four, as this Pika is registered with them.
pub fn all() -> Vec<Provider> {
    let secret = |name: &str| ClientSecret::Given(format!("the secret of {name}"));
    let (oidc, github) = (SERVERS.oidc.clone(), SERVERS.github.clone());
    vec![
        Provider::google("google".to_owned(), secret("google"), Some(oidc.clone())),
        Provider::apple("apple".to_owned(), ClientSecret::apple("TEAM", "KEY", &SERVERS.p8).unwrap(), Some(oidc.clone())),
        Provider::github("github".to_owned(), secret("github"), Some(github.clone()), Some(github)),
        Provider::oidc("Dance Club".to_owned(), "oidc".to_owned(), secret("oidc"), oidc),
    ]
}

/// Who signs in at the provider: their number there, their address, and what then goes wrong.
pub fn who(sub: &str, fault: &str) -> Value {
    json!({"sub": sub, "email": format!("p{sub}@example.org"), "email_verified": true, "name": format!("Ada P{sub}"), "fault": fault})
}

/// Numbers that are nobody's yet: one provider serves all stories.
pub fn number() -> String {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(4_711);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string()
}

/// Goes to the provider, is this person there, and comes back: with what stands in the address, or in a form that posts itself.
pub async fn goes(url: &str, provider: &str, who: &Value) -> Vec<(String, String)> {
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut url = Url::parse(url).unwrap();
    url.query_pairs_mut().append_pair("login_hint", &URL_SAFE_NO_PAD.encode(who.to_string()));
    let mut cookies: Vec<String> = Vec::new();
    let home = format!("http://127.0.0.1:3001/api/auth/{provider}/callback");
    for _ in 0..10 {
        let answer = client.get(url.clone()).header("cookie", cookies.join("; ")).send().await.unwrap();
        cookies
            .extend(answer.headers().get_all("set-cookie").iter().map(|set| set.to_str().unwrap().split(';').next().unwrap().to_owned()));
        let Some(to) = answer.headers().get("location") else { return posted(answer, provider, &home).await };
        url = url.join(to.to_str().unwrap()).unwrap();
        if url.as_str().starts_with(&home) {
            return url.query_pairs().into_owned().collect();
        }
    }
    panic!("{provider} sends the browser round in circles");
}

async fn posted(answer: Response, provider: &str, home: &str) -> Vec<(String, String)> {
    let (status, page) = (answer.status(), answer.text().await.unwrap());
    assert!(page.contains(&format!("action=\"{home}\"")), "{provider} answered {status}: {page}");
    let pairs = page.split("name=\"").skip(1).map(|input| {
        let (name, rest) = input.split_once('"').unwrap();
        let written = rest.split('"').nth(1).unwrap();
        let value = [("&#x2F;", "/"), ("&quot;", "\""), ("&#x27;", "'"), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
        (name.to_owned(), value.iter().fold(written.to_owned(), |text, (as_written, meant)| text.replace(as_written, meant)))
    });
    pairs.collect()
}
