//! Tells every part of a proxy to stop.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;

/// Listens for the stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Rc<Told>);

/// Says it, at the latest when it is dropped.
#[derive(Debug)]
pub(crate) struct Stopper(Rc<Told>);

/// Not tokio's `watch`, which wakes its listeners in an order drawn at random.
#[derive(Debug, Default)]
struct Told {
    stopped: Cell<bool>,
    changed: Notify,
}

/// A pair of both.
pub(crate) fn stop() -> (Stopper, Stop) {
    let told = Rc::<Told>::default();
    (Stopper(Rc::clone(&told)), Stop(told))
}

impl Stop {
    /// Waits for the stop; returns at once if it was said. May be dropped and called again.
    pub(crate) async fn wait(&mut self) {
        if !self.0.stopped.get() {
            self.0.changed.notified().await;
        }
    }
}

impl Stopper {
    pub(crate) fn stop(&self) {
        self.0.stopped.set(true);
        self.0.changed.notify_waiters();
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        self.stop();
    }
}
