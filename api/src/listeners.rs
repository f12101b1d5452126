//! How many people listen to each session and how lively it is, as the workers last said. Lost at a restart and heard again.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use futures_util::StreamExt;
use schemas::SessionId;
use schemas::lobby::LobbyStatus;
use schemas::state::State;

use crate::metrics;

/// How long to wait before following again, when the broker is away.
const RETRY: Duration = Duration::from_secs(1);
/// How often the gauges are set and counts of ended sessions are forgotten: as often as Prometheus looks.
const SWEEP: Duration = Duration::from_secs(5);

/// Cloned freely; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Listeners(Arc<DashMap<SessionId, Heard>>);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Heard {
    of: u64,
    pub count: u64,
    /// 0 to 1: likes and listeners of the last minutes against this session's own busiest ones.
    pub momentum: f64,
}

impl Listeners {
    /// Takes in what a worker said, unless something newer is known.
    pub(crate) fn hear(&self, session: SessionId, state: &State) {
        match state {
            State::Listeners { of, count, momentum } => {
                let momentum = if momentum.is_finite() { momentum.clamp(0.0, 1.0) } else { 0.0 };
                let new = Heard { of: *of, count: *count, momentum };
                self.0
                    .entry(session)
                    .and_modify(|known| {
                        if known.of <= new.of {
                            *known = new
                        }
                    })
                    .or_insert(new);
            }
            State::Tally { .. } | State::Tempo { .. } => {}
        }
    }

    /// Nobody and no momentum, where nothing was heard.
    pub(crate) fn of(&self, session: &SessionId) -> Heard {
        self.0.get(session).map(|heard| *heard).unwrap_or_default()
    }

    fn total(&self) -> u64 {
        self.0.iter().map(|heard| heard.count).sum()
    }

    fn keep(&self, on: impl Fn(&SessionId) -> bool) {
        self.0.retain(|session, _| on(session));
    }
}

pub(crate) async fn follow(broker: &nats::Broker, listeners: &Listeners) {
    loop {
        match broker.follow_listeners().await {
            Ok(mut states) => {
                while let Some((session, state)) = states.next().await {
                    listeners.hear(session, &state);
                }
            }
            Err(error) => tracing::warn!(error = %error, "listener counts are not followed for now"),
        }
        tokio::time::sleep(RETRY).await;
    }
}

pub(crate) async fn keep_to_stage(lobby: &nats::Lobby, listeners: &Listeners) {
    let mut sweep = tokio::time::interval(SWEEP);
    sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        sweep.tick().await;
        listeners.keep(|session| {
            lobby.get(session).is_some_and(|entry| match entry.record.status {
                LobbyStatus::Live | LobbyStatus::Away => true,
                LobbyStatus::Ended => false,
            })
        });
        metrics::live_sessions(lobby.count_on());
        metrics::listeners(listeners.total());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn said(of: u64, count: u64, momentum: f64) -> State {
        State::Listeners { of, count, momentum }
    }

    #[test]
    fn an_older_count_does_not_replace_a_newer_one() {
        let (listeners, session) = (Listeners::default(), SessionId::parse("friday-night").unwrap());
        listeners.hear(session.clone(), &said(2, 40, 0.5));
        listeners.hear(session.clone(), &said(1, 7, 0.1));
        assert_eq!((listeners.of(&session).count, listeners.of(&session).momentum), (40, 0.5));
        listeners.hear(session.clone(), &said(3, 41, 7.0));
        assert_eq!((listeners.of(&session).count, listeners.of(&session).momentum), (41, 1.0));
    }

    #[test]
    fn a_momentum_that_is_no_number_is_none() {
        let (listeners, session) = (Listeners::default(), SessionId::parse("friday-night").unwrap());
        listeners.hear(session.clone(), &said(1, 1, f64::NAN));
        assert_eq!(listeners.of(&session).momentum, 0.0);
    }

    #[test]
    fn an_ended_session_is_forgotten() {
        let listeners = Listeners::default();
        let (on, over) = (SessionId::parse("friday-night").unwrap(), SessionId::parse("thursday-night").unwrap());
        listeners.hear(on.clone(), &said(1, 3, 0.0));
        listeners.hear(over.clone(), &said(1, 5, 0.0));
        listeners.keep(|session| *session == on);
        assert_eq!((listeners.total(), listeners.of(&over).count), (3, 0));
    }
}
