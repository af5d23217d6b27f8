//! What the HTTP API of Prometheus answers: JSON in an envelope that says whether it went well.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

use crate::model::printable;

/// Most characters of what the other side says that are shown.
const MOST_SAID: usize = 300;

/// A time series: its labels, and its values at their times.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct Row {
    /// The labels, `__name__` among them where it has one.
    #[serde(rename = "metric", default)]
    pub(super) labels: BTreeMap<String, String>,
    /// Seconds since 1970, and the value then; ascending.
    #[serde(default)]
    pub(super) values: Vec<(f64, Number)>,
}

/// A value, which JSON has as text: it may be `NaN` or `+Inf`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Number(pub(super) f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number as text")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                text.parse().map(Number).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    status: String,
    data: Option<Data>,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Data {
    #[serde(default)]
    result: Vec<Row>,
}

/// Only that part of the envelope which says what went wrong.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refusal {
    #[serde(default)]
    error_type: String,
    error: String,
}

/// What came of a question.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// The series, and what the other side would have known of them.
    Series(Vec<Row>, Vec<String>),
    /// It understood, and would not: its kind of error, and its words.
    Refused(String, String),
    /// That is no answer of a Prometheus: a clause about what it is instead.
    Garbage(String),
}

/// Reads the body of an answer.
pub(super) fn read(body: &[u8]) -> Answer {
    let envelope: Envelope = match serde_json::from_slice(body) {
        Ok(envelope) => envelope,
        Err(error) => return refusal(body).unwrap_or_else(|| Answer::Garbage(garbage(body, &error))),
    };
    if envelope.status != "success" {
        return Answer::Refused(said(&envelope.error_type), said(&envelope.error));
    }
    let Some(data) = envelope.data else {
        return Answer::Garbage("it says success, and gives no data".to_owned());
    };
    match data.result.iter().find_map(disorder) {
        Some(at) => Answer::Garbage(format!("its times are out of order after {at}")),
        None => Answer::Series(data.result, envelope.warnings.iter().map(|text| said(text)).collect()),
    }
}

/// What the body of a refusal says: kind and words, where it is one of Prometheus's own.
pub(super) fn refusal(body: &[u8]) -> Option<Answer> {
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    (!refusal.error.is_empty()).then(|| Answer::Refused(said(&refusal.error_type), said(&refusal.error)))
}

/// The first time that is followed by an earlier one, or by itself, or is none.
fn disorder(row: &Row) -> Option<f64> {
    let wrong = |pair: &[(f64, Number)]| match pair {
        [(one, _), (other, _)] => (one.partial_cmp(other) != Some(std::cmp::Ordering::Less)).then_some(*one),
        _ => None,
    };
    row.values.windows(2).find_map(wrong)
}

fn garbage(body: &[u8], error: &serde_json::Error) -> String {
    let begins = said_bytes(body.get(..80).unwrap_or(body));
    if body.is_empty() {
        return "its answer is empty".to_owned();
    }
    let kind = if error.is_data() { "is no time series" } else { "is no JSON" };
    format!("its answer {kind} ({}): it begins {begins}", said(&error.to_string()))
}

/// Words of the other side, fit to be printed.
pub(super) fn said(text: &str) -> String {
    said_bytes(text.as_bytes())
}

/// The same of bytes.
pub(super) fn said_bytes(text: &[u8]) -> String {
    printable(text, MOST_SAID)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_with_numbers_of_every_kind() {
        let body = br#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"__name__":"x","process":"0"},"values":[[1.5,"2"],[2,"NaN"],[3.25,"+Inf"],[4,"-1e3"]]}]},
            "warnings":["one store is away\u0007"],"infos":["x"]}"#;
        let Answer::Series(rows, warnings) = read(body) else { panic!("{:?}", read(body)) };
        assert_eq!(rows[0].labels["process"], "0");
        let values: Vec<String> = rows[0].values.iter().map(|(at, number)| format!("{at} {}", number.0)).collect();
        assert_eq!(values, ["1.5 2", "2 NaN", "3.25 inf", "4 -1000"]);
        assert!(warnings[0].starts_with("one store is away") && !warnings[0].contains('\u{7}'), "{warnings:?}");
    }

    #[test]
    fn nothing_is_a_series_too() {
        let body = br#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
        assert_eq!(read(body), Answer::Series(Vec::new(), Vec::new()));
    }

    #[test]
    fn refusals_keep_their_words() {
        let body = br#"{"status":"error","errorType":"bad_data","error":"1:5: parse error: \u001b[31m"}"#;
        let Answer::Refused(kind, words) = read(body) else { panic!() };
        assert_eq!(kind, "bad_data");
        assert!(words.starts_with("1:5: parse error") && !words.contains('\u{1b}'), "{words}");
        assert_eq!(refusal(b"<html>"), None);
    }

    #[test]
    fn whatever_else_is_garbage_and_says_what_it_is() {
        for (body, words) in [
            (&b""[..], "empty"),
            (b"<html><title>\x1bLogin</title>", "no JSON"),
            (b"{\"status\":\"success\"}", "no data"),
            (br#"{"status":"success","data":{"result":[{"values":[[2,"1"],[1,"1"]]}]}}"#, "out of order after 2"),
            (br#"{"status":"success","data":{"result":[{"values":[[2,"one"]]}]}}"#, "no time series"),
            (br#"{"status":"success","data":{"result":[{"values":[[2,1]]}]}}"#, "no time series"),
            (br#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#, "no time series"),
            (br#"{"status":"success","data":{"result":[{"values":[[2,"1"]]"#, "no JSON"),
            (b"[1]", "no time series"),
            (b"\xff\xfe", "no JSON"),
        ] {
            let Answer::Garbage(said) = read(body) else { panic!("{:?}", read(body)) };
            assert!(said.contains(words) && !said.contains('\u{1b}'), "{said}");
        }
    }
}
