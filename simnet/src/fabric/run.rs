//! Runs a world: the fabric's events in their order, between them whoever they woke.

use std::future::{Future, poll_fn};
use std::task::Poll;

use tokio::task::LocalSet;

use super::Fabric;

impl Fabric {
    /// Runs the network while `world` runs, and gives its output. Then every process ends, and
    /// nothing of this fabric happens any more.
    pub async fn run<T>(&self, world: impl Future<Output = T>) -> T {
        /// Also when the world panics or is dropped.
        struct End<'a>(&'a Fabric);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.shared.end();
            }
        }
        let _end = End(self);
        tokio::select! {
            biased;
            output = world => output,
            () = self.drive() => unreachable!("a network has no end"),
        }
    }

    /// Processes events as their time comes, for ever.
    async fn drive(&self) {
        loop {
            match self.shared.with(super::core::Core::advance) {
                // Those who were woken run first.
                None => tokio::task::yield_now().await,
                Some(then) => {
                    let mut sleep = std::pin::pin!(tokio::time::sleep_until(then));
                    let mut called = false;
                    poll_fn(|cx| {
                        if std::mem::replace(&mut called, true) && self.is_called() {
                            return Poll::Ready(());
                        }
                        self.shared.with(|core| core.driver = Some(cx.waker().clone()));
                        sleep.as_mut().poll(cx)
                    })
                    .await;
                }
            }
        }
    }

    /// Whether something was scheduled before the driver would look.
    fn is_called(&self) -> bool {
        self.shared.with(|core| core.driver.is_none())
    }
}

/// Makes a paused, single-threaded tokio runtime and a fabric in it, and runs `world` there: the
/// front door of this module.
///
/// # Panics
///
/// When `world` does, and if the system gives no runtime.
pub fn simulate<T>(seed: u64, world: impl AsyncFnOnce(Fabric) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O takes nothing that a system could lack");
    LocalSet::new().block_on(&runtime, async {
        let fabric = Fabric::new(seed);
        fabric.run(world(fabric.clone())).await
    })
}
