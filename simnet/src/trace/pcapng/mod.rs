//! The packets of a run as a capture that Wireshark opens: one interface for each segment.
//!
//! ```text
//!   sent ──▶ waits a second for its fates ──▶ frames, with a comment on what became of them
//! ```
//!
//! A packet is written with the time at which it was put on the wire, as its sender's neighbour
//! would see it, also if it was lost then: the comment says so (`lost: cut`, `lost for p3 (1 of
//! 9): loss`), and the display filter `frame.comment contains "lost"` finds them all. Since a
//! pcapng file cannot be mended afterwards, a packet waits [`FATES_WAIT`] for its fates first;
//! what becomes of it later is not told. A datagram beyond the MTU is written as its fragments,
//! the comment on the first. MAC addresses are made up from host and interface
//! (`02:00:HH:HH:HH:II`), a router does not put in its own, and ARP is not there. Which port
//! speaks WebSocket, Wireshark must be told: `tshark -d tcp.port==9009,http -r run.pcapng`.

mod block;
mod frame;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

use super::WorldPicture;
use crate::fabric::packet::{Cause, Fate, InterfaceId, Packet, SegmentId, Tap};
use frame::Mac;

/// How long a packet waits for its fates before it is written.
pub const FATES_WAIT: Duration = Duration::from_secs(1);

/// A comment names as many receivers at most for each cause.
const NAMED_MAX: usize = 5;

/// Writes every packet that it sees to `W`, which it buffers itself.
pub struct Pcapng<W: Write> {
    to: io::BufWriter<W>,
    /// The first thing that went wrong, after which nothing more is written.
    error: Option<io::Error>,
    mtu: u16,
    hosts: Vec<String>,
    segments: Vec<String>,
    interfaces_written: usize,
    /// Packets whose fates are not all known yet, by number.
    waiting: BTreeMap<u64, Waiting>,
    /// Their numbers, oldest first.
    order: VecDeque<u64>,
    /// Who has which address, as far as packets told.
    neighbours: BTreeMap<IpAddr, InterfaceId>,
}

struct Waiting {
    at: Duration,
    from: InterfaceId,
    segment: SegmentId,
    packet: Packet,
    fates: Vec<Fate>,
}

impl<W: Write> Pcapng<W> {
    /// Writes to `to`, with the names of segments and hosts from `picture`. Datagrams are
    /// fragmented, and TCP's largest segment is told, by `mtu`.
    pub fn new(to: W, picture: &WorldPicture, mtu: u16) -> Self {
        let mut pcapng = Self {
            to: io::BufWriter::new(to),
            error: None,
            mtu,
            hosts: picture.hosts.iter().map(|host| host.name.clone()).collect(),
            segments: picture.segments.clone(),
            interfaces_written: 0,
            waiting: BTreeMap::new(),
            order: VecDeque::new(),
            neighbours: BTreeMap::new(),
        };
        let what = format!("{}, seed {}: {}", picture.scenario, picture.seed, picture.replay);
        let header = block::section_header(&mut pcapng.to, &what);
        pcapng.note(header);
        pcapng.describe_interfaces(picture.segments.len());
        pcapng
    }

    /// Writes what still waits. Called once, after the last packet.
    ///
    /// # Errors
    /// The first thing that went wrong since the beginning.
    pub fn finish(&mut self) -> io::Result<()> {
        self.write_until(Duration::MAX);
        match self.error.take() {
            Some(error) => Err(error),
            None => self.to.flush(),
        }
    }

    fn note(&mut self, result: io::Result<()>) {
        if self.error.is_none() {
            self.error = result.err();
        }
    }

    fn describe_interfaces(&mut self, count: usize) {
        for n in self.interfaces_written..count {
            let name = self.segments.get(n).map_or_else(|| format!("segment {n}"), String::clone);
            let written = block::interface(&mut self.to, &name);
            self.note(written);
        }
        self.interfaces_written = self.interfaces_written.max(count);
    }

    fn write_until(&mut self, end: Duration) {
        while let Some(&number) = self.order.front()
            && self.waiting.get(&number).is_none_or(|waiting| waiting.at < end)
        {
            self.order.pop_front();
            if let Some(waiting) = self.waiting.remove(&number) {
                self.describe_interfaces(waiting.segment.0 as usize + 1);
                let written = self.write(number, &waiting);
                self.note(written);
            }
        }
    }

