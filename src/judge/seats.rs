//! Who is there, and what was read of them: a new identity at a seat is a new member, who is
//! missing is gone.

use std::sync::Arc;

use super::member::MemberState;
use super::watched::{Rules, Sight, Stepped, Watched};
use super::{Pass, State};
use crate::config::{Per, Target};
use crate::model::{ActionScope, Identity, MemberKey, MemberMemory, MemberSample, Note, Sample};

impl MemberState {
    /// Steps its thresholds and ladders on its readings; whether anything to be remembered has changed.
    fn read(&mut self, target: &Target, sample: &MemberSample, pass: &mut Pass<'_>) -> bool {
        let rules = Rules::of_target(target);
        let (sights, changed) = self.watched.observe(rules, &sample.readings, pass.now);
        let (key, identity) = (sample.member, self.identity);
        for Sight { metric, why } in sights {
            pass.tell(Note::Reading { target: Arc::clone(&target.name), member: key, identity, metric, why });
        }
        self.follow(target, key, pass);
        changed
    }

    /// Its ladders follow its thresholds, its rungs its ladders.
    fn follow(&mut self, target: &Target, key: MemberKey, pass: &mut Pass<'_>) {
        let identity = self.identity;
        for Stepped { ladder, from, to, cause } in self.watched.climb(Rules::of_target(target), pass.now) {
            let (target, ladder) = (Arc::clone(&target.name), Arc::clone(&target.ladders[ladder].name));
            pass.tell(Note::LevelChanged { target, member: key, identity, ladder, from, to, cause });
        }
        // Lent out and put back: a copy would be made of every member in every pass.
        let levels = std::mem::take(&mut self.watched.ladders);
        self.climb(&levels, pass);
        self.watched.ladders = levels;
    }
}

impl State {
    /// Takes in who is there.
    pub(super) fn seat(&mut self, pass: &mut Pass<'_>) {
        let sample = pass.sample;
        if self.are_seated(sample) {
            return;
        }
        self.passes += 1;
        for (at, member) in sample.members.iter().enumerate() {
            let before = self.members.get(&member.member).map(|member| member.identity);
            if before.is_some_and(|identity| identity != member.identity) {
                self.depart(member.member, pass);
            }
            self.arrive(member, pass);
            if let Some(seated) = self.members.get_mut(&member.member) {
                seated.at = at;
            }
        }
        let passes = self.passes;
        while let Some(key) = self.members.iter().find(|(_, member)| member.seen != passes).map(|(key, _)| *key) {
            self.depart(key, pass);
        }
    }

    /// Whether everybody sits where he sat, and nobody has come or gone.
    fn are_seated(&self, sample: &Sample) -> bool {
        let mut both = self.members.iter().zip(sample.members.iter().enumerate());
        self.members.len() == sample.members.len()
            && both.all(|((key, seated), (at, member))| {
                *key == member.member && seated.at == at && seated.identity == member.identity
            })
    }

    fn arrive(&mut self, sample: &MemberSample, pass: &mut Pass<'_>) {
        let passes = self.passes;
        if let Some(member) = self.members.get_mut(&sample.member) {
            member.seen = passes;
            return;
        }
        let config = Arc::clone(&self.config);
        let Some(target) = config.targets.get(usize::from(sample.member.target)) else { return };
        let memory = self.remembered.as_mut().and_then(|remembered| {
            let same = |memory: &MemberMemory| memory.target == target.name && memory.identity == sample.identity;
            remembered.iter().position(same).map(|at| remembered.swap_remove(at))
        });
        let known = memory.is_some();
        if known && let Some(group) = self.groups.get_mut(&sample.member.target) {
            group.present = true;
        }
        let mut member = match memory {
            Some(memory) => self.restore_member(&memory, sample, pass.now),
            None => MemberState::new(&config, sample, pass.now),
        };
        member.seen = passes;
        self.members.insert(sample.member, member);
        self.changed = true;
        if !known {
            self.succeed(sample, target, pass);
        }
    }

    fn depart(&mut self, key: MemberKey, pass: &mut Pass<'_>) {
        if let Some(mut member) = self.members.remove(&key) {
            member.depart(pass);
            self.changed = true;
        }
    }

    /// Steps everybody's thresholds and ladders on their readings.
    pub(super) fn read_members(&mut self, pass: &mut Pass<'_>) {
        let Self { config, members, groups, changed, .. } = self;
        let sample = pass.sample;
        for (key, member) in members {
            let Some(target) = config.targets.get(usize::from(key.target)) else { continue };
            if target.per == Per::Group {
                let group = groups.get(&key.target).filter(|group| group.present);
                let levels = group.map(|group| group.watched.ladders.as_slice()).unwrap_or_default();
                member.climb(levels, pass);
                continue;
            }
            let Some(sample) = sample.members.get(member.at).filter(|sample| sample.member == *key) else { continue };
            *changed |= member.read(target, sample, pass);
        }
    }

    /// A ladder that this member stands on was raised beside the readings: whoever stands on it follows.
    pub(super) fn climb_members(&mut self, key: MemberKey, pass: &mut Pass<'_>) {
        let Self { config, members, groups, .. } = self;
        let Some(target) = config.targets.get(usize::from(key.target)) else { return };
        if target.per == Per::Process {
            if let Some(member) = members.get_mut(&key) {
                member.follow(target, key, pass);
            }
            return;
        }
        let Some(group) = groups.get(&key.target).filter(|group| group.present) else { return };
        for (_, member) in members.range_mut(MemberKey { slot: 0, ..key }..=MemberKey::all_of(key.target)) {
            member.climb(&group.watched.ladders, pass);
        }
    }

    /// What the member's own ladders are fed by: its own thresholds, or its group's.
    pub(super) fn watched(&self, key: MemberKey) -> Option<&Watched> {
        match self.config.targets.get(usize::from(key.target))?.per {
            Per::Process => self.members.get(&key).map(|member| &member.watched),
            Per::Group => self.groups.get(&key.target).filter(|group| group.present).map(|group| &group.watched),
        }
    }

    /// The same, to change it.
    pub(super) fn watched_mut(&mut self, key: MemberKey) -> Option<&mut Watched> {
        match self.config.targets.get(usize::from(key.target))?.per {
            Per::Process => self.members.get_mut(&key).map(|member| &mut member.watched),
            Per::Group => {
                self.groups.get_mut(&key.target).filter(|group| group.present).map(|group| &mut group.watched)
            }
        }
    }

    /// The members whom a delivery of that scope for `key` serves.
    pub(super) fn served(&self, key: MemberKey, scope: ActionScope) -> impl Iterator<Item = (MemberKey, &MemberState)> {
        let (first, last) = match scope {
            ActionScope::Process => (key.slot, key.slot),
            ActionScope::Target => (0, u32::MAX),
        };
        let seat = |slot| MemberKey { target: key.target, slot };
        self.members.range(seat(first)..=seat(last)).map(|(key, member)| (*key, member))
    }

    /// The member that is this process, of whatever target.
    pub(super) fn member_of(&self, target: u16, identity: Identity) -> Option<MemberKey> {
        let mut served = self.served(MemberKey { target, slot: 0 }, ActionScope::Target);
        served.find(|(_, member)| member.identity == identity).map(|(key, _)| key)
    }

    /// The index of the target of that name.
    pub(super) fn target_named(&self, name: &str) -> Option<u16> {
        let at = self.config.targets.iter().position(|target: &Target| &*target.name == name)?;
        u16::try_from(at).ok()
    }
}
