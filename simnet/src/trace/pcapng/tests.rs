//! What tshark makes of our captures. Without tshark these tests are skipped, unless
//! `NWS_REQUIRE_TSHARK` is set.

use std::process::{Command, Stdio};

use bytes::Bytes;
use simple_dns::rdata::{A, PTR, RData, SRV, TXT};
use simple_dns::{CLASS, Name, PacketFlag, QCLASS, QTYPE, Question, ResourceRecord, TYPE};

use super::*;
use crate::fabric::packet::{Body, HostId, Segment};
use crate::trace::testing::{connection, datagram, interface, picture, send};

const SERVICE: &str = "_ws._tcp.local";
const INSTANCE: &str = "demo-1._ws._tcp.local";

/// What tshark says of a capture with these fields: a line for each frame. None if there is no
/// tshark and none is required.
fn tshark(capture: &[u8], filter: &str, fields: &[&str]) -> Option<Vec<String>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), capture).unwrap();
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file.path()).args(["-n", "-2", "-Tfields", "-Y", filter]);
    for check in ["ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"] {
        command.args(["-o", &format!("{check}:TRUE")]);
    }
    fields.iter().for_each(|field| {
        command.args(["-e", field]);
    });
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) if std::env::var_os("NWS_REQUIRE_TSHARK").is_none() => {
            println!("skipped: tshark does not run here ({error})");
            return None;
        }
        Err(error) => panic!("tshark does not run: {error}"),
    };
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "tshark: {said}");
    assert!(!said.contains("tshark:"), "tshark finds fault with the file: {said}");
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(str::to_owned).collect())
}

/// Errors, malformed packets and wrong checksums.
const FAULTY: &str = "_ws.malformed || _ws.expert.severity == error || _ws.short || ip.checksum.status == 0 || \
     tcp.checksum.status == 0 || udp.checksum.status == 0";

