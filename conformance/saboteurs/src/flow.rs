//! Faults in when bytes move: who waits for whom, and for how long.

use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use socket2::{SockRef, Socket};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::line::Line;
use crate::shared::{Inbox, lock};

/// How bytes move, if not as they should.
#[derive(Clone, Copy)]
pub(crate) enum Flow {
    /// On such lines everything is taken from the proxy at once, and waits without bound.
    Unbounded(fn(&Line) -> bool),
    /// From such lines everything is read at once, and waits without bound.
    ReadAhead(fn(&Line) -> bool),
    /// Nobody is read from while anybody else's socket is full.
    AllWait,
    /// The end of a connection is not told to the proxy while its socket is full.
    EndHidden,
    /// A connection that was full for the stall time, whatever it took meanwhile, is dropped.
    SlowCut,
    /// A connection from which nothing was read for twice the keep-alive time is dropped, for
    /// whatever reason nothing was.
    SilenceCounted,
    /// What a sender sent while it was held back for long is thrown away.
    MeanwhileLost,
}

/// What a watch over one connection goes by.
pub(crate) struct Pulse {
    /// The socket takes nothing now.
    pub(crate) full: bool,
    /// When something was read.
    pub(crate) heard: Instant,
    /// It is a WebSocket.
    pub(crate) open: bool,
}

/// What one read ahead takes at most.
const READ_BYTES: usize = 256 * 1024;

/// How often a watch looks.
const LOOK: Duration = Duration::from_millis(20);

/// Drops a connection that was full at each look for `time`.
pub(crate) async fn cut_slow(socket: Socket, pulse: Weak<Mutex<Pulse>>, time: Duration) {
    let mut since = None;
    while let Some(pulse) = pulse.upgrade() {
        let full = lock(&pulse).full;
        let began = *since.get_or_insert_with(Instant::now);
        if !full {
            since = None;
        } else if began.elapsed() >= time {
            return shut(&socket);
        }
        drop(pulse);
        tokio::time::sleep(LOOK).await;
    }
}

/// Drops a WebSocket from which nothing was read for `time`.
pub(crate) async fn cut_silent(socket: Socket, pulse: Weak<Mutex<Pulse>>, time: Duration) {
    while let Some(pulse) = pulse.upgrade() {
        let silent = {
            let pulse = lock(&pulse);
            pulse.open && pulse.heard.elapsed() >= time
        };
        if silent {
            return shut(&socket);
        }
        drop(pulse);
        tokio::time::sleep(LOOK).await;
    }
}

fn shut(socket: &Socket) {
    // It may be gone already; then this was not needed.
    let _ = socket.shutdown(std::net::Shutdown::Both);
}

/// Reads everything that comes, into an inbox without bound.
pub(crate) async fn read_ahead(mut stream: TcpStream, inbox: Arc<Inbox>) {
    let mut bytes = vec![0; READ_BYTES];
    while let Ok(read @ 1..) = stream.read(&mut bytes).await {
        inbox.put_raw(&bytes[..read]);
    }
    inbox.end();
}

/// The same socket once more.
pub(crate) fn twin(stream: &TcpStream) -> std::io::Result<Socket> {
    SockRef::from(stream).try_clone()
}
