//! How much more in each minute: a value of any kind with `/min` behind it.

use std::fmt;
use std::str::FromStr;

use super::{LARGEST, Wrong, decimal};

/// So much more in each minute, written with `/min` behind the unit of what grows.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Growth<T>(pub T);

/// A number of things, in thousandths: things come slowly, one in some minutes.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Counted(pub f64);

impl<T: FromStr<Err = Wrong> + fmt::Display> FromStr for Growth<T> {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        if let Some(value) = text.strip_suffix("/min") {
            let behind = |wrong: Wrong| match value.parse::<Counted>() {
                // The number alone is right: what is missing is its unit.
                Ok(_) => Wrong::new("has no unit", by_the_minute(&wrong.help)),
                Err(_) => Wrong { help: by_the_minute(&wrong.help), ..wrong },
            };
            return value.parse().map(Self).map_err(behind);
        }
        let value = text.rsplit_once('/').map_or(text, |(value, _)| value);
        let help = match [text, value].into_iter().find_map(|text| text.parse::<T>().ok()) {
            Some(value) => format!("write \"{value}/min\""),
            None => text.parse::<T>().map_or_else(|wrong| by_the_minute(&wrong.help), |_| String::new()),
        };
        Err(Wrong::new("is not growth by the minute", help))
    }
}

/// What to write in place of a value, with each example in quotes by the minute.
fn by_the_minute(help: &str) -> String {
    let parts = help.split('"').enumerate();
    let with = |(index, part): (usize, &str)| {
        if index % 2 == 1 && !part.ends_with("/min") { format!("{part}/min") } else { part.to_owned() }
    };
    parts.map(with).collect::<Vec<_>>().join("\"")
}

impl<T: fmt::Display> fmt::Display for Growth<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/min", self.0))
    }
}

impl FromStr for Counted {
    type Err = Wrong;

    #[expect(clippy::cast_precision_loss, reason = "bounded by the check before it")]
    fn from_str(text: &str) -> Result<Self, Wrong> {
        let thousandths = decimal(text, 1000).filter(|(thousandths, rest)| *thousandths <= LARGEST && *rest == 0);
        let help = "write a number, at most three digits behind the point: \"20/min\", \"0.5/min\"";
        thousandths.map_or_else(|| Err(Wrong::new("is not a number", help)), |(n, _)| Ok(Self(n as f64 / 1000.0)))
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.3}", self.0);
        f.pad(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Rate, Share, Size};
    use super::*;

    #[test]
    fn growth_is_written_by_the_minute() {
        assert_eq!("20/min".parse::<Growth<Counted>>().unwrap().0.0.to_bits(), 20.0_f64.to_bits());
        assert_eq!("0.5/min".parse::<Growth<Counted>>().unwrap().to_string(), "0.5/min");
        assert_eq!("5MiB/min".parse::<Growth<Size>>().unwrap(), Growth(Size(5 << 20)));
        assert_eq!("1.5%/min".parse::<Growth<Share>>().unwrap().to_string(), "1.5%/min");
        assert_eq!("10/s/min".parse::<Growth<Rate>>().unwrap().to_string(), "10/s/min");
    }

    #[test]
    fn what_is_wrong_says_what_to_write() {
        let help = |wrong: Wrong| wrong.help;
        assert_eq!("5MiB".parse::<Growth<Size>>().map_err(help), Err("write \"5MiB/min\"".to_owned()));
        assert_eq!("5MiB/h".parse::<Growth<Size>>().map_err(help), Err("write \"5MiB/min\"".to_owned()));
        assert_eq!("20".parse::<Growth<Counted>>().map_err(help), Err("write \"20/min\"".to_owned()));
        assert_eq!(
            "20/min".parse::<Growth<Size>>().map_err(help),
            Err("write \"20MiB/min\" or \"20MB/min\"".to_owned())
        );
        assert_eq!("20/min".parse::<Growth<Share>>().map_err(help), Err("write it in percent: \"20%/min\"".to_owned()));
        assert_eq!("20".parse::<Growth<Share>>().map_err(help), Err("write it in percent: \"20%/min\"".to_owned()));
        assert_eq!("20/min".parse::<Growth<Rate>>().map_err(help), Err("write \"20/s/min\"".to_owned()));
        assert!("x/min".parse::<Growth<Counted>>().unwrap_err().help.contains("\"0.5/min\""));
        assert!("5/min".parse::<Growth<Size>>().is_err() && "x/min".parse::<Growth<Counted>>().is_err());
        assert!("-5/min".parse::<Growth<Counted>>().is_err() && "1%".parse::<Growth<Counted>>().is_err());
    }
}
