//! How many connections there may be, and who has one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The places for connections that others open; those that we dial are not among them.
///
/// Other machines get half of them at most, so that nobody on the network can shut this machine's
/// own programs out. All workers of a program share them.
#[derive(Debug)]
pub(crate) struct Seats {
    max: usize,
    /// How many are taken, and in the upper half how many of those from outside: one word, so
    /// that several workers can take at once.
    taken: AtomicU64,
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    outside: bool,
}

/// One seat, and one that is taken from outside as well.
const ONE: u64 = 1;
const OUTSIDE: u64 = (1 << 32) + ONE;

fn worth(outside: bool) -> u64 {
    if outside { OUTSIDE } else { ONE }
}

fn total(taken: u64) -> usize {
    (taken & u64::from(u32::MAX)) as usize
}

fn from_outside(taken: u64) -> usize {
    (taken >> 32) as usize
}

impl Seats {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, taken: AtomicU64::new(0) }
    }

    /// A place for a connection from this machine, or from `outside`; or how many there are of
    /// those, if all are taken.
    pub(crate) fn take(self: &Arc<Self>, outside: bool) -> Result<Seat, usize> {
        let half = self.max.div_ceil(2);
        let full = |taken| outside && from_outside(taken) >= half;
        let more =
            |taken| (!full(taken) && total(taken) < self.max).then_some(taken + worth(outside));
        match self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(Seat { seats: Arc::clone(self), outside }),
            Err(taken) => Err(if full(taken) { half } else { self.max }),
        }
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        total(self.taken.load(Ordering::Relaxed))
    }

    /// How many there are.
    pub(crate) fn max(&self) -> usize {
        self.max
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken.fetch_sub(worth(self.outside), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_them_are_for_this_machine() {
        let seats = Arc::new(Seats::new(4));
        let outside = [seats.take(true).unwrap(), seats.take(true).unwrap()];
        assert_eq!(seats.take(true).unwrap_err(), 2);
        let here = [seats.take(false).unwrap(), seats.take(false).unwrap()];
        assert_eq!(seats.take(false).unwrap_err(), 4);
        drop(outside);
        let more = [seats.take(false).unwrap(), seats.take(false).unwrap()];
        assert_eq!(seats.take(true).unwrap_err(), 4, "this machine may have all");
        assert_eq!(seats.taken(), 4);
        drop((here, more));
        assert_eq!(seats.taken.load(Ordering::Relaxed), 0);
        assert!(Arc::new(Seats::new(1)).take(true).is_ok(), "one is for whoever comes first");
    }
}
