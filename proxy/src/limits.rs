//! Every bound of the proxy: its name, unit, default, reason, and what it can cost at worst.
//!
//! What a person may set is a field of [`Limits`]; the rest are constants. Nothing else in the
//! crate holds a number that limits something.

use std::time::Duration;

/// Bytes in a channel name, percent-decoded. The protocol's own limit (name.alphabet).
pub(crate) const NAME_BYTES_MAX: usize = 255;

/// Bytes in the name of a channel that can be advertised: a DNS TXT string holds 255
/// (RFC 6763 section 6.1), of which `path=/broadcast/` takes 16.
pub(crate) const ADVERT_NAME_BYTES_MAX: usize = 255 - "path=/broadcast/".len();

/// Bytes in one DNS label (RFC 1035 section 2.3.4), so in an instance name of an advert.
pub(crate) const LABEL_BYTES_MAX: usize = 63;

/// Bytes that one read of a socket takes at most, so also about what goes to each reader in one
/// write: the fewer writes, the cheaper each message. Four times less costs a third more for
/// messages of 16 KiB. One such buffer for the whole worker: an idle connection owns none.
pub(crate) const READ_BYTES: usize = 256 * 1024;

/// Reads of one connection in one turn, before others have theirs: 1 MiB at most.
pub(crate) const READS_PER_TURN: usize = 4;

/// Buffers in one vectored write; what Linux (`IOV_MAX` 1024) and others take, with room on the
/// stack: 64 × 16 bytes.
pub(crate) const WRITE_BUFFERS_MAX: usize = 64;

/// Bytes counted for each entry of an outbox beside its content, so that a queue of very small
/// messages is bounded in memory too.
pub(crate) const OUTBOX_ENTRY_BYTES: usize = 96;

/// Time for a client to send its request: enough for a person at a slow terminal, short enough
/// that half-open handshakes do not pile up.
pub(crate) const REQUEST_TIME: Duration = Duration::from_secs(10);

/// Bytes in a request's head. Browsers send about 1 KiB; cookies of other services on localhost
/// may add some. More is answered with 431 (RFC 6585 section 5).
pub(crate) const REQUEST_BYTES_MAX: usize = 32 * 1024;

/// Bytes of a request that are looked at to find its channel's worker: its first line, where the
/// longest name takes 765 if all of it is percent-encoded.
pub(crate) const PEEK_BYTES: usize = 2048;

/// Pause before looking again at a request whose first line comes in pieces. Few do.
pub(crate) const PEEK_AGAIN: Duration = Duration::from_millis(5);

/// TCP connections of one listener that are no WebSockets: they have yet to ask, or ask for pages.
/// One more takes the place of the oldest, so that a crowd that asks for nothing keeps nobody out.
/// As many as a listener's backlog; 32 MiB of half-read requests at worst.
pub(crate) const REQUESTS_MAX: usize = 1024;

/// Time to take an answer, and to ask again: far more than any page needs on its own machine.
pub(crate) const ANSWER_TIME: Duration = Duration::from_secs(15);

/// What whoever is refused for want of room is told to wait before trying again.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Time for the other side to answer our Close frame before we drop the connection
/// (RFC 6455 section 7.1.1 asks only for a reasonable time).
pub(crate) const CLOSE_TIME: Duration = Duration::from_secs(5);

/// How often within the stall time a full socket is tried, because systems tell late that there
/// is room: Linux when a third of its send buffer has drained.
pub(crate) const PROBES_PER_STALL: u32 = 16;

/// Time that a reader cut for stalling has to wake up and read why. It holds its socket and at
/// most one message meanwhile, and hinders nobody.
pub(crate) const CUT_LINGER: Duration = Duration::from_secs(30);

/// Time from the stop in which readers may take what waits for them. What is left then is dropped,
/// so that the Close frame with 1001 comes through to those who still take something.
pub(crate) const DRAIN_TIME: Duration = Duration::from_secs(1);

/// Time for the whole stop: goodbyes out, clients told 1001 and gone. Under the 2 s that the
/// README promises, with some left for a busy machine.
pub(crate) const SHUTDOWN_TIME: Duration = Duration::from_millis(1_500);

/// Pause after `accept` failed, mostly for want of file descriptors: trying at once would spin.
pub(crate) const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Time between the first attempts to connect to several addresses of one proxy
/// (RFC 8305 section 5 recommends 250 ms).
pub(crate) const CONNECT_STAGGER: Duration = Duration::from_millis(250);

/// Time for one dial: all addresses tried.
pub(crate) const DIAL_TIME: Duration = Duration::from_secs(10);

/// Time for the handshake at one address, before the next is tried.
pub(crate) const HANDSHAKE_TIME: Duration = Duration::from_secs(3);

/// First and longest pause before dialling again what failed or was lost; doubled in between and
/// multiplied by a random factor of 0.5 to 1, so that many proxies do not dial in step.
pub(crate) const REDIAL_MIN: Duration = Duration::from_millis(100);
/// See [`REDIAL_MIN`].
pub(crate) const REDIAL_MAX: Duration = Duration::from_secs(30);

