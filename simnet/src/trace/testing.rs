//! Made-up runs for the tests of the collectors.

use std::time::Duration;

use bytes::Bytes;

use crate::event::{Event, Record};
use crate::fabric::packet::{Body, HostId, InterfaceId, Packet, Segment, SegmentId, Tap};

pub(crate) fn record(ms: u64, event: Event) -> Record {
    Record { at: Duration::from_millis(ms), event }
}

/// The interface of host `host` on its first segment.
pub(crate) fn interface(host: u32) -> InterfaceId {
    InterfaceId { host: HostId(host), index: 2 }
}

pub(crate) fn datagram(from: &str, to: &str, payload: &[u8]) -> Packet {
    let body = Body::Udp { payload: Bytes::copy_from_slice(payload), hops: 255 };
    Packet { source: from.parse().unwrap(), destination: to.parse().unwrap(), body }
}

pub(crate) fn send(
    tap: &mut impl Tap,
    at: Duration,
    number: u64,
    from: InterfaceId,
    packet: &Packet,
) {
    tap.sent(at, number, from, SegmentId(0), packet);
}

/// A TCP connection from host 0 to host 1: opened, data with one retransmission, closed both
/// ways. Each packet with its time, number and sender, a millisecond apart.
pub(crate) fn connection() -> Vec<(Duration, u64, InterfaceId, Packet)> {
    let (client, server) = (("10.0.0.1:49152", 0), ("10.0.0.2:8017", 1));
    let (mine, its) = (0xffff_fff0_u32, 7000_u32);
    let after = |n: u32| mine.wrapping_add(n);
    let segment = |sequence, acknowledged, flags: &str, payload: &'static [u8]| Segment {
        sequence,
        acknowledged,
        window: 1 << 20,
        syn: flags.contains('S'),
        ack: flags.contains('A'),
        fin: flags.contains('F'),
        rst: flags.contains('R'),
        psh: flags.contains('P'),
        payload: Bytes::from_static(payload),
    };
    let get = b"GET /broadcast/demo HTTP/1.1\r\n\r\n";
    let end = get.len() as u32 + 1;
    let sent = [
        (client, segment(mine, 0, "S", b"")),
        (server, segment(its, after(1), "SA", b"")),
        (client, segment(after(1), its + 1, "A", b"")),
        (client, segment(after(1), its + 1, "PA", get)),
        (client, segment(after(1), its + 1, "PA", get)),
        (server, segment(its + 1, after(end), "A", b"")),
        (server, segment(its + 1, after(end), "PA", b"HTTP/1.1 404 Not Found\r\n\r\n")),
        (server, segment(its + 27, after(end), "FA", b"")),
        (client, segment(after(end), its + 28, "FA", b"")),
        (server, segment(its + 28, after(end + 1), "A", b"")),
    ];
    (0..)
        .zip(sent)
        .map(|(n, ((from, host), segment))| {
            let to = if host == 0 { server.0 } else { client.0 };
            let packet = Packet { body: Body::Tcp(segment), ..datagram(from, to, b"") };
            (Duration::from_millis(n), n, interface(host), packet)
        })
        .collect()
}
