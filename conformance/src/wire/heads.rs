//! Reading HTTP off a connection: answers of the target, and its requests.

use super::frame::Role;
use super::http::{Answer, Request};
use super::tcp::Wire;
use crate::case::{Step, Stop, expect};
use crate::log::{Direction, brief};

/// Largest head that is read.
const HEAD_BYTES_MAX: usize = 256 * 1024;

impl Wire {
    /// The next head, without its empty line.
    fn head(&mut self, expected: &str) -> Step<Vec<u8>> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|end| end == b"\r\n\r\n") {
                let head = self.buffer.split_to(end + 4)[..end].to_vec();
                self.say(Direction::Received, String::from_utf8_lossy(&head));
                return Ok(head);
            }
            // What is no HTTP has no end that could be waited for.
            let may_be_http = self.role() == Role::Server
                || self.buffer.iter().zip(b"HTTP/").all(|(byte, http)| byte == http);
            expect(may_be_http, expected, format!("what is no HTTP: {}", brief(&self.buffer)))?;
            expect(self.buffer.len() < HEAD_BYTES_MAX, expected, "a head without an end")?;
            if !self.fill(&|| expected.to_owned())? {
                let rest = format!("the end of the connection after {}", brief(&self.buffer));
                self.say(Direction::Note, "the target ended the connection");
                return Err(Stop::fail(expected, rest));
            }
        }
    }

    /// The next answer; that to a HEAD has no body.
    ///
    /// # Errors
    ///
    /// No answer came.
    pub fn answer_to(&mut self, method: &str) -> Step<Answer> {
        let head = self.head("an HTTP answer")?;
        let mut answer =
            Answer::parse(&head).map_err(|found| Stop::fail("an HTTP answer", found))?;
        let no_body = method == "HEAD" || matches!(answer.status, 100..200 | 204 | 304);
        if !no_body {
            answer.body = self.body(&answer)?;
        }
        Ok(answer)
    }

    /// The next answer to a GET.
    ///
    /// # Errors
    ///
    /// No answer came.
    pub fn answer(&mut self) -> Step<Answer> {
        self.answer_to("GET")
    }

    /// The body of an answer (RFC 9112 section 6.3).
    fn body(&mut self, answer: &Answer) -> Step<Vec<u8>> {
        if answer.has_token("Transfer-Encoding", "chunked") {
            return self.chunks();
        }
        let Some(length) = answer.header("Content-Length") else {
            while self.fill(&|| "the body of the answer".to_owned())? {}
            return Ok(self.buffer.split().to_vec());
        };
        let length =
            length.parse().map_err(|_| Stop::fail("a Content-Length that is a number", length))?;
        self.exactly(length)
    }

    fn chunks(&mut self) -> Step<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = self.buffer.windows(2).position(|end| end == b"\r\n") {
                    break end;
                }
                let more = self.fill(&|| "a chunk of the body".to_owned())?;
                expect(more, "a chunk of the body", "the end of the connection")?;
            };
            let line = self.exactly(end + 2)?;
            let line = String::from_utf8_lossy(&line).into_owned();
            let size = line.trim().split(';').next().unwrap_or("");
            let size = usize::from_str_radix(size, 16)
                .map_err(|_| Stop::fail("the size of a chunk", format!("{line:?}")))?;
            body.extend(self.exactly(size + 2)?.drain(..size));
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn exactly(&mut self, length: usize) -> Step<Vec<u8>> {
        while self.buffer.len() < length {
            let more = self.fill(&|| format!("{length} bytes"))?;
            expect(more, format!("{length} bytes"), "the end of the connection")?;
        }
        Ok(self.buffer.split_to(length).to_vec())
    }

    /// Sends a request as it stands, also without a `Host`, and reads its answer.
    ///
    /// # Errors
    ///
    /// No answer came.
    pub fn ask_as_is(&mut self, request: &Request) -> Step<Answer> {
        let text = request.text();
        self.say(Direction::Sent, text.trim_end());
        self.write(text.as_bytes())?;
        self.answer_to(&request.method)
    }

    /// Sends a request, with a `Host` if it has none, and reads its answer.
    ///
    /// # Errors
    ///
    /// No answer came.
    pub fn ask(&mut self, request: &Request) -> Step<Answer> {
        self.send_request(request)?;
        self.answer_to(&request.method)
    }

    /// Reads the head of a request of the target, where the suite plays the server.
    ///
    /// # Errors
    ///
    /// No request came.
    pub fn request(&mut self) -> Step<Request> {
        let head = self.head("an HTTP request")?;
        Request::parse(&head).map_err(|found| Stop::fail("an HTTP request", found))
    }
}
