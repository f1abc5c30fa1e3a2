//! What is kept of a run.
//!
//! ```text
//!   world ──▶ Fanout<dyn Sink> ──▶ each collector of records
//!   fabric ─▶ Fanout<dyn Tap> ───▶ each collector of packets
//! ```
//!
//! Each collector takes what happens as it happens and keeps only what its result needs, so that a
//! run of 24 simulated hours does not grow. None of them can fail a run: a file that cannot be
//! written is told by [`Sink::finish`], once.

pub mod figures;
mod hash;
mod json_lines;
mod last;
mod line;
pub mod pcapng;
mod picture;
mod report;
mod roster;
pub mod study;
#[cfg(test)]
mod testing;

pub use figures::{Figures, Measure};
pub use hash::{Digest, Hash};
pub use json_lines::JsonLines;
pub use last::{Last, Subject};
pub use pcapng::Pcapng;
pub use picture::{ClientPicture, Failure, HostPicture, ProxyPicture, WorldPicture};
pub use report::Report;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::event::Record;
use crate::fabric::packet::{Fate, InterfaceId, Packet, SegmentId, Tap};

/// Takes what happens in a world, in its order.
pub trait Sink {
    /// Takes one record. Their times never go back.
    fn record(&mut self, record: &Record);

    /// Called once, after the last record.
    ///
    /// # Errors
    /// Says what kept the collector from keeping everything: its file could not be written.
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hands everything on to several collectors, in the order in which they were added.
///
/// `Fanout<dyn Sink>` is a [`Sink`], `Fanout<dyn Tap>` is a [`Tap`]. Whoever wants a collector's
/// result keeps its `Rc`.
pub struct Fanout<T: ?Sized>(Vec<Rc<RefCell<T>>>);

impl<T: ?Sized> Default for Fanout<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: ?Sized> Fanout<T> {
    /// Adds one more.
    pub fn add(&mut self, collector: Rc<RefCell<T>>) {
        self.0.push(collector);
    }

    /// Whether nobody listens.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Sink for Fanout<dyn Sink> {
    fn record(&mut self, record: &Record) {
        for sink in &self.0 {
            sink.borrow_mut().record(record);
        }
    }

    /// Finishes all of them, and tells the first error.
    fn finish(&mut self) -> io::Result<()> {
        let results: Vec<_> = self.0.iter().map(|sink| sink.borrow_mut().finish()).collect();
        results.into_iter().collect()
    }
}

impl Tap for Fanout<dyn Tap> {
    fn sent(
        &mut self,
        at: Duration,
        number: u64,
        from: InterfaceId,
        segment: SegmentId,
        packet: &Packet,
    ) {
        for tap in &self.0 {
            tap.borrow_mut().sent(at, number, from, segment, packet);
        }
    }

    fn fate(&mut self, at: Duration, number: u64, fate: Fate) {
        for tap in &self.0 {
            tap.borrow_mut().fate(at, number, fate);
        }
    }
}
