//! One WebSocket as the checkers know it, and what it sent.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::event::{ClientNo, Message, ProxyNo};

/// A moment in the order of records, which is finer than time.
pub(super) type Seq = u64;

/// A session from its joining to some time after its end.
pub(super) struct Session {
    pub(super) client: ClientNo,
    pub(super) proxy: ProxyNo,
    /// The path that it opened.
    pub(super) channel: Arc<str>,
    pub(super) began: Seq,
    pub(super) joined: Option<Seq>,
    pub(super) leaving: bool,
    /// It is over.
    pub(super) ended: bool,
    /// It is over, with a closing handshake that the client began.
    pub(super) left_in_order: bool,
    /// Since when it does not read.
    pub(super) stalled: Option<Duration>,
    /// The longest time that it did not read, up to the last time it began again.
    pub(super) longest_stall: Duration,
    sent: Sent,
}

/// The messages that a session sent, of which the oldest are forgotten.
#[derive(Default)]
struct Sent {
    /// How many are forgotten.
    forgotten: u32,
    kept: VecDeque<SentMessage>,
}

struct SentMessage {
    at: Duration,
    seq: Seq,
    bytes: u32,
    binary: bool,
}

impl Session {
    pub(super) fn new(client: ClientNo, proxy: ProxyNo, channel: Arc<str>, began: Seq) -> Self {
        Self {
            client,
            proxy,
            channel,
            began,
            joined: None,
            leaving: false,
            ended: false,
            left_in_order: false,
            stalled: None,
            longest_stall: Duration::ZERO,
            sent: Sent::default(),
        }
    }

    /// It is on its channel and means to stay.
    pub(super) fn is_there(&self) -> bool {
        self.joined.is_some() && !self.leaving && !self.ended
    }

    /// The longest time that it did not read, until now.
    pub(super) fn longest_stall(&self, now: Duration) -> Duration {
        let current = self.stalled.map(|since| now.saturating_sub(since));
        self.longest_stall.max(current.unwrap_or_default())
    }

    /// How many messages it sent.
    pub(super) fn sent_count(&self) -> u32 {
        self.sent.forgotten + u32::try_from(self.sent.kept.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn send(&mut self, message: Message, at: Duration, seq: Seq, horizon: Duration) {
        let Message { bytes, binary, .. } = message;
        self.sent.kept.push_back(SentMessage { at, seq, bytes, binary });
        while self.sent.kept.front().is_some_and(|oldest| oldest.at + horizon < at) {
            self.sent.kept.pop_front();
            self.sent.forgotten += 1;
        }
    }

    /// Whether it sent exactly this message. One that is forgotten is believed.
    pub(super) fn has_sent(&self, message: Message) -> bool {
        match message.number.checked_sub(self.sent.forgotten) {
            None => true,
            Some(kept) => {
                self.sent.kept.get(kept as usize).is_some_and(|sent| {
                    (sent.bytes, sent.binary) == (message.bytes, message.binary)
                })
            }
        }
    }

    /// When message `number` was sent; for one that is forgotten, at some time before.
    pub(super) fn sent_seq(&self, number: u32) -> Seq {
        let kept = number.checked_sub(self.sent.forgotten);
        kept.and_then(|kept| self.sent.kept.get(kept as usize)).map_or(0, |sent| sent.seq)
    }

    /// The number of the first message sent after `seq`, as far as is known.
    pub(super) fn first_after(&self, seq: Seq) -> u32 {
        let before = self.sent.kept.partition_point(|sent| sent.seq < seq);
        self.sent.forgotten + u32::try_from(before).unwrap_or(u32::MAX)
    }
}
