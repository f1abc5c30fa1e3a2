//! What every network must show. Each body is given two ends and says all in assertions.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use proxy::{Listener, Net, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::Ends;

/// Longer than anything is under way.
const WHILE: Duration = Duration::from_millis(50);

/// No system keeps more than this for a program that does not read.
const BOUND: usize = 16 << 20;

/// A listener and its address.
async fn listen<N: Net>(ends: &Ends<N>) -> (N::Listener, SocketAddr) {
    let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
    let listener = ends.server.listen(any).await.expect("port 0 is always free");
    let port = listener.local_addr().expect("it listens").port();
    (listener, SocketAddr::new(ends.address, port))
}

/// A connection: the server's stream, the client's.
async fn pair<N: Net>(ends: &Ends<N>) -> (N::Stream, N::Stream) {
    let (listener, address) = listen(ends).await;
    let (accepted, connected) = tokio::join!(listener.accept(), ends.client.connect(address));
    (accepted.expect("accepted").0, connected.expect("connected"))
}

/// Bytes that tell when they are out of order.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8 ^ (i >> 12) as u8).collect()
}

/// Writes until nothing is taken, for a while too.
async fn fill(stream: &mut impl Stream, data: &[u8]) -> usize {
    let mut written = 0;
    for _ in 0..3 {
        loop {
            match stream.probe_write(&data[written..]) {
                Ok(taken) => written += taken,
                Err(error) => break assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            assert!(written < data.len(), "{written} bytes were taken that nobody reads");
        }
        sleep(WHILE).await;
    }
    written
}

/// Writes bit by bit until that fails.
async fn break_by_writing(stream: &mut impl Stream) -> (usize, ErrorKind) {
    for written in 0..100 {
        if let Err(error) = stream.write_all(b"x").await {
            return (written, error.kind());
        }
        sleep(WHILE).await;
    }
    panic!("a hundred writes to a closed connection went well");
}

pub(crate) async fn the_end_is_read_after_all_data<N: Net>(ends: Ends<N>) {
    let (mut server, mut client) = pair(&ends).await;
    client.write_all(b"bye").await.unwrap();
    drop(client);
    let mut all = Vec::new();
    server.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"bye");
    assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0, "the end stays the end");
}

pub(crate) async fn half_a_connection_goes_on<N: Net>(ends: Ends<N>) {
    let (mut server, mut client) = pair(&ends).await;
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    let mut question = Vec::new();
    server.read_to_end(&mut question).await.unwrap();
    assert_eq!(question, b"question");
    let long = pattern(10_000);
    server.write_all(&long).await.unwrap();
    drop(server);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(answer == long);
}

