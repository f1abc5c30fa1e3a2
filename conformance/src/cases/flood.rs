//! More messages than anybody reads: numbered, so that a gap, a copy or a swap shows.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::case::{Step, Stop, expect, joined};
use crate::log::Direction;
use crate::wire::frame::{self, BINARY, CLOSE, FIN};
use crate::wire::{Conn, PATIENCE};

/// A sender that nobody reads must be held back before this: many times what queues and the kernel's
/// buffers hold.
pub(super) const BYTES_MAX: u64 = 64 << 20;

/// A sender whose socket takes nothing for so long is held back. Too short on a slow machine it
/// makes a case weaker, never wrong.
const QUIET: Duration = Duration::from_millis(700);

/// Sends numbered binary messages as fast as they are taken.
pub(super) struct Flood {
    conn: Conn,
    message_bytes: usize,
    /// Messages begun so far: the number of the next one.
    begun: u64,
    /// What is left to send of the last one begun.
    rest: Vec<u8>,
    accepted_bytes: u64,
}

/// Reads numbered messages and checks that none is missing.
pub(super) struct Reader {
    pub(super) conn: Conn,
    message_bytes: usize,
    /// The number that must come next.
    pub(super) next: u64,
}

impl Flood {
    /// Not begun yet. Messages have at least 8 bytes, for the number.
    pub(super) fn new(conn: Conn, message_bytes: usize) -> Self {
        Self { conn, message_bytes, begun: 0, rest: Vec::new(), accepted_bytes: 0 }
    }

    /// Bytes that went into the socket so far.
    pub(super) fn accepted_bytes(&self) -> u64 {
        self.accepted_bytes
    }

    /// Gives the socket what it takes; false if it took nothing for this long.
    pub(super) fn push(&mut self, limit: Duration) -> Step<bool> {
        if self.rest.is_empty() {
            let mut payload = vec![0; self.message_bytes];
            payload[..8].copy_from_slice(&self.begun.to_be_bytes());
            self.rest = frame::encode(self.conn.wire().role(), FIN | BINARY, &payload);
            self.begun += 1;
        }
        let taken = self.conn.wire().write_some(&self.rest, limit)?;
        self.rest.drain(..taken);
        self.accepted_bytes += taken as u64;
        Ok(taken > 0)
    }

    /// Sends until nothing is taken any more; that must be before `bytes_max` are.
    pub(super) fn until_held(&mut self, bytes_max: u64) -> Step {
        let start = self.accepted_bytes;
        while self.push(QUIET)? {
            let taken = self.accepted_bytes - start;
            expect(
                taken <= bytes_max,
                format!("that a sender is held back before it has sent {bytes_max} bytes"),
                format!("the target took {taken} bytes that nobody reads"),
            )?;
        }
        let words = format!("held back after {} bytes", self.accepted_bytes);
        self.conn.wire().say(Direction::Note, words);
        Ok(())
    }

    /// Goes on until `done`, however often it is held back.
    pub(super) fn run_until(&mut self, done: &AtomicBool) -> Step {
        while !done.load(Ordering::SeqCst) {
            self.push(Duration::from_millis(20))?;
        }
        Ok(())
    }

    /// Ends the message under way; gives the number of messages sent. Somebody must read meanwhile.
    pub(super) fn finish(&mut self) -> Step<u64> {
        while !self.rest.is_empty() {
            let taken = self.conn.wire().write_some(&self.rest, PATIENCE)?;
            expect(taken > 0, "that a sender is let go on", "nothing is taken")?;
            self.rest.drain(..taken);
            self.accepted_bytes += taken as u64;
        }
        let words = format!("{} messages, {} bytes sent", self.begun, self.accepted_bytes);
        self.conn.wire().say(Direction::Note, words);
        Ok(self.begun)
    }
}

impl Reader {
    /// Expects number 0 first.
    pub(super) fn new(conn: Conn, message_bytes: usize) -> Self {
        Self { conn, message_bytes, next: 0 }
    }

    /// The next message must be the one that is due.
    pub(super) fn read(&mut self) -> Step {
        let due = self.next;
        let message = self.conn.message(&format!("message {due}"))?;
        self.check(message.opcode, &message.payload)
    }

    fn check(&mut self, opcode: u8, payload: &[u8]) -> Step {
        let number = payload.first_chunk().map(|number| u64::from_be_bytes(*number));
        expect(
            opcode == BINARY && payload.len() == self.message_bytes && number == Some(self.next),
            format!("message {}, {} bytes", self.next, self.message_bytes),
            match number {
                Some(number) => format!("message {number}, {} bytes", payload.len()),
                None => format!("{} bytes", payload.len()),
            },
        )?;
        self.next += 1;
        Ok(())
    }

    /// All must come up to but not including this number.
    pub(super) fn read_to(&mut self, end: u64) -> Step {
        while self.next < end {
            self.read()?;
        }
        Ok(())
    }

    /// Whole messages without a gap must come, then a close with this code; gives its reason.
    pub(super) fn read_to_close(&mut self, code: u16) -> Step<String> {
        loop {
            let expected = format!("message {} or a close with {code}", self.next);
            let frame = self.conn.next_but_pings(&expected)?;
            match frame.first {
                first if first == FIN | BINARY => self.check(BINARY, &frame.payload)?,
                first if first == FIN | CLOSE && frame.close_code().0 == code => {
                    return Ok(frame.close_code().1);
                }
                _ => return Err(Stop::fail(expected, frame.describe())),
            }
        }
    }
}

/// Lets the flood end its message while the reader takes all that was sent.
pub(super) fn drain(flood: &mut Flood, reader: &mut Reader) -> Step<u64> {
    thread::scope(|scope| {
        let finishing = scope.spawn(|| flood.finish());
        // Read along: what is to come is known only when the flood has ended.
        while !finishing.is_finished() {
            reader.conn.wire().trickle(64 * 1024, Duration::from_millis(10))?;
        }
        let sent = joined(finishing)?;
        reader.read_to(sent)?;
        Ok(sent)
    })
}

/// Runs `work` while `beside` runs on another thread, which is told when the work is done.
pub(super) fn beside<T>(
    beside: impl FnOnce(&AtomicBool) -> Step + Send,
    work: impl FnOnce() -> Step<T>,
) -> Step<T> {
    /// Also in a panic, so that the other thread ends.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let aside = scope.spawn(|| beside(&done));
        let worked = {
            let _done = Done(&done);
            work()
        };
        let aside = joined(aside);
        let worked = worked?;
        aside?;
        Ok(worked)
    })
}
