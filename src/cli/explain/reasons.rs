//! What each reason is, what it holds, when it passes, which command passes it sooner, where to look.

use super::entry::Entry;
use crate::model::Reason;

/// What a reason does to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Holds it for now.
    Brake,
    /// Ends it.
    Veto,
    /// It was tried, and did not work.
    Failure,
    /// Nothing of these.
    Other,
}

/// Every reason, in the order of the labels.
pub(super) const ALL: [Reason; 23] = [
    Reason::None,
    Reason::Inhibited,
    Reason::Cooldown,
    Reason::StartupGrace,
    Reason::Settling,
    Reason::KillBudget,
    Reason::KeepAtLeast,
    Reason::Calendar,
    Reason::Breaker,
    Reason::Needs,
    Reason::Killing,
    Reason::StateUnwritable,
    Reason::CrashLoop,
    Reason::Unknown,
    Reason::Unconfirmed,
    Reason::Identity,
    Reason::Protected,
    Reason::Imitable,
    Reason::Unhandled,
    Reason::Timeout,
    Reason::Refused,
    Reason::QueueFull,
    Reason::LevelLeft,
];

struct Text {
    kind: Kind,
    holds: &'static str,
    opens: &'static str,
    command: &'static str,
    look: &'static str,
}

/// The reasons of a kind.
pub(super) fn names(kind: Kind) -> Vec<&'static str> {
    ALL.into_iter().filter(|reason| text(*reason).kind == kind).map(Reason::name).collect()
}

/// The reason of that name.
pub(super) fn entry(word: &str) -> Option<Entry> {
    let reason = ALL.into_iter().find(|reason| reason.name() == word)?;
    let text = text(reason);
    let (kind, opens) = match text.kind {
        Kind::Brake => ("a brake: it holds an order back for now, and opens by itself", "Opens"),
        Kind::Veto => ("a veto: it ends an order, which must not happen at all", "Passes"),
        Kind::Failure => ("why a delivery failed", "Then"),
        Kind::Other => ("a reason", "Then"),
    };
    let mut letters = reason.help().chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let entry = Entry::new(reason.name(), kind, &format!("{first}{}.", letters.as_str()));
    let entry = entry.part("Concerns", text.holds).part(opens, text.opens).part("Command", text.command);
    Some(entry.part("Look at", text.look))
}

const NO_COMMAND: &str = "none opens it; tradedog act TARGET ACTION takes the measure all the same";
const NEVER_PASSED: &str = "none: no command passes a veto, tradedog act neither";

