//! What a DJ has to say, and when, for an evening to happen again. Pure.

use schemas::limits::ANNOUNCEMENT_SECONDS;
use schemas::view::{Change, View};
use schemas::{Millis, SessionId};
use serde_json::{Value, json};

use super::line::Line;

/// What the DJ says, with the milliseconds after the begin.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub after: i64,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Say(Value),
    /// START_POLL. It carries no duration, because the contract's shortest is longer than what a faster replay needs: the poll ends
    /// where it ended then.
    Poll(Value),
    /// The end of the poll that is open. The new server gave it a number of its own.
    EndPoll {
        void: bool,
    },
    End,
}

#[derive(Debug, Default)]
pub struct Score {
    pub dj_name: Option<String>,
    pub steps: Vec<Step>,
}

/// Facts that the log's order made void are left out, and so is what workers found out: it will be found out again.
pub fn score<'a>(session: &SessionId, lines: impl Iterator<Item = &'a Line>, speed: f64) -> Score {
    let (mut view, mut score, mut begin) = (View::new(session.clone()), Score::default(), None);
    for line in lines {
        let Some(fact) = line.placed(session) else { continue };
        let Some(change) = view.apply(&fact) else { continue };
        let after = fact.stamp.since(*begin.get_or_insert(fact.stamp)).max(0);
        let what = match change {
            Change::Begun => {
                score.dj_name = view.run.as_ref().map(|run| run.dj_name.clone());
                continue;
            }
            Change::Away | Change::Back => continue,
            Change::Ended(_) => What::End,
            Change::Track(play) => What::Say(json!({"type": "BROADCAST_TRACK", "track": play.track})),
            Change::Metadata(play) => What::Say(json!({"type": "METADATA_UPDATED", "track": play.track})),
            Change::Stopped => What::Say(json!({"type": "TRACK_STOPPED"})),
            Change::PollOpened(poll) => What::Poll(json!({
                "type": "START_POLL",
                "question": poll.opened.question,
                "options": poll.opened.options,
                "allowChange": poll.opened.allow_change,
                "hideResults": poll.opened.hide_results,
            })),
            Change::PollClosed { .. } => What::EndPoll { void: false },
            Change::PollCancelled { .. } => What::EndPoll { void: true },
            Change::Announced(entry) => What::Say(announcement(&entry.message, entry.ends_at.map(|at| at.since(entry.timestamp)), speed)),
            Change::AnnouncementEnded => What::Say(json!({"type": "CANCEL_ANNOUNCEMENT"})),
        };
        score.steps.push(Step { after, what });
    }
    score
}

/// Never pushed: those who asked to be told were told then.
fn announcement(message: &str, stands: Option<i64>, speed: f64) -> Value {
    let mut value = json!({"type": "SEND_ANNOUNCEMENT", "message": message});
    if let Some(stands) = stands {
        let seconds = (Millis(stands).0 as f64 / 1000.0 / speed).round();
        value["durationSeconds"] = json!((seconds as u32).clamp(*ANNOUNCEMENT_SECONDS.start(), *ANNOUNCEMENT_SECONDS.end()));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::fact::{Begun, EndReason, Fact, Owner, PollOpened};
    use schemas::{PersonId, PollId};

    #[test]
    fn only_what_a_dj_says_is_said_again() {
        let session: SessionId = "friday-night".parse().expect("a session id");
        let owner = Owner::Person { person: PersonId([1; 16]), address: None };
        let track = |title: &str| serde_json::from_value(json!({"title": title, "artist": "A"})).expect("a track");
        let poll = PollId::new(9).expect("small");
        let opened = || {
            let (question, options) = ("?".to_owned(), vec!["a".to_owned(), "b".to_owned()]);
            Fact::PollOpened(PollOpened { poll, question, options, ends_at: Some(Millis(60_000)), allow_change: true, hide_results: false })
        };
        let facts = [
            (1_000, Fact::Begun(Begun { dj_name: "DJ".into(), owner: owner.clone(), join_code: "A".into(), by_socket: true })),
            (2_000, Fact::Track { track: track("one"), played_at: Millis(0) }),
            (3_000, Fact::Away { since: Millis(3_000) }),
            (4_000, opened()),
            // Lost a race: void.
            (4_001, opened()),
            (5_000, Fact::PollCancelled { poll, close: 5 }),
            (6_000, Fact::Announced { message: "Hi".into(), ends_at: Some(Millis(6_000 + 600_000)), push: true }),
            (7_000, Fact::Ended { reason: EndReason::Grace, begin: 1, owner, dj_name: "DJ".into() }),
        ];
        let line = |(n, (time, fact)): (usize, (i64, Fact))| Line::Fact {
            sequence: n as u64 + 1,
            time: Millis(time),
            at: Millis(time),
            op: None,
            fact,
        };
        let lines: Vec<Line> = facts.into_iter().enumerate().map(line).collect();
        let score = score(&session, lines.iter(), 2.0);
        assert_eq!(score.dj_name.as_deref(), Some("DJ"));
        let said: Vec<(i64, String)> = score
            .steps
            .iter()
            .map(|step| {
                (
                    step.after,
                    match &step.what {
                        What::Say(value) | What::Poll(value) => value["type"].as_str().unwrap_or_default().to_owned(),
                        What::EndPoll { void } => format!("end {void}"),
                        What::End => "end".to_owned(),
                    },
                )
            })
            .collect();
        let expected =
            [(1_000, "BROADCAST_TRACK"), (3_000, "START_POLL"), (4_000, "end true"), (5_000, "SEND_ANNOUNCEMENT"), (6_000, "end")];
        assert_eq!(said, expected.map(|(after, what)| (after, what.to_owned())));
        let What::Say(announced) = &score.steps[3].what else { panic!("an announcement") };
        assert_eq!((&announced["durationSeconds"], announced.get("push")), (&json!(300), None));
    }
}
