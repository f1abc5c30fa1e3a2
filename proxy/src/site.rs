//! Answers requests: pages and status at once, channels by making the connection a member.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use hyper::body::Incoming;
use hyper::header::{HOST, HeaderMap, ORIGIN};
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request};
use tokio::sync::Notify;
use tokio::time::Duration;

use crate::bugs::{Bug, planted};
use crate::clock::timeout;
use crate::http::{
    Access, Asker, Handshake, Here, PROXY_HEADER, Page, Refusal, Response, Route, TWO_WAY,
    TWO_WAY_HEADER, file, header_of, is_link, is_two_way, moved, proxy_id, with_type,
};
use crate::hub::{Hub, Membership};
use crate::id::ProxyId;
use crate::limits::ANSWER_TIME;
use crate::member::{DialledBy, Kind, Link};
use crate::metrics;
use crate::name::{ChannelId, Scope};
use crate::net::Net;
use crate::status::{Reporter, Status};
use crate::workers::Crew;

/// What requests are answered from.
pub(crate) struct Site<N> {
    pub(crate) net: N,
    pub(crate) id: ProxyId,
    pub(crate) access: Access,
    pub(crate) hub: Rc<Hub>,
    pub(crate) reporter: Reporter,
    pub(crate) crew: Crew,
}

/// An answer, or what it must be made of.
pub(crate) enum Answer {
    Ready(Response),
    /// The status of all workers, in this form.
    Status(fn(&Status) -> Response),
}

/// What becomes of one TCP connection's requests.
#[derive(Default)]
pub(crate) struct Admission {
    /// A request that became a member of a channel, while its upgrade is under way.
    place: RefCell<Option<(Membership, OnUpgrade)>>,
    answered: Notify,
}

impl Admission {
    /// Ready when an answer is not taken in time. A member that does not take its 101 would hold
    /// its channel back for ever, so it has only `stall_time`.
    pub(crate) async fn untaken(&self, stall_time: Duration) {
        self.answered.notified().await;
        loop {
            let is_member = self.place.borrow().is_some();
            let time = if is_member { stall_time } else { ANSWER_TIME };
            // Who asks again has taken what was answered before.
            if timeout(time, self.answered.notified()).await.is_err() {
                return;
            }
        }
    }

    pub(crate) fn take(&self) -> Option<(Membership, OnUpgrade)> {
        self.place.take()
    }
}

impl<N: Net> Site<N> {
    /// Answers a request. If it opens a channel, `admission` then holds its place there.
    pub(crate) fn answer(
        &self,
        request: &mut Request<Incoming>,
        peer: SocketAddr,
        admission: &Admission,
    ) -> Answer {
        admission.answered.notify_one();
        self.try_answer(request, peer, admission).unwrap_or_else(|refusal| {
            self.hub.counters.requests_refused.increment();
            if let Refusal::Full(_) = refusal {
                self.hub.counters.connections_refused.increment();
            }
            tracing::debug!(%peer, path = request.uri().path(), %refusal, "refused");
            Answer::Ready(refusal.answer())
        })
    }

