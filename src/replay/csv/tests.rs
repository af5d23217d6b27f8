//! What a file may say, and how it is told what is wrong with it.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::{Unknown, Value};
use crate::replay::survey;

fn rows(text: &str) -> Result<Vec<Row>, String> {
    let mut csv = Csv::new("leak.csv", text.as_bytes()).map_err(|fault| fault.to_string())?;
    let (mut rows, mut row) = (Vec::new(), Row::default());
    while csv.read(&mut row).map_err(|fault| fault.to_string())? {
        rows.push(row.clone());
    }
    Ok(rows)
}

fn wrong(text: &str) -> String {
    rows(text).expect_err(text)
}

#[test]
fn times_and_readings_are_read_as_people_write_them() {
    let text = "\u{feff}time, open_fds ,close_wait.postgres,note\r\n\
                2026-03-02T09:30:00Z,85,0,\"all, well\"\r\n\
                2026-03-02T10:30:01+01:00,>=94,,\r\n\
                1772443802,denied,nan,x\r\n\
                1772443802.5,1e2,gone,\r\n";
    let rows = rows(text).unwrap();
    let cells: Vec<_> = rows.iter().map(|row| row.cells.clone()).collect();
    assert_eq!(cells[0], [Some(Value::Known(85.0)), Some(Value::Known(0.0)), None]);
    assert_eq!(cells[1], [Some(Value::AtLeast(94.0)), None, None]);
    assert_eq!(cells[2], [Some(Value::Unknown(Unknown::Denied)), None, None]);
    assert_eq!(cells[3], [Some(Value::Known(100.0)), Some(Value::Unknown(Unknown::Gone)), None]);
    let times: Vec<String> = rows.iter().map(|row| row.at.to_string()).collect();
    let expected = ["2026-03-02T09:30:00Z", "2026-03-02T09:30:01Z", "2026-03-02T09:30:02Z", "2026-03-02T09:30:02.5Z"];
    assert_eq!(times, expected);
    assert!(rows.iter().all(|row| &*row.process == "0" && row.target.is_none()));
}

#[test]
fn values_with_a_unit_are_those_of_the_configuration() {
    let rows = rows("time,rss,fd_usage,major_faults\n0,512MiB,85%,20/min\n1,1048576,0.85,500/s\n").unwrap();
    let known = |value: f64| Some(Value::Known(value));
    assert_eq!(rows[0].cells, [known(536_870_912.0), known(0.85), known(20.0 / 60.0)]);
    assert_eq!(rows[1].cells, [known(1_048_576.0), known(0.85), known(500.0)]);
}

#[test]
fn processes_and_targets_are_told_apart_by_their_columns() {
    let rows = rows("time,target,process,rss\n0,a,x,1\n0,a,y,2\n0,b,x,3\n1,a,x,4\n").unwrap();
    let whose: Vec<_> = rows.iter().map(|row| format!("{}/{}", row.target.as_deref().unwrap(), row.process)).collect();
    assert_eq!(whose, ["a/x", "a/y", "b/x", "a/x"]);
}

#[test]
fn a_process_is_told_from_the_next_by_its_start() {
    let rows = rows("time,process,started,open_fds\n5,0,2,1\n6,0,1970-01-01T00:00:02.5Z,1\n7,0,,1\n").unwrap();
    let started: Vec<_> = rows.iter().map(|row| row.started.map(|at| at.as_millisecond())).collect();
    assert_eq!(started, [Some(2000), Some(2500), None]);
    assert_eq!(rows[0].cells.len(), 1, "it is no metric");
    let said = wrong("time,started,open_fds\n5,soon,1\n");
    assert!(said.contains("line 2, column 2 (started)") && said.contains("`soon` is not a time"), "{said}");
    assert!(said.contains("when the process began"), "{said}");
}

