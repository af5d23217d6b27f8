//! Problems as data, and how they look.
//!
//! A [`Report`] collects drafts while files are read; [`Report::finish`] drops those that only
//! follow from another one, sorts the rest and gives each its line and column.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::source::{Lines, Place, Source};
use super::text::escape;
use super::veil::{Veil, is_delicate, veiled};

/// Most problems that [`Problems::render`] shows; a file of garbage has one a line.
const SHOWN: usize = 100;

/// Whether it keeps the configuration from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It does.
    Error,
    /// It does not, but is hardly what was meant.
    Warning,
}

/// One problem: where, what, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The file.
    pub file: PathBuf,
    /// Line from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// Column in characters from 1; 0 where the file as a whole is meant.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub help: Option<String>,
    place: Option<Place>,
    also: Option<(Place, &'static str)>,
}

impl Problem {
    /// On one line: where, what, and what to do.
    pub fn line(&self) -> String {
        let file = escape(&self.file.to_string_lossy());
        let place = if self.line > 0 { format!("{file}:{}", self.line) } else { file };
        let help = self.help.as_deref().map(|help| format!(": {help}")).unwrap_or_default();
        format!("{place}: {}{help}", self.what)
    }
}

/// All problems of all files, in the order of the files and of their lines.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
    sources: Arc<Vec<Source>>,
    /// What is not shown of their lines.
    veils: Arc<Vec<Veil>>,
}

impl Problems {
    /// The problems.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The errors in one of the files.
    pub(super) fn errors_of(&self, file: &Path) -> Self {
        let of_it = |problem: &&Problem| problem.severity == Severity::Error && problem.file == file;
        Self {
            list: self.list.iter().filter(of_it).cloned().collect(),
            sources: Arc::clone(&self.sources),
            veils: Arc::clone(&self.veils),
        }
    }

    /// The files that they are of.
    pub(super) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them for people: place, text underlined, help. Coloured by ANSI codes if asked to.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for problem in self.list.iter().take(SHOWN) {
            let title = match problem.severity {
                Severity::Error => Level::ERROR.primary_title(problem.what.as_str()),
                Severity::Warning => Level::WARNING.primary_title(problem.what.as_str()),
            };
            let group = self.snippets(problem, Group::with_title(title));
            let help = problem.help.as_deref().map(|help| Level::HELP.message(help));
            text.push_str(&renderer.render(&[group.elements(help)]));
            text.push_str("\n\n");
        }
        if let Some(more) = self.list.len().checked_sub(SHOWN).filter(|n| *n > 0) {
            text.push_str(&format!("... and {more} more\n\n"));
        }
        text.truncate(text.len().saturating_sub(1));
        text
    }

    fn snippets<'a>(&'a self, problem: &'a Problem, group: Group<'a>) -> Group<'a> {
        let path = escape(&problem.file.to_string_lossy());
        let Some((place, source)) = problem.place.and_then(|p| Some((p, self.sources.get(p.file)?))) else {
            let origin = Origin::path(path);
            return group.element(if problem.line > 0 { origin.line(problem.line) } else { origin });
        };
        let also = problem.also.filter(|(p, _)| p.file == place.file);
        let first = also.map_or(place.start, |(p, _)| p.start.min(place.start));
        let last = also.map_or(place.end, |(p, _)| p.end.max(place.end));
        let (from, to) = (source.line_start(first), source.line_end(last));
        let within = |p: Place| p.start.saturating_sub(from)..p.end.min(to).saturating_sub(from);
        let mut snippet = Snippet::source(veiled((place.file, source), from..to, &self.veils))
            .line_start(line_number(source, from))
            .path(path)
            .annotation(AnnotationKind::Primary.span(within(place)));
        if let Some((p, label)) = also {
            snippet = snippet.annotation(AnnotationKind::Context.span(within(p)).label(label));
        }
        let group = group.element(snippet);
        match problem.also.filter(|(p, _)| p.file != place.file) {
            Some((p, label)) => self.elsewhere(p, label, group),
            None => group,
        }
    }

    fn elsewhere<'a>(&'a self, place: Place, label: &'a str, group: Group<'a>) -> Group<'a> {
        let Some(source) = self.sources.get(place.file) else { return group };
        let (from, to) = (source.line_start(place.start), source.line_end(place.end));
        let snippet = Snippet::source(veiled((place.file, source), from..to, &self.veils))
            .line_start(line_number(source, from))
            .path(escape(&source.path.to_string_lossy()))
            .annotation(AnnotationKind::Context.span(place.start - from..place.end - from).label(label));
        group.element(snippet)
    }
}

