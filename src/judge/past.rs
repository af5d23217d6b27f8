//! How metrics went before the daemon ended: the windows of forecasts, and the courses that the effect of a measure
//! is told by. It is only read by what comes; where it is missing, it is seen anew.
//!
//! Bounded: beyond [`ROOM`] those go first of which nothing grows.

use std::sync::Arc;

use super::State;
use super::watched::{Coursed, Rules, Watched};
use crate::config::Target;
use crate::model::{Course, Identity, MemberMemory, Metric, Moment, PastMemory};

/// So many bytes of all pasts together are remembered, more or less: some hundred windows of half an hour.
const ROOM: usize = 128 * 1024;
/// What one series or course takes beside its values.
const BESIDE: usize = 350;

impl State {
    /// How the metrics of everybody went, as far as there is room.
    pub fn pasts(&self) -> Vec<PastMemory> {
        let mut pasts: Vec<PastMemory> = self.own_pasts().chain(self.pasts_of_nobody().cloned()).collect();
        // What grows is needed first; else everybody in the order of the seats.
        pasts.sort_by_key(|past| past.series.iter().all(|series| series.growth.is_none()));
        let mut room = ROOM;
        pasts.retain(|past| {
            let size = size_of(past);
            let fits = size <= room;
            room -= if fits { size } else { 0 };
            fits
        });
        pasts
    }

    fn own_pasts(&self) -> impl Iterator<Item = PastMemory> {
        let host = self.host.watched.past(Rules::of_host(&self.config));
        let target = |index: u16| self.config.targets.get(usize::from(index));
        let groups = self.groups.iter().filter_map(move |(index, group)| {
            let target = target(*index)?;
            let past = group.watched.past(Rules::of_target(target))?;
            Some(PastMemory { target: Some(Arc::clone(&target.name)), ..past })
        });
        let members = self.members.iter().filter_map(move |(key, member)| {
            let target = target(key.target)?;
            let past = member.watched.past(Rules::of_target(target))?;
            Some(PastMemory { target: Some(Arc::clone(&target.name)), identity: Some(member.identity), ..past })
        });
        host.into_iter().chain(groups).chain(members)
    }

    /// Of whom it was remembered, and who was not seen again yet.
    fn pasts_of_nobody(&self) -> impl Iterator<Item = &PastMemory> {
        let members = self.remembered.iter().flatten();
        let missed = move |past: &&PastMemory| {
            let same = |member: &MemberMemory| is_of(past, Some(&*member.target), Some(member.identity));
            members.clone().any(same)
        };
        self.pasts.iter().filter(missed)
    }

    /// Gives the host and the groups back how they went.
    pub(super) fn recall_all(&mut self, pasts: Arc<Vec<PastMemory>>, now: Moment) {
        let config = Arc::clone(&self.config);
        let of = |name: Option<&str>| pasts.iter().find(|past| is_of(past, name, None));
        if let Some(past) = of(None) {
            self.host.watched.recall(Rules::of_host(&config), past, now);
        }
        for (index, group) in &mut self.groups {
            let Some(target) = config.targets.get(usize::from(*index)) else { continue };
            if let Some(past) = of(Some(&*target.name)) {
                group.watched.recall(Rules::of_target(target), past, now);
            }
        }
        self.pasts = pasts;
    }

    /// Gives a member back how it went.
    pub(super) fn recall_member(&self, watched: &mut Watched, (target, identity): (&Target, Identity), now: Moment) {
        if let Some(past) = self.pasts.iter().find(|past| is_of(past, Some(&*target.name), Some(identity))) {
            watched.recall(Rules::of_target(target), past, now);
        }
    }
}

fn is_of(past: &PastMemory, target: Option<&str>, identity: Option<Identity>) -> bool {
    past.target.as_deref() == target && past.identity == identity
}

/// What it takes in the state file, more or less.
pub(super) fn size_of(past: &PastMemory) -> usize {
    let series: usize = past.series.iter().map(|series| series.buckets.length() + BESIDE).sum();
    series + past.courses.len() * BESIDE
}

impl Watched {
    /// How its metrics went; none where nothing is known of that.
    fn past(&self, rules: Rules<'_>) -> Option<PastMemory> {
        let rows = rules.forecasts.rows.iter().zip(&self.forecasts);
        let series = rows.filter_map(|(row, series)| series.memory(rules.metrics.get(row.metric)?)).collect();
        let courses = self.courses.iter().flatten().filter(|coursed| coursed.course.is_begun());
        let courses = courses.map(|coursed| (coursed.metric.clone(), coursed.course.clone())).collect();
        let past = PastMemory { target: None, identity: None, series, courses };
        (!past.series.is_empty() || !past.courses.is_empty()).then_some(past)
    }

    /// Takes up how those metrics went that are still watched so.
    fn recall(&mut self, rules: Rules<'_>, past: &PastMemory, now: Moment) {
        for (row, series) in rules.forecasts.rows.iter().zip(&mut self.forecasts) {
            let Some(metric) = rules.metrics.get(row.metric) else { continue };
            if let Some(memory) = past.series.iter().find(|memory| memory.metric == *metric) {
                series.recall(memory, now);
            }
        }
        let courses = past.courses.iter().filter(|(_, course)| course.is_of_before(now));
        let coursed = |(metric, course): &(Metric, Course)| Coursed { metric: metric.clone(), course: course.clone() };
        let courses: Vec<_> = courses.map(|one| Some(Box::new(coursed(one)))).collect();
        self.keep_courses(&courses);
    }
}
