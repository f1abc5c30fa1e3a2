//! A connection as the proxy sees it: the socket, with a [`Line`] in between if the fault needs it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use bytes::Buf;
use proxy::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::fault::Fault;
use crate::flow::{Flow, Pulse, cut_silent, cut_slow, read_ahead, twin};
use crate::line::{Line, Side};
use crate::shared::{Shared, lock};

/// A connection of a wrong proxy.
pub(crate) struct Sabotaged {
    socket: TcpStream,
    line: Option<Box<Line>>,
    flow: Option<Flow>,
    pulse: Arc<Mutex<Pulse>>,
    /// Of the task that reads.
    reader: Option<Waker>,
    /// The last read gave something, so the proxy would be back at once if nothing held it.
    eager: bool,
    /// A task reads in place of the proxy.
    read_ahead: bool,
    peer_ended: bool,
}

impl Sabotaged {
    pub(crate) fn new(
        socket: TcpStream,
        fault: &'static Fault,
        shared: &Arc<Shared>,
        side: Side,
        peer: SocketAddr,
    ) -> io::Result<Self> {
        let line = fault.needs_lines().then(|| Box::new(Line::new(fault, shared, side, peer)));
        let pulse = Pulse { full: false, heard: Instant::now(), open: false };
        let pulse = Arc::new(Mutex::new(pulse));
        let limits = &shared.config.limits;
        let watched = Arc::downgrade(&pulse);
        match fault.flow {
            Some(Flow::SlowCut) => {
                tokio::task::spawn_local(cut_slow(twin(&socket)?, watched, limits.stall_time));
            }
            Some(Flow::SilenceCounted) => {
                let time = 2 * limits.keep_alive;
                tokio::task::spawn_local(cut_silent(twin(&socket)?, watched, time));
            }
            _ => {}
        }
        Ok(Self {
            socket,
            line,
            flow: fault.flow,
            pulse,
            reader: None,
            eager: false,
            read_ahead: false,
            peer_ended: false,
        })
    }

