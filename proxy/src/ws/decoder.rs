//! The reading half of one connection: every rule of RFC 6455, over input cut anywhere.
//!
//! ```text
//!             ┌───────────────── end of a frame ────────────────┐
//!             ▼                                                 │
//!   ┌───────────────────┐  header   ┌──────────────────────────┐│
//!   │ head: a header,   │ ────────▶ │ payload: whole in the    ├┘
//!   │ or a whole        │           │ input, into the batch at │
//!   │ control frame     │           │ once; else in a Partial, │ ── end of a message ─▶ batch
//!   └─────────┬─────────┘           │ until that is complete   │
//!             ▼                     └──────────────────────────┘
//!       Control, to the caller; after a Close, or a violation anywhere, all input is discarded
//! ```
//!
//! What the input ends within is kept in one small allocation, [`Pending`], which goes away with
//! the end of the message. The result never depends on where the input was cut.

use super::batch::Batch;
use super::control::Control;
use super::frame::{Header, OpCode};
use super::mask::apply_mask;
use super::message::Partial;
use super::violation::Violation;

/// Bytes of the longest head: a masked control frame of 125 bytes.
const HEAD_BYTES_MAX: usize = 2 + 4 + Header::CONTROL_PAYLOAD_MAX;
const _: () = assert!(HEAD_BYTES_MAX >= Header::BYTES_MAX, "any header must fit as well");

/// Which side of the connection decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// We are the server: what comes in must be masked.
    Server,
    /// We are the client: what comes in must not be masked.
    Client,
}

/// Turns the input of one connection into messages in a batch and control frames.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// Bytes of payload in one message at most, over all its fragments.
    max_message: usize,
    /// What the input so far ended within. `None` between messages.
    pending: Option<Box<Pending>>,
    role: Role,
    /// Whether a Close or a violation has come, after which nothing counts.
    ended: bool,
}

/// A message that is open, a head that is cut, or both: a control frame may come between the
/// fragments of a message.
#[derive(Debug)]
struct Pending {
    message: Option<Partial>,
    /// The first `head_len` bytes of a head whose rest has not come yet.
    head: [u8; HEAD_BYTES_MAX],
    head_len: usize,
}

/// What stands between payloads.
enum Head {
    Data(Header),
    Control(Control),
}

impl Decoder {
    /// A decoder at the start of a connection. A message of more than `max_message` bytes is a
    /// violation.
    #[must_use]
    pub(crate) fn new(role: Role, max_message: usize) -> Self {
        Self { max_message, pending: None, role, ended: false }
    }

    /// Consumes from the front of `input`, appends every message that completes to `batch`, and
    /// returns at the first control frame, so that the caller can answer in order.
    ///
    /// `None` means that all of `input` is consumed. After a Close, or an error, all further input
    /// is discarded (RFC 6455 sections 5.5.1 and 7.1.7).
    ///
    /// # Errors
    ///
    /// What the peer did wrong. Messages before it are valid and in `batch`: relay them.
    pub(crate) fn decode(
        &mut self,
        input: &mut &[u8],
        batch: &mut Batch,
    ) -> Result<Option<Control>, Violation> {
        if self.ended {
            *input = &[];
            return Ok(None);
        }
        let outcome = self.decode_open(input, batch);
        self.ended = matches!(outcome, Err(_) | Ok(Some(Control::Close(_))));
        if self.ended || self.pending.as_ref().is_some_and(|pending| pending.is_empty()) {
            self.pending = None;
        }
        outcome
    }

    fn decode_open(
        &mut self,
        input: &mut &[u8],
        batch: &mut Batch,
    ) -> Result<Option<Control>, Violation> {
        while !input.is_empty() {
            if let Some(pending) = &mut self.pending
                && pending.is_within_frame()
            {
                pending.receive(input, batch)?;
                continue;
            }
            match self.next_head(input)? {
                Some(Head::Data(header)) => self.begin_frame(&header, input, batch)?,
                Some(Head::Control(control)) => return Ok(Some(control)),
                None => debug_assert!(input.is_empty(), "a cut head takes all that is left"),
            }
        }
        Ok(None)
    }

    /// Takes a head off the input, or keeps what there is of it.
    fn next_head(&mut self, input: &mut &[u8]) -> Result<Option<Head>, Violation> {
        let begun = self.pending.as_ref().is_some_and(|pending| pending.head_len > 0);
        if !begun && let Some((head, end)) = parse_head(self.role, input)? {
            *input = &input[end..];
            return Ok(Some(head));
        }
        self.pending.get_or_insert_default().complete_head(self.role, input)
    }

