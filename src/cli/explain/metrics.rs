//! What each metric is read from, which right that needs, what makes it grow and what to do about it.

use super::entry::Entry;
use crate::config::{Config, End, Peer};
use crate::model::{Base, Derived, Direction, Metric, Scope, Unit, printable};

/// What is told of a metric beside its row of the table.
struct Text {
    from: &'static str,
    right: &'static str,
    causes: &'static str,
    remedy: &'static str,
}

/// A metric, of one peer or of all.
pub(super) fn entry(metric: &Metric, config: Option<&Config>) -> Entry {
    let info = metric.info();
    let text = text(info.base);
    let (kind, lead) = (kind(metric), lead(metric));
    let entry = Entry::new(&printable(metric.to_string().as_bytes(), 80), &kind, &lead)
        .part("Read from", text.from)
        .part("Right", text.right)
        .part("Peer", peer(metric, config))
        .part("Forecast", forecast(metric))
        .part("Usual causes", text.causes)
        .part("What to do", text.remedy);
    entry.part("Threshold", threshold(metric))
}

fn kind(metric: &Metric) -> String {
    let info = metric.info();
    let whose = match info.scope {
        Scope::Process => "a metric of each process",
        Scope::Cgroup => "a metric of the cgroup of a process",
        Scope::Host => "a metric of the host",
    };
    let unit = match metric.unit() {
        Unit::Count => "a count",
        Unit::Bytes => "in bytes",
        Unit::Ratio => "a share, in percent",
        Unit::PerSecond => "a rate, per second",
        Unit::CountPerMinute | Unit::BytesPerMinute | Unit::RatioPerMinute | Unit::RatePerMinute => {
            "so much more in each minute"
        }
        Unit::Seconds => "a time",
    };
    let worse = match metric.direction() {
        Direction::Up => "higher is worse",
        Direction::Down => "lower is worse",
    };
    format!("{whose}, {unit}; {worse}")
}

