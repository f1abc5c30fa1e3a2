//! The reference Named WebSockets proxy.
//!
//! Everything on a machine that opens `ws://localhost:9009/local/<name>` hears everything else
//! that does; with `/broadcast/<name>` so does the local network. This crate is that proxy as a
//! library, and the program `namedwebsockets`. The protocol is written down in
//! `conformance/PROTOCOL.md`; comments here name its clauses where the code obeys them.
//!
//! ```text
//!            ┌──────────────────────────────────────────────────────────┐
//! clients ─▶ │ server ─▶ http ─▶ connection ─▶ channel ─▶ members       │ ─▶ clients
//!            │                                    │ hub                 │
//! proxies ◀▶ │ link: planner, driver, dial ◀──────┘ interest            │ ◀▶ proxies
//!            └─────────┬────────────┬───────────────┬────────────┬──────┘
//!                  Discovery       Net            time          rng
//! ```
//!
//! # One proxy, many worlds
//!
//! The proxy takes its world from outside: a [`Net`] to listen and connect on, a [`Discovery`] to
//! be found by, tokio's clock, which may be paused, and one seeded generator. So a simulator runs
//! the very code that a person's machine runs:
//!
//! ```
//! use proxy::{Config, NoDiscovery, Proxy, TokioNet};
//! use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! tokio::task::LocalSet::new().block_on(&runtime, async {
//!     let config = Config { port: 0, bind: vec!["127.0.0.1".parse()?], ..Config::default() };
//!     let proxy = Proxy::bind(TokioNet, config, ChaCha8Rng::seed_from_u64(1)).await?;
//!     println!("listening on {:?}", proxy.addresses());
//!     proxy.run(NoDiscovery, async { /* until this is ready */ }).await;
//!     Ok(())
//! })
//! # }
//! ```

#[doc(hidden)]
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
pub mod bugs;
mod channel;
pub mod clock;
mod connection;
mod counters;
pub mod discovery;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod hub;
mod id;
mod limits;
mod link;
pub mod mdns;
mod member;
mod metrics;
mod name;
mod net;
mod newcomers;
pub mod observe;
mod outbox;
mod proxy;
mod seats;
mod server;
mod site;
mod status;
mod stop;
mod tokio_net;
mod workers;
mod ws;

pub use discovery::{Builtin, Discovery, MdnsSd, MdnsUdp, NoDiscovery};
pub use http::Access;
pub use id::{BadProxyId, ProxyId};
pub use limits::Limits;
pub use link::{BadPeer, DEFAULT_PORT, Peer};
pub use name::{ChannelName, NameError};
pub use net::{Datagram, Interface, Listener, MdnsSocket, Net, Stream};
pub use proxy::{BindError, Config, Proxy};
pub use tokio_net::TokioNet;
pub use workers::Workers;
