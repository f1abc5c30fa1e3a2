//! The head of an HTTP/1 message, taken apart so that a fault can change it.

use std::fmt::Write as _;

/// A start line and header fields, as they stand on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    start: [String; 3],
    fields: Vec<(String, String)>,
}

/// Where the head ends at the front of `bytes`, if it is there as a whole.
pub(crate) fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

impl Head {
    /// Reads a whole head. `None` if it is so odd that only the proxy should judge it.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.trim_start_matches("\r\n").strip_suffix("\r\n\r\n")?.split("\r\n");
        let mut start = lines.next()?.splitn(3, ' ').map(str::to_owned);
        let start = [start.next()?, start.next()?, start.next().unwrap_or_default()];
        let field = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim().to_owned()))
        };
        Some(Self { start, fields: lines.map(field).collect::<Option<_>>()? })
    }

    /// The bytes for the wire.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut text = self.start.join(" ") + "\r\n";
        for (name, value) in &self.fields {
            write!(text, "{name}: {value}\r\n").expect("a string takes everything");
        }
        (text + "\r\n").into_bytes()
    }

    /// The method of a request.
    pub(crate) fn method(&self) -> &str {
        &self.start[0]
    }

    pub(crate) fn set_method(&mut self, method: &str) {
        self.start[0] = method.to_owned();
    }

    /// The HTTP version of a request.
    pub(crate) fn set_version(&mut self, version: &str) {
        self.start[2] = version.to_owned();
    }

    /// The target of a request.
    pub(crate) fn target(&self) -> &str {
        &self.start[1]
    }

    pub(crate) fn set_target(&mut self, target: impl Into<String>) {
        self.start[1] = target.into();
    }

    /// The target of a request without its query.
    pub(crate) fn path(&self) -> &str {
        self.target().split('?').next().unwrap_or_default()
    }

    /// What follows `/local/` or `/broadcast/`, query and all.
    pub(crate) fn name(&self) -> Option<&str> {
        self.prefix().map(|prefix| &self.target()[prefix.len()..])
    }

    /// Puts another name in its place.
    pub(crate) fn set_name(&mut self, name: &str) {
        if let Some(prefix) = self.prefix() {
            self.set_target(format!("{prefix}{name}"));
        }
    }

    fn prefix(&self) -> Option<&'static str> {
        ["/local/", "/broadcast/"].into_iter().find(|prefix| self.target().starts_with(prefix))
    }

    pub(crate) fn is_local(&self) -> bool {
        self.prefix() == Some("/local/")
    }

    pub(crate) fn is_broadcast(&self) -> bool {
        self.prefix() == Some("/broadcast/")
    }

    /// Makes the request one that the proxy answers with 404.
    pub(crate) fn lead_nowhere(&mut self) {
        self.set_target("/nowhere");
    }

    /// The status of an answer.
    pub(crate) fn status(&self) -> &str {
        &self.start[1]
    }

    pub(crate) fn set_status(&mut self, status: &str, reason: &str) {
        self.start[1] = status.to_owned();
        self.start[2] = reason.to_owned();
    }

    /// The first value of a header field.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All values of a header field.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.fields.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// All names of header fields, as they are spelt.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_str())
    }

    /// Whether a header field's value is `value`, without case.
    pub(crate) fn is(&self, name: &str, value: &str) -> bool {
        self.get(name).is_some_and(|v| v.eq_ignore_ascii_case(value))
    }

    /// Gives a header field one value, instead of all that it has.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.fields.push((name.to_owned(), value.into()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.fields.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// Whether a request asks for a WebSocket.
    pub(crate) fn is_upgrade(&self) -> bool {
        self.get("Upgrade").is_some()
    }

    /// Whether a request is a link's.
    pub(crate) fn is_link(&self) -> bool {
        self.is("X-BroadcastWebSocket-Proxy", "true")
    }

    /// Whether a body follows; of its length only that it is not 0 is looked at.
    pub(crate) fn has_body(&self) -> bool {
        self.get("Transfer-Encoding").is_some() || self.body_bytes() > 0
    }

    /// The length of the body that follows.
    pub(crate) fn body_bytes(&self) -> usize {
        self.get("Content-Length").and_then(|length| length.parse().ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"GET /local/chat?x=1 HTTP/1.1\r\nHost: localhost\r\nhost: b\r\n\r\n";

    #[test]
    fn what_is_read_is_written() {
        let head = Head::parse(REQUEST).unwrap();
        assert_eq!(head.encode(), REQUEST);
        assert_eq!((head.path(), head.name()), ("/local/chat", Some("chat?x=1")));
        assert_eq!(head.all("HOST").collect::<Vec<_>>(), ["localhost", "b"]);
        assert_eq!(end_of_head(&[REQUEST, b"more"].concat()), Some(REQUEST.len()));
        assert_eq!(end_of_head(&REQUEST[..REQUEST.len() - 1]), None);
    }

    #[test]
    fn a_change_stays_where_it_belongs() {
        let mut head = Head::parse(REQUEST).unwrap();
        head.set_name("other");
        head.set("Host", "c");
        assert_eq!(head.encode(), b"GET /local/other HTTP/1.1\r\nHost: c\r\n\r\n");
    }

    #[test]
    fn what_is_no_head_is_left_to_the_proxy() {
        assert_eq!(Head::parse(b"GET / HTTP/1.1\r\nno colon\r\n\r\n"), None);
        assert_eq!(Head::parse(b"nonsense\r\n\r\n"), None);
    }
}
