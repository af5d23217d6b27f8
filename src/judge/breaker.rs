//! Endpoints that fail are left alone for a while, for measures and for undo alike.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Measure, Moment, Outcome, OutcomeKind, Reason};

/// So many failures in a row open the breaker.
const FAILURES: u32 = 5;
/// For so long nothing is sent; then one failure more opens it again.
const PAUSE: Duration = Duration::from_secs(30);

/// What is known of each endpoint that failed last. An endpoint is where one connects to: scheme,
/// host and port.
#[derive(Clone, Debug, Default)]
pub(super) struct Breakers(BTreeMap<String, Breaker>);

#[derive(Clone, Copy, Debug)]
struct Breaker {
    failures: u32,
    last: Moment,
}

impl Breakers {
    /// Takes in what became of a delivery.
    pub(super) fn count(&mut self, measure: &Measure, outcome: &Outcome) {
        let Some(endpoint) = endpoint(measure) else { return };
        match (outcome.kind, outcome.reason) {
            (OutcomeKind::Acknowledged, _) => drop(self.0.remove(endpoint)),
            (OutcomeKind::Failed, Reason::Refused | Reason::Timeout) => {
                let breaker = self.0.entry(endpoint.to_owned()).or_insert(Breaker { failures: 0, last: outcome.at });
                *breaker = Breaker { failures: breaker.failures.saturating_add(1), last: outcome.at };
            }
            _ => {}
        }
    }

    /// Whether any endpoint has failed last.
    pub(super) fn are_any(&self) -> bool {
        !self.0.is_empty()
    }

    /// When something may be sent there again; none if it may now.
    pub(super) fn opens(&self, measure: &Measure, now: Moment) -> Option<Moment> {
        let breaker = self.0.get(endpoint(measure)?)?;
        let opens = breaker.last + PAUSE;
        (breaker.failures >= FAILURES && now < opens).then_some(opens)
    }
}

/// `http://127.0.0.1:8080` of a URL.
fn endpoint(measure: &Measure) -> Option<&str> {
    let Measure::Http(http) = measure else { return None };
    let post = http.post.as_written();
    let host = post.find("://").map_or(0, |at| at + 3);
    let end = post[host..].find(['/', '?', '#']).map_or(post.len(), |at| host + at);
    post.get(..end)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::Http;

    #[test]
    fn an_endpoint_is_scheme_host_and_port() {
        for (post, of) in [
            ("http://127.0.0.1:8080/off", "http://127.0.0.1:8080"),
            ("http://a/b/c/d/e/f", "http://a"),
            ("https://a:1?x=http://b/", "https://a:1"),
            ("http://a", "http://a"),
        ] {
            let post = post.into();
            let (headers, expect, timeout) = (Vec::new(), vec![200], PAUSE);
            let http = Http { post, headers, bearer_file: None, body: None, expect, timeout };
            assert_eq!(endpoint(&Measure::Http(Arc::new(http))), Some(of));
        }
    }
}
