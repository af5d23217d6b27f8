//! TCP sockets of real processes by state and peer, against `ss`.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::server::Server;
use crate::watched::{Eye, Watched, config as of_all, output_of, skip, until};
use tradedog::config;
use tradedog::model::{Base, Unknown, Value};

/// How many sockets `ss` shows for the process in a state; none where there is no `ss`.
fn by_ss(pid: i32, state: &str) -> Option<f64> {
    let listing = output_of("ss", &["-tanpH"])?;
    let needle = format!("pid={pid},");
    Some(listing.lines().filter(|line| line.starts_with(state) && line.contains(&needle)).count() as f64)
}

/// The sampler's number, `ss`'s and the true one are the same.
fn agree(eye: &mut Eye, pid: i32, wanted: [usize; 3]) {
    let names = [("close_wait", "CLOSE-WAIT"), ("established", "ESTAB"), ("listen", "LISTEN")];
    until(&format!("the process has {wanted:?} sockets in {names:?}"), || {
        names.iter().zip(wanted).all(|(&(name, _), count)| eye.value(name, 0) == Value::Known(count as f64))
    });
    for ((name, state), count) in names.into_iter().zip(wanted) {
        assert_eq!(eye.fresh(name, 0), Value::Known(count as f64), "{name} read anew");
        match by_ss(pid, state) {
            Some(shown) => assert_eq!(shown, count as f64, "ss in {state}"),
            None => skip("no ss (package iproute2) to compare with"),
        }
    }
    assert_eq!(eye.number("sockets", 0), wanted.iter().sum::<usize>() as f64);
}

#[test]
fn states_are_counted_in_both_families_and_in_between() {
    let (mut four, six) = (Server::at("127.0.0.1:0"), Server::at("[::1]:0"));
    let mut process = Watched::start();
    let pid = process.pid();
    let peers = format!("[peers]\nfour = '127.0.0.1:{}'\nsix = '[::1]:{}'", four.port(), six.port());
    let mut eye = Eye::on(of_all(&peers), &[pid]);
    agree(&mut eye, pid, [0, 0, 0]);

    process.tell(&format!("connect 127.0.0.1 {} 40", four.port()));
    four.drop_connections(40);
    agree(&mut eye, pid, [40, 0, 0]);

    process.tell(&format!("connect ::1 {} 30", six.port()));
    six.drop_connections(30);
    agree(&mut eye, pid, [70, 0, 0]);

    // An IPv6 socket that speaks IPv4 belongs to the IPv4 peer.
    process.tell(&format!("connect6 127.0.0.1 {} 20", four.port()));
    four.drop_connections(20);
    agree(&mut eye, pid, [90, 0, 0]);

    process.tell(&format!("connect 127.0.0.1 {} 7", four.port()));
    four.keep_connections(7);
    process.tell("listen 127.0.0.1");
    agree(&mut eye, pid, [90, 7, 1]);
    assert_eq!((eye.number("close_wait.four", 0), eye.number("close_wait.six", 0)), (60.0, 30.0));
    assert_eq!((eye.number("established.four", 0), eye.number("established.six", 0)), (7.0, 0.0));
    assert_eq!(eye.fresh("close_wait.six", 0), Value::Known(30.0));

    process.tell("close 10");
    agree(&mut eye, pid, [87, 0, 1]);
    assert_eq!(eye.number("close_wait.four", 0), 57.0);
}

#[test]
fn inbound_connections_have_their_peer_by_the_local_port() {
    let mut process = Watched::start();
    let pid = process.pid();
    let port = process.tell("listen ::");
    let mut eye = Eye::on(of_all(&format!("[peers]\nclients = {{ local = '*:{port}' }}")), &[pid]);
    let connect = || TcpStream::connect(("127.0.0.1", u16::try_from(port).unwrap())).unwrap();
    let (kept, dropped) =
        ((0..5).map(|_| connect()).collect::<Vec<_>>(), (0..8).map(|_| connect()).collect::<Vec<_>>());
    process.tell("accept 13");
    drop(dropped);
    agree(&mut eye, pid, [8, 5, 1]);
    assert_eq!((eye.number("close_wait.clients", 0), eye.number("established.clients", 0)), (8.0, 5.0));
    drop(kept);
    agree(&mut eye, pid, [13, 0, 1]);
}

