//! A real process that does as it is told, and a sampler that watches it.
#![expect(clippy::disallowed_methods, reason = "tests start their own processes and wait for them")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tradedog::config::{self, Config, Per};
use tradedog::discover::{Facts, Member};
use tradedog::kernel::{self, Process};
use tradedog::model::{METRICS, MemberKey, Metric, Moment, Pid, Sample, Scope, Value};
use tradedog::sample::Sampler;

const SCRIPT: &str = r#"
import ctypes, fcntl, os, socket, struct, sys, time
parent = os.getpid()
files, socks, listening = [], [], []
def run(words):
    if words[0] == "files":
        while len(files) < int(words[1]): files.append(open("/dev/null"))
        while len(files) > int(words[1]): files.pop().close()
    elif words[0] == "connect":
        for _ in range(int(words[3])): socks.append(socket.create_connection((words[1], int(words[2]))))
    elif words[0] == "connect6":   # an IPv6 socket that speaks to an IPv4 address
        for _ in range(int(words[3])):
            s = socket.socket(socket.AF_INET6); s.connect(("::ffff:" + words[1], int(words[2]))); socks.append(s)
    elif words[0] == "listen":
        six = ":" in words[1]
        s = socket.create_server((words[1], 0), family=socket.AF_INET6 if six else socket.AF_INET, backlog=512, dualstack_ipv6=six)
        listening.append(s); return s.getsockname()[1]
    elif words[0] == "accept":
        for _ in range(int(words[1])): socks.append(listening[-1].accept()[0])
    elif words[0] == "up":         # the loopback of a new network namespace
        with socket.socket() as s: fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x41))
    elif words[0] == "leave":      # into a network namespace of its own; CLONE_NEWNET
        assert ctypes.CDLL(None, use_errno=True).unshare(0x40000000) == 0; run(["up"])
    elif words[0] == "become":     # another user, whose descriptors only a right lets others see
        os.setgroups([]); os.setgid(int(words[1])); os.setuid(int(words[1]))
    elif words[0] == "leak":       # connections to itself whose other end is closed
        s = socket.create_server((words[1], 0), family=socket.AF_INET6 if ":" in words[1] else socket.AF_INET, backlog=512); listening.append(s)
        for _ in range(int(words[2])):
            socks.append(socket.create_connection(s.getsockname()[:2])); s.accept()[0].close()
        return s.getsockname()[1]
    elif words[0] == "queue":      # connections that nobody accepts, and whose other end is closed
        s = socket.create_server((words[1], 0), backlog=512); listening.append(s)
        for _ in range(int(words[2])): socket.create_connection(s.getsockname()).close()
    elif words[0] == "dup":
        socks.append(socks[-1].dup())
    elif words[0] == "close":
        for _ in range(int(words[1])): socks.pop().close()
    elif words[0] == "fork":
        child = os.fork()
        if child == 0:
            while os.getppid() == parent: time.sleep(0.1)
            os._exit(0)
        return child
    return 0
print("ready", flush=True)
for line in sys.stdin: print(run(line.split()), flush=True)
"#;

/// The process; it ends with the test.
pub(crate) struct Watched {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Watched {
    pub(crate) fn start() -> Self {
        Self::start_by(Command::new("python3"))
    }

