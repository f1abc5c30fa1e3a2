//! The receiving half of a connection: bytes in order, as much as there is room for.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Buf, Bytes};

use crate::fabric::limits::RECEIVE_BYTES;

#[derive(Debug, Default)]
pub(super) struct Receiver {
    /// The next place that is expected.
    pub(super) next: u64,
    queue: VecDeque<Bytes>,
    unread: usize,
    /// What came too early, by its place.
    early: BTreeMap<u64, Bytes>,
    fin_at: Option<u64>,
    /// Whether the other side's FIN has been reached.
    pub(super) finished: bool,
    /// The end of the window that was last told.
    told: u64,
}

impl Receiver {
    /// Whether the program has not read everything.
    pub(super) fn has_unread(&self) -> bool {
        self.unread > 0
    }

    /// The end of what it will take.
    fn edge(&self) -> u64 {
        self.next - self.unread as u64 + RECEIVE_BYTES as u64
    }

    /// Takes data that stands at `place`, and whether the stream ends after it. Says whether it was
    /// what comes next.
    pub(super) fn take(&mut self, place: i64, mut payload: Bytes, fin: bool) -> bool {
        let before = self.next;
        let end = place + payload.len() as i64;
        if fin && self.fin_at.is_none() {
            self.fin_at = u64::try_from(end).ok();
        }
        let (next, edge) = (self.next as i64, self.edge() as i64);
        if end > edge {
            payload.truncate(usize::try_from(edge - place).unwrap_or(0));
        }
        if place < next {
            let old = usize::try_from(next - place).unwrap_or(usize::MAX);
            payload.advance(old.min(payload.len()));
        }
        let at = place.max(next) as u64;
        if !payload.is_empty() && !self.finished {
            if at == self.next {
                self.push(payload);
                self.take_early();
            } else if self.early.get(&at).is_none_or(|had| had.len() < payload.len()) {
                self.early.insert(at, payload);
            }
        }
        if self.fin_at == Some(self.next) && !self.finished {
            self.finished = true;
            self.next += 1;
        }
        self.next > before
    }

    fn push(&mut self, payload: Bytes) {
        self.next += payload.len() as u64;
        self.unread += payload.len();
        self.queue.push_back(payload);
    }

    fn take_early(&mut self) {
        while let Some(entry) = self.early.first_entry()
            && *entry.key() <= self.next
        {
            let (place, mut payload) = entry.remove_entry();
            let old = (self.next - place) as usize;
            if old < payload.len() {
                payload.advance(old);
                self.push(payload);
            }
        }
    }

    /// Whether something is missing before what has come.
    pub(super) fn has_gap(&self) -> bool {
        !self.early.is_empty()
    }

    /// Gives the program what it will take, and says how much.
    pub(super) fn read(&mut self, buffer: &mut tokio::io::ReadBuf<'_>) -> usize {
        let before = buffer.remaining();
        while let Some(first) = self.queue.front_mut()
            && buffer.remaining() > 0
        {
            let taken = first.len().min(buffer.remaining());
            buffer.put_slice(&first[..taken]);
            first.advance(taken);
            if first.is_empty() {
                self.queue.pop_front();
            }
        }
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        let read = before - buffer.remaining();
        self.unread -= read;
        read
    }

    /// The window to tell the other side. It opens in large steps (RFC 9293 section 3.8.6.2).
    pub(super) fn window(&mut self, mss: usize) -> u32 {
        if self.would_open(mss) {
            self.told = self.edge();
        }
        u32::try_from(self.told.saturating_sub(self.next)).unwrap_or(0)
    }

    /// Whether the window has grown so much that the other side should know.
    pub(super) fn would_open(&self, mss: usize) -> bool {
        let step = mss.min(RECEIVE_BYTES / 2) as u64;
        self.edge() >= self.told + step
    }

    /// Whether the other side may think the window closed, or nearly.
    pub(super) fn is_tight(&self, mss: usize) -> bool {
        self.told.saturating_sub(self.next) < 2 * mss as u64
    }
}
