//! How many sockets the suite may have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Cases with hundreds of clients run side by side, and many systems allow a program 1024
/// descriptors unless it asks for more. Where more is not to be had, those cases say what fails.
pub(crate) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let _ = setrlimit(Resource::Nofile, raised);
}
