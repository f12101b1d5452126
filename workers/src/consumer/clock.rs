//! What time brings to an owned partition: silent nodes, states to be said, peaks to be kept.

use std::time::Instant;

use futures_util::StreamExt;
use schemas::claim::Claim;
use schemas::state::State;
use schemas::{Millis, SessionId};

use super::{Consumer, Done, MOMENT, PACKS, ROUND, SENDS};
use crate::errands;
use crate::metrics::{self, Trouble};

impl Consumer {
    /// Lets time pass. `false`: a new epoch was declared, so every position must be looked at anew.
    pub(super) fn pass(&mut self) -> bool {
        let now = Millis::now();
        self.ticks = self.ticks.wrapping_add(1);
        if !self.share.broker.available() {
            // Nobody can be heard; silence says nothing about the nodes.
            self.crowds.excuse(now);
        }
        if self.ticks.is_multiple_of(ROUND) {
            self.crowds.pass(now);
            self.stirred();
            self.discharge(self.work.seats.sessions());
            let (sessions, listeners) = self.work.seats.totals(&self.crowds);
            self.gauges.set(sessions, listeners);
            if self.work.is_idle() && !self.saving {
                self.work.seats.evict(&self.work.pending.sessions, now, &self.share.config);
            }
        }
        if self.ticks.is_multiple_of(MOMENT) {
            self.work.seats.stir(self.work.seats.sessions());
        }
        if self.peaked.elapsed() >= self.share.config.peak_pace {
            self.peaked = Instant::now();
            self.publish_peaks();
        }
        if !self.stating && self.share.broker.available() {
            let states = self.work.seats.states(&self.crowds, now, Instant::now(), &self.share.config);
            self.say_states(states);
        }
        self.share.broker.epoch(self.share.partition) == self.share.epoch
    }

    fn say_states(&mut self, states: Vec<(SessionId, State)>) {
        if states.is_empty() {
            return;
        }
        self.stating = true;
        let share = self.share.clone();
        self.jobs.spawn(async move {
            let share = &share;
            let sends = futures_util::stream::iter(states).map(|(session, state)| async move {
                let failed = share.broker.put_state(&session, &state).await.is_err();
                failed.then(|| {
                    metrics::trouble(Trouble::State);
                    (session, state.kind())
                })
            });
            Done::Stated(sends.buffer_unordered(SENDS).filter_map(std::future::ready).collect().await)
        });
    }

    fn publish_peaks(&mut self) {
        let peaks = self.work.seats.peaks();
        let share = self.share.clone();
        if peaks.is_empty() {
            return;
        }
        self.jobs.spawn(async move {
            for peaks in peaks.chunks(PACKS) {
                let packs =
                    peaks.iter().map(|(session, listeners)| (session.clone(), errands::system(Claim::Peak { listeners: *listeners })));
                errands::publish(&share, packs.collect()).await;
            }
            Done::Aside
        });
    }

    pub(super) fn stirred(&mut self) {
        let changed = self.crowds.changed();
        self.work.touch(changed);
    }
}
