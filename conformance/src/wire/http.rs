//! HTTP heads: requests as a case wants them, right or wrong, and answers as they came.

use std::fmt::Write;

/// The key of all our requests: the one of RFC 6455 section 1.3.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What an answer to it must have in `Sec-WebSocket-Accept`.
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The header that makes a connection a link.
pub const LINK_HEADER: &str = "X-BroadcastWebSocket-Proxy";
/// The header by which proxies tell who they are.
pub const ID_HEADER: &str = "NamedWebSockets-Proxy";
/// The header that asks for a link which carries both ways.
pub const TWO_WAY_HEADER: &str = "NamedWebSockets-Link";

/// The first line and the headers of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Such as `GET`.
    pub method: String,
    /// The request target, as it stands in the first line.
    pub target: String,
    /// Such as `HTTP/1.1`.
    pub version: String,
    /// In their order, and spelt as they are.
    pub headers: Vec<(String, String)>,
}

impl Request {
    /// A plain GET. The connection that sends it adds `Host` where there is none.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self {
            method: "GET".to_owned(),
            target: target.to_owned(),
            version: "HTTP/1.1".to_owned(),
            headers: Vec::new(),
        }
    }

    /// A client's upgrade request.
    #[must_use]
    pub fn upgrade(target: &str) -> Self {
        Self::get(target)
            .with("Upgrade", "websocket")
            .with("Connection", "Upgrade")
            .with("Sec-WebSocket-Key", KEY)
            .with("Sec-WebSocket-Version", "13")
    }

    /// A link's upgrade request.
    #[must_use]
    pub fn link(target: &str) -> Self {
        Self::upgrade(target).with("Origin", "another-host").with(LINK_HEADER, "true")
    }

    /// With another method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// With this header once more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this value in place of those that the header has.
    #[must_use]
    pub fn set(self, name: &str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    /// Without the header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// As it goes over the wire.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{} {} {}\r\n", self.method, self.target, self.version);
        for (name, value) in &self.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text + "\r\n"
    }

    /// Parses the head of a request, without the empty line.
    ///
    /// # Errors
    ///
    /// What is no request.
    pub fn parse(head: &[u8]) -> Result<Self, String> {
        let (first, headers) = lines(head)?;
        let mut words = first.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(format!("the request line {first:?}"));
        };
        Ok(Self { method: method.into(), target: target.into(), version: version.into(), headers })
    }
}

/// An answer of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// In their order, and spelt as they came.
    pub headers: Vec<(String, String)>,
    /// Empty where none was read.
    pub body: Vec<u8>,
}

impl Answer {
    /// Parses the head of an answer, without the empty line.
    ///
    /// # Errors
    ///
    /// What is no answer.
    pub fn parse(head: &[u8]) -> Result<Self, String> {
        let (first, headers) = lines(head)?;
        let mut words = first.splitn(3, ' ');
        let (version, status) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        match status.parse() {
            Ok(status) if version.starts_with("HTTP/1.") && (100..600).contains(&status) => {
                Ok(Self { status, headers, body: Vec::new() })
            }
            _ => Err(format!("the status line {first:?}")),
        }
    }

    /// The value of a header, the first if it is there more than once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// All values of a header.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether a header that is a list has this token, whatever its case.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.values(name)
            .flat_map(|value| value.split(','))
            .any(|other| other.trim().eq_ignore_ascii_case(token))
    }

    /// Status and headers, in a line.
    #[must_use]
    pub fn describe(&self) -> String {
        let headers: Vec<_> = self.headers.iter().map(|(n, v)| format!("{n}: {v}")).collect();
        format!("{} ({})", self.status, headers.join("; "))
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

type Lines = (String, Vec<(String, String)>);

fn lines(head: &[u8]) -> Result<Lines, String> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or("").to_owned();
    let mut headers = Vec::new();
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            return Err(format!("the header line {line:?}"));
        };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok((first, headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_parsed_as_it_was_written() {
        let request = Request::link("/broadcast/x").with("Host", "a:1").set("Origin", "b");
        let text = request.text();
        assert!(text.ends_with("\r\n\r\n"));
        assert_eq!(Request::parse(text.trim_end().as_bytes()), Ok(request));
    }

    #[test]
    fn answers_are_read_without_regard_to_case() {
        let answer = Answer::parse(b"HTTP/1.1 426 Upgrade Required\r\nconnection: a, UPGRADE");
        let answer = answer.unwrap();
        assert_eq!(answer.status, 426);
        assert!(answer.has_token("Connection", "upgrade"));
        assert!(Answer::parse(b"SSH-2.0").is_err());
    }
}
