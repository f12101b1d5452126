//! Ids, places, cookies and tokens: only what we made is taken for ours, and numbers keep their order.

use proptest::prelude::*;
use schemas::cookie::{person_of, set_cookie};
use schemas::secrets::ClusterKey;
use schemas::{Millis, OpKey, PersonId, PollId, Pos, SessionId};

use crate::hostile::{corpus, hunt};

#[test]
fn a_cookie_is_ours_or_nobodys() {
    let (key, person) = (ClusterKey::new(b"one"), PersonId([7; 16]));
    let pairs = [false, true].map(|https| set_cookie(person, &key, https).split(';').next().unwrap().to_owned());
    let stranger = ClusterKey::new(b"two").seal_person(PersonId([8; 16]));
    let mut seeds: Vec<Vec<u8>> = pairs.iter().map(|pair| pair.clone().into_bytes()).collect();
    seeds.push(format!("theme=dark; {}; {}; lang=nl", pairs[0], pairs[1]).into_bytes());
    seeds.push(format!("pika_id=\"{stranger}\"; {}", pairs[0]).into_bytes());
    seeds.push(b"pika_id=.;pika_id==;;=;__Host-pika_id=a.b.c".to_vec());
    hunt("cookie", &seeds, |bytes| {
        let header = String::from_utf8_lossy(bytes);
        let ours = key.seal_person(person);
        assert!(person_of(Some(&header), &key).is_none_or(|found| found == person && header.contains(&ours)), "{header}");
    });
}

#[test]
fn an_owner_token_owns_its_run_and_no_other_text_does() {
    let (key, session) = (ClusterKey::new(b"one"), "friday-night".parse::<SessionId>().unwrap());
    let token = key.owner_token(&session, 7);
    let seeds = [token.clone().into_bytes(), key.owner_token(&session, 8).into_bytes(), b"pk_own_".to_vec(), b"pk_dj_x".to_vec()];
    hunt("owner token", &seeds, |bytes| {
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(key.owns(&shown, &session, 7), shown == token);
    });
}

#[test]
fn ids_are_read_or_refused_and_read_back() {
    hunt("ids", &corpus("names"), |bytes| {
        let text = String::from_utf8_lossy(bytes);
        if let Ok(session) = SessionId::parse(&text) {
            assert_eq!(session.as_str(), text);
            assert!(!session.as_str().contains(['.', '*', '>', ' ']), "it would not be one token of a subject");
            assert!(session.partition().0 < 64);
        }
        if let Ok(person) = text.parse::<PersonId>() {
            assert_eq!(person.to_string().parse(), Ok(person));
        }
        if let Ok(op) = text.parse::<OpKey>() {
            assert_eq!(op.to_string().parse(), Ok(op));
        }
        if let Some(time) = Millis::parse(&text) {
            assert_eq!(Millis::parse(&time.to_string()), Some(time), "{text}");
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn positions_order_epochs_first_and_are_never_in_the_future(a in (0u32..1 << 10, 0u64..1 << 40), b in (0u32..1 << 10, 0u64..1 << 40)) {
        let (left, right) = (Pos::new(a.0, a.1), Pos::new(b.0, b.1));
        prop_assert_eq!(left.cmp(&right), a.cmp(&b));
        prop_assert_eq!((left.epoch(), left.seq()), a);
        prop_assert!(left.0 < 1 << 50);
    }

    #[test]
    fn a_polls_number_is_exact_in_json(session in "[a-z]{8,20}", owner in "\\PC{0,20}", op in any::<[u8; 16]>()) {
        let session = session.parse::<SessionId>().unwrap();
        let poll = PollId::of(&session, &owner, Some(OpKey(op)));
        prop_assert!(poll.get() <= PollId::MAX && (poll.get() as f64) as u64 == poll.get());
        prop_assert_eq!(PollId::of(&session, &owner, Some(OpKey(op))), poll);
    }
}
