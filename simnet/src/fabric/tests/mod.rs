//! One test for each mechanism, on networks of a few hosts.

mod connect;
mod faults;
mod links;
mod processes;
mod replay;
mod tcp;
mod udp;

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use proxy::{Listener, Net};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::packet::{Fate, HostId, InterfaceId, Packet, SegmentId, Tap};
use super::quality::{Latency, Loss, Quality};
use super::{
    Exit, Fabric, FabricListener, FabricStream, HostNet, Multicast, Place, SegmentSpec, UdpSocket,
    UdpSpec, simulate,
};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// The port of the tests' servers.
const PORT: u16 = 7000;

/// Hosts 10.0.0.1, 10.0.0.2, … on one segment, each over a link of this quality.
fn lan<const N: usize>(fabric: &Fabric, spec: SegmentSpec, quality: &Quality) -> [HostId; N] {
    let segment = fabric.segment(spec);
    std::array::from_fn(|n| {
        let host = fabric.host(format!("host{n}"));
        let addresses = [(ip(n), 24), (ip6(n), 64), (link_local(n), 64)];
        fabric.attach(host, segment, &addresses, quality.clone());
        host
    })
}

/// Two hosts that nothing goes wrong between, 0.4 ms apart.
fn two(fabric: &Fabric) -> [HostId; 2] {
    lan(fabric, SegmentSpec::default(), &Quality::default())
}

fn ip(n: usize) -> IpAddr {
    IpAddr::from([10, 0, 0, n as u8 + 1])
}

fn ip6(n: usize) -> IpAddr {
    IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, n as u16 + 1])
}

fn link_local(n: usize) -> IpAddr {
    IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, n as u16 + 1])
}

fn at(address: IpAddr) -> SocketAddr {
    SocketAddr::new(address, PORT)
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The interface on the segment of a host that has one.
fn interface(host: HostId) -> InterfaceId {
    InterfaceId { host, index: 2 }
}

async fn listen(net: &HostNet) -> FabricListener {
    net.listen(address("0.0.0.0:7000")).await.unwrap()
}

/// A connection from host 1 to host 0: the server's stream, the client's.
async fn pair(fabric: &Fabric, [server, client]: [HostId; 2]) -> (FabricStream, FabricStream) {
    let listener = listen(&fabric.net(server)).await;
    let client = fabric.net(client);
    let connecting = async { client.connect(at(ip(0))).await.unwrap() };
    let (accepted, connected) = tokio::join!(listener.accept(), connecting);
    (accepted.unwrap().0, connected)
}

/// Numbers, one after the other, so that any disorder shows.
fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32 / 4).flat_map(u32::to_be_bytes).collect()
}

/// Sends the pattern one way and asserts that it comes.
async fn transfer(from: &mut FabricStream, to: &mut FabricStream, len: usize) {
    let data = pattern(len);
    let mut got = vec![0; len];
    let (sent, received) = tokio::join!(from.write_all(&data), to.read_exact(&mut got));
    sent.unwrap();
    received.unwrap();
    assert!(got == data, "the bytes are others, or in another order");
}

/// Keeps all that a tap sees.
#[derive(Default)]
struct Seen {
    sent: Vec<(Duration, InterfaceId, SegmentId, Packet)>,
    fates: Vec<(Duration, u64, Fate)>,
}

impl Tap for Seen {
    fn sent(
        &mut self,
        at: Duration,
        number: u64,
        from: InterfaceId,
        segment: SegmentId,
        packet: &Packet,
    ) {
        self.sent.push((at, from, segment, packet.clone()));
        assert_eq!(self.sent.len() as u64, number, "packets are numbered from 1");
    }

    fn fate(&mut self, at: Duration, number: u64, fate: Fate) {
        self.fates.push((at, number, fate));
    }
}

fn tapped(fabric: &Fabric) -> Rc<RefCell<Seen>> {
    let seen = Rc::new(RefCell::new(Seen::default()));
    fabric.tap(seen.clone());
    seen
}
