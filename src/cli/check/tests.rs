//! On real children: what `check` and `once` say about them.
#![expect(clippy::disallowed_methods, reason = "the tests start the children that are looked at, and wait")]

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

use crate::cli::live::Live;
use crate::cli::unit::Units;
use crate::cli::{Output, once};
use crate::config::{self, Config, Source};

/// A child that ends with its test.
struct Leaky(Child);

impl Drop for Leaky {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Leaky {
    /// A Python process that runs `script` and has `tag` among its arguments.
    fn start(tag: &str, script: &str) -> Self {
        let script = format!("import signal, time\n{script}\nprint('ready', flush=True)\ntime.sleep(600)");
        let mut command = Command::new("python3");
        command.args(["-c", &script, tag]).stdout(Stdio::piped()).stdin(Stdio::null());
        let mut child = Self(command.spawn().unwrap());
        let mut line = String::new();
        BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        child
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

/// A word that only the children of one test have among their arguments.
fn tag(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

fn config(text: &str) -> Config {
    config::parse(vec![Source::new("watchdog.toml", text)])
        .unwrap_or_else(|problems| panic!("{}", problems.render(false)))
}

fn checked(config: &Config) -> String {
    let units = Units::of(None, Vec::new());
    Output::captured(|output| super::tell((config, &Live::look(config)), &units, None, output).map(drop).unwrap())
}

fn user() -> String {
    nix::unistd::getuid().to_string()
}

fn trader(tag: &str, rest: &str) -> String {
    format!(
        "[target.trader]\nmatch = {{ cmdline = \"{tag}\", user = \"{}\" }}\n{rest}\
         [target.trader.thresholds]\nopen_fds = {{ elevated = 60, fatal = 900 }}\n\
         [target.trader.ladder]\nelevated = [\"reset_pool\"]\nfatal = [\"kill\"]\n\
         [target.trader.actions]\nreset_pool = {{ signal = \"SIGUSR1\" }}\nkill = {{ kill = {{ grace = \"1s\" }} }}\n",
        user()
    )
}

#[test]
fn all_is_well() {
    let tag = tag("well");
    let child = Leaky::start(&tag, "signal.signal(signal.SIGUSR1, lambda *_: None)");
    let told = checked(&config(&trader(&tag, "expect = { min = 1, max = 1 }\n")));
    assert!(told.contains("trader (watchdog.toml:1): 1 process matches"), "{told}");
    assert!(told.contains(&format!("pid {}", child.pid())), "{told}");
    assert!(told.contains("SIGUSR1 (reset_pool): handled\n"), "{told}");
    assert!(told.ends_with("ok: the configuration can be used\n"), "{told}");
    assert!(!told.contains('\u{1b}'), "colour although nobody looks: {told:?}");
}

#[test]
fn a_signal_without_a_handler_is_told_of_before_it_is_withheld() {
    for (script, why) in [
        ("", "has no handler for it and would die of it"),
        ("signal.signal(signal.SIGUSR1, signal.SIG_IGN)", "ignores it"),
        (
            "signal.signal(signal.SIGUSR1, print); signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])",
            "has a handler but blocks it",
        ),
    ] {
        let tag = tag("unhandled");
        let _child = Leaky::start(&tag, script);
        let told = checked(&config(&trader(&tag, "")));
        assert!(told.contains(&format!("warning: SIGUSR1 (reset_pool): the process {why}")), "{told}");
        assert!(told.ends_with("the configuration can be used, with 1 warning\n"), "{told}");
    }
}

#[test]
fn a_handler_of_a_known_program_may_mean_something_else() {
    let tag = tag("gunicorn");
    let mut command = Command::new("bash");
    command.args(["-c", "trap : USR1; echo ready; while :; do sleep 0.05; done", "gunicorn", &tag]);
    let mut child = Leaky(command.stdout(Stdio::piped()).spawn().unwrap());
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    // What it is called is handed in: bash shows the script among its first arguments.
    let arguments = b"/usr/bin/python3\0/usr/bin/gunicorn\0app:app\0";
    let config = config(&trader(&tag, ""));
    let live = Live::look(&config);
    let status = live.roster.members()[0].process.status(&mut Vec::new()).unwrap();
    let findings = super::signals::findings(&config.targets[0], &status, arguments);
    assert!(findings[0].wrong && findings[0].text.contains("gunicorn reopens its log files"), "{}", findings[0].text);
}

#[test]
fn who_is_alike_is_told_of_together_and_who_is_too_many_is_said() {
    let tag = tag("alike");
    let _children: Vec<Leaky> = (0..3).map(|_| Leaky::start(&tag, "signal.signal(signal.SIGUSR1, print)")).collect();
    let told = checked(&config(&trader(&tag, "expect = { max = 2 }\n")));
    assert_eq!(told.matches("SIGUSR1 (reset_pool): handled").count(), 1, "{told}");
    assert!(told.contains("3 processes match") && told.contains("warning: expected are any to 2"), "{told}");
}

#[test]
fn a_target_that_matches_nothing_says_where_to_look() {
    let text = "[target.a]\nmatch = { unit = \"no-such.service\" }\n\
                [target.b]\nmatch = { cgroup = \"/no/such/*\", exe = \"/no/such\", comm = \"nosuch\" }\n\
                [target.c]\nmatch = { cmdline = \"no such [a]rgument\", user = \"root\" }\n\
                [target.d]\nmatch = { pidfile = \"/run/no-such.pid\" }\n";
    let config = config(text);
    let told = checked(&config);
    for hint in [
        "systemctl status no-such.service",
        "cgroup: is there one that /no/such/* matches",
        "exe: does a process run /no/such",
        "comm: is there",
        "no such [a]rgument",
        "user: does root run one",
        "pidfile: does /run/no-such.pid hold",
    ] {
        assert!(told.contains(hint), "{hint:?} is not in\n{told}");
    }
    assert_eq!(told.matches("nothing to watch now").count(), 4, "{told}");
    let shown = Output::captured(|output| once::show(&config, false, output).unwrap());
    assert_eq!(shown.matches("no process matches").count(), 4, "{shown}");
    assert!(shown.ends_with("tradedog check says what to look at.\n"), "{shown}");
}

#[test]
fn who_is_protected_or_claimed_twice_is_out_of_reach() {
    let tag = tag("twice");
    let _child = Leaky::start(&tag, "signal.signal(signal.SIGUSR1, print)");
    let twice = trader(&tag, "") + &format!("[target.other]\nmatch = {{ cmdline = \"{tag}\" }}\n");
    let told = checked(&config(&twice));
    assert_eq!(told.matches("error: matched by another target too").count(), 2, "{told}");
    assert!(!told.contains("the configuration can be used"), "{told}");
    let init = "[target.init]\nmatch = { user = \"root\" }\n[target.init.thresholds]\nthreads = { elevated = 1000 }\n\
                [target.init.ladder]\nelevated = [\"hup\"]\n[target.init.actions]\nhup = { signal = \"SIGHUP\" }\n";
    let told = checked(&config(init));
    if nix::unistd::getuid().is_root() {
        assert!(told.contains("no measure reaches it") && told.contains("an ancestor of tradedog"), "{told}");
        assert!(told.contains("it matches tradedog itself"), "{told}");
    }
    let own = format!("pid {},", std::process::id());
    assert!(!told.contains(&own), "the command itself is nobody's member: {told}");
}

#[test]
fn once_shows_what_is_there() {
    let tag = tag("once");
    let child = Leaky::start(&tag, "held = [open('/dev/null') for _ in range(70)]");
    let fds = std::fs::read_dir(format!("/proc/{}/fd", child.pid())).unwrap().count().to_string();
    let config = config(&trader(&tag, ""));
    let shown = Output::captured(|output| once::show(&config, false, output).unwrap());
    let row: Vec<&str> = shown.lines().find(|line| line.starts_with("trader")).unwrap().split_whitespace().collect();
    assert_eq!(row[1..6], ["0", &child.pid(), "python3", "elevated", &fds], "{shown}");
    let json = Output::captured(|output| once::show(&config, true, output).unwrap());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let process = &json["targets"][0]["processes"][0];
    assert_eq!(process["readings"]["open_fds"]["value"].as_f64(), fds.parse().ok());
    assert_eq!(process["level"], "elevated");
    assert_eq!(process["pid"].to_string(), child.pid());
}

/// A file with that mode, in a folder that everybody may enter.
fn file(folder: &tempfile::TempDir, name: &str, content: &str, mode: u32) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn programs_and_tokens_are_looked_at_before_they_are_needed() {
    let folder = tempfile::tempdir().unwrap();
    let actions = |program: &str, token: &str| {
        let post = format!("http = {{ post = \"http://127.0.0.1:1/\", bearer_file = \"{token}\" }}");
        format!(
            "[target.x]\nmatch = {{ comm = \"no-such\" }}\n[target.x.thresholds]\nopen_fds = {{ elevated = 60 }}\n\
             [target.x.ladder]\nelevated = [\"pause\", \"disable\"]\n[target.x.actions]\n\
             pause = {{ command = [\"{program}\", \"on\"], undo = {{ command = [\"{program}\", \"off\"] }} }}\n\
             disable = {{ {post}, undo = {{ {post} }} }}\n"
        )
    };
    let (program, token) = (file(&folder, "ctl", "#!/bin/sh\n", 0o755), file(&folder, "token", "secret", 0o640));
    let told = checked(&config(&actions(&program, &token)));
    assert!(!told.contains("(pause)") && !told.contains("(disable)"), "{told}");

    let missing = format!("{}/missing", folder.path().display());
    let (folder_itself, empty) = (folder.path().to_str().unwrap(), file(&folder, "empty", "", 0o600));
    let (loose, open) = (file(&folder, "loose", "", 0o775), file(&folder, "open", "secret", 0o644));
    let plain = file(&folder, "plain", "", 0o600);
    for (program, token, expected) in [
        (&*missing, &*token, "command (pause): {} is not there"),
        (folder_itself, &token, "command (pause): {} is not a file"),
        (&plain, &token, "command (pause): {} may not be executed"),
        (&loose, &token, "command (pause): {} may be written by others than its owner (mode 0775)"),
        (&program, &missing, "bearer_file (disable): {} is not there"),
        (&program, &empty, "bearer_file (disable): {} is empty"),
        (&program, &open, "bearer_file (disable): {} is open to others (mode 0644)"),
    ] {
        let told = checked(&config(&actions(program, token)));
        let path = if expected.starts_with("command") { program } else { token };
        let expected = expected.replace("{}", path);
        assert_eq!(told.matches(&expected).count(), 1, "each file is told of once: {expected} in\n{told}");
        assert!(!told.contains("secret\n"), "{told}");
    }
}

#[test]
fn the_host_is_told_of_where_it_has_thresholds() {
    let tag = tag("host");
    let _child = Leaky::start(&tag, "signal.signal(signal.SIGUSR1, print)");
    let host =
        "[host.thresholds]\nhost_swap_in = { elevated = \"500/s\" }\nhost_open_files = { warning = 100000000 }\n";
    let told = checked(&config(&(host.to_owned() + &trader(&tag, ""))));
    assert!(told.contains("host: 2 thresholds, no ladder: only observed\n"), "{told}");
    assert!(!told.contains("cannot be read (overdue)"), "a rate is no trouble at the first look: {told}");
    let ladder = format!("{host}[host.ladder]\nwarning = [\"trader.reset_pool\"]\n{}", trader(&tag, ""));
    let told = checked(&config(&ladder));
    assert!(told.contains("host: 2 thresholds, 1 measure\n"), "{told}");
}

#[test]
fn the_signal_of_an_undo_is_looked_at_too() {
    let tag = tag("undo");
    let _child = Leaky::start(&tag, "signal.signal(signal.SIGUSR1, print)");
    let text = trader(&tag, "").replace("\"SIGUSR1\" }", "\"SIGUSR1\", undo = { signal = \"SIGUSR2\" } }");
    let told = checked(&config(&text));
    assert!(told.contains("SIGUSR1 (reset_pool): handled\n"), "{told}");
    assert!(told.contains("warning: SIGUSR2 (reset_pool): the process has no handler for it"), "{told}");
}

/// A cgroup v2 that ends with its test; none where the test may not make one.
struct Group(std::path::PathBuf);

impl Group {
    fn make(name: &str) -> Option<Self> {
        let mounts = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(std::path::PathBuf::from);
        let mount = mounts.into_iter().find(|mount| mount.join("cgroup.procs").exists())?;
        let path = mount.join(name);
        std::fs::create_dir(&path).ok().map(|()| Self(path))
    }

    fn add(&self, child: &Leaky) {
        std::fs::write(self.0.join("cgroup.procs"), child.pid()).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for _ in 0..200 {
            if std::fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

#[test]
fn measures_that_reach_a_whole_cgroup_are_tried_on_paper() {
    let tag = tag("cgroup");
    let Some(group) = Group::make(&tag) else { return };
    let text = trader(&tag, "")
        .replace("signal = \"SIGUSR1\"", "freeze = { by = \"cgroup\", deadline = \"1s\" }")
        .replace("grace = \"1s\"", "scope = \"cgroup\"");
    let config = config(&text);
    let (child, stranger) = (Leaky::start(&tag, ""), Leaky::start("stranger", ""));
    let told = checked(&config);
    assert!(told.contains("reset_pool: ") && !told.contains("can be frozen"), "{told}");
    group.add(&child);
    let told = checked(&config);
    assert!(told.contains(&format!("reset_pool: cgroup /{tag} can be frozen\n")), "{told}");
    assert!(told.contains(&format!("kill: cgroup /{tag} can be killed at once\n")), "{told}");
    assert!(told.ends_with("ok: the configuration can be used\n"), "{told}");
    group.add(&stranger);
    let (told, pid) = (checked(&config), stranger.pid());
    assert!(told.contains(&format!("reset_pool: its cgroup /{tag} also holds pid {pid}, no members")), "{told}");
    assert!(told.contains(&format!("kill: it would also end pid {pid}, no members")), "{told}");
}
