//! Tables that stand between two comments of a document.

/// `document` with `table` instead of what stood between the comments of that name; `None` where it has
/// no such comments.
pub(crate) fn with_table(document: &str, (name, table): (&str, &str)) -> Option<String> {
    let (begin, end) = (format!("<!-- {name}: benches/compare --write -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{table}{end}{after}"))
}
