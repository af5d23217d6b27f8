//! Containers in `check`: why one matches nothing, what a match by one proves, and members that only
//! stand before a container.

use super::signals::Finding;
use crate::config::{Container, Selector, Target};
use crate::discover::Member;
use crate::kernel::{Proc, own_pid};
use crate::model::{Measure, Pid, Signal};

/// Where to look when no process is in the container.
pub(super) fn absent(container: &Container) -> String {
    match container {
        Container::Id(id) => format!("container: is it running (docker ps, podman ps, crictl ps)? {id}"),
        Container::Name(name) => format!(
            "container: does machinectl or lxc-ls list it? {name}. Docker, Podman and Kubernetes write only the id into \
             the cgroup path: match by id, by cidfile, or by the unit or slice that it runs in."
        ),
    }
}

/// Why somebody could imitate what the target matches by, where only the host can tell; none where
/// the configuration alone tells it already.
pub(super) const fn why_imitable(selector: &Selector) -> Option<&'static str> {
    if selector.pidfile.is_some() {
        return Some("others than root may write the pidfile or a folder above it");
    }
    if selector.cidfile.is_some() {
        return Some(
            "others than root may write the cidfile or a folder above it, or the container runs below the service or \
             session of a user; add user or unit to `match`",
        );
    }
    if selector.container.is_some() {
        return Some(
            "the container runs below user.slice or a service, where others than root may make such a group, or the \
             digits of its id mean several; add user or unit to `match`",
        );
    }
    None
}

/// Programs that talk to what runs containers, and by which of their words they stay for as long as
/// the container does.
const CLIENTS: [(&[&str], &[&str], &str); 4] = [
    (&["docker", "podman", "nerdctl"], &["run", "exec", "start", "attach", "compose", "logs", "wait"], CIDFILE),
    (&["docker-compose", "podman-compose"], &["up", "run", "exec", "start", "logs"], CIDFILE),
    (&["kubectl", "oc", "k3s", "crictl"], &["exec", "run", "attach", "logs", "port-forward"], ON_ITS_HOST),
    (&["ctr", "lxc", "incus", "lxc-attach", "machinectl"], &["run", "exec", "attach", "start", "shell"], BY_NAME),
];
/// Programs that stand beside a container and look after it.
const MONITORS: [(&str, &str); 5] = [
    ("conmon", CIDFILE),
    ("containerd-shim", CIDFILE),
    ("docker-proxy", CIDFILE),
    ("systemd-nspawn", BY_NAME),
    ("lxc-start", BY_NAME),
];

const CIDFILE: &str = "match = { container = \"ID\" }, or { cidfile = ... } with its option --cidfile";
const BY_NAME: &str = "match = { container = \"NAME\" }";
const ON_ITS_HOST: &str = "match = { container = \"ID\" } on the host that it runs on";

/// What is to be known of a member with these arguments that has to do with containers.
pub(super) fn findings(target: &Target, member: &Member, arguments: &[u8]) -> Vec<Finding> {
    let wrong = |text: String| Finding { text, wrong: true };
    let pid = member.process.identity().pid;
    let outer = target.selector.pidfile.is_some() && pid == Pid::INIT;
    let outer = outer.then(|| wrong(format!("the pidfile names pid 1 of this host: {INNER}")));
    let client = client(arguments).map(wrong);
    let lost = lost_sigterm(target, member).map(|text| Finding { text, wrong: false });
    let net = other_net(member).map(|text| Finding { text, wrong: false });
    outer.into_iter().chain(client).chain(lost).chain(net).collect()
}

/// Why a pidfile from within a container names nobody, or somebody else.
pub(super) const INNER: &str = "one that was written inside a container holds the number that the process has in there; \
                                match by container or cidfile instead";