    fn write(&mut self, number: u64, waiting: &Waiting) -> io::Result<()> {
        let macs = (frame::mac_of(waiting.from), self.receiver(waiting));
        let frames = frame::frames(&waiting.packet, number, macs, self.mtu)
            .map_err(|what| io::Error::other(format!("packet {number}: {what}")))?;
        let comment = self.comment(&waiting.fates);
        let nanos = u64::try_from(waiting.at.as_nanos()).unwrap_or(u64::MAX);
        for (n, frame) in frames.iter().enumerate() {
            let comment = if n == 0 { &comment[..] } else { "" };
            block::packet(&mut self.to, waiting.segment.0, nanos, frame, comment)?;
        }
        Ok(())
    }

    fn receiver(&self, waiting: &Waiting) -> Mac {
        let ip = waiting.packet.destination.ip();
        let told = waiting.fates.iter().find_map(|fate| match fate {
            Fate::Arrives(interface) | Fate::Lost(Some(interface), _) => Some(*interface),
            Fate::Lost(None, _) => None,
        });
        frame::mac_of_group(ip)
            .or_else(|| told.or_else(|| self.neighbours.get(&ip).copied()).map(frame::mac_of))
            .unwrap_or(frame::MAC_OF_NOBODY)
    }

    /// What a person should know of a packet; empty if it did what packets do.
    fn comment(&self, fates: &[Fate]) -> String {
        let mut copies = BTreeMap::<InterfaceId, usize>::new();
        let mut losses = BTreeMap::<&str, Vec<Option<InterfaceId>>>::new();
        for fate in fates {
            match *fate {
                Fate::Arrives(interface) => *copies.entry(interface).or_default() += 1,
                Fate::Lost(interface, cause) => {
                    losses.entry(name_of(cause)).or_default().push(interface);
                }
            }
        }
        let mut comment = String::new();
        for (cause, lost) in &losses {
            let separator = if comment.is_empty() { "" } else { "; " };
            let text = if fates.len() == 1 || lost[..] == [None] {
                format!("lost: {cause}")
            } else {
                let names = self.names(lost.iter().copied().flatten());
                format!("lost for {names} ({} of {}): {cause}", lost.len(), fates.len())
            };
            let _ = write!(comment, "{separator}{text}");
        }
        let copied: Vec<_> = copies.into_iter().filter(|(_, count)| *count > 1).collect();
        if !copied.is_empty() {
            let separator = if comment.is_empty() { "" } else { "; " };
            let names = self.names(copied.iter().map(|(interface, _)| *interface));
            let _ = write!(comment, "{separator}arrives more than once at {names}");
        }
        comment
    }

    fn names(&self, interfaces: impl Iterator<Item = InterfaceId>) -> String {
        let all: Vec<_> = interfaces.collect();
        let named = all.iter().take(NAMED_MAX).map(|interface| {
            let host = interface.host.0;
            self.hosts.get(host as usize).map_or_else(|| format!("host {host}"), String::clone)
        });
        let mut text = named.collect::<Vec<_>>().join(", ");
        if all.len() > NAMED_MAX {
            let _ = write!(text, " and {} more", all.len() - NAMED_MAX);
        }
        text
    }
}

impl<W: Write> Tap for Pcapng<W> {
    fn sent(
        &mut self,
        at: Duration,
        number: u64,
        from: InterfaceId,
        segment: SegmentId,
        packet: &Packet,
    ) {
        if self.error.is_some() {
            return;
        }
        self.write_until(at.saturating_sub(FATES_WAIT));
        self.neighbours.insert(packet.source.ip(), from);
        let waiting = Waiting { at, from, segment, packet: packet.clone(), fates: Vec::new() };
        self.waiting.insert(number, waiting);
        self.order.push_back(number);
    }

    fn fate(&mut self, _at: Duration, number: u64, fate: Fate) {
        if let Some(waiting) = self.waiting.get_mut(&number) {
            waiting.fates.push(fate);
        }
    }
}

/// A cause in words.
fn name_of(cause: Cause) -> &'static str {
    match cause {
        Cause::Loss => "loss",
        Cause::QueueFull => "queue full",
        Cause::Cut => "cut",
        Cause::NoHost => "no host",
        Cause::Filtered => "filtered",
        Cause::NoRoute => "no route",
        Cause::TooLarge => "too large",
        Cause::SocketFull => "socket full",
    }
}

#[cfg(test)]
mod tests;
