use std::collections::HashSet;

use futures_util::future::join_all;
use nats::codes::ALPHABET;

use crate::support::*;

#[tokio::test]
async fn codes_are_unique_and_come_free_again() {
    let world = World::new().await;
    let broker = world.broker().await;
    let s = session("friday-night");
    let codes: Vec<String> = join_all((0..200).map(|_| broker.reserve_code(&s))).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(codes.iter().collect::<HashSet<_>>().len(), 200);
    assert!(codes.iter().all(|code| code.len() == 6 && code.bytes().all(|b| ALPHABET.contains(&b))));
    let kv = async_nats::jetstream::new(world.stranger().await).get_key_value("CODES").await.unwrap();
    assert_eq!(kv.get(&codes[0]).await.unwrap().unwrap(), s.as_str());
    // Nobody else can take it, by whatever way.
    assert!(kv.create(&codes[0], "other".into()).await.is_err());
    broker.release_code(&codes[0]).await.unwrap();
    assert_eq!(kv.get(&codes[0]).await.unwrap(), None);
    kv.create(&codes[0], "other".into()).await.unwrap();
    // Words of a stranger reach no subject.
    for bad in ["*", ">", "", "abc.de", "ABCDEF"] {
        broker.release_code(bad).await.unwrap();
    }
    assert_eq!(kv.get(&codes[1]).await.unwrap().unwrap(), s.as_str());
    let stored = kv.stream.direct_get_last_for_subject(format!("$KV.CODES.{}", codes[1])).await.unwrap();
    assert_eq!(stored.headers.get("Nats-TTL").map(|v| v.as_str()), Some("90000s"));
}
