mod converse;
mod hostile;
mod lan;
mod packets;
mod shown;
mod trouble;

use std::time::Duration;

/// Seconds.
fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Milliseconds.
fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