fn capture(fill: impl FnOnce(&mut Pcapng<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut pcapng = Pcapng::new(&mut bytes, &picture(9), 1500);
    fill(&mut pcapng);
    pcapng.finish().unwrap();
    drop(pcapng);
    bytes
}

fn mdns(packet: &simple_dns::Packet) -> Vec<u8> {
    packet.build_bytes_vec_compressed().unwrap()
}

fn mdns_query() -> Vec<u8> {
    let mut query = simple_dns::Packet::new_query(0);
    let name = Name::new_unchecked(SERVICE);
    let class = QCLASS::CLASS(CLASS::IN);
    query.questions.push(Question::new(name, QTYPE::TYPE(TYPE::PTR), class, false));
    mdns(&query)
}

fn mdns_response() -> Vec<u8> {
    let (service, instance) = (Name::new_unchecked(SERVICE), Name::new_unchecked(INSTANCE));
    let host = Name::new_unchecked("desk1.local");
    let record =
        |name: &Name<'static>, data| ResourceRecord::new(name.clone(), CLASS::IN, 120, data);
    let mut response = simple_dns::Packet::new_reply(0);
    response.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    response.answers.push(record(&service, RData::PTR(PTR(instance.clone()))));
    let srv = SRV { priority: 0, weight: 0, port: 8017, target: host.clone() };
    response.additional_records.extend([
        record(&instance, RData::SRV(srv)),
        record(&instance, RData::TXT(TXT::new().with_string("path=/broadcast/demo").unwrap())),
        record(&host, RData::A(A { address: std::net::Ipv4Addr::new(10, 0, 0, 2).into() })),
    ]);
    mdns(&response)
}

/// A bit of everything that travels.
fn everything(pcapng: &mut Pcapng<&mut Vec<u8>>) {
    for (at, number, from, packet) in connection() {
        send(pcapng, at, number, from, &packet);
        let to = interface(1 - from.host.0);
        let lost = number == 3;
        let fate = if lost { Fate::Lost(Some(to), Cause::Cut) } else { Fate::Arrives(to) };
        pcapng.fate(at + Duration::from_millis(1), number, fate);
    }
    let reset =
        Segment { sequence: 1, acknowledged: 2, rst: true, ack: true, ..Default::default() };
    let over_v6 = |from: &str, to: &str, body| Packet { body, ..datagram(from, to, b"") };
    let large: Vec<u8> = (0..4000_u32).map(|n| n as u8).collect();
    let packets = [
        datagram("10.0.0.1:5353", "224.0.0.251:5353", &mdns_query()),
        datagram("10.0.0.2:5353", "224.0.0.251:5353", &mdns_response()),
        datagram("[fe80::1%2]:5353", "[ff02::fb]:5353", &mdns_response()),
        datagram("10.0.0.1:4000", "10.0.0.2:4001", &large),
        datagram("[fe80::1]:4000", "[fe80::2]:4001", &large),
        over_v6("[fe80::1]:4000", "[fe80::2]:8017", Body::Tcp(reset)),
        datagram("10.0.0.1:4000", "10.0.0.77:4001", b""),
    ];
    for (n, packet) in (100..).zip(packets) {
        let at = Duration::from_millis(n);
        pcapng.sent(at, n, interface(0), SegmentId(1), &packet);
        match n {
            101 => (1..9).for_each(|host| {
                let to = interface(host);
                let fate =
                    if host < 7 { Fate::Lost(Some(to), Cause::Loss) } else { Fate::Arrives(to) };
                pcapng.fate(at, n, fate);
            }),
            102 => (0..2).for_each(|_| pcapng.fate(at, n, Fate::Arrives(interface(1)))),
            106 => pcapng.fate(at, n, Fate::Lost(None, Cause::NoHost)),
            _ => pcapng.fate(at, n, Fate::Arrives(interface(1))),
        }
    }
}

#[test]
fn tshark_reads_every_packet_without_an_error() {
    let capture = capture(everything);
    let Some(faulty) = tshark(&capture, FAULTY, &["frame.number", "_ws.expert.message"]) else {
        return;
    };
    assert_eq!(faulty, Vec::<String>::new());
    let all = tshark(&capture, "frame", &["_ws.col.Protocol", "frame.interface_name"]).unwrap();
    let count = |what: &str| all.iter().filter(|line| line.as_str() == what).count();
    // Of the datagrams, three fragments each, of which only the last is known to be UDP.
    assert_eq!(all.len(), 10 + 3 + 3 + 3 + 1 + 1);
    assert_eq!(count("MDNS\tlab"), 3);
    assert_eq!(count("HTTP\toffice"), 2, "{all:?}");
}

/// The filter must be able to find something.
#[test]
fn tshark_would_tell_a_wrong_checksum_and_a_cut_packet() {
    let packet = datagram("10.0.0.2:5353", "224.0.0.251:5353", &mdns_response());
    let sound = capture(|pcapng| send(pcapng, Duration::ZERO, 0, interface(0), &packet));
    let place = sound.windows(8).rposition(|bytes| bytes == b"path=/br").unwrap();
    let mut changed = sound.clone();
    changed[place] = b'q';
    for (capture, faulty) in [(sound, 0), (changed, 1)] {
        let Some(found) = tshark(&capture, FAULTY, &["frame.number"]) else { return };
        assert_eq!(found.len(), faulty);
    }
    let cut = datagram("10.0.0.2:5353", "224.0.0.251:5353", &mdns_response()[..40]);
    let capture = capture(|pcapng| send(pcapng, Duration::ZERO, 0, interface(0), &cut));
    assert_eq!(tshark(&capture, FAULTY, &["frame.number"]).unwrap().len(), 1);
}

#[test]
fn what_became_of_a_packet_is_its_comment() {
    let capture = capture(everything);
    let fields = ["frame.comment", "eth.src", "eth.dst"];
    let Some(comments) = tshark(&capture, "frame.comment", &fields) else { return };
    assert_eq!(
        comments,
        [
            "lost: cut\t02:00:00:00:00:02\t02:00:00:00:01:02",
            "lost for desk1, desk2, desk3, desk4, desk5 and 1 more (6 of 8): loss\t\
             02:00:00:00:00:02\t01:00:5e:00:00:fb",
            "arrives more than once at desk1\t02:00:00:00:00:02\t33:33:00:00:00:fb",
            "lost: no host\t02:00:00:00:00:02\t02:ff:ff:ff:ff:ff",
        ]
    );
}

#[test]
fn tcp_is_understood_as_what_it_is() {
    let capture = capture(everything);
    let fields = [
        "frame.time_epoch",
        "tcp.flags.str",
        "tcp.seq",
        "tcp.window_size",
        "tcp.options.mss_val",
        "tcp.analysis.retransmission",
    ];
    let Some(segments) = tshark(&capture, "tcp.stream == 0", &fields) else { return };
    let expected = [
        "0.000000000\t··········S·\t0\t65535\t1460\t",
        "0.001000000\t·······A··S·\t0\t65535\t1460\t",
        "0.002000000\t·······A····\t1\t1048576\t\t",
        "0.003000000\t·······AP···\t1\t1048576\t\t",
        "0.004000000\t·······AP···\t1\t1048576\t\t1",
        "0.005000000\t·······A····\t1\t1048576\t\t",
        "0.006000000\t·······AP···\t1\t1048576\t\t",
        "0.007000000\t·······A···F\t27\t1048576\t\t",
        "0.008000000\t·······A···F\t33\t1048576\t\t",
        "0.009000000\t·······A····\t28\t1048576\t\t",
    ];
    assert_eq!(segments, expected);
}

#[test]
fn fragments_make_the_datagram_again() {
    let capture = capture(everything);
    let filter = "udp.dstport == 4001 && data.len == 4000";
    let Some(whole) = tshark(&capture, filter, &["ip.src", "ipv6.src"]) else { return };
    assert_eq!(whole, ["10.0.0.1\t", "\tfe80::1"]);
    let filter =
        "udp.dstport == 4001 && data.data[0:4] == 00:01:02:03 && data.data[3996:4] == 9c:9d:9e:9f";
    assert_eq!(tshark(&capture, filter, &["frame.number"]).unwrap().len(), 2);
    let lengths = tshark(&capture, "ip.flags.mf == 1 || ipv6.fraghdr", &["frame.len"]).unwrap();
    assert_eq!(lengths, ["1514", "1514", "1510", "1510", "1174"], "within Ethernet's 1514");
}

#[test]
fn packets_are_written_in_their_order_when_their_fates_had_time() {
    let mut bytes = Vec::new();
    let mut pcapng = Pcapng::new(&mut bytes, &picture(9), 1500);
    let packet = datagram("10.0.0.1:1", "10.0.0.2:2", b"");
    for n in 0..5000 {
        send(&mut pcapng, Duration::from_millis(n), n, interface(0), &packet);
    }
    assert_eq!(pcapng.waiting.len(), 1001, "those of the last second");
    pcapng.fate(Duration::from_secs(5), 0, Fate::Lost(None, Cause::Loss));
    pcapng.finish().unwrap();
    drop(pcapng);
    let Some(times) = tshark(&bytes, "frame", &["frame.time_epoch"]) else { return };
    assert_eq!(times.len(), 5000);
    assert!(times.is_sorted_by(|a, b| a.parse::<f64>().unwrap() < b.parse().unwrap()));
}

#[test]
fn what_no_wire_carries_is_told_once_and_ends_the_capture() {
    let bad = [
        (datagram("10.0.0.1:1", "[fe80::1]:1", b""), "within one IP version"),
        (datagram("10.0.0.1:1", "10.0.0.2:1", &[0; 65_530]), "more than the 65535"),
        (datagram("10.0.0.1:1", "10.0.0.2:1", &[0; 80_000]), "more than the 65535"),
    ];
    for (packet, what) in bad {
        let mut pcapng = Pcapng::new(io::sink(), &picture(9), 1500);
        send(&mut pcapng, Duration::ZERO, 3, interface(0), &packet);
        let error = pcapng.finish().unwrap_err().to_string();
        assert!(error.contains("packet 3: ") && error.contains(what), "{error}");
    }
    let good = datagram("[fe80::1]:1", "[fe80::2]:1", &[0; 65_527]);
    let mut pcapng = Pcapng::new(io::sink(), &picture(9), 1500);
    send(&mut pcapng, Duration::ZERO, 3, interface(0), &good);
    pcapng.finish().unwrap();
}

proptest::proptest! {
    /// With any sequence numbers, flags, windows and lengths, and any MTU that IPv6 may have.
    #[test]
    fn any_segment_and_datagram_has_frames(
        numbers in proptest::prelude::any::<(u32, u32, u32, u64)>(),
        flags in proptest::prelude::any::<[bool; 5]>(),
        bytes in 0usize..1400,
        v6 in proptest::prelude::any::<bool>(),
        mtu in 1280u16..9001,
    ) {
        let (sequence, acknowledged, window, number) = numbers;
        let [syn, ack, fin, rst, psh] = flags;
        let payload = Bytes::from(vec![0; bytes]);
        let ends = if v6 { ["[fe80::1]:1", "[fe80::2]:2"] } else { ["10.0.0.1:1", "10.0.0.2:2"] };
        let header = if v6 { 54 } else { 34 };
        let segment = Segment { sequence, acknowledged, window, syn, ack, fin, rst, psh, payload };
        let macs = [0, 1].map(|n| frame::mac_of(InterfaceId { host: HostId(n), index: 2 })).into();
        let packet = Packet { body: Body::Tcp(segment), ..datagram(ends[0], ends[1], b"") };
        let frames = frame::frames(&packet, number, macs, mtu).unwrap();
        let length = header + 20 + if syn { 8 } else { 0 } + bytes;
        proptest::prop_assert_eq!(frames.iter().map(Vec::len).collect::<Vec<_>>(), [length]);
        let packet = datagram(ends[0], ends[1], &vec![0; bytes * 8]);
        let frames = frame::frames(&packet, number, macs, mtu).unwrap();
        for frame in &frames {
            proptest::prop_assert!(frame.len() <= usize::from(mtu) + 14);
        }
        let extra = if v6 && frames.len() > 1 { 8 } else { 0 };
        let carried: usize = frames.iter().map(|frame| frame.len() - header - extra).sum();
        proptest::prop_assert_eq!(carried, 8 + bytes * 8);
    }
}
