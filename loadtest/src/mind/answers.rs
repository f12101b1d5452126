//! ACK and NACK: what is settled by them, what is said again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use schemas::Code;

use super::{Mind, What};
use crate::diary::Answer;
use crate::meter::held;
use crate::plan::Plan;

const AFTER_UNAVAILABLE: Duration = Duration::from_millis(500);
/// One like's share of ten a minute.
const AFTER_RATE: Duration = Duration::from_secs(6);

impl Mind {
    pub(super) fn on_answer(&mut self, message_id: &str, error: Option<String>, now: Instant) {
        let Some(n) = message_id.split_once('-').and_then(|(_, n)| n.parse().ok()) else { return };
        // Two copies may get two answers: the first one decided.
        let Some(open) = self.open.get_mut(&n) else { return };
        let (what, first_copy, took) = (open.what, open.copies == 1, now.duration_since(open.first));
        let answer = match error {
            None => Some(Answer::Stored(self.shared.at(now))),
            Some(error) => {
                self.shared.meter.nack(&error);
                let is = |code: Code| error == code.words();
                let again = match what {
                    _ if is(Code::Unavailable) => Some(AFTER_UNAVAILABLE),
                    What::Seat if is(Code::Rate) => Some(AFTER_RATE),
                    // A copy that was refused for its pace says nothing of the copy before it.
                    _ if !first_copy && (is(Code::LikeRate) || is(Code::Rate)) => Some(AFTER_RATE),
                    _ => None,
                };
                if let Some(pause) = again {
                    open.repeat_at = now + pause;
                    return self.plans.at(now + pause, Plan::Repeat(n));
                }
                match what {
                    What::Like(_) if is(Code::AlreadyLiked) && !first_copy => Some(Answer::Stored(self.shared.at(now))),
                    What::Like(_) | What::TakeBack(_) | What::Wish(_) if is(Code::LikeRate) || is(Code::Rate) => {
                        Some(Answer::Refused(error))
                    }
                    What::Vote { .. } if is(Code::PollNotFound) || is(Code::Rate) => first_copy.then_some(Answer::Refused(error)),
                    _ => {
                        self.surprise(format!("{what:?} was refused: {error}"));
                        Some(Answer::Refused(error))
                    }
                }
            }
        };
        let open = self.open.remove(&n);
        if let (Some(open), Some(Answer::Stored(_))) = (open, &answer)
            && !matches!(what, What::Seat)
            && self.plans.on_stored(now, n)
        {
            self.echoes.insert(n, open.message);
        }
        self.record(what, answer, first_copy.then_some(took), now);
    }

    fn record(&mut self, what: What, answer: Option<Answer>, took: Option<Duration>, now: Instant) {
        let shared = Arc::clone(&self.shared);
        let stored = matches!(answer, Some(Answer::Stored(_)));
        let mut diary = held(&self.diary);
        diary.open = self.open.len();
        let (timer, count) = match what {
            What::Seat if stored => {
                if !std::mem::replace(&mut diary.seated, true) {
                    shared.meter.seated.add();
                }
                diary.here = true;
                drop(diary);
                return self.on_seat(took, now);
            }
            What::Seat => return,
            What::Like(number) => {
                diary.likes.entry(number).or_default().given = answer.unwrap_or_default();
                if stored {
                    self.plans.on_liked(now, number);
                }
                (&shared.meter.like_ack, &shared.meter.likes)
            }
            What::TakeBack(number) => {
                diary.likes.entry(number).or_default().taken_back = Some(answer.unwrap_or_default());
                return;
            }
            What::Wish(index) => {
                if let Some(wish) = diary.wishes.get_mut(index) {
                    wish.answer = answer.unwrap_or_default();
                }
                (&shared.meter.tempo_ack, &shared.meter.tempo)
            }
            What::Vote { poll, cast } => {
                if let Some(cast) = diary.ballots.get_mut(&poll).and_then(|b| b.casts.get_mut(cast)) {
                    cast.answer = answer.unwrap_or_default();
                }
                (&shared.meter.vote_ack, &shared.meter.votes)
            }
        };
        if stored {
            count.add();
            if let Some(took) = took {
                timer.record(took);
            }
        }
    }

    fn on_seat(&mut self, took: Option<Duration>, now: Instant) {
        self.greeting = false;
        self.seated = Some(now);
        if !std::mem::replace(&mut self.pings, true) {
            self.plans.on_seat(now);
        }
        if let Some(took) = took {
            self.shared.meter.seat.record(took);
        }
        for (n, open) in &mut self.open {
            open.repeat_at = now;
            self.plans.at(now, Plan::Repeat(*n));
        }
    }
}
