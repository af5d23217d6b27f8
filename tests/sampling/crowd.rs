//! A hundred processes with a thousand sockets in CLOSE_WAIT, against what `ss` shows of them.
#![expect(clippy::disallowed_methods, reason = "the test starts its own processes")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::watched::{Eye, config as config_of_all, member, output_of, skip, until};
use tradedog::config::{self, Config};
use tradedog::kernel;
use tradedog::model::{Moment, Sample, Value};

/// Makes children on demand and says their pids once they hold what they are to hold.
const SCRIPT: &str = r#"
import os, signal, socket, sys
def connect(host, port, count):
    def one():
        if host != "mapped": return socket.create_connection((host, port))
        s = socket.socket(socket.AF_INET6); s.connect(("::ffff:127.0.0.1", port)); return s
    return [one() for _ in range(count)]
def queue(count):          # connections that nobody ever accepts, and whose other end is closed
    s = socket.create_server(("127.0.0.1", 0), backlog=512)
    for _ in range(count): socket.create_connection(s.getsockname()).close()
    return s
def child(words, ready):
    kind, count = words[0], int(words[-1])
    held = [queue(count)] if kind == "queue" else connect(words[1], int(words[2]), count)
    pids = [os.getpid()]
    if kind == "share":    # two more hold the same; the last one holds half of it
        for half in (False, True):
            again, done = os.pipe()
            pids.append(os.fork())
            if pids[-1] == 0:
                if half: [s.close() for s in held[: count // 2]]
                os.write(done, b"x"); os.close(ready); signal.pause()
            os.read(again, 1)
    os.write(ready, " ".join(map(str, pids)).encode()); os.close(ready)
    signal.pause()
for line in sys.stdin:
    words = line.split()
    if words[0] == "end":
        os.kill(int(words[1]), 9); os.waitpid(int(words[1]), 0); print("ended", flush=True); continue
    pids = []
    for _ in range(int(words[0])):
        told, ready = os.pipe()
        if os.fork() == 0:
            os.setpgid(0, int(sys.argv[1])); os.close(told); child(words[1:], ready)
        os.close(ready)
        with os.fdopen(told) as told: pids.append(told.read())
    print(" ".join(pids), flush=True)
os.killpg(int(sys.argv[1]), 9)
"#;

/// The mother of the children; they end with the test.
struct Nursery {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Who leads the group of processes that the children are in.
    leader: Child,
}

impl Nursery {
    fn start() -> Self {
        use std::os::unix::process::CommandExt as _;
        let leader = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let mut command = Command::new("python3");
        command.args(["-c", SCRIPT, &leader.id().to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3 is what these tests are done with: install it");
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output, leader }
    }

    fn tell(&mut self, line: &str) -> String {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        answer
    }

    /// The pids of as many new children as the line says, and of those that share with them.
    fn bear(&mut self, line: &str) -> Vec<i32> {
        self.tell(line).split_whitespace().map(|pid| pid.parse().unwrap()).collect()
    }

    fn end(&mut self, pid: i32) {
        assert_eq!(self.tell(&format!("end {pid}")), "ended\n");
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        // At the end of its input it ends all that are in the group.
        self.input = None;
        self.child.wait().unwrap();
        self.leader.wait().unwrap();
    }
}

/// Takes every connection and closes it at once. The thread ends with the test's process.
fn closing_server(address: &str) -> u16 {
    let listener = TcpListener::bind(address).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    port
}

/// For each pid and port of the other side the sockets in CLOSE_WAIT that `ss` shows; under port 0 all of
/// a pid.
type Shown = BTreeMap<(i32, u16), f64>;

fn by_ss() -> Option<Shown> {
    let listing = output_of("ss", &["-tanpeH", "state", "close-wait"])?;
    let mut shown = Shown::new();
    for line in listing.lines() {
        let mut words = line.split_whitespace();
        let peer: u16 = words.nth(3).unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
        let mut pids: Vec<i32> =
            line.split("pid=").skip(1).map(|rest| rest.split(',').next().unwrap().parse().unwrap()).collect();
        pids.dedup();
        for pid in pids {
            *shown.entry((pid, peer)).or_default() += 1.0;
            *shown.entry((pid, 0)).or_default() += 1.0;
        }
    }
    Some(shown)
}

/// What the sampler says, in the same shape.
fn seen(eye: &Eye, sample: &Sample, ports: &[(&str, u16)]) -> Shown {
    let mut seen = Shown::new();
    for row in &sample.members {
        for &(name, port) in ports {
            let value = row.readings[eye.metric(name)].value;
            let number = value.number().unwrap_or_else(|| panic!("{name} of {}: {value:?}", row.identity.pid));
            if number > 0.0 {
                seen.insert((row.identity.pid.get(), port), number);
            }
        }
    }
    seen
}

/// Seen by one who lists them alone and by one who lists all states.
struct Case {
    eyes: [Eye; 2],
    now: Moment,
    ports: Vec<(&'static str, u16)>,
}

impl Case {
    /// All members have in CLOSE_WAIT what `ss` shows, with each peer, and that many together.
    fn agrees(&mut self, wanted: u32) {
        let Self { eyes, ports, now } = self;
        for eye in eyes {
            let mut found = Shown::new();
            until(&format!("there are {wanted} in CLOSE_WAIT"), || {
                let sample = look(eye, now).clone();
                found = seen(eye, &sample, ports);
                found.iter().filter(|(of, _)| of.1 == 0).map(|(_, count)| count).sum::<f64>() == f64::from(wanted)
            });
            let Some(mut shown) = by_ss() else { return skip("no ss (package iproute2) to compare with") };
            let pids: Vec<i32> = eye.members.iter().map(|member| member.process.identity().pid.get()).collect();
            shown.retain(|(pid, port), _| pids.contains(pid) && ports.iter().any(|(_, known)| known == port));
            assert_eq!(found, shown);
            // The next pass knows it all.
            let sample = look(eye, now).clone();
            assert_eq!(seen(eye, &sample, ports), shown);
        }
    }

    /// What each eye says of each member.
    fn values(&mut self) -> Vec<Value> {
        let Self { eyes, now, .. } = self;
        let values = |eye: &mut Eye| {
            let at = eye.metric("close_wait");
            look(eye, now).members.iter().map(|row| row.readings[at].value).collect::<Vec<_>>()
        };
        eyes.iter_mut().flat_map(values).collect()
    }

    fn follow(&mut self, pids: &[i32]) {
        for eye in &mut self.eyes {
            eye.members = (0..).zip(pids).map(|(slot, &pid)| member(slot, pid)).collect();
        }
    }
}

#[test]
fn a_thousand_of_a_hundred_processes_are_those_that_ss_shows() {
    let (four, six) = (closing_server("127.0.0.1:0"), closing_server("[::1]:0"));
    let mut nursery = Nursery::start();
    let mut pids = nursery.bear(&format!("40 own 127.0.0.1 {four} 10"));
    pids.extend(nursery.bear(&format!("20 own ::1 {six} 10")));
    pids.extend(nursery.bear(&format!("10 own mapped {four} 10")));
    pids.extend(nursery.bear(&format!("10 share 127.0.0.1 {four} 12")));
    assert_eq!(pids.len(), 100);
    let peers = format!("[peers]\nfour = '127.0.0.1:{four}'\nsix = '[::1]:{six}'");
    let ports = vec![("close_wait", 0), ("close_wait.four", four), ("close_wait.six", six)];
    let eyes = [close_wait_alone(&peers), all_states(&peers)].map(|config| Eye::on(config, &pids));
    let mut case = Case { eyes, now: kernel::now(), ports };
    // Those that are shared count for each who holds them.
    case.agrees(700 + 10 * (12 + 12 + 6));
    assert!(case.values().iter().all(|value| matches!(value, Value::Known(_))));

    // A third of them end, and others take their place; one of three that share goes too.
    for pid in pids.drain(..30) {
        nursery.end(pid);
    }
    let parent = pids[40];
    nursery.end(parent);
    pids.remove(40);
    case.follow(&pids);
    case.agrees(400 + 10 * 30 - 12);
    pids.extend(nursery.bear(&format!("20 own ::1 {six} 15")));
    pids.extend(nursery.bear(&format!("11 own 127.0.0.1 {four} 10")));
    case.follow(&pids);
    assert_eq!(pids.len(), 100);
    case.agrees(400 + 10 * 30 - 12 + 300 + 110);

    // What nobody has accepted is nobody's, and whoever listens for it may come to have it.
    let queues = nursery.bear("3 queue 40");
    pids.extend(&queues);
    case.follow(&pids);
    case.agrees(400 + 10 * 30 - 12 + 300 + 110);
    let values = case.values();
    for of_eye in values.chunks(103) {
        assert_eq!(of_eye[100..], [Value::AtLeast(0.0); 3]);
    }
    for eye in &case.eyes {
        let unclear = eye.sampler.unattributed().find(|(base, _)| base.info().name == "close_wait").unwrap().1;
        assert!(unclear >= 120, "{unclear}");
    }
}

/// The next pass, one in which every list is due.
fn look<'e>(eye: &'e mut Eye, now: &mut Moment) -> &'e Sample {
    *now = *now + Duration::from_secs(10);
    eye.look_at(*now)
}

fn all_states(peers: &str) -> Arc<Config> {
    let interval = Duration::from_secs(1);
    let mut config = (*config_of_all(peers)).clone();
    (config.daemon.interval, config.daemon.sockets_interval) = (interval, interval);
    Arc::new(config)
}

fn close_wait_alone(peers: &str) -> Arc<Config> {
    let text = format!(
        "{peers}\n[target.trader]\nmatch = {{ comm = 'python3' }}\n[target.trader.thresholds]\nclose_wait = {{ expected = 1 }}\n"
    );
    Arc::new(config::parse(vec![config::Source::new("watchdog.toml", &text)]).unwrap())
}
