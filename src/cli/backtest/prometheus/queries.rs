//! What is asked for: for each metric of the configuration the series that tradedog exports of it, or what
//! `--query` says instead.

use std::str::FromStr;

use crate::model::{Base, METRICS, Metric, Scope};

/// `--query METRIC=PROMQL`: where a metric comes from that another exporter has.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mapping {
    /// The metric of the configuration; none for `start_time`.
    pub(super) metric: Option<Metric>,
    /// What is asked.
    pub(super) query: String,
}

impl Mapping {
    /// As it is written.
    pub(super) fn name(&self) -> String {
        self.metric.as_ref().map_or_else(|| START.to_owned(), ToString::to_string)
    }

    /// Whether it is about the host.
    pub(super) fn is_of_host(&self) -> bool {
        self.metric.as_ref().is_some_and(|metric| metric.info().scope == Scope::Host)
    }
}

/// What a start of a process is called here: seconds since 1970, as `process_start_time_seconds` has it.
const START: &str = "start_time";

impl FromStr for Mapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "write it as METRIC='PROMQL', such as open_fds='process_open_fds{job=\"trader\"}'";
        let (name, query) = text.split_once('=').ok_or(FORM)?;
        let (name, query) = (name.trim(), query.trim());
        if query.is_empty() {
            return Err(FORM.to_owned());
        }
        let query = query.to_owned();
        if name == START {
            return Ok(Self { metric: None, query });
        }
        let metric = Metric::try_from(name.to_owned()).map_err(|_| {
            let names: Vec<&str> = METRICS.iter().filter(|row| row.bounded).map(|row| row.name).collect();
            format!("no metric is called {name}; there are {} and {START}", names.join(", "))
        })?;
        Ok(Self { metric: Some(metric), query })
    }
}

/// `--label NAME=VALUE`: what tells a daemon from others that Prometheus knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    name: String,
    value: String,
}

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pair = text.split_once('=').filter(|(name, _)| is_label(name));
        let (name, value) = pair.ok_or("write it as NAME=VALUE, such as instance=trading1:7911")?;
        Ok(Self { name: name.to_owned(), value: value.trim_matches('"').to_owned() })
    }
}

