//! Sees who is dialled.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use socket2::Socket;

use super::host::Host;
use super::or_skip;
use crate::case::Step;
use crate::log::{Direction, Log};

/// Larger than what is needed of any packet.
const PACKET_BYTES: usize = 2048;

const TCP: u8 = 6;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// Every attempt at a TCP connection that a host makes or is the aim of, on all its interfaces:
/// also one that leads nowhere.
#[derive(Debug)]
pub struct Tap {
    socket: Socket,
    dialled: Mutex<Vec<SocketAddr>>,
    name: String,
    log: Log,
}

impl Tap {
    /// From now on.
    ///
    /// # Errors
    ///
    /// A skip, with the reason, where there can be none.
    pub fn on(host: &Host, log: &Log) -> Step<Self> {
        let socket = or_skip(|| host.enter(kernel::open))?;
        let name = format!("{} tap", host.name());
        Ok(Self { socket, dialled: Mutex::default(), name, log: log.clone() })
    }

    /// Where somebody tried to connect to, up to now.
    pub fn dialled(&self) -> Vec<SocketAddr> {
        let mut dialled = self.dialled.lock().unwrap_or_else(PoisonError::into_inner);
        let mut packet = [0; PACKET_BYTES];
        while let Ok(length) = (&self.socket).read(&mut packet) {
            // Loopback shows each twice, and so does one that is repeated.
            if let Some(to) = dial(&packet[..length]).filter(|to| !dialled.contains(to)) {
                self.log.add(&self.name, Direction::Received, format!("SYN to {to}"));
                dialled.push(to);
            }
        }
        dialled.clone()
    }
}

/// Where a packet dials, if it is a TCP SYN over IPv4 or IPv6 (RFC 791, RFC 8200, RFC 9293): there
/// is a moment before the filter is in place.
fn dial(packet: &[u8]) -> Option<SocketAddr> {
    let (to, tcp): (IpAddr, _) = match packet.first()? >> 4 {
        4 if *packet.get(9)? == TCP => {
            let to = Ipv4Addr::from(*packet.get(16..)?.first_chunk::<4>()?);
            (to.into(), packet.get(usize::from(packet[0] & 0xf) * 4..)?)
        }
        6 if *packet.get(6)? == TCP => {
            (Ipv6Addr::from(*packet.get(24..)?.first_chunk::<16>()?).into(), packet.get(40..)?)
        }
        _ => return None,
    };
    let port = u16::from_be_bytes(*tcp.get(2..)?.first_chunk()?);
    (tcp.get(13)? & (SYN | ACK) == SYN).then_some(SocketAddr::new(to, port))
}

#[cfg(target_os = "linux")]
mod kernel {
    use socket2::{Domain, Protocol, SockFilter, Type};

    use super::{Socket, io};

    /// Packets of all protocols.
    const ETH_P_ALL: u16 = 3;

    /// What a host may have dialled before it is looked at; the kernel gives half, or less.
    const BUFFER_BYTES: usize = 1 << 20;

    /// Lets nothing pass but SYN without ACK, over TCP over IPv4 or IPv6: a buffer full of all
    /// else would lose it. As `tcpdump -d` writes it, beginning at the header of IP.
    const FILTER: [SockFilter; 16] = [
        SockFilter::new(0x30, 0, 0, 0),     //  0 ldb [0]
        SockFilter::new(0x74, 0, 0, 4),     //  1 rsh #4
        SockFilter::new(0x15, 0, 4, 4),     //  2 jeq #4         jf 7
        SockFilter::new(0x30, 0, 0, 9),     //  3 ldb [9]
        SockFilter::new(0x15, 0, 10, 6),    //  4 jeq #6         jf 15
        SockFilter::new(0xb1, 0, 0, 0),     //  5 ldxb 4*([0]&0xf)
        SockFilter::new(0x05, 0, 0, 4),     //  6 jmp 11
        SockFilter::new(0x15, 0, 7, 6),     //  7 jeq #6         jf 15
        SockFilter::new(0x30, 0, 0, 6),     //  8 ldb [6]
        SockFilter::new(0x15, 0, 5, 6),     //  9 jeq #6         jf 15
        SockFilter::new(0x01, 0, 0, 40),    // 10 ldx #40
        SockFilter::new(0x50, 0, 0, 13),    // 11 ldb [x + 13]
        SockFilter::new(0x54, 0, 0, 0x12),  // 12 and #SYN|ACK
        SockFilter::new(0x15, 0, 1, 0x02),  // 13 jeq #SYN       jf 15
        SockFilter::new(0x06, 0, 0, 65535), // 14 ret #65535
        SockFilter::new(0x06, 0, 0, 0),     // 15 ret #0
    ];

    pub(super) fn open() -> io::Result<Socket> {
        let all = Protocol::from(i32::from(ETH_P_ALL.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(all))?;
        socket.attach_filter(&FILTER)?;
        socket.set_recv_buffer_size(BUFFER_BYTES)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use super::{Socket, io};

    pub(super) fn open() -> io::Result<Socket> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
