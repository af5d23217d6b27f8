//! The five lines of a target, or of the host.

use std::io;

use super::level;
use crate::cli::columns::text;
use crate::cli::output::{Output, level_style};
use crate::export::status::{Account, Host, Target};
use crate::model::Level;

/// Room for the label of a line.
const LABEL: usize = 12;

/// Lines of a kind that are shown of somebody with whom all is well.
const CALM_LINES: usize = 1;

/// Somebody who has an account.
pub(super) struct Told<'a> {
    name: String,
    level: Level,
    account: &'a Account,
    /// Whether something is out of order although the level is normal.
    uneasy: bool,
}

impl<'a> Told<'a> {
    pub(super) fn target(target: &'a Target) -> Self {
        let few = target.expected_min.is_some_and(|min| target.members.len() < min as usize);
        let blind = target.members.iter().map(|member| &member.judged).chain(&target.group);
        let blind = blind.flat_map(|judged| &judged.thresholds).any(|threshold| threshold.unknown.is_some());
        let busy = target.members.iter().any(|member| !member.judged.rungs.is_empty());
        Self {
            name: text(&target.name),
            level: level(&target.level),
            account: &target.account,
            uneasy: few || blind || busy || target.successor_missing,
        }
    }

    pub(super) fn host(host: &'a Host) -> Option<Self> {
        let level = level(host.level.as_deref()?);
        let uneasy = host.thresholds.iter().any(|threshold| threshold.unknown.is_some());
        Some(Self { name: "host".to_owned(), level, account: &host.account, uneasy })
    }

    /// Worst first.
    pub(super) fn rank(&self) -> impl Ord + use<> {
        std::cmp::Reverse((self.level, self.uneasy))
    }

    /// Prints it; `whole` even where all is well.
    pub(super) fn print(&self, whole: bool, output: &mut Output) -> io::Result<()> {
        output.line("")?;
        output.styled(level_style(self.level), format!("{}: {}", self.name, self.level))?;
        let most = if whole || self.uneasy || self.level > Level::Normal { usize::MAX } else { CALM_LINES };
        let Account { why, done, next, you_can, evidence } = self.account;
        for (label, lines) in
            [("why", why), ("done", done), ("next", next), ("you can", you_can), ("evidence", evidence)]
        {
            let labels = std::iter::once(label).chain(std::iter::repeat(""));
            for (label, line) in labels.zip(lines.iter().take(most)) {
                output.wrapped((&format!("  {label:<10}"), LABEL), &text(line))?;
            }
        }
        Ok(())
    }
}
