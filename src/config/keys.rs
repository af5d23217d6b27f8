//! Every key there is, section by section: those that work, and those that a later version brings.
//!
//! The reader refuses what is in neither list; a test holds the lists against the shipped file.

/// The keys of one kind of table.
#[derive(Debug)]
pub(super) struct Section {
    /// What a problem calls it, after "keys of".
    pub title: &'static str,
    /// What may be written.
    pub known: &'static [&'static str],
    /// What cannot be written yet, and what there is instead.
    pub later: &'static [(&'static str, &'static str)],
}

/// The top of the main file.
pub(super) const ROOT: Section = Section {
    title: "the file",
    known: &["daemon", "web", "history", "incidents", "peers", "calendar", "host", "defaults", "target"],
    later: &[],
};

/// `[daemon]`
pub(super) const DAEMON: Section = Section {
    title: "[daemon]",
    known: &[
        "interval",
        "min_interval",
        "rescan",
        "sockets_interval",
        "max_cpu",
        "dry_run",
        "kill_budget",
        "summary",
        "forecast_window",
        "evidence_timeout",
    ],
    later: &[],
};

/// `[web]`
pub(super) const WEB: Section =
    Section { title: "[web]", known: &["listen", "max_series", "tls", "users"], later: &[] };

/// `[history]`
pub(super) const HISTORY: Section =
    Section { title: "[history]", known: &["events", "samples", "max_size"], later: &[] };

/// `samples`
pub(super) const SAMPLES: Section = Section { title: "samples", known: &["10s", "1m", "10m"], later: &[] };

/// `[incidents]`
pub(super) const INCIDENTS: Section = Section { title: "[incidents]", known: &["max_count", "max_size"], later: &[] };

/// `evidence`
pub(super) const EVIDENCE: Section = Section { title: "evidence", known: &["command", "timeout"], later: &[] };

/// `tls`
pub(super) const TLS: Section = Section { title: "tls", known: &["cert", "key", "client_ca"], later: &[] };

/// A peer written as a table.
pub(super) const PEER: Section = Section { title: "a peer", known: &["local"], later: &[] };

/// `[calendar.NAME]`
pub(super) const CALENDAR: Section = Section {
    title: "a calendar",
    known: &["zone", "days", "sessions", "holidays", "half_days", "valid_until"],
    later: &[],
};

/// `[target.NAME.during.HOURS]`
pub(super) const DURING: Section = Section { title: "during", known: &["thresholds", "ladder"], later: &[] };

/// `[host]`
pub(super) const HOST: Section = Section { title: "[host]", known: &["thresholds", "ladder"], later: &[] };

/// `[defaults]`
pub(super) const DEFAULTS: Section =
    Section { title: "[defaults]", known: &["thresholds", "ladder", "actions", "during"], later: &[] };

/// `[target.NAME]`
pub(super) const TARGET: Section = Section {
    title: "a target",
    known: &[
        "match",
        "members",
        "shared",
        "per",
        "expect",
        "startup_grace",
        "settle",
        "kill_budget",
        "keep_at_least",
        "forecast_window",
        "thresholds",
        "ladder",
        "actions",
        "schedule",
        "during",
        "logs",
        "evidence",
    ],
    later: &[],
};

/// `match`
pub(super) const MATCH: Section = Section {
    title: "match",
    known: &["unit", "cgroup", "container", "cidfile", "exe", "cmdline", "comm", "user", "pidfile"],
    later: &[],
};

/// `expect`
pub(super) const EXPECT: Section = Section { title: "expect", known: &["min", "max"], later: &[] };

/// `kill_budget`
pub(super) const BUDGET: Section = Section { title: "kill_budget", known: &["max", "per"], later: &[] };

/// `max_cycles`
pub(super) const CYCLES: Section = Section { title: "max_cycles", known: &["max", "per"], later: &[] };

/// A row of thresholds.
pub(super) const ROW: Section = Section {
    title: "a threshold",
    known: &["expected", "elevated", "warning", "critical", "fatal", "clear", "clear_hold", "hold", "ladder"],
    later: &[],
};

/// A row of `[host.thresholds]`.
pub(super) const HOST_ROW: Section = Section {
    title: "a threshold of the host",
    known: &["expected", "elevated", "warning", "critical", "fatal", "clear", "clear_hold", "hold"],
    later: ROW.later,
};

/// A level of a row, written as a table.
pub(super) const BOUND: Section = Section { title: "a bound", known: &["at", "clear", "hold"], later: &[] };

/// An action.
pub(super) const ACTION: Section = Section {
    title: "an action",
    known: &[
        "signal",
        "http",
        "command",
        "freeze",
        "kill",
        "timeout",
        "undo",
        "undo_after",
        "undo_by",
        "max_cycles",
        "cooldown",
        "repeat",
        "max_attempts",
        "patience",
        "effect",
        "min_effect",
        "escalate",
        "escalate_to_kill",
        "scope",
        "assume_handled",
        "needs",
        "expect_successor",
        "not_during",
    ],
    later: &[],
};

/// The deliveries.
pub(super) const DELIVERY: [&str; 5] = ["signal", "http", "command", "freeze", "kill"];

/// `http`
pub(super) const HTTP: Section =
    Section { title: "http", known: &["post", "headers", "bearer_file", "body", "expect", "timeout"], later: &[] };

/// `freeze`
pub(super) const FREEZE: Section = Section { title: "freeze", known: &["by", "deadline"], later: &[] };

/// `kill`
pub(super) const KILL: Section = Section { title: "kill", known: &["grace", "scope"], later: &[] };

/// `undo`
pub(super) const UNDO: Section =
    Section { title: "undo", known: &["signal", "http", "command", "timeout"], later: &[] };

/// `needs`
pub(super) const NEEDS: Section = Section { title: "needs", known: &["action", "within", "otherwise"], later: &[] };

/// An entry of `schedule`
pub(super) const SCHEDULE: Section =
    Section { title: "a schedule", known: &["every", "action", "phase", "jitter"], later: &[] };

/// All sections.
pub(super) const ALL: [&Section; 25] = [
    &ROOT, &DAEMON, &WEB, &HISTORY, &TLS, &PEER, &HOST, &DEFAULTS, &TARGET, &MATCH, &EXPECT, &BUDGET, &ROW, &BOUND,
    &ACTION, &HTTP, &FREEZE, &KILL, &UNDO, &NEEDS, &SCHEDULE, &CALENDAR, &DURING, &INCIDENTS, &EVIDENCE,
];