#[test]
fn what_waits_to_be_accepted_is_nobodys_and_counted_as_such() {
    let mut process = Watched::start();
    let pid = process.pid();
    let port = u16::try_from(process.tell("listen 127.0.0.1")).unwrap();
    let mut eye = Eye::on(of_all(""), &[pid]);
    let unattributed = |eye: &mut Eye| {
        eye.look();
        eye.sampler.unattributed().find(|(base, _)| *base == Base::CloseWait).unwrap().1
    };
    // Other tests run beside this one, but none leaves so many in a queue.
    let hanging: Vec<_> = (0..100).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    drop(hanging);
    until("connections wait in the accept queue", || unattributed(&mut eye) >= 100);
    // It listens for them: they may become its own, and no level is left meanwhile.
    assert_eq!(eye.value("close_wait", 0), Value::AtLeast(0.0));
    process.tell("accept 100");
    agree(&mut eye, pid, [100, 0, 1]);
    until("the queue is empty", || unattributed(&mut eye) < 100);
}

#[test]
fn forked_workers_share_sockets_and_each_shows_them() {
    let mut server = Server::at("127.0.0.1:0");
    let mut process = Watched::start();
    process.tell(&format!("connect 127.0.0.1 {} 6", server.port()));
    server.keep_connections(6);
    process.tell("dup");
    let worker = process.tell("fork");
    let mut eye = Eye::on(of_all(""), &[process.pid(), worker]);
    assert_eq!((eye.number("established", 0), eye.number("established", 1)), (6.0, 6.0));
    // The parent lets go of what the worker holds on to: no socket vanishes, a count falls.
    process.tell("close 4");
    assert_eq!((eye.number("established", 0), eye.number("established", 1)), (3.0, 6.0));
    process.tell(&format!("connect 127.0.0.1 {} 2", server.port()));
    server.keep_connections(2);
    assert_eq!((eye.number("established", 0), eye.number("established", 1)), (5.0, 6.0));
    rustix::process::kill_process(rustix::process::Pid::from_raw(worker).unwrap(), rustix::process::Signal::KILL)
        .unwrap();
    until("the worker is dead", || eye.members[1].process.has_exited());
    assert_eq!(eye.value("established", 1), Value::Unknown(Unknown::Gone));
    assert_eq!(eye.number("established", 0), 5.0);
}

#[test]
fn a_burst_is_attributed_in_the_pass_that_sees_it() {
    let server = Server::at("127.0.0.1:0");
    let mut process = Watched::start();
    let others: Vec<_> = (0..5).map(|_| Watched::start()).collect();
    process.tell("files 500");
    let pids: Vec<_> = std::iter::once(process.pid()).chain(others.iter().map(Watched::pid)).collect();
    let mut eye = Eye::on(of_all(""), &pids);
    eye.look();
    for _ in 0..10 {
        process.tell(&format!("connect 127.0.0.1 {} 50", server.port()));
        server.drop_connections(50);
    }
    assert_eq!(eye.number("sockets", 0), 500.0);
    agree(&mut eye, process.pid(), [500, 0, 0]);
    for other in 1..pids.len() {
        assert_eq!(eye.number("sockets", other), 0.0);
    }
}