/// The like of [`REDIAL_MIN`] for a link that the other proxy closed in order: it lost its last
/// client there, and its goodbye takes effect after a second (RFC 6762 section 10.1).
pub(crate) const REDIAL_AFTER_CLOSE: Duration = Duration::from_secs(4);

/// A link that stood this long proves the way good: its next loss starts at [`REDIAL_MIN`] again.
pub(crate) const LINK_PROVEN: Duration = Duration::from_secs(5);

/// Time for a remote proxy that we link with over `--peer` to link back by itself, before we
/// replace a one-way link by one that carries both ways.
pub(crate) const LINK_BACK_TIME: Duration = Duration::from_secs(2);

/// Time for an instance to answer when we doubt that it lives. The discovery takes it out after.
pub(crate) const VERIFY_TIME: Duration = Duration::from_secs(3);

/// Time in which an instance that we doubted and that goes has vanished: it did not answer. One
/// that goes later has answered, and says goodbye.
pub(crate) const DOUBT_TIME: Duration = VERIFY_TIME.saturating_mul(2);

/// Time between two adverts of one channel, for clients that come and go all the time. A page that
/// is loaded again is advertised at once, unless it was just loaded.
pub(crate) const ADVERTISE_PAUSE: Duration = Duration::from_secs(1);

/// First and longest pause between questions for an instance that vanished without a goodbye
/// (RFC 6762 section 5.2: at least 1 s, at least doubled each time, at most an hour).
pub(crate) const REFRESH_MIN: Duration = Duration::from_secs(1);
/// See [`REFRESH_MIN`].
pub(crate) const REFRESH_MAX: Duration = Duration::from_secs(3600);

/// First and longest pause before a channel is advertised under a fresh name to call back a proxy
/// that never dials the same instance twice.
pub(crate) const READVERTISE_MIN: Duration = Duration::from_secs(1);
/// See [`READVERTISE_MIN`].
pub(crate) const READVERTISE_MAX: Duration = Duration::from_secs(300);

/// Instances kept from the network; more are ignored, so that a hostile host cannot fill our
/// memory. About 1 KiB each: 8 MiB at worst.
pub(crate) const INSTANCES_MAX: usize = 8192;

/// Addresses kept for one instance, the best ones: a host with more is misconfigured or hostile.
pub(crate) const ADDRESSES_MAX: usize = 16;

/// Dials under way at once; the rest wait. Bounds sockets while hundreds of proxies appear.
pub(crate) const DIALS_MAX: usize = 64;

/// Bytes of a multicast DNS packet that we make: what an Ethernet frame holds beside the headers of
/// IPv6 and UDP (RFC 6762 section 17), with some left for tunnels. A single record that is larger
/// goes alone.
pub(crate) const MDNS_PACKET_BYTES_MAX: usize = 1440;

/// Bytes in the TXT record of a service of ours: with it, an answer fits into one packet (RFC 6763
/// section 6.2).
pub(crate) const MDNS_TEXT_BYTES_MAX: usize = 1300;

/// Bytes of records kept from the network by our own multicast DNS, with what keeping them takes:
/// as many instances as [`INSTANCES_MAX`] of five records, each of half a KiB. More are not kept,
/// so that a hostile host cannot fill our memory.
pub(crate) const MDNS_CACHE_BYTES_MAX: usize = INSTANCES_MAX * 5 * 512;

/// What a person may set, with the defaults that the program has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// WebSockets that others may have open here, clients and links together; half of them from
    /// other machines. 10,000 by default: far more than the tabs and programs of a machine. An
    /// idle one costs 1 KiB. At worst, which takes as many readers that stall and senders
    /// that stop within a message, each holds its queue and a message: 17 MiB.
    pub connections: usize,
    /// Bytes in one message, joined from its fragments. 16 MiB by default: a photo or a file's
    /// part, yet a hundred such in flight fit into a small machine. A larger one closes its
    /// sender with 1009.
    pub message_bytes: usize,
    /// Bytes that wait for one connection before those who send to it are slowed down. 1 MiB by
    /// default: a tenth of a second of a gigabit network. At worst each connection holds this
    /// much, and each sender that waits one more read or message.
    pub queue_bytes: usize,
    /// Time that a reader may take nothing while something waits for it, before it is closed with
    /// 1008. 10 s by default, as the 2014 proxy allowed for a write.
    pub stall_time: Duration,
    /// Silence after which a connection is sent a ping; after twice as long without an answer it
    /// is taken for dead. 30 s by default: below the 60 s after which many routers forget a flow.
    pub keep_alive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            message_bytes: 16 * 1024 * 1024,
            queue_bytes: 1024 * 1024,
            stall_time: Duration::from_secs(10),
            keep_alive: Duration::from_secs(30),
        }
    }
}

const _: () = assert!(ADVERT_NAME_BYTES_MAX == 239);
const _: () = assert!(REDIAL_MIN.as_millis() < REDIAL_MAX.as_millis());
const _: () = assert!(REFRESH_MIN.as_millis() >= 1000, "RFC 6762 section 5.2");
