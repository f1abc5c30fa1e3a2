//! The time that a program on this host sees: tokio's clock, or a simulated host's own.
//!
//! ```text
//!   world (tokio's clock)  ──────────────────────────────▶
//!   host, 200 ppm fast     ───────────────────────────────▶
//!   host that sleeps       ────────┤ asleep ├─────────────▶   less has passed for it
//! ```
//!
//! The proxy asks here for the time and for timers, nowhere else. On a real machine that is tokio's
//! clock. A simulator gives each of its hosts a [`HostClock`], which may drift, or stand while
//! the host sleeps as Linux's monotonic clock does, and [enters](HostClock::enter) it whenever it
//! runs that host's tasks. An [`Instant`] from here is host time: compare it with nothing else.

use std::cell::Cell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::time::{Duration, Instant};

const MILLION: i128 = 1_000_000;

/// How often a timer looks at a clock that stands still.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

thread_local! {
    /// How to read the clock of the host whose tasks run now; none on a real machine.
    static CURRENT: Cell<Option<Reading>> = const { Cell::new(None) };
}

/// The time on this host.
#[must_use]
pub fn now() -> Instant {
    let world = Instant::now();
    CURRENT.get().map_or(world, |reading| reading.host_time(world))
}

/// Ready once `deadline` has come on this host. Exact to a millisecond, never early.
///
/// A timer that waits while the host's clock is set to run faster may be late by what the clock
/// gained meanwhile.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline, timer: tokio::time::sleep_until(world_time(deadline)) }
}

/// Ready once `time` has passed on this host.
pub fn sleep(time: Duration) -> Sleep {
    sleep_until(now() + time)
}

/// What `future` gives, if it does within `time`.
///
/// # Errors
///
/// [`Elapsed`] if it does not.
pub async fn timeout<F: Future>(time: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    tokio::select! {
        biased;
        output = &mut future => Ok(output),
        () = sleep(time) => Err(Elapsed),
    }
}

/// The time of a [`timeout`] was over first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time is over")]
pub struct Elapsed;

/// When a host's deadline comes, as the world's clock will say then.
fn world_time(deadline: Instant) -> Instant {
    CURRENT.get().map_or(deadline, |reading| reading.world_time(deadline))
}

pin_project! {
    /// A timer: see [`sleep_until`].
    #[derive(Debug)]
    pub struct Sleep {
        deadline: Instant,
        #[pin]
        timer: tokio::time::Sleep,
    }
}

impl Sleep {
    /// When it is ready, in host time.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether it has been ready.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        self.timer.is_elapsed()
    }

    /// Sets it to another deadline.
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        let this = self.project();
        *this.deadline = deadline;
        this.timer.reset(world_time(deadline));
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        loop {
            ready!(this.timer.as_mut().poll(cx));
            // The host may have slept meanwhile, or its clock been slowed down.
            match CURRENT.get() {
                Some(reading) if reading.host_time(Instant::now()) < *this.deadline => {
                    this.timer.as_mut().reset(reading.world_time(*this.deadline));
                }
                _ => return Poll::Ready(()),
            }
        }
    }
}

impl hyper::rt::Sleep for Sleep {}

/// hyper's timers, by this host's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HyperTimer;

impl hyper::rt::Timer for HyperTimer {
    fn sleep(&self, time: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(sleep(time))
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(sleep_until(deadline.into()))
    }

    fn now(&self) -> std::time::Instant {
        now().into_std()
    }
}

/// The clock of one simulated host. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct HostClock(Rc<Cell<Reading>>);

/// How to read a host's clock: since `world` it was `host`, it has run by its rate.
#[derive(Clone, Copy, Debug)]
struct Reading {
    world: Instant,
    host: Instant,
    /// Host time gained or lost in each million units of world time; −1,000,000 stands still.
    drift_ppm: i32,
}

impl Reading {
    fn host_time(&self, world: Instant) -> Instant {
        let passed = nanos(world.saturating_duration_since(self.world));
        self.host + duration(passed * (MILLION + i128::from(self.drift_ppm)) / MILLION)
    }

    /// The world's time at which the host's will be `host`, or when to look again at a clock
    /// that stands.
    fn world_time(&self, host: Instant) -> Instant {
        let left = nanos(host.saturating_duration_since(self.host));
        match MILLION + i128::from(self.drift_ppm) {
            0 => Instant::now() + LOOK_AGAIN,
            rate => self.world + duration((left * MILLION + rate - 1) / rate),
        }
    }
}

fn nanos(duration: Duration) -> i128 {
    // 584 years fit into 64 bits.
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
}

fn duration(nanos: i128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

impl Default for HostClock {
    fn default() -> Self {
        let now = Instant::now();
        Self(Rc::new(Cell::new(Reading { world: now, host: now, drift_ppm: 0 })))
    }
}

impl HostClock {
    /// A clock that runs like the world's, until it is told otherwise.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The host's time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.0.get().host_time(Instant::now())
    }

    /// From now on gains so many microseconds in each second of the world; loses them if
    /// negative.
    ///
    /// # Panics
    ///
    /// Below −1,000,000: time does not run backwards.
    pub fn set_drift(&self, drift_ppm: i32) {
        assert!(drift_ppm >= -1_000_000, "a clock cannot run backwards: {drift_ppm} ppm");
        let world = Instant::now();
        self.0.set(Reading { world, host: self.0.get().host_time(world), drift_ppm });
    }

    /// Stands still, as while the host sleeps.
    pub fn stop(&self) {
        self.set_drift(-1_000_000);
    }

    /// Runs `f`, such as the polling of a task, as something that happens on this host.
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        /// Also when `f` panics.
        struct Restore(Option<Reading>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }
        let _restore = Restore(CURRENT.replace(Some(self.0.get())));
        f()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    const SECOND: Duration = Duration::from_secs(1);

    /// Polls `future` as something on that host.
    async fn on<F: Future>(clock: &HostClock, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| clock.enter(|| future.as_mut().poll(cx))).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_clock_is_ahead_and_its_timers_are_early() {
        let (clock, start) = (HostClock::new(), Instant::now());
        clock.set_drift(100_000);
        on(&clock, async { sleep(11 * SECOND).await }).await;
        assert_eq!(start.elapsed().as_millis(), 10_000);
        assert_eq!((clock.now() - start).as_millis(), 11_000);
        on(&clock, async { assert_eq!(now(), clock.now()) }).await;
        assert_eq!(now(), Instant::now(), "elsewhere it is the world's time");
    }

    #[tokio::test(start_paused = true)]
    async fn for_a_host_that_slept_no_time_has_passed() {
        let (clock, start) = (HostClock::new(), Instant::now());
        let mut timer = pin!(on(&clock, timeout(10 * SECOND, std::future::pending::<()>())));
        let asleep = async {
            tokio::time::sleep(4 * SECOND).await;
            clock.stop();
            tokio::time::sleep(60 * SECOND).await;
            clock.set_drift(0);
        };
        tokio::select! {
            biased;
            // The timer is polled at its first deadline in the midst of the sleep, and goes on.
            _ = &mut timer => panic!("it ended at {:?}", start.elapsed()),
            () = asleep => {}
        }
        assert_eq!(timer.await, Err(Elapsed));
        assert_eq!(start.elapsed().as_secs(), 70);
    }
}
