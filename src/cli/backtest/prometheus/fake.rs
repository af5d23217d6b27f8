//! A server on loopback that answers as it is told, for tests.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::address::Address;

/// Answers until the test ends.
pub(super) struct Fake {
    pub(super) address: Address,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// `answer` gets the head and the body of a request and gives the whole response, head included; none hangs.
    pub(super) fn new(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = Address::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            let mut hanging = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = whole(&mut stream);
                seen.lock().unwrap().push(request.clone());
                match answer(&request) {
                    Some(response) => drop(stream.write_all(&response)),
                    None => hanging.push(stream),
                }
            }
        });
        Self { address, asked }
    }

    /// The same answer to everybody.
    pub(super) fn saying(status: &'static str, body: &'static [u8]) -> Self {
        Self::new(move |_| Some(response(status, body)))
    }

    /// What it was asked, in order.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// `200 OK` or `302 Found\r\nLocation: x`, and a body.
pub(super) fn response(status: &str, body: &[u8]) -> Vec<u8> {
    let mut text =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len()).into_bytes();
    text.extend_from_slice(body);
    text
}

fn whole(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return text,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

/// A series: the query that gives it, its labels, its samples.
type Kept = (String, Vec<(&'static str, String)>, Vec<(i64, f64)>);

/// What a Prometheus has, by the query that gives it; evaluated as Prometheus does, five minutes back.
#[derive(Default)]
pub(super) struct Store {
    all: Vec<Kept>,
    /// Most points of a series in one answer; zero for as many as anybody wants.
    pub(super) most_points: usize,
    /// It answers for multiples of the step, as Thanos and VictoriaMetrics do.
    pub(super) aligned: bool,
    /// It gives ranges of series and nothing else: no instant, no function of them.
    pub(super) plain: bool,
}

impl Store {
    /// Samples at milliseconds since 1970.
    pub(super) fn with(mut self, query: &str, labels: &[(&'static str, &str)], samples: &[(i64, f64)]) -> Self {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.all.push((query.to_owned(), labels, samples.to_vec()));
        self
    }

    /// One sample every `step` milliseconds, from `from` on.
    pub(super) fn every(
        self,
        (query, labels): (&str, &[(&'static str, &str)]),
        (from, step): (i64, i64),
        values: &[f64],
    ) -> Self {
        let samples: Vec<(i64, f64)> =
            (0_i64..).zip(values).map(|(index, value)| (from + index * step, *value)).collect();
        self.with(query, labels, &samples)
    }

    pub(super) fn serve(self) -> Fake {
        Fake::new(move |request| Some(self.answer(request)))
    }

    fn answer(&self, request: &str) -> Vec<u8> {
        let path = request.split(' ').nth(1).unwrap();
        let (call, form) = path.split_once('?').unwrap();
        let get = |key: &str| {
            let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| *name == key).map(|(_, value)| unescaped(value)).unwrap_or_default()
        };
        let millis = |key: &str| super::grid::millis(get(key).parse().unwrap());
        let query = get("query");
        if call.ends_with("/query") && self.plain {
            return response("404 Not Found", b"no such call");
        }
        if call.ends_with("/query") {
            let Some(selector) = query.strip_suffix("[600s]") else { return refused("bad_data", "no range") };
            if selector.contains('(') || selector.contains(" / ") {
                return refused("bad_data", "ranges only allowed for vector selectors");
            }
            let at = millis("time");
            return self.rows(selector, |samples| {
                samples.iter().filter(|(time, _)| at - 600_000 < *time && *time <= at).copied().collect()
            });
        }
        let (mut from, to, step) = (millis("start"), millis("end"), millis("step"));
        from -= if self.aligned { from % step } else { 0 };
        let points = usize::try_from((to - from) / step + 1).unwrap();
        if self.most_points > 0 && points > self.most_points {
            return refused("bad_data", "exceeded maximum resolution of 11,000 points per timeseries.");
        }
        let inner = query.strip_prefix("timestamp(").and_then(|rest| rest.strip_suffix(')'));
        self.rows(inner.unwrap_or(&query), |samples| {
            let value = |at: i64| {
                let last =
                    samples.iter().rev().find(|(time, _)| *time <= at).filter(|(time, _)| at - time < 300_000)?;
                // NaN stands for the end of a series.
                let seen = if inner.is_some() && !self.plain { last.0 as f64 / 1000.0 } else { last.1 };
                (!last.1.is_nan()).then_some((at, seen))
            };
            (0..points).filter_map(|index| value(from + step * i64::try_from(index).unwrap())).collect()
        })
    }

    fn rows(&self, query: &str, values: impl Fn(&[(i64, f64)]) -> Vec<(i64, f64)>) -> Vec<u8> {
        let ours = self.all.iter().filter(|(known, ..)| known == query);
        let row = |(_, labels, samples): &Kept| {
            let labels: std::collections::BTreeMap<_, _> = labels.iter().map(|(name, value)| (*name, value)).collect();
            let values: Vec<_> =
                values(samples).iter().map(|(at, value)| (*at as f64 / 1000.0, value.to_string())).collect();
            (!values.is_empty()).then(|| serde_json::json!({ "metric": labels, "values": values }))
        };
        let rows: Vec<_> = ours.filter_map(row).collect();
        let data = serde_json::json!({ "status": "success", "data": { "resultType": "matrix", "result": rows } });
        response("200 OK", data.to_string().as_bytes())
    }
}

fn refused(kind: &str, words: &str) -> Vec<u8> {
    let body = serde_json::json!({ "status": "error", "errorType": kind, "error": words });
    response("400 Bad Request", body.to_string().as_bytes())
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = [rest.clone().next(), rest.clone().nth(1)];
        match (byte, hex) {
            (b'%', [Some(high), Some(low)]) => {
                let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap()).unwrap();
                bytes.push(digit(high) * 16 + digit(low));
                rest.nth(1);
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}
