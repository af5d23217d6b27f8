//! Clients that mean no good, and what they may take.

mod doors;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::*;
use crate::export::{Publisher, fixture};

const QUICK: Duration = Duration::from_millis(300);

struct Site {
    server: Server,
    publisher: Publisher,
}

fn site() -> Site {
    site_with(Limits { header: QUICK, ..Limits::default() })
}

fn site_with(limits: Limits) -> Site {
    let publisher = Publisher::new(fixture::snapshot());
    let server = Server::start_with(&web("127.0.0.1:0".parse().unwrap()), shown(&publisher), limits).unwrap();
    Site { server, publisher }
}

fn web(address: SocketAddr) -> Web {
    Web { listen: vec![address], ..Web::default() }
}

fn shown(publisher: &Publisher) -> Shown {
    Shown { published: publisher.published(), clock: fixture::clock }
}

impl Site {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.server.addresses()[0]).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    /// Sends `request` and reads until the other side closes.
    fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        rest(stream)
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    }

    fn answers(&self) -> bool {
        self.get("/-/healthy").starts_with("HTTP/1.1 200")
    }
}

/// What is still sent; a reset is an end as well.
fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    String::from_utf8(text).unwrap()
}

fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn each_path_answers_in_its_kind() {
    let site = site();
    for (path, status, kind, inside) in [
        ("/metrics", "200", "text/plain; version=0.0.4", "tradedog_target_level{target=\"trader\"} 1"),
        ("/metrics?collect=all", "200", "text/plain; version=0.0.4", "tradedog_build_info"),
        ("/api/v1/status", "200", "application/json", "\"unknown\": \"denied\""),
        ("/-/healthy", "200", "text/plain", "healthy"),
        ("/-/ready", "503", "text/plain", "trader[1]: open_fds is denied\n"),
        ("/", "200", "text/html", "<a href=\"/metrics\">"),
        ("/page.css", "200", "text/css", "prefers-color-scheme"),
        ("/page.js?v=1", "200", "text/javascript", "use strict"),
        ("/favicon.svg", "200", "image/svg+xml", "<svg"),
        ("/nowhere", "404", "text/plain", "/api/v1/status"),
        ("/metrics/", "404", "text/plain", "/metrics"),
    ] {
        let response = site.get(path);
        assert!(response.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {response}");
        assert!(response.to_lowercase().contains(&format!("content-type: {kind}")), "{path}: {response}");
        assert!(body(&response).contains(inside), "{path}: {response}");
        assert!(response.to_lowercase().contains("x-content-type-options: nosniff"));
    }
}

#[test]
fn ready_when_nothing_is_missing() {
    let mut site = site();
    site.publisher.publish(|next| next.not_ready.clear());
    let response = site.get("/-/ready");
    assert!(response.starts_with("HTTP/1.1 200") && body(&response) == "ready\n", "{response}");
}

#[test]
fn the_status_reads_back_as_what_it_was() {
    let site = site();
    let response = site.get("/api/v1/status");
    let status: crate::export::status::Status = serde_json::from_str(body(&response)).unwrap();
    assert_eq!(status, crate::export::status::Status::of(&fixture::snapshot()));
    assert_eq!(status.targets[0].members[0].judged.readings["open_fds"].value, Some(305.0));
    assert_eq!(status.targets[0].members[1].judged.readings["open_fds"].value, None);
    assert!(status.targets[1].members[0].judged.readings["open_fds"].at_least);
}

#[test]
fn head_is_get_without_the_body() {
    let site = site();
    let head = site.ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200") && body(&head).is_empty(), "{head}");
    let length = format!("content-length: {}", body(&site.get("/metrics")).len());
    assert!(head.to_lowercase().contains(&length), "{head}");
}

#[test]
fn nothing_can_be_changed_or_sent() {
    let site = site();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"] {
        let response = site.ask(&format!("{method} /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        assert!(response.starts_with("HTTP/1.1 405"), "{response}");
        assert!(response.to_lowercase().contains("allow: get, head"), "{response}");
    }
    for request in [
        "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        let response = site.ask(request);
        assert!(response.starts_with("HTTP/1.1 413"), "{response}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let site = site();
    let one = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let last = "GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let response = site.ask(&(one("/-/healthy") + &one("/-/ready") + last));
    let statuses: Vec<_> = response.lines().filter(|line| line.starts_with("HTTP/1.1")).collect();
    assert_eq!(statuses.len(), 3, "{response}");
    for (status, expected) in statuses.iter().zip(["200", "503", "404"]) {
        assert!(status.contains(expected), "{statuses:?}");
    }
}

#[test]
fn garbage_and_huge_headers_are_refused() {
    let site = site();
    let huge = format!("GET /metrics HTTP/1.1\r\nHost: x\r\nX-A: {}\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(500));
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(1 << 20));
    for request in [&huge, &many, &long, "\0\0\0\0\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{16}\u{3}\u{1}"] {
        let mut stream = site.connect();
        // The server may close while we still send.
        let _ = stream.write_all(request.as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
        let answer = rest(stream);
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert!(site.answers());
}

#[test]
fn a_client_that_sends_a_byte_at_a_time_is_cut_off() {
    let site = site();
    let mut stream = site.connect();
    stream.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut sent = 0;
    let closed = loop {
        if stream.write_all(b"X").is_err() {
            break true;
        }
        sent += 1;
        match stream.read(&mut [0; 512]) {
            Ok(0) => break true,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break true,
        }
        if sent > 100 {
            break false;
        }
    };
    assert!(closed, "still open after {sent} bytes");
    assert!(sent < 40, "the time limit is {QUICK:?}, and one byte takes 50 ms: {sent}");
}

#[test]
fn an_idle_connection_is_closed_and_one_in_use_is_kept() {
    let site = site();
    let mut stream = site.connect();
    for _ in 0..3 {
        stream.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = [0; 512];
        let read = stream.read(&mut answer).unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 200"));
    }
    assert_eq!(rest(stream), "", "closed after {QUICK:?} without a request");
}

#[test]
fn a_thousand_idle_connections_cost_nobody_an_answer() {
    let site = site();
    let mut held = Vec::new();
    for _ in 0..20 {
        held.extend((0..50).map(|_| site.connect()));
        // Half a request, as slow clients send it.
        held.last_mut().unwrap().write_all(b"GET /metrics HT").unwrap();
        assert!(site.answers(), "beside {} idle connections", held.len());
    }
}

#[test]
fn whoever_is_idle_longest_makes_room_beyond_the_cap() {
    let site = site_with(Limits { connections: 2, header: Duration::from_secs(60), ..Limits::default() });
    let mut held: Vec<TcpStream> = (0..2).map(|_| site.connect()).collect();
    for stream in &mut held {
        stream.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert!(stream.read(&mut [0; 512]).unwrap() > 0);
    }
    assert!(site.answers());
    assert_eq!(rest(held.remove(0)), "");
    held[0].write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert!(held[0].read(&mut [0; 512]).unwrap() > 0, "the other one stays");
}

#[test]
fn a_client_that_does_not_read_its_answers_loses_its_place() {
    let site = site_with(Limits { connections: 1, age: QUICK, last_answer: QUICK, ..Limits::default() });
    let mut stream = site.connect();
    let request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2000);
    stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    // More answers than the sockets' buffers hold; at some point sending stops as well.
    let _ = stream.write_all(&request);
    assert!((0..100).any(|_| {
        pause(Duration::from_millis(50));
        site.answers()
    }));
}

#[test]
fn dropping_it_frees_the_port() {
    let site = site();
    let address = site.server.addresses()[0];
    let held = site.connect();
    drop(site.server);
    assert_eq!(rest(held), "");
    Server::start(&web(address), site.publisher.published(), fixture::clock).unwrap();
}

#[test]
fn an_address_that_cannot_be_had_is_named_with_a_remedy() {
    let site = site();
    let taken = site.server.addresses()[0];
    for (address, remedy) in [(taken, "another tradedog"), ("192.0.2.1:7911".parse().unwrap(), "no such address")] {
        let error = Server::start(&web(address), site.publisher.published(), fixture::clock).unwrap_err().to_string();
        assert!(error.contains(&address.to_string()) && error.contains(remedy), "{error}");
        assert!(error.contains("[web] listen"), "{error}");
    }
}

/// What accept(2) may say, and whether it concerns the listener.
#[test]
fn only_what_concerns_the_listener_pauses_it() {
    for (errno, one) in [
        (nix::errno::Errno::ECONNABORTED, true),
        (nix::errno::Errno::EMFILE, false),
        (nix::errno::Errno::ENFILE, false),
        (nix::errno::Errno::ENOMEM, false),
    ] {
        assert_eq!(concerns_one_connection(io::Error::from_raw_os_error(errno as i32).kind()), one, "{errno}");
    }
}

#[expect(clippy::disallowed_methods, reason = "a test waits for another thread")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

#[test]
fn readers_and_writer_do_not_disturb_each_other() {
    let mut site = site();
    let reader = std::thread::spawn({
        let address = site.server.addresses()[0];
        move || {
            for _ in 0..50 {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
                assert!(rest(stream).ends_with('\n'));
            }
        }
    });
    let first = fixture::snapshot();
    while !reader.is_finished() {
        site.publisher.publish(|next| *next = first.clone());
    }
    reader.join().unwrap();
}
