//! Every bound of the fabric, with its unit and reason.
//!
//! They are Linux's, scaled down where Linux is generous: a world has tens of thousands of
//! connections in one process, and whoever studies a protocol wants to see it meet its bounds.

use std::time::Duration;

/// Bytes that a connection takes from its program ahead of what the other side has acknowledged.
/// What `TCP_NOTSENT_LOWAT` makes of Linux's buffer for our proxy; a plain Linux socket starts at
/// 16 KiB and grows to 4 MiB.
pub const SEND_BYTES: usize = 128 * 1024;

/// Bytes that a connection keeps for a program that does not read: the largest window that needs
/// no scaling (RFC 9293), as Linux's first one.
pub const RECEIVE_BYTES: usize = 65_535;

/// Bytes of datagrams that a UDP socket keeps for a program that does not read (Linux:
/// `rmem_default`).
pub const UDP_BYTES: usize = 212_992;

/// What a waiting datagram counts beside its payload, so that empty ones are bounded too.
pub const UDP_OVERHEAD: usize = 256;

/// The largest payload of a datagram (RFC 768).
pub const DATAGRAM_BYTES: usize = 65_507;

/// Connections that wait to be accepted, or are about to; the SYN of another is ignored, so that
/// it comes again (Linux: `somaxconn`).
pub const BACKLOG: usize = 1024;

/// Time for a packet from a host to itself.
pub const LOOPBACK_TIME: Duration = Duration::from_micros(20);

/// MTU of loopback. Linux has 65,536; a segment must leave room in the receiver's window.
pub const LOOPBACK_MTU: u16 = 16_384;

/// Ports for sockets that ask for none in particular (Linux: `ip_local_port_range`).
pub const EPHEMERAL_PORTS: std::ops::RangeInclusive<u16> = 32_768..=60_999;

/// Time that an acknowledgement waits for data to travel with (Linux: 40 ms).
pub const DELAYED_ACK: Duration = Duration::from_millis(40);

/// Time that a closed connection answers what is still under way to it (Linux: 60 s). It is also
/// how long one that its program has left waits for the other side to close.
pub const LINGER: Duration = Duration::from_secs(60);

/// Segments sent at first without an acknowledgement (RFC 6928).
pub const INITIAL_WINDOW_SEGMENTS: u64 = 10;

/// How TCP waits and gives up, for all connections that are made while it is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpTimes {
    /// Time before the first retransmission while no round trip has been measured. 1 s
    /// (RFC 6298).
    pub initial: Duration,
    /// The least time before a retransmission. 200 ms, as on Linux.
    pub min: Duration,
    /// The longest, to which it doubles. 120 s, as on Linux.
    pub max: Duration,
    /// Retransmissions of a SYN before connecting fails. 6, as on Linux: about 127 s.
    pub syn_retries: u32,
    /// Retransmissions of one segment before the connection fails. 15, as on Linux: about 15
    /// minutes.
    pub retries: u32,
    /// Time without progress after which the connection fails, whatever the retries left
    /// (`TCP_USER_TIMEOUT`). None by default.
    pub user_timeout: Option<Duration>,
}

impl Default for TcpTimes {
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(1),
            min: Duration::from_millis(200),
            max: Duration::from_secs(120),
            syn_retries: 6,
            retries: 15,
            user_timeout: None,
        }
    }
}
