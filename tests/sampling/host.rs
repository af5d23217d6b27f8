//! The host's sockets, against what was made of them.

use std::net::TcpStream;

use crate::server::Server;
use crate::watched::{Eye, Watched, config_of_group, until};
use tradedog::model::Value;

fn number(value: Value) -> f64 {
    value.number().unwrap_or_else(|| panic!("{value:?}"))
}

/// Who closes first keeps the connection in TIME_WAIT, for a minute.
#[test]
fn time_wait_is_counted_for_the_peer_with_and_without_members() {
    let (near, far) = (Server::at("127.0.0.1:0"), Server::at("127.0.0.1:0"));
    let peers = format!("[peers]\nnear = '127.0.0.1:{}'\nfar = {{ local = '127.0.0.1:{}' }}", near.port(), far.port());
    let config = config_of_group(&peers);
    let process = Watched::start();
    let mut eyes = [Eye::on(config.clone(), &[process.pid()]), Eye::on(config, &[])];
    for eye in &mut eyes {
        assert_eq!(eye.of_host("host_time_wait.near"), [Value::Known(0.0); 2]);
    }
    for _ in 0..20 {
        drop(TcpStream::connect(("127.0.0.1", near.port())).unwrap());
        near.drop_connections(1);
    }
    for _ in 0..7 {
        let client = TcpStream::connect(("127.0.0.1", far.port())).unwrap();
        far.drop_connections(1);
        drop(client);
    }
    for eye in &mut eyes {
        until("twenty wait", || eye.of_host("host_time_wait.near") == [Value::Known(20.0); 2]);
        until("seven wait", || eye.of_host("host_time_wait.far") == [Value::Known(7.0); 2]);
        assert!(eye.of_host("host_time_wait").into_iter().all(|all| number(all) >= 27.0));
        assert_eq!(eye.of_host("host_established.near"), [Value::Known(0.0); 2]);
        assert!(eye.sampler.stats().iter().all(|probe| probe.errors.iter().all(|(_, count)| *count == 0)));
    }
    // They are nobody's.
    assert_eq!(eyes[0].value("sockets", 0), Value::Known(0.0));
    assert_eq!(eyes[1].sampler.unattributed().count(), 0, "nobody was asked about");
}

/// The host's are those of all processes, watched or not, accepted or not.
#[test]
fn established_is_counted_for_all_processes_of_the_host() {
    let mut server = Server::at("127.0.0.1:0");
    let config = config_of_group(&format!("[peers]\nserver = '127.0.0.1:{}'", server.port()));
    let mut process = Watched::start();
    let mut eye = Eye::on(config, &[process.pid()]);
    process.tell(&format!("connect 127.0.0.1 {} 5", server.port()));
    server.keep_connections(5);
    let mine: Vec<_> = (0..3).map(|_| TcpStream::connect(("127.0.0.1", server.port())).unwrap()).collect();
    assert_eq!(eye.of_host("host_established.server"), [Value::Known(8.0); 2]);
    assert_eq!(eye.number("established.server", 0), 5.0);
    // The side that was accepted is with another peer, but of the host all the same.
    assert!(eye.of_host("host_established").into_iter().all(|all| number(all) >= 13.0));
    drop(mine);
    until("they have ended", || eye.of_host("host_established.server") == [Value::Known(5.0); 2]);
}

#[test]
fn what_files_say_of_the_host_is_known_in_the_second_pass() {
    let mut eye = Eye::on(config_of_group(""), &[]);
    eye.look();
    for share in ["host_memory_used", "host_swap_used"] {
        assert!(eye.of_host(share).into_iter().all(|value| (0.0..=1.0).contains(&number(value))), "{share}");
    }
    assert!(eye.of_host("host_open_files").into_iter().all(|count| number(count) > 3.0));
    // A rate takes half an interval.
    until("pages in and out are known", || {
        let rates = ["host_swap_in", "host_swap_out"].map(|name| eye.of_host(name));
        rates.as_flattened().iter().all(|rate| rate.number().is_some_and(|rate| rate >= 0.0))
    });
}
