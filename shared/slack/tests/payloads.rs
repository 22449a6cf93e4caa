//! Saved bodies of requests must keep parsing to what they mean.

#![expect(clippy::unwrap_used, reason = "a payload that cannot be read is the test's failure")]

use domain::interact::{Action, Interaction};
use slack::inbound::parse;

fn read(name: &str) -> Interaction {
    let path = format!("{}/tests/payloads/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let body = std::fs::read(&path).unwrap();
    parse(body.trim_ascii_end(), Some("application/x-www-form-urlencoded; charset=utf-8")).unwrap()
}

fn check_click(name: &str, action: Action) {
    let Interaction::Click(click) = read(name) else { panic!("`{name}` is no click") };
    assert_eq!(click.action, action);
    assert_eq!(click.report.as_str(), "0b5f3a52-7d1e-4a86-9a52-6f6a0c1d2e3f");
    assert_eq!(
        (click.by.team.as_str(), click.by.id.as_str(), click.by.name.as_str()),
        ("T024ACME", "U07ANN", "ann")
    );
    assert_eq!((click.channel.as_str(), click.message.as_str()), ("C09DEPLOYS", "1763800000.000100"));
    assert_eq!(click.trigger, "7001.2002.abc123");
    assert_eq!(click.answer_url, "https://hooks.slack.com/actions/T024ACME/7001/xyz");
}

#[test]
fn clicks() {
    check_click("click-post-comment", Action::PostComment);
    check_click("click-approve", Action::Approve);
    check_click("click-run-again", Action::RunAgain);
    assert_eq!(read("click-view"), Interaction::Nothing);
}

#[test]
fn a_click_of_somebody_from_another_workspace_says_so() {
    let Interaction::Click(click) = read("click-of-an-outsider") else { panic!("no click") };
    assert_eq!(click.by.team, "T777ELSE");
}

#[test]
fn commands() {
    let Interaction::Command(command) = read("command-get-kustomizations") else { panic!("no command") };
    assert_eq!(command.text, "get kustomizations -n flux-system");
    assert_eq!(
        (command.by.team.as_str(), command.by.id.as_str(), command.by.name.as_str()),
        ("T024ACME", "U07ANN", "ann")
    );
    assert_eq!(command.channel, "C09DEPLOYS");
    assert_eq!(command.answer_url, "https://hooks.slack.com/commands/T024ACME/7001/xyz");
    let Interaction::Command(empty) = read("command-empty") else { panic!("no command") };
    assert_eq!(empty.text, "");
}

#[test]
fn what_needs_no_answer() {
    assert_eq!(read("ssl-check"), Interaction::Nothing);
    assert_eq!(read("view-submission"), Interaction::Nothing);
}
