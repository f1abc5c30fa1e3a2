//! What travels on a simulated network, as whoever taps the wire sees it.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

/// One host of a fabric, in the order of their making.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub u32);

/// One segment (a switch or an access point) of a fabric, in the order of their making.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub u32);

/// One interface of one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceId {
    /// The host.
    pub host: HostId,
    /// Its interface's index, as in IPv6 scopes: 1 is loopback, 2 the first on a segment.
    pub index: u32,
}

/// One IP packet. Both addresses are of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Where it comes from.
    pub source: SocketAddr,
    /// Where it goes to: a host's address or a multicast group.
    pub destination: SocketAddr,
    /// What it carries.
    pub body: Body,
}

/// What a packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A datagram (RFC 768).
    Udp {
        /// Its payload.
        payload: Bytes,
        /// IPv4 time to live or IPv6 hop limit when it was sent.
        hops: u8,
    },
    /// A segment (RFC 9293).
    Tcp(Segment),
}

/// A TCP segment. The first byte of data has the sequence number after that of the SYN, as on a real wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Sequence number of its first byte, or of its SYN or FIN.
    pub sequence: u32,
    /// Next sequence number expected from the other side; meaningful with `ack`.
    pub acknowledged: u32,
    /// Bytes that the sender of this segment will take now, unscaled.
    pub window: u32,
    /// Flags.
    pub syn: bool,
    /// See `syn`.
    pub ack: bool,
    /// See `syn`.
    pub fin: bool,
    /// See `syn`.
    pub rst: bool,
    /// See `syn`.
    pub psh: bool,
    /// Data.
    pub payload: Bytes,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives at this interface; once for each receiver of a multicast, and once more for each
    /// copy that the network made.
    Arrives(InterfaceId),
    /// It does not arrive at this interface, or at none.
    Lost(Option<InterfaceId>, Cause),
}

/// Why a packet did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The link lost it.
    Loss,
    /// The link's queue was full.
    QueueFull,
    /// A fault cuts the way.
    Cut,
    /// The receiving host is off, asleep, or has no such address.
    NoHost,
    /// The access point does not let it through: multicast, or traffic between its clients.
    Filtered,
    /// No router knows a way.
    NoRoute,
    /// It was too large for a link, and a fragment of it was lost or it may not be fragmented.
    TooLarge,
    /// The socket's buffer was full.
    SocketFull,
}

impl Cause {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 8] = [
        Self::Loss,
        Self::QueueFull,
        Self::Cut,
        Self::NoHost,
        Self::Filtered,
        Self::NoRoute,
        Self::TooLarge,
        Self::SocketFull,
    ];
}

/// Sees every packet: when it is put on the wire, and what becomes of it.
pub trait Tap {
    /// `packet` leaves `from` at `at` after the start of the world, and gets the number `number`.
    /// Loopback traffic is not on any wire and not seen.
    fn sent(
        &mut self,
        at: Duration,
        number: u64,
        from: InterfaceId,
        segment: SegmentId,
        packet: &Packet,
    );

    /// What becomes of the packet `number`, told when it is so: on arrival at `at`.
    fn fate(&mut self, at: Duration, number: u64, fate: Fate);
}