/// The process is not what leaks: that is in the container.
fn client(arguments: &[u8]) -> Option<String> {
    let words: Vec<&str> =
        arguments.split(|byte| *byte == 0).map_while(|word| std::str::from_utf8(word).ok()).collect();
    let base = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    // `sudo -u trader docker run`, `python3 /usr/bin/docker-compose up`.
    let names = words.iter().map(|word| base(word)).enumerate().take(4);
    for (at, name) in names {
        let monitor = MONITORS.iter().find(|(monitor, _)| name == *monitor || (at == 0 && is_variant(&name, monitor)));
        if let Some((monitor, remedy)) = monitor.filter(|_| at == 0) {
            return Some(sentence(monitor, remedy));
        }
        let Some((_, verbs, remedy)) = CLIENTS.iter().find(|(clients, ..)| clients.contains(&name.as_str())) else {
            continue;
        };
        let verb = words.iter().skip(at + 1).find(|word| verbs.contains(*word))?;
        return Some(sentence(&format!("{name} {verb}"), remedy));
    }
    None
}

/// `containerd-shim-runc-v2` is a `containerd-shim`.
fn is_variant(name: &str, monitor: &str) -> bool {
    name.strip_prefix(monitor).is_some_and(|rest| rest.starts_with('-'))
}

fn sentence(what: &str, remedy: &str) -> String {
    format!("it is only `{what}`: the container's processes are others, and what they leak shows there; {remedy}")
}

/// The kernel drops signals for the first process of a pid namespace that has no handler for them
/// (pid_namespaces(7)).
fn lost_sigterm(target: &Target, member: &Member) -> Option<String> {
    let mut buffer = Vec::new();
    let first = member.process.entry().inner_pid(&mut buffer).ok()? == Some(Pid::INIT);
    let status = member.process.status(&mut buffer).ok().filter(|_| first)?;
    let term = Signal::new(libc::SIGTERM)?;
    let kill = target.actions.iter().find(|action| action.measures().any(Measure::is_kill))?;
    (!status.handles(term)).then(|| {
        format!(
            "pid 1 of its container, without a handler for SIGTERM: the kernel drops that, so {} ends it by SIGKILL after \
             its grace; docker run --init gives it a pid 1 that passes it on",
            kill.name
        )
    })
}

fn other_net(member: &Member) -> Option<String> {
    let ours = Proc::live().and_then(|proc| proc.entry(own_pid())?.net_namespace()).ok()?;
    let other = member.process.entry().net_namespace().ok()? != ours;
    other.then(|| "in a network namespace of its own: its sockets are read every 10 s".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(arguments: &[&str]) -> Option<String> {
        client(arguments.join("\0").as_bytes())
    }

    #[test]
    fn who_only_stands_before_a_container_is_told_from_who_is_in_it() {
        for (arguments, what) in [
            (&["docker", "run", "--rm", "trader:1.2"][..], "`docker run`"),
            (&["/usr/bin/docker", "--host", "unix:///run/docker.sock", "exec", "-it", "trader", "sh"], "`docker exec`"),
            (&["sudo", "-n", "docker", "compose", "up"], "`docker compose`"),
            (&["/usr/bin/python3", "/usr/local/bin/docker-compose", "up"], "`docker-compose up`"),
            (&["podman", "run", "--cgroups=split", "trader"], "`podman run`"),
            (&["kubectl", "-n", "trading", "exec", "trader-0", "--", "python", "trader.py"], "`kubectl exec`"),
            (&["/usr/bin/containerd-shim-runc-v2", "-namespace", "moby", "-id", "4f2c"], "`containerd-shim`"),
            (&["/usr/bin/conmon", "--api-version", "1"], "`conmon`"),
            (&["systemd-nspawn", "-D", "/srv/trader"], "`systemd-nspawn`"),
        ] {
            let told = told(arguments).unwrap_or_else(|| panic!("nothing of {arguments:?}"));
            assert!(told.contains(what) && told.contains("match = { container"), "{told}");
        }
        for arguments in [
            &["python3", "trader.py"][..],
            &["/opt/docker/trader", "run"],
            &["python3", "-m", "trader", "--venue", "docker", "run"],
            &["docker", "ps"],
            &["dockerd", "--host", "fd://"],
            &["sh", "-c", "exec trader", "conmon"],
            &[""],
        ] {
            assert_eq!(told(arguments), None, "{arguments:?}");
        }
        assert_eq!(client(b"docker\0\xff\xfe\0run"), None);
    }
}
