//! Every way in which there is no answer, each with its sentence.

use std::net::TcpListener;

use super::super::fake::{Fake, response};
use super::*;

fn client(fake: &Fake, secrets: Secrets<'_>) -> Client {
    Client::new(fake.address.clone(), secrets, None).unwrap()
}

/// What it says of a server that always answers so.
fn told(status: &'static str, body: &'static [u8]) -> NoAnswer {
    let fake = Fake::saying(status, body);
    client(&fake, Secrets::default()).ask("query_range", &[("query", "up{job=\"x\"}"), ("step", "1")]).unwrap_err()
}

#[test]
fn a_question_is_a_get_that_anybody_understands() {
    let fake = Fake::saying("200 OK", br#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#);
    let (rows, _) =
        client(&fake, Secrets::default()).ask("query_range", &[("query", "a{b=\"c d\"}+1"), ("step", "1")]).unwrap();
    assert!(rows.is_empty());
    let asked = &fake.asked()[0];
    assert!(
        asked.starts_with("GET /api/v1/query_range?query=a%7Bb%3D%22c%20d%22%7D%2B1&step=1 HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(!asked.to_lowercase().contains("authorization"), "{asked}");
}

#[test]
fn a_long_question_is_a_post() {
    let fake = Fake::saying("200 OK", br#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#);
    let query = "x".repeat(5000);
    client(&fake, Secrets::default()).ask("query_range", &[("query", &query)]).unwrap();
    let asked = &fake.asked()[0];
    assert!(asked.starts_with("POST /api/v1/query_range HTTP/1.1\r\n") && asked.ends_with(&query), "{asked}");
    assert!(asked.contains("application/x-www-form-urlencoded"));
}

#[test]
fn secrets_come_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = |text: &str| {
        let path = folder.path().join(text.len().to_string());
        std::fs::write(&path, text).unwrap();
        path
    };
    let (basic, bearer) = (file("me:it is\n"), file("token\n"));
    let fake = Fake::saying("200 OK", br#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#);
    client(&fake, Secrets { basic: Some(&basic), bearer: None }).ask("query", &[("query", "up")]).unwrap();
    client(&fake, Secrets { basic: None, bearer: Some(&bearer) }).ask("query", &[("query", "up")]).unwrap();
    assert!(fake.asked()[0].contains("authorization: Basic bWU6aXQgaXM=\r\n"), "{:?}", fake.asked());
    assert!(fake.asked()[1].contains("authorization: Bearer token\r\n"), "{:?}", fake.asked());
    for (text, words) in [("", "it is empty"), ("a\nb", "several lines"), ("nocolon", "USER:PASSWORD")] {
        let path = file(text);
        let error = Client::new(fake.address.clone(), Secrets { basic: Some(&path), bearer: None }, None).unwrap_err();
        assert!(format!("{error:#}").contains(words), "{error:#}");
        assert!(text.is_empty() || !format!("{error:#}").contains(text), "{error:#}");
    }
    let none = Secrets { basic: None, bearer: Some(Path::new("/nowhere/token")) };
    assert!(format!("{:#}", Client::new(fake.address, none, None).unwrap_err()).contains("/nowhere/token"));
}

#[test]
fn statuses_say_what_to_do() {
    for (status, body, words) in [
        ("401 Unauthorized", &b""[..], "give --basic-auth-file or --bearer-file"),
        ("403 Forbidden", b"no", "403 Forbidden"),
        ("404 Not Found", b"404 page not found", "the path before /api/v1 too"),
        ("302 Found\r\nLocation: https://login.example/", b"", "https://login.example/: write that address"),
        ("302 Found\r\nLocation: https://h/login?state=k3y", b"", "https://h/login?state=[hidden]: write that"),
        ("429 Too Many Requests", b"", "try again later"),
        ("500 Internal Server Error", b"\x1b[31moops", "try again later"),
        ("503 Service Unavailable", b"Service Unavailable", "503 Service Unavailable"),
        ("418 I'm a teapot", b"", "is it the right address"),
        ("204 No Content", b"", "its answer is empty"),
    ] {
        let NoAnswer::Other(said) = told(status, body) else { panic!("{status}") };
        let said = said.to_string();
        assert!(
            said.contains(words) && said.contains("http://127.0.0.1:") && !said.contains('\u{1b}'),
            "{status}: {said}"
        );
    }
}

#[test]
fn what_it_says_itself_is_kept() {
    let bad = br#"{"status":"error","errorType":"bad_data","error":"1:3: parse error: unexpected identifier"}"#;
    let NoAnswer::BadQuery(said) = told("400 Bad Request", bad) else { panic!() };
    let said = said.to_string();
    assert!(said.contains("parse error: unexpected identifier") && said.contains("up{job="), "{said}");
    for (status, body) in [
        ("400 Bad Request", &br#"{"status":"error","errorType":"bad_data","error":"exceeded maximum resolution of 11,000 points per timeseries."}"#[..]),
        ("422 Unprocessable Entity", br#"{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory in query execution"}"#),
        ("503 Service Unavailable", br#"{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}"#),
    ] {
        let NoAnswer::TooMuch(said) = told(status, body) else { panic!("{status}") };
        let said = said.to_string();
        assert!(said.contains("choose a shorter --range or a longer --step"), "{said}");
    }
    let down = br#"{"status":"error","errorType":"unavailable","error":"store is away"}"#;
    assert!(told("503 Service Unavailable", down).fault().to_string().contains("store is away"));
    // A refusal with a good status is one too.
    assert!(matches!(told("200 OK", bad), NoAnswer::BadQuery(_)));
}

#[test]
fn garbage_and_broken_answers() {
    let said = told("200 OK", b"<html>Sign in</html>").fault().to_string();
    assert!(said.contains("does not speak as Prometheus does") && said.contains("<html>"), "{said}");
    let cut = Fake::new(|_| Some(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_vec()));
    let said = client(&cut, Secrets::default()).ask("query", &[("query", "up")]).unwrap_err().fault().to_string();
    assert!(said.contains("its answer broke off"), "{said}");
    let none = Fake::new(|_| Some(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()));
    let said = client(&none, Secrets::default()).ask("query", &[("query", "up")]).unwrap_err().fault().to_string();
    assert!(said.contains("no HTTP answer"), "{said}");
    let slow = Fake::new(|request| (!request.contains("up")).then(|| response("200 OK", b"")));
    let client = client(&slow, Secrets::default()).within(Duration::from_millis(100));
    let NoAnswer::TooMuch(said) = client.ask("query", &[("query", "up")]).unwrap_err() else { panic!() };
    let said = said.to_string();
    assert!(said.contains("no answer within"), "{said}");
}

#[test]
fn nobody_is_there() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = Address::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let client = Client::new(address, Secrets::default(), None).unwrap();
    let said = client.ask("query", &[("query", "up")]).unwrap_err().fault().to_string();
    assert!(said.contains("cannot connect") && said.contains("is it running there"), "{said}");
}

#[test]
fn an_answer_that_repeats_the_token_is_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "k3y-12345678\n").unwrap();
    let fake = Fake::saying("403 Forbidden", b"who is k3y-12345678?");
    let client = client(&fake, Secrets { basic: None, bearer: Some(&path) });
    let said = client.ask("query", &[("query", "up")]).unwrap_err().fault().to_string();
    assert!(said.contains("403 Forbidden: who is [withheld]") && !said.contains("k3y-1"), "{said}");
}
