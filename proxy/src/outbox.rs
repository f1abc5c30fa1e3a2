//! What waits to be written to one connection, bounded without loss.
//!
//! ```text
//!   sender ──▶ publish ──▶ outbox ──▶ socket      room: nothing holds the sender
//!      ▲                     │
//!      └──── Hold ◀──────────┘                    full: the sender is not read from until
//!                                                 what it queued last is within the limit
//! ```
//!
//! An outbox never refuses: whatever was accepted from a sender is queued at once for every
//! reader. What is queued beyond the limit carries a [`Hold`] on its sender, which must read
//! nothing more until all its holds are gone. So a sender exceeds each outbox by one batch at
//! most, senders are served in the order in which they came, and TCP slows down whoever sends too
//! fast (`backpressure.senders-wait`). Holds go when the queue moves on, and also when it is
//! dropped, so no reader's end leaves a sender waiting.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::rc::Rc;
use std::task::Waker;

use bytes::Bytes;

use crate::bugs::{Bug, planted};
use crate::limits::OUTBOX_ENTRY_BYTES;
use crate::ws;

/// One connection as a sender: how many holds there are on it, and the task to wake.
#[derive(Default)]
pub(crate) struct Throttle {
    holds: Cell<u32>,
    waker: Cell<Option<Waker>>,
}

impl Throttle {
    /// Whether the sender must not be read from now.
    pub(crate) fn is_held(&self) -> bool {
        self.holds.get() > 0
    }

    /// Names the connection's task, woken when the last hold goes.
    pub(crate) fn register(&self, waker: &Waker) {
        let registered = self.waker.take().filter(|w| w.will_wake(waker));
        self.waker.set(registered.or_else(|| Some(waker.clone())));
    }

    /// Wakes the connection's task.
    pub(crate) fn wake(&self) {
        let registered = self.waker.take();
        if let Some(waker) = &registered {
            waker.wake_by_ref();
        }
        self.waker.set(registered);
    }
}

/// Keeps one sender from being read while it lives.
pub(crate) struct Hold(Rc<Throttle>);

impl Hold {
    pub(crate) fn on(sender: &Rc<Throttle>) -> Self {
        sender.holds.set(sender.holds.get() + 1);
        Self(Rc::clone(sender))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let left = self.0.holds.get() - 1;
        self.0.holds.set(left);
        if left == 0 {
            self.0.wake();
        }
    }
}

/// The queue of one connection: whole frames, oldest first.
///
/// Filled by whoever publishes to the connection, emptied by the connection's own task.
pub(crate) struct Outbox {
    queue: VecDeque<Bytes>,
    /// How much of the first entry is written.
    first_written: usize,
    /// All that was ever queued and written, with [`OUTBOX_ENTRY_BYTES`] for each entry.
    pushed: u64,
    written: u64,
    /// Holds, with the value of `pushed` after their entry, which tells when it is within the
    /// limit. In order, because `pushed` only grows.
    holds: VecDeque<(u64, Hold)>,
    limit: u64,
    /// The value of `pushed` after the pong that was queued last.
    pong_end: u64,
    /// The newest pong, while an older one waits in the queue.
    next_pong: Option<Bytes>,
}

impl Outbox {
    /// An empty one that holds back senders from `limit` bytes on.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            first_written: 0,
            pushed: 0,
            written: 0,
            holds: VecDeque::new(),
            limit: limit as u64,
            pong_end: 0,
            next_pong: None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes that wait, with the cost of keeping them.
    pub(crate) fn queued(&self) -> u64 {
        self.pushed - self.written
    }

    /// Queues whole frames, of which the first `written` bytes are out already (which they can be
    /// only while nothing else waits), and holds `sender` back if this is more than fits.
    pub(crate) fn push(&mut self, frames: Bytes, written: usize, sender: &Rc<Throttle>) {
        if planted(Bug::DropOnFullQueue) && self.queued() > self.limit {
            return;
        }
        self.append(frames, written);
        if planted(Bug::Overtake) && self.queue.len() > 2 {
            let last = self.queue.len() - 1;
            self.queue.swap(1, last);
        }
        if self.queued() > self.limit && !planted(Bug::NoHold) {
            self.holds.push_back((self.pushed, Hold::on(sender)));
        }
    }

