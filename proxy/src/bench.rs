//! What the benchmarks measure piece by piece: parts of the data path and of the planner, ready to
//! be run. Only with the feature `bench`; no part of the library's interface.

use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Duration, Instant};

use crate::channel::{Channel, Origin};
use crate::clock;
use crate::discovery::Instance;
use crate::id::ProxyId;
use crate::link::planner::{Action, Input, Outcome, Planner};
use crate::member::{Kind, Member, MemberId};
use crate::name::{ChannelId, ChannelName, Scope};
use crate::net::Stream;
use crate::outbox::Throttle;
use crate::ws::{self, Batch, Decoder, Role};

const KEY: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

/// A read full of messages, decoded and encoded for all receivers.
pub struct Frames {
    decoder: Decoder,
    batch: Batch,
    input: Vec<u8>,
}

impl Frames {
    /// `messages` of `size` bytes each, text or binary, as a client sends them.
    #[must_use]
    pub fn new(messages: usize, size: usize, text: bool) -> Self {
        let input = ws::mask_batch(&frames(messages, size, text), || KEY).to_vec();
        Self { decoder: Decoder::new(Role::Server, usize::MAX), batch: Batch::default(), input }
    }

    /// Decodes and encodes all; gives the number of bytes.
    pub fn run(&mut self) -> usize {
        let mut input = &self.input[..];
        self.decoder.decode(&mut input, &mut self.batch).expect("the frames are sound");
        self.batch.take().map(|chunk| chunk.len()).sum()
    }
}

/// Unmasks `data` in place.
pub fn unmask(data: &mut [u8]) {
    ws::apply_mask(data, KEY, 0);
}

/// A batch that goes out over a link that we dialled, where frames are masked.
pub struct Masked(Bytes);

impl Masked {
    /// `messages` of `size` bytes each.
    #[must_use]
    pub fn new(messages: usize, size: usize) -> Self {
        Self(frames(messages, size, false))
    }

    /// Masks all; gives the number of bytes.
    #[must_use]
    pub fn run(&self) -> usize {
        ws::mask_batch(&self.0, || KEY).len()
    }
}

fn frames(messages: usize, size: usize, text: bool) -> Bytes {
    let mut frame = vec![if text { 0x81 } else { 0x82 }];
    match u8::try_from(size) {
        Ok(short) if short < 126 => frame.push(short),
        _ => {
            frame.push(126);
            let size = u16::try_from(size).expect("no longer than a length of 2 bytes says");
            frame.extend_from_slice(&size.to_be_bytes());
        }
    }
    frame.resize(frame.len() + size, b'x');
    frame.repeat(messages).into()
}

/// A channel whose readers take everything at once, without a system.
pub struct Audience {
    channel: Channel,
    frames: Bytes,
    sender: Rc<Throttle>,
}

impl Audience {
    /// One sender, and so many readers.
    #[must_use]
    pub fn new(readers: usize) -> Self {
        let name = "x".parse().expect("a channel's name");
        let channel = Channel::new(ChannelId { scope: Scope::Local, name });
        let rng = Rc::new(RefCell::new(ChaCha8Rng::seed_from_u64(1)));
        for id in 0..=readers {
            let (id, address) = (MemberId(id as u64), SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
            let member = Rc::new(Member::new(id, Kind::Client, address, 1 << 20, &rng));
            member.attach(Box::new(Taker));
            channel.join(&member);
        }
        Self { channel, frames: frames(1, 64, true), sender: Rc::default() }
    }

    /// Publishes one batch; gives the number of receivers.
    #[must_use]
    pub fn run(&self) -> usize {
        self.channel.publish(Origin::Client(MemberId(0)), &self.frames, &self.sender)
    }
}

/// Takes everything, and gives nothing.
struct Taker;

impl AsyncRead for Taker {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Taker {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Stream for Taker {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }
}

/// A planner that has a link with each of many proxies.
pub struct Links {
    planner: Planner,
    instances: Vec<Instance>,
    next: usize,
    now: Instant,
}

impl Links {
    /// With so many proxies, on one channel.
    #[must_use]
    pub fn new(proxies: u16) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let id = ProxyId::random(&mut rng);
        let channel: ChannelName = "x".parse().expect("a channel's name");
        let mut planner = Planner::new(id, 9009, Vec::new(), proxies.into(), rng);
        let now = clock::now();
        let mut actions = Vec::new();
        let interest = Input::Interest { channel: channel.clone(), here: true };
        planner.handle(interest, now, &mut actions);
        let instances: Vec<_> = (0..proxies).map(|index| instance(index, &channel)).collect();
        for instance in &instances {
            planner.handle(Input::Seen(instance.clone()), now, &mut actions);
        }
        let mut links = Self { planner, instances, next: 0, now };
        links.answer(actions);
        links
    }

    /// One proxy goes and comes back: its link is lost, and made again when its time has come.
    pub fn run(&mut self) {
        let mut actions = Vec::new();
        let instance = self.instances[self.next].clone();
        self.next = (self.next + 1) % self.instances.len();
        self.now += Duration::from_secs(1);
        self.planner.handle(Input::Gone(instance.name.clone()), self.now, &mut actions);
        self.planner.handle(Input::Seen(instance), self.now, &mut actions);
        self.planner.handle(Input::Tick, self.now, &mut actions);
        self.answer(actions);
    }

    /// Every dial leads to a link.
    fn answer(&mut self, actions: Vec<Action>) {
        for action in actions {
            if let Action::Dial { link, target, .. } = action {
                let crate::link::planner::Target::Addresses(addresses) = target else { continue };
                let (address, two_way) = (addresses[0], false);
                let outcome = Outcome::Open { address, remote: None, two_way };
                let mut more = Vec::new();
                self.planner.handle(Input::Dialled { link, outcome }, self.now, &mut more);
            }
        }
    }

    /// Links that stand.
    #[must_use]
    pub fn count(&self) -> usize {
        self.planner.candidates().filter(|remote| remote.state.name() == "linked").count()
    }
}

fn instance(index: u16, channel: &ChannelName) -> Instance {
    let address =
        SocketAddr::from((Ipv4Addr::from([10, 0, (index >> 8) as u8, index as u8]), 9009));
    Instance {
        name: format!("x[{index}]"),
        host: format!("host-{index}.local."),
        port: 9009,
        channel: channel.clone(),
        addresses: vec![address],
    }
}