fn line_number(source: &Source, at: usize) -> usize {
    Lines::of(source).position(at).0
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

/// What a draft speaks about, which decides what silences it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The text is not TOML.
    Syntax,
    /// What was written is wrong.
    Written,
    /// Something is not there; unreliable where part of the text could not be read.
    Missing,
}

/// A problem that is being written down.
#[derive(Debug)]
pub(super) struct Draft {
    kind: Kind,
    severity: Severity,
    place: Option<Place>,
    file: usize,
    what: String,
    help: Option<String>,
    also: Option<(Place, &'static str)>,
    /// Whether the line is not shown, for there may be a secret in it.
    hidden: bool,
}

impl Draft {
    /// Says what to write instead.
    pub(super) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Points at a second place that has to do with it.
    pub(super) fn also(&mut self, place: Place, label: &'static str) -> &mut Self {
        self.also = Some((place, label));
        self
    }

    /// Tells where it is, and does not show what is written there.
    pub(super) fn hidden(&mut self) -> &mut Self {
        self.hidden = true;
        self
    }

    /// Whether its lines are not TOML and may hold a secret, which nothing then tells from the rest.
    fn is_delicate(&self, source: Option<&Source>) -> bool {
        let lines = |source: &Source, place: Place| {
            let lines = source.line_start(place.start)..source.line_end(place.end);
            source.text.get(lines).is_some_and(is_delicate)
        };
        self.kind == Kind::Syntax && source.zip(self.place).is_some_and(|(source, place)| lines(source, place))
    }

    fn problem(&self, sources: &[Source], lines: &[Lines<'_>]) -> Problem {
        let source = sources.get(self.file);
        let is_hidden = self.hidden || self.is_delicate(source);
        let lines = lines.get(self.file);
        let (line, column) = self.place.zip(lines).map_or((0, 0), |(place, lines)| lines.position(place.start));
        Problem {
            severity: self.severity,
            file: source.map(|s| s.path.clone()).unwrap_or_default(),
            line,
            column,
            what: self.what.clone(),
            help: self.help.clone(),
            place: self.place.filter(|_| !is_hidden),
            also: self.also,
        }
    }
}

/// Collects problems.
#[derive(Debug, Default)]
pub(super) struct Report {
    drafts: Vec<Draft>,
    /// What is shown of no line.
    veils: Vec<Veil>,
    /// Values that are not TOML: what they would mean is nobody's business.
    poisoned: Vec<Place>,
    /// Files of which a part could not be read.
    cut: Vec<usize>,
    /// Targets of files that are set aside.
    left_out: Vec<String>,
    /// Such a file does not tell which targets it has.
    any_left_out: bool,
}

impl Report {
    fn draft(&mut self, kind: Kind, place: Place, what: impl Into<String>) -> &mut Draft {
        let severity = Severity::Error;
        let (file, place, what) = (place.file, Some(place), what.into());
        self.drafts.push(Draft { kind, severity, place, file, what, help: None, also: None, hidden: false });
        let last = self.drafts.len() - 1;
        &mut self.drafts[last]
    }

    /// What was written is wrong.
    pub(super) fn error(&mut self, place: Place, what: impl Into<String>) -> &mut Draft {
        self.draft(Kind::Written, place, what)
    }

