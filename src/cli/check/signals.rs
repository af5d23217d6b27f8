//! What the configured signals would do to a process.

use crate::config::{Action, Target};
use crate::kernel::Status;
use crate::model::{Measure, Signal};
use crate::record::show_signal;

/// What a program makes of a signal that it handles for itself.
struct Meaning {
    program: &'static str,
    signal: i32,
    what: &'static str,
}

const fn meaning(program: &'static str, signal: libc::c_int, what: &'static str) -> Meaning {
    Meaning { program, signal, what }
}

/// Signals that well-known programs handle and mean something else by; from their documentation
/// (gunicorn "Signal Handling", uvicorn's and celery's worker guides, node's "Signal events", nginx
/// "Controlling nginx", postgres(1), redis "Signal Handling", haproxy's management guide, java(1)).
const MEANINGS: &[Meaning] = &[
    meaning("gunicorn", libc::SIGHUP, "reloads its configuration and restarts its workers"),
    meaning("gunicorn", libc::SIGUSR1, "reopens its log files"),
    meaning("gunicorn", libc::SIGUSR2, "starts a second master (upgrade on the fly)"),
    meaning("gunicorn", libc::SIGWINCH, "ends its workers"),
    meaning("gunicorn", libc::SIGTTIN, "adds a worker"),
    meaning("gunicorn", libc::SIGTTOU, "removes a worker"),
    meaning("gunicorn", libc::SIGQUIT, "ends at once"),
    meaning("gunicorn", libc::SIGINT, "ends at once"),
    meaning("gunicorn", libc::SIGTERM, "ends"),
    meaning("uvicorn", libc::SIGINT, "ends"),
    meaning("uvicorn", libc::SIGTERM, "ends"),
    meaning("uvicorn", libc::SIGHUP, "restarts its workers (--workers)"),
    meaning("uvicorn", libc::SIGTTIN, "adds a worker (--workers)"),
    meaning("uvicorn", libc::SIGTTOU, "removes a worker (--workers)"),
    meaning("celery", libc::SIGHUP, "restarts"),
    meaning("celery", libc::SIGUSR1, "writes its stacks to its log"),
    meaning("celery", libc::SIGUSR2, "opens a remote debugger"),
    meaning("celery", libc::SIGQUIT, "ends and loses its tasks"),
    meaning("celery", libc::SIGINT, "ends"),
    meaning("celery", libc::SIGTERM, "ends"),
    meaning("node", libc::SIGUSR1, "opens its debugger's port"),
    meaning("nginx", libc::SIGHUP, "reloads its configuration and replaces its workers"),
    meaning("nginx", libc::SIGUSR1, "reopens its log files"),
    meaning("nginx", libc::SIGUSR2, "starts a second master (upgrade on the fly)"),
    meaning("nginx", libc::SIGWINCH, "ends its workers"),
    meaning("nginx", libc::SIGQUIT, "ends"),
    meaning("nginx", libc::SIGINT, "ends at once"),
    meaning("nginx", libc::SIGTERM, "ends at once"),
    meaning("postgres", libc::SIGHUP, "reloads its configuration"),
    meaning("postgres", libc::SIGUSR1, "takes it for a message of its own processes"),
    meaning("postgres", libc::SIGUSR2, "takes it for a message of its own processes"),
    meaning("postgres", libc::SIGINT, "ends, or cancels the query"),
    meaning("postgres", libc::SIGQUIT, "ends at once and must recover"),
    meaning("postgres", libc::SIGTERM, "ends"),
    meaning("redis-server", libc::SIGUSR1, "ends its saving child"),
    meaning("redis-server", libc::SIGINT, "ends"),
    meaning("redis-server", libc::SIGTERM, "ends"),
    meaning("haproxy", libc::SIGUSR1, "ends once its connections have"),
    meaning("haproxy", libc::SIGUSR2, "starts anew"),
    meaning("haproxy", libc::SIGHUP, "writes its state to its log"),
    meaning("java", libc::SIGQUIT, "writes its stacks to its output"),
    meaning("java", libc::SIGHUP, "ends"),
];

/// What a signal would do, as a line, and whether somebody should look at it.
pub(super) struct Finding {
    pub(super) text: String,
    pub(super) wrong: bool,
}

