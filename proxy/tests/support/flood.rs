//! Senders that push as hard as the proxy lets them, and readers that know what must come.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::wire::{self, BINARY, FIN, PING, PONG, TEXT, Wire, is_over};
use super::{PATIENCE, noise};

/// Socket buffers of flooding senders and slow readers: far less than the proxy's own.
pub(crate) const NARROW: usize = 64 * 1024;

/// No machine's socket buffers hold this much: whoever got rid of more was not held back.
const ENDLESS: u64 = 256 * 1024 * 1024;

static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| noise(99, 2 * 1024 * 1024));

/// The payload of message `number` of `len` bytes: the number, and what belongs to it.
pub(crate) fn payload(number: u64, len: usize) -> Vec<u8> {
    let start = (number as usize * 7919) % (NOISE.len() / 2);
    [&number.to_be_bytes()[..], &NOISE[start..start + len - 8]].concat()
}

/// Sends numbered messages from a thread of its own, and reads away what it hears.
pub(crate) struct Flood {
    shared: Arc<Shared>,
    thread: JoinHandle<u64>,
}

#[derive(Default)]
struct Shared {
    /// Bytes that the socket has taken.
    accepted: AtomicU64,
    /// Attempts to write since it last took any.
    refused: AtomicU64,
    /// To end behind the message under way.
    stop: AtomicBool,
    /// To end where it stands, be it within a message.
    vanish: AtomicBool,
}

impl Flood {
    /// Starts to push messages of `len` bytes into the channel at `path`.
    pub(crate) fn start(address: SocketAddr, path: &str, len: usize) -> Self {
        Self::of(address, path, move |number| wire::frame(FIN | BINARY, &payload(number, len)))
    }

    /// Starts to push whatever `frame` makes of a number.
    pub(crate) fn of(
        address: SocketAddr,
        path: &str,
        frame: impl Fn(u64) -> Vec<u8> + Send + 'static,
    ) -> Self {
        let mut wire = Wire::open_narrow(address, NARROW);
        wire.upgrade(path);
        let shared = Arc::<Shared>::default();
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || push(&wire, frame, &theirs));
        Self { shared, thread }
    }

    /// Bytes that its socket has taken.
    pub(crate) fn accepted(&self) -> u64 {
        self.shared.accepted.load(SeqCst)
    }

    /// Waits until nothing more is taken from it; says how much was. Fails if it can get rid of
    /// anything.
    pub(crate) fn until_held(&self) -> u64 {
        let started = Instant::now();
        // So many attempts in a row, 20 ms each, that were for nothing.
        while self.shared.refused.load(SeqCst) < 15 {
            let accepted = self.accepted();
            assert!(accepted < ENDLESS, "nothing holds the sender back");
            assert!(started.elapsed() < PATIENCE, "the sender goes on after {accepted} bytes");
            thread::sleep(Duration::from_millis(10));
        }
        self.accepted()
    }

    /// Waits until it has got rid of `more` bytes from now on.
    pub(crate) fn until_accepted(&self, more: u64) {
        let goal = self.accepted() + more;
        super::until("the sender to go on", || self.accepted() >= goal);
    }

    /// Ends behind the message under way, with a last word that [`Reader::read_to_end`] knows.
    pub(crate) fn stop(&self) {
        self.shared.stop.store(true, SeqCst);
    }

    /// Waits for the end; says how many were sent.
    pub(crate) fn sent(self) -> u64 {
        self.stop();
        self.thread.join().expect("the sender ran to its end")
    }

    /// Ends the connection at once, be it within a message; says how many were sent whole.
    pub(crate) fn vanish(self) -> u64 {
        self.shared.vanish.store(true, SeqCst);
        self.thread.join().expect("the sender ran to its end")
    }
}

