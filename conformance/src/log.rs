//! What went over the wire during one case, and when.
//!
//! Connections and the multicast responder write it; reports show it. A flood would fill it with
//! what nobody reads, so it keeps the first and the last entries and says how many it left out.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Entries kept from the beginning, and as many from the end.
const KEPT: usize = 60;

/// Bytes of a payload that an entry shows.
pub const SHOWN_BYTES: usize = 48;

/// Who the bytes went to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the suite to the target.
    Sent,
    /// From the target to the suite.
    Received,
    /// Nothing went over the wire: started, stopped, connected, ended.
    Note,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Milliseconds since the case began.
    pub at_ms: u64,
    /// Which connection, host or program, by the name that the case gave it.
    pub who: String,
    /// Which way.
    pub direction: Direction,
    /// The frame, packet or head, in words.
    pub what: String,
}

/// A log that the parts of a case share.
#[derive(Clone, Debug)]
pub struct Log {
    started: Instant,
    entries: Arc<Mutex<Entries>>,
}

#[derive(Debug, Default)]
struct Entries {
    first: Vec<Entry>,
    last: VecDeque<Entry>,
    left_out: usize,
}

impl Log {
    /// An empty log that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now(), entries: Arc::default() }
    }

    /// Adds a line.
    pub fn add(&self, who: &str, direction: Direction, what: impl Into<String>) {
        let at_ms = u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX);
        let entry = Entry { at_ms, who: who.to_owned(), direction, what: what.into() };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.first.len() < KEPT {
            entries.first.push(entry);
            return;
        }
        if entries.last.len() == KEPT {
            entries.last.pop_front();
            entries.left_out += 1;
        }
        entries.last.push_back(entry);
    }

    /// Since the case began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// All lines that were kept, oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = entries.first.clone();
        if let Some(next) = entries.last.front()
            && entries.left_out > 0
        {
            all.push(Entry {
                at_ms: next.at_ms,
                who: String::new(),
                direction: Direction::Note,
                what: format!("… {} more …", entries.left_out),
            });
        }
        all.extend(entries.last.iter().cloned());
        all
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}

/// The beginning of a payload: as text where it is text, else in hex.
#[must_use]
pub fn brief(payload: &[u8]) -> String {
    let shown = &payload[..payload.len().min(SHOWN_BYTES)];
    let more = if shown.len() < payload.len() { "…" } else { "" };
    match str::from_utf8(shown) {
        Ok(text) if !text.contains(|c: char| c.is_control()) => format!("{text:?}{more}"),
        _ => format!("hex {}{more}", data_encoding::HEXLOWER.encode(shown)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_flood_is_left_out() {
        let log = Log::new();
        for n in 0..KEPT * 2 + 5 {
            log.add("a", Direction::Sent, n.to_string());
        }
        let entries = log.entries();
        assert_eq!(entries.len(), KEPT * 2 + 1);
        assert_eq!(entries[KEPT - 1].what, (KEPT - 1).to_string());
        assert_eq!(entries[KEPT].what, "… 5 more …");
        assert_eq!(entries[KEPT + 1].what, (KEPT + 5).to_string());
    }

    #[test]
    fn payloads_are_shown_as_what_they_are() {
        assert_eq!(brief(b"hello"), "\"hello\"");
        assert_eq!(brief(&[0xff, 0]), "hex ff00");
        assert_eq!(brief(&[b'a'; 60]), format!("\"{}\"…", "a".repeat(48)));
    }
}
