//! A leader election of our own on a simulated network, through a partition and a power loss.
//!
//! ```text
//!   every host, each 100 ms ──▶ "I am N, and I follow L" ──▶ multicast 239.1.1.1:4000
//!   heard of nobody lower for 500 ms?  ──▶ I lead
//! ```
//!
//! The host with the lowest number that can be heard leads its side of the network. The rule is
//! simple; whether it holds under loss, partitions and crashes is what the simulation tells. To
//! study a protocol of yours, replace `member`: it is ordinary async code, which takes its time from
//! `proxy::clock` and its network from a [`HostNet`].
//!
//! Run it with `cargo run -p simnet --example election -- 7`, where 7 is the seed. The same seed
//! gives the same lines.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use proxy::clock;
use simnet::fabric::packet::{HostId, SegmentId};
use simnet::fabric::quality::{Latency, Loss, Quality};
use simnet::fabric::{Fabric, HostNet, SegmentSpec, UdpSpec, simulate};

const HOSTS: u8 = 5;
const BEAT: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_millis(500);
const SECOND: Duration = Duration::from_secs(1);

/// Whom each host follows; for the checks, not for the protocol.
type Leaders = Rc<RefCell<[Option<u8>; HOSTS as usize]>>;

/// The protocol: one member of the group.
async fn member(number: u8, net: HostNet, leaders: Leaders) -> std::io::Result<()> {
    let group = SocketAddr::from(([239, 1, 1, 1], 4000));
    let socket = net.udp(UdpSpec::new(SocketAddr::from(([0, 0, 0, 0], group.port()))))?;
    socket.join(group.ip(), 2)?;
    let mut next_beat = clock::now();
    // The lowest that was heard of lately, and until when it counts.
    let (mut leader, mut until) = (number, clock::now() + PATIENCE);
    loop {
        tokio::select! {
            biased;
            datagram = socket.recv() => {
                let heard = datagram?.payload[0];
                if heard <= leader {
                    (leader, until) = (heard, clock::now() + PATIENCE);
                }
            }
            () = clock::sleep_until(until) => {
                (leader, until) = (number, clock::now() + PATIENCE);
            }
            () = clock::sleep_until(next_beat) => {
                socket.send_to(vec![number], group, None)?;
                next_beat += BEAT;
            }
        }
        leaders.borrow_mut()[usize::from(number)] = Some(leader);
    }
}

/// A host in the office, over a link that loses every tenth packet.
fn host(fabric: &Fabric, office: SegmentId, number: u8) -> HostId {
    let host = fabric.host(format!("host-{number}"));
    let quality = Quality {
        latency: Latency::LongTailed {
            min: Duration::from_millis(1),
            shape: 2.0,
            max: Duration::from_millis(80),
        },
        loss: Loss::Independent(0.1),
        ..Quality::default()
    };
    let address = IpAddr::from([10, 0, 0, number + 1]);
    fabric.attach(host, office, &[(address, 24)], quality);
    host
}

/// The world: five members, and what befalls them.
async fn story(fabric: Fabric) {
    let office = fabric.segment(SegmentSpec::default());
    let leaders = Leaders::default();
    let start = |id: HostId| {
        let number = id.0 as u8;
        drop(fabric.spawn(id, member(number, fabric.net(id), leaders.clone())));
    };
    let hosts: Vec<HostId> = (0..HOSTS).map(|number| host(&fabric, office, number)).collect();
    hosts.iter().copied().for_each(start);
    let expect = async |what: &str, expected: [u8; HOSTS as usize]| {
        tokio::time::sleep(2 * SECOND).await;
        let now = fabric.now().as_secs_f64();
        println!("{now:6.3} s  {what}: {:?}", leaders.borrow());
        assert_eq!(*leaders.borrow(), expected.map(Some), "{what}");
    };
    expect("all see each other", [0; 5]).await;

    let (left, right) = (&hosts[..2], &hosts[2..]);
    let cuts = [(left, right), (right, left)]
        .map(|(from, to)| fabric.block(from.iter().copied(), to.iter().copied()));
    expect("a partition: each side has a leader", [0, 0, 2, 2, 2]).await;
    cuts.into_iter().for_each(|cut| fabric.unblock(cut));
    expect("it is healed", [0; 5]).await;

    fabric.power_off(hosts[0]);
    expect("the leader lost its power", [0, 1, 1, 1, 1]).await;
    fabric.power_on(hosts[0]);
    start(hosts[0]);
    expect("it is back", [0; 5]).await;

    // Nobody hears it, though it hears everyone.
    let others = hosts[1..].iter().copied();
    fabric.block([hosts[0]], others);
    expect("one way only", [0, 1, 1, 1, 1]).await;
    let figures = fabric.figures();
    println!("{} multicasts, {} arrivals", figures.multicast_packets, figures.arrivals);
}

fn main() {
    let seed = std::env::args().nth(1).map_or(7, |seed| seed.parse().expect("a seed is a number"));
    simulate(seed, story);
}
