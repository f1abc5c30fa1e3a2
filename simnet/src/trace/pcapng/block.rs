//! The three blocks of a pcapng file that we write (draft-ietf-opsawg-pcapng).
//!
//! ```text
//!   section header │ interface description ... │ enhanced packet ...
//!   each: type, length, fields, padding to 32 bits, options, length
//! ```

use std::io::{self, Write};

use crate::trace::pcapng::frame::Mac;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

/// Ends a block's options; a comment, in any block.
const OPTION_END: u16 = 0;
const OPTION_COMMENT: u16 = 1;

/// Options of the section header.
const SECTION_USER_APPLICATION: u16 = 4;

/// Options of an interface: its name, and the unit of its time stamps as a power of ten.
const INTERFACE_NAME: u16 = 2;
const INTERFACE_TIME_RESOLUTION: u16 = 9;

/// Options of a packet: bits that say how it was received.
const PACKET_FLAGS: u16 = 2;
const OUTBOUND: u32 = 0b10;
const UNICAST: u32 = 0b001 << 2;
const MULTICAST: u32 = 0b010 << 2;

/// Ethernet, as the registry of link types has it.
const LINK_TYPE_ETHERNET: u16 = 1;

/// Begins a file; `what` tells people what it is.
pub(super) fn section_header(to: &mut impl Write, what: &str) -> io::Result<()> {
    let mut body = Vec::new();
    body.extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
    body.extend_from_slice(&1u16.to_le_bytes());
    body.extend_from_slice(&0u16.to_le_bytes());
    // How long the section is: not known yet.
    body.extend_from_slice(&u64::MAX.to_le_bytes());
    option(&mut body, OPTION_COMMENT, what.as_bytes());
    option(&mut body, SECTION_USER_APPLICATION, b"simnet");
    block(to, SECTION_HEADER, body)
}

/// Adds an interface, with time stamps in nanoseconds. Packets name it by its place.
pub(super) fn interface(to: &mut impl Write, name: &str) -> io::Result<()> {
    let mut body = Vec::new();
    body.extend_from_slice(&LINK_TYPE_ETHERNET.to_le_bytes());
    body.extend_from_slice(&0u16.to_le_bytes());
    // How much of a packet is kept: all.
    body.extend_from_slice(&0u32.to_le_bytes());
    option(&mut body, INTERFACE_NAME, name.as_bytes());
    option(&mut body, INTERFACE_TIME_RESOLUTION, &[9]);
    block(to, INTERFACE_DESCRIPTION, body)
}

/// Adds a frame at `nanos`, with a comment if there is something to say.
pub(super) fn packet(
    to: &mut impl Write,
    interface: u32,
    nanos: u64,
    frame: &[u8],
    comment: &str,
) -> io::Result<()> {
    let mut body = Vec::with_capacity(frame.len() + comment.len() + 64);
    body.extend_from_slice(&interface.to_le_bytes());
    body.extend_from_slice(&((nanos >> 32) as u32).to_le_bytes());
    body.extend_from_slice(&(nanos as u32).to_le_bytes());
    // Kept of it, and sent: all.
    body.extend_from_slice(&(frame.len() as u32).to_le_bytes());
    body.extend_from_slice(&(frame.len() as u32).to_le_bytes());
    body.extend_from_slice(frame);
    pad(&mut body);
    if !comment.is_empty() {
        option(&mut body, OPTION_COMMENT, comment.as_bytes());
    }
    let group_bit = frame.first_chunk::<{ size_of::<Mac>() }>().is_some_and(|to| to[0] & 1 == 1);
    let flags = OUTBOUND | if group_bit { MULTICAST } else { UNICAST };
    option(&mut body, PACKET_FLAGS, &flags.to_le_bytes());
    block(to, ENHANCED_PACKET, body)
}

fn block(to: &mut impl Write, kind: u32, mut body: Vec<u8>) -> io::Result<()> {
    option(&mut body, OPTION_END, b"");
    let length = (body.len() as u32 + 12).to_le_bytes();
    to.write_all(&kind.to_le_bytes())?;
    to.write_all(&length)?;
    to.write_all(&body)?;
    to.write_all(&length)
}

/// Adds an option, cut to what its 16 bits of length can say.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    body.extend_from_slice(&code.to_le_bytes());
    body.extend_from_slice(&(value.len() as u16).to_le_bytes());
    body.extend_from_slice(value);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}
