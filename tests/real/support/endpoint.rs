//! The other side of HTTP measures: notes what it is asked, and answers as it is told.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::eventually;

/// What a request gets.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    /// That status, and no body.
    Status(u16),
    /// 204, after that long.
    Late(Duration),
    /// Nothing, until it is let go; then 204.
    Hang,
    /// The end of the connection.
    Nothing,
    /// To `/elsewhere` on the same server.
    Redirect,
    /// That status with 200 MiB behind it.
    Flood(u16),
    /// A head without end, as fast as it is read.
    Head,
    /// A head without end, a byte at a time.
    Drip,
    /// Something else than HTTP.
    Noise,
}

/// A request as it came.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) at: Instant,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// A server on loopback. It answers 204 where it was told nothing else.
pub(crate) struct Endpoint {
    port: u16,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    asked: Vec<Asked>,
    answers: HashMap<String, VecDeque<Answer>>,
    let_go: bool,
}

impl Endpoint {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared: Arc<Mutex<Shared>> = Arc::default();
        let kept = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&kept);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { port, shared }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// From now on that path is answered so: one after the other, the last one for good.
    pub(crate) fn answer(&self, path: &str, answers: &[Answer]) {
        self.shared.lock().unwrap().answers.insert(path.to_owned(), answers.iter().copied().collect());
    }

    /// Answers whoever hangs.
    pub(crate) fn let_go(&self) {
        self.shared.lock().unwrap().let_go = true;
    }

    /// What that path was asked, in the order of arrival.
    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        self.shared.lock().unwrap().asked.iter().filter(|asked| asked.path == path).cloned().collect()
    }

    pub(crate) fn count(&self, path: &str) -> usize {
        self.asked(path).len()
    }

    /// Every path that was asked, in the order of arrival.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.shared.lock().unwrap().asked.iter().map(|asked| asked.path.clone()).collect()
    }

    /// Waits until that path was asked so often; the last request.
    pub(crate) fn wait_for(&self, seconds: u64, path: &str, count: usize) -> Asked {
        eventually(seconds, &format!("request {count} for {path}"), || {
            let mut asked = self.asked(path);
            assert!(asked.len() <= count, "{path} was asked {} times, not {count}", asked.len());
            (asked.len() == count).then(|| asked.pop()).flatten()
        })
    }
}

fn serve(stream: TcpStream, shared: &Mutex<Shared>) {
    let mut reader = BufReader::new(stream);
    let Some(asked) = request(&mut reader) else { return };
    let answer = {
        let mut shared = shared.lock().unwrap();
        let told = shared.answers.get_mut(&asked.path);
        let answer = told.and_then(|told| if told.len() > 1 { told.pop_front() } else { told.front().copied() });
        shared.asked.push(asked);
        answer.unwrap_or(Answer::Status(204))
    };
    // Whoever asked may have left.
    let _ = reply(reader, answer, shared);
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let path = head.split(' ').nth(1)?.to_owned();
    let mut asked = Asked { path, head, body: String::new(), at: Instant::now() };
    let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
    reader.take(length).read_to_string(&mut asked.body).ok()?;
    Some(asked)
}

fn reply(mut reader: BufReader<TcpStream>, answer: Answer, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let status = match answer {
        Answer::Status(status) | Answer::Flood(status) => status,
        Answer::Late(time) => {
            thread::sleep(time);
            204
        }
        Answer::Redirect => 307,
        Answer::Hang => {
            reader.get_ref().set_read_timeout(Some(Duration::from_millis(50)))?;
            while !shared.lock().unwrap().let_go {
                // The other side says nothing more until it goes.
                if reader.read(&mut [0]).is_ok() {
                    return Ok(());
                }
            }
            204
        }
        Answer::Nothing => return Ok(()),
        Answer::Head | Answer::Drip | Answer::Noise => return babble(reader.get_mut(), answer),
    };
    let stream = reader.get_mut();
    let length = if matches!(answer, Answer::Flood(_)) { 200 << 20 } else { 0 };
    write!(stream, "HTTP/1.1 {status} As told\r\n")?;
    if matches!(answer, Answer::Redirect) {
        write!(stream, "Location: /elsewhere\r\n")?;
    }
    if status != 204 {
        write!(stream, "Content-Length: {length}\r\n")?;
    }
    write!(stream, "Connection: close\r\n\r\n")?;
    let chunk = [b'x'; 1 << 16];
    (0..length / chunk.len()).try_for_each(|_| stream.write_all(&chunk))
}

/// Until the other side has enough of it.
fn babble(stream: &mut TcpStream, answer: Answer) -> std::io::Result<()> {
    let begin: &[u8] = if matches!(answer, Answer::Noise) { b"SSH-2.0-" } else { b"HTTP/1.1 204 As told\r\nX-More: " };
    stream.write_all(begin)?;
    let (size, pause) = if matches!(answer, Answer::Drip) { (1, 50) } else { (1 << 16, 0) };
    loop {
        stream.write_all(&vec![b'x'; size])?;
        thread::sleep(Duration::from_millis(pause));
    }
}