/// Between two passes only those near a bound are read; what they have opened since is found all the same.
#[test]
fn near_a_bound_new_ones_are_found_between_two_passes() {
    let server = Server::at("127.0.0.1:0");
    let mut process = Watched::start();
    let mut eye = Eye::on(near_forty(), &[process.pid()]);
    let (at, mut now) = (eye.metric("close_wait"), tradedog::kernel::now());
    let mut count = 0;
    // So many that looking at all of them in doubt is soon too much.
    process.tell("files 900");
    for more in [0, 15, 15] {
        process.tell(&format!("connect 127.0.0.1 {} {more}", server.port()));
        server.drop_connections(more);
        count += more;
        now = now + Duration::from_secs(1);
        until("they wait", || eye.fresh("close_wait", 0) == Value::Known(count as f64));
        assert_eq!(eye.look_at(now).members[0].readings[at].value, Value::Known(count as f64));
    }
    for _ in 0..9 {
        process.tell(&format!("connect 127.0.0.1 {} 1", server.port()));
        server.drop_connections(1);
        count += 1;
        until("it waits", || eye.fresh("close_wait", 0) == Value::Known(count as f64));
        let near = eye.sampler.near().expect("it is near its bound");
        assert!(near < now + Duration::from_secs(1));
        now = near;
        eye.sampler.sample_near(eye.members.iter(), near);
        let reading = eye.sampler.latest().members[0].readings[at];
        assert_eq!((reading.at, reading.value), (near, Value::Known(count as f64)));
    }
}

fn near_forty() -> Arc<config::Config> {
    let text =
        "[target.trader]\nmatch = { comm = 'python3' }\n[target.trader.thresholds]\nclose_wait = { elevated = 40 }\n";
    Arc::new(config::parse(vec![config::Source::new("watchdog.toml", text)]).unwrap())
}

/// Whoever has one of the addresses of a name, of either family, is that peer; and who had one still is.
#[test]
fn a_name_is_all_its_addresses_and_those_that_sockets_still_have() {
    let (four, six) = (Server::at("127.0.0.1:0"), Server::at("[::1]:0"));
    let mut process = Watched::start();
    let peers = "[peers]\nbroker = 'Broker.Example.:*'\nother = 'other.example:*'";
    let mut eye = Eye::on(of_all(peers), &[process.pid()]);
    process.tell(&format!("connect 127.0.0.1 {} 3", four.port()));
    process.tell(&format!("connect ::1 {} 4", six.port()));
    process.tell(&format!("connect6 127.0.0.1 {} 2", four.port()));
    four.drop_connections(5);
    six.drop_connections(4);
    until("all are half closed", || eye.value("close_wait", 0) == Value::Known(9.0));
    // Nobody was asked, so nothing is known of either; of all sockets it is.
    assert_eq!(eye.value("close_wait.broker", 0), Value::Unknown(Unknown::Overdue));
    assert_eq!(eye.fresh("close_wait.broker", 0), Value::Unknown(Unknown::Overdue));
    let answers = std::sync::atomic::AtomicUsize::new(0);
    let lookup = move |name: &str| match (name, answers.fetch_add(usize::from(name == "broker.example"), Relaxed)) {
        ("broker.example", 0) => Ok(["127.0.0.1", "::1"].map(|ip| ip.parse().unwrap()).to_vec()),
        ("broker.example", _) => Ok(vec!["192.0.2.1".parse().unwrap()]),
        _ => Err("no such host".to_owned()),
    };
    eye.sampler.resolve_by(Arc::new(lookup), Arc::new(|| {}));
    eye.sampler.await_names(Duration::from_secs(30));
    assert_eq!((eye.number("close_wait.broker", 0), eye.number("established.broker", 0)), (9.0, 0.0));
    assert_eq!(eye.fresh("close_wait.broker", 0), Value::Known(9.0));
    assert_eq!(eye.value("close_wait.other", 0), Value::Unknown(Unknown::Overdue));
    // Another configuration with the same names knows them at once.
    let config = Arc::clone(&eye.config);
    eye.sampler = eye.sampler.reconfigured(config);
    assert_eq!(eye.number("close_wait.broker", 0), 9.0);
}
