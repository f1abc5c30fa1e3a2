//! How far a connection is, and how it ended.

use tokio::time::{Duration, Instant};

/// How far the end has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Open,
    /// Our Close frame is queued or out.
    Closing(Closing),
    /// Over; lingers only while a batch of its own waits in others' queues, so that coming and
    /// going cannot fill them beyond their bounds.
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Closing {
    pub(super) since: Instant,
    /// How long the socket may take nothing.
    pub(super) stall: Duration,
    /// When what still waits before our Close frame is dropped, because the proxy stops.
    pub(super) cut: Option<Instant>,
    pub(super) input: Input,
    /// Our side of the stream is shut.
    pub(super) shut: bool,
}

/// What still comes in while closing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Input {
    /// The other side's Close frame is awaited.
    Awaited,
    /// It has come.
    Closed,
    /// Nothing there is to be understood any more; read away until the end, so that a reset does
    /// not take our Close frame with it.
    Garbage,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// With a closing handshake, or at least our own part of one.
    pub(crate) clean: bool,
}
