//! The tables of the document.

use super::SETS;

/// How the line about sockets ends for which no right is needed.
pub(super) const ALONE: &str = "of a process that is alone in its cgroup";

/// A line: what stands in its first cell, and the others.
pub(super) struct Row {
    pub(super) head: String,
    pub(super) cells: Vec<String>,
}

impl Row {
    /// What its first cell has in backticks.
    pub(super) fn names(&self) -> Vec<&str> {
        self.head.split('`').skip(1).step_by(2).collect()
    }

    /// What the cell under that head says.
    pub(super) fn says(&self, set: &str) -> bool {
        let column = SETS.iter().position(|(head, _)| *head == set).unwrap();
        match &*self.cells[column] {
            "yes" => true,
            "no" => false,
            other => panic!("{}, {set}: {other:?} is neither yes nor no", self.head),
        }
    }
}

/// The lines of the table under that heading.
pub(super) fn under(heading: &str) -> Vec<Row> {
    let text = include_str!("../../../docs/privileges.md");
    let section = text.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let lines: Vec<&str> = section.lines().filter(|line| line.starts_with('|')).collect();
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split(" | ").map(|cell| cell.trim_matches(['|', ' ']).to_owned()).collect()
    };
    lines[2..]
        .iter()
        .map(|line| cells(line))
        .map(|all| Row { head: all[0].clone(), cells: all[1..].to_vec() })
        .collect()
}

/// The lines of one part of the big table: `readings`, `match`, `measures`.
pub(super) fn part(name: &str) -> Vec<Row> {
    let rows = under("The table");
    let is_title = |row: &Row| row.cells.iter().all(String::is_empty);
    let rest = rows.into_iter().skip_while(|row| row.head != name).skip(1);
    let rows: Vec<Row> = rest.take_while(|row| !is_title(row)).collect();
    assert!(!rows.is_empty(), "the table has no part {name}");
    rows
}

#[test]
fn the_columns_are_the_sets_that_are_tried() {
    let text = include_str!("../../../docs/privileges.md");
    let heads: Vec<&str> = SETS.iter().map(|(head, _)| *head).collect();
    assert!(text.contains(&format!("\n| | {} |\n", heads.join(" | "))), "the head of the table is another one");
}
