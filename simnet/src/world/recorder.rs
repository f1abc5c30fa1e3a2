//! Where all parts of a world tell what happens, in the order in which it does.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::event::{Event, Record};
use crate::trace::Sink;

/// Stamps events with the world's time and hands them to its sinks. Clones are the same.
#[derive(Clone)]
pub(crate) struct Recorder(Rc<Inside>);

struct Inside {
    now: Box<dyn Fn() -> Duration>,
    sinks: RefCell<Vec<Rc<RefCell<dyn Sink>>>>,
}

impl Recorder {
    /// `now` gives the time since the start of the world.
    pub(crate) fn new(
        now: impl Fn() -> Duration + 'static,
        sinks: Vec<Rc<RefCell<dyn Sink>>>,
    ) -> Self {
        Self(Rc::new(Inside { now: Box::new(now), sinks: RefCell::new(sinks) }))
    }

    /// The time since the start of the world.
    pub(crate) fn now(&self) -> Duration {
        (self.0.now)()
    }

    /// Something happens now.
    pub(crate) fn record(&self, event: Event) {
        let record = Record { at: self.now(), event };
        for sink in &*self.0.sinks.borrow() {
            sink.borrow_mut().record(&record);
        }
    }
}
