//! What `benches/compare` tells of its figures: bars, tables, chart. The measuring itself is its own test.
#![expect(clippy::disallowed_methods, reason = "a test reads the files of the project")]

use std::time::Duration;

#[path = "../benches/comparing/chart.rs"]
mod chart;
#[path = "../benches/comparing/document.rs"]
mod document;
#[path = "../benches/comparing/figures.rs"]
mod figures;
#[path = "../benches/comparing/table.rs"]
mod table;

use figures::{Cost, Growth, Limit, Measured, Report, Size};

fn ms(milliseconds: f64) -> Duration {
    Duration::from_secs_f64(milliseconds / 1e3)
}

fn cost(milliseconds: f64) -> Cost {
    Cost { per_pass: ms(milliseconds), resident: 9.96, anonymous: 2.04 }
}

/// Floor, tradedog, process-exporter in milliseconds.
fn measured(size: Size, [floor, tradedog, exporter]: [f64; 3]) -> Measured {
    let skipped = Err("its first cycle takes minutes".to_owned());
    let (floor, hot, scrape) = (ms(floor), ms(floor / 2.0), ms(2.4));
    Measured {
        size,
        others: 1.6,
        floor,
        hot,
        tradedog: cost(tradedog),
        busy: [floor, ms(tradedog)],
        scrape,
        exporter: Ok(cost(exporter)),
        monit: skipped,
    }
}

/// From 0.5 ms to `after`.
fn growth(of: &'static str, after: f64, times: f64) -> Growth {
    Growth { of, tradedog: [ms(0.5), ms(after)], floor: [ms(0.4), ms(0.4)], times, bar: 1.1 }
}

fn report() -> Report {
    let [w1, w2, w3] = Size::all();
    let measured =
        vec![measured(w1, [0.4, 0.5, 8.4]), measured(w2, [2.65, 3.0, 82.5]), measured(w3, [15.3, 20.0, 687.0])];
    let growth = vec![growth("descriptors", 0.55, 1.0), growth("targets", 5.6, 10.0)];
    Report { place: "2026-11-21, Linux 6.18, 2 processors".to_owned(), measured, growth }
}

#[test]
fn figures_are_held_against_the_bar_of_their_workload() {
    let bars = report().bars();
    let missed: Vec<&str> = bars.iter().filter(|bar| !bar.is_met()).map(|bar| bar.of.as_str()).collect();
    let against = "cheaper than process-exporter, which reads no sockets";
    let growth = "growth: targets";
    let of_w3 = ["CPU per pass, against the floor", "the same while segments come and go", against];
    let [floor, busy, exporter] = of_w3.map(|bar| format!("W3: {bar}"));
    assert_eq!(missed, [&floor, &busy, &exporter, growth]);
    assert!(report().is_missed());
    assert!(
        table::verdict(&report()).starts_with("Of its 18 bars 4 are missed: W3: CPU per pass, against the floor; ")
    );
    assert_eq!(bars.len(), 3 * 5 + 3, "five for each workload, one scrape, two growths");
    let least = bars.iter().find(|bar| bar.of == format!("W2: {against}")).unwrap();
    assert_eq!((least.limit, least.value), (Limit::AtLeast(24.0), 27.5));
}

#[test]
fn what_meets_its_bar_exactly_has_met_it() {
    let [w1, ..] = Size::all();
    let exact = Report { growth: Vec::new(), measured: vec![measured(w1, [0.5, 0.75, 11.25])], ..report() };
    assert!(!exact.is_missed(), "{:?}", exact.bars());
    assert_eq!(table::verdict(&exact), "All of its 5 bars are met.\n");
}

#[test]
fn a_workload_of_ones_own_and_a_peer_that_is_missing_have_no_bars() {
    let mut own = measured(Size::new("own", (7, 100), (20, 4, 0)), [1.0, 90.0, 1.0]);
    assert!(Report { measured: vec![own.clone()], growth: Vec::new(), ..report() }.bars().is_empty());
    own.size.name = "W1".to_owned();
    own.exporter = Err("no apt-get here".to_owned());
    let bars = Report { measured: vec![own], growth: Vec::new(), ..report() }.bars();
    assert!(bars.iter().all(|bar| !bar.of.contains("process-exporter")), "{bars:?}");
}

#[test]
fn the_tables_read_as_they_should() {
    let report = report();
    let all = format!("{}\n{}\n{}", table::costs(&report), table::growth(&report), table::bars(&report));
    insta::assert_snapshot!("tables", all);
    assert_eq!(table::costs(&Report { measured: Vec::new(), ..report }), "", "growth alone has no costs");
}

/// It is looked at by `<img>`, which shows nothing at all of a file with one wrong bracket, and loads nothing.
#[test]
fn the_chart_is_whole_and_needs_nothing_else() {
    let svg = chart::svg(&report());
    insta::assert_snapshot!("chart", svg);
    let (mut open, mut rest) = (Vec::new(), svg.as_str());
    while let Some((_, tag)) = rest.split_once('<') {
        let (tag, after) = tag.split_once('>').unwrap();
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap()),
        }
        rest = after;
    }
    assert!(open.is_empty(), "left open: {open:?}");
    let urls: Vec<&str> = svg.matches("://").collect();
    assert_eq!(urls.len(), 1, "its own name space, and nothing to load");
    assert!(svg.contains("prefers-color-scheme:dark"));
}

#[test]
fn no_bar_of_the_chart_leaves_it() {
    let [w1, ..] = Size::all();
    for times in [[0.001, 0.01, 0.05], [9.0, 10.0, 11.0], [1.0, 3.0, 250_000.0]] {
        let svg = chart::svg(&Report { measured: vec![measured(w1.clone(), times)], ..report() });
        for part in svg.split("<rect ").skip(1) {
            let width: f64 = part.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
            assert!((0.0..=520.0).contains(&width), "{times:?}: {part}");
        }
    }
}

#[test]
fn a_table_takes_the_place_of_the_one_before_it() {
    let document = "a\n<!-- cost: benches/compare --write -->\nold\nolder\n<!-- cost: end -->\nb\n";
    let with = document::with_table(document, ("cost", "new\n")).unwrap();
    assert_eq!(with, "a\n<!-- cost: benches/compare --write -->\nnew\n<!-- cost: end -->\nb\n");
    assert_eq!(document::with_table(&with, ("cost", "new\n")).unwrap(), with);
    assert_eq!(document::with_table(document, ("bars", "new\n")), None);
}

#[test]
fn a_call_that_cannot_be_carried_out_is_refused() {
    // The script itself needs a compiler and minutes; that it is there and can be started is all that is asked here.
    use std::os::unix::fs::PermissionsExt;
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/compare");
    assert_eq!(script.metadata().unwrap().permissions().mode() & 0o111, 0o111);
}
