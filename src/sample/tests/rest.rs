//! A bound that is reached is judged before the sockets of all are listed.

use super::*;

fn sampler() -> Sampler {
    let text = "[target.trader]\nmatch = { comm = 'python3' }\n[target.trader.thresholds]\n\
                open_fds = { elevated = 20 }\nclose_wait = { elevated = 20 }\n";
    let config = config::parse(vec![config::Source::new("watchdog.toml", text)]).unwrap();
    let wake: names::Wake = Arc::new(|| ());
    Sampler::new(Arc::new(config)).detached(&wake)
}

/// Opens a file for each line that it reads, and says so.
struct Opener(Child);

impl Opener {
    fn new() -> Self {
        let program = "import sys\nkept = []\nprint('ready', flush=True)\n\
                       for line in sys.stdin:\n  kept += [open('/dev/null') for _ in range(int(line))]\n  print('done', flush=True)";
        #[expect(clippy::disallowed_methods, reason = "the test starts its own process")]
        let mut command = Command::new("python3");
        let child = command.args(["-c", program]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut opener = Self(child);
        opener.hear();
        opener
    }

    fn hear(&mut self) {
        let mut byte = [0];
        while byte != [b'\n'] {
            std::io::Read::read_exact(self.0.stdout.as_mut().unwrap(), &mut byte).unwrap();
        }
    }

    fn open(&mut self, files: usize) {
        let input = self.0.stdin.as_mut().unwrap();
        std::io::Write::write_all(input, format!("{files}\n").as_bytes()).unwrap();
        self.hear();
    }

    fn member(&self) -> Member {
        let pid = Pid::new(i32::try_from(self.0.id()).unwrap()).unwrap();
        member(0, Process::open(kernel::boot_id().unwrap(), pid).unwrap())
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// When descriptors and sockets were last read.
fn read_at(sampler: &Sampler) -> (Moment, Moment) {
    let metrics = &sampler.config.targets[0].metrics;
    let at = |base| {
        let index = metrics.iter().position(|metric| *metric == Metric::plain(base)).unwrap();
        sampler.latest().members[0].readings[index].at
    };
    (at(Base::OpenFds), at(Base::CloseWait))
}

#[test]
fn the_list_of_sockets_waits_for_the_next_tick_when_a_bound_is_reached() {
    let mut opener = Opener::new();
    let member = opener.member();
    let mut sampler = sampler();
    let start = kernel::now();
    let tick = |number: u32| start + SECOND * number;
    sampler.sample([&member].into_iter(), tick(0));
    assert_eq!(read_at(&sampler), (tick(0), tick(0)), "a newcomer is read at once");
    opener.open(30);
    sampler.sample([&member].into_iter(), tick(1));
    assert_eq!(read_at(&sampler), (tick(1), tick(0)), "its sockets are not news");
    assert_eq!(sampler.near(), Some(tick(1)), "and are read now");
    let later = tick(1) + Duration::from_millis(1);
    sampler.sample_near([&member].into_iter(), later);
    assert_eq!(read_at(&sampler), (tick(1), later));
    sampler.sample([&member].into_iter(), tick(2));
    assert_eq!(read_at(&sampler), (tick(2), tick(2)), "to stay beyond it is no news");
}

#[test]
fn what_was_left_is_not_left_a_second_time() {
    let mut opener = Opener::new();
    let member = opener.member();
    let mut sampler = sampler();
    let start = kernel::now();
    sampler.sample([&member].into_iter(), start);
    opener.open(30);
    sampler.sample([&member].into_iter(), start + SECOND);
    // The loop was so late that the next pass is due already.
    sampler.sample([&member].into_iter(), start + SECOND * 2);
    assert_eq!(read_at(&sampler), (start + SECOND * 2, start + SECOND * 2));
}
