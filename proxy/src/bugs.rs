//! Bugs that can be planted, to prove that the simulator's checkers find them.
//!
//! Only with the feature `planted-bugs`; without it `planted` is a constant, and nothing of this
//! is left in the program.

/// One thing that a proxy could do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// What a link brought goes out over other links too (`link.not-relayed-on`).
    RelayLinkToLink,
    /// A sender is in its own audience (`relay.sender-hears-nothing`).
    EchoToSender,
    /// Two links with one proxy both carry, and a second one is let in (`link.one-copy-per-id`).
    NoDedupe,
    /// What failed or was lost is never dialled again.
    NoRedial,
    /// What failed or was lost is dialled again at once, again and again.
    NoBackoff,
    /// An advert is never taken back.
    ForgetGoodbye,
    /// What a full queue does not hold is dropped (`backpressure.nothing-dropped`).
    DropOnFullQueue,
    /// A full queue holds nobody back, and grows without bound.
    NoHold,
    /// A batch overtakes those that wait already (`relay.order-per-sender`).
    Overtake,
    /// `/local/x` is `/broadcast/x`.
    OneScope,
    /// Links stay when the last client leaves.
    KeepLinks,
    /// The proxy's own adverts are followed (`link.not-to-itself`).
    LinkToSelf,
    /// A client that vanishes without a Close frame stays on its channel.
    LeakClient,
    /// One client's leaving is taken for the last one's.
    LoseInterest,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::RelayLinkToLink,
        Self::EchoToSender,
        Self::NoDedupe,
        Self::NoRedial,
        Self::NoBackoff,
        Self::ForgetGoodbye,
        Self::DropOnFullQueue,
        Self::NoHold,
        Self::Overtake,
        Self::OneScope,
        Self::KeepLinks,
        Self::LinkToSelf,
        Self::LeakClient,
        Self::LoseInterest,
    ];
}

#[cfg(feature = "planted-bugs")]
mod switch {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Plants a bug in all proxies that run on this thread; or none.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }

    /// Whether this bug is planted.
    pub(crate) fn planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
}

#[cfg(not(feature = "planted-bugs"))]
mod switch {
    use super::Bug;

    /// Whether this bug is planted.
    pub(crate) const fn planted(_: Bug) -> bool {
        false
    }
}

#[cfg(feature = "planted-bugs")]
pub use switch::plant;
pub(crate) use switch::planted;
