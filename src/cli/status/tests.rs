use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use super::*;
use crate::cli::daemon::tests::Fake;
use crate::config::{Config, Target, Web};
use crate::export::{Publisher, Reply, Request, Server, Snapshot, fixture};

const SHORT: Duration = Duration::from_millis(300);

fn shown(status: &Status) -> String {
    let status = Status { version: "VERSION".into(), ..status.clone() };
    Output::captured(|output| view::print((&status, view::Whom::All), (status.time, None), output).unwrap())
}

#[test]
fn golden() {
    insta::assert_snapshot!("status", shown(&Status::of(&fixture::snapshot())));
}

#[test]
fn banners_say_what_is_not_as_it_should_be() {
    let mut snapshot = fixture::snapshot();
    let config = Config::clone(&snapshot.config);
    let web = Web { max_series: 0, ..config.web };
    let daemon = crate::config::Daemon { dry_run: true, ..config.daemon };
    snapshot.config = Arc::new(Config { web, daemon, ..config });
    (snapshot.reload.failed, snapshot.reload.set_aside) = (true, 2);
    insta::assert_snapshot!("banners", shown(&Status::of(&snapshot)));
}

#[test]
fn what_was_done_to_the_dead_is_not_forgotten() {
    let mut snapshot = fixture::snapshot();
    let config = Arc::clone(&snapshot.config);
    let counters = Arc::clone(&snapshot.counters);
    snapshot.clear();
    (snapshot.config, snapshot.counters) = (config, counters);
    let told = shown(&Status::of(&snapshot));
    assert!(told.contains("  done      reset_pool delivered 4s ago (SIGUSR1), process 0, pid 1234"), "{told}");
}

#[test]
fn it_fits_a_narrow_terminal_and_no_command_is_broken() {
    let status = Status { version: "VERSION".into(), ..Status::of(&fixture::snapshot()) };
    let told = Output::captured_as_wide(Some(80), |output| {
        view::print((&status, view::Whom::All), (status.time, None), output).unwrap();
    });
    let wide: Vec<&str> = told.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    insta::assert_snapshot!("narrow", told);
}

#[test]
fn one_target_is_told_of_alone_and_a_wrong_name_gets_the_right_ones() {
    let mut status = Status::of(&fixture::snapshot());
    only(&mut status, "workers").unwrap();
    let told = Output::captured(|output| {
        view::print((&status, view::Whom::Target), (status.time, None), output).unwrap();
    });
    assert!(told.contains("workers: critical") && !told.contains("trader:") && !told.contains("host:"), "{told}");
    let Err(Failure::Usage(error)) = only(&mut Status::of(&fixture::snapshot()), "wokers") else { panic!("no such") };
    assert_eq!(error.to_string(), "no target is called wokers: there is trader, gateway, workers");
}

#[test]
fn a_loop_that_stands_still_is_noticed() {
    let status = Status::of(&fixture::snapshot());
    for (later, stale) in [(5.0, false), (60.0, true)] {
        let shown = Output::captured(|output| {
            view::print((&status, view::Whom::All), (status.time + later, None), output).unwrap();
        });
        assert_eq!(shown.contains("STALE"), stale, "{shown}");
    }
}

#[test]
fn nobody_and_nothing_yet() {
    let target = Target { ladders: Vec::new(), ..fixture::target("trader", &[]) };
    let snapshot = Snapshot::empty(Arc::new(fixture::config(vec![target])));
    let shown = shown(&Status::of(&snapshot));
    assert!(shown.contains("no sample yet") && shown.contains("NOT READY: no pass") && shown.contains("no process"));
}

#[test]
fn a_daemon_is_asked_over_http() {
    let publisher = Publisher::new(fixture::snapshot());
    let web = Web { listen: vec!["127.0.0.1:0".parse().unwrap()], ..Web::default() };
    let server = Server::start(&web, publisher.published(), fixture::clock).unwrap();
    let address = server.addresses()[0];
    let url = format!("http://{address}");
    for json in [false, true] {
        let arguments = Arguments { url: Some(url.clone()), json, ..Arguments::default() };
        let told = Output::captured(|output| run(&arguments, output).unwrap());
        assert_eq!(serde_json::from_str::<Status>(&told).is_ok(), json, "{told}");
        assert!(told.contains("trader") && told.contains("305"), "{told}");
    }
}