#[expect(clippy::too_many_lines, reason = "one arm a reason: the compiler names the one that is missing")]
const fn text(reason: Reason) -> Text {
    match reason {
        Reason::None => Text {
            kind: Kind::Other,
            holds: "orders that went as they were meant to",
            opens: "nothing is to be done",
            command: "",
            look: "",
        },
        Reason::Inhibited => Text {
            kind: Kind::Brake,
            holds: "the measures of a target, or one action of it, that an operator has inhibited; never an undo",
            opens: "when the time of the inhibit is over, or a successor has come (--until-successor)",
            command: "tradedog release TARGET [ACTION]; tradedog act heeds it too",
            look: "tradedog status: who inhibited it, since when, until when",
        },
        Reason::Cooldown => Text {
            kind: Kind::Brake,
            holds: "the same action on the same process, ladder and schedule alike; a retry is no new delivery",
            opens: "`cooldown` (default 1m) after the last delivery",
            command: NO_COMMAND,
            look: "cooldown and repeat of the action; a level that is entered again and again needs a longer hold",
        },
        Reason::StartupGrace => Text {
            kind: Kind::Brake,
            holds: "every order to a process that started a short while ago",
            opens: "`startup_grace` (default 0s) after the start of the process",
            command: NO_COMMAND,
            look: "startup_grace of the target: as long as its warm-up takes (caches, subscriptions)",
        },
        Reason::Settling => Text {
            kind: Kind::Brake,
            holds: "kills; and after dry run was switched off whatever was taken dry",
            opens: "`settle` (default 5s) after the process was first seen, a bound changed or dry run ended",
            command: NO_COMMAND,
            look: "the log: a reload or a restart of tradedog stands shortly before",
        },
        Reason::KillBudget => Text {
            kind: Kind::Brake,
            holds: "kills of the target (its kill_budget) or of all targets ([daemon] kill_budget)",
            opens: "when the oldest kill falls out of the span; a budget of 0 never opens",
            command: NO_COMMAND,
            look: "why so many were killed: the leak comes back after each restart. Repair it; a larger budget only \
                   hides it",
        },
        Reason::KeepAtLeast => Text {
            kind: Kind::Brake,
            holds: "kills that would leave fewer live processes than keep_at_least",
            opens: "when enough processes of the target live, a successor for one",
            command: "none opens it, and tradedog act heeds it too",
            look: "why members are missing: systemctl status of the unit, tradedog status",
        },
        Reason::Calendar => Text {
            kind: Kind::Brake,
            holds: "an action in the hours of its `not_during`; and kills that have to do with a calendar that is out of \
                    date, or while the wall clock cannot be right or was set by more than a minute",
            opens: "when those hours are over; when the calendar is valid again; 5 minutes after the clock was set",
            command: NO_COMMAND,
            look: "tradedog status: which sessions are held; not_during of the action, valid_until of the calendar",
        },
        Reason::Breaker => Text {
            kind: Kind::Brake,
            holds: "http measures and undos towards an endpoint that failed 5 times in a row",
            opens: "30 s after its last failure; then it is asked again",
            command: "none opens it sooner, and tradedog act heeds it too",
            look: "the endpoint: is the service up, does it accept connections, is the token right? A process that is \
                   out of files accepts none: use a signal there",
        },
        Reason::Needs => Text {
            kind: Kind::Brake,
            holds: "a kill until the action that it needs is acknowledged for this process",
            opens: "once acknowledged; `within` after the kill is held by nothing else, `otherwise` decides: kill \
                    goes ahead, hold waits on",
            command: NO_COMMAND,
            look: "what became of the needed action: tradedog status, its outcome and reason",
        },
        Reason::Killing => Text {
            kind: Kind::Brake,
            holds: "every other order to a process whose kill is under way",
            opens: "when the kill has its outcome, at the latest a little after its grace",
            command: "none; a kill that has begun runs to its end",
            look: "grace of the kill",
        },
        Reason::StateUnwritable => Text {
            kind: Kind::Brake,
            holds: "kills and freezes: after a restart nobody would thaw, or finish, what was not written down",
            opens: "when the state file can be written again",
            command: "none opens it, and tradedog act heeds it too",
            look: "the runtime directory (/run/tradedog): does it exist, is it full, whose is it (df, ls -ld)",
        },
        Reason::CrashLoop => Text {
            kind: Kind::Brake,
            holds: "kills at a seat where three kills in 30 minutes did not help",
            opens: "when the oldest of the three is 30 minutes old",
            command: NO_COMMAND,
            look: "what the process does right after its start; the bound may be below what it needs",
        },
        Reason::Unknown => Text {
            kind: Kind::Brake,
            holds: "a kill, and a repeat, whose causing reading is unknown: denied, overdue, malformed",
            opens: "with the next known reading",
            command: NO_COMMAND,
            look: "tradedog check, which says what cannot be read and which right is missing; /-/ready",
        },
        Reason::Unconfirmed => Text {
            kind: Kind::Brake,
            holds: "a kill: read once more right before it, the metric was not past its bound",
            opens: "with the next reading that is at or past the bound",
            command: NO_COMMAND,
            look: "a metric that swings around its bound: give it a hold",
        },
        Reason::Identity => Text {
            kind: Kind::Veto,
            holds: "every order: the process ended, its pid is another's now, it executed another program, changed \
                    its user, or two targets claim it that are not both `shared`",
            opens: "with the next reading of the process that is there now; a claimed one when the match is narrowed",
            command: NEVER_PASSED,
            look: "tradedog check: does another target match it too?",
        },
        Reason::Protected => Text {
            kind: Kind::Veto,
            holds: "every order to pid 1, tradedog and its ancestors, kernel threads, sshd, systemd's own services",
            opens: "never; narrow the match",
            command: NEVER_PASSED,
            look: "tradedog check, which names the process and why it is protected",
        },
        Reason::Imitable => Text {
            kind: Kind::Veto,
            holds: "kills and freezes of a target that is matched by cmdline, comm, exe or cgroup alone: any local \
                    user could start a process that matches",
            opens: "when the match has an anchor: user, unit, a container of the system, or a pidfile in folders of \
                    root",
            command: NEVER_PASSED,
            look: "match of the target: add user = \"...\" or unit = \"...\"",
        },
        Reason::Unhandled => Text {
            kind: Kind::Veto,
            holds: "a signal that the process has no handler for (it would die of it), ignores or blocks",
            opens: "when the program has installed its handler, at the next reading",
            command: NEVER_PASSED,
            look: "SigCgt of /proc/PID/status, tradedog check. For a program with a signalfd: assume_handled = true",
        },
        Reason::Timeout => Text {
            kind: Kind::Failure,
            holds: "http and commands without an answer in their `timeout`; a process that outlives SIGKILL",
            opens: "tried again after 5 s, doubling to 1 min, up to max_attempts; with an undo it counts as in force, \
                    for the other side may have done it",
            command: "tradedog act TARGET ACTION tries at once",
            look: "is the event loop of the process blocked? `timeout` of the action; state D in ps is a disk",
        },
        Reason::Refused => Text {
            kind: Kind::Failure,
            holds: "the other side said no (status, exit code, connection refused), or the kernel did (no right)",
            opens: "tried again after 5 s, doubling to 1 min, up to max_attempts",
            command: "tradedog act TARGET ACTION tries at once",
            look: "the detail behind it in the log: HTTP 503, exit code 3, EPERM. tradedog check tells of rights",
        },
        Reason::QueueFull => Text {
            kind: Kind::Failure,
            holds: "http and commands while too many others are under way",
            opens: "tried again after 5 s, doubling to 1 min, up to max_attempts",
            command: "tradedog act TARGET ACTION tries at once",
            look: "which deliveries hang: tradedog status. Shorten their timeouts",
        },
        Reason::LevelLeft => Text {
            kind: Kind::Other,
            holds: "an order that was still held or waited for its retry when its level was left: it lapsed",
            opens: "nothing is to be done; entering the level again makes it due anew",
            command: "",
            look: "levels that come and go: give the threshold a hold, or clear lower",
        },
    }
}
