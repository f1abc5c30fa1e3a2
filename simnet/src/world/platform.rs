//! What a world is run on: the fabric, turmoil, or this machine's own loopback.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::time::Duration;

use proxy::{Discovery, Net};
use rand_chacha::ChaCha8Rng;

use crate::event::{FaultNo, HostNo, ProxyNo};
use crate::fabric::panic_text;
use crate::scenario::planned::Trouble;

/// A program that runs on a host.
pub(crate) type Program = Pin<Box<dyn Future<Output = ()>>>;

/// `future` as a program. Engines run programs as tasks, and a task that panics only ends; so that
/// the run fails, it is logged as an error.
pub(crate) fn program(future: impl Future<Output = ()> + 'static) -> Program {
    let mut future = Box::pin(future);
    Box::pin(poll_fn(move |cx| {
        catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))).unwrap_or_else(|panic| {
            tracing::error!("a program of the world panicked: {}", panic_text(&*panic));
            resume_unwind(panic)
        })
    }))
}

/// Hosts, the network between them, and what can go wrong with both.
///
/// An engine knows nothing of proxies' and clients' behaviour; the world knows nothing of packets.
pub(crate) trait Platform: 'static {
    /// The network as one host sees it.
    type Net: Net;
    /// How a proxy is found.
    type Discovery: Discovery;
    /// A program that runs.
    type Process: Process;

    /// Time since the start of the world.
    fn now(&self) -> Duration;

    /// Where proxies of this host listen.
    fn bind(&self, host: HostNo) -> Vec<IpAddr>;

    /// How programs of this host call it.
    fn localhost(&self, host: HostNo) -> IpAddr;

    /// The name under which others find this host.
    fn name(&self, host: HostNo) -> String;

    /// The network of a host. Called within a program of that host.
    fn net(&self, host: HostNo) -> Self::Net;

    /// The discovery of a proxy, with randomness of its own. Called within its program.
    fn discovery(&self, proxy: ProxyNo, rng: ChaCha8Rng) -> Self::Discovery;

    /// Starts a program.
    fn spawn(&self, host: HostNo, program: Program) -> Self::Process;

    /// The network's and the hosts' part of a fault begins. Programs of hosts that lose power are
    /// ended by this.
    fn begin(&self, number: FaultNo, what: &Trouble);

    /// It is over. Programs of hosts that lost power are not started by this.
    fn end(&self, number: FaultNo, what: &Trouble);
}

/// A program that runs, or did.
pub(crate) trait Process: 'static {
    /// Ends it as the system does: its sockets are closed, its code runs no more.
    fn kill(&self);

    /// Ready when nothing of it is left.
    fn ended(&self) -> impl Future<Output = ()>;

    /// Sockets that it has open beside listeners, and its tasks, if the engine counts them.
    fn counts(&self) -> (Option<u32>, Option<u32>);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Alarm;
    use tokio::task::JoinSet;

    #[tokio::test(flavor = "local")]
    async fn a_program_that_panics_is_heard() {
        let alarm = Alarm::default();
        let _heard = tracing::subscriber::set_default(alarm.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn_local(program(async { panic!("an impossible {}", 7) }));
        assert!(tasks.join_next().await.expect("a task").is_err());
        assert_eq!(alarm.take(), ["a program of the world panicked: an impossible 7"]);
    }
}
