//! Which channels the suite may open as a client.
//!
//! A target that the suite starts sees it come from its own machine. One that runs already may be
//! on another, where local channels are closed to us, as they must be, and broadcast channels too
//! unless its operator opened them.

use crate::case::{Step, Stop};
use crate::log::Log;
use crate::target::Instance;
use crate::wire::Request;

/// What is open to clients from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All channels: the target is on this machine.
    Machine,
    /// Broadcast channels only.
    Network,
    /// None.
    Nothing,
}

impl Reach {
    /// Tries it. A target that does not answer is left to the cases to complain of.
    pub(crate) fn of(target: &Instance) -> Self {
        let refused = |path: &str| {
            let answer = target.ask(&Request::upgrade(path), &Log::new());
            answer.is_ok_and(|answer| answer.status == 403)
        };
        match (refused("/local/reach"), refused("/broadcast/reach")) {
            (false, _) => Self::Machine,
            (true, false) => Self::Network,
            (true, true) => Self::Nothing,
        }
    }

    /// The prefixes of the channels that are open.
    pub(crate) fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Machine | Self::Nothing => &["/local/", "/broadcast/"],
            Self::Network => &["/broadcast/"],
        }
    }

    /// Skips what needs a local channel.
    pub(crate) fn needs_local(self) -> Step {
        match self {
            Self::Machine => Ok(()),
            Self::Network | Self::Nothing => Err(Stop::skip(
                "needs local channels, which the target closes to clients of this host (403), as \
                 it must if it runs on another; run the suite there",
            )),
        }
    }

    /// Skips what needs any client.
    pub(crate) fn needs_clients(self) -> Step {
        match self {
            Self::Machine | Self::Network => Ok(()),
            Self::Nothing => Err(Stop::skip(
                "needs clients, and the target answers 403 to those of this host, as it must if \
                 it runs on another; run the suite there, or have its operator let clients of \
                 the network open broadcast channels",
            )),
        }
    }
}
