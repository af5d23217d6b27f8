//! Units of systemd as the cgroup tree shows them. Pure.

/// The names in a cgroup path, from the root down.
pub(super) fn names(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|name| !name.is_empty())
}

/// Slices may nest, and users own what is below `user.slice`: whatever they name there is theirs.
fn leads_on(depth: usize, name: &[u8]) -> bool {
    name.ends_with(b".slice") && !(depth == 0 && name == b"user.slice")
}

/// Whether `path` is the cgroup of the system unit `unit`, or one below it.
///
/// The unit's name must stand right behind slices: below a service or scope the names are chosen by
/// whoever runs in it.
pub(super) fn in_unit(path: &[u8], unit: &[u8]) -> bool {
    for (depth, name) in names(path).enumerate() {
        if name == unit {
            return name != b"user.slice";
        }
        if !leads_on(depth, name) {
            return false;
        }
    }
    false
}

/// Whether the cgroup of a system unit may be below `path`.
pub(super) fn may_lead_to_units(path: &[u8]) -> bool {
    names(path).enumerate().all(|(depth, name)| leads_on(depth, name))
}

/// The system unit that `path` belongs to: the first name that is no slice.
pub fn unit_of(path: &[u8]) -> Option<&[u8]> {
    let (depth, unit) = names(path).enumerate().find(|(_, name)| !name.ends_with(b".slice"))?;
    let outside = names(path).take(depth).enumerate().all(|(depth, name)| leads_on(depth, name));
    outside.then_some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_its_exact_path_behind_slices() {
        for (path, is_in) in [
            ("/system.slice/trader.service", true),
            ("/system.slice/trader.service/worker/a", true),
            ("/trading.slice/trading-eu.slice/trader.service", true),
            ("/trader.service", true),
            ("/", false),
            ("/system.slice", false),
            ("/system.slice/trader.service2", false),
            ("/system.slice/xtrader.service", false),
            ("/system.slice/docker.service/trader.service", false),
            ("/system.slice/docker-0a.scope/system.slice/trader.service", false),
            ("/user.slice/trader.service", false),
            ("/user.slice/user-1000.slice/user@1000.service/app.slice/trader.service", false),
            ("/user.slice/user-1000.slice/trader.service", false),
            ("/../trader.service", false),
            ("/system.slice/trader.service (deleted)", false),
        ] {
            assert_eq!(in_unit(path.as_bytes(), b"trader.service"), is_in, "{path}");
        }
        assert!(!in_unit(b"/user.slice/user-0.slice/session-1.scope", b"user.slice"));
        assert!(in_unit(b"/trading.slice/a.service", b"trading.slice"));
    }

    #[test]
    fn the_unit_of_a_path_is_a_system_unit_or_none() {
        assert_eq!(unit_of(b"/system.slice/ssh.service/x"), Some(&b"ssh.service"[..]));
        assert_eq!(unit_of(b"/init.scope"), Some(&b"init.scope"[..]));
        assert_eq!(unit_of(b"/user.slice/user-0.slice/session-1.scope"), None);
        assert_eq!(unit_of(b"/system.slice"), None);
        assert_eq!(unit_of(b"/"), None);
    }
}
