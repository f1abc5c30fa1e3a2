//! Opens one link: connects, shakes hands, learns who is there.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::header::{
    CONNECTION, HOST, HeaderValue, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinSet;
use tokio::time::Duration;

use super::planner::Target;
use crate::clock::{sleep, timeout};
use crate::http::{
    LINK_HEADER, PROXY_HEADER, TWO_WAY, TWO_WAY_HEADER, header_of, is_sound_answer, is_two_way,
    proxy_id,
};
use crate::id::ProxyId;
use crate::limits::{CONNECT_STAGGER, DIAL_TIME, HANDSHAKE_TIME};
use crate::name::ChannelName;
use crate::net::{Net, Stream};

/// What every dial of one proxy has in common.
#[derive(Clone)]
pub(crate) struct Dialler<N> {
    pub(crate) net: N,
    pub(crate) own: ProxyId,
    pub(crate) rng: Rc<RefCell<ChaCha8Rng>>,
}

/// A link that stands, from which nothing was read yet.
pub(super) struct Dialled {
    pub(super) stream: Box<dyn Stream>,
    /// What came together with the answer.
    pub(super) early: Box<[u8]>,
    pub(super) address: SocketAddr,
    pub(super) remote: Option<ProxyId>,
    pub(super) two_way: bool,
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    #[error("the other end is this proxy")]
    Own,
    #[error("{0} says that we are linked already")]
    Duplicate(ProxyId),
    #[error("no connection: {0}")]
    Connect(#[from] io::Error),
    #[error("no HTTP answer: {0}")]
    Http(#[from] hyper::Error),
    #[error("the answer is {0}, not a WebSocket")]
    Refused(StatusCode),
    #[error("the answer is no sound handshake (RFC 6455 section 4.1)")]
    Unsound,
    #[error("nothing stood within {} s", .0.as_secs())]
    TooSlow(Duration),
}

impl<N: Net> Dialler<N> {
    /// Opens a link for `channel`, within [`DIAL_TIME`].
    pub(super) async fn dial(
        self,
        channel: ChannelName,
        target: Target,
        two_way: bool,
    ) -> Result<Dialled, DialError> {
        let dial = async {
            let addresses = match target {
                Target::Addresses(addresses) => addresses,
                Target::Peer(peer) => self.net.resolve(&peer.host, peer.port).await?,
            };
            self.dial_any(addresses, &channel, two_way).await
        };
        timeout(DIAL_TIME, dial).await.unwrap_or(Err(DialError::TooSlow(DIAL_TIME)))
    }

    /// Tries the addresses until one answers with a link, or says that there need be none. The
    /// next one is connected to when an attempt fails, or has not succeeded after a while
    /// (RFC 8305 section 5); handshakes are made one at a time, so that there is one link at most.
    async fn dial_any(
        &self,
        addresses: Vec<SocketAddr>,
        channel: &ChannelName,
        two_way: bool,
    ) -> Result<Dialled, DialError> {
        let mut attempts = JoinSet::new();
        let mut rest = addresses.into_iter();
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "no address is known").into();
        loop {
            match rest.next() {
                Some(address) => {
                    let net = self.net.clone();
                    attempts.spawn_local(async move { Ok((net.connect(address).await?, address)) });
                }
                None if attempts.is_empty() => return Err(failure),
                None => {}
            }
            let connected: io::Result<_> = tokio::select! {
                biased;
                Some(attempt) = attempts.join_next() => {
                    attempt.unwrap_or_else(|error| Err(io::Error::other(error)))
                }
                () = sleep(CONNECT_STAGGER), if rest.len() > 0 => continue,
            };
            let dialled = match connected {
                Ok((stream, address)) => {
                    let handshake = self.shake_hands(stream, address, channel, two_way);
                    let handshake = timeout(HANDSHAKE_TIME, handshake).await;
                    handshake.unwrap_or(Err(DialError::TooSlow(HANDSHAKE_TIME)))
                }
                Err(error) => Err(error.into()),
            };
            match dialled {
                Ok(_) | Err(DialError::Own | DialError::Duplicate(_)) => return dialled,
                Err(error) => failure = error,
            }
        }
    }

    async fn shake_hands(
        &self,
        stream: N::Stream,
        address: SocketAddr,
        channel: &ChannelName,
        two_way: bool,
    ) -> Result<Dialled, DialError> {
        let key = self.key();
        let request = self.request(address, channel, &key, two_way);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let mut connection = pin!(connection.with_upgrades());
        let mut response = pin!(sender.send_request(request));
        // The connection's part may be over in the very turn that brings the answer.
        let (response, over) = tokio::select! {
            biased;
            response = &mut response => (response?, false),
            ended = &mut connection => {
                ended?;
                (response.await?, true)
            }
        };
        let headers = response.headers();
        let (remote, agreed) = (proxy_id(headers), is_two_way(headers));
        match (response.status(), remote) {
            (StatusCode::SWITCHING_PROTOCOLS, _) => {}
            (StatusCode::CONFLICT, Some(remote)) if remote == self.own => {
                return Err(DialError::Own);
            }
            (StatusCode::CONFLICT, Some(remote)) => return Err(DialError::Duplicate(remote)),
            (status, _) => return Err(DialError::Refused(status)),
        }
        // link.only-switching
        if !is_sound_answer(headers, key.as_bytes()) {
            return Err(DialError::Unsound);
        }
        let rest = async { if over { Ok(()) } else { connection.await } };
        let (upgraded, ended) = tokio::join!(hyper::upgrade::on(response), rest);
        ended?;
        let parts = upgraded?
            .downcast::<TokioIo<N::Stream>>()
            .expect("the stream that was given is the one that comes back");
        Ok(Dialled {
            stream: Box::new(parts.io.into_inner()),
            // A copy: it would keep hyper's whole buffer, also when it is empty.
            early: (*parts.read_buf).into(),
            address,
            remote,
            // link.two-way-agreed: both must have said so.
            two_way: two_way && agreed && remote.is_some(),
        })
    }

    fn request(
        &self,
        address: SocketAddr,
        channel: &ChannelName,
        key: &HeaderValue,
        two_way: bool,
    ) -> Request<Empty<Bytes>> {
        // A scope is this host's business and no part of a URI (RFC 6874 section 1).
        let host = match address {
            SocketAddr::V6(v6) => format!("[{}]:{}", v6.ip(), v6.port()),
            SocketAddr::V4(v4) => v4.to_string(),
        };
        let origin = HeaderValue::try_from(self.net.host_name())
            .unwrap_or_else(|_| HeaderValue::from_static("null"));
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = format!("/broadcast/{channel}").parse().expect("names need no escape");
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::try_from(host).expect("an address is a valid value"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(SEC_WEBSOCKET_KEY, key.clone());
        headers.insert(ORIGIN, origin);
        headers.insert(LINK_HEADER, HeaderValue::from_static("true"));
        headers.insert(PROXY_HEADER, header_of(self.own));
        if two_way {
            headers.insert(TWO_WAY_HEADER, TWO_WAY);
        }
        request
    }

    /// 16 random bytes in base64 (RFC 6455 section 4.1). `tungstenite::generate_key` takes them
    /// from the thread's own generator, which a replay could not repeat.
    fn key(&self) -> HeaderValue {
        let mut bytes = [0; 16];
        self.rng.borrow_mut().fill_bytes(&mut bytes);
        HeaderValue::try_from(data_encoding::BASE64.encode(&bytes))
            .expect("base64 is a valid header value")
    }
}
