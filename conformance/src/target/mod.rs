//! What is tested: our own proxy, any command, or one that runs already.

mod file;
mod instance;
mod launch;
mod options;
mod process;
mod source;

pub use file::{Deviation, TargetError, TargetFile, from_shell};
pub use instance::Instance;
pub use launch::{Target, build, build_reference};
pub use options::{KEEP_ALIVE, MESSAGE_BYTES, Options, QUEUE_BYTES, STALL_TIME, Timing};
pub use source::Source;
