//! Why a request gets nothing but an error, and the answer that says so.

use hyper::header::{ALLOW, CONNECTION, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper::{Method, StatusCode};

use super::access::Denied;
use super::page::{Response, with_type};
use super::route::RouteError;
use super::upgrade::{PROXY_HEADER, UpgradeError, header_of};
use crate::id::ProxyId;
use crate::limits;

/// A refused request. Its text is the body of the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// name.invalid-refused, handshake.unknown-path
    #[error(transparent)]
    Path(#[from] RouteError),
    /// handshake.other-methods
    #[error("{0} is not answered here; use GET")]
    Method(Method),
    /// RFC 9112 section 3.2
    #[error("a request must have exactly one Host header")]
    Host,
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
    /// link.refused-on-local
    #[error("proxies link broadcast channels only; local ones stay on their machine")]
    LocalLink,
    /// link.own-id-refused; with our id.
    #[error("this proxy is you; nobody links to itself")]
    OwnLink(ProxyId),
    /// link.duplicate-refused; with our id.
    #[error("you are linked on this channel already")]
    SecondLink(ProxyId),
    /// RFC 9110 section 15.5.20: a channel of another worker, asked for on a connection that had
    /// another request before.
    #[error("this connection cannot open that channel; open a new connection for it")]
    OtherWorker,
    /// With how many there may be.
    #[error("{0} WebSockets are open here, as many as may be; try again later (--max-connections)")]
    Full(usize),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Refusal::Path(_) => StatusCode::NOT_FOUND,
            Refusal::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::Denied(_) => StatusCode::FORBIDDEN,
            // RFC 9110 section 15.5.22: the resource is there, over another protocol.
            Refusal::Upgrade(UpgradeError::NotAsked | UpgradeError::Version(_)) => {
                StatusCode::UPGRADE_REQUIRED
            }
            Refusal::Host | Refusal::Upgrade(_) | Refusal::LocalLink => StatusCode::BAD_REQUEST,
            Refusal::OwnLink(_) | Refusal::SecondLink(_) => StatusCode::CONFLICT,
            Refusal::OtherWorker => StatusCode::MISDIRECTED_REQUEST,
            Refusal::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The answer: a status, the headers that belong to it, and a line of text.
    pub(crate) fn answer(&self) -> Response {
        let mut response = with_type("text/plain; charset=utf-8", format!("{self}\n"));
        let status = self.status();
        *response.status_mut() = status;
        let headers = response.headers_mut();
        match self {
            Refusal::Method(_) => {
                headers.insert(ALLOW, HeaderValue::from_static("GET"));
            }
            Refusal::OwnLink(own) | Refusal::SecondLink(own) => {
                headers.insert(PROXY_HEADER, header_of(*own));
            }
            Refusal::OtherWorker => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Refusal::Full(_) => {
                headers.insert(RETRY_AFTER, limits::RETRY_AFTER.as_secs().into());
            }
            _ if status == StatusCode::UPGRADE_REQUIRED => {
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
                // RFC 6455 section 4.4
                headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_status_and_headers() {
        let own: ProxyId = "00c0ffee00000001".parse().unwrap();
        let cases = [
            (Refusal::Path(RouteError::Unknown), 404, None),
            (Refusal::Method(Method::POST), 405, Some(("allow", "GET"))),
            (Refusal::Host, 400, None),
            (Refusal::Denied(Denied::Host("evil.example".into())), 403, None),
            (UpgradeError::NotAsked.into(), 426, Some(("upgrade", "websocket"))),
            (UpgradeError::Version("8".into()).into(), 426, Some(("sec-websocket-version", "13"))),
            (UpgradeError::Key.into(), 400, None),
            (UpgradeError::HttpVersion.into(), 400, None),
            (Refusal::LocalLink, 400, None),
            (Refusal::OwnLink(own), 409, Some(("namedwebsockets-proxy", "00c0ffee00000001"))),
            (Refusal::SecondLink(own), 409, Some(("namedwebsockets-proxy", "00c0ffee00000001"))),
            (Refusal::OtherWorker, 421, Some(("connection", "close"))),
            (Refusal::Full(7), 503, Some(("retry-after", "5"))),
        ];
        for (refusal, status, header) in cases {
            let answer = refusal.answer();
            assert_eq!(answer.status(), status, "{refusal}");
            assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
            if let Some((name, value)) = header {
                assert_eq!(answer.headers()[name], value, "{refusal}");
            }
        }
    }
}
