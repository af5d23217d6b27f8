use super::*;

#[test]
fn a_span_and_a_time_are_understood() {
    assert!(matches!(since("2h"), Ok(Since::Ago(span)) if span == Duration::from_secs(7200)));
    assert!(matches!(since("2026-11-21T09:30:00Z"), Ok(Since::Time(_))));
    assert!(since("yesterday").unwrap_err().contains("write a span"));
}

#[test]
fn a_text_of_somebody_else_cannot_move_the_cursor() {
    assert_eq!(fit("trader[0]: a\\x1bb"), "trader[0]: a\\x1bb", "what was escaped is not escaped again");
    assert_eq!(fit("a\x1b[2Jb"), "a\\x1b[2Jb");
}

#[test]
fn a_place_without_a_history_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = Arguments {
        place: Some(folder.path().to_owned()),
        since: None,
        target: None,
        kind: None,
        json: false,
        verify: true,
        samples: false,
    };
    let Err(Failure::Runtime(error)) = run(&arguments, &mut Output::stdout()) else { panic!("there is none") };
    assert!(error.to_string().contains("there is no history at"), "{error}");
}