    /// Writes what waits for the peer, until there is nothing left or the socket is full.
    fn flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(line) = &mut self.line else { return Poll::Ready(Ok(())) };
        while !line.to_peer.is_empty() {
            let written = ready!(Pin::new(&mut self.socket).poll_write(cx, &line.to_peer))?;
            line.to_peer.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// The same, with what follows from it. True if everything is out.
    fn try_flush(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let flushed = match self.flush(cx) {
            Poll::Ready(Err(_)) if self.hides_end() => Ok(false),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Ready(Ok(())) => Ok(true),
            Poll::Pending => Ok(false),
        };
        let full = matches!(flushed, Ok(false));
        lock(&self.pulse).full = full;
        if let Some(line) = &mut self.line {
            line.full = full;
            line.was_full |= full;
            if let (Some(Flow::AllWait), Some(known)) = (self.flow, &line.known) {
                line.shared.set_full(known.id, full);
            }
        }
        flushed
    }

    fn hides_end(&self) -> bool {
        matches!(self.flow, Some(Flow::EndHidden)) && self.line.as_ref().is_some_and(|l| l.full)
    }

    /// Brings in what others put there, and starts what begins with a WebSocket.
    fn collect(&mut self, cx: &Context<'_>) -> io::Result<()> {
        let Some(line) = &mut self.line else { return Ok(()) };
        if let Some(moved) = line.moved.take() {
            self.socket = TcpStream::from_std(moved)?;
        }
        let Some(known) = &line.known else { return Ok(()) };
        lock(&self.pulse).open = true;
        let inbox = Arc::clone(&known.inbox);
        inbox.register(cx.waker());
        if let Some(Flow::ReadAhead(on)) = self.flow
            && !self.read_ahead
            && on(line)
        {
            self.read_ahead = true;
            let twin = TcpStream::from_std(twin(&self.socket)?.into())?;
            tokio::task::spawn_local(read_ahead(twin, Arc::clone(&inbox)));
        }
        let (to_proxy, to_peer) = inbox.take();
        line.to_proxy.extend_from_slice(&to_proxy);
        line.to_peer.extend_from_slice(&to_peer);
        if self.read_ahead && inbox.has_ended() {
            self.peer_ended = true;
        }
        Ok(())
    }

    /// Whether reading has to wait, because of the fault.
    fn waits(&mut self, cx: &Context<'_>) -> bool {
        let Some(line) = &mut self.line else { return false };
        match (self.flow, &line.known) {
            (Some(Flow::AllWait), Some(known)) => line.shared.wait_for_others(known.id, cx.waker()),
            (Some(Flow::MeanwhileLost), Some(_)) => {
                let held = lock(&self.pulse).heard.elapsed();
                line.losing |= self.eager && held > line.shared.config.limits.stall_time / 8;
                false
            }
            (Some(Flow::EndHidden), _) if !line.full => {
                for frame in std::mem::take(&mut line.kept) {
                    line.pass_in(&frame);
                }
                false
            }
            _ => false,
        }
    }

    /// Reads once from the socket.
    fn read_socket(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut room = [0; 16 * 1024];
        let mut room = ReadBuf::new(&mut room);
        let read = Pin::new(&mut self.socket).poll_read(cx, &mut room);
        let hides_end = self.hides_end();
        let line = self.line.as_mut().expect("without a line the proxy reads for itself");
        self.eager = read.is_ready();
        match read {
            Poll::Pending => {
                line.losing = false;
                Poll::Pending
            }
            Poll::Ready(Ok(())) if !room.filled().is_empty() => {
                lock(&self.pulse).heard = Instant::now();
                line.peer_sent(room.filled());
                Poll::Ready(Ok(()))
            }
            // The proxy is told when the socket has room again, or it gives up by itself.
            Poll::Ready(_) if hides_end => Poll::Pending,
            Poll::Ready(Err(error)) if line.fault.peer_ended.is_none() => Poll::Ready(Err(error)),
            Poll::Ready(_) => {
                self.peer_ended = true;
                line.peer_ended();
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Whether the proxy's bytes are taken although the socket is full.
    fn is_unbounded(&self) -> bool {
        match (self.flow, &self.line) {
            (Some(Flow::Unbounded(on)), Some(line)) => on(line),
            _ => false,
        }
    }
}

impl AsyncRead for Sabotaged {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.line.is_none() {
            return Pin::new(&mut this.socket).poll_read(cx, room);
        }
        this.reader = Some(cx.waker().clone());
        loop {
            this.collect(cx)?;
            this.try_flush(cx)?;
            if this.waits(cx) {
                return Poll::Pending;
            }
            let line = this.line.as_mut().expect("it was there above");
            if !line.to_proxy.is_empty() {
                line.give_proxy(room);
                return Poll::Ready(Ok(()));
            }
            if this.peer_ended {
                return Poll::Ready(Ok(()));
            }
            if this.read_ahead {
                return Poll::Pending;
            }
            ready!(this.read_socket(cx))?;
        }
    }
}

impl AsyncWrite for Sabotaged {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.line.is_none() {
            return Pin::new(&mut this.socket).poll_write(cx, bytes);
        }
        if !this.try_flush(cx)? && !this.is_unbounded() {
            return Poll::Pending;
        }
        let line = this.line.as_mut().expect("it was there above");
        line.proxy_sent(bytes);
        if line.broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let flushed = this.try_flush(cx)?;
        let waiting = this.line.as_ref().is_some_and(|line| !line.to_proxy.is_empty());
        // What is left, here or on the way to the proxy, is moved on by the task that reads.
        if let (Some(reader), true) = (&this.reader, waiting || !flushed) {
            reader.wake_by_ref();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.flush(cx))?;
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.flush(cx))?;
        if self.line.as_ref().is_some_and(|line| line.stays_open) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.line.is_none() {
            return Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        }
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.poll_write(cx, first.map_or(&[], |slice| slice))
    }

    fn is_write_vectored(&self) -> bool {
        self.line.is_none()
    }
}

impl Stream for Sabotaged {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.line.is_none() {
            return Stream::try_write(&mut self.socket, bytes);
        }
        // The task that reads is woken, and polls again for what is left.
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(self).poll_write(&mut cx, bytes) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn probe_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(line) = &mut self.line else { return self.socket.probe_write(bytes) };
        while !line.to_peer.is_empty() {
            let written = self.socket.probe_write(&line.to_peer)?;
            line.to_peer.advance(written);
        }
        line.proxy_sent(bytes);
        Ok(bytes.len())
    }
}

impl Drop for Sabotaged {
    fn drop(&mut self) {
        let Some(line) = &mut self.line else { return };
        if let Some(known) = &line.known {
            line.shared.set_full(known.id, false);
            line.shared.leave(known.id);
        }
        if let (Some(hook), true) = (line.fault.ended, line.known.is_some()) {
            hook(line);
        }
        if line.stays_open
            && let Ok(twin) = twin(&self.socket)
        {
            lock(&line.shared.sockets).push(twin);
        }
    }
}
