//! How many connections there may be, and who has one of them.

use std::cell::Cell;
use std::rc::Rc;

/// The places for connections that others open; those that we dial are not among them.
///
/// Other machines get half of them at most, so that nobody on the network can shut this machine's
/// own programs out.
#[derive(Debug)]
pub(crate) struct Seats {
    max: usize,
    taken: Cell<usize>,
    taken_outside: Cell<usize>,
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Rc<Seats>,
    outside: bool,
}

impl Seats {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, taken: Cell::new(0), taken_outside: Cell::new(0) }
    }

    /// A place for a connection from this machine, or from `outside`; or how many there are of
    /// those, if all are taken.
    pub(crate) fn take(self: &Rc<Self>, outside: bool) -> Result<Seat, usize> {
        let half = self.max.div_ceil(2);
        if outside && self.taken_outside.get() >= half {
            return Err(half);
        }
        if self.taken.get() >= self.max {
            return Err(self.max);
        }
        self.taken.update(|taken| taken + 1);
        self.taken_outside.update(|taken| taken + usize::from(outside));
        Ok(Seat { seats: Rc::clone(self), outside })
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.get()
    }

    /// How many there are.
    pub(crate) fn max(&self) -> usize {
        self.max
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken.update(|taken| taken - 1);
        self.seats.taken_outside.update(|taken| taken - usize::from(self.outside));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_them_are_for_this_machine() {
        let seats = Rc::new(Seats::new(4));
        let outside = [seats.take(true).unwrap(), seats.take(true).unwrap()];
        assert_eq!(seats.take(true).unwrap_err(), 2);
        let here = [seats.take(false).unwrap(), seats.take(false).unwrap()];
        assert_eq!(seats.take(false).unwrap_err(), 4);
        drop(outside);
        let more = [seats.take(false).unwrap(), seats.take(false).unwrap()];
        assert_eq!(seats.take(true).unwrap_err(), 4, "this machine may have all");
        assert_eq!(seats.taken(), 4);
        drop((here, more));
        assert_eq!((seats.taken(), seats.taken_outside.get()), (0, 0));
        assert!(Rc::new(Seats::new(1)).take(true).is_ok(), "one is for whoever comes first");
    }
}
