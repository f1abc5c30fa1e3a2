//! Readiness of many sockets: epoll, level-triggered.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

/// Sockets told at once.
const EVENTS: usize = 1024;

/// A set of sockets, each with a key of the caller's.
pub(crate) struct Poll {
    epoll: OwnedFd,
}

/// A socket that is ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub(crate) key: u64,
    /// Whether there is something to read, if only the end.
    pub(crate) readable: bool,
}

impl Poll {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    /// Watches whether there is something to read.
    pub(crate) fn add(&self, socket: impl AsFd, key: u64) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(key), EventFlags::IN)?)
    }

    /// Watches for room to write as well, or no more.
    pub(crate) fn want_room(&self, socket: impl AsFd, key: u64, wanted: bool) -> io::Result<()> {
        let room = if wanted { EventFlags::OUT } else { EventFlags::empty() };
        Ok(epoll::modify(&self.epoll, socket, EventData::new_u64(key), EventFlags::IN | room)?)
    }

    /// Waits until something is ready, `timeout` at most, and puts that into `ready`.
    pub(crate) fn wait(&self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        let timeout = timeout.and_then(|time| Timespec::try_from(time).ok());
        let mut room = [const { MaybeUninit::uninit() }; EVENTS];
        ready.clear();
        match epoll::wait(&self.epoll, &mut room, timeout.as_ref()) {
            Ok((events, _)) => ready.extend(events.iter().map(|event| {
                let Event { flags, data, .. } = *event;
                Ready { key: data.u64(), readable: flags.intersects(!EventFlags::OUT) }
            })),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
