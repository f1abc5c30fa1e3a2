//! A packet as the Ethernet frames that a real network would carry.
//!
//! ```text
//!   Ethernet II ▸ IPv4 or IPv6 ▸ UDP or TCP ▸ payload     a datagram beyond the MTU: one frame
//!                                                         for each of its fragments
//! ```

use std::net::{IpAddr, SocketAddr};

use etherparse::{
    EtherType, Ethernet2Header, IpFragOffset, IpNumber, Ipv4Header, Ipv6FragmentHeader, Ipv6Header,
    TcpHeader, TcpOptionElement, UdpHeader, ether_type, ip_number,
};

use crate::fabric::packet::{Body, InterfaceId, Packet, Segment};

/// Windows of TCP are told in units of 2^7 bytes (RFC 7323), so up to 8 MiB.
const WINDOW_SHIFT: u8 = 7;
/// Hops of TCP's packets, which say none themselves: what Linux sends.
const TCP_HOPS: u8 = 64;

/// An Ethernet address.
pub(super) type Mac = [u8; 6];

/// Why a packet cannot be written as it is.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unwritable {
    #[error("from {0} to {1} is not within one IP version")]
    Families(IpAddr, IpAddr),
    #[error("{0} bytes with their headers are more than the 65535 of an IP packet")]
    TooLong(usize),
}

/// The address of an interface: locally administered, with its host and index in sight.
pub(super) fn mac_of(interface: InterfaceId) -> Mac {
    let [_, high, middle, low] = interface.host.0.to_be_bytes();
    let [.., index] = interface.index.to_be_bytes();
    [0x02, 0, high, middle, low, index]
}

/// The address of a multicast group (RFC 1112 section 6.4, RFC 2464 section 7); else none.
pub(super) fn mac_of_group(ip: IpAddr) -> Option<Mac> {
    match ip {
        IpAddr::V4(v4) if v4.is_broadcast() => Some([0xff; 6]),
        IpAddr::V4(v4) if v4.is_multicast() => {
            let [_, a, b, c] = v4.octets();
            Some([0x01, 0x00, 0x5e, a & 0x7f, b, c])
        }
        IpAddr::V6(v6) if v6.is_multicast() => {
            let [.., a, b, c, d] = v6.octets();
            Some([0x33, 0x33, a, b, c, d])
        }
        _ => None,
    }
}

/// The address to which nobody answers: what a packet to an unknown host shows.
pub(super) const MAC_OF_NOBODY: Mac = [0x02, 0xff, 0xff, 0xff, 0xff, 0xff];

/// The frames of `packet`, which is the `number`th, between these Ethernet addresses.
pub(super) fn frames(
    packet: &Packet,
    number: u64,
    (source, destination): (Mac, Mac),
    mtu: u16,
) -> Result<Vec<Vec<u8>>, Unwritable> {
    let (protocol, hops, bytes) = transport(packet, mtu)?;
    let ethernet = |ether_type: EtherType| {
        Ethernet2Header { source, destination, ether_type }.to_bytes().to_vec()
    };
    let fragments = |header: usize| {
        let room = usize::from(mtu).saturating_sub(header).max(8) / 8 * 8;
        let whole = protocol == ip_number::TCP || bytes.len() + header <= usize::from(mtu);
        pieces(&bytes, if whole { bytes.len().max(1) } else { room })
    };
    match (packet.source.ip(), packet.destination.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let one = |(offset, piece, more): (usize, &[u8], bool)| {
                let mut ip = Ipv4Header::new(
                    length(piece.len())?,
                    hops,
                    protocol,
                    from.octets(),
                    to.octets(),
                )
                .map_err(|_| Unwritable::TooLong(piece.len()))?;
                ip.identification = number as u16;
                ip.dont_fragment = protocol == ip_number::TCP;
                ip.more_fragments = more;
                ip.fragment_offset = eighths(offset);
                ip.header_checksum = ip.calc_header_checksum();
                Ok([&ethernet(ether_type::IPV4)[..], &ip.to_bytes(), piece].concat())
            };
            fragments(Ipv4Header::MIN_LEN).into_iter().map(one).collect()
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let one = |(offset, piece, more): (usize, &[u8], bool)| {
                let fragment = (offset > 0 || more).then(|| {
                    let at = eighths(offset);
                    Ipv6FragmentHeader::new(protocol, at, more, number as u32).to_bytes()
                });
                let extra: &[u8] = fragment.as_ref().map_or(&[], |header| header);
                let ip = Ipv6Header {
                    payload_length: length(extra.len() + piece.len())?,
                    next_header: if extra.is_empty() { protocol } else { ip_number::IPV6_FRAG },
                    hop_limit: hops,
                    source: from.octets(),
                    destination: to.octets(),
                    ..Ipv6Header::default()
                };
                Ok([&ethernet(ether_type::IPV6)[..], &ip.to_bytes(), extra, piece].concat())
            };
            fragments(Ipv6Header::LEN + Ipv6FragmentHeader::LEN).into_iter().map(one).collect()
        }
        (from, to) => Err(Unwritable::Families(from, to)),
    }
}

