use crate::export::fixture;
use crate::export::status::Status;

#[test]
fn golden() {
    let status = Status::of(&fixture::snapshot());
    let told = |name: &str, account: &super::Account| {
        let part =
            |word: &str, lines: &[String]| lines.iter().map(|line| format!("  {word:<8} {line}\n")).collect::<String>();
        format!(
            "{name}\n{}{}{}{}{}",
            part("why", &account.why),
            part("done", &account.done),
            part("next", &account.next),
            part("you can", &account.you_can),
            part("evidence", &account.evidence)
        )
    };
    let mut text = told("host", &status.host.account);
    for target in &status.targets {
        text += &told(&target.name, &target.account);
    }
    insta::assert_snapshot!("fixture", text);
}
