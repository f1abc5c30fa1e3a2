//! Processes of hosts.

use std::cell::Cell;
use std::io::ErrorKind;

use tokio::task::JoinSet;

use super::*;

/// Says when it is dropped.
struct Flag(Rc<Cell<bool>>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[test]
fn a_process_ends_with_its_output_and_its_tasks() {
    simulate(1, async |fabric| {
        let host = fabric.host("host");
        let dropped = Rc::new(Cell::new(false));
        let flag = Flag(dropped.clone());
        let process = fabric.spawn(host, async move {
            let mut tasks = JoinSet::new();
            tasks.spawn_local(async move {
                let _flag = flag;
                std::future::pending::<()>().await;
            });
            // So that the set is not what ends the task.
            tasks.detach_all();
            proxy::clock::sleep(SECOND).await;
            42
        });
        assert_eq!(process.join().await, Exit::Done(42));
        assert!(dropped.get());
        let panics = fabric.spawn(host, async { panic!("{} is wrong", 1) });
        assert_eq!(panics.join().await, Exit::<()>::Panicked("1 is wrong".to_owned()));
    });
}

#[test]
fn a_killed_process_closes_its_connections_as_the_system_does() {
    simulate(1, async |fabric| {
        let [server, client] = two(&fabric);
        let listener = listen(&fabric.net(server)).await;
        let net = fabric.net(client);
        let process = fabric.spawn(client, async move {
            let (_one, _two) =
                (net.connect(at(ip(0))).await.unwrap(), net.connect(at(ip(0))).await.unwrap());
            let _no_connection = net.udp(UdpSpec::new(address("0.0.0.0:7000"))).unwrap();
            std::future::pending::<()>().await;
        });
        let (mut one, _) = listener.accept().await.unwrap();
        let (mut two, _) = listener.accept().await.unwrap();
        two.write_all(b"unread").await.unwrap();
        sleep(SECOND).await;
        assert_eq!(process.connections(), 2);
        let id = process.id();
        process.kill();
        // At once, not when it would run next.
        assert_eq!(process.connections(), 0);
        assert_eq!(process.join().await, Exit::Killed);
        assert_eq!(one.read(&mut [0]).await.unwrap(), 0);
        let error = two.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_ne!(fabric.spawn(client, async {}).id(), id);
    });
}

#[test]
fn a_process_can_end_another_and_itself() {
    simulate(1, async |fabric| {
        let host = fabric.host("host");
        let victim = Rc::new(fabric.spawn(host, std::future::pending::<()>()));
        let by = Rc::clone(&victim);
        let killer = fabric.spawn(host, async move { by.kill() });
        assert_eq!(killer.join().await, Exit::Done(()));
        assert_eq!(Rc::into_inner(victim).unwrap().join().await, Exit::Killed);
        let own = Rc::new(RefCell::new(None::<super::super::Process<()>>));
        let mine = own.clone();
        *own.borrow_mut() = Some(fabric.spawn(host, async move {
            sleep(MS).await;
            mine.borrow().as_ref().unwrap().kill();
            std::future::pending::<()>().await;
        }));
        sleep(SECOND).await;
        let process = own.borrow_mut().take().unwrap();
        assert_eq!(process.join().await, Exit::Killed);
    });
}

#[test]
fn power_loss_ends_the_hosts_processes_and_no_others() {
    simulate(1, async |fabric| {
        let [a, b] = two(&fabric);
        let spawn = |host| fabric.spawn(host, async { sleep(10 * SECOND).await });
        let (first, second, other) = (spawn(a), spawn(a), spawn(b));
        sleep(SECOND).await;
        fabric.power_off(a);
        assert_eq!(first.join().await, Exit::Killed);
        assert_eq!(second.join().await, Exit::Killed);
        assert_eq!(fabric.now(), SECOND);
        // What is started on a host without power waits for it.
        let early = spawn(a);
        sleep(SECOND).await;
        fabric.power_on(a);
        assert_eq!(early.join().await, Exit::Done(()));
        assert_eq!(fabric.now(), 12 * SECOND);
        assert_eq!(other.join().await, Exit::Done(()));
    });
}

#[test]
fn clocks_drift_apart() {
    simulate(1, async |fabric| {
        let [fast, slow] = two(&fabric);
        fabric.set_drift(fast, 100_000);
        fabric.set_drift(slow, -100_000);
        let minute = || async {
            proxy::clock::sleep(60 * SECOND).await;
        };
        let (first, second) = (fabric.spawn(fast, minute()), fabric.spawn(slow, minute()));
        first.join().await;
        assert_eq!(fabric.now().as_millis(), 54_546);
        // Asleep it stands, and drifts on after.
        fabric.sleep(slow);
        sleep(SECOND).await;
        fabric.wake(slow);
        second.join().await;
        assert_eq!(fabric.now().as_millis(), 67_667);
    });
}

#[test]
fn nothing_is_left_when_a_world_ends() {
    let dropped = Rc::new(Cell::new(false));
    let flag = Flag(dropped.clone());
    let weak = simulate(1, async |fabric| {
        let host = fabric.host("host");
        let net = fabric.net(host);
        fabric.spawn(host, async move {
            let _held = (flag, listen(&net).await);
            std::future::pending::<()>().await;
        });
        sleep(SECOND).await;
        Rc::downgrade(&fabric.shared)
    });
    assert!(dropped.get());
    assert!(weak.upgrade().is_none());
}
