//! What is printed parses to the same value; what is written wrong says how to write it.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn durations_round_trip(millis in 0_u64..=3650 * 86_400_000) {
        let span = Duration(time::Duration::from_millis(millis));
        prop_assert_eq!(span.to_string().parse::<Duration>(), Ok(span));
    }

    #[test]
    fn sizes_round_trip(bytes in 0_u64..=LARGEST, shift in 0_u32..50) {
        for bytes in [bytes, bytes >> shift << shift, bytes >> shift] {
            let size = Size(bytes);
            prop_assert_eq!(size.to_string().parse::<Size>(), Ok(size));
        }
    }

    #[test]
    fn shares_round_trip(thousandths in 0_u32..=1_000_000) {
        let share = Share(f64::from(thousandths) / 100_000.0);
        prop_assert_eq!(share.to_string().parse::<Share>(), Ok(share));
    }

    #[test]
    fn rates_round_trip(parts in 0_u64..=LARGEST_RATE, shift in 0_u32..50) {
        for parts in [parts >> shift, (parts >> shift) / 60 * 60] {
            let rate = Rate(parts as f64 / PARTS as f64);
            prop_assert_eq!(rate.to_string().parse::<Rate>(), Ok(rate));
        }
    }

    #[test]
    fn what_is_shown_parses_and_is_close(value in 0.0..1e15_f64) {
        let value = value.round();
        let shown: Size = show(value, Unit::Bytes).parse().unwrap_or(Size(0));
        prop_assert!((shown.0 as f64 - value).abs() <= value * 0.05 + 0.5, "{} as {}", value, shown);
        prop_assert_eq!(show(value, Unit::Count).parse::<f64>(), Ok(value));
        let rate = value % 1e10;
        prop_assert_eq!(show(rate, Unit::PerSecond).parse::<Rate>(), Ok(Rate(rate)));
    }

    #[test]
    fn nothing_panics_and_help_is_no_second_mistake(text in "[0-9a-zA-Z.%/ -]{0,12}") {
        let mut helps = Vec::new();
        helps.extend(text.parse::<Duration>().err().map(|wrong| (wrong, "duration")));
        helps.extend(text.parse::<Size>().err().map(|wrong| (wrong, "size")));
        helps.extend(text.parse::<Share>().err().map(|wrong| (wrong, "share")));
        helps.extend(text.parse::<Rate>().err().map(|wrong| (wrong, "rate")));
        for (wrong, kind) in helps {
            let example = wrong.help.split('"').nth(1).unwrap_or_default();
            let parses = match kind {
                "duration" => example.parse::<Duration>().is_ok(),
                "size" => example.parse::<Size>().is_ok(),
                "rate" => example.parse::<Rate>().is_ok(),
                _ => example.parse::<Share>().is_ok(),
            };
            prop_assert!(parses, "{:?} as a {}: {}", text, kind, wrong.help);
        }
    }
}

