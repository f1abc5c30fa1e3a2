//! Answers with a body: the embedded pages, and short plain text.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};

use super::route::File;

/// An answer with its body at hand.
pub(crate) type Response = hyper::Response<Full<Bytes>>;

/// What the pages may load: our own files, and channels of a proxy on this machine. A policy
/// cannot name an IPv6 address; where the page came from `[::1]`, `'self'` covers it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; connect-src 'self' ws://localhost:* ws://127.0.0.1:*; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Answers with one of the embedded files.
pub(crate) fn file(file: File) -> Response {
    const HTML: &str = "text/html; charset=utf-8";
    const JS: &str = "text/javascript; charset=utf-8";
    let (kind, text) = match file {
        File::Index => (HTML, include_str!("../../../console/index.html")),
        File::Console => (HTML, include_str!("../../../console/console.html")),
        File::ConsoleCss => {
            ("text/css; charset=utf-8", include_str!("../../../console/console.css"))
        }
        File::ConsoleJs => (JS, include_str!("../../../console/console.js")),
        File::ConsoleIcon => ("image/svg+xml", include_str!("../../../console/icon.svg")),
        File::Polyfill => (JS, include_str!("../../../polyfill/namedwebsockets.js")),
    };
    let mut response = with_type(kind, Bytes::from_static(text.as_bytes()));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    response
}

/// An answer of this content type, which nobody is to keep: it may differ the next time.
pub(crate) fn with_type(kind: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Full::new(body.into()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}
