use std::io::ErrorKind;

use super::*;
use crate::kernel::now;

const EACH: [Leak; 3] = [Leak::File, Leak::Connection, Leak::Context];

fn book() -> Book {
    Book::open(Peers::open().unwrap()).unwrap()
}

/// Whether the other side has closed a connection: the socket is in CLOSE_WAIT.
fn is_closed_by_peer(connection: &TcpStream) -> bool {
    connection.set_nonblocking(true).unwrap();
    match connection.peek(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            false
        }
    }
}

#[test]
fn what_is_leaked_is_lost_and_what_is_used_stays() {
    let mut book = book();
    let in_use = book.in_use();
    for leak in EACH.into_iter().cycle().take(30) {
        book.leak(leak).unwrap();
    }
    assert_eq!((book.lost(), book.in_use()), (30, in_use));
}

#[test]
fn a_reset_of_the_pool_closes_connections_to_the_database_alone() {
    let mut book = book();
    for leak in EACH.into_iter().cycle().take(30) {
        book.leak(leak).unwrap();
    }
    assert_eq!(book.reset_pool().unwrap(), 10);
    assert_eq!((book.lost(), book.pool.len()), (20, POOL));
    assert_eq!(book.reset_pool().unwrap(), 0);
}

#[test]
fn without_websocket_no_context_is_lost_and_trading_goes_on() {
    let mut book = book();
    assert_eq!(book.unsubscribe(), CONTEXTS);
    assert!(!book.is_subscribed());
    book.leak(Leak::Context).unwrap();
    book.trade().unwrap();
    assert_eq!(book.lost(), 0);
    book.subscribe().unwrap();
    assert!(book.is_subscribed());
}

#[test]
fn what_is_lost_is_closed_little_by_little() {
    let mut book = book();
    for leak in EACH.into_iter().cycle().take(30) {
        book.leak(leak).unwrap();
    }
    let closed: Vec<usize> = (0..5).map(|_| book.close_lost(13)).collect();
    assert_eq!(closed, [13, 13, 4, 0, 0]);
    assert_eq!(book.lost(), 0);
}

#[test]
fn a_lost_context_ends_in_close_wait_and_one_in_use_does_not() {
    let mut book = book();
    book.leak(Leak::Context).unwrap();
    let end = now() + Duration::from_secs(10);
    while !book.lost.contexts.iter().all(is_closed_by_peer) {
        assert!(now() < end, "the broker never closes an idle connection");
        // Each context in turn: all of them are used more often than the broker's patience asks.
        book.trade().unwrap();
        rest(Duration::from_millis(100));
    }
    assert!(!book.contexts.iter().any(is_closed_by_peer));
}

#[test]
fn a_connection_that_the_peer_closed_is_replaced_when_it_is_used() {
    let mut book = book();
    let end = now() + Duration::from_secs(10);
    while !book.contexts.iter().all(is_closed_by_peer) {
        assert!(now() < end, "the broker never closes an idle connection");
        rest(Duration::from_millis(100));
    }
    for _ in 0..CONTEXTS {
        book.trade().unwrap();
    }
    assert!(!book.contexts.iter().any(is_closed_by_peer));
}

#[test]
fn without_a_peer_there_is_an_error_and_no_hang() {
    let mut book = book();
    book.peers.database = (std::net::Ipv4Addr::LOCALHOST, 1).into();
    assert!(book.leak(Leak::Connection).is_err());
    assert_eq!(book.lost(), 0);
}

#[expect(clippy::disallowed_methods, reason = "the peers need their time")]
fn rest(time: Duration) {
    std::thread::sleep(time);
}
