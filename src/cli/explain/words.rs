//! The words of DESIGN: levels, deliveries, and what is spoken of in logs and on the page.

use super::entry::Entry;
use super::outcomes;
use super::reasons::{self, Kind};
use crate::model::{Level, METRICS, MetricInfo, Reason};

/// The levels, lowest first.
pub(super) const LEVELS: [&str; 5] = ["normal", "elevated", "warning", "critical", "fatal"];

/// The deliveries of an action.
pub(super) const DELIVERIES: [&str; 5] = ["signal", "http", "command", "freeze", "kill"];

/// Everything that is explained in one sentence: word, what it is, where to look.
const WORDS: &[(&str, &str, &str)] = &[
    (
        "target",
        "A configured group of processes: what it matches, its thresholds, ladders and actions.",
        "[target.NAME]",
    ),
    ("process", "One live member of a target, known by boot, pid, start time and pidfd: never only by its pid.", ""),
    (
        "level",
        "How bad it is: normal, elevated, warning, critical, fatal. A ladder's is the highest of its thresholds.",
        "tradedog status",
    ),
    (
        "threshold",
        "Which bound of a metric begins which level, with the time to enter it (hold) and the bound to leave \
      it (clear).",
        "[target.NAME.thresholds]",
    ),
    (
        "ladder",
        "Which actions are taken at which level. Every target has the one called default and may name more.",
        "[target.NAME.ladder]",
    ),
    (
        "rung",
        "One action at one level of a ladder, for one process: due, in flight, done, in force, failed, vetoed, \
      given up.",
        "tradedog status",
    ),
    (
        "order",
        "The decision to carry out one action on one process, with its reasons. Each ends in one outcome.",
        "the log; tradedog_orders_total",
    ),
    (
        "lease",
        "A measure in force that must be undone: trading paused, WebSocket disabled, a process frozen.",
        "tradedog status; tradedog undo TARGET ACTION; tradedog_lease",
    ),
    (
        "inhibit",
        "The operator's brake on a target or an action, with an expiry.",
        "tradedog inhibit TARGET --for 30m; tradedog release TARGET",
    ),
    (
        "incident",
        "Evidence of a process, kept in a folder: at its first critical, and before a kill.",
        "tradedog incidents; tradedog_incidents_total; [incidents]",
    ),
    ("peer", "The other side of sockets by name, so that a leak has an address: close_wait.postgres.", "[peers]"),
    (
        "calendar",
        "When a market is open: sessions by the wall of an IANA zone, week days, holidays, half days, valid until a day.",
        "[calendar.NAME]; tradedog check says which sessions are held now",
    ),
    (
        "session",
        "A stretch of a calendar's day under a name: nyse.open. Bounds and ladders may be others in it (during), and \
         actions may not be taken in it (not_during).",
        "[calendar.NAME] sessions; tradedog_session_held",
    ),
    (
        "effect",
        "Whether a measure has helped, by the metric that caused it: within `patience` it must become better by \
      min_effect, leave its level, or (stops_growth) grow less than half as fast. Orders in one another's \
      window are judged as one.",
        "tradedog status; tradedog_effects_total; the log: what was read before and after",
    ),
    (
        "effective",
        "The metric that caused the order became better within `patience`, or its level was left.",
        "tradedog_effects_total; the log: what was read before and after",
    ),
    (
        "ineffective",
        "The metric that caused the order became no better within `patience`. Unknown readings are no proof of \
      that.",
        "tradedog_effects_total; max_attempts, escalate",
    ),
    (
        "escalation",
        "A ladder stands higher than its readings ask for, because a measure of a lower level had no effect and \
      has `escalate`; until the own level of the causing metric falls.",
        "tradedog status: why",
    ),
    (
        "gave_up",
        "An action failed max_attempts times, or had no effect so often, and is not tried again until its level is \
      entered anew.",
        "the log: why it failed; tradedog act TARGET ACTION tries at once",
    ),
    (
        "growth",
        "METRIC.growth: how much more there is in each minute, by what was seen over forecast_window.",
        "tradedog explain rss.growth; docs/forecast.md",
    ),
    (
        "time_left",
        "METRIC.time_left: the time until it is at its fatal bound, or at the process's own limit, as it grows now.",
        "tradedog explain open_fds.time_left; docs/forecast.md",
    ),
    (
        "ready",
        "/-/ready answers 503 while a reading that a threshold needs is denied or overdue: tradedog is blind \
      there.",
        "tradedog check",
    ),
    (
        "successor_missing",
        "After a kill with expect_successor no new process came in time.",
        "systemctl status of the unit: Restart=, start-limit-hit",
    ),
];

/// The groups that are listed.
const GROUPS: [&str; 7] = ["metrics", "levels", "deliveries", "outcomes", "brakes", "vetoes", "reasons"];

/// All words here but levels and deliveries.
pub(super) fn names() -> Vec<&'static str> {
    GROUPS.into_iter().chain(WORDS.iter().map(|(word, ..)| *word)).collect()
}

/// The word, or its plural.
pub(super) fn entry(word: &str) -> Option<Entry> {
    level(word).or_else(|| delivery(word)).or_else(|| group(word)).or_else(|| {
        let singular = word.strip_suffix('s').unwrap_or(word);
        let (word, lead, look) = WORDS.iter().find(|(name, ..)| *name == word || *name == singular)?;
        Some(Entry::new(word, "a word of tradedog", lead).part("Look at", *look))
    })
}