/// A server that says `answer` to everybody and then closes; none says nothing and waits.
fn stranger(answer: Option<&'static str>) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().into();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        match answer {
            Some(answer) => stream.write_all(answer.as_bytes()).unwrap(),
            None => {
                let _ = stream.read_to_end(&mut Vec::new());
            }
        }
    });
    address
}

#[test]
fn who_is_not_there_or_not_a_daemon_is_said_to_be() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (address, said) in [
        (free.into(), "cannot connect"),
        (stranger(None), "no answer within 300ms"),
        (stranger(Some("SSH-2.0-OpenSSH_9.2\r\n")), "no HTTP answer"),
        (stranger(Some("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")), "it answered 404"),
        (stranger(Some("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")), "broke off"),
        (stranger(Some("")), "no HTTP answer"),
    ] {
        let error = client::get(&address, "/", SHORT).unwrap_err();
        assert!(error.contains(said) && error.contains(&address.to_string()), "{said:?} is not in {error:?}");
        assert!(error.contains("systemctl status tradedog"), "no remedy in {error}");
    }
    let html = stranger(Some("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
    let arguments = Arguments { url: Some(html.to_string()), json: true, ..Arguments::default() };
    let Err(Failure::Runtime(error)) = run(&arguments, &mut Output::stdout()) else { panic!("it is no daemon") };
    assert!(error.to_string().contains("not as tradedog does"), "{error}");
}

#[test]
fn an_address_is_written_as_a_url() {
    for (url, shown, here) in [
        ("http://127.0.0.1:7911", "http://127.0.0.1:7911", true),
        ("http://[::1]:7911/", "http://[::1]:7911", true),
        ("http://localhost:1", "http://localhost:1", true),
        ("http://trader-1.example", "http://trader-1.example:80", false),
        ("https://trader-1.example", "https://trader-1.example:443", false),
        ("https://[::1]:7911", "https://[::1]:7911", true),
    ] {
        let address = Address::parse(url).unwrap();
        assert_eq!((address.to_string().as_str(), address.is_here()), (shown, here));
    }
    for url in ["", "127.0.0.1:7911", "ftp://x:1", "http://x/metrics", "http://:7911", "http://x?a", "http://a b"] {
        let said = Address::parse(url).unwrap_err();
        assert!(said.contains("http://127.0.0.1:7911"), "{url}: {said}");
    }
}

#[test]
fn a_server_on_every_address_is_asked_on_loopback() {
    for (listen, asked) in
        [("0.0.0.0:7911", "127.0.0.1:7911"), ("[::]:7911", "[::1]:7911"), ("10.0.0.5:1", "10.0.0.5:1")]
    {
        assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
    }
}

/// What is offered to be copied is a command that there is.
#[test]
fn each_command_that_is_offered_is_one() {
    use clap::Parser as _;
    let status = Status::of(&fixture::snapshot());
    let accounts = status.targets.iter().map(|target| &target.account).chain([&status.host.account]);
    let commands: Vec<&String> = accounts.flat_map(|account| &account.you_can).collect();
    assert!(commands.len() > 5, "{commands:?}");
    for command in commands {
        let parsed = crate::cli::Cli::try_parse_from(command.split(' '));
        assert!(parsed.is_ok(), "{command}: {}", parsed.unwrap_err());
    }
}

#[test]
fn without_a_word_where_the_daemon_is_asked_over_its_socket() {
    let status = serde_json::to_string(&Status::of(&fixture::snapshot())).unwrap();
    let fake = Fake::start(move |request| {
        assert_eq!(request, Request::Status);
        Reply::Status(status.clone())
    });
    let arguments = Arguments { daemon: fake.daemon(), ..Arguments::default() };
    let told = Output::captured(|output| run(&arguments, output).unwrap());
    assert!(told.contains("trader: elevated"), "{told}");
}
