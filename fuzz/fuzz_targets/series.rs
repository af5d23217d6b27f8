//! A series file with anything in it: rows in the order of time with as many cells as columns, or a fault that
//! says where.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tradedog::model::Value;
use tradedog::replay::{Csv, Row, Series};

fuzz_target!(|bytes: &[u8]| {
    let mut series = match Csv::new("series.csv", bytes) {
        Ok(series) => series,
        Err(fault) => return assert!(fault.place.starts_with("series.csv"), "{fault}"),
    };
    let mut row = Row::default();
    let mut last = None;
    loop {
        match series.read(&mut row) {
            Ok(true) => {}
            Ok(false) => break,
            Err(fault) => return assert!(fault.place.starts_with("series.csv, line "), "{fault}"),
        }
        assert_eq!(row.cells.len(), series.columns().len());
        let numbers = row.cells.iter().flatten().filter_map(|value: &Value| value.number());
        numbers.for_each(|number| assert!(number.is_finite(), "{number}"));
        assert!(last.is_none_or(|last| last <= row.at));
        last = Some(row.at);
    }
});
