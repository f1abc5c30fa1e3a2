//! Tells every part of a proxy to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Listens for the stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Arc<Told>);

/// Says it, at the latest when it is dropped.
#[derive(Debug)]
pub(crate) struct Stopper(Arc<Told>);

/// Not tokio's `watch`, which wakes its listeners in an order drawn at random.
#[derive(Debug, Default)]
struct Told {
    stopped: AtomicBool,
    changed: Notify,
}

/// A pair of both.
pub(crate) fn stop() -> (Stopper, Stop) {
    let told = Arc::<Told>::default();
    (Stopper(Arc::clone(&told)), Stop(told))
}

impl Stop {
    /// Waits for the stop; returns at once if it was said. May be dropped and called again.
    pub(crate) async fn wait(&mut self) {
        // Made before the look, so that a stop in between is not missed.
        let told = self.0.changed.notified();
        if !self.0.stopped.load(Ordering::Acquire) {
            told.await;
        }
    }
}

impl Stopper {
    pub(crate) fn stop(&self) {
        self.0.stopped.store(true, Ordering::Release);
        self.0.changed.notify_waiters();
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        self.stop();
    }
}
