//! Made-up runs for the tests of the collectors.

use std::time::Duration;

use bytes::Bytes;

use super::{HostPicture, ProxyPicture, WorldPicture};
use crate::event::{ClientNo, Event, HostNo, Link, Message, ProxyNo, Record, SessionNo};
use crate::fabric::packet::{Body, HostId, InterfaceId, Packet, Segment, SegmentId, Tap};

/// `hosts` hosts, each with a proxy, on one segment.
pub(crate) fn picture(hosts: u32) -> WorldPicture {
    let host = |n| HostPicture { name: format!("desk{n}"), segments: vec![0] };
    let proxy = |n| ProxyPicture { name: format!("proxy{n}"), host: HostNo(n) };
    WorldPicture {
        scenario: "two-hosts".into(),
        seed: 7,
        engine: "fabric".into(),
        replay: "simnet replay two-hosts --seed 7".into(),
        segments: vec!["office".into(), "lab".into()],
        hosts: (0..hosts).map(host).collect(),
        proxies: (0..hosts).map(proxy).collect(),
        clients: Vec::new(),
        faults: Vec::new(),
    }
}

pub(crate) fn record(ms: u64, event: Event) -> Record {
    Record { at: Duration::from_millis(ms), event }
}

pub(crate) fn started(proxy: u32) -> Event {
    let id = format!("id-{proxy}").into();
    Event::ProxyStarted { proxy: ProxyNo(proxy), host: HostNo(proxy), port: 8017, id }
}

pub(crate) fn advertised(proxy: u32) -> Event {
    let (instance, channel) = (format!("demo-{proxy}").into(), "demo".into());
    Event::Advertised { proxy: ProxyNo(proxy), instance, channel }
}

pub(crate) fn seen(proxy: u32, of: u32) -> Event {
    Event::Seen { proxy: ProxyNo(proxy), instance: format!("demo-{of}").into() }
}

pub(crate) fn link_up(proxy: u32, to: u32, number: u64, dialled: bool) -> Event {
    let address = "10.0.0.9:8017".parse().unwrap();
    let (channel, remote) = ("demo".into(), Some(format!("id-{to}").into()));
    let link = Link { number, channel, remote, address, dialled, two_way: true };
    Event::LinkUp { proxy: ProxyNo(proxy), link }
}

pub(crate) fn joining(session: u32, proxy: u32) -> Event {
    let (session, client) = (SessionNo(session), ClientNo(session));
    Event::Joining { session, client, proxy: ProxyNo(proxy), channel: "/broadcast/demo".into() }
}

pub(crate) fn joined(session: u32) -> Event {
    Event::Joined { session: SessionNo(session) }
}

pub(crate) fn message(from: u32, number: u32) -> Message {
    Message { from: SessionNo(from), number, bytes: 3, binary: false }
}

pub(crate) fn sent(session: u32, number: u32) -> Event {
    Event::Sent { session: SessionNo(session), message: message(session, number) }
}

pub(crate) fn heard(session: u32, from: u32, number: u32) -> Event {
    Event::Heard { session: SessionNo(session), message: message(from, number) }
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