    fn try_answer(
        &self,
        request: &mut Request<Incoming>,
        peer: SocketAddr,
        admission: &Admission,
    ) -> Result<Answer, Refusal> {
        let route = Route::of(request.uri().path())?;
        if request.method() != Method::GET {
            return Err(Refusal::Method(request.method().clone()));
        }
        let here =
            Here { interfaces: &|| self.net.interfaces(), host_name: &|| self.net.host_name() };
        let asker = Asker {
            peer,
            host: host(request)?,
            // One that is no text is none that could be allowed.
            origin: request.headers().get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default()),
        };
        match route {
            Route::Channel(mut channel) => {
                if planted(Bug::OneScope) {
                    channel.scope = Scope::Broadcast;
                }
                let link = channel.scope == Scope::Broadcast && is_link(request.headers());
                if !link {
                    self.access.to_channel(channel.scope, asker, here)?;
                }
                let outside = !here.is_own_peer(peer);
                self.open(&channel, request, (peer, outside), admission).map(Answer::Ready)
            }
            Route::Page(page) => {
                self.access.to_pages(asker, here)?;
                Ok(show(page, request.uri().query()))
            }
        }
    }

    /// Makes the answer, if it is not made yet.
    pub(crate) async fn complete(&self, answer: Answer) -> Response {
        match answer {
            Answer::Ready(response) => response,
            Answer::Status(form) => {
                let mut status = self.own_status();
                for other in self.crew.ask().await {
                    status.add(other);
                }
                form(&status)
            }
        }
    }

    /// What this worker has.
    pub(crate) fn own_status(&self) -> Status {
        self.reporter.status(&self.hub)
    }

    /// Makes a request a member of its channel, if it is a sound handshake.
    fn open(
        &self,
        channel: &ChannelId,
        request: &mut Request<Incoming>,
        (peer, outside): (SocketAddr, bool),
        admission: &Admission,
    ) -> Result<Response, Refusal> {
        let headers = request.headers();
        let handshake = Handshake::of(request.version(), headers)?;
        if !self.crew.owns(channel) {
            return Err(Refusal::OtherWorker);
        }
        let kind = self.kind(channel, headers)?;
        let seat = self.hub.seats.take(outside).map_err(Refusal::Full)?;
        let mut response = handshake.answer();
        if let Kind::Link(link) = kind {
            self.hub.counters.links_accepted.increment();
            response.headers_mut().insert(PROXY_HEADER, header_of(self.id));
            if link.two_way {
                response.headers_mut().insert(TWO_WAY_HEADER, TWO_WAY);
            }
        }
        // Before the answer: whoever has read it misses nothing that is sent from then on.
        let place = self.hub.join(channel, kind, peer, Some(seat));
        let upgrade = hyper::upgrade::on(request);
        *admission.place.borrow_mut() = Some((place, upgrade));
        Ok(response)
    }

    /// What the connection will be: a client or a link.
    fn kind(&self, channel: &ChannelId, headers: &HeaderMap) -> Result<Kind, Refusal> {
        if !is_link(headers) {
            return Ok(Kind::Client);
        }
        if channel.scope == Scope::Local {
            return Err(Refusal::LocalLink);
        }
        let remote = proxy_id(headers);
        if remote == Some(self.id) && !planted(Bug::LinkToSelf) {
            return Err(Refusal::OwnLink(self.id));
        }
        let two_way = remote.is_some() && is_two_way(headers);
        if let Some(remote) = remote
            && let Some(there) = self.hub.channel(channel)
            && let Some(old) = there.elected(remote)
            && !planted(Bug::NoDedupe)
            && !(two_way && there.links_to(remote).iter().all(|(_, link)| !link.two_way))
        {
            // link.duplicate-probed: the old one may be dead without our knowing. Then it will
            // not prove itself, and the next dial is taken.
            old.order_proof();
            return Err(Refusal::SecondLink(self.id));
        }
        Ok(Kind::Link(Link { remote, dialled_by: DialledBy::Them, two_way }))
    }
}

fn show(page: Page, query: Option<&str>) -> Answer {
    match page {
        Page::File(embedded) => Answer::Ready(file(embedded)),
        Page::Folder(folder) => Answer::Ready(moved(folder, query)),
        Page::Status => Answer::Status(|status| {
            let json = serde_json::to_vec_pretty(status).expect("a status is plain data");
            with_type("application/json", json)
        }),
        Page::Metrics => {
            Answer::Status(|status| with_type(metrics::CONTENT_TYPE, metrics::encode(status)))
        }
    }
}

/// The host that a request is for: of its target if that names one, else of its one `Host` header
/// (RFC 9112 sections 3.2 and 3.2.2).
fn host(request: &Request<Incoming>) -> Result<&str, Refusal> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Refusal::Host) };
    match request.uri().authority() {
        Some(authority) => Ok(authority.as_str()),
        None => Ok(host.to_str().unwrap_or_default()),
    }
}
