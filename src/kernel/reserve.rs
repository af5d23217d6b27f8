//! Descriptors kept for the moment when there are none left.
//!
//! A measure is due just when its process has eaten them up: the last look at a process, the state file and a
//! command need some, and on a host without any (ENFILE), or under our own limit (EMFILE), there would be none.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};

/// As many as an order needs: the looks at a process one after the other, the state file, a command's pipes.
const COUNT: usize = 8;

/// They are held until they are lent, and taken again when there are some.
#[derive(Debug, Default)]
pub struct Reserve {
    held: Vec<OwnedFd>,
}

impl Reserve {
    /// Takes what is missing, as far as it can be had.
    pub fn refill(&mut self) {
        while self.held.len() < COUNT {
            // One that stands for nothing, and costs a file of the host's.
            match rustix::fs::open(c"/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
                Ok(descriptor) => self.held.push(descriptor),
                Err(_) => return,
            }
        }
    }

    /// Gives them back, for whoever needs one now.
    pub fn lend(&mut self) {
        self.held.clear();
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    use super::*;

    fn can_open() -> bool {
        rustix::fs::open(c"/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).is_ok()
    }

    #[test]
    fn what_is_lent_can_be_opened_when_nothing_else_can() {
        let mut reserve = Reserve::default();
        reserve.refill();
        assert_eq!(reserve.held.len(), COUNT);
        let limit = getrlimit(Resource::Nofile);
        // Numbers are given out from the lowest: all below the highest that is open are taken, but for those of others.
        let mut others = Vec::new();
        setrlimit(Resource::Nofile, Rlimit { current: Some(128), ..limit }).unwrap();
        while let Ok(one) = rustix::fs::open(c"/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
            others.push(one);
        }
        assert!(!can_open());
        reserve.lend();
        assert!(can_open());
        reserve.refill();
        assert!(!can_open());
        drop(others);
        setrlimit(Resource::Nofile, limit).unwrap();
        assert!(can_open());
    }
}
