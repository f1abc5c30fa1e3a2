//! The opening handshake of RFC 6455 section 4, and what proxies say to each other in it.
//!
//! | header | in the request | in the answer |
//! | --- | --- | --- |
//! | `X-BroadcastWebSocket-Proxy` | `true`: this is a link, not a client | |
//! | `NamedWebSockets-Proxy` | the dialler's id | the acceptor's id |
//! | `NamedWebSockets-Link` | `two-way`: may it carry both ways? | `two-way`: it does |

use http_body_util::Full;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use hyper::{StatusCode, Version};
use tungstenite::handshake::derive_accept_key;

use super::page::Response;
use crate::id::ProxyId;

/// Marks a request as a link's.
pub(crate) const LINK_HEADER: HeaderName = HeaderName::from_static("x-broadcastwebsocket-proxy");
/// Carries a [`ProxyId`].
pub(crate) const PROXY_HEADER: HeaderName = HeaderName::from_static("namedwebsockets-proxy");
/// Offers and agrees a link that carries both ways.
pub(crate) const TWO_WAY_HEADER: HeaderName = HeaderName::from_static("namedwebsockets-link");
/// The value of [`TWO_WAY_HEADER`].
pub(crate) const TWO_WAY: HeaderValue = HeaderValue::from_static("two-way");

/// An id as the value of [`PROXY_HEADER`].
pub(crate) fn header_of(id: ProxyId) -> HeaderValue {
    HeaderValue::try_from(id.to_string()).expect("hexadecimal digits are a valid header value")
}

/// Whether a request wants to be a link.
pub(crate) fn is_link(headers: &HeaderMap) -> bool {
    is(headers, &LINK_HEADER, "true")
}

/// Whether a request offers, or an answer agrees, a link that carries both ways.
pub(crate) fn is_two_way(headers: &HeaderMap) -> bool {
    is(headers, &TWO_WAY_HEADER, "two-way")
}

/// The id that the other proxy says it has.
pub(crate) fn proxy_id(headers: &HeaderMap) -> Option<ProxyId> {
    headers.get(PROXY_HEADER)?.to_str().ok()?.parse().ok()
}

fn is(headers: &HeaderMap, name: &HeaderName, value: &str) -> bool {
    headers
        .get(name)
        .is_some_and(|v| v.as_bytes().trim_ascii().eq_ignore_ascii_case(value.as_bytes()))
}

/// What of a valid request the answer needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    accept: HeaderValue,
    subprotocol: Option<HeaderValue>,
}

/// Why a request is no WebSocket handshake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UpgradeError {
    #[error("this is a WebSocket channel; open it with a WebSocket, such as new WebSocket(url)")]
    NotAsked,
    #[error("WebSocket version {0:?} is asked for; only 13 is spoken here")]
    Version(String),
    #[error("a WebSocket handshake needs HTTP/1.1")]
    HttpVersion,
    #[error("Sec-WebSocket-Key must stand once and be 16 bytes in base64")]
    Key,
    #[error("a WebSocket handshake has no body")]
    Body,
}

impl Handshake {
    /// Judges a request's headers (RFC 6455 section 4.2.1).
    pub(crate) fn of(version: Version, headers: &HeaderMap) -> Result<Self, UpgradeError> {
        if version != Version::HTTP_11 {
            return Err(UpgradeError::HttpVersion);
        }
        if !has_token(headers, &UPGRADE, "websocket") || !has_token(headers, &CONNECTION, "upgrade")
        {
            return Err(UpgradeError::NotAsked);
        }
        let no_body = headers.get(CONTENT_LENGTH).is_none_or(|length| length == "0");
        if !no_body || headers.contains_key(TRANSFER_ENCODING) {
            return Err(UpgradeError::Body);
        }
        match headers.get(SEC_WEBSOCKET_VERSION) {
            Some(version) if version.as_bytes().trim_ascii() == b"13" => {}
            other => {
                let asked = other.map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
                return Err(UpgradeError::Version(asked.unwrap_or_default()));
            }
        }
        let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
        let (Some(key), None) = (keys.next(), keys.next()) else {
            return Err(UpgradeError::Key);
        };
        if !is_key(key.as_bytes()) {
            return Err(UpgradeError::Key);
        }
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()))
            .expect("base64 is a valid header value");
        Ok(Self { accept, subprotocol: first_subprotocol(headers) })
    }

    /// The 101 answer.
    pub(crate) fn answer(self) -> Response {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept);
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        if let Some(subprotocol) = self.subprotocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, subprotocol);
        }
        response
    }
}

