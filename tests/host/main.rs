//! The service on a real systemd: Debian in a container of systemd-nspawn, the tarball installed as an
//! operator would, a trader that leaks. One boot, one case after the other; what is seen is printed.
//!
//! It needs root, systemd-nspawn and the tree that `tests/run` makes with debootstrap; without them it
//! says that it is skipped. Nothing of it touches the host: the container has its own network, its
//! files are an overlay in memory, and it is taken down however the test ends.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test starts programs, waits, prints, and fails by panicking"
)]

mod container;
mod first_day;
mod frozen;
mod guest;
mod incidents;
mod install;
mod profiles;
mod service;

use container::Container;
use guest::Guest;

#[test]
fn the_service_on_a_real_systemd() {
    let Some(tree) = container::tree() else { return };
    let tarball = install::tarball();
    let guest = Guest::new(Container::boot(&tree, &tarball));
    install::as_an_operator_would(&guest, &tarball);
    first_day::with_init_check_and_run(&guest);
    service::is_started_only_when_ready(&guest);
    service::signals_and_kills(&guest);
    incidents::have_the_last_words_of_the_unit(&guest);
    service::reloads(&guest);
    service::is_killed_when_its_loop_is_stuck(&guest);
    service::lives_on_with_a_long_interval(&guest);
    frozen::over_a_restart(&guest);
    frozen::over_a_crash(&guest);
    frozen::at_a_stop(&guest);
    frozen::when_nobody_comes_after_a_crash(&guest);
    profiles::each_does_what_the_table_says(&guest);
    profiles::the_group_may_ask(&guest);
    install::away_again(&guest);
    guest.heading("done");
}
