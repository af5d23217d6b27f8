//! What forked workers come to together.

use crate::server::Server;
use crate::watched::{Eye, Watched, config_of_group, output_of, skip, until};
use tradedog::model::{Unknown, Value};

/// The different sockets that `ss` shows for any of the processes in a state; none without `ss`.
fn by_ss(pids: &[i32], state: &str) -> Option<usize> {
    let listing = output_of("ss", &["-tanpH"])?;
    let needles: Vec<String> = pids.iter().map(|pid| format!("pid={pid},")).collect();
    let theirs = |line: &&str| line.starts_with(state) && needles.iter().any(|needle| line.contains(needle));
    Some(listing.lines().filter(theirs).count())
}

#[test]
fn a_socket_that_forked_workers_share_counts_once() {
    let mut server = Server::at("127.0.0.1:0");
    let mut process = Watched::start();
    process.tell(&format!("connect 127.0.0.1 {} 6", server.port()));
    server.keep_connections(6);
    process.tell("listen 127.0.0.1");
    let workers = [process.tell("fork"), process.tell("fork")];
    let pids = [process.pid(), workers[0], workers[1]];
    let peers = format!("[peers]\nserver = '127.0.0.1:{}'", server.port());
    let mut eye = Eye::on(config_of_group(&peers), &pids);
    assert_eq!((0..3).map(|member| eye.number("established", member)).sum::<f64>(), 18.0);
    let six = Value::Known(6.0);
    for name in ["established", "established.server"] {
        assert_eq!((eye.together(name), eye.together_anew(name)), (six, six), "{name}");
    }
    assert_eq!((eye.together("listen"), eye.together("sockets")), (Value::Known(1.0), Value::Known(7.0)));
    assert_eq!(eye.together_anew("sockets"), Value::Known(7.0));
    match by_ss(&pids, "ESTAB") {
        Some(shown) => assert_eq!(shown, 6),
        None => skip("no ss (package iproute2) to compare with"),
    }
    // Descriptors are each worker's own.
    let listed: f64 = (0..3).map(|member| eye.number("open_fds", member)).sum();
    assert_eq!(eye.together("open_fds"), Value::Known(listed));
}

#[test]
fn what_some_of_them_close_or_die_with_counts_while_others_hold_it() {
    let mut server = Server::at("127.0.0.1:0");
    let mut process = Watched::start();
    process.tell(&format!("connect 127.0.0.1 {} 6", server.port()));
    server.keep_connections(6);
    let workers = [process.tell("fork"), process.tell("fork")];
    let peers = format!("[peers]\nserver = '127.0.0.1:{}'", server.port());
    let mut eye = Eye::on(config_of_group(&peers), &[process.pid(), workers[0], workers[1]]);
    let six = Value::Known(6.0);
    assert_eq!(eye.together("established"), six);

    // The parent lets go of what its workers hold on to, and opens something of its own.
    process.tell("close 4");
    assert_eq!((eye.number("established", 0), eye.together("established")), (2.0, six));
    process.tell(&format!("connect 127.0.0.1 {} 2", server.port()));
    server.keep_connections(2);
    assert_eq!((eye.number("established", 0), eye.together("established")), (4.0, Value::Known(8.0)));
    assert_eq!(
        (eye.together_anew("established"), eye.together("established.server")),
        (Value::Known(8.0), Value::Known(8.0))
    );

    // The other side closes: the shared ones wait in all workers, and once together.
    server.kept.clear();
    until("all of them wait to be closed", || eye.together("close_wait") == Value::Known(8.0));
    assert_eq!((0..3).map(|member| eye.number("close_wait", member)).sum::<f64>(), 4.0 + 6.0 + 6.0);
    assert_eq!(eye.together_anew("close_wait.server"), Value::Known(8.0));

    // A worker that is gone takes nothing along that others hold.
    for (index, worker) in workers.into_iter().enumerate() {
        let pid = rustix::process::Pid::from_raw(worker).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        until("the worker is dead", || eye.members[index + 1].process.has_exited());
        assert_eq!(eye.value("close_wait", index + 1), Value::Unknown(Unknown::Gone));
        let left = if index == 0 { 8.0 } else { 4.0 };
        assert_eq!(
            (eye.together("close_wait"), eye.together_anew("close_wait")),
            (Value::Known(left), Value::Known(left))
        );
    }
}
