//! Every route with a table of hostile inputs: always a 4xx in our shape, never a 5xx, and nothing of it comes back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::Ed25519KeyPair;
use schemas::fact::Owner;
use schemas::secrets::ClusterKey;
use store::RunRow;

use super::*;
use crate::trial::run;

fn bodies() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = [
        "", "null", "[]", "{}", "0", "\"x\"", "{", "{\"email\":", "true", "{\"email\":1,\"password\":2,\"displayName\":3}",
        "{\"email\":null,\"password\":null,\"displayName\":null,\"code\":null,\"role\":null}",
        "{\"email\":[\"a@example.org\"],\"password\":{\"$gt\":\"\"},\"displayName\":[]}",
        "{\"email\":\"a@example.org\",\"email\":\"b@example.org\",\"password\":\"x\",\"password\":\"y\",\"displayName\":\"z\"}",
        "{\"email\":\"a@example.org\\r\\nBcc: x@example.org\",\"password\":\"another good phrase 7\",\"displayName\":\"DJ\\r\\nX: y\"}",
        "{\"email\":\"' OR 1=1 --@example.org\",\"password\":\"' OR 1=1 --\",\"displayName\":\"'; DROP TABLE accounts; --\"}",
        "{\"email\":\"a@example.org\",\"password\":\"\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\",\"displayName\":\"\\u202e\\u0000\"}",
        "{\"email\":\"a@example.org\",\"password\":\"\\ud800\",\"displayName\":\"x\"}",
        "{\"code\":\"../../etc/passwd\",\"password\":\"another good phrase 7\",\"refreshToken\":\"pk_ref_x\",\"deviceCode\":\"pk_dev_x\",\"role\":\"root\",\"reason\":1}",
        "{\"role\":\"guest\",\"reason\":[],\"name\":{},\"preferences\":[],\"newPassword\":1}",
        "{\"preferences\":{\"__proto__\":{\"admin\":true},\"theme\":9e999},\"version\":-1,\"name\":1}",
        "{\"tracks\":[null,1,\"x\",[],{\"artist\":{},\"title\":[]},{\"artist\":\"\\u0000\",\"title\":\"\\u202e\",\"bpm\":-1}]}",
        "{\"endpoint\":\"http://169.254.169.254/latest\",\"keys\":{\"p256dh\":\"x\",\"auth\":\"x\"},\"kind\":\"nonsense\",\"message\":{}}",
        "{\"subscription\":{\"endpoint\":\"javascript:alert(1)\",\"keys\":{\"p256dh\":1,\"auth\":[]}},\"sessionId\":\"../x\",\"kind\":1}",
        "{\"preferences\":{\"constructor\":1},\"version\":1.5,\"displayName\":{},\"bio\":1,\"genres\":{},\"name\":[]}",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    bodies.push(b"{\"email\":\"\xff\xfe@example.org\",\"password\":\"\xc3\x28\",\"displayName\":\"\xa0\xa1\",\"code\":\"\xff\"}".to_vec());
    bodies.push(format!("{}{}", "[".repeat(5_000), "]".repeat(5_000)).into_bytes());
    bodies.push(format!("{{\"preferences\":{}1{}}}", "{\"a\":".repeat(1_000), "}".repeat(1_000)).into_bytes());
    bodies.push(
        format!("{{\"email\":\"{}@example.org\",\"password\":\"{}\",\"displayName\":\"x\"}}", "a".repeat(4_000), "p".repeat(4_000))
            .into_bytes(),
    );
    bodies.push(vec![b'x'; 300 * 1024]);
    bodies
}

/// Documented routes, with `id` in the place of each parameter; whether they have one.
fn routes(id: &str) -> Vec<(Method, String, bool)> {
    let filled = documented().into_iter().map(|(method, path)| {
        let each = path.split('/').map(|part| if part.starts_with('{') { id } else { part });
        (method, each.collect::<Vec<_>>().join("/"), path.contains('{'))
    });
    filled.collect()
}

