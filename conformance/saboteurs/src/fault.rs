//! What a fault is: a name, the clause at which it must be caught, and what it does where.
//!
//! A fault changes nothing in the proxy. It stands between the proxy and the world that the proxy
//! takes from outside: its settings, its connections, its adverts and sightings.

use std::net::SocketAddr;

use proxy::discovery::{Advert, Sighting};
use proxy::{Config, Interface};

use crate::discovery::Told;
use crate::flow::Flow;
use crate::frame::Frame;
use crate::head::Head;
use crate::line::Line;
use crate::shared::Shared;

/// Changes a head on its way.
pub(crate) type OnHead = fn(&mut Head, &mut Line);
/// Passes a frame on, or not.
pub(crate) type OnFrame = fn(Frame, &mut Line);
/// Does something when something has happened to a connection.
pub(crate) type OnLine = fn(&mut Line);

/// One fault. Each field but the first three is one place where it may take hold.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// The clause whose cases must fail.
    pub(crate) clause: &'static str,
    /// What the wrong proxy does.
    pub(crate) what: &'static str,
    /// The settings.
    pub(crate) config: Option<fn(&mut Config)>,
    /// A request that the proxy is to answer.
    pub(crate) request: Option<OnHead>,
    /// The proxy's answer to it.
    pub(crate) answer: Option<OnHead>,
    /// A request for a link that the proxy makes.
    pub(crate) dial: Option<OnHead>,
    /// The answer to it.
    pub(crate) dial_answer: Option<OnHead>,
    /// A connection has become a WebSocket.
    pub(crate) joined: Option<OnLine>,
    /// A frame from the peer.
    pub(crate) received: Option<OnFrame>,
    /// A message from the peer, its fragments joined; control frames pass.
    pub(crate) heard: Option<OnFrame>,
    /// A frame to the peer. The proxy sends no fragments.
    pub(crate) sent: Option<OnFrame>,
    /// The peer sends nothing more.
    pub(crate) peer_ended: Option<OnLine>,
    /// The proxy has let go of a WebSocket.
    pub(crate) ended: Option<OnLine>,
    /// When bytes move.
    pub(crate) flow: Option<Flow>,
    /// Where the proxy thinks a connection comes from.
    pub(crate) peer: Option<fn(SocketAddr) -> SocketAddr>,
    /// Where a dial leads to.
    pub(crate) connect: Option<fn(SocketAddr, &Shared) -> SocketAddr>,
    /// The addresses and networks of this machine.
    pub(crate) interfaces: Option<fn(&mut Vec<Interface>)>,
    /// An advert that the proxy makes.
    pub(crate) advert: Option<fn(Advert, &Shared) -> Vec<Told>>,
    /// What discovery saw.
    pub(crate) sighting: Option<fn(Sighting, &Shared) -> Option<Sighting>>,
    /// That an instance is gone is not told to the proxy.
    pub(crate) misses_goodbyes: bool,
    /// No advert is withdrawn while the proxy runs.
    pub(crate) keeps_adverts: bool,
    /// An advert ends without a goodbye.
    pub(crate) ends_silently: bool,
    /// No goodbye is said at the end.
    pub(crate) leaves_silently: bool,
}

macro_rules! hooks {
    ($($(#[$meta:meta])* $name:ident: $type:ty;)*) => {
        $($(#[$meta])* pub(crate) const fn $name(mut self, hook: $type) -> Self {
            self.$name = Some(hook);
            self
        })*
    };
}

impl Fault {
    /// A fault that does nothing yet.
    pub(crate) const fn new(name: &'static str, clause: &'static str, what: &'static str) -> Self {
        Self {
            name,
            clause,
            what,
            config: None,
            request: None,
            answer: None,
            dial: None,
            dial_answer: None,
            joined: None,
            received: None,
            heard: None,
            sent: None,
            peer_ended: None,
            ended: None,
            flow: None,
            peer: None,
            connect: None,
            interfaces: None,
            advert: None,
            sighting: None,
            misses_goodbyes: false,
            keeps_adverts: false,
            ends_silently: false,
            leaves_silently: false,
        }
    }

    hooks! {
        config: fn(&mut Config);
        request: OnHead;
        answer: OnHead;
        dial: OnHead;
        dial_answer: OnHead;
        joined: OnLine;
        received: OnFrame;
        heard: OnFrame;
        sent: OnFrame;
        peer_ended: OnLine;
        ended: OnLine;
        flow: Flow;
        peer: fn(SocketAddr) -> SocketAddr;
        connect: fn(SocketAddr, &Shared) -> SocketAddr;
        interfaces: fn(&mut Vec<Interface>);
        advert: fn(Advert, &Shared) -> Vec<Told>;
        sighting: fn(Sighting, &Shared) -> Option<Sighting>;
    }

    pub(crate) const fn misses_goodbyes(mut self) -> Self {
        self.misses_goodbyes = true;
        self
    }

    pub(crate) const fn keeps_adverts(mut self) -> Self {
        self.keeps_adverts = true;
        self
    }

    pub(crate) const fn ends_silently(mut self) -> Self {
        self.ends_silently = true;
        self
    }

    pub(crate) const fn leaves_silently(mut self) -> Self {
        self.leaves_silently = true;
        self
    }

    /// Whether connections must be taken apart at all; if not, their bytes pass untouched.
    pub(crate) fn needs_lines(&self) -> bool {
        let heads = [self.request, self.answer, self.dial, self.dial_answer];
        heads.iter().any(Option::is_some) || self.flow.is_some() || self.needs_frames()
    }

    /// Whether frames must be taken apart, or may be put between others.
    pub(crate) fn needs_frames(&self) -> bool {
        [self.received, self.heard, self.sent].iter().any(Option::is_some)
            || [self.joined, self.peer_ended, self.ended].iter().any(Option::is_some)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::faults;

    /// The clauses of the document, with whether each is a MUST.
    fn clauses() -> Vec<(&'static str, bool)> {
        let headings = include_str!("../../PROTOCOL.md").lines();
        let headings = headings.filter_map(|line| line.strip_prefix("### ")?.split_once(" ("));
        headings
            .map(|(id, level)| (id, level == "MUST)"))
            .filter(|(id, _)| id.contains('.'))
            .collect()
    }

    #[test]
    fn each_must_has_a_fault_and_each_fault_a_clause() {
        let caught: BTreeSet<_> = faults::all().map(|fault| fault.clause).collect();
        let clauses = clauses();
        assert!(clauses.len() > 80, "the document is not read: {}", clauses.len());
        for (id, must) in &clauses {
            assert!(!must || caught.contains(id), "no fault breaks {id}");
        }
        for clause in caught {
            assert!(clauses.iter().any(|(id, _)| *id == clause), "{clause} is no clause");
        }
    }

    #[test]
    fn names_are_words_and_none_stands_twice() {
        let mut names = BTreeSet::from(["none"]);
        for fault in faults::all() {
            assert!(names.insert(fault.name), "{} stands twice", fault.name);
            let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            assert!(fault.name.bytes().all(word), "{}", fault.name);
            assert!(!fault.what.is_empty() && !fault.what.ends_with('.'), "{}", fault.name);
        }
    }
}
