//! Plays a scenario on the engine of the backtest.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tradedog::config::{self, Config, Per, Source};
use tradedog::judge::{Chosen, Wish};
use tradedog::model::{Event, Inhibition, MemberKey, Metric, Moment, OutcomeKind, Reading, Reason, Scope, Value};
use tradedog::replay::{Answer, Player};

use crate::language::{Catalogue, Scenario, Subject, span};
use crate::{tell, tokens};

/// When a scenario begins: whoever is there has been for long.
const START: Moment = Moment::from_secs(1_000_000);

/// How an action, or its undo, ends from now on; none for never.
type Answers = Rc<RefCell<BTreeMap<String, Option<Answer>>>>;

struct Stage<'a> {
    catalogue: &'a Catalogue,
    scenario: &'a Scenario,
    player: Player,
    answers: Answers,
    /// By how much the wall clock was set.
    set: SignedDuration,
    events: Vec<Event>,
}

/// The lines that it tells.
pub(crate) fn play(catalogue: &Catalogue, at: usize) -> Result<Vec<String>, String> {
    let scenario = &catalogue.scenarios[at];
    let wrong = |error: String| format!("{:?}: {error}", scenario.name);
    let mut series = Vec::new();
    for (subject, text) in &scenario.series {
        series.push((subject, tokens::readings(text).map_err(wrong)?));
    }
    let mut stage = Stage::new(catalogue, scenario).map_err(wrong)?;
    let longest = series.iter().map(|(_, readings)| readings.len()).max().unwrap_or(0);
    let until = u128::max(scenario.until.as_nanos() / scenario.every.as_nanos() + 1, longest as u128);
    stage.seat(&series).map_err(wrong)?;
    let mut lines = Vec::new();
    for tick in 0..u32::try_from(until).expect("a short one") {
        let now = START + scenario.every * tick;
        stage.happen(now, true).map_err(wrong)?;
        for (subject, readings) in &series {
            if let Some(Some(value)) = readings.get(usize::try_from(tick).expect("small")) {
                stage.read(subject, *value, now).map_err(wrong)?;
            }
        }
        stage.happen(now, false).map_err(wrong)?;
        stage.tick(now);
        lines.extend(tell::lines(&stage.events, START));
        stage.events.clear();
    }
    Ok(lines)
}

fn config(catalogue: &Catalogue, name: &str) -> Result<Config, String> {
    let text = catalogue.configs.get(name).ok_or_else(|| format!("there is no configuration {name:?}"))?;
    config::parse(vec![Source::new("watchdog.toml", text)])
        .map_err(|problems| format!("its configuration:\n{problems}"))
}

impl<'a> Stage<'a> {
    fn new(catalogue: &'a Catalogue, scenario: &'a Scenario) -> Result<Self, String> {
        let config = Arc::new(config(catalogue, &scenario.config)?);
        let mut player = Player::new(config, (scenario.from, START));
        let answers = Answers::default();
        let told = Rc::clone(&answers);
        player.answer_by(move |order| {
            let undo = if order.undo { "undo " } else { "" };
            let usual = Some(Answer::at_once(OutcomeKind::Acknowledged, Reason::None));
            told.borrow().get(&format!("{undo}{}", order.action)).cloned().unwrap_or(usual)
        });
        Ok(Self { catalogue, scenario, player, answers, set: SignedDuration::ZERO, events: Vec::new() })
    }

    /// Whoever is read at the beginning is there.
    fn seat(&mut self, series: &[(&Subject, Vec<Option<Value>>)]) -> Result<(), String> {
        let started = self.scenario.age.map_or(Moment::default(), |age| START - age);
        for (subject, _) in series.iter().filter(|(_, readings)| readings.first().is_some_and(Option::is_some)) {
            let member = self.member(subject)?;
            if self.player.readings(member).is_none() {
                self.player.arrive(member, (started, START));
            }
        }
        Ok(())
    }

    fn member(&self, subject: &Subject) -> Result<MemberKey, String> {
        let targets = &self.player.config().targets;
        let at = match &subject.target {
            None => 0,
            Some(name) => targets.iter().position(|t| *t.name == **name).ok_or(format!("no target {name:?}"))?,
        };
        Ok(MemberKey { target: u16::try_from(at).expect("few"), slot: subject.slot })
    }

    fn read(&mut self, subject: &Subject, value: Value, now: Moment) -> Result<(), String> {
        let metric = Metric::try_from(subject.metric.clone())?;
        let reading = Reading { at: now, period: self.scenario.every, value };
        let member = self.member(subject)?;
        let config = Arc::clone(self.player.config());
        let mut known = false;
        let on_host = config.host.metrics.iter().position(|other| *other == metric);
        if let Some(at) = on_host.filter(|_| metric.info().scope == Scope::Host) {
            self.player.host()[at] = reading;
            known = true;
        }
        let target = config.targets.get(usize::from(member.target)).ok_or("the configuration has no target")?;
        let at = target.metrics.iter().position(|other| *other == metric);
        if let Some(at) = at {
            known = true;
            if let Some(readings) = self.player.readings(member) {
                readings[at] = reading;
            }
        }
        if target.per == Per::Group {
            self.player.sum_up(member.target);
        }
        if known { Ok(()) } else { Err(format!("{metric} is no metric of {}", target.name)) }
    }

