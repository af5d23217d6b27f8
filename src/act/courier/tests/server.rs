//! Little endpoints, good and bad.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// An endpoint on the loopback; its threads end with the test.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Request line and headers, with lower-case names.
    pub(super) head: Vec<String>,
    pub(super) body: String,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.head.iter().find_map(|line| line.strip_prefix(&prefix))
    }
}

impl Server {
    pub(super) fn url(&self) -> String {
        format!("http://{}/admin/pause", self.address)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// Each connection gets a thread, its request is read and kept, then `answer` has the connection.
pub(super) fn serving(answer: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&requests);
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (answer, kept, mut stream) = (Arc::clone(&answer), Arc::clone(&kept), stream.unwrap());
            thread::spawn(move || {
                if let Some(request) = read(&stream) {
                    kept.lock().unwrap().push(request);
                    answer(&mut stream);
                }
            });
        }
    });
    Server { address, requests }
}

/// Answers at once.
pub(super) fn answering(status: &'static str, body: &'static str) -> Server {
    delayed_with(Duration::ZERO, status, body)
}

/// Answers after a while.
pub(super) fn delayed(delay: Duration, status: &'static str) -> Server {
    delayed_with(delay, status, "")
}

fn delayed_with(delay: Duration, status: &'static str, body: &'static str) -> Server {
    serving(move |stream| {
        thread::sleep(delay);
        let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    })
}

/// Takes the request and says nothing.
pub(super) fn silent() -> Server {
    serving(|stream| {
        // Until the other side closes.
        let _ = stream.read(&mut [0]);
    })
}

/// One request; none where the other side went away before.
pub(super) fn read(stream: impl Read) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim_end() {
            "" => break,
            line => head.push(
                line.split_once(": ")
                    .map_or_else(|| line.to_owned(), |(name, value)| format!("{}: {value}", name.to_ascii_lowercase())),
            ),
        }
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { head, body: String::from_utf8(body).unwrap() })
}
