//! One broken file, one text.

use super::*;

fn files(name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    files.sort();
    files
}

fn read(path: &Path) -> Result<Config, Problems> {
    let name = path.file_name().unwrap().to_str().unwrap();
    config::parse(vec![Source::new(name, &fs::read_to_string(path).unwrap())])
}

#[test]
fn good_files_have_neither_problem_nor_warning() {
    for path in files("good") {
        match read(&path) {
            Ok(config) => assert!(config.warnings.is_empty(), "{}", config.warnings),
            Err(problems) => panic!("{problems}"),
        }
    }
}

#[test]
fn bad_files_are_told_as_they_should_be() {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(folder("bad"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for path in files("bad") {
        let problems = read(&path).expect_err("a file in bad/ is right");
        let name = path.file_stem().unwrap().to_str().unwrap();
        settings.bind(|| insta::assert_snapshot!(name, problems.to_string()));
    }
}

#[test]
fn no_text_shows_a_secret() {
    let problems = read(&folder("bad").join("secrets.toml")).expect_err("a file in bad/ is right").to_string();
    let told = problems.to_uppercase();
    assert!(
        told.contains("HOOKS.EXAMPLE/SERVICES/") && !told.contains("S3CR3T") && !told.contains("1234567"),
        "{told}"
    );
}
