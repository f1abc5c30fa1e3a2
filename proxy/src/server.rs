//! Accepts connections, answers their requests, and runs those that become WebSockets.
//!
//! A connection is a task from its accept to its end, and all tasks belong to the future that
//! [`serve`] returns: when that is dropped, nothing of it is left.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ALLOW, HOST, HeaderValue, ORIGIN};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::connection::Connection;
use crate::http::{
    Access, Asker, Handshake, Here, PROXY_HEADER, Response, Route, TWO_WAY, TWO_WAY_HEADER,
    is_link, is_two_way, page, proxy_id, refusal, with_type,
};
use crate::hub::{Hub, Membership};
use crate::id::ProxyId;
use crate::limits::{ACCEPT_RETRY, REQUEST_BYTES_MAX, REQUEST_TIME};
use crate::member::{DialledBy, Kind, Link};
use crate::metrics;
use crate::name::{ChannelId, Scope};
use crate::net::{Listener, Net, Stream};
use crate::status::Reporter;
use crate::stop::Stop;

/// What requests are answered from.
pub(crate) struct Site<N> {
    pub(crate) net: N,
    pub(crate) id: ProxyId,
    pub(crate) access: Access,
    pub(crate) hub: Rc<Hub>,
    pub(crate) reporter: Reporter,
}

/// A request that became a member of a channel, while its upgrade is under way.
type Admission = Rc<RefCell<Option<(Membership, OnUpgrade)>>>;

/// Serves what arrives at `listener` until `stop`, then waits for the connections to end.
pub(crate) async fn serve<N: Net>(site: Rc<Site<N>>, listener: N::Listener, mut stop: Stop) {
    let mut handshakes = JoinSet::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stop.wait() => break,
            Some(done) = handshakes.join_next() => match done {
                Ok(Some((place, early))) => {
                    connections.spawn_local(Connection::new(place, early));
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "a handshake failed; please report this"),
            },
            Some(done) = connections.join_next() => if let Err(error) = done {
                tracing::error!(%error, "a connection failed; please report this");
            },
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    site.hub.counters.connections_accepted.increment();
                    handshakes.spawn_local(handshake(Rc::clone(&site), stream, peer));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection; trying again");
                    sleep(ACCEPT_RETRY).await;
                }
            },
        }
    }
    drop((listener, handshakes));
    while connections.join_next().await.is_some() {}
}

/// Answers the requests of one connection. If it becomes a WebSocket, gives its place on its
/// channel and what was read beyond the request.
async fn handshake<N: Net>(
    site: Rc<Site<N>>,
    stream: N::Stream,
    peer: SocketAddr,
) -> Option<(Membership, Bytes)> {
    let admission = Admission::default();
    let service = service_fn(|mut request| {
        let response = site.answer(&mut request, peer, &admission);
        async { Ok::<_, Infallible>(response) }
    });
    let http = http1::Builder::new()
        // Taken from the wall clock, which a simulated run must not see.
        .auto_date_header(false)
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIME)
        .max_buf_size(REQUEST_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = http {
        tracing::debug!(%peer, %error, "a connection ended without a sound request");
    }
    let (place, upgrade) = admission.take()?;
    let upgraded = upgrade.await.ok()?;
    let parts = upgraded.downcast::<TokioIo<N::Stream>>().ok()?;
    let stream: Box<dyn Stream> = Box::new(parts.io.into_inner());
    place.member.attach(stream);
    Some((place, parts.read_buf))
}

