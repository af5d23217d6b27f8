//! Endpoints of every kind, and what becomes of the order.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command as Process;

use super::server::{answering, delayed, serving, silent};
use super::*;

const FAILED: OutcomeKind = OutcomeKind::Failed;

#[test]
fn a_request_tells_of_the_order() {
    let server = answering("200 OK", "fine");
    assert_eq!(facts(&case().deliver(post(http(&server.url())))), ACKNOWLEDGED);
    let request = server.requests().remove(0);
    assert_eq!(request.head[0], "POST /admin/pause HTTP/1.1");
    assert_eq!(request.header("host"), Some(&*server.address.to_string()));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("user-agent"), Some(concat!("tradedog/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(request.header("idempotency-key"), Some("000000000000001d-1"));
    assert_eq!(request.header("authorization"), None);
    let told: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    let expected = serde_json::json!({
        "target": "trader", "process": "3", "pid": 4242, "action": "pause", "undo": false, "scope": "target",
        "level": "critical", "ladder": "default", "metric": "open_fds", "value": 812.0, "bound": 800.0,
        "order": "000000000000001d-1", "attempt": 2,
    });
    assert_eq!(told, expected);
}

#[test]
fn what_no_reading_caused_has_no_metric() {
    let server = answering("204 No Content", "");
    let mut case = case();
    let mut order = Arc::unwrap_or_clone(order(5, post(http(&server.url()))));
    (order.cause, order.member) = (None, MemberKey::all_of(0));
    case.courier.send(&Arc::new(order), now()).unwrap();
    assert_eq!(facts(&case.outcome()), ACKNOWLEDGED);
    let told: serde_json::Value = serde_json::from_str(&server.requests()[0].body).unwrap();
    for key in ["metric", "value", "bound"] {
        assert_eq!(told[key], serde_json::Value::Null, "{key}");
    }
    assert_eq!(told["process"], "all");
}

#[test]
fn a_retry_carries_the_same_key_and_another_order_another() {
    let server = answering("503 Service Unavailable", "");
    let mut case = case();
    for (id, attempt) in [(8, 1), (8, 2), (9, 1)] {
        let order = Order { attempt, ..Arc::unwrap_or_clone(order(id, post(http(&server.url())))) };
        case.courier.send(&Arc::new(order), now()).unwrap();
        case.outcome();
    }
    let requests = server.requests();
    let keys: Vec<_> = requests.iter().map(|request| request.header("idempotency-key").unwrap()).collect();
    assert_eq!(keys, ["000000000000001d-8", "000000000000001d-8", "000000000000001d-9"]);
}

#[test]
fn a_status_says_how_it_ended() {
    for (status, body, untouched, detail) in [
        ("503 Service Unavailable", "overloaded\nsecond line", false, "HTTP 503: overloaded"),
        ("500 Internal Server Error", "", false, "HTTP 500: Internal Server Error"),
        ("503 Service Unavailable", "\x1b[31m\u{202e}red", false, "HTTP 503: \\x1b[31m\\u{202e}red"),
        ("404 Not Found", "no such route", true, "HTTP 404: no such route"),
        ("409 Conflict", "", true, "HTTP 409: Conflict"),
        ("206 Partial Content", "", false, "HTTP 206: Partial Content"),
        (
            "302 Found\r\nLocation: http://127.0.0.1:1/",
            "",
            false,
            "HTTP 302: redirects are not followed, write the final URL",
        ),
    ] {
        let server = answering(status, body);
        let outcome = case().deliver(post(http(&server.url())));
        assert_eq!(facts(&outcome), (FAILED, Reason::Refused, untouched, detail));
        assert_eq!(server.requests().len(), 1, "{status}: asked once");
    }
}

#[test]
fn only_what_is_expected_acknowledges() {
    let server = answering("404 Not Found", "");
    let expecting = |expect| post(Http { expect, ..http(&server.url()) });
    assert_eq!(facts(&case().deliver(expecting(vec![404]))), ACKNOWLEDGED);
    assert_eq!(case().deliver(expecting(vec![200])).kind, FAILED);
    let server = answering("200 OK", "");
    let outcome = case().deliver(post(Http { expect: vec![204], ..http(&server.url()) }));
    assert_eq!(facts(&outcome), (FAILED, Reason::Refused, false, "HTTP 200: OK"));
}

/// Runs the case and says how long it took.
fn timed(http: Http) -> (Outcome, Duration) {
    let mut case = case();
    let began = Instant::now();
    let outcome = case.deliver(post(http));
    (outcome, began.elapsed())
}

#[test]
fn who_hangs_is_given_up_in_time() {
    let timeout = Duration::from_millis(250);
    let (silent, slow) = (silent(), delayed(Duration::from_secs(2), "200 OK"));
    let drip = serving(|stream| {
        for byte in b"HTTP/1.1 200 OK\r\nX-Padding: ".iter().chain(std::iter::repeat_n(&b'x', 1000)) {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    for server in [&silent, &slow, &drip] {
        let (outcome, took) = timed(Http { timeout, ..http(&server.url()) });
        assert_eq!(facts(&outcome), (FAILED, Reason::Timeout, false, "no answer within 250ms"));
        assert!(took >= timeout && took < timeout + Duration::from_secs(5), "{took:?}");
    }
}

#[test]
fn who_never_takes_the_connection_was_not_touched() {
    // A queue of one connection, which is taken: the kernel answers further ones with nothing.
    let listener =
        rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None).unwrap();
    rustix::net::bind(&listener, &std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let listener = TcpListener::from(listener);
    let address = listener.local_addr().unwrap();
    let _taken = std::net::TcpStream::connect(address).unwrap();
    let (outcome, _) = timed(Http { timeout: Duration::from_millis(250), ..http(&format!("http://{address}/")) });
    assert_eq!((outcome.kind, outcome.untouched), (FAILED, true), "{outcome:?}");
    assert_eq!(outcome.reason, Reason::Timeout);
}

#[test]
fn who_is_not_there_was_not_touched() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (outcome, _) = timed(http(&format!("http://{address}/")));
    assert_eq!(facts(&outcome), (FAILED, Reason::Refused, true, &*format!("connection refused by {address}")));
    let (outcome, _) = timed(http("http://no-such-host.invalid/"));
    assert_eq!((outcome.kind, outcome.untouched), (FAILED, true));
    assert!(outcome.detail.unwrap().starts_with("cannot look up no-such-host.invalid: "));
}

#[test]
fn an_url_that_is_none_touches_nobody() {
    for url in ["", "127.0.0.1:80", "ftp://127.0.0.1/", "/path", "http:///x"] {
        let outcome = case().deliver(post(http(url)));
        assert_eq!((outcome.kind, outcome.reason, outcome.untouched), (FAILED, Reason::Refused, true), "{url}");
    }
}

#[test]
fn who_answers_nothing_or_nonsense_may_have_done_it() {
    let closing = serving(|_| {});
    let nonsense = serving(|stream| drop(stream.write_all(b"\x16\x03\x01 what?\r\n\r\n")));
    let heavy = serving(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    for server in [closing, nonsense, heavy] {
        let (outcome, took) = timed(http(&server.url()));
        assert_eq!((outcome.kind, outcome.reason, outcome.untouched), (FAILED, Reason::Refused, false));
        assert!(outcome.detail.unwrap().starts_with("no HTTP answer: "));
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}

#[test]
fn an_endless_answer_costs_neither_time_nor_memory() {
    for (status, kind, untouched) in
        [("200 OK", OutcomeKind::Acknowledged, false), ("503 x", FAILED, false), ("400 x", FAILED, true)]
    {
        let (wrote, written) = channel();
        let server = serving(move |stream| {
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 209715200\r\n\r\n");
            let mut sum = 0_u64;
            while sum < 209_715_200 && stream.write_all(&[b'x'; 65536]).is_ok() {
                sum += 65536;
            }
            wrote.send(sum).unwrap();
        });
        let (outcome, took) = timed(http(&server.url()));
        assert_eq!((outcome.kind, outcome.untouched), (kind, untouched));
        assert!(outcome.detail.is_none_or(|detail| detail.chars().count() <= 201));
        assert!(took < Duration::from_secs(3), "{took:?}");
        let sum = written.recv_timeout(PATIENCE).unwrap();
        assert!(sum < 64 << 20, "the connection is closed, not read to its end: {sum}");
    }
}

#[test]
fn words_that_drip_are_not_waited_for() {
    let server = serving(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 503 x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbusy\r\n");
        while stream.write_all(b"1\r\n.\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let (outcome, took) = timed(http(&server.url()));
    assert!(outcome.detail.unwrap().starts_with("HTTP 503: busy."));
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn the_bearer_is_read_for_each_request_and_shown_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("admin");
    let server = serving(|stream| {
        let _ =
            stream.write_all(b"HTTP/1.1 401 x\r\nConnection: close\r\n\r\nno right for first-token or other-token-2");
    });
    let asking = Http { bearer_file: Some(file.clone()), ..http(&server.url()) };
    for token in ["first-token", "other-token-2"] {
        std::fs::write(&file, format!("  {token}\n")).unwrap();
        let (outcome, _) = timed(asking.clone());
        let shown = format!("{outcome:?} {asking:?}");
        assert!(!shown.contains(token), "{shown}");
        assert!(outcome.detail.unwrap().starts_with("HTTP 401: no right for "));
        assert_eq!(server.requests().last().unwrap().header("authorization"), Some(&*format!("Bearer {token}")));
    }
}

#[test]
fn without_its_bearer_nothing_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let server = answering("200 OK", "");
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let secret = "s3cret-value";
    for path in [
        folder.path().join("missing"),
        folder.path().to_owned(),
        pipe,
        file("empty", b" \n"),
        file("words", format!("{secret} {secret}").as_bytes()),
        file("lines", format!("{secret}\r\nX-Evil: 1").as_bytes()),
        file("bytes", b"s3cret-value\xff"),
    ] {
        let (outcome, took) = timed(Http { bearer_file: Some(path.clone()), ..http(&server.url()) });
        assert_eq!((outcome.kind, outcome.reason, outcome.untouched), (FAILED, Reason::Refused, true));
        let detail = outcome.detail.unwrap();
        assert!(detail.starts_with(&format!("no bearer token in {}: ", path.display())), "{detail}");
        assert!(!detail.contains(secret), "{detail}");
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
    assert_eq!(server.requests(), []);
}

#[test]
fn own_headers_and_body_are_sent_and_not_told() {
    let server = answering("422 Unprocessable Content", "wrong key: k-123456789");
    let headers = [("X-Api-Key", "k-123456789"), ("Content-Type", "text/plain"), ("X-Two", "a"), ("X-Two", "b")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let (outcome, _) = timed(Http { headers, body: Some("pause".to_owned()), ..http(&server.url()) });
    assert_eq!(facts(&outcome), (FAILED, Reason::Refused, true, "HTTP 422: wrong key: [withheld]"));
    let request = server.requests().remove(0);
    assert_eq!(request.body, "pause");
    assert_eq!(request.header("x-api-key"), Some("k-123456789"));
    assert_eq!(request.head.iter().filter(|line| line.starts_with("content-type: ")).count(), 1);
    assert_eq!(request.header("content-type"), Some("text/plain"));
    assert_eq!(request.head.iter().filter(|line| line.starts_with("x-two: ")).count(), 2);
    assert_eq!(request.header("idempotency-key"), Some("000000000000001d-1"));
}

#[test]
fn an_answer_that_repeats_the_url_or_the_body_is_not_told() {
    for (said, told) in [
        ("no such hook: /services/T0/Xn1HlqkZ7tYh", "HTTP 404: no such hook: /services/T0/[withheld]"),
        ("bad key k-99ab34cd56 for pause", "HTTP 404: bad key [withheld]"),
        ("wrong token 77abcd", "HTTP 404: wrong token [withheld]"),
        ("pause is not known", "HTTP 404: pause is not known"),
    ] {
        let server = answering("404 Not Found", said);
        let url = format!("{}/services/T0/Xn1HlqkZ7tYh?token=77abcd", server.url().trim_end_matches('/'));
        let body = Some(r#"{"do": "pause", "key": "k-99ab34cd56"}"#.to_owned());
        let (outcome, _) = timed(Http { body, ..http(&url) });
        assert_eq!(facts(&outcome), (FAILED, Reason::Refused, true, told));
        assert!(server.requests()[0].head[0].contains("Xn1HlqkZ7tYh?token=77abcd"));
    }
}

#[test]
fn a_header_that_cannot_be_sent_is_not() {
    let server = answering("200 OK", "");
    for (name, value) in [("X Y", "v"), ("X-Line", "a\r\nX-Evil: 1")] {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let outcome = case().deliver(post(Http { headers, ..http(&server.url()) }));
        assert_eq!(facts(&outcome).3, format!("the header {name:?} cannot be sent"));
        assert!(outcome.untouched);
    }
    assert_eq!(server.requests(), []);
}

#[test]
fn a_proxy_of_the_environment_is_not_asked() {
    let mut again = Process::new(std::env::current_exe().unwrap());
    again.args(["--exact", "act::courier::tests::http::a_request_tells_of_the_order"]);
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        again.env(name, "http://127.0.0.1:1");
    }
    let output = again.output().unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}

#[test]
fn the_bearer_may_be_readable_by_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("admin");
    std::fs::write(&file, "token").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o400)).unwrap();
    let server = answering("200 OK", "");
    assert_eq!(facts(&timed(Http { bearer_file: Some(file), ..http(&server.url()) }).0), ACKNOWLEDGED);
}
