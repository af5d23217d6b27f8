//! What must happen for the story to come to its proper end, in which order, and what must not.

use std::fmt;

use crate::model::Level;

/// A step of the story, each told of when it is first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    /// The trader's level.
    Level(Level),
    /// A measure was taken.
    Taken(&'static str),
    /// A measure was taken back.
    Undone(&'static str),
    /// The trader was killed.
    Killed,
    /// Another one took its place.
    Succeeded,
    /// For a while: one trader, few files, level normal, nothing in force.
    Calm,
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level(level) => write!(f, "the level {level}"),
            Self::Taken(action) => write!(f, "{action}"),
            Self::Undone(action) => write!(f, "the undo of {action}"),
            Self::Killed => f.write_str("the kill"),
            Self::Succeeded => f.write_str("a successor"),
            Self::Calm => f.write_str("a calm end: one trader, few open files, nothing in force"),
        }
    }
}

/// Up the ladder; the same in both forms.
const CLIMB: [Scene; 6] = [
    Scene::Level(Level::Elevated),
    Scene::Taken("reset_pool"),
    Scene::Level(Level::Warning),
    Scene::Taken("disable_websocket"),
    Scene::Level(Level::Critical),
    Scene::Taken("pause"),
];

/// Acts: their scenes must come in this order; those of one act in any.
const DOCILE: [&[Scene]; 2] = [&[Scene::Undone("pause"), Scene::Undone("disable_websocket")], &[Scene::Calm]];
const STUBBORN: [&[Scene]; 3] = [
    &[Scene::Level(Level::Fatal), Scene::Killed],
    &[Scene::Succeeded, Scene::Undone("pause"), Scene::Undone("disable_websocket")],
    &[Scene::Calm],
];

/// What has happened of it.
#[derive(Debug)]
pub(super) struct Plot {
    stubborn: bool,
    seen: Vec<Scene>,
}

impl Plot {
    pub(super) const fn new(stubborn: bool) -> Self {
        Self { stubborn, seen: Vec::new() }
    }

    /// Takes in a scene; counts once.
    ///
    /// # Errors
    ///
    /// It must not happen, or not before what is still missing: a sentence.
    pub(super) fn saw(&mut self, scene: Scene) -> Result<(), String> {
        if self.seen.contains(&scene) {
            return Ok(());
        }
        let acts = self.acts();
        let Some(act) = acts.iter().position(|act| act.contains(&scene)) else {
            return self.unexpected(scene);
        };
        let before = acts.iter().take(act).flatten().find(|earlier| !self.seen.contains(earlier));
        if let Some(missing) = before {
            return Err(format!("{scene} came before {missing}"));
        }
        self.seen.push(scene);
        Ok(())
    }

    /// What is still to come.
    pub(super) fn missing(&self) -> Vec<Scene> {
        self.acts().into_iter().flatten().filter(|scene| !self.seen.contains(scene)).collect()
    }

    /// Whether only the calm end is missing.
    pub(super) fn nears_its_end(&self) -> bool {
        self.missing() == [Scene::Calm]
    }

    pub(super) fn is_over(&self) -> bool {
        self.missing().is_empty()
    }

    fn acts(&self) -> Vec<Vec<Scene>> {
        let climb = CLIMB.iter().map(|scene| vec![*scene]);
        let rest: &[&[Scene]] = if self.stubborn { &STUBBORN } else { &DOCILE };
        climb.chain(rest.iter().map(|act| act.to_vec())).collect()
    }

    /// What this form does not ask for: harmless, unless it must not come where a trader does as it is
    /// told.
    fn unexpected(&self, scene: Scene) -> Result<(), String> {
        let wrong = [Scene::Level(Level::Fatal), Scene::Killed, Scene::Succeeded].contains(&scene);
        if wrong && !self.stubborn {
            return Err(format!("{scene} must not come where the trader does what it is told"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(stubborn: bool, scenes: impl IntoIterator<Item = Scene>) -> Result<Plot, String> {
        let mut plot = Plot::new(stubborn);
        for scene in scenes {
            plot.saw(scene)?;
        }
        Ok(plot)
    }

    #[test]
    fn both_forms_end_when_all_has_come_in_order() {
        let (pause, websocket) = (Scene::Undone("pause"), Scene::Undone("disable_websocket"));
        let docile = [websocket, Scene::Level(Level::Normal), pause, Scene::Calm];
        assert!(play(false, CLIMB.into_iter().chain(docile)).unwrap().is_over());
        let stubborn = [Scene::Level(Level::Fatal), Scene::Killed, Scene::Succeeded, pause, websocket, Scene::Calm];
        assert!(play(true, CLIMB.into_iter().chain(stubborn)).unwrap().is_over());
    }

    #[test]
    fn what_comes_too_early_or_never_is_named() {
        let early = play(false, [CLIMB[0], CLIMB[1], Scene::Taken("pause")]).unwrap_err();
        assert_eq!(early, "pause came before the level warning");
        let half = play(false, CLIMB).unwrap();
        assert!(!half.is_over() && !half.nears_its_end());
        assert_eq!(half.missing()[0].to_string(), "the undo of pause");
    }

    #[test]
    fn a_docile_trader_must_not_be_killed() {
        for scene in [Scene::Level(Level::Fatal), Scene::Killed] {
            assert!(play(false, CLIMB.into_iter().chain([scene])).unwrap_err().contains("must not"));
        }
    }

    #[test]
    fn a_level_again_changes_nothing() {
        let plot = play(true, [CLIMB[0], Scene::Level(Level::Normal), CLIMB[0], CLIMB[1], CLIMB[1]]).unwrap();
        assert_eq!(plot.missing()[0], CLIMB[2]);
    }
}
