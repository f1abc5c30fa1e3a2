//! A proxy on a network of pipes, under a clock that jumps: what no socket does on demand, such as
//! taking the first bytes of an answer and no more.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use proxy::{Config, Interface, Listener, Net, NoDiscovery, Proxy, Stream};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, timeout};

const UPGRADE: &[u8] = b"GET /local/x HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Connections arrive here.
#[derive(Clone)]
struct Pipes(Rc<Mutex<mpsc::UnboundedReceiver<DuplexStream>>>);

struct Pipe(DuplexStream);

impl Stream for Pipe {}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl Listener for Pipes {
    type Stream = Pipe;

    async fn accept(&self) -> io::Result<(Pipe, SocketAddr)> {
        let pipe = self.0.lock().await.recv().await;
        Ok((Pipe(pipe.expect("the test holds the other end")), ([127, 0, 0, 1], 40_000).into()))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(([127, 0, 0, 1], 9009).into())
    }
}

impl Net for Pipes {
    type Stream = Pipe;
    type Listener = Self;

    async fn listen(&self, _: SocketAddr) -> io::Result<Self> {
        Ok(self.clone())
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<Pipe> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(Vec::new())
    }

    fn interfaces(&self) -> Vec<Interface> {
        Vec::new()
    }

    fn host_name(&self) -> String {
        "box".to_owned()
    }
}

/// Runs `test` beside a proxy; it opens connections with pipes that hold so many bytes.
fn with_proxy<T: Future<Output = ()>>(test: impl FnOnce(Box<dyn Fn(usize) -> DuplexStream>) -> T) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let (arrive, arriving) = mpsc::unbounded_channel();
        let pipes = Pipes(Rc::new(Mutex::new(arriving)));
        let bind = vec![IpAddr::from(Ipv4Addr::LOCALHOST)];
        let config = Config { bind, ..Config::default() };
        let proxy = Proxy::bind(pipes, config, ChaCha8Rng::seed_from_u64(1)).await;
        let (done, stopped) = oneshot::channel::<()>();
        let open = move |bytes| {
            let (ours, theirs) = duplex(bytes);
            arrive.send(theirs).expect("the proxy accepts");
            ours
        };
        let test = async {
            test(Box::new(open)).await;
            drop(done);
        };
        let run = proxy.expect("it listens").run(NoDiscovery, async { drop(stopped.await) });
        tokio::join!(run, test);
    });
}

/// A client that has read its 101.
async fn joined(open: &dyn Fn(usize) -> DuplexStream) -> DuplexStream {
    let mut pipe = open(64 * 1024);
    pipe.write_all(UPGRADE).await.expect("it is open");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(pipe.read_u8().await.expect("an answer"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    pipe
}

#[test]
fn who_never_takes_its_101_holds_nobody_for_ever() {
    with_proxy(|open| async move {
        let (mut speaker, mut hearer) = (joined(&*open).await, joined(&*open).await);
        // Some bytes of the answer fit in, and the rest is never taken.
        let mut stuck = open(40);
        let asked = timeout(Duration::from_secs(1), stuck.write_all(UPGRADE)).await;
        asked.expect("the request is read").expect("it is open");
        // A masked binary message of 60,000 bytes; the key is zero.
        let message = [&[0x82, 0xfe, 0xea, 0x60, 0, 0, 0, 0][..], &[7; 60_000]].concat();
        let started = Instant::now();
        // Far more than a queue holds.
        for _ in 0..100 {
            let (sent, heard) = tokio::join!(speaker.write_all(&message), async {
                let mut got = vec![0; 60_004];
                hearer.read_exact(&mut got).await.map(|_| got)
            });
            sent.expect("it is taken");
            assert_eq!(heard.expect("it is heard")[..4], [0x82, 0x7e, 0xea, 0x60]);
        }
        // It was on the channel, and held it back for the stall time.
        let took = started.elapsed();
        assert!((9..=11).contains(&took.as_secs()), "{took:?}");
        let mut rest = Vec::new();
        stuck.read_to_end(&mut rest).await.expect("it was dropped");
        assert!(rest.starts_with(b"HTTP/1.1 101 ") && rest.len() == 40, "{}", rest.len());
    });
}