/// Routes that have nothing to read, so that whatever lies in the body is as good as nothing.
fn reads_no_body(method: &Method, path: &str) -> bool {
    *method == Method::GET
        || ["/api/auth/regenerate-token", "/api/auth/logout", "/api/auth/verify/send", "/api/auth/ticket"].contains(&path)
        || (*method == Method::DELETE && !["/api/auth/account", "/api/push/subscribe"].contains(&path))
}

pub async fn whatever_comes_is_answered_with_a_4xx_in_our_shape(place: Place) {
    let world = &place.world(without_limits()).await;
    world.signed_up("ada").await;
    world.signed_up("root-one").await;
    let id = world.accounts.find("root-one@example.org").await.unwrap().id;
    world.accounts.grant(id, schemas::Role::Admin, None, Millis::now()).await.unwrap();
    let callers = [As::nobody(), world.browser("ada").await, world.browser("root-one").await];
    let ada = world.accounts.find("ada@example.org").await.unwrap().id.to_string();
    world.save(|changes| changes.runs.push(RunRow { owner: Owner::Dj { id: ada }, ..run("nobodys-evening", 10) })).await;
    let mut asked = 0;
    for (method, path, _) in routes("nobodys-evening") {
        if reads_no_body(&method, &path) {
            continue;
        }
        for caller in &callers {
            for body in bodies() {
                for kind in ["application/json", "application/msgpack", "text/plain", "application/x-www-form-urlencoded"] {
                    let request = caller.request(method.clone(), &path).header(header::CONTENT_TYPE, kind).body(Body::from(body.clone()));
                    let answer = world.send(request.unwrap()).await;
                    let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
                    // These take what they are given: an empty patch or export, a device without a name, an address that nobody has, tracks of
                    // which each that is none is named.
                    let takes = ["/profile", "/preferences", "/import", "/api/auth/device", "/password/forgotten", "/sync-fingerprints"];
                    let harmless = answer.status == 200 && takes.iter().any(|end| path.ends_with(end));
                    if !harmless {
                        assert!(answer.status.is_client_error(), "{method} {path} {kind} {shown}: {} {}", answer.status, answer.text());
                        answer.failure();
                    }
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 8_000, "only {asked} were asked");
    assert_eq!(world.fetch(&callers[1], "/api/auth/me").await.status, 200, "and she is still herself");
}

/// The signature of a cluster with another key, of the period that this one signs in.
fn of_another_cluster(signed: &str) -> String {
    let period = Millis::now().0.div_euclid(30 * 24 * 3_600_000);
    let seed = ClusterKey::new(b"another cluster").derive("access token", &period.to_be_bytes());
    URL_SAFE_NO_PAD.encode(Ed25519KeyPair::from_seed_unchecked(&seed).unwrap().sign(signed.as_bytes()))
}

pub async fn what_is_shown_and_does_not_hold_is_nobody(place: Place) {
    let world = &place.world(without_limits()).await;
    let token = world.signed_up("ada").await;
    let body = json!({"email": "ada@example.org", "password": PASSWORD});
    let pair = world.post(&As::nobody(), "/api/auth/token", body).await.json();
    let access = pair["accessToken"].as_str().unwrap();
    let mut parts = access.split('.');
    let (head, claims, signature) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
    let hs256 = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9";
    let an_hour_ago = Millis::now().plus(-3_600_000);
    let account = world.accounts.find("ada@example.org").await.unwrap();
    let shown = [
        world.accounts.begin_app(&account, "Phone", an_hour_ago).await.unwrap().access,
        format!("{head}.{claims}.{}", of_another_cluster(&format!("{head}.{claims}"))),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{hs256}.{claims}.{signature}"),
        format!("{head}.{claims}."),
        format!("{head}.{claims}.{}", signature.chars().rev().collect::<String>()),
        format!("{head}..{signature}"),
        "..".to_owned(),
        pair["refreshToken"].as_str().unwrap().to_owned(),
        world.code("verify"),
        format!("{token}x"),
        token.to_uppercase(),
        "pk_dj_".to_owned(),
        "pk_dj_' OR 1=1 --".to_owned(),
        "pk_ses_x".to_owned(),
        "x".repeat(8_000),
        schemas::secrets::token_hash(&token),
    ];
    for bearer in shown {
        let answer = world.fetch(&As::bearer(&bearer), "/api/auth/me").await;
        assert_eq!(answer.failure(), (401, "unauthorized".to_owned()), "{bearer}");
        assert_eq!(answer.header(header::WWW_AUTHENTICATE), "Bearer");
        let cookie = As::cookie(&format!("pika_session={bearer}"));
        assert_eq!(world.fetch(&cookie, "/api/auth/me").await.status, 401, "{bearer} as a cookie");
    }
    for odd in ["Basic YWRhOnB3", "Bearer", "Bearer ", "bearer\tx", &format!("Token {token}")] {
        let request = request(Method::GET, "/api/auth/me").header(header::AUTHORIZATION, odd).body(Body::empty()).unwrap();
        assert_eq!(world.send(request).await.status, 401, "{odd}");
    }
    assert_eq!(world.fetch(&As::bearer(access), "/api/auth/me").await.status, 200);
}

pub async fn ids_that_cannot_be_are_not_there(place: Place) {
    let world = &place.world(without_limits()).await;
    world.signed_up("root-one").await;
    let id = world.accounts.find("root-one@example.org").await.unwrap().id;
    world.accounts.grant(id, schemas::Role::Admin, None, Millis::now()).await.unwrap();
    let admin = world.browser("root-one").await;
    for bad in ["x", "..%2f..%2fetc", "%00", "%ff%fe", "' OR 1=1", &"a".repeat(3_000), "AAAAAAAAAAAAAAAAAAAAAA"] {
        let bad = bad.replace(' ', "%20").replace('\'', "%27");
        for (method, path, _) in routes(&bad).into_iter().filter(|(.., named)| *named) {
            let body = json!({"role": "dj", "reason": "x"});
            let answer = world.say(&admin, method.clone(), &path, body).await;
            // A label that proves nothing, and an evening that never was: both are empty.
            let empty = answer.status == 200 && (path.ends_with("/likes") || path.ends_with("/history"));
            assert!(empty || matches!(answer.status.as_u16(), 400 | 404), "{method} {path}: {}", answer.status);
            if !empty {
                answer.failure();
            }
        }
        for query in [format!("after={bad}"), format!("limit={bad}"), "limit=-1".to_owned()] {
            let answer = world.fetch(&admin, &format!("/api/admin/users?{query}")).await;
            assert!(answer.status.is_client_error() || answer.status == 200, "{query}: {}", answer.status);
        }
    }
}

/// What somebody says may come back in an answer's body, and never as a line of its head.
pub async fn nothing_that_is_said_becomes_a_header(place: Place) {
    let world = &place.world(without_limits()).await;
    world.signed_up("ada").await;
    let ada = world.browser("ada").await;
    let lines = "x%0d%0aSet-Cookie:%20evil=1%0d%0a%0d%0aevil";
    for caller in [&As::nobody(), &ada] {
        for (method, path, _) in routes(lines).into_iter().filter(|(method, ..)| *method == Method::GET) {
            for query in ["next", "state", "code", "error", "iss", "name", "format", "after", "q"] {
                let answer = world.fetch(caller, &format!("{path}?{query}={lines}")).await;
                assert!(!answer.status.is_server_error(), "{method} {path}?{query}: {}", answer.status);
                let told = answer.headers.iter().any(|(_, value)| String::from_utf8_lossy(value.as_bytes()).contains("evil=1"));
                assert!(!told, "{method} {path}?{query}: {:?}", answer.headers);
            }
        }
    }
}
