//! The hub's task: it takes what comes, shows what is due, tells everybody.

use std::sync::Arc;
use std::time::Duration;

use nats::traces::{self, TARGET, Trace};
use nats::{Applied, Update};
use schemas::note::{Applause, Clap};
use schemas::server::ServerMessage;
use schemas::view::{Change, Run};
use schemas::{Millis, Seq, say};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tracing::{Instrument, trace_span};

use super::{Hub, Paces, seeded};
use crate::board::{Cursor, Slot};
use crate::delivery::Delivery;
use crate::hubs::Hubs;
use crate::metrics;
use crate::wave::Wave;

/// A hub that nobody is in is forgotten after this.
const LINGER: Duration = Duration::from_secs(5);

/// After a wave that took this long the hub rests for half of that, at most [`REST`], and gathers what comes meanwhile: of messages
/// that come faster than a crowd can be told, several leave in one write, and other sessions get their turn.
const LARGE: Duration = Duration::from_millis(2);
const REST: Duration = Duration::from_millis(20);

/// At most one a period: the first at once, then the newest when the period is over.
struct Pacer {
    every: Duration,
    next: Instant,
    waiting: Option<Arc<Delivery>>,
}

impl Pacer {
    fn new(every: Duration) -> Self {
        Pacer { every, next: Instant::now(), waiting: None }
    }

    fn offer(&mut self, delivery: Arc<Delivery>) {
        self.waiting = Some(delivery);
    }

    /// What is due, or when to look again.
    fn due(&mut self, now: Instant) -> (Option<Arc<Delivery>>, Option<Instant>) {
        if self.waiting.is_some() && now < self.next {
            return (None, Some(self.next));
        }
        let due = self.waiting.take();
        if due.is_some() {
            self.next = now + self.every;
        }
        (due, None)
    }
}

pub(super) struct Task {
    hub: Arc<Hub>,
    /// Between two tracks.
    pace: Duration,
    /// Applause up to this position was heard.
    heard: Seq,
    /// Where everybody stands who has heard all.
    reached: Cursor,
    /// The newest fact that is on the board, until all sockets have been written to.
    newest: Option<(Seq, Millis)>,
    /// Of facts that are on the board, until all sockets have been written to.
    traces: Vec<(Seq, Trace)>,
    /// The next wave begins no earlier.
    rest_until: Instant,
    like: Pacer,
    thanks: Pacer,
}

impl Task {
    pub fn of(hub: Arc<Hub>, paces: Paces) -> Task {
        let reached = hub.board.lock().here();
        let (like, thanks) = (Pacer::new(paces.like), Pacer::new(paces.thanks));
        Task { hub, pace: paces.track, heard: 0, reached, newest: None, traces: Vec::new(), rest_until: Instant::now(), like, thanks }
    }

    pub async fn run(mut self, mut updates: tokio::sync::broadcast::Receiver<Update>, hubs: Hubs) {
        let mut empty_since = Instant::now();
        let mut linger = tokio::time::interval(LINGER);
        loop {
            let again = self.settle().await;
            tokio::select! {
                update = updates.recv() => match update {
                    Ok(update) => {
                        self.take(update);
                        // A burst is put on the board whole before the sockets are woken once.
                        while let Ok(update) = updates.try_recv() {
                            self.take(update);
                        }
                    }
                    Err(RecvError::Lagged(_)) => self.catch_up(),
                    Err(RecvError::Closed) => return,
                },
                () = wait_until(again) => {}
                _ = linger.tick() => {
                    if !self.hub.is_empty() {
                        empty_since = Instant::now();
                    } else if empty_since.elapsed() >= LINGER && hubs.forget(&self.hub) {
                        return;
                    }
                }
            }
        }
    }

    /// Shows what is due and tells the sockets. Gives when something else will be due.
    async fn settle(&mut self) -> Option<Instant> {
        let now = Instant::now();
        if now < self.rest_until {
            return Some(self.rest_until);
        }
        let (like, like_again) = self.like.due(now);
        let (thanks, thanks_again) = self.thanks.due(now);
        let (wave, track_again) = {
            let mut board = self.hub.board.lock();
            like.into_iter().for_each(|d| board.set(Slot::Like, d));
            thanks.into_iter().for_each(|d| board.set(Slot::Thanks, d));
            let track_again = board.advance(now);
            (Wave::since(&self.hub, &board, &mut self.reached), track_again)
        };
        if let Some(wave) = wave {
            let span = || trace_span!(target: TARGET, "fanout.send", otel.kind = "consumer");
            let reached = self.reached.seq;
            // One that waits for its turn is not in this wave.
            let out: Vec<_> = self.traces.extract_if(.., |(seq, _)| *seq <= reached).map(|(_, trace)| trace).collect();
            let span = traces::following(&out, span);
            self.hub.crowd.each(|line| line.hear(&wave)).instrument(span).await;
            // One that waits for its turn is not out yet.
            if let Some((_, stamp)) = self.newest.take_if(|(seq, _)| *seq <= self.reached.seq) {
                metrics::fanned_out(stamp);
            }
            let took = now.elapsed();
            if took >= LARGE {
                self.rest_until = Instant::now() + (took / 2).min(REST);
            }
        }
        [like_again, thanks_again, track_again].into_iter().flatten().min()
    }

