//! How long messages take from their sender to each of those who hear them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::event::{Message, SessionNo};

/// When messages were sent, of the newest only.
#[derive(Debug)]
pub(super) struct Sent {
    /// The kept messages of each sender: numbers and times, both growing.
    senders: BTreeMap<SessionNo, VecDeque<(u32, Duration)>>,
    /// The sender of each message that is kept, oldest first.
    order: VecDeque<SessionNo>,
    most: usize,
}

impl Sent {
    /// Keeps up to `most` messages, some 30 bytes each.
    pub(super) fn new(most: usize) -> Self {
        Self { senders: BTreeMap::new(), order: VecDeque::new(), most }
    }

    /// Notes when a message was sent.
    pub(super) fn note(&mut self, message: Message, at: Duration) {
        self.senders.entry(message.from).or_default().push_back((message.number, at));
        self.order.push_back(message.from);
        if self.order.len() > self.most {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.order.pop_front() else { return };
        if let Some(messages) = self.senders.get_mut(&oldest) {
            messages.pop_front();
            if messages.is_empty() {
                self.senders.remove(&oldest);
            }
        }
    }

    /// When a message was sent; none if it was not noted or is too long ago.
    pub(super) fn when(&self, message: Message) -> Option<Duration> {
        let messages = self.senders.get(&message.from)?;
        let place = messages.binary_search_by_key(&message.number, |(number, _)| *number).ok()?;
        messages.get(place).map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_whoever_sent_them() {
        let message =
            |from, number| Message { from: SessionNo(from), number, bytes: 1, binary: false };
        let ms = Duration::from_millis;
        let mut sent = Sent::new(3);
        let all = [(1, 0), (2, 0), (1, 1), (2, 1), (2, 2)];
        for ((from, number), at) in all.into_iter().zip(0..) {
            sent.note(message(from, number), ms(at));
        }
        let kept = all.map(|(from, number)| sent.when(message(from, number)));
        assert_eq!(kept, [None, None, Some(ms(2)), Some(ms(3)), Some(ms(4))]);
        assert_eq!(sent.when(message(2, 3)), None);
        sent.note(message(2, 3), ms(5));
        assert_eq!(sent.senders.len(), 1, "nothing is kept of a sender without messages");
        sent.note(message(1, 2), ms(6));
        assert_eq!(sent.when(message(1, 2)), Some(ms(6)));
    }
}
