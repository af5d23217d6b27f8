use clap::CommandFactory as _;

use super::*;

/// The command line with a fixed width and version.
fn program() -> clap::Command {
    let mut program = Cli::command().version("VERSION").term_width(100).color(clap::ColorChoice::Never);
    program.build();
    program
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

/// Regenerate with `INSTA_UPDATE=always cargo test cli`: what a person reads first.
#[test]
fn golden_help() {
    let mut program = program();
    let mut text = program.render_long_help().to_string();
    for command in program.get_subcommands_mut() {
        let name = command.get_name().to_owned();
        text.push_str(&format!("\n--- {name}\n{}", command.render_long_help()));
    }
    insta::assert_snapshot!("help", text);
}

#[test]
fn golden_manual() {
    let mut page = Vec::new();
    clap_mangen::Man::new(program()).render(&mut page).unwrap();
    insta::assert_snapshot!("manual", String::from_utf8(page).unwrap());
}

#[test]
fn every_subcommand_has_a_page() {
    for command in program().get_subcommands() {
        let arguments = man::Arguments::of(command.get_name());
        let page = Output::captured(|output| man::run(&arguments, output).unwrap());
        assert!(page.contains(&format!("tradedog\\-{}", command.get_name())), "{page}");
    }
    let Err(Failure::Usage(error)) = man::run(&man::Arguments::of("bark"), &mut Output::stdout()) else {
        panic!("there is no such page");
    };
    assert!(error.to_string().contains("bark") && error.to_string().contains("--help"), "{error}");
}

#[test]
fn every_shell_completes_every_subcommand() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let cli = Cli::try_parse_from(["tradedog", "completions", shell]).unwrap();
        let script = Output::captured(|output| cli.command.run(output).unwrap());
        for command in program().get_subcommands() {
            assert!(script.contains(command.get_name()), "{shell} does not know {}", command.get_name());
        }
    }
}

#[test]
fn a_wrong_command_line_is_answered_with_what_would_be_right() {
    for (arguments, said) in [
        (&["tradedog", "chek"][..], "'check'"),
        (&["tradedog", "run", "--confg", "x"], "'--config'"),
        (&["tradedog", "status", "--config", "x", "--url", "http://x"], "cannot be used with"),
        (&["tradedog", "completions", "csh"], "possible values"),
    ] {
        let error = Cli::try_parse_from(arguments).unwrap_err();
        assert!(error.use_stderr() && error.to_string().contains(said), "{error}");
    }
    assert!(!Cli::try_parse_from(["tradedog", "--version"]).unwrap_err().use_stderr());
}

#[test]
fn a_reader_who_leaves_is_no_failure() {
    let closed = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
    assert!(matches!(Failure::from(closed), Failure::Closed));
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    assert!(matches!(Failure::from(full), Failure::Runtime(_)));
}