impl<N: Net> Site<N> {
    fn answer(
        &self,
        request: &mut Request<Incoming>,
        peer: SocketAddr,
        admission: &Admission,
    ) -> Response {
        let response = self.try_answer(request, peer, admission).unwrap_or_else(|refusal| refusal);
        if !response.status().is_success() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            self.hub.counters.requests_refused.increment();
            let (path, status) = (request.uri().path(), response.status().as_u16());
            tracing::debug!(%peer, path, status, "refused");
        }
        response
    }

    fn try_answer(
        &self,
        request: &mut Request<Incoming>,
        peer: SocketAddr,
        admission: &Admission,
    ) -> Result<Response, Response> {
        let route = Route::of(request.uri().path())
            .map_err(|error| refusal(StatusCode::NOT_FOUND, error))?;
        if request.method() != Method::GET {
            let reason = format!("{} is not answered here; use GET", request.method());
            let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, reason);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
            return Err(response);
        }
        let here =
            Here { interfaces: &|| self.net.interfaces(), host_name: &|| self.net.host_name() };
        let asker = Asker {
            peer,
            host: host(request)?,
            origin: request.headers().get(ORIGIN).and_then(|origin| origin.to_str().ok()),
        };
        let denied = |denied| refusal(StatusCode::FORBIDDEN, denied);
        match route {
            Route::Channel(channel) => {
                let link = channel.scope == Scope::Broadcast && is_link(request.headers());
                if !link {
                    self.access.to_channel(channel.scope, asker, here).map_err(denied)?;
                }
                self.open(&channel, request, peer, admission)
            }
            Route::Page(file) => {
                self.access.to_pages(asker, here).map_err(denied).map(|()| page(file))
            }
            Route::Status => {
                self.access.to_pages(asker, here).map_err(denied)?;
                let status = self.reporter.status(&self.hub);
                let json = serde_json::to_vec_pretty(&status).expect("a status is plain data");
                Ok(with_type("application/json", json))
            }
            Route::Metrics => {
                self.access.to_pages(asker, here).map_err(denied)?;
                let text = metrics::encode(&self.reporter.status(&self.hub));
                Ok(with_type(metrics::CONTENT_TYPE, text))
            }
        }
    }

    /// Makes a request a member of its channel, if it is a sound handshake.
    fn open(
        &self,
        channel: &ChannelId,
        request: &mut Request<Incoming>,
        peer: SocketAddr,
        admission: &Admission,
    ) -> Result<Response, Response> {
        let headers = request.headers();
        let handshake =
            Handshake::of(request.version(), headers).map_err(|error| error.answer())?;
        let kind = self.kind(channel, headers)?;
        let mut response = handshake.answer();
        if let Kind::Link(link) = kind {
            self.hub.counters.links_accepted.increment();
            response.headers_mut().insert(PROXY_HEADER, header_of(self.id));
            if link.two_way {
                response.headers_mut().insert(TWO_WAY_HEADER, TWO_WAY);
            }
        }
        // Before the answer: whoever has read it misses nothing that is sent from then on.
        let place = self.hub.join(channel, kind, peer);
        let upgrade = hyper::upgrade::on(request);
        *admission.borrow_mut() = Some((place, upgrade));
        Ok(response)
    }

    /// What the connection will be: a client or a link.
    fn kind(&self, channel: &ChannelId, headers: &hyper::HeaderMap) -> Result<Kind, Response> {
        if !is_link(headers) {
            return Ok(Kind::Client);
        }
        if channel.scope == Scope::Local {
            let reason = "proxies link broadcast channels only; local ones stay on their machine";
            return Err(refusal(StatusCode::BAD_REQUEST, reason));
        }
        let remote = proxy_id(headers);
        if remote == Some(self.id) {
            // link.not-to-self
            return Err(self.conflict("this proxy is you; nobody links to itself"));
        }
        if let Some(remote) = remote
            && let Some(old) = self.hub.channel(channel).and_then(|c| c.elected(remote))
        {
            // link.one-per-proxy. The old one may be dead without our knowing: then it will not
            // prove itself, and the next dial is taken.
            old.order_proof();
            return Err(self.conflict("you are linked on this channel already"));
        }
        let two_way = remote.is_some() && is_two_way(headers);
        Ok(Kind::Link(Link { remote, dialled_by: DialledBy::Them, two_way }))
    }

    fn conflict(&self, reason: &str) -> Response {
        let mut response = refusal(StatusCode::CONFLICT, reason);
        response.headers_mut().insert(PROXY_HEADER, header_of(self.id));
        response
    }
}

/// The host that a request is for: of its target if that names one, else of its one `Host` header
/// (RFC 9112 sections 3.2 and 3.2.2).
fn host(request: &Request<Incoming>) -> Result<&str, Response> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        let reason = "a request must have exactly one Host header";
        return Err(refusal(StatusCode::BAD_REQUEST, reason));
    };
    match request.uri().authority() {
        Some(authority) => Ok(authority.as_str()),
        None => Ok(host.to_str().unwrap_or_default()),
    }
}

/// An id as the value of [`PROXY_HEADER`].
pub(crate) fn header_of(id: ProxyId) -> HeaderValue {
    HeaderValue::try_from(id.to_string()).expect("hexadecimal digits are a valid header value")
}
