//! Accepts connections, and runs those that become WebSockets.
//!
//! A handshake is a task. The connections that come of them are futures of one set, which costs
//! less for each than a task: an idle one is about 1 KiB. All belong to the future that [`serve`]
//! returns: when that is dropped, nothing of it is left.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use futures_util::future::{CatchUnwind, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::task::coop::unconstrained;

use crate::clock::{HyperTimer, sleep};
use crate::connection::Connection;
use crate::hub::Membership;
use crate::limits::{ACCEPT_RETRY, REQUEST_BYTES_MAX, REQUEST_TIME};
use crate::net::{Listener, Net, Stream};
use crate::newcomers::Newcomers;
use crate::site::{Admission, Site};
use crate::stop::Stop;

/// Serves what arrives at `listener` until `stop`, then waits for the connections to end.
pub(crate) async fn serve<N: Net>(site: Rc<Site<N>>, listener: N::Listener, mut stop: Stop) {
    let mut handshakes = Newcomers::default();
    let mut connections = Connections::default();
    loop {
        tokio::select! {
            biased;
            () = stop.wait() => break,
            Some((place, early)) = handshakes.next() => connections.push(place, early),
            () = connections.next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    site.hub.counters.connections_accepted.increment();
                    if handshakes.add(handshake(Rc::clone(&site), stream, peer)) {
                        site.hub.counters.connections_displaced.increment();
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection; trying again");
                    sleep(ACCEPT_RETRY).await;
                }
            },
        }
    }
    // Who has the answer is a member, and is told that the proxy goes.
    for (place, early) in handshakes.done() {
        connections.push(place, early);
    }
    drop((listener, handshakes));
    while !connections.is_empty() {
        connections.next().await;
    }
}

/// The connections of one listener.
#[derive(Default)]
struct Connections(FuturesUnordered<CatchUnwind<AssertUnwindSafe<Connection>>>);

impl Connections {
    fn push(&self, place: Membership, early: Box<[u8]>) {
        // What fails in one must end no other, as if each were a task. What it shares with others
        // is whole again once its borrows are dropped.
        self.0.push(AssertUnwindSafe(Connection::new(place, early)).catch_unwind());
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Moves all on that can move, until one has ended. May be dropped and called again.
    async fn next(&mut self) {
        // Each does its share and no more by itself; a task's budget is not for so many.
        match unconstrained(self.0.next()).await {
            Some(Ok(_)) => {}
            Some(Err(_)) => tracing::error!("a connection failed; please report this"),
            None => pending().await,
        }
    }
}

/// Answers the requests of one connection. If it becomes a WebSocket, gives its place on its
/// channel and what was read beyond the request.
async fn handshake<N: Net>(
    site: Rc<Site<N>>,
    stream: N::Stream,
    peer: SocketAddr,
) -> Option<(Membership, Box<[u8]>)> {
    let admission = Admission::default();
    let service = service_fn(|mut request| {
        let answer = site.answer(&mut request, peer, &admission);
        async { Ok::<_, Infallible>(site.complete(answer).await) }
    });
    let http = http1::Builder::new()
        // Taken from the wall clock, which a simulated run must not see.
        .auto_date_header(false)
        .timer(HyperTimer)
        .header_read_timeout(REQUEST_TIME)
        .max_buf_size(REQUEST_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let http = tokio::select! {
        biased;
        ended = http => ended,
        () = admission.untaken(site.hub.limits.stall_time) => return None,
    };
    if let Err(error) = http {
        tracing::debug!(%peer, %error, "a connection ended without a sound request");
    }
    let (place, upgrade) = admission.take()?;
    let upgraded = upgrade.await.ok()?;
    let parts = upgraded.downcast::<TokioIo<N::Stream>>().ok()?;
    let stream: Box<dyn Stream> = Box::new(parts.io.into_inner());
    place.member.attach(stream);
    // A copy: it would keep hyper's whole buffer, also when it is empty.
    Some((place, (*parts.read_buf).into()))
}