    /// Queues a control frame of ours, which holds nobody: of those there is one at a time.
    pub(crate) fn push_control(&mut self, frame: Bytes, written: usize) {
        // What was said before a Close goes before it.
        if let Some(pong) = self.next_pong.take() {
            self.append(pong, 0);
        }
        self.append(frame, written);
    }

    /// Queues a pong, which holds nobody either: two links that are full both ways would wait for
    /// each other. While one waits, of those behind it only the newest is kept (RFC 6455
    /// section 5.5.3), so that they cannot fill the queue.
    pub(crate) fn push_pong(&mut self, pong: Bytes, written: usize) {
        if self.written < self.pong_end {
            self.next_pong = Some(pong);
        } else {
            self.append(pong, written);
            self.pong_end = self.pushed;
        }
    }

    fn append(&mut self, frames: Bytes, written: usize) {
        assert!(written == 0 || self.queue.is_empty(), "a frame was written past those queued");
        if self.queue.is_empty() {
            self.first_written = written;
        }
        self.pushed += (frames.len() - written + OUTBOX_ENTRY_BYTES) as u64;
        self.queue.push_back(frames);
    }

    /// Fills `slices` with what to write next and says how many it filled.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut skip = self.first_written;
        let mut filled = 0;
        for (slice, entry) in slices.iter_mut().zip(&self.queue) {
            *slice = IoSlice::new(&entry[skip..]);
            skip = 0;
            filled += 1;
        }
        filled
    }

    /// Notes that `bytes` more are written, and lets go the senders for whom that made room.
    pub(crate) fn advance(&mut self, mut bytes: usize) {
        while let Some(first) = self.queue.front() {
            let left = first.len() - self.first_written;
            if bytes < left {
                self.first_written += bytes;
                self.written += bytes as u64;
                break;
            }
            bytes -= left;
            self.written += (left + OUTBOX_ENTRY_BYTES) as u64;
            self.first_written = 0;
            self.queue.pop_front();
        }
        while let Some((end, _)) = self.holds.front()
            && end.saturating_sub(self.written) <= self.limit
        {
            self.holds.pop_front();
        }
        if self.written >= self.pong_end
            && let Some(pong) = self.next_pong.take()
        {
            self.push_pong(pong, 0);
        }
    }

    /// Lets every sender go: the reader has left, and what waits for it grows no more.
    pub(crate) fn release(&mut self) {
        self.holds = VecDeque::new();
    }

    /// Drops all but the rest of the frame that is under way, after which another may follow.
    pub(crate) fn cut(&mut self) {
        let under_way = self.queue.pop_front().filter(|_| self.first_written > 0);
        self.queue.clear();
        self.holds.clear();
        self.next_pong = None;
        self.pushed = self.written;
        self.pong_end = self.written;
        if let Some(mut frames) = under_way {
            let end = ws::frame_end_at(&frames, self.first_written);
            if end > self.first_written {
                frames.truncate(end);
                self.pushed += (end - self.first_written + OUTBOX_ENTRY_BYTES) as u64;
                self.queue.push_back(frames);
                return;
            }
        }
        self.first_written = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn write(outbox: &mut Outbox, most: usize) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 4];
        let filled = outbox.slices(&mut slices);
        let all: Vec<u8> = slices[..filled].iter().flat_map(|s| s.iter().copied()).collect();
        let out = all[..most.min(all.len())].to_vec();
        outbox.advance(out.len());
        out
    }

    #[test]
    fn a_sender_is_held_from_the_limit_on_and_not_before() {
        let (mut outbox, sender) = (Outbox::new(1000), Rc::new(Throttle::default()));
        outbox.push(Bytes::from(vec![0; 1000 - OUTBOX_ENTRY_BYTES]), 0, &sender);
        assert_eq!(outbox.queued(), 1000);
        assert!(!sender.is_held(), "1000 bytes are within the limit of 1000");
        outbox.push(Bytes::from_static(b"x"), 0, &sender);
        assert!(sender.is_held());
        // The last entry ends at 1097: it is within the limit once 97 are written.
        write(&mut outbox, 96);
        assert!(sender.is_held());
        write(&mut outbox, 1);
        assert!(!sender.is_held());
    }

    #[test]
    fn the_end_of_a_reader_frees_its_senders() {
        for end in [drop, |mut outbox: Outbox| outbox.release()] {
            let (mut outbox, sender) = (Outbox::new(1), Rc::new(Throttle::default()));
            outbox.push(Bytes::from_static(b"first"), 0, &sender);
            outbox.push(Bytes::from_static(b"second"), 0, &sender);
            assert!(sender.is_held());
            end(outbox);
            assert!(!sender.is_held());
        }
    }

    #[test]
    fn pongs_hold_nobody_and_only_the_newest_waits() {
        let (mut outbox, sender) = (Outbox::new(110), Rc::new(Throttle::default()));
        let pong = |n: u8| Bytes::copy_from_slice(&[n]);
        outbox.push(Bytes::from(vec![0; 10]), 0, &sender);
        (1..=9).for_each(|n| outbox.push_pong(pong(n), 0));
        assert_eq!(outbox.queued(), (10 + 1 + 2 * OUTBOX_ENTRY_BYTES) as u64);
        assert!(!sender.is_held() && outbox.holds.is_empty());
        assert_eq!(write(&mut outbox, 11), [&[0; 10][..], &[1]].concat());
        assert_eq!(write(&mut outbox, 99), [9], "queued when its turn has come");
        assert!(outbox.is_empty());
        // A Close goes behind the pong that was promised, and a cut leaves none behind.
        (1..=3).for_each(|n| outbox.push_pong(pong(n), 0));
        outbox.push_control(pong(0x88), 0);
        assert_eq!(write(&mut outbox, 99), [1, 3, 0x88]);
        (1..=3).for_each(|n| outbox.push_pong(pong(n), 0));
        outbox.cut();
        outbox.push_pong(pong(4), 0);
        assert_eq!(write(&mut outbox, 99), [4]);
    }

    #[test]
    fn a_cut_keeps_the_frame_under_way() {
        let sender = Rc::new(Throttle::default());
        // Two unmasked text frames in one entry, "abc" and "de".
        let frames = Bytes::from_static(b"\x81\x03abc\x81\x02de");
        for (written, rest) in [(0, &b""[..]), (1, b"\x03abc"), (4, b"c"), (5, b""), (6, b"\x02de")]
        {
            let mut outbox = Outbox::new(1);
            outbox.push(frames.clone(), 0, &sender);
            outbox.push(frames.clone(), 0, &sender);
            outbox.advance(written);
            outbox.cut();
            assert_eq!(write(&mut outbox, 99), rest, "after {written} bytes");
            assert!(outbox.is_empty() && outbox.queued() == 0 && !sender.is_held());
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_holds_tell_the_truth(
            limit in 1usize..600,
            steps in proptest::collection::vec((any::<bool>(), 1usize..300), 1..200),
        ) {
            let mut outbox = Outbox::new(limit);
            let (mut expected, mut got, mut held) = (Vec::new(), Vec::new(), VecDeque::new());
            for (push, n) in steps {
                if push {
                    let frames: Vec<u8> = (0..n).map(|i| i as u8).collect();
                    expected.extend_from_slice(&frames);
                    // Each entry has a sender of its own, so that its hold can be looked at.
                    let sender = Rc::new(Throttle::default());
                    outbox.push(Bytes::from(frames), 0, &sender);
                    held.push_back((outbox.pushed, sender));
                } else {
                    got.extend(write(&mut outbox, n));
                }
                for (end, sender) in &held {
                    let over = end.saturating_sub(outbox.written) > limit as u64;
                    prop_assert_eq!(sender.is_held(), over);
                }
            }
            while !outbox.is_empty() {
                got.extend(write(&mut outbox, 100));
            }
            prop_assert_eq!(got, expected);
            prop_assert_eq!(outbox.queued(), 0);
        }
    }
}