fn is_label(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whose series are asked for, as matchers between braces.
#[derive(Clone, Debug)]
pub(super) struct Whose(String);

impl Whose {
    /// The processes of a target, or what they come to together.
    pub(super) fn target(name: &str, (group, labels): (bool, &[Label])) -> Self {
        let process = if group { "process=\"all\"" } else { "process!=\"all\"" };
        Self(join([format!("target={}", quoted(name)), process.to_owned()].into_iter().chain(matchers(labels))))
    }

    /// The host.
    pub(super) fn host(labels: &[Label]) -> Self {
        Self(join(matchers(labels)))
    }

    /// A series by its name.
    fn series(&self, name: &str) -> String {
        self.with(name, "")
    }

    /// A series by its name and more matchers.
    fn with(&self, name: &str, more: &str) -> String {
        let all = [self.0.as_str(), more].into_iter().filter(|part| !part.is_empty());
        format!("{name}{{{}}}", all.collect::<Vec<_>>().join(","))
    }

    /// What is there while the daemon sees a process: its descriptors, which it counts without any right.
    pub(super) fn presence(&self) -> String {
        self.series("tradedog_process_open_fds")
    }

    /// What is there while the daemon looks at the host.
    pub(super) fn host_presence(&self) -> String {
        self.series("tradedog_last_sample_timestamp_seconds")
    }

    /// When the processes started.
    pub(super) fn start(&self) -> String {
        self.series("tradedog_process_start_time_seconds")
    }

    /// What tradedog exports of the metric; none where that is nothing.
    pub(super) fn metric(&self, metric: &Metric) -> Option<String> {
        match metric.info().scope {
            Scope::Process | Scope::Cgroup => self.of_process(metric),
            Scope::Host => self.of_host(metric),
        }
    }

    fn of_process(&self, metric: &Metric) -> Option<String> {
        let of = |name: &str| self.series(&format!("tradedog_process_{name}"));
        let set = || of("cgroup_working_set_bytes");
        let limit = || of("cgroup_memory_limit_bytes");
        let sockets = "tradedog_process_sockets";
        let peer = quoted(metric.peer.as_deref().unwrap_or(""));
        Some(match metric.base {
            Base::OpenFds => of("open_fds"),
            Base::MaxFds => of("max_fds"),
            Base::FdUsage => format!("{} / {}", of("open_fds"), of("max_fds")),
            Base::Rss => of("resident_memory_bytes"),
            Base::Swap => of("swap_bytes"),
            Base::Threads => of("threads"),
            Base::MajorFaults => of("major_faults_per_second"),
            Base::CgroupMemory => of("cgroup_memory_bytes"),
            Base::CgroupWorkingSet => set(),
            Base::CgroupMemoryLimit => limit(),
            Base::CgroupMemoryUsage => format!("{} / {}", set(), limit()),
            Base::CgroupSwap => of("cgroup_swap_bytes"),
            Base::CgroupMemoryPressure => of("cgroup_memory_pressure_ratio"),
            Base::Sockets if metric.peer.is_some() => {
                self.with("tradedog_process_peer_sockets", &format!("peer={peer}"))
            }
            Base::Sockets => format!("sum without (state) ({})", self.with(sockets, "peer=\"\"")),
            Base::SynSent
            | Base::FinWait1
            | Base::FinWait2
            | Base::LastAck
            | Base::Closing
            | Base::Listen
            | Base::CloseWait
            | Base::Established => self.with(sockets, &format!("state=\"{}\",peer={peer}", metric.info().name)),
            Base::HostMemoryUsed
            | Base::HostSwapUsed
            | Base::HostSwapIn
            | Base::HostSwapOut
            | Base::HostMemoryPressure
            | Base::HostOpenFiles
            | Base::HostTimeWait
            | Base::HostEstablished => return None,
        })
    }

    fn of_host(&self, metric: &Metric) -> Option<String> {
        let plain = [
            (Base::HostMemoryUsed, "tradedog_host_memory_used_ratio"),
            (Base::HostSwapUsed, "tradedog_host_swap_used_ratio"),
            (Base::HostSwapIn, "tradedog_host_swap_in_pages_per_second"),
            (Base::HostSwapOut, "tradedog_host_swap_out_pages_per_second"),
            (Base::HostMemoryPressure, "tradedog_host_memory_pressure_ratio"),
            (Base::HostOpenFiles, "tradedog_host_open_files"),
        ];
        let by_peer = [
            (Base::HostTimeWait, "tradedog_host_time_wait_sockets"),
            (Base::HostEstablished, "tradedog_host_established_sockets"),
        ];
        let named =
            |names: &[(Base, &'static str)]| names.iter().find(|(base, _)| *base == metric.base).map(|(_, name)| *name);
        let peer = || format!("peer={}", quoted(metric.peer.as_deref().unwrap_or("")));
        named(&plain).map(|name| self.series(name)).or_else(|| named(&by_peer).map(|name| self.with(name, &peer())))
    }
}

fn matchers(labels: &[Label]) -> impl Iterator<Item = String> {
    labels.iter().map(|label| format!("{}={}", label.name, quoted(&label.value)))
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}

/// As a string of PromQL.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &str) -> Metric {
        Metric::try_from(name.to_owned()).unwrap()
    }

    #[test]
    fn what_tradedog_exports_itself() {
        let whose = Whose::target("trader", (false, &["instance=a:7911".parse().unwrap()]));
        let of = |name: &str| whose.metric(&metric(name));
        let all = r#"{target="trader",process!="all",instance="a:7911"}"#;
        assert_eq!(of("open_fds").unwrap(), format!("tradedog_process_open_fds{all}"));
        assert_eq!(of("fd_usage").unwrap(), format!("tradedog_process_open_fds{all} / tradedog_process_max_fds{all}"));
        assert_eq!(
            of("close_wait.postgres").unwrap(),
            r#"tradedog_process_sockets{target="trader",process!="all",instance="a:7911",state="close_wait",peer="postgres"}"#
        );
        assert!(of("close_wait").unwrap().contains(r#"state="close_wait",peer="""#));
        assert_eq!(
            of("sockets.postgres").unwrap(),
            r#"tradedog_process_peer_sockets{target="trader",process!="all",instance="a:7911",peer="postgres"}"#
        );
        assert_eq!(of("major_faults").unwrap(), format!("tradedog_process_major_faults_per_second{all}"));
        assert_eq!(
            of("cgroup_memory_pressure").unwrap(),
            format!("tradedog_process_cgroup_memory_pressure_ratio{all}")
        );
        let host = Whose::host(&[]);
        assert_eq!(host.metric(&metric("host_swap_used")).unwrap(), "tradedog_host_swap_used_ratio{}");
        assert_eq!(host.metric(&metric("host_swap_in")).unwrap(), "tradedog_host_swap_in_pages_per_second{}");
        for row in METRICS.iter().filter(|row| row.bounded) {
            let asked = if row.scope == Scope::Host { &host } else { &whose };
            assert!(asked.metric(&metric(row.name)).is_some(), "{} is not exported", row.name);
        }
        let group = Whose::target("a\"b\\", (true, &[]));
        assert_eq!(group.presence(), r#"tradedog_process_open_fds{target="a\"b\\",process="all"}"#);
    }

    #[test]
    fn what_another_exporter_has() {
        let mapping: Mapping = "open_fds=process_open_fds{job=\"x\"} == 1".parse().unwrap();
        assert_eq!(mapping.metric, Some(metric("open_fds")));
        assert_eq!(mapping.query, "process_open_fds{job=\"x\"} == 1");
        assert_eq!("start_time = x".parse::<Mapping>().unwrap(), Mapping { metric: None, query: "x".to_owned() });
        for (text, words) in
            [("open_fds", "METRIC='PROMQL'"), ("open_fds=", "METRIC='PROMQL'"), ("fds=x", "there are open_fds, ")]
        {
            assert!(text.parse::<Mapping>().unwrap_err().contains(words), "{text}");
        }
    }

    #[test]
    fn labels_as_people_write_them() {
        assert_eq!(
            "instance=\"a:1\"".parse::<Label>().unwrap(),
            Label { name: "instance".into(), value: "a:1".into() }
        );
        for text in ["instance", "=x", "1a=x", "a-b=x"] {
            assert!(text.parse::<Label>().unwrap_err().contains("NAME=VALUE"), "{text}");
        }
    }
}