#[test]
fn each_mistake_is_told_with_its_line_its_column_and_what_to_do() {
    for (text, said) in [
        ("", "leak.csv: is empty: the first line names the columns"),
        ("0,85\n1,86\n", "line 1: no column is called time"),
        ("timestamp,open_fds\n", "call `timestamp` time"),
        ("time;open_fds\n", "separate the columns by commas"),
        ("when,open_fds\n", "add one with RFC 3339"),
        ("time,rss,rss\n", "two columns are called `rss`"),
        (
            "time,open_fds\n0,85\n1,abc\n",
            "leak.csv, line 3, column 2 (open_fds): `abc` is not a reading: write a number",
        ),
        ("time,open_fds\nyesterday,85\n", "line 2, column 1 (time): `yesterday` is not a time: write RFC 3339"),
        ("time,open_fds\n2026-03-02 09:30:00,85\n", "write the zone behind it"),
        ("time,open_fds\n1772443800000,85\n", "not milliseconds"),
        ("time,open_fds\n-5,85\n", "write seconds since 1970"),
        ("time,open_fds\n5,1\n4,1\n", "line 3, column 1 (time): 1970-01-01T00:00:04Z is earlier than the line before"),
        ("time,open_fds\n5,1\n5,1\n", "comes twice: where several processes"),
        ("time,process,open_fds\n5,a,1\n5,b,1\n5,a,1\n", "comes twice: leave one of the two lines of that process out"),
        ("time,open_fds\n5\n", "line 2: 1 field, and the first line names 2"),
        (
            "time,note,rss\n1,\"a,1\n2,b,1\n3,c\"\n",
            "goes on for 2 lines and ends here: close the quote (\") that begins it in line 2",
        ),
        ("time,open_fds\n5,1,7\n", "line 2: 3 fields, and the first line names 2"),
        ("time,open_fds\n5,-1\n", "-1 is negative"),
        ("time,open_fds\n5,inf\n", "is not a reading"),
        ("time,fd_usage\n5,85\n", "is it \"85%\"?"),
        ("time,rss\n5,5 apples\n", "or a size (\"512MiB\")"),
        ("time,open_fds\n5,\x1b[31m\n", "`\\x1b[31m` is not a reading"),
    ] {
        let told = wrong(text);
        assert!(told.contains(said), "{said:?} is not in {told:?}");
        assert!(!told.contains('\x1b'));
    }
}

#[test]
fn empty_lines_and_quoted_line_ends_do_not_move_the_count() {
    assert!(wrong("time,note,rss\n\n0,\"a\nb\",1\n\n1,,x\n").contains("line 6, column 3"));
    assert!(wrong("time,note,rss\r\n\r\n0,,1\r\n\r\n1,,x").contains("line 5, column 3"));
}

#[test]
fn a_quote_that_is_never_closed_is_named_by_its_own_line() {
    let said = "a quote (\") is opened and never closed: close it in the same line, or take it out";
    for (text, line) in [
        ("time,rss,note\n0,1,a\n1,1,\"b\n2,1,c\n3,1,d\n", 3),
        ("time,note,rss\r\n0,,1\r\n1,\"b \"\"x\"\",1\r\n2,c,1\r\n", 3),
        ("time,rss,note\n0,1,\"a\nb\"\n1,1,\"", 4),
        ("\u{feff}\"time,rss\n0,1\n", 1),
    ] {
        assert_eq!(wrong(text), format!("leak.csv, line {line}: {said}"), "{text:?}");
    }
    // A quote within a field, or behind one that is closed, opens nothing.
    assert_eq!(rows("\u{feff}\"time\",rss,note\n0,1,5\" pipe\n1,1,\"a\"b\"\n2,1,\"\"\"\"\n").unwrap().len(), 3);
    // What goes wrong before it is told first.
    assert!(wrong("time,rss,note\n0,x,a\n1,1,\"b\n").contains("line 2, column 2"));
}

#[test]
fn a_long_file_is_not_read_to_its_end_for_a_quote_that_is_not_closed() {
    let lines = |from: i64, to: i64| (from..to).map(|second| format!("{second},1,a\n")).collect::<String>();
    let text = format!("time,rss,note\n{}500000,1,\"a\n{}", lines(0, 500_000), lines(500_001, 1_000_000));
    let mut left = text.as_bytes();
    let mut csv = Csv::new("leak.csv", &mut left).unwrap();
    let (mut row, mut count) = (Row::default(), 0);
    let fault = loop {
        match csv.read(&mut row) {
            Ok(true) => count += 1,
            other => break other.unwrap_err().to_string(),
        }
    };
    assert!(count == 500_000 && fault.starts_with("leak.csv, line 500002: a quote"), "{count}, {fault}");
    drop(csv);
    assert!(left.len() > 2_000_000, "{} bytes are left", left.len());
}

#[test]
fn a_survey_tells_how_often_what_is_read() {
    let lines: String = (0..100).map(|t| format!("{t},{},{}\n", t, if t % 10 == 0 { "7" } else { "" })).collect();
    let mut csv = Csv::new(
        "x",
        format!("time,open_fds,sockets,rss\n{}", lines.replace('\n', ",\n")).into_bytes().leak() as &[u8],
    )
    .unwrap();
    let survey = survey(&mut csv).unwrap();
    assert_eq!((survey.rows, survey.period), (100, Some(Duration::from_secs(1))));
    assert_eq!(survey.periods, [Some(Duration::from_secs(1)), Some(Duration::from_secs(10)), None]);
    assert_eq!(survey.filled, [true, true, false]);
    assert_eq!((survey.first.as_second(), survey.last.as_second()), (0, 99));
}

proptest! {
    /// Whatever a file holds, it is read or refused with a sentence of one line.
    #[test]
    fn nothing_breaks_it(text in "(?s)(time,(open_fds|rss|process),[a-z]{0,3}\n)?.{0,200}") {
        if let Err(told) = rows(&text) {
            prop_assert!(told.starts_with("leak.csv") && !told.contains('\n'), "{told:?}");
        }
    }
}