fn level(word: &str) -> Option<Entry> {
    let all = [Level::Normal].into_iter().chain(Level::ABOVE_NORMAL);
    let level = all.into_iter().find(|level| level.name() == word)?;
    let (lead, typical) = match level {
        Level::Normal => ("Nothing to do.", "measures that nobody needs any more are undone `undo_after` later"),
        Level::Elevated => ("More than usual; mild measures.", "reset a pool, drop caches: what costs nothing"),
        Level::Warning => {
            ("It will not end by itself.", "measures that cost something: disable the WebSocket, shed load")
        }
        Level::Critical => ("Trading is at stake.", "pause trading, so that the process is flat before it has to go"),
        Level::Fatal => {
            ("The process is lost.", "kill, and let its unit start a new one; only with a bound that has a hold")
        }
    };
    let entry = Entry::new(level.name(), "a level: normal < elevated < warning < critical < fatal", lead);
    let entry = entry.part("Typical", typical).part("Exported", format!("tradedog_level is {}", level.number()));
    let enter = "when every reading for `hold` was at or past its bound; left when every reading for `clear_hold` \
                 was on the good side of its clear bound";
    Some(if level == Level::Normal { entry } else { entry.part("Entered", enter) })
}

/// What a delivery does, what it needs and what speaks against it.
fn delivery(word: &str) -> Option<Entry> {
    let (lead, written, needs, mind) = match word {
        "signal" => (
            "Sends a signal to the process, through its pidfd: it reaches this process or none.",
            "signal = \"SIGUSR1\"",
            "CAP_KILL (profile act), or the same user; a handler in the process, else it is vetoed (unhandled)",
            "nobody confirms it: delivered, not acknowledged. It still works when the process is out of files. \
             gunicorn, celery, node and others mean something else by some signals: tradedog check knows",
        ),
        "http" => (
            "Sends a POST with the order as JSON and an Idempotency-Key; a status of `expect` acknowledges it.",
            "http = { post = \"http://127.0.0.1:8080/admin/pause\", bearer_file = \"...\", timeout = \"2s\" }",
            "no capability; a server that still accepts connections",
            "a process that is out of files accepts none: at critical and fatal of open_fds use a signal or a command. \
             No redirects, no proxy. Once for the target unless scope = \"process\"",
        ),
        "command" => (
            "Runs a program without a shell; exit code 0 acknowledges it. {pid} is the process, TRADEDOG_* tell the rest.",
            "command = [\"/usr/local/bin/trader-ctl\", \"pause\"], timeout = \"10s\"",
            "no capability: it runs as tradedog's user, in its sandbox, without its capabilities",
            "it must not rest on what is exhausted: a process out of files answers no control socket either",
        ),
        "freeze" => (
            "Stops the process (SIGSTOP), or all of its cgroup, for at most `deadline`; then it runs on.",
            "freeze = { by = \"signal\", deadline = \"30s\" }",
            "CAP_KILL (profile act); by = \"cgroup\" the profile cgroup; an anchored match (imitable)",
            "its peers see silence: sessions time out, brokers drop the connection, WatchdogSec= of its unit aborts it. \
             Stop, start and kill of tradedog thaw it",
        ),
        "kill" => (
            "Asks again whether it must be; then SIGTERM, after `grace` SIGKILL, until the process has ended.",
            "kill = { grace = \"45s\", scope = \"process\" }, expect_successor = \"60s\"",
            "CAP_KILL (profile act), or the same user; an anchored match (imitable)",
            "who starts it again: Restart= of its unit. on-failure does not after a clean end on SIGTERM. Have it flat \
             first: needs = { action = \"pause\", within = \"20s\", otherwise = \"kill\" }",
        ),
        _ => return None,
    };
    let entry = Entry::new(word, "a delivery: how an action reaches the process", lead);
    Some(entry.part("Written", written).part("Needs", needs).part("Mind", mind))
}

/// What there is of a kind, with a few words each.
fn group(word: &str) -> Option<Entry> {
    let reasons = |kind: Kind| {
        let of_kind = reasons::ALL.into_iter().filter(|reason| reasons::names(kind).contains(&reason.name()));
        of_kind.map(Reason::name).collect::<Vec<_>>().join(", ")
    };
    let (lead, what) = match word {
        "metrics" => ("Quantities that are watched; tradedog explain METRIC tells of one.", metrics(|_| true)),
        "levels" => ("How bad it is, lowest first.", LEVELS.join(", ")),
        "deliveries" => ("How an action reaches the process; an action has one.", DELIVERIES.join(", ")),
        "outcomes" => ("What became of an order.", outcomes::names().join(", ")),
        "brakes" => ("What holds an order back for now; each opens by itself.", reasons(Kind::Brake)),
        "vetoes" => ("What ends an order: it must not happen at all.", reasons(Kind::Veto)),
        "reasons" => ("Why an order was held, vetoed or failed.", reasons::ALL.map(Reason::name).join(", ")),
        _ => return None,
    };
    let entry = Entry::new(word, "what there is", lead).part("Here", what);
    let peers = metrics(|row| row.per_peer);
    Some(if word == "metrics" { entry.part("Each .PEER", peers) } else { entry })
}

fn metrics(pick: fn(&MetricInfo) -> bool) -> String {
    METRICS.iter().filter(|row| pick(row)).map(|row| row.name).collect::<Vec<_>>().join(", ")
}
