//! A state file with anything in it: refused, or taken up by judge, which goes on and remembers it again.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tradedog::config::{Config, Source, parse};
use tradedog::judge::{State, judge, stop};
use tradedog::model::{Memory, Moment, Sample};
use tradedog::record::StateFile;

static CONFIG: LazyLock<Arc<Config>> = LazyLock::new(|| {
    let text = include_str!("../../watchdog.toml");
    Arc::new(parse(vec![Source::new("watchdog.toml", text)]).expect("the shipped configuration"))
});

fuzz_target!(|bytes: &[u8]| {
    let _ = StateFile::memory_in(bytes);
    // The checksum keeps everything else from getting further.
    let Ok(memory) = serde_json::from_slice::<Memory>(bytes) else { return };
    let mut now = Moment::from_nanos(5_000_000_000_000);
    let (mut state, _) = State::restore(&CONFIG, memory, now);
    for _ in 0..4 {
        now = now + Duration::from_secs(30);
        judge(&mut state, &Sample::default(), &[], now);
        state.all_found();
    }
    stop(&mut state, &Sample::default(), now);
    let written = serde_json::to_vec(&state.memory()).expect("what is remembered can be written");
    assert!(serde_json::from_slice::<Memory>(&written).is_ok(), "and read");
});
