//! Subjects against bytes that mean harm: what is read as ours is what we would have written, to the letter.

#[path = "../../../schemas/tests/fuzz/hostile.rs"]
mod hostile;

use super::*;

#[test]
fn a_subject_is_ours_to_the_letter_or_nobodys() {
    hostile::hunt("subjects", &hostile::corpus("subjects"), |bytes| {
        let text = String::from_utf8_lossy(bytes);
        if let Some((partition, session, leaf)) = parse_live(&text) {
            assert_eq!(session.partition(), partition);
            let written = match leaf {
                Leaf::Out => out(&session),
                Leaf::In => claims(&session),
                Leaf::Timer(poll) => timer(&session, poll),
                Leaf::Lobby => lobby(&session),
            };
            assert_eq!(written, text);
        }
        if let Some(partition) = parse_shared(&text) {
            assert_eq!(shared_claims(partition), text);
        }
        if let Some((partition, session, kind)) = parse_state(&text) {
            assert_eq!((session.partition(), state(&session, kind)), (partition, text.to_string()));
        }
        match lease_key(&text) {
            Some(LeaseKey::Worker(worker)) => assert_eq!(lease_worker(&worker), text),
            Some(LeaseKey::Part(partition)) => assert_eq!(lease_part(partition), text),
            None => {}
        }
    });
}
