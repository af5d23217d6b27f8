//! What the daemon may do, said once when it starts, and which configured measures that is too little
//! for.

use std::sync::Arc;

use nix::unistd::{Uid, User};

use super::Watch;
use crate::act::{RehearsalError, rehearse};
use crate::config::{Action, Config, Target};
use crate::kernel;
use crate::model::{Capability, Rights, printable};

/// Longest name of a user that is shown.
const NAME_CHARS: usize = 64;

impl Watch {
    /// Says which rights there are, and what is not there whatever the rights.
    pub(super) fn tell_rights(&mut self) {
        let rights = kernel::own_rights();
        self.say(format!("rights: {rights}, user {}", name(rights.uid)));
        for lack in kernel::lacks() {
            self.warn(lack.to_string());
        }
        let boot = kernel::boot_id().map_err(RehearsalError::from);
        match boot.and_then(rehearse) {
            Ok(()) => self.say("kills work: a child of its own was killed".to_owned()),
            Err(error) => self.warn(error.to_string()),
        }
    }

    /// Warns of measures that the kernel will refuse. Looks at nobody: whose the processes are is known
    /// only where the match says so.
    pub(super) fn warn_of_rights(&mut self) {
        let (rights, config) = (kernel::own_rights(), Arc::clone(&self.config));
        for sentence in shortfalls(&config, &rights, &name(rights.uid)) {
            self.warn(sentence);
        }
    }
}

fn name(uid: u32) -> String {
    let known = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    known.map_or_else(|| uid.to_string(), |user| printable(user.name.as_bytes(), NAME_CHARS))
}

/// One sentence for each capability that some measure needs and that is not there.
fn shortfalls(config: &Config, rights: &Rights, user: &str) -> Vec<String> {
    let without = |capability| {
        let names: Vec<String> = config.targets.iter().flat_map(|target| lacking(target, rights, capability)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let kill = without(Capability::Kill).map(|names| {
        format!(
            "without CAP_KILL (systemd/act.conf) only processes of user {user} can be signalled, frozen or killed: \
             {names}"
        )
    });
    let cgroup = without(Capability::DacOverride).map(|names| {
        format!("without CAP_DAC_OVERRIDE (systemd/cgroup.conf) only cgroups of user {user} can be frozen: {names}")
    });
    kill.into_iter().chain(cgroup).collect()
}

/// The actions of a target that need a capability which is not there.
fn lacking(target: &Target, rights: &Rights, capability: Capability) -> Vec<String> {
    let own = target.selector.user.as_ref().is_some_and(|user| rights.may_signal(user.uid));
    if own && capability == Capability::Kill {
        return Vec::new();
    }
    let lacks = |action: &&Action| action.measures().any(|measure| rights.missing_for(measure) == Some(capability));
    target.actions.iter().filter(lacks).map(|action| format!("{}.{}", target.name, action.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Source, parse};

    const ALL: &str = r#"
[target.own]
match = { user = "0", comm = "a" }
thresholds = { threads = { elevated = 2 } }
ladder = { elevated = ["stop"] }
actions = { stop = { freeze = { by = "signal", deadline = "1m" } } }
[target.trader]
match = { unit = "trader.service" }
thresholds = { threads = { elevated = 2 } }
ladder = { elevated = ["reset", "pause", "shed", "halt", "kill"] }
[target.trader.actions]
reset = { signal = "SIGUSR1" }
pause = { http = { post = "http://127.0.0.1:1/" }, undo = { signal = "SIGUSR2" }, scope = "process" }
shed = { http = { post = "http://127.0.0.1:1/" } }
halt = { freeze = { by = "cgroup", deadline = "1m" } }
kill = { kill = { grace = "1s" } }
"#;

    fn told(rights: &Rights) -> Vec<String> {
        let config = parse(vec![Source::new("watchdog.toml", ALL)]).unwrap_or_else(|problems| panic!("{problems}"));
        shortfalls(&config, rights, "tradedog")
    }

    #[test]
    fn what_cannot_be_done_is_named_once_a_right() {
        assert_eq!(
            told(&Rights::of(977, |_| false)),
            [
                "without CAP_KILL (systemd/act.conf) only processes of user tradedog can be signalled, frozen or \
                 killed: own.stop, trader.reset, trader.pause, trader.kill",
                "without CAP_DAC_OVERRIDE (systemd/cgroup.conf) only cgroups of user tradedog can be frozen: \
                 trader.halt",
            ]
        );
        let acting = Rights::of(977, |one| one == Capability::Kill);
        assert_eq!(told(&acting).len(), 1);
        assert!(told(&acting)[0].ends_with("trader.halt"));
        assert_eq!(told(&Rights::of(977, |_| true)), [""; 0]);
    }

    #[test]
    fn who_watches_only_his_own_needs_nothing() {
        let root = Rights::of(0, |_| false);
        assert_eq!(told(&root).len(), 1);
        assert!(!told(&root)[0].contains("own.stop") && told(&root)[0].contains("trader.kill"));
    }
}
