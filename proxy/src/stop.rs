//! Tells every part of a proxy to stop.

use tokio::sync::watch;

/// Listens for the stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

/// Says it.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<bool>);

/// A pair of both.
pub(crate) fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stop {
    /// Waits for the stop; returns at once if it was said. May be dropped and called again.
    pub(crate) async fn wait(&mut self) {
        // An error means that the stopper is gone, so the proxy is too.
        let _ = self.0.wait_for(|&stopped| stopped).await;
    }
}

impl Stopper {
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}