pub(crate) async fn what_was_not_read_is_reset<N: Net>(ends: Ends<N>) {
    let (mut server, mut client) = pair(&ends).await;
    client.write_all(b"ab").await.unwrap();
    server.read_exact(&mut [0]).await.unwrap();
    drop(server);
    let mut byte = [0];
    assert_eq!(client.read(&mut byte).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(client.read(&mut byte).await.unwrap(), 0, "an error is told once");
    assert_eq!(client.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

pub(crate) async fn what_came_before_a_reset_is_readable<N: Net>(ends: Ends<N>) {
    let (mut server, mut client) = pair(&ends).await;
    client.write_all(b"ab").await.unwrap();
    server.read_exact(&mut [0]).await.unwrap();
    server.write_all(b"answer").await.unwrap();
    sleep(WHILE).await;
    drop(server);
    sleep(WHILE).await;
    let mut answer = [0; 6];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"answer");
    let error = client.read(&mut answer).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

pub(crate) async fn writing_to_who_has_closed_breaks<N: Net>(ends: Ends<N>) {
    let (server, mut client) = pair(&ends).await;
    drop(server);
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    // The first is answered with the reset that the second meets.
    assert_eq!(break_by_writing(&mut client).await, (1, ErrorKind::BrokenPipe));
}

pub(crate) async fn writing_after_its_own_end_breaks<N: Net>(ends: Ends<N>) {
    let (mut server, mut client) = pair(&ends).await;
    client.shutdown().await.unwrap();
    assert_eq!(client.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    client.shutdown().await.unwrap();
    assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
}

pub(crate) async fn nobody_listens<N: Net>(ends: Ends<N>) {
    let (listener, address) = listen(&ends).await;
    drop(listener);
    let error = ends.client.connect(address).await.err().expect("nobody is there");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

pub(crate) async fn a_full_connection_blocks_and_loses_nothing<N: Net>(ends: Ends<N>) {
    let (mut server, mut client) = pair(&ends).await;
    let data = pattern(BOUND);
    let written = fill(&mut client, &data).await;
    assert!(written >= 64 * 1024, "only {written} bytes fit");
    let mut read = vec![0; written];
    server.read_exact(&mut read).await.unwrap();
    assert!(read == data[..written]);
    // It takes more since.
    client.write_all(b"more").await.unwrap();
    assert_eq!(client.try_write(b"!").unwrap(), 1);
    let mut more = [0; 5];
    server.read_exact(&mut more).await.unwrap();
    assert_eq!(&more, b"more!");
}

pub(crate) async fn a_blocked_writer_hears_of_a_reset<N: Net>(ends: Ends<N>) {
    let (server, mut client) = pair(&ends).await;
    let data = vec![0; BOUND];
    let (result, ()) = tokio::join!(client.write_all(&data), async {
        sleep(WHILE).await;
        drop(server);
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

pub(crate) async fn a_reader_hears_of_a_reset<N: Net>(ends: Ends<N>) {
    let (server, mut client) = pair(&ends).await;
    client.write_all(b"unread").await.unwrap();
    let mut byte = [0];
    let (result, ()) = tokio::join!(client.read(&mut byte), async {
        sleep(WHILE).await;
        drop(server);
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

pub(crate) async fn a_client_may_be_gone_before_it_is_accepted<N: Net>(ends: Ends<N>) {
    let (listener, address) = listen(&ends).await;
    let mut client = ends.client.connect(address).await.unwrap();
    client.write_all(b"gone").await.unwrap();
    drop(client);
    sleep(WHILE).await;
    let (mut server, _) = listener.accept().await.unwrap();
    let mut all = Vec::new();
    server.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"gone");
}

pub(crate) async fn a_listener_that_goes_resets_who_waits<N: Net>(ends: Ends<N>) {
    let (listener, address) = listen(&ends).await;
    let mut client = ends.client.connect(address).await.unwrap();
    drop(listener);
    let error = client.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

pub(crate) async fn much_goes_both_ways_at_once<N: Net>(ends: Ends<N>) {
    async fn both(stream: impl Stream, data: &[u8]) -> Vec<u8> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut all = Vec::new();
        let (read, written) = tokio::join!(reader.read_to_end(&mut all), async {
            writer.write_all(data).await?;
            writer.shutdown().await
        });
        read.unwrap();
        written.unwrap();
        all
    }
    let (server, client) = pair(&ends).await;
    let data = pattern(4 << 20);
    let backwards: Vec<u8> = data.iter().rev().copied().collect();
    let (up, down) = tokio::join!(both(server, &backwards), both(client, &data));
    assert!(up == data && down == backwards);
}

pub(crate) async fn many_connections_are_apart<N: Net>(ends: Ends<N>) {
    const MANY: u32 = 200;
    let (listener, address) = listen(&ends).await;
    let mut clients = Vec::new();
    for n in 0..MANY {
        let mut client = ends.client.connect(address).await.unwrap();
        client.write_all(&n.to_be_bytes()).await.unwrap();
        clients.push(client);
    }
    let mut servers = Vec::new();
    for _ in 0..MANY {
        let (mut server, _) = listener.accept().await.unwrap();
        let number = server.read_u32().await.unwrap();
        server.write_u32(number * 2).await.unwrap();
        servers.push(server);
    }
    for (n, client) in (0..).zip(&mut clients) {
        assert_eq!(client.read_u32().await.unwrap(), n * 2);
    }
}

pub(crate) async fn a_port_is_taken_once<N: Net>(ends: Ends<N>) {
    let (listener, address) = listen(&ends).await;
    let any = listener.local_addr().unwrap();
    for again in [any, address] {
        let error = ends.server.listen(again).await.err().expect("it is taken");
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }
    // Also while a connection of it lives, the port is free once nobody listens.
    let (accepted, connected) = tokio::join!(listener.accept(), ends.client.connect(address));
    drop(listener);
    ends.server.listen(any).await.expect("it is free again");
    drop((accepted, connected));
}

pub(crate) async fn both_families_stand_beside_each_other<N: Net>(ends: Ends<N>) {
    let v4 = ends.server.listen((Ipv4Addr::UNSPECIFIED, 0).into()).await.unwrap();
    let port = v4.local_addr().unwrap().port();
    let v6 = ends.server.listen((Ipv6Addr::UNSPECIFIED, port).into()).await.unwrap();
    for (listener, address) in [
        (&v4, SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        (&v6, SocketAddr::from((Ipv6Addr::LOCALHOST, port))),
    ] {
        let (accepted, connected) = tokio::join!(listener.accept(), ends.server.connect(address));
        let (_, peer) = accepted.unwrap();
        assert_eq!(peer.ip(), address.ip());
        connected.unwrap();
    }
    let error = ends.server.listen((Ipv6Addr::LOCALHOST, port).into()).await.err();
    assert_eq!(error.expect("it is taken").kind(), ErrorKind::AddrInUse);
}

pub(crate) async fn any_address_is_oneself<N: Net>(ends: Ends<N>) {
    let (listener, address) = listen(&ends).await;
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
    let (accepted, connected) = tokio::join!(listener.accept(), ends.server.connect(any));
    assert_eq!(accepted.unwrap().1.ip(), Ipv4Addr::LOCALHOST);
    connected.unwrap();
}