/// What IP carries: the protocol, its hops, and header and payload with a checksum.
fn transport(packet: &Packet, mtu: u16) -> Result<(IpNumber, u8, Vec<u8>), Unwritable> {
    let (from, to) = (packet.source, packet.destination);
    match &packet.body {
        Body::Udp { payload, hops } => {
            let length = length(UdpHeader::LEN + payload.len())?;
            let mut udp = UdpHeader {
                source_port: from.port(),
                destination_port: to.port(),
                length,
                checksum: 0,
            };
            udp.checksum = checksum(
                (from, to),
                payload,
                |a, b, payload| udp.calc_checksum_ipv4_raw(a, b, payload),
                |a, b, payload| udp.calc_checksum_ipv6_raw(a, b, payload),
            )?;
            Ok((ip_number::UDP, *hops, [&udp.to_bytes()[..], payload].concat()))
        }
        Body::Tcp(segment) => {
            let mut tcp = tcp_header(segment, from, to, mtu);
            tcp.checksum = checksum(
                (from, to),
                &segment.payload,
                |a, b, payload| tcp.calc_checksum_ipv4_raw(a, b, payload),
                |a, b, payload| tcp.calc_checksum_ipv6_raw(a, b, payload),
            )?;
            Ok((ip_number::TCP, TCP_HOPS, [&tcp.to_bytes()[..], &segment.payload].concat()))
        }
    }
}

fn tcp_header(segment: &Segment, from: SocketAddr, to: SocketAddr, mtu: u16) -> TcpHeader {
    let mut tcp = TcpHeader::new(from.port(), to.port(), segment.sequence, 0);
    (tcp.syn, tcp.ack, tcp.fin) = (segment.syn, segment.ack, segment.fin);
    (tcp.rst, tcp.psh) = (segment.rst, segment.psh);
    if segment.ack {
        tcp.acknowledgment_number = segment.acknowledged;
    }
    if segment.syn {
        let headers = if from.is_ipv4() { Ipv4Header::MIN_LEN } else { Ipv6Header::LEN };
        let mss = mtu.saturating_sub((headers + TcpHeader::MIN_LEN) as u16);
        tcp.set_options(&[
            TcpOptionElement::MaximumSegmentSize(mss),
            TcpOptionElement::Noop,
            TcpOptionElement::WindowScale(WINDOW_SHIFT),
        ])
        .expect("8 bytes of options are within the 40 that fit");
    }
    // Windows of SYNs are never scaled. Rounded up, so that data which fits also looks so.
    let scaled =
        if segment.syn { segment.window } else { segment.window.div_ceil(1 << WINDOW_SHIFT) };
    tcp.window_size = u16::try_from(scaled).unwrap_or(u16::MAX);
    tcp
}

/// The checksum by IP version.
fn checksum<E>(
    (from, to): (SocketAddr, SocketAddr),
    payload: &[u8],
    v4: impl Fn([u8; 4], [u8; 4], &[u8]) -> Result<u16, E>,
    v6: impl Fn([u8; 16], [u8; 16], &[u8]) -> Result<u16, E>,
) -> Result<u16, Unwritable> {
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => v4(from.octets(), to.octets(), payload),
        (IpAddr::V6(from), IpAddr::V6(to)) => v6(from.octets(), to.octets(), payload),
        (from, to) => return Err(Unwritable::Families(from, to)),
    }
    .map_err(|_| Unwritable::TooLong(payload.len()))
}

/// `bytes` in pieces of `room`, each with its offset and whether there are more. At least one.
fn pieces(bytes: &[u8], room: usize) -> Vec<(usize, &[u8], bool)> {
    let more = |offset: usize, piece: &[u8]| offset + piece.len() < bytes.len();
    let numbered = bytes.chunks(room).enumerate();
    numbered.map(|(n, piece)| (n * room, piece, more(n * room, piece))).collect()
}

fn length(bytes: usize) -> Result<u16, Unwritable> {
    u16::try_from(bytes).map_err(|_| Unwritable::TooLong(bytes))
}

fn eighths(offset: usize) -> IpFragOffset {
    IpFragOffset::try_new((offset / 8) as u16).expect("within 65535 bytes, so below 8192")
}
