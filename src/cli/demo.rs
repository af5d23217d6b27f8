//! `tradedog demo`: the opening case in a minute, with the real daemon and a real configuration.
//!
//! A trader leaks files and sockets as the one that this program was born from. The daemon takes it
//! down the ladder and back up; a stubborn one is killed, and its successor is looked after. The
//! story is told from outside, as an operator would see it. Needs no right and nothing but this
//! program; whatever it starts ends with it.

mod bound;
mod child;
mod configuration;
mod ctl;
mod peers;
mod plot;
mod stage;
mod story;
mod trader;
mod wait;

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use anstyle::Style;
use clap::{Args, Parser};

use super::lookup::shown;
use super::{Failure, Output};
use plot::Plot;
use stage::Stage;
use story::Story;
use trader::Mood;
use wait::{Interrupted, Wait};

/// By then the story must have ended.
const MOST: Duration = Duration::from_secs(90);
/// How often the daemon is asked.
const LOOK: Duration = Duration::from_millis(200);

/// What the trader needs to come past its last bound.
const LEAST_DESCRIPTORS: u64 = 1024;

/// What to show.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A trader that says yes to everything and does nothing: it is killed, and has a successor
    #[arg(long)]
    stubborn: bool,
    /// Keep the folder with the configuration and the daemon's log
    #[arg(long)]
    keep: bool,
    /// A part of the demo, which the demo itself starts
    #[arg(hide = true, trailing_var_arg = true)]
    part: Vec<OsString>,
}

/// What the demo starts. Not among the subcommands, so that neither help nor completions name them.
#[derive(Debug, Parser)]
#[command(name = "tradedog demo", no_binary_name = true)]
enum Part {
    Trader(trader::Arguments),
    Daemon(bound::Arguments),
    Ctl(ctl::Arguments),
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    if arguments.part.is_empty() {
        return play(arguments, output);
    }
    let part = Part::try_parse_from(&arguments.part);
    match part.map_err(|_| Failure::usage("tradedog demo takes --stubborn and --keep, and nothing else"))? {
        Part::Trader(arguments) => trader::run(&arguments, output),
        Part::Daemon(arguments) => bound::run(&arguments),
        Part::Ctl(arguments) => ctl::run(&arguments),
    }
}

fn play(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    // The trader is an ordinary process, whoever shows it.
    crate::kernel::keep_rights().map_err(|error| Failure::runtime(error.to_string()))?;
    let mut wait = Wait::new().map_err(Failure::Runtime)?;
    // The other side of the trader's connections is here; a child inherits the hard limit.
    if let Some(limit) = crate::kernel::raise_fd_limit().filter(|limit| *limit < LEAST_DESCRIPTORS) {
        let sentence = "the trader of the demo leaks until it has 1000 descriptors open";
        return Err(Failure::runtime(format!("{sentence}, and the hard limit is {limit}: raise it (ulimit -Hn)")));
    }
    let mut stage = Stage::open(arguments.keep).map_err(Failure::Runtime)?;
    let mood = if arguments.stubborn { Mood::Stubborn } else { Mood::Docile };
    let begun = stage.begin(mood, &mut wait).map_err(Failure::Runtime);
    let played = begun.and_then(|()| {
        introduce(&stage, output)?;
        let took = tell(arguments, (&mut stage, &mut wait), output)?;
        stage.end().map_err(Failure::Runtime)?;
        Ok(took)
    });
    let took = played.map_err(|failure| explained(failure, &stage))?;
    let folder = stage.close().map_err(Failure::Runtime)?;
    conclude(arguments, (&folder, took), output)
}

/// What is needed to follow the story, and to look at it from elsewhere.
fn introduce(stage: &Stage, output: &mut Output) -> Result<(), Failure> {
    let bold = Style::new().bold();
    let file = shown(&stage.configuration());
    output.line("A trader with 85 open files is about to leak, as the one of the opening case did in two hours.")?;
    output.line("tradedog watches it, with this in its watchdog.toml:\n")?;
    for line in configuration::essence(stage.text()).lines() {
        output.styled(Style::new().dimmed(), format_args!("  {line}"))?;
    }
    output.styled(bold, "\nWhile it runs, in another terminal:")?;
    output.line(format_args!("  curl -s http://{}/metrics", stage.web()))?;
    output.line(format_args!("  tradedog status --url http://{}", stage.web()))?;
    Ok(output.line(format_args!("  less {file}\n"))?)
}

/// Tells the story to its end. Returns how long it took.
fn tell(
    arguments: &Arguments,
    (stage, wait): (&mut Stage, &mut Wait),
    output: &mut Output,
) -> Result<Duration, Failure> {
    let mut story = Story::begin(output, Plot::new(arguments.stubborn))?;
    story.quote(&stage.said())?;
    while !story.plot().is_over() {
        if story.age() > MOST {
            let missing: Vec<String> = story.plot().missing().iter().map(ToString::to_string).collect();
            return Err(Failure::runtime(format!("within {MOST:?} there was not: {}", missing.join(", "))));
        }
        // Told after the status, for what the trader does follows from what was ordered.
        let said = stage.said();
        wait.pause(LOOK).map_err(Failure::Runtime)?;
        let turn = stage.supervise().map_err(Failure::Runtime)?;
        story.tell(&stage.status().map_err(Failure::Runtime)?)?;
        story.quote(&said)?;
        if let Some(turn) = turn {
            story.turn(&turn)?;
        }
    }
    Ok(story.age())
}

/// A failure, with what the daemon logged last.
fn explained(failure: Failure, stage: &Stage) -> Failure {
    match failure {
        Failure::Runtime(error) if !error.is::<Interrupted>() => {
            Failure::runtime(format!("{error:#}\n{}", stage.remains()))
        }
        Failure::Runtime(_)
        | Failure::Usage(_)
        | Failure::Configuration(_)
        | Failure::NoWay { .. }
        | Failure::Closed => failure,
    }
}

fn conclude(arguments: &Arguments, (folder, took): (&Path, Duration), output: &mut Output) -> Result<(), Failure> {
    let told = if arguments.stubborn {
        "It would not listen and was killed; what was in force was undone for its calm successor."
    } else {
        "Down the ladder and back, step by step: every measure undone, the trader never killed."
    };
    output.styled(Style::new().bold(), format_args!("\n{told} ({} s)\n", took.as_secs()))?;
    let folder = shown(folder);
    if arguments.keep {
        output.line(format_args!("Kept: {folder} with watchdog.toml and the log"))?;
    } else {
        output.line(format_args!("Removed: {folder}; --keep leaves watchdog.toml and the log there"))?;
    }
    let other = if arguments.stubborn { "tradedog demo             " } else { "tradedog demo --stubborn  " };
    let what = if arguments.stubborn { "a trader that does as it is told" } else { "a trader that ignores everything" };
    output.line(format_args!("Next: {other} {what}"))?;
    Ok(output.line("      tradedog check --config watchdog.toml   your own configuration, held against this host")?)
}
