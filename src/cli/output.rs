//! Printing: to stdout, in columns, coloured only where somebody looks.

use std::fmt::Display;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement};
use serde::Serialize;

use crate::model::{Level, printable};

/// Where a command prints to. Colour is dropped where it is not wanted: no terminal, NO_COLOR.
pub(super) struct Output {
    to: Box<dyn Write>,
    /// Columns of the terminal; none where lines may be as long as they are.
    width: Option<usize>,
}

impl Output {
    pub(super) fn stdout() -> Self {
        Self { to: Box::new(anstream::stdout()), width: columns() }
    }

    /// Into memory, without colour.
    #[cfg(test)]
    pub(super) fn captured(print: impl FnOnce(&mut Self)) -> String {
        Self::captured_as_wide(None, print)
    }

    /// Into memory, without colour, as on a terminal of that width.
    #[cfg(test)]
    pub(super) fn captured_as_wide(width: Option<usize>, print: impl FnOnce(&mut Self)) -> String {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let reading = std::thread::spawn(move || io::read_to_string(&mut reader).unwrap());
        let to = Box::new(anstream::StripStream::new(Box::new(writer) as Box<dyn Write>));
        print(&mut Self { to, width });
        reading.join().unwrap()
    }

    /// One line. Whatever comes from outside must have passed `model::printable`.
    pub(super) fn line(&mut self, text: impl Display) -> io::Result<()> {
        writeln!(self.to, "{text}")
    }

    /// One line in a style.
    pub(super) fn styled(&mut self, style: Style, text: impl Display) -> io::Result<()> {
        writeln!(self.to, "{style}{text}{style:#}")
    }

    /// A line that begins with `label` and goes on `indent` columns from the margin where it does not fit.
    pub(super) fn wrapped(&mut self, (label, indent): (&str, usize), text: &str) -> io::Result<()> {
        let mut line = label.to_owned();
        let mut length = label.chars().count();
        let mut first = true;
        for word in text.split(' ') {
            let more = word.chars().count() + usize::from(!first);
            if !first && self.width.is_some_and(|width| length + more > width) {
                self.line(line.trim_end())?;
                line = " ".repeat(indent);
                length = indent + word.chars().count();
            } else {
                line.push_str(if first { "" } else { " " });
                length += more;
            }
            line.push_str(word);
            first = false;
        }
        self.line(line.trim_end())
    }

    /// As [`Output::wrapped`] from the margin, in a style.
    pub(super) fn styled_wrapped(&mut self, style: Style, text: &str) -> io::Result<()> {
        write!(self.to, "{style}")?;
        self.wrapped(("", 4), text)?;
        write!(self.to, "{style:#}")
    }

    /// Text as it is.
    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        self.to.write_all(text.as_bytes())
    }

    /// All that `from` has, as it is.
    pub(super) fn copy(&mut self, from: &mut impl io::Read) -> io::Result<()> {
        io::copy(from, &mut self.to).map(|_| ())
    }

    /// A document as JSON, for programs.
    pub(super) fn json(&mut self, document: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.to, document)?;
        writeln!(self.to)
    }

    /// The widest of these tables that fits, else the last.
    pub(super) fn fitting(&mut self, tables: impl IntoIterator<Item = Table>) -> io::Result<()> {
        let mut last = None;
        for table in tables {
            let fits = self.width.is_none_or(|width| table.width() <= width);
            last = Some(table);
            if fits {
                break;
            }
        }
        last.map_or(Ok(()), |table| self.table(&table))
    }

    /// A table; rows of a raised level are coloured as a whole.
    pub(super) fn table(&mut self, table: &Table) -> io::Result<()> {
        let bold = Style::new().bold();
        let styles = std::iter::once(bold).chain(table.levels.iter().map(|level| level_style(*level)));
        for (line, style) in table.grid.lines().zip(styles) {
            self.styled(style, line.trim_end())?;
        }
        Ok(())
    }
}

/// Columns of the terminal that stdout is, if it is one.
fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}

/// How a level looks.
pub(super) fn level_style(level: Level) -> Style {
    let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
    match level {
        Level::Normal => Style::new(),
        Level::Elevated | Level::Warning => colour(AnsiColor::Yellow),
        Level::Critical => colour(AnsiColor::Red),
        Level::Fatal => colour(AnsiColor::Red).bold(),
    }
}

/// What needs attention.
pub(super) const WARNING: Style = Style::new().bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)));

/// What must not be so.
pub(super) const ERROR: Style = Style::new().bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));

/// Text of a file of ours, which was made printable when it was written: shown as it stands. A file that somebody
/// else has written is not believed.
pub(super) fn fit_to_show(text: &str, most: usize) -> String {
    // A backslash may stand for what was not printable.
    let plain = text.replace('\\', "/");
    if printable(plain.as_bytes(), most) == plain { text.to_owned() } else { printable(text.as_bytes(), most) }
}

/// A table without borders.
pub(super) struct Table {
    grid: comfy_table::Table,
    levels: Vec<Level>,
}

impl Table {
    /// With these heads; a column whose head begins with `>` holds numbers and is aligned right.
    pub(super) fn new(heads: &[&str]) -> Self {
        let mut grid = comfy_table::Table::new();
        grid.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        grid.set_header(heads.iter().map(|head| head.trim_start_matches('>').to_uppercase()));
        for (index, head) in heads.iter().enumerate() {
            if let Some(column) = grid.column_mut(index) {
                column.set_padding((0, 2));
                if head.starts_with('>') {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        Self { grid, levels: Vec::new() }
    }

    fn width(&self) -> usize {
        self.grid.lines().map(|line| line.trim_end().chars().count()).max().unwrap_or_default()
    }

    /// Adds a row about something at `level`.
    pub(super) fn row(&mut self, level: Level, cells: Vec<String>) {
        self.grid.add_row(cells);
        self.levels.push(level);
    }
}