/// Whether a 101 answers the request that had `key`, and agrees to nothing that was not offered.
pub(crate) fn is_sound_answer(headers: &HeaderMap, key: &[u8]) -> bool {
    let accept = headers.get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
    accept == Some(derive_accept_key(key).as_bytes())
        && has_token(headers, &UPGRADE, "websocket")
        && has_token(headers, &CONNECTION, "upgrade")
        && !headers.contains_key(SEC_WEBSOCKET_EXTENSIONS)
        && !headers.contains_key(SEC_WEBSOCKET_PROTOCOL)
}

/// Whether one of the comma-separated values of `name` is `token`, without case.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(token))
}

/// 16 bytes in base64: 22 digits, of which the last holds 2 bits, and two pads (RFC 4648
/// section 4). Like most servers we do not mind what the 4 spare bits are.
fn is_key(key: &[u8]) -> bool {
    let key = key.trim_ascii();
    let digit = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    key.len() == 24 && key[..22].iter().all(digit) && &key[22..] == b"=="
}

/// The first subprotocol that the client offers: clients speak it, not the proxy.
fn first_subprotocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let offered = offered.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
    let first = offered.map(str::trim).find(|value| !value.is_empty())?;
    HeaderValue::from_str(first).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(changes: &[(&'static str, Option<&'static str>)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let sound = [
            ("upgrade", "websocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        for (name, value) in sound {
            headers.append(name, HeaderValue::from_static(value));
        }
        for (name, value) in changes {
            match value {
                None => drop(headers.remove(*name)),
                Some(value) => drop(headers.insert(*name, HeaderValue::from_static(value))),
            }
        }
        headers
    }

    fn judge(changes: &[(&'static str, Option<&'static str>)]) -> Result<Handshake, UpgradeError> {
        Handshake::of(Version::HTTP_11, &headers(changes))
    }

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 6455 section 1.3
        assert_eq!(judge(&[]).unwrap().accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(judge(&[("upgrade", Some("WebSocket"))]).is_ok());
    }

    #[test]
    fn each_fault_is_told_apart() {
        use UpgradeError::*;
        let cases = [
            (("upgrade", None), NotAsked),
            (("upgrade", Some("h2c")), NotAsked),
            (("connection", Some("keep-alive")), NotAsked),
            (("sec-websocket-version", Some("12")), Version("12".into())),
            (("sec-websocket-version", None), Version(String::new())),
            (("sec-websocket-key", None), Key),
            (("sec-websocket-key", Some("c2hvcnQ=")), Key),
            (("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25jZQ!=")), Key),
            (("content-length", Some("5")), Body),
            (("transfer-encoding", Some("chunked")), Body),
        ];
        for (change, error) in cases {
            assert_eq!(judge(&[change]), Err(error), "{change:?}");
        }
        assert_eq!(Handshake::of(hyper::Version::HTTP_10, &headers(&[])), Err(HttpVersion));
    }

    #[test]
    fn the_first_subprotocol_offered_is_answered() {
        let answer = |offer| {
            let response = judge(&[("sec-websocket-protocol", offer)]).unwrap().answer();
            response.headers().get("sec-websocket-protocol").cloned()
        };
        assert_eq!(answer(None), None);
        assert_eq!(answer(Some("")), None);
        assert_eq!(answer(Some("chat")).unwrap(), "chat");
        assert_eq!(answer(Some(" superchat , chat")).unwrap(), "superchat");
    }
}
