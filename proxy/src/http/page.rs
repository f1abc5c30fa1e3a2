//! Answers with a body: the embedded pages, and short plain text.

use bytes::Bytes;
use http_body_util::Full;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION};

use super::files::File;

/// An answer with its body at hand.
pub(crate) type Response = hyper::Response<Full<Bytes>>;

/// What the pages may load: our own files, and channels of a proxy on this machine. A policy
/// cannot name an IPv6 address; where the page came from `[::1]`, `'self'` covers it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; connect-src 'self' ws://localhost:* ws://127.0.0.1:*; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Answers with one of the embedded files.
pub(crate) fn file(file: &'static File) -> Response {
    let mut response = with_type(file.kind, Bytes::from_static(file.body));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    response
}

/// Sends the browser on to a folder's own path, without which its relative links would miss.
pub(crate) fn moved(folder: &'static File, query: Option<&str>) -> Response {
    let target = match query {
        Some(query) => format!("{}?{query}", folder.path),
        None => folder.path.to_owned(),
    };
    let mut response = with_type("text/plain; charset=utf-8", format!("see {target}\n"));
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let location = HeaderValue::try_from(target).expect("a URI's parts have no control character");
    response.headers_mut().insert(LOCATION, location);
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