fn push(wire: &Wire, frame: impl Fn(u64) -> Vec<u8>, shared: &Shared) -> u64 {
    let mut out = wire.stream.try_clone().expect("a second handle");
    out.set_write_timeout(Some(Duration::from_millis(20))).expect("a socket option");
    let mut incoming = wire.stream.try_clone().expect("a second handle");
    // It also hears the other senders; it must not be the one who holds them back.
    let drain = thread::spawn(move || {
        incoming.set_read_timeout(None).expect("a socket option");
        let mut scratch = vec![0; 256 * 1024];
        while incoming.read(&mut scratch).is_ok_and(|n| n > 0) {}
    });
    let mut number = 0;
    while !shared.stop.load(SeqCst) && write(&mut out, &frame(number), shared) {
        number += 1;
    }
    if shared.stop.load(SeqCst) {
        write(&mut out, &wire::text(&format!("end {number}")), shared);
    }
    let _ = out.shutdown(if shared.vanish.load(SeqCst) {
        // With nothing unread this is an end, no reset: what was accepted is still delivered.
        std::net::Shutdown::Both
    } else {
        std::net::Shutdown::Write
    });
    drain.join().expect("reading ends");
    number
}

/// Writes all of `bytes`; false if it was to vanish first, or the proxy has closed.
fn write(out: &mut impl Write, mut bytes: &[u8], shared: &Shared) -> bool {
    while !bytes.is_empty() {
        if shared.vanish.load(SeqCst) {
            return false;
        }
        match out.write(bytes) {
            Ok(n) => {
                shared.accepted.fetch_add(n as u64, SeqCst);
                shared.refused.store(0, SeqCst);
                bytes = &bytes[n..];
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                shared.refused.fetch_add(1, SeqCst);
            }
            Err(e) if is_over(e.kind()) => return false,
            Err(e) => panic!("a flood ends: {e}"),
        }
    }
    true
}

/// A reader of one [`Flood`], which must get all of it in order.
pub(crate) struct Reader {
    pub(crate) wire: Wire,
    /// The number of the message that must come next.
    pub(crate) next: u64,
    /// The payloads of the pongs that came.
    pub(crate) pongs: Vec<Vec<u8>>,
    len: usize,
}

impl Reader {
    /// Joins the channel at `path`, with narrow buffers.
    pub(crate) fn join(address: SocketAddr, path: &str, len: usize) -> Self {
        let mut wire = Wire::open_narrow(address, NARROW);
        wire.upgrade(path);
        Self { wire, next: 0, pongs: Vec::new(), len }
    }

    /// The next message must be the next in number, and intact.
    pub(crate) fn read_one(&mut self) {
        let frame = self.frame();
        self.check(&frame);
    }

    /// The next frame that is neither a ping, which is answered, nor a pong.
    fn frame(&mut self) -> wire::Frame {
        let started = Instant::now();
        loop {
            let frame = self.wire.frame();
            if frame.first == FIN | PING {
                self.wire.send_if_open(&wire::frame(FIN | PONG, &frame.payload));
            } else if frame.first == FIN | PONG {
                self.pongs.push(frame.payload);
            } else {
                return frame;
            }
            assert!(started.elapsed() < PATIENCE, "no message came in {PATIENCE:?}");
        }
    }

    fn check(&mut self, frame: &wire::Frame) {
        assert_eq!(frame.first, FIN | BINARY, "after message {}", self.next);
        let number = u64::from_be_bytes(*frame.payload.first_chunk().expect("a number"));
        assert_eq!(number, self.next, "messages lost, doubled or in disorder");
        assert!(frame.payload == payload(number, self.len), "message {number} is not intact");
        self.next += 1;
    }

    /// Reads until message `count` has come.
    pub(crate) fn read_until(&mut self, count: u64) {
        while self.next < count {
            self.read_one();
        }
    }

    /// Reads to the end of a flood that was told to stop.
    pub(crate) fn read_to_end(&mut self) {
        loop {
            let frame = self.frame();
            if frame.first == FIN | TEXT {
                assert_eq!(frame.payload, format!("end {}", self.next).into_bytes());
                return;
            }
            self.check(&frame);
        }
    }

    /// Reads whole messages until a Close; gives its code and reason.
    pub(crate) fn read_until_close(&mut self) -> (u16, String) {
        loop {
            let frame = self.frame();
            if frame.first != FIN | BINARY {
                return frame.close_code();
            }
            self.check(&frame);
        }
    }

    /// Leaves; nothing more may have come before the answer to that.
    pub(crate) fn leave(mut self) {
        self.wire.send(&wire::close(1000));
        assert_eq!(self.wire.closed().0, 1000, "after message {}", self.next);
    }
}
