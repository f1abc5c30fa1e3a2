//! A client program: opens its channel, sends, and tells what it hears.
//!
//! ```text
//!   script ──▶ client ◀──▶ session (one WebSocket) ◀──▶ proxy of the same host
//!                └─ connects again when a session ends that was to go on
//! ```

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use proxy::Net;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::client_async_with_config;

use super::recorder::Recorder;
use super::script::{Due, Script};
use super::session::{Life, Session, Step, websocket_config};
use crate::event::{ClientNo, Event, SessionNo};
use crate::scenario::{Plan, planned};

/// Time for a connection and its handshake.
const JOIN_TIME: Duration = Duration::from_secs(10);

/// How a client reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pace {
    /// All that comes.
    #[default]
    Free,
    /// So many bytes a second.
    Slow(u64),
    /// Nothing.
    Stalled,
}

/// What is kept of a client while its program runs, ends and runs again; and how faults get at it.
#[derive(Default)]
pub(crate) struct Control {
    pace: Cell<Pace>,
    changed: Notify,
    /// Messages that it sent in all its sessions.
    sent: Cell<u32>,
}

impl Control {
    /// From now on it reads so.
    pub(crate) fn set_pace(&self, pace: Pace) {
        self.pace.set(pace);
        self.changed.notify_one();
    }
}

/// What a client is made of.
pub(crate) struct Client<N> {
    pub(crate) number: ClientNo,
    pub(crate) plan: Rc<Plan>,
    pub(crate) net: N,
    pub(crate) recorder: Recorder,
    /// How many sessions there were in the world.
    pub(crate) sessions: Rc<Cell<u32>>,
    pub(crate) control: Rc<Control>,
    /// Where its proxy listens, as seen from its host.
    pub(crate) address: SocketAddr,
}

/// What a session does next; nothing if there is none.
async fn next<N: Net>(session: &mut Option<Session<N::Stream>>) -> Step {
    match session {
        Some(session) => poll_fn(|cx| session.poll(cx)).await,
        None => pending().await,
    }
}

impl<N: Net> Client<N> {
    /// Lives its script to the end. A program that starts late, because its host was off, skips
    /// what it missed.
    pub(crate) async fn run(self) {
        let mut script = Script::new(&self.plan, self.spec());
        let mut session = None;
        // When to open the channel, again or for the first time; none if it is not to be open.
        let mut join_at = script.skip_to(self.recorder.now()).then(|| self.recorder.now());
        loop {
            // Turns without a connection are skipped, those of a full one wait.
            let may_send = session.as_ref().is_none_or(Session::may_send);
            let joining = join_at.filter(|_| session.is_none());
            let Some(wake) = script.next_at(may_send).into_iter().chain(joining).min() else {
                match &mut session {
                    None => return,
                    Some(_) => {
                        self.after(next::<N>(&mut session).await, &mut session, &mut join_at);
                    }
                }
                continue;
            };
            tokio::select! {
                biased;
                step = next::<N>(&mut session) => self.after(step, &mut session, &mut join_at),
                () = self.control.changed.notified() => {
                    if let Some(session) = &mut session {
                        session.set_pace(self.control.pace.get());
                    }
                }
                () = sleep(wake.saturating_sub(self.recorder.now())) => {
                    let now = self.recorder.now().max(wake);
                    self.act(&mut script, now, &mut session, &mut join_at);
                    if session.is_none() && join_at.is_some_and(|at| at <= now) {
                        session = self.join().await;
                        join_at = Some(self.recorder.now() + self.spec().retry);
                    }
                }
            }
        }
    }

    fn spec(&self) -> &planned::Client {
        self.plan.client(self.number)
    }

    fn after(
        &self,
        step: Step,
        session: &mut Option<Session<N::Stream>>,
        join_at: &mut Option<Duration>,
    ) {
        if let Step::Ended = step {
            *session = None;
            if join_at.is_some() {
                *join_at = Some(self.recorder.now() + self.spec().retry);
            }
        }
    }

    /// Does what the script says for now.
    fn act(
        &self,
        script: &mut Script,
        now: Duration,
        session: &mut Option<Session<N::Stream>>,
        join_at: &mut Option<Duration>,
    ) {
        while let Some(due) = script.due(now, session.as_ref().is_none_or(Session::may_send)) {
            match (due, &mut *session) {
                (Due::Join, _) => *join_at = Some(now),
                (Due::Leave, open) => {
                    *join_at = None;
                    open.iter_mut().for_each(Session::leave);
                }
                (Due::Vanish, open) => {
                    *join_at = None;
                    open.take().into_iter().for_each(Session::vanish);
                }
                (Due::Turn(turn), Some(open)) => {
                    for _ in 0..turn.burst {
                        let sent = self.control.sent.get();
                        self.control.sent.set(sent + 1);
                        let (bytes, binary) = turn.message(self.spec().seed, sent);
                        open.queue(bytes, binary);
                    }
                }
                (Due::Turn(_), None) => {}
            }
        }
    }

    /// Opens the channel.
    async fn join(&self) -> Option<Session<N::Stream>> {
        let number = SessionNo(self.sessions.get());
        self.sessions.set(number.0 + 1);
        let spec = self.spec();
        let (client, proxy, channel) = (self.number, spec.proxy, spec.channel.as_str().into());
        self.recorder.record(Event::Joining { session: number, client, proxy, channel });
        let mut life = Life::new(number, self.recorder.clone());
        let url = format!("ws://localhost:{}{}", self.address.port(), spec.channel);
        let opening = async {
            let stream = self.net.connect(self.address).await.map_err(|error| error.to_string())?;
            let opened = client_async_with_config(url, stream, Some(websocket_config())).await;
            opened.map(|(socket, _)| socket).map_err(|error| error.to_string())
        };
        let opened = timeout(JOIN_TIME, opening).await;
        match opened.unwrap_or_else(|_| Err("no answer to the handshake".to_owned())) {
            Ok(socket) => {
                self.recorder.record(Event::Joined { session: number });
                Some(Session::new(life, socket, self.control.pace.get()))
            }
            Err(reason) => {
                life.end(None, reason.into());
                None
            }
        }
    }
}