/// One finding for each signal that the target may send.
pub(super) fn findings(target: &Target, status: &Status, arguments: &[u8]) -> Vec<Finding> {
    let measures = target.actions.iter().flat_map(|action| action.measures().map(move |measure| (action, measure)));
    let signals = measures.filter_map(|(action, measure)| match *measure {
        Measure::Signal { signal, assume_handled } => Some((action, signal, assume_handled)),
        Measure::Kill { .. }
        | Measure::Freeze { .. }
        | Measure::Thaw { .. }
        | Measure::Http(_)
        | Measure::Command(_) => None,
    });
    signals.map(|(action, signal, assumed)| finding((action, signal, assumed), status, arguments)).collect()
}

fn finding((action, signal, assumed): (&Action, Signal, bool), status: &Status, arguments: &[u8]) -> Finding {
    let (name, action) = (show_signal(signal), &action.name);
    if !status.handles(signal) {
        if assumed {
            return Finding {
                text: format!("{name} ({action}): no handler, sent all the same (assume_handled)"),
                wrong: false,
            };
        }
        let text = format!(
            "{name} ({action}): the process {}, so it will be withheld (vetoed, unhandled); let the program install a \
             handler, or write assume_handled = true if it uses a signalfd",
            without_handler(signal, status)
        );
        return Finding { text, wrong: true };
    }
    match means(arguments, signal) {
        Some((program, what)) => {
            Finding { text: format!("{name} ({action}): handled, but {program} {what} on it"), wrong: true }
        }
        None if catches_all(status) => {
            let text = format!(
                "{name} ({action}): the process catches every signal, as programs in Go do, which says nothing of {name}: \
                 without signal.Notify it would die of it; see its source"
            );
            Finding { text, wrong: true }
        }
        None => Finding { text: format!("{name} ({action}): handled"), wrong: false },
    }
}

/// A runtime that catches so many signals (Go's does, all of them) does so whether or not the program
/// asked for one: its handler then ends the process as the default would (os/signal of Go).
pub(in crate::cli) const fn catches_all(status: &Status) -> bool {
    status.caught.count_ones() >= 40
}

/// The program that the arguments name, and what it does on the signal that it has a meaning for.
pub(in crate::cli) fn means(arguments: &[u8], signal: Signal) -> Option<(&'static str, &'static str)> {
    let of = |meaning: &&Meaning| meaning.signal == signal.number() && runs(arguments, meaning.program);
    MEANINGS.iter().find(of).map(|meaning| (meaning.program, meaning.what))
}

fn without_handler(signal: Signal, status: &Status) -> &'static str {
    if status.ignored & signal.mask() != 0 {
        "ignores it"
    } else if status.caught & signal.mask() != 0 {
        "has a handler but blocks it"
    } else {
        "has no handler for it and would die of it"
    }
}

/// Whether one of the first three arguments names `program`: `python3 /usr/bin/gunicorn app`,
/// `gunicorn: master [app]`, `python3 -m uvicorn`.
fn runs(arguments: &[u8], program: &str) -> bool {
    let words = arguments.split(|byte| *byte == 0 || *byte == b' ').filter(|word| !word.is_empty());
    words.take(3).any(|word| {
        let name = word.rsplit(|byte| *byte == b'/').next().unwrap_or(word);
        name.strip_suffix(b":").unwrap_or(name) == program.as_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_first_arguments() {
        for (arguments, program, is) in [
            (&b"/usr/bin/python3\0/usr/local/bin/gunicorn\0app:app\0"[..], "gunicorn", true),
            (b"gunicorn: master [app:app]\0", "gunicorn", true),
            (b"/usr/bin/python3\0-m\0uvicorn\0app\0", "uvicorn", true),
            (b"/usr/bin/node\0server.js\0", "node", true),
            (b"/usr/bin/python3\0trader.py\0--like\0gunicorn\0", "gunicorn", false),
            (b"/usr/bin/nodejs-not\0", "node", false),
            (b"", "node", false),
        ] {
            assert_eq!(runs(arguments, program), is, "{}", String::from_utf8_lossy(arguments));
        }
    }
}