    fn tick(&mut self, now: Moment) {
        let since = SignedDuration::try_from(now.since(START)).expect("a short one");
        self.player.tell_time(self.scenario.from + since + self.set, now, &mut self.events);
        self.player.tick(now, &mut self.events);
    }

    /// What happens at `now`: to processes before they are read, all else afterwards.
    fn happen(&mut self, now: Moment, to_processes: bool) -> Result<(), String> {
        let is_now = |at: &Duration| START + *at <= now && START + *at + self.scenario.every > now;
        let mut happenings = self.scenario.happenings.iter().filter(|(at, _)| is_now(at));
        happenings.try_for_each(|(_, what)| {
            let words: Vec<&str> = what.split_whitespace().collect();
            let of_process = matches!(words.first(), Some(&("exit" | "start")));
            if of_process == to_processes { self.carry_out(&words, now) } else { Ok(()) }
        })
    }

    fn carry_out(&mut self, words: &[&str], now: Moment) -> Result<(), String> {
        let by: Arc<str> = "alice (uid 1000)".into();
        match *words {
            ["exit", slot] => self.player.leave(MemberKey { target: 0, slot: number(slot)? }),
            ["start", slot] => self.player.arrive(MemberKey { target: 0, slot: number(slot)? }, (now, now)),
            ["restart"] => drop(self.player.restart(now, &mut self.events)),
            ["reload", name] => {
                let config = Arc::new(config(self.catalogue, name)?);
                self.player.reload(config, now, &mut self.events);
            }
            ["clock", by] => {
                let (sign, length) = by.split_at(1);
                let length = SignedDuration::try_from(span(length)?).map_err(|error| error.to_string())?;
                self.set += if sign == "-" { -length } else { length };
            }
            ["fresh", metric] => self.player.read_before_kills(&metric.to_owned().try_into()?, None),
            ["fresh", metric, value] => {
                let value = tokens::readings(value)?.first().copied().flatten();
                self.player.read_before_kills(&metric.to_owned().try_into()?, value);
            }
            ["unwritable"] => self.player.state_mut().set_remembering(false),
            ["writable"] => self.player.state_mut().set_remembering(true),
            ["inhibit", target, ref rest @ .., "for", length] => self.inhibit((target, rest), (span(length)?, now)),
            ["inhibit", target, "until", "successor"] => {
                self.inhibit((target, &[]), (tradedog::model::LONGEST_INHIBITION, now));
            }
            ["release", target, ref rest @ ..] => {
                let told = self.player.state_mut().release((Some(target), rest.first().copied()), &by, now);
                self.events.extend(told);
            }
            ["act", target, action, ref rest @ ..] => {
                let wish = Wish { target, action, whom: Chosen::All, needs: rest == ["needs"], by };
                if let Err(why) = self.player.state_mut().want_act(&wish, now) {
                    self.events.push(Event { at: now, note: tradedog::model::Note::Daemon { text: why, bad: false } });
                }
            }
            ["undo", target, action] => drop(self.player.state_mut().want_undo(Some(target), Some(action), now)),
            _ => return self.answer(words),
        }
        Ok(())
    }

    fn inhibit(&mut self, (target, action): (&str, &[&str]), (length, now): (Duration, Moment)) {
        let inhibition = Inhibition {
            target: target.into(),
            action: action.first().map(|action| (*action).into()),
            since: now,
            until: now + length,
            until_successor: length == tradedog::model::LONGEST_INHIBITION,
            by: "alice (uid 1000)".into(),
        };
        let told = self.player.state_mut().inhibit(inhibition);
        self.events.extend(told);
    }

    /// `pause fails timeout`, `undo of pause is lost`, `kill takes 5s`.
    fn answer(&mut self, words: &[&str]) -> Result<(), String> {
        let (undo, words) = match *words {
            ["undo", "of", ref rest @ ..] => ("undo ", rest),
            ref words => ("", words),
        };
        let no_answer = || format!("{:?} is nothing that happens", words.join(" "));
        let [action, what @ ..] = words else { return Err(no_answer()) };
        let at_once = |kind| Some(Answer::at_once(kind, Reason::None));
        let answer = match *what {
            ["fails", reason] => {
                let reasons = [Reason::Timeout, Reason::Refused, Reason::QueueFull];
                let reason = reasons.into_iter().find(|known| known.name() == reason).ok_or_else(no_answer)?;
                let untouched = reason != Reason::Timeout;
                Some(Answer { untouched, ..Answer::at_once(OutcomeKind::Failed, reason) })
            }
            ["is", "vetoed"] => {
                Some(Answer { untouched: true, ..Answer::at_once(OutcomeKind::Vetoed, Reason::Unhandled) })
            }
            ["is", "lost"] => None,
            ["is", "acknowledged"] => at_once(OutcomeKind::Acknowledged),
            ["is", "delivered"] => at_once(OutcomeKind::Delivered),
            ["ends", "it"] => at_once(OutcomeKind::Gone),
            ["takes", length] => {
                Some(Answer { after: span(length)?, ..Answer::at_once(OutcomeKind::Acknowledged, Reason::None) })
            }
            ["ends", "it", "after", length] => {
                Some(Answer { after: span(length)?, ..Answer::at_once(OutcomeKind::Gone, Reason::None) })
            }
            _ => return Err(no_answer()),
        };
        self.answers.borrow_mut().insert(format!("{undo}{action}"), answer);
        Ok(())
    }
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("{text:?} is not a process"))
}
