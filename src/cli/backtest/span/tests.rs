use std::path::PathBuf;

use super::*;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    span: Span,
    #[arg(long)]
    series: Option<PathBuf>,
}

fn line(words: &str) -> Result<Span, String> {
    let words = ["x"].into_iter().chain(words.split_whitespace());
    let line = <Line as clap::Parser>::try_parse_from(words).map_err(|error| error.to_string())?;
    assert!(line.series.is_none());
    Ok(line.span)
}

fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn of_prometheus(words: &str) -> Result<String, String> {
    match line(words).unwrap().or(Duration::from_secs(24 * 3600), now()) {
        Ok((from, to)) => Ok(format!("{from} {to}")),
        Err(Failure::Usage(error)) => Err(error.to_string()),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn which_times() {
    let of = |from: &str, to: &str| Ok(format!("2026-11-{from}:00Z 2026-11-{to}:00Z"));
    let span = of_prometheus;
    assert_eq!(span(""), of("19T12:00", "20T12:00"));
    assert_eq!(span("--range 7d"), of("13T12:00", "20T12:00"));
    assert_eq!(span("--range 1h --to 2026-11-18T09:30:00-05:00"), of("18T13:30", "18T14:30"));
    for word in ["--from", "--since"] {
        assert_eq!(span(&format!("{word} 2026-11-18T09:30:00Z")), of("18T09:30", "20T12:00"));
    }
    assert_eq!(span("--from 2026-11-18T09:30:00Z --to 2026-11-18T10:00:00Z"), of("18T09:30", "18T10:00"));
    assert_eq!(span("--from 2026-11-18T09:30:00Z --range 30m"), of("18T09:30", "18T10:00"));
    assert_eq!(span("--from 2026-11-20T11:00:00Z --range 7d"), of("20T11:00", "20T12:00"), "not into the future");
    for words in ["--from 2026-11-21T00:00:00Z", "--from 2026-11-19T00:00:00Z --to 2026-11-18T00:00:00Z", "--range 0s"]
    {
        assert!(span(words).unwrap_err().contains("write --from before --to"), "{words}");
    }
    let twice = span("--range 1h --from 2026-11-19T00:00:00Z --to 2026-11-19T01:00:00Z").unwrap_err();
    assert!(twice.contains("leave one of them out"), "{twice}");
}

#[test]
fn of_a_history_all_where_nothing_is_said() {
    let said = |words: &str| line(words).unwrap().said(now()).unwrap().map(|(from, to)| format!("{from} {to}"));
    assert_eq!(said(""), None);
    assert_eq!(said("--range 7d").unwrap(), "2026-11-13T12:00:00Z 2026-11-20T12:00:00Z");
    assert_eq!(said("--to 2026-11-19T00:00:00Z").unwrap(), "1970-01-01T00:00:00Z 2026-11-19T00:00:00Z");
}

#[test]
fn so_long_ago_is_a_beginning_too_and_a_file_is_replayed_whole() {
    let ago = line("--since 2h").unwrap().from.unwrap();
    let apart = kernel::wall_instant().as_second() - ago.as_second();
    assert!((7200..7300).contains(&apart), "{apart}");
    let wrong = line("--since yesterday").unwrap_err();
    assert!(wrong.contains("write it as 2026-11-20T09:30:00Z") && wrong.contains("how long ago: 2h"), "{wrong}");
    assert!(line("--range 1h --series leak.csv").unwrap_err().contains("cannot be used with"));
}
