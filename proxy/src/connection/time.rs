//! What a connection does by time: pings, stalls, ends that take too long.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::Instant;

use super::Talk;
use super::phase::{Closing, Input, Phase};
use crate::clock::Sleep;
use crate::limits::{CLOSE_TIME, CUT_LINGER, DRAIN_TIME, PROBES_PER_STALL};
use crate::ws::{self, CloseCode};

impl Talk {
    /// When time alone will change something, as things stand.
    pub(super) fn deadline(&self) -> Instant {
        let limits = &self.hub().limits;
        match self.phase {
            // websocket.busy-not-silent: its pong may wait behind what it has yet to read.
            _ if self.member().has_queued() => {
                let probe = self.probed.max(self.member().progress());
                let due = self.stalled_at().min(probe + limits.stall_time / PROBES_PER_STALL);
                self.cut_at().map_or(due, |cut| due.min(cut))
            }
            Phase::Closing(Closing { since, .. }) => {
                let sign = since.max(self.member().progress());
                (if self.drains() { sign.max(self.heard) } else { sign }) + CLOSE_TIME
            }
            _ => self.asked.unwrap_or(self.heard + limits.keep_alive),
        }
    }

    /// When the other end will have taken nothing for too long, if it goes on so.
    pub(super) fn stalled_at(&self) -> Instant {
        let progress = self.member().progress();
        match self.phase {
            Phase::Closing(Closing { since, cut: true, .. }) => since.max(progress) + CUT_LINGER,
            Phase::Closing(Closing { since, .. }) => {
                since.max(progress) + self.hub().limits.stall_time
            }
            _ => progress + self.hub().limits.stall_time,
        }
    }

    /// Ready when the next deadline has come.
    pub(super) fn poll_timer(&self, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline();
        // Later deadlines wait for the timer to fire: resetting it at each read would cost.
        if deadline < timer.deadline() || timer.is_elapsed() {
            timer.as_mut().reset(deadline);
        }
        timer.poll(cx)
    }

    /// Does what is due by time; true if something changed.
    pub(super) fn check_time(&mut self, now: Instant) -> bool {
        if now < self.deadline() {
            return false;
        }
        if self.member().has_queued() {
            self.probed = now;
            let before = self.member().progress();
            self.member().probe();
            self.note_progress(before);
            if self.member().has_queued() && self.cut_at().is_some_and(|cut| cut <= now) {
                self.cut_short();
                return true;
            }
            // backpressure.slow-not-stalled
            if !self.member().has_queued() || now < self.stalled_at() {
                return true;
            }
        }
        match self.phase {
            Phase::Open if self.member().has_queued() => self.cut_stalled(),
            Phase::Open | Phase::Closing(_) if self.must_not_read() => {
                // Not reading, so not hearing: no sign of death.
                self.heard = now;
                self.asked = None;
            }
            Phase::Open if self.asked.is_none() => self.ask(self.hub().limits.keep_alive),
            Phase::Open => {
                self.hub().counters.connections_dead.increment();
                let (channel, peer) = (&self.channel().id, self.member().address);
                tracing::info!(%channel, %peer, "nothing heard any more");
                self.end();
            }
            Phase::Closing(_) | Phase::Done => self.end(),
        }
        true
    }

    /// When a reader has had its time while the proxy stops.
    fn cut_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Closing(Closing { since, hurried: true, .. }) => Some(since + DRAIN_TIME),
            _ => None,
        }
    }

    /// lifecycle.shutdown-closes: also those that are slow are told.
    fn cut_short(&mut self) {
        if let Phase::Closing(closing) = &mut self.phase {
            closing.hurried = false;
        }
        let reason = "the proxy stops, and what you had not taken is lost";
        self.member().cut(&ws::close(CloseCode::GOING_AWAY, reason));
    }

    /// backpressure.stalled-closed
    pub(super) fn cut_stalled(&mut self) {
        let seconds = self.hub().limits.stall_time.as_secs_f64();
        self.hub().counters.clients_stalled.increment();
        tracing::info!(
            channel = %self.channel().id, peer = %self.member().address,
            queued = self.member().queued_bytes(), "cutting a reader that takes nothing"
        );
        let reason = format!("took nothing for {seconds} s while messages waited; they are lost");
        self.member().cut(&ws::close(CloseCode::POLICY, &reason));
        self.start_closing(Input::Awaited);
        if let Phase::Closing(closing) = &mut self.phase {
            closing.cut = true;
        }
    }
}
