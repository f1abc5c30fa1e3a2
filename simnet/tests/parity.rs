//! The same programs on every network must see the same.
//!
//! ```text
//!                ┌─ real      loopback of this machine: what is right
//!   one body ────┼─ lan       two hosts of a fabric
//!                ├─ inside    one host of a fabric, over its loopback
//!                └─ turmoil   where turmoil can
//! ```
//!
//! The bodies assert everything that a program can tell of TCP: ends, errors and their kinds,
//! what is still readable, and that what is not read is bounded.
//!
//! turmoil 0.7 cannot: connecting waits there until the other side accepts, so who is not accepted
//! is not connected; it takes any amount from a writer at once (its window counts writes, not
//! bytes); and it tells a reset more than once.

#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]

#[path = "parity/bodies.rs"]
mod bodies;

use std::net::{IpAddr, Ipv4Addr};

use proxy::{Net, TokioNet};
use simnet::TurmoilNet;
use simnet::fabric::quality::Quality;
use simnet::fabric::{Fabric, HostNet, SegmentSpec, simulate};

/// Two programs on a network, and where the first one listens.
pub(crate) struct Ends<N> {
    pub(crate) server: N,
    pub(crate) client: N,
    pub(crate) address: IpAddr,
}

impl<N: Net> Ends<N> {
    fn on_one_host(net: &N) -> Self {
        let address = Ipv4Addr::LOCALHOST.into();
        Self { server: net.clone(), client: net.clone(), address }
    }
}

fn lan(fabric: &Fabric) -> Ends<HostNet> {
    let segment = fabric.segment(SegmentSpec::default());
    let address = |n| (IpAddr::from([10, 0, 0, n]), 24);
    let (server, client) = (fabric.host("server"), fabric.host("client"));
    fabric.attach(server, segment, &[address(1)], Quality::default());
    fabric.attach(client, segment, &[address(2)], Quality::default());
    Ends { server: fabric.net(server), client: fabric.net(client), address: address(1).0 }
}

fn on_loopback<T>(body: impl AsyncFnOnce(Ends<TokioNet>) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let limit = std::time::Duration::from_secs(30);
        tokio::time::timeout(limit, body(Ends::on_one_host(&TokioNet))).await.expect("in time")
    })
}

fn on_turmoil(body: impl AsyncFnOnce(Ends<TurmoilNet>) + 'static) {
    let mut sim = turmoil::Builder::new()
        .rng_seed(1)
        .epoch(std::time::SystemTime::UNIX_EPOCH)
        .tcp_capacity(4096)
        .build();
    sim.client("host", async move {
        body(Ends::on_one_host(&TurmoilNet::of("host"))).await;
        Ok(())
    });
    sim.run().unwrap();
}

macro_rules! parity {
    ($($body:ident)*; turmoil: $($on_turmoil:ident)*) => {
        // Other systems name some errors differently.
        #[cfg(target_os = "linux")]
        mod real {
            $(#[test] fn $body() { super::on_loopback(super::bodies::$body); })*
        }
        mod lan {
            $(#[test] fn $body() {
                super::simulate(1, async |fabric| super::bodies::$body(super::lan(&fabric)).await);
            })*
        }
        mod inside {
            $(#[test] fn $body() {
                super::simulate(1, async |fabric| {
                    let net = fabric.net(fabric.host("host"));
                    super::bodies::$body(super::Ends::on_one_host(&net)).await;
                });
            })*
        }
        mod on_turmoil {
            $(#[test] fn $on_turmoil() { super::on_turmoil(super::bodies::$on_turmoil); })*
        }
    };
}

parity! {
    the_end_is_read_after_all_data
    half_a_connection_goes_on
    what_was_not_read_is_reset
    what_came_before_a_reset_is_readable
    writing_to_who_has_closed_breaks
    writing_after_its_own_end_breaks
    nobody_listens
    a_full_connection_blocks_and_loses_nothing
    a_blocked_writer_hears_of_a_reset
    a_reader_hears_of_a_reset
    a_client_may_be_gone_before_it_is_accepted
    a_listener_that_goes_resets_who_waits
    much_goes_both_ways_at_once
    many_connections_are_apart
    a_port_is_taken_once
    both_families_stand_beside_each_other
    any_address_is_oneself
    ;
    turmoil:
    the_end_is_read_after_all_data
    half_a_connection_goes_on
    what_came_before_a_reset_is_readable
    writing_to_who_has_closed_breaks
    nobody_listens
    a_reader_hears_of_a_reset
    much_goes_both_ways_at_once
    a_port_is_taken_once
}