fn lead(metric: &Metric) -> String {
    let help = metric.info().help;
    match metric.derived {
        Some(Derived::Growth) => return format!("How fast it has grown of late and goes on growing: {help}."),
        Some(Derived::TimeLeft) => {
            return format!(
                "The time until it is at its fatal bound or at the process's own limit, whichever comes first, as it \
                 grows now: {help}."
            );
        }
        None => {}
    }
    let mut letters = help.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// Whose sockets count.
fn peer(metric: &Metric, config: Option<&Config>) -> String {
    let name = metric.info().name;
    let Some(peer) = &metric.peer else {
        let each = format!("\"{name}.PEER\" counts those of one peer of [peers] alone");
        return if metric.info().per_peer { each } else { String::new() };
    };
    let found = config.and_then(|config| config.peers.iter().find(|known| known.name == *peer));
    match (found, config) {
        (Some(found), _) => format!("only sockets of {peer}: {}", whose(found)),
        (None, Some(_)) => format!("{} is not in [peers]", printable(peer.as_bytes(), 64)),
        (None, None) => "only sockets of that peer, as [peers] has it".to_owned(),
    }
}

/// Which sockets a peer means.
fn whose(peer: &Peer) -> String {
    let port = peer.port.map_or_else(|| "any port".to_owned(), |port| format!("port {port}"));
    match peer.end {
        End::Remote => format!("connections that the process made, to {port} of the address in [peers]"),
        End::Local => format!("connections that others made to its {port}"),
    }
}

/// What is foretold, or that it can be.
fn forecast(metric: &Metric) -> String {
    let name = printable(metric.with(None).to_string().as_bytes(), 80);
    match metric.derived {
        None if metric.info().bounded => format!(
            "\"{name}.growth\" is how fast it grows, \"{name}.time_left\" the time until its fatal bound or the process's \
             own limit"
        ),
        None => String::new(),
        Some(_) => "by a robust slope over forecast_window (30m): unknown (too_short) until half of it has been seen, \
                    never where no growth goes on; a step, a full cache, the teeth of a garbage collector are none; \
                    docs/forecast.md says how sure it is"
            .to_owned(),
    }
}

/// How a bound is written.
fn threshold(metric: &Metric) -> String {
    let info = metric.info();
    if !info.bounded {
        return "it takes no bounds; it is exported and shown only".to_owned();
    }
    let bounds = match metric.unit() {
        Unit::Count if info.base.is_socket_state() => "elevated = 10, warning = 100",
        Unit::Count => "elevated = 300, warning = 600",
        Unit::Bytes => "elevated = \"900MB\", critical = \"1500MB\"",
        Unit::Ratio => "warning = \"80%\", critical = \"90%\"",
        Unit::PerSecond => "warning = \"500/s\", critical = \"5000/s\"",
        Unit::CountPerMinute => "warning = \"20/min\"",
        Unit::BytesPerMinute => "warning = \"5MiB/min\"",
        Unit::RatioPerMinute => "warning = \"1%/min\"",
        Unit::RatePerMinute => "warning = \"10/s/min\"",
        Unit::Seconds => "elevated = \"2h\", warning = \"20m\"",
    };
    let name = match (&metric.peer, metric.derived) {
        (Some(_), _) | (_, Some(_)) => format!("\"{}\"", printable(metric.to_string().as_bytes(), 80)),
        (None, None) => info.name.to_owned(),
    };
    let place =
        if info.scope == Scope::Host { " (in [host.thresholds]; a target's own goes up to elevated)" } else { "" };
    format!("{name} = {{ {bounds}, hold = \"10s\" }}{place}")
}

const NO_RIGHT: &str = "none";
const SOCKETS: &str = "the kernel's table of TCP sockets (sock_diag), attributed by cgroup and by descriptor";
const SOCKETS_RIGHT: &str = "none for a target that fills its cgroup (a unit, a container); else CAP_SYS_PTRACE and \
                             CAP_DAC_READ_SEARCH (profile deep) to see whose a socket is";

#[expect(clippy::too_many_lines, reason = "one arm a metric: the compiler names the one that is missing")]
const fn text(base: Base) -> Text {
    match base {
        Base::OpenFds => Text {
            from: "the size of /proc/PID/fd (Linux 6.2 and later; before that its entries are counted)",
            right: "none on Linux 6.2 and later; before that CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (profile deep)",
            causes: "connections, files or pipes that are opened again and again and never closed: a session for each \
                     request, a client object dropped without close(), a retry that opens anew",
            remedy: "See what they are: ls -l /proc/PID/fd. Mostly sockets: look at close_wait and established by \
                     peer. Have the program reset its pools at elevated; keep fatal below max_fds, for past it \
                     accept(), open() and the log fail with EMFILE.",
        },
        Base::MaxFds => Text {
            from: "/proc/PID/limits, Max open files (soft)",
            right: NO_RIGHT,
            causes: "LimitNOFILE= of the unit, ulimit -n, or the program itself (setrlimit)",
            remedy: "Too low for a normal day: raise LimitNOFILE= and restart. A leak reaches any limit: watch \
                     open_fds.",
        },
        Base::FdUsage => Text {
            from: "open_fds and max_fds",
            right: "as open_fds",
            causes: "as open_fds; or a limit that is too low for normal work",
            remedy: "Good where processes of one target have different limits; else write bounds on open_fds, which \
                     say what is normal.",
        },
        Base::CloseWait => Text {
            from: SOCKETS,
            right: SOCKETS_RIGHT,
            causes: "The other side has closed, the program has not: a pool that checks out and never returns, a \
                     context dropped without close(), an event loop that is blocked and does not see the end",
            remedy: "See whose they are: ss -tnp state close-wait, and close_wait.PEER. Have the program reset that \
                     pool. Nothing but the program or its end frees them. 0 to 5 is normal.",
        },
        Base::Established => Text {
            from: SOCKETS,
            right: SOCKETS_RIGHT,
            causes: "more clients than usual, a pool without an upper bound, a connection for each request",
            remedy: "Compare by peer: ss -tnp state established. Bound the pool; shed load where clients are many.",
        },
        Base::SynSent => Text {
            from: SOCKETS,
            right: SOCKETS_RIGHT,
            causes: "a peer that does not answer: down, a firewall that drops, a wrong address; and retries without a \
                     pause",
            remedy: "ss -tnp state syn-sent shows to whom. Look at the network first, at the process second.",
        },
        Base::FinWait1 => Text {
            from: SOCKETS,
            right: SOCKETS_RIGHT,
            causes: "closed here, and the peer does not even acknowledge: a broken path, a peer that reads no more",
            remedy: "Passing by itself (tcp_orphan_retries). Many of one peer: look at the path to it.",
        },
        Base::FinWait2 => Text {
            from: SOCKETS,
            right: SOCKETS_RIGHT,
            causes: "closed here, while the peer keeps its side open: its close_wait",
            remedy: "Passing by itself (tcp_fin_timeout) once the descriptor is closed. Tell whoever runs the peer.",
        },
        Base::LastAck => Text {
            from: SOCKETS,
            right: SOCKETS_RIGHT,
            causes: "closed on both sides, and the last acknowledgement does not come: a broken path",
            remedy: "Passing by itself.",
        },
        Base::Closing => Text {
            from: SOCKETS,
            right: SOCKETS_RIGHT,
            causes: "both sides closed at once",
            remedy: "Passing by itself.",
        },
        Base::Listen => Text {
            from: SOCKETS,
            right: SOCKETS_RIGHT,
            causes: "servers that the program opens",
            remedy: "A growing number is a listener opened anew at each reconnect or reload.",
        },
        Base::Sockets => Text {
            from: SOCKETS,
            right: SOCKETS_RIGHT,
            causes: "as established and close_wait together",
            remedy: "Bound the states that leak, close_wait above all; this sum hides which it is.",
        },
        Base::Rss => Text {
            from: "/proc/PID/status, VmRSS",
            right: "none, unless /proc is mounted with hidepid",
            causes: "caches without an upper bound, data frames that stay referenced, fragmentation of the heap after \
                     a peak",
            remedy: "Have the program drop its caches (a signal or http at elevated). Shared pages count for each \
                     process that holds them. It falls also when the process is swapped out: watch swap too.",
        },
        Base::Swap => Text {
            from: "/proc/PID/status, VmSwap",
            right: "none, unless /proc is mounted with hidepid",
            causes: "memory of the host that ran short, of this process or of another one; it stays out until touched",
            remedy: "A trader that is swapped out answers late. See who uses the memory (host_memory_used), set \
                     MemorySwapMax=0 or MemoryMin= in its unit.",
        },
        Base::Threads => Text {
            from: "/proc/PID/status, Threads",
            right: "none, unless /proc is mounted with hidepid",
            causes: "a pool for each client or session, threads that wait for ever for a peer that is gone",
            remedy: "top -H -p PID; py-spy dump or jstack tell what they wait for. Bound the pool.",
        },
        Base::MajorFaults => Text {
            from: "/proc/PID/stat, majflt, as the difference of two passes",
            right: "none, unless /proc is mounted with hidepid",
            causes: "pages that come back from swap, or files that are mapped and read for the first time (a start)",
            remedy: "After the start near zero. More is a process that waits for the disk: look at swap and host_swap_in.",
        },
        Base::CgroupMemory => Text {
            from: "memory.current of its cgroup (v1: memory.usage_in_bytes)",
            right: NO_RIGHT,
            causes: "its processes, and the files that they read and wrote: page cache is given back when memory is short",
            remedy: "Bound cgroup_working_set instead, which leaves out what is not needed.",
        },
        Base::CgroupWorkingSet => Text {
            from: "memory.current less inactive_file of memory.stat, of its cgroup",
            right: NO_RIGHT,
            causes: "all processes of the unit or container together, their shared memory and tmpfs included",
            remedy: "docker stats shows the same. See which process: rss. Set MemoryMax= or docker --memory as a budget.",
        },
        Base::CgroupMemoryLimit => Text {
            from: "memory.max of its cgroup and of those above; the lowest",
            right: NO_RIGHT,
            causes: "MemoryMax= of the unit or its slice, docker --memory",
            remedy: "At the limit the kernel's OOM killer ends a process of the group, not the one you would choose.",
        },
        Base::CgroupMemoryUsage => Text {
            from: "cgroup_working_set and cgroup_memory_limit",
            right: NO_RIGHT,
            causes: "as cgroup_working_set; or a limit that is too low for normal work",
            remedy: "Without a limit it is unknown: set MemoryMax= or docker --memory. Act below 90 %, before the kernel \
                     does.",
        },
        Base::CgroupSwap => Text {
            from: "memory.swap.current of its cgroup",
            right: NO_RIGHT,
            causes: "memory of the host, or memory.high of the group, that ran short; shared memory and tmpfs count too",
            remedy: "MemorySwapMax=0 keeps a trader in memory. See who uses the host's: host_memory_used.",
        },
        Base::CgroupMemoryPressure => Text {
            from: "memory.pressure of its cgroup, some avg10",
            right: "none; the kernel must have PSI on (psi=1)",
            causes: "a group near its memory.high or memory.max, or a host that swaps",
            remedy: "Above some 10 % its latency suffers. Raise the limit, or have the program drop its caches.",
        },
        Base::HostMemoryUsed => Text {
            from: "/proc/meminfo: 1 - MemAvailable / MemTotal",
            right: NO_RIGHT,
            causes: "one process that grew, or many that are each in their budget",
            remedy: "ps aux --sort=-rss. Shed load where it is cheapest: [host.ladder] names TARGET.ACTION, one after \
                     the other.",
        },
        Base::HostSwapUsed => Text {
            from: "/proc/meminfo: 1 - SwapFree / SwapTotal",
            right: NO_RIGHT,
            causes: "a time when memory was short, possibly long ago: pages stay out until they are touched",
            remedy: "Full swap alone does no harm: look at host_swap_in, which is what processes wait for.",
        },
        Base::HostSwapIn => Text {
            from: "/proc/vmstat, pswpin, in pages of 4 KiB (getconf PAGESIZE)",
            right: NO_RIGHT,
            causes: "more memory in use than there is: the host thrashes",
            remedy: "Free memory at once: processes wait for the disk. vmstat 1 shows it; ps aux --sort=-rss who.",
        },
        Base::HostSwapOut => Text {
            from: "/proc/vmstat, pswpout, in pages of 4 KiB (getconf PAGESIZE)",
            right: NO_RIGHT,
            causes: "memory runs short now; what is written out will have to come back",
            remedy: "An early sign of host_swap_in. Shed load, drop caches.",
        },
        Base::HostMemoryPressure => Text {
            from: "/proc/pressure/memory, some avg10",
            right: "none; the kernel must have PSI on (psi=1)",
            causes: "processes that wait for memory: reclaim, swap, a cgroup at its memory.max",
            remedy: "Above some 10 % latency suffers. See which cgroup: cat /sys/fs/cgroup/*/memory.pressure.",
        },
        Base::HostOpenFiles => Text {
            from: "/proc/sys/fs/file-nr, first number",
            right: NO_RIGHT,
            causes: "a leak in any process; the limit is fs.file-max",
            remedy: "At the limit every open() of every process fails with ENFILE. Find the process: tradedog once, \
                     or count /proc/*/fd.",
        },
        Base::HostTimeWait => Text {
            from: "the kernel's table of TCP sockets (sock_diag), this network namespace",
            right: NO_RIGHT,
            causes: "connections that are opened and closed fast: no keep-alive, no pool",
            remedy: "Harmless until the ports towards one peer run out (about 28000): look at host_time_wait.PEER, \
                     reuse connections.",
        },
        Base::HostEstablished => Text {
            from: "the kernel's table of TCP sockets (sock_diag), this network namespace",
            right: NO_RIGHT,
            causes: "load, or pools without an upper bound, of any process",
            remedy: "By peer: host_established.PEER. By process: ss -tnp state established.",
        },
    }
}
