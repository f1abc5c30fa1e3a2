//! What one client does when: its actions, with their turns, in the order of time.

use std::time::Duration;

use crate::event::Phase;
use crate::scenario::Plan;
use crate::scenario::planned::{Client, Do, Send};

/// How long after a phase's start clients do what it is for: whoever judges the phase before it
/// then sees nothing of the next.
const INTO_PHASE: Duration = Duration::from_millis(10);

/// Something that is due.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Due {
    /// Open the channel, and keep it open.
    Join,
    /// Close it in order.
    Leave,
    /// Drop the connection.
    Vanish,
    /// Send this many messages of this kind.
    Turn(Send),
}

/// The rest of a client's story.
pub(super) struct Script {
    /// Actions still to come, the next one last.
    actions: Vec<(Duration, Do)>,
    /// Rows of messages under way, each with the time of its next turn.
    rows: Vec<(Duration, Send)>,
}

impl Script {
    /// The whole story of `client`: its own, then the roll call, then it leaves.
    pub(super) fn new(plan: &Plan, client: &Client) -> Self {
        let mut actions: Vec<_> =
            client.actions.iter().map(|action| (action.at, action.what.clone())).collect();
        let call = plan.roll_call;
        let row = Send {
            turns: call.messages,
            every: call.every,
            burst: 1,
            bytes: (call.bytes, call.bytes),
            binary: 0.5,
        };
        actions.push((plan.start_of(Phase::RollCall) + INTO_PHASE, Do::Send(row)));
        actions.push((plan.start_of(Phase::Leaving) + INTO_PHASE, Do::Leave));
        actions.sort_by_key(|(at, _)| *at);
        actions.reverse();
        Self { actions, rows: Vec::new() }
    }

    /// Skips what was due before `now`; says whether the client is to be on its channel then.
    pub(super) fn skip_to(&mut self, now: Duration) -> bool {
        let mut joined = false;
        let before = now.saturating_sub(Duration::from_nanos(1));
        while let Some(due) = self.due(before, true) {
            match due {
                Due::Join => joined = true,
                Due::Leave | Due::Vanish => joined = false,
                Due::Turn(_) => {}
            }
        }
        joined
    }

    /// When something is due next. Turns do not count unless `may_send`.
    pub(super) fn next_at(&self, may_send: bool) -> Option<Duration> {
        let turn = self.rows.iter().map(|(at, _)| *at).min().filter(|_| may_send);
        let action = self.actions.last().map(|(at, _)| *at);
        action.into_iter().chain(turn).min()
    }

    /// What is due at `now`, one after the other. Turns wait until `may_send`.
    pub(super) fn due(&mut self, now: Duration, may_send: bool) -> Option<Due> {
        loop {
            let at = self.next_at(may_send).filter(|at| *at <= now)?;
            if let Some((_, action)) = self.actions.pop_if(|(next, _)| *next == at) {
                match action {
                    Do::Join => return Some(Due::Join),
                    Do::Leave => return Some(Due::Leave),
                    Do::Vanish => return Some(Due::Vanish),
                    Do::Send(row) => self.rows.push((at, row)),
                }
            } else {
                let next = self.rows.iter().position(|(next, _)| *next == at);
                let row = &mut self.rows[next.expect("nothing else is due then")];
                let turn = row.1.clone();
                row.1.turns = row.1.turns.saturating_sub(1);
                row.0 += row.1.every;
                self.rows.retain(|(_, row)| row.turns > 0);
                if turn.turns > 0 {
                    return Some(Due::Turn(turn));
                }
            }
        }
    }
}
