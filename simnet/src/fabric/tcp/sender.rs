//! The sending half of a connection: what is kept until it is acknowledged.
//!
//! ```text
//!            una                nxt       max            written
//!   ──────────┼──────────────────┼─────────┼────────────────┼──────
//!   acked     │ sent             ┊ to send │ not sent yet   │ FIN
//!             │                  ┊ again   │                │
//!             └── chunks ──────────────────┴── unsent ──────┘
//! ```
//!
//! Places in the stream are counted in 64 bits from the first byte of data; only segments have
//! sequence numbers of 32 bits. A chunk is cut once, when it is first sent. After a time-out
//! everything is sent again from `una` on, as the window opens. Congestion control is Reno's, with
//! the partial acknowledgements of RFC 6582.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

use crate::fabric::limits::{INITIAL_WINDOW_SEGMENTS, SEND_BYTES, TcpTimes};
use crate::fabric::link::nanos;

/// Duplicate acknowledgements that mean a loss (RFC 5681).
const DUPLICATES: u8 = 3;

#[derive(Debug)]
pub(super) struct Sender {
    chunks: VecDeque<Bytes>,
    /// Which chunk begins at `nxt`.
    next_chunk: usize,
    unsent: BytesMut,
    /// The first place that is not acknowledged.
    pub(super) una: u64,
    /// The next place to send.
    pub(super) nxt: u64,
    /// The first place that was never sent.
    pub(super) max: u64,
    /// The place after the last byte that the program wrote; a FIN takes it.
    pub(super) written: u64,
    /// Whether the program writes no more.
    pub(super) fin: bool,
    /// Where the other side's window ends. It never shrinks.
    pub(super) edge: u64,
    /// Congestion window and slow start's end, in bytes.
    window: u64,
    threshold: u64,
    duplicates: u8,
    /// A loss is being made good up to this place.
    recover: u64,
    recovering: bool,
    /// The first chunk is to be sent again at once.
    hole: bool,
    /// Round trip, smoothed, and its variation. 0 while none was measured.
    smoothed: u64,
    variation: u64,
    /// A place whose acknowledgement tells the round trip, and when it was sent.
    timed: Option<(u64, u64)>,
    /// How often in a row the time was out without an answer.
    pub(super) retries: u32,
    /// How often the time was doubled.
    pub(super) backoff: u32,
    /// When the other side last moved on, or first had to.
    pub(super) progress_at: u64,
}

/// What to put into a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) place: u64,
    pub(super) payload: Bytes,
    pub(super) fin: bool,
    /// Whether nothing more waits to be sent.
    pub(super) last: bool,
    pub(super) again: bool,
}

impl Sender {
    pub(super) fn new() -> Self {
        Self {
            chunks: VecDeque::new(),
            next_chunk: 0,
            unsent: BytesMut::new(),
            una: 0,
            nxt: 0,
            max: 0,
            written: 0,
            fin: false,
            edge: 0,
            window: 0,
            threshold: u64::MAX,
            duplicates: 0,
            recover: 0,
            recovering: false,
            hole: false,
            smoothed: 0,
            variation: 0,
            timed: None,
            retries: 0,
            backoff: 0,
            progress_at: 0,
        }
    }

    /// Bytes that it will take now.
    pub(super) fn room(&self) -> usize {
        let held = self.written - self.una.min(self.written);
        SEND_BYTES.saturating_sub(held as usize)
    }

    /// Takes what fits and says how much.
    pub(super) fn write(&mut self, data: &[u8]) -> usize {
        let taken = data.len().min(self.room());
        self.unsent.extend_from_slice(&data[..taken]);
        self.written += taken as u64;
        taken
    }

    /// Forgets all data: the connection is over.
    pub(super) fn clear(&mut self) {
        self.chunks = VecDeque::new();
        self.unsent = BytesMut::new();
    }

    pub(super) fn in_flight(&self) -> bool {
        self.nxt > self.una
    }

    /// Whether the other side has everything, the FIN included.
    pub(super) fn is_done(&self) -> bool {
        self.fin && self.una > self.written
    }

    /// Whether something waits for the window alone, with nothing in flight that would tell
    /// when it opens.
    pub(super) fn is_blocked(&self) -> bool {
        !self.in_flight() && self.una < self.written
    }

