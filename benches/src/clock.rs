//! Real time: what a benchmark measures.

pub(crate) use std::time::Instant;

/// The time now.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Lets this thread sleep.
#[expect(clippy::disallowed_methods, reason = "a benchmark lives in real time")]
pub(crate) fn pause(time: std::time::Duration) {
    std::thread::sleep(time);
}