    /// Judges a data frame by its header, and takes what the input has of its payload.
    fn begin_frame(
        &mut self,
        header: &Header,
        input: &mut &[u8],
        batch: &mut Batch,
    ) -> Result<(), Violation> {
        let open = self.pending.as_ref().and_then(|pending| pending.message.as_ref());
        let open = open.map(Partial::len);
        match (header.opcode, open) {
            (OpCode::Continuation, None) => return Err(Violation::StrayContinuation),
            (OpCode::Continuation, Some(_)) | (_, None) => {}
            (opcode, Some(_)) => return Err(Violation::InterruptedMessage { opcode }),
        }
        let len = self.checked_len(header, open.unwrap_or(0))?;
        if open.is_none() && header.fin && len <= input.len() {
            batch.push(header, len, input)?;
            *input = &input[len..];
            return Ok(());
        }
        let pending = self.pending.get_or_insert_default();
        let message = pending.message.get_or_insert_with(|| Partial::new(header.opcode));
        message.begin_frame(header, len);
        pending.receive(input, batch)
    }

    /// The length of a frame, if its message, of which `before` bytes have come, keeps the limit.
    fn checked_len(&self, header: &Header, before: usize) -> Result<usize, Violation> {
        let len = usize::try_from(header.len).ok();
        len.filter(|len| *len <= self.max_message.saturating_sub(before)).ok_or(Violation::TooBig {
            len: header.len.saturating_add(before as u64),
            max: self.max_message,
        })
    }

    /// Bytes of heap in use.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        self.pending.as_ref().map_or(0, |pending| {
            size_of::<Pending>() + pending.message.as_ref().map_or(0, Partial::heap_bytes)
        })
    }

    /// Where the open message lies, to show that it stays there.
    #[cfg(test)]
    pub(super) fn payload_address(&self) -> usize {
        let message = self.pending.as_ref().and_then(|pending| pending.message.as_ref());
        message.map_or(0, Partial::payload_address)
    }
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.message.is_none() && self.head_len == 0
    }

    /// Whether what comes next is payload.
    fn is_within_frame(&self) -> bool {
        self.message.as_ref().is_some_and(Partial::is_within_frame)
    }

    /// Gives the open message what the input has for it, and the message to the batch if that
    /// completes it.
    fn receive(&mut self, input: &mut &[u8], batch: &mut Batch) -> Result<(), Violation> {
        if let Some(message) = &mut self.message {
            message.receive(input)?;
        }
        if let Some(message) = self.message.take_if(|message| message.is_complete()) {
            let (opcode, buffer) = message.into_parts();
            batch.push_buffer(opcode, buffer);
        }
        Ok(())
    }

    /// Continues the head kept so far with the input; `None` if even all of that does not end it.
    fn complete_head(&mut self, role: Role, input: &mut &[u8]) -> Result<Option<Head>, Violation> {
        let kept = self.head_len;
        let more = input.len().min(HEAD_BYTES_MAX - kept);
        self.head[kept..kept + more].copy_from_slice(&input[..more]);
        let parsed = parse_head(role, &self.head[..kept + more])?;
        // What was copied beyond the end of the head is still to be read.
        let taken = parsed.as_ref().map_or(more, |(_, end)| end - kept);
        self.head_len = if parsed.is_some() { 0 } else { kept + taken };
        *input = &input[taken..];
        Ok(parsed.map(|(head, _)| head))
    }
}

impl Default for Pending {
    fn default() -> Self {
        Self { message: None, head: [0; HEAD_BYTES_MAX], head_len: 0 }
    }
}

/// Reads the head at the front of `bytes`, and says how many bytes it takes; `None` if `bytes`
/// ends within it.
fn parse_head(role: Role, bytes: &[u8]) -> Result<Option<(Head, usize)>, Violation> {
    let Some((header, start)) = Header::parse(bytes)? else { return Ok(None) };
    match (role, header.mask) {
        (Role::Server, None) => return Err(Violation::Unmasked),
        (Role::Client, Some(_)) => return Err(Violation::Masked),
        _ => {}
    }
    if !header.opcode.is_control() {
        return Ok(Some((Head::Data(header), start)));
    }
    let len = usize::try_from(header.len).unwrap_or(usize::MAX);
    let Some(payload) = bytes[start..].get(..len) else { return Ok(None) };
    let mut payload = payload.to_vec();
    if let Some(key) = header.mask {
        apply_mask(&mut payload, key, 0);
    }
    let control = Control::parse(header.opcode, payload)?;
    Ok(Some((Head::Control(control), start + len)))
}