    fn take(&mut self, update: Update) {
        match update {
            Update::Fact(fact) => {
                metrics::fact_heard(fact.stamp);
                self.newest = Some((fact.seq, fact.stamp));
                self.traces.extend(traces::at(self.hub.id(), fact.seq).map(|trace| (fact.seq, trace)));
                self.warn_dj(&fact);
                self.hub.put_fact(&fact);
            }
            Update::State(state) => self.hub.put_state(&state),
            Update::Applause(applause) => self.applaud(&applause),
            Update::Anew => self.begin_anew(),
        }
    }

    /// An end that the DJ did not ask for is told to them with its reason; everyone hears the end itself.
    fn warn_dj(&self, fact: &Applied) {
        let Change::Ended(reason) = &fact.change else { return };
        let Some(reason) = reason.expiry() else { return };
        let expired = ServerMessage::SessionExpired { session_id: self.hub.id().clone(), reason: reason.to_owned() };
        self.hub.dj_lines().iter().for_each(|dj| dj.say(|out| out.say(&expired)));
    }

    /// The log is another one: so is the board, and every socket starts from the state when it pulls next.
    fn begin_anew(&mut self) {
        self.newest = None;
        self.traces.clear();
        *self.hub.board.lock() = seeded(&self.hub.session, self.pace);
        self.hub.session.states().iter().for_each(|state| self.hub.put_state(state));
    }

    /// Updates were missed in this process: the session still holds them.
    fn catch_up(&mut self) {
        let session = self.hub.session.clone();
        if self.hub.board.lock().epoch() != session.epoch() {
            return self.begin_anew();
        }
        let last = self.hub.board.lock().newest();
        match session.since(last) {
            Some(facts) => facts.iter().for_each(|fact| self.hub.put_fact(fact)),
            None => self.hub.board.lock().start_after(session.view().last),
        }
        session.states().iter().for_each(|state| self.hub.put_state(state));
    }

    /// Each like to the DJ; to dancers the newest, paced.
    fn applaud(&mut self, applause: &Applause) {
        let view = self.hub.session.view();
        let Some(run) = &view.run else { return };
        let djs = self.hub.dj_lines();
        let span = || trace_span!(target: TARGET, "fanout.applause", otel.kind = "consumer");
        let _span = traces::following(traces::at(self.hub.id(), applause.to).as_slice(), span).entered();
        let mut claps: Vec<Arc<Delivery>> = Vec::new();
        let mut said: Vec<(Clap, Arc<Delivery>)> = Vec::new();
        for (_, clap) in applause.items.iter().filter(|(seq, _)| *seq > self.heard) {
            // A thousand likes of one track are one delivery, encoded once.
            let delivery = match said.iter().find(|(of, _)| of == clap) {
                Some((_, delivery)) => delivery.clone(),
                None => {
                    let Some(message) = self.say_clap(run, clap) else { continue };
                    let delivery = Arc::new(Delivery::of(message));
                    said.push((*clap, delivery.clone()));
                    delivery
                }
            };
            claps.push(delivery.clone());
            match clap {
                Clap::Like(_) => self.like.offer(delivery),
                Clap::Thanks(_) => self.thanks.offer(delivery),
            }
        }
        for dj in djs {
            metrics::applause_dropped(dj.applaud(&claps));
        }
        self.heard = self.heard.max(applause.to);
    }
}

impl Task {
    fn say_clap(&self, run: &Run, clap: &Clap) -> Option<ServerMessage> {
        match clap {
            Clap::Like(key) => run.plays.iter().rev().find(|play| play.key == *key).map(|play| say::like_received(&play.track)),
            Clap::Thanks(reaction) => Some(ServerMessage::ReactionReceived { session_id: self.hub.id().clone(), reaction: *reaction }),
        }
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_many_the_first_goes_at_once_and_the_newest_when_the_period_is_over() {
        let every = Duration::from_millis(200);
        let delivery = |timestamp| Arc::new(Delivery::of(ServerMessage::Pong { timestamp: Millis(timestamp) }));
        let mut pacer = Pacer::new(every);
        let start = Instant::now();
        let (first, newest) = (delivery(1), delivery(3));
        pacer.offer(first.clone());
        let (due, again) = pacer.due(start);
        assert!(due.is_some_and(|due| Arc::ptr_eq(&due, &first)) && again.is_none());
        pacer.offer(delivery(2));
        pacer.offer(newest.clone());
        let (due, again) = pacer.due(start + every / 2);
        assert!(due.is_none() && again == Some(start + every));
        let (due, _) = pacer.due(start + every);
        assert!(due.is_some_and(|due| Arc::ptr_eq(&due, &newest)));
        assert!(pacer.due(start + every * 2).0.is_none(), "nothing came");
    }
}
