//! The end of log files that the operator names.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::plain;
use crate::kernel;
use crate::model::{Evidence, printable};

/// Of each file so much.
const MOST: u64 = 128 << 10;

/// What it takes to read a file that others may not.
const READER: &str = "a group that may read it and its folders, or CAP_DAC_READ_SEARCH (systemd/deep.conf)";

pub(super) fn collect(logs: &[PathBuf], evidence: &mut Evidence) {
    for (index, path) in logs.iter().enumerate() {
        let shown = show(path);
        match kernel::lend_aside(|| kernel::end_of_file(path, MOST)) {
            Ok((text, cut)) => {
                // What was cut begins within a line.
                let begin = if cut { text.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1) } else { 0 };
                let text = plain::lines(&text[begin..]);
                evidence.file(format!("log-{}.txt", index + 1), format!("the end of {shown}"), text);
            }
            Err(why @ kernel::LogFileError::Denied) => evidence.lacks_right(shown, why.to_string(), READER),
            Err(why) => evidence.lacks(shown, why.to_string()),
        }
    }
}

fn show(path: &Path) -> String {
    printable(path.as_os_str().as_bytes(), 300)
}