    /// Something is not there that should be.
    pub(super) fn missing(&mut self, place: Place, what: impl Into<String>) -> &mut Draft {
        self.draft(Kind::Missing, place, what)
    }

    /// Hardly what was meant.
    pub(super) fn warning(&mut self, place: Place, what: impl Into<String>) -> &mut Draft {
        let draft = self.draft(Kind::Written, place, what);
        draft.severity = Severity::Warning;
        draft
    }

    /// What stands there may be a secret: no problem of its line shows it; of a URL, what of it is plain.
    pub(super) fn veil(&mut self, place: Place, is_url: bool) {
        self.veils.push(Veil { place, is_url });
    }

    /// How many errors there are so far: what is right adds none.
    pub(super) fn errors(&self) -> usize {
        self.drafts.iter().filter(|draft| draft.severity == Severity::Error).count()
    }

    /// The text is not TOML.
    pub(super) fn syntax(&mut self, place: Place, what: impl Into<String>) -> &mut Draft {
        self.draft(Kind::Syntax, place, what)
    }

    /// The file as a whole is not good.
    pub(super) fn file(&mut self, file: usize, what: impl Into<String>) -> &mut Draft {
        let draft = self.draft(Kind::Syntax, Place { file, start: 0, end: 0 }, what);
        draft.place = None;
        draft
    }

    /// The file as a whole is used, and hardly to be believed.
    pub(super) fn doubt(&mut self, file: usize, what: impl Into<String>) -> &mut Draft {
        let draft = self.file(file, what);
        draft.severity = Severity::Warning;
        draft
    }

    /// What follows from the value at `place` is not worth telling.
    pub(super) fn poison(&mut self, place: Place) {
        self.poisoned.push(place);
    }

    /// A part of the file could not be read: what seems to be missing may be in it.
    pub(super) fn cut(&mut self, file: usize) {
        self.cut.push(file);
    }

    /// A file is set aside: what it defines, if that is known, may be spoken of and is not there.
    pub(super) fn leave_out(&mut self, targets: Option<Vec<String>>) {
        self.any_left_out |= targets.is_none();
        self.left_out.extend(targets.into_iter().flatten());
    }

    /// Whether the target may be one of a file that is set aside.
    pub(super) fn is_left_out(&self, target: &str) -> bool {
        self.any_left_out || self.left_out.iter().any(|name| name == target)
    }

    /// The problems that stand by themselves.
    pub(super) fn finish(mut self, sources: &Arc<Vec<Source>>) -> Problems {
        self.poisoned.sort_unstable();
        let mut drafts: Vec<_> = self.drafts.iter().filter(|draft| self.stands(draft)).collect();
        drafts.sort_by_key(|draft| (draft.file, draft.place.map_or(0, |place| place.start)));
        let lines: Vec<Lines<'_>> = sources.iter().map(Lines::of).collect();
        let mut list: Vec<_> = drafts.into_iter().map(|draft| draft.problem(sources, &lines)).collect();
        list.dedup();
        Problems { list, sources: Arc::clone(sources), veils: Arc::new(self.veils) }
    }

    /// Whether the draft is a problem of its own.
    fn stands(&self, draft: &Draft) -> bool {
        let Some(place) = draft.place else { return true };
        match draft.kind {
            Kind::Syntax => true,
            Kind::Written => !self.is_poisoned(place),
            // The main file may hold what a drop-in refers to.
            Kind::Missing => !self.is_poisoned(place) && !self.cut.iter().any(|f| *f == place.file || *f == 0),
        }
    }

    /// Poisoned values are sorted and lie apart from each other: the last that begins before the end
    /// of `place` is the one that can meet it.
    fn is_poisoned(&self, place: Place) -> bool {
        let behind = self.poisoned.partition_point(|p| (p.file, p.start) <= (place.file, place.end));
        behind.checked_sub(1).and_then(|i| self.poisoned.get(i)).is_some_and(|poisoned| poisoned.meets(&place))
    }
}