    /// Started by `command`, which is given the arguments of python.
    pub(crate) fn start_by(mut command: Command) -> Self {
        let command = command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3 is what these tests are done with: install it");
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut watched = Self { child, input, output };
        assert_eq!(watched.answer(), "ready");
        watched
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// Tells it a line of the script and returns its answer.
    pub(crate) fn tell(&mut self, line: &str) -> i32 {
        writeln!(self.input, "{line}").unwrap();
        self.answer().parse().unwrap_or_else(|_| panic!("{line}: the process did not answer"))
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().try_into().unwrap()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// One that asks for every state of sockets, in each pass.
pub(crate) fn config(text: &str) -> Arc<Config> {
    let asking = "[target.trader.thresholds]\nestablished = { expected = 1000000 }\n";
    let text = format!("{text}\n[target.trader]\nmatch = {{ comm = 'python3' }}\n{asking}");
    let mut config = config::parse(vec![config::Source::new("watchdog.toml", &text)]).unwrap();
    // Shorter than an operator may have it: the tests look as fast as they can.
    config.daemon.interval = Duration::from_millis(50);
    config.daemon.sockets_interval = config.daemon.interval;
    Arc::new(config)
}

/// As [`config`], with the processes judged together, and each metric of the host asked for, with
/// each peer.
pub(crate) fn config_of_group(text: &str) -> Arc<Config> {
    let mut config = (*config(text)).clone();
    config.targets[0].per = Per::Group;
    let rows = METRICS.iter().filter(|row| row.scope == Scope::Host);
    config.host.metrics = rows.clone().map(|row| Metric::plain(row.base)).collect();
    for row in rows.filter(|row| row.per_peer) {
        let peers = config.peers.iter();
        config.host.metrics.extend(peers.map(|peer| Metric::of(row.base, Some(Arc::clone(&peer.name)))));
    }
    Arc::new(config)
}

pub(crate) fn member(slot: u32, pid: i32) -> Member {
    let process = Process::open(kernel::boot_id().unwrap(), Pid::new(pid).unwrap()).unwrap();
    let mut buffer = Vec::new();
    let facts = Facts { uids: process.status(&mut buffer).unwrap().uids, ..Facts::default() };
    let key = MemberKey { target: 0, slot };
    Member { key, process: Arc::new(process), facts, first_seen: kernel::now() }
}

/// The sampler with the members it watches.
pub(crate) struct Eye {
    pub(crate) config: Arc<Config>,
    pub(crate) sampler: Sampler,
    pub(crate) members: Vec<Member>,
}

impl Eye {
    pub(crate) fn on(config: Arc<Config>, pids: &[i32]) -> Self {
        let members = (0..).zip(pids).map(|(slot, &pid)| member(slot, pid)).collect();
        Self { sampler: Sampler::new(Arc::clone(&config)), config, members }
    }

    pub(crate) fn look(&mut self) -> &Sample {
        self.sampler.sample(self.members.iter(), kernel::now())
    }

    pub(crate) fn look_at(&mut self, now: Moment) -> &Sample {
        self.sampler.sample(self.members.iter(), now)
    }

    /// The index of a metric by its name.
    pub(crate) fn metric(&self, name: &str) -> usize {
        let metrics = &self.config.targets[0].metrics;
        metrics.iter().position(|metric| metric.to_string() == name).unwrap_or_else(|| panic!("no metric {name}"))
    }

    /// The metric of the member at `index` in a new pass.
    pub(crate) fn value(&mut self, name: &str, index: usize) -> Value {
        let at = self.metric(name);
        self.look().members[index].readings[at].value
    }

    pub(crate) fn number(&mut self, name: &str, index: usize) -> f64 {
        match self.value(name, index) {
            Value::Known(number) => number,
            other @ (Value::AtLeast(_) | Value::Unknown(_)) => panic!("{name} of member {index} is {other:?}"),
        }
    }

    /// The metric of all members together in a new pass.
    pub(crate) fn together(&mut self, name: &str) -> Value {
        let at = self.metric(name);
        self.look().groups[0].readings[at].value
    }

    /// The same, read anew.
    pub(crate) fn together_anew(&mut self, name: &str) -> Value {
        let at = self.metric(name);
        let members: Vec<_> = self.members.iter().collect();
        self.sampler.fresh_group(&members, at, kernel::now()).value
    }

    /// The metric of the host in a new pass, and read anew.
    pub(crate) fn of_host(&mut self, name: &str) -> [Value; 2] {
        let metrics = &self.config.host.metrics;
        let at = metrics.iter().position(|metric| metric.to_string() == name).unwrap();
        let seen = self.look().host[at].value;
        [seen, self.sampler.fresh_host(at, kernel::now()).value]
    }

    /// The metric read anew, as before a kill.
    pub(crate) fn fresh(&mut self, name: &str, index: usize) -> Value {
        let at = self.metric(name);
        self.sampler.fresh(&self.members[index], at, kernel::now()).value
    }
}

/// Waits for `condition`, which the kernel brings about in its own time.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < end, "it never came about that {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Says on the terminal that a test could not be done here.
#[expect(clippy::disallowed_macros, reason = "a test that is skipped says so")]
pub(crate) fn skip(why: &str) {
    eprintln!("SKIPPED: {why}");
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The output of a program; none if this machine has no such program.
pub(crate) fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