#[test]
fn durations_as_they_are_written() {
    let good = [("500ms", 500), ("30s", 30_000), ("2m", 120_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("0s", 0)];
    for (text, millis) in good {
        assert_eq!(text.parse(), Ok(Duration(time::Duration::from_millis(millis))), "{text}");
        assert_eq!(Duration(time::Duration::from_millis(millis)).to_string(), text);
    }
    for text in ["", "s", "30", "30 s", "1.5s", "-1s", "1m1h", "1s1s", "1w", "99999999999999999999s", "3651d", "1h30"] {
        assert!(text.parse::<Duration>().is_err(), "{text}");
    }
    let help = |text: &str| text.parse::<Duration>().unwrap_err().help;
    assert_eq!(help("2 minutes"), "write \"2m\"");
    assert_eq!(help("3 sec"), "write \"3s\"");
    assert!(help("30").contains("\"30s\""));
}

#[test]
fn sizes_as_they_are_written() {
    let good =
        [("512MiB", 512 << 20), ("800MB", 800_000_000), ("2GiB", 2 << 30), ("64kB", 64_000), ("7B", 7), ("0B", 0)];
    for (text, bytes) in good {
        assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        assert_eq!(Size(bytes).to_string(), text);
    }
    assert_eq!("1.5GiB".parse(), Ok(Size(1_610_612_736)));
    for text in ["", "512", "512 MiB", "512mb", "2G", "-1MB", "1.5B", "1.MB", ".5MB", "1e3MB", "9000000TB", "MB"] {
        assert!(text.parse::<Size>().is_err(), "{text}");
    }
    assert!("1.5B".parse::<Size>().unwrap_err().help.contains("\"512MiB\""));
    assert_eq!("2g".parse::<Size>().unwrap_err().help, "write \"2GiB\"");
    assert_eq!("900 MB".parse::<Size>().unwrap_err().help, "write \"900MB\"");
}

#[test]
fn shares_as_they_are_written() {
    for (text, share) in [("85%", 0.85), ("99.5%", 0.995), ("110%", 1.1), ("0%", 0.0), ("0.001%", 0.000_01)] {
        assert_eq!(text.parse(), Ok(Share(share)), "{text}");
        assert_eq!(Share(share).to_string(), text);
    }
    for text in ["", "%", "85", "0.85", "-1%", "1e1%", "85.0001%", "1001%", "8 5%", "nan%"] {
        assert!(text.parse::<Share>().is_err(), "{text}");
    }
    assert!("0.85".parse::<Share>().unwrap_err().help.contains("\"85%\""));
}

#[test]
fn rates_as_they_are_written() {
    for (text, a_second) in
        [("500/s", 500.0), ("0.5/s", 0.5), ("0/s", 0.0), ("20/min", 20.0 / 60.0), ("0.1/min", 0.1 / 60.0)]
    {
        assert_eq!(text.parse(), Ok(Rate(a_second)), "{text}");
        assert_eq!(Rate(a_second).to_string(), text);
    }
    assert_eq!("30/min".parse(), Ok(Rate(0.5)));
    for text in ["", "/s", "500", "500 /s", "500/ s", "500/h", "-1/s", "1e3/s", "5./s", "0.00001/s", "200000000000/s"] {
        assert!(text.parse::<Rate>().is_err(), "{text}");
    }
    let help = |text: &str| text.parse::<Rate>().unwrap_err().help;
    assert_eq!(help("500"), "write \"500/s\"");
    assert_eq!(help("500/sec"), "write \"500/s\"");
    assert_eq!(help("20/minute"), "write \"20/min\"");
    assert!(help("fast").contains("\"500/s\""));
}

#[test]
fn readings_are_shown_as_people_read_them() {
    let shown = |value, unit| show(value, unit);
    assert_eq!(shown(305.0, Unit::Count), "305");
    assert_eq!(shown(0.852, Unit::Ratio), "85.2%");
    assert_eq!(shown(0.85, Unit::Ratio), "85%");
    assert_eq!(shown(9e8, Unit::Bytes), "900MB");
    assert_eq!(shown(536_870_912.0, Unit::Bytes), "512MiB");
    assert_eq!(shown(912_345_678.0, Unit::Bytes), "870.1MiB");
    assert_eq!(shown(0.0, Unit::Bytes), "0B");
    assert_eq!(shown(12.0, Unit::CountPerMinute), "12/min");
    assert_eq!(shown(5_242_880.0, Unit::BytesPerMinute), "5MiB/min");
    assert_eq!(shown(-5_242_880.0, Unit::BytesPerMinute), "-5MiB/min");
    assert_eq!(shown(0.015, Unit::RatioPerMinute), "1.5%/min");
    assert_eq!(shown(10.0, Unit::RatePerMinute), "10/s/min");
    assert_eq!(shown(1_200.0, Unit::Seconds), "20m");
    assert_eq!(shown(4_523.7, Unit::Seconds), "1h15m24s");
    assert_eq!(shown(f64::INFINITY, Unit::Seconds), "never");
    assert_eq!(shown(f64::MAX, Unit::Seconds), "never");
}
