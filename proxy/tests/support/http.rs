//! HTTP by hand: requests as wrong as a test wants them, and their answers.

/// A request in HTTP/1.1 or what a test makes of it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    line: String,
    headers: Vec<(String, String)>,
    has_no_body_in_answer: bool,
}

/// The key of RFC 6455 section 1.3, and what has to be answered to it.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

impl Request {
    /// With this line, and no header at all.
    pub(crate) fn bare(line: &str) -> Self {
        let head = line.starts_with("HEAD ");
        Self { line: line.to_owned(), headers: Vec::new(), has_no_body_in_answer: head }
    }

    /// A GET of `target` on localhost.
    pub(crate) fn get(target: &str) -> Self {
        Self::bare(&format!("GET {target} HTTP/1.1")).with("Host", "localhost")
    }

    /// A sound WebSocket handshake for `target`.
    pub(crate) fn upgrade(target: &str) -> Self {
        Self::get(target)
            .with("Upgrade", "websocket")
            .with("Connection", "Upgrade")
            .with("Sec-WebSocket-Version", "13")
            .with("Sec-WebSocket-Key", KEY)
    }

    /// With one header more.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without any header of this name.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(n, _)| n != name);
        self
    }

    /// With this value in place of those that the header had.
    pub(crate) fn set(self, name: &str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    /// With another request line.
    pub(crate) fn line(mut self, line: &str) -> Self {
        line.clone_into(&mut self.line);
        self
    }

    /// As it is sent.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.line);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += "\r\n";
        text.into_bytes()
    }

    /// Whether its answer has no body, whatever its headers say.
    pub(crate) fn is_head(&self) -> bool {
        self.has_no_body_in_answer
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Reads the head of an answer, without its last empty line.
    pub(crate) fn of_head(head: &[u8]) -> Self {
        let text = str::from_utf8(head).expect("the head of an answer is text");
        let mut lines = text.split("\r\n");
        let line = lines.next().expect("a status line");
        let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {line:?}"));
        let header = |line: &str| {
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("header {line:?}"));
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        Self { status, headers: lines.map(header).collect(), body: Vec::new() }
    }

    /// The value of a header that stands once, or `None`.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} stands twice in {self:?}");
        value
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).expect("a text body")
    }

    /// Asserts a refusal with its reason: one line of plain text that is not empty.
    pub(crate) fn is_refusal(&self, status: u16, what: &str) {
        assert_eq!(self.status, status, "{what}: {self:?}");
        let kind = self.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("text/plain"), "{what}: {kind}");
        let reason = self.text();
        assert!(reason.trim().len() > 10 && reason.lines().count() == 1, "{what}: {reason:?}");
    }
}
