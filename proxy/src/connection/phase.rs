//! How far a connection is, and how it ended.

use tokio::time::Instant;

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
    pub(super) input: Input,
    /// It was cut for stalling, so it has another time to take its Close frame.
    pub(super) cut: bool,
    /// The proxy stops: what still waits before our Close frame is dropped after a while.
    pub(super) hurried: bool,
    /// Our side of the stream is shut.
    pub(super) shut: bool,
}

impl Closing {
    pub(super) fn new(since: Instant, input: Input) -> Self {
        Self { since, input, cut: false, hurried: false, shut: false }
    }
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