    /// The next piece to send now.
    pub(super) fn piece(&mut self, now: u64, mss: usize) -> Option<Piece> {
        if self.window == 0 {
            self.window = INITIAL_WINDOW_SEGMENTS * mss as u64;
        }
        if std::mem::take(&mut self.hole) {
            return self.first_again(mss);
        }
        let edge = self.edge.min(self.una + self.window);
        let payload = if self.next_chunk < self.chunks.len() {
            self.split(self.next_chunk, mss);
            let chunk = &self.chunks[self.next_chunk];
            if self.in_flight() && self.nxt + chunk.len() as u64 > edge {
                return None;
            }
            chunk.clone()
        } else if !self.unsent.is_empty() {
            let room = edge.saturating_sub(self.nxt);
            let len = self.unsent.len().min(mss).min(usize::try_from(room).unwrap_or(mss));
            // A window that opens by and by is not filled with crumbs (RFC 9293 section 3.8.6.2).
            let crumb = len < self.unsent.len() && len < mss && self.in_flight();
            if len == 0 || crumb {
                return None;
            }
            let chunk = self.unsent.split_to(len).freeze();
            if self.unsent.is_empty() {
                self.unsent = BytesMut::new();
            }
            self.chunks.push_back(chunk.clone());
            chunk
        } else if self.fin && self.nxt == self.written {
            Bytes::new()
        } else {
            return None;
        };
        if !payload.is_empty() {
            self.next_chunk += 1;
        }
        if !self.in_flight() {
            self.progress_at = now;
        }
        let place = self.nxt;
        self.nxt += payload.len() as u64;
        let last = self.nxt >= self.written;
        let fin = self.fin && last;
        self.nxt += u64::from(fin);
        let again = place < self.max;
        self.max = self.max.max(self.nxt);
        if !again && self.timed.is_none() {
            self.timed = Some((self.nxt, now));
        }
        Some(Piece { place, payload, fin, last, again })
    }

    /// The first piece that is not acknowledged.
    fn first_again(&mut self, mss: usize) -> Option<Piece> {
        if self.chunks.is_empty() {
            let place = self.written;
            let fin = self.fin && self.una == place && self.max > place;
            return fin.then(|| Piece {
                place,
                payload: Bytes::new(),
                fin,
                last: true,
                again: true,
            });
        }
        if self.split(0, mss) && self.next_chunk > 0 {
            self.next_chunk += 1;
        }
        let payload = self.chunks[0].clone();
        Some(Piece { place: self.una, payload, fin: false, last: false, again: true })
    }

    /// Cuts a chunk that is too large for the way as it is now.
    fn split(&mut self, index: usize, mss: usize) -> bool {
        let chunk = &mut self.chunks[index];
        let large = chunk.len() > mss;
        if large {
            let rest = chunk.split_off(mss);
            self.chunks.insert(index + 1, rest);
        }
        large
    }

    /// The other side has everything before `place`.
    pub(super) fn acknowledged(&mut self, place: u64, now: u64, mss: usize) {
        let moved = place - self.una;
        let mut data = (place.min(self.written) - self.una.min(self.written)) as usize;
        while data > 0 {
            let first = self.chunks.front_mut().expect("what is acknowledged was sent");
            if first.len() > data {
                first.advance(data);
                break;
            }
            data -= first.len();
            self.chunks.pop_front();
            self.next_chunk = self.next_chunk.saturating_sub(1);
        }
        if self.chunks.is_empty() {
            self.chunks = VecDeque::new();
        }
        self.una = place;
        self.nxt = self.nxt.max(place);
        (self.duplicates, self.retries, self.backoff) = (0, 0, 0);
        self.progress_at = now;
        if let Some((until, at)) = self.timed
            && until <= place
        {
            self.measured(now - at);
            self.timed = None;
        }
        let mss = mss as u64;
        if self.recovering {
            self.recovering = place < self.recover;
            self.hole = self.recovering;
            if !self.recovering {
                self.window = self.threshold;
            }
        } else if self.window < self.threshold {
            self.window += moved.min(mss);
        } else {
            self.window += (mss * mss / self.window).max(1);
        }
    }

    /// The other side got something, but not what comes next.
    pub(super) fn duplicate(&mut self, mss: usize) {
        if !self.in_flight() || self.una < self.recover {
            return;
        }
        self.duplicates += 1;
        if self.duplicates == DUPLICATES {
            self.slow_down(mss);
            self.window = self.threshold;
            self.recovering = true;
            self.hole = true;
            self.timed = None;
        }
    }

    /// No acknowledgement came in time: all is sent again.
    pub(super) fn time_out(&mut self, mss: usize) {
        self.slow_down(mss);
        self.window = mss as u64;
        (self.nxt, self.next_chunk) = (self.una, 0);
        self.recovering = false;
        self.hole = false;
        self.timed = None;
        self.retries += 1;
        self.backoff += 1;
    }

    fn slow_down(&mut self, mss: usize) {
        self.threshold = ((self.nxt - self.una) / 2).max(2 * mss as u64);
        self.recover = self.max;
        self.duplicates = 0;
    }

    /// RFC 6298 section 2.
    pub(super) fn measured(&mut self, round_trip: u64) {
        let round_trip = round_trip.max(1);
        if self.smoothed == 0 {
            (self.smoothed, self.variation) = (round_trip, round_trip / 2);
        } else {
            self.variation = (3 * self.variation + self.smoothed.abs_diff(round_trip)) / 4;
            self.smoothed = (7 * self.smoothed + round_trip) / 8;
        }
    }

    /// How long to wait for an acknowledgement. As on Linux the least time is for the variation,
    /// so that it covers a delayed acknowledgement on any way.
    pub(super) fn patience(&self, times: &TcpTimes) -> u64 {
        let first = match self.smoothed {
            0 => nanos(times.initial),
            smoothed => smoothed + (4 * self.variation).max(nanos(times.min)),
        };
        first.saturating_mul(1 << self.backoff.min(32)).min(nanos(times.max))
    }
}
