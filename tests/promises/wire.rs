//! Every queue message that was ever sent keeps parsing: `tests/wire` holds one of each form, as JSON beside the job that it means.
//!
//! A new form gets a new file; a file that is there is never changed.

use domain::interact::{Action, Click, Command, Person};
use domain::job::{Cause, DiffJob, Job};

use crate::support::root;

fn person() -> Person {
    Person { team: "T0ACME".to_owned(), id: "U0ALICE".to_owned(), name: "alice".to_owned() }
}

fn diff(cause: Cause) -> Job {
    let head = "6f1d0c3e9a7b5d4c2e8f0a1b3c5d7e9f1a2b3c4d".parse().unwrap();
    Job::Diff(DiffJob { pull: "acme/fleet#7".parse().unwrap(), head, cause })
}

fn click(action: Action) -> Job {
    Job::Click(Click {
        action,
        report: "0f3a9b1c2d4e5f60718293a4b5c6d7e8".parse().unwrap(),
        by: person(),
        channel: "C0DEPLOYS".to_owned(),
        message: "1700000000.000100".to_owned(),
        trigger: "1700000000.42.abc".to_owned(),
        answer_url: "https://hooks.slack.com/actions/T0ACME/1/x".to_owned(),
        reason: (action == Action::RequestChanges).then(|| "Two replicas are\nnot enough.".to_owned()),
    })
}

/// Every saved message: its file's name, and what it means.
fn examples() -> Vec<(&'static str, Job)> {
    vec![
        ("v1-diff-opened", diff(Cause::Opened)),
        ("v1-diff-changed", diff(Cause::Changed)),
        ("v1-diff-base-moved", diff(Cause::BaseMoved)),
        ("v1-diff-asked", diff(Cause::Asked)),
        ("v1-refresh", Job::Refresh { pull: "acme/fleet#7".parse().unwrap() }),
        (
            "v1-mark",
            Job::Mark {
                pull: "acme/fleet#7".parse().unwrap(),
                report: "0f3a9b1c2d4e5f60718293a4b5c6d7e8".parse().unwrap(),
            },
        ),
        ("v1-discover", Job::Discover),
        ("v1-look", Job::Look { repo: "acme/fleet".parse().unwrap(), put_off: 0 }),
        ("v1-click-post-comment", click(Action::PostComment)),
        ("v1-click-post-whole", click(Action::PostWhole)),
        ("v1-click-approve", click(Action::Approve)),
        ("v1-click-request-changes", click(Action::RequestChanges)),
        ("v1-click-merge", click(Action::Merge)),
        ("v1-click-view", click(Action::View)),
        ("v1-click-run-again", click(Action::RunAgain)),
        ("v1-click-run-full", click(Action::RunFull)),
        (
            "v1-command",
            Job::Command(Command {
                text: "get kustomizations -n flux-system".to_owned(),
                by: person(),
                channel: "C0DEPLOYS".to_owned(),
                trigger: "1700000000.43.def".to_owned(),
                answer_url: "https://hooks.slack.com/commands/T0ACME/2/y".to_owned(),
                replaces: false,
            }),
        ),
        (
            "v1-command-page",
            Job::Command(Command {
                text: "get ks --page 2".to_owned(),
                by: person(),
                channel: "C0DEPLOYS".to_owned(),
                trigger: "1700000000.43.def".to_owned(),
                answer_url: "https://hooks.slack.com/commands/T0ACME/2/y".to_owned(),
                replaces: true,
            }),
        ),
    ]
}

/// Each form of a job; a new one does not compile until it has a name here, and fails until it has an example.
fn form(job: &Job) -> String {
    match job {
        Job::Diff(job) => format!("diff {:?}", job.cause),
        Job::Refresh { .. } => "refresh".to_owned(),
        Job::Mark { .. } => "mark".to_owned(),
        Job::Discover => "discover".to_owned(),
        Job::Look { .. } => "look".to_owned(),
        Job::Click(click) => format!("click {:?}", click.action),
        Job::Command(_) => "command".to_owned(),
    }
}

#[test]
fn every_saved_message_still_means_the_same() {
    for (name, expected) in examples() {
        let file = root().join(format!("tests/wire/{name}.json"));
        if std::env::var_os("UPDATE_EXPECT").is_some() && !file.exists() {
            std::fs::write(&file, ports::wire::encode(&expected) + "\n").unwrap();
        }
        let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        assert_eq!(ports::wire::decode(&text).map_err(|e| e.to_string()), Ok(expected), "{name}");
    }
}

#[test]
fn every_file_and_every_form_has_its_example() {
    let mut files: Vec<String> = std::fs::read_dir(root().join("tests/wire"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    files.sort();
    let mut named: Vec<&str> = examples().iter().map(|(name, _)| *name).collect();
    named.sort_unstable();
    assert_eq!(files, named, "tests/wire and the examples here name the same messages");

    let forms: std::collections::BTreeSet<String> = examples().iter().map(|(_, job)| form(job)).collect();
    let causes = [Cause::Opened, Cause::Changed, Cause::BaseMoved, Cause::Asked].map(|c| form(&diff(c)));
    let clicks = Action::ALL.map(|action| form(&click(action)));
    let wanted = causes
        .into_iter()
        .chain(clicks)
        .chain(["refresh", "mark", "discover", "look", "command"].map(str::to_owned));
    assert_eq!(forms, wanted.collect());
}

#[test]
fn a_version_or_a_job_from_the_future_is_unreadable_and_not_misread() {
    for text in [
        r#"{"v":"2","job":"diff","repo":"acme/fleet","number":7}"#,
        r#"{"v":"1","job":"deploy","repo":"acme/fleet","number":7}"#,
        r#"{"v":1,"job":"refresh","repo":"acme/fleet","number":7}"#,
        "not JSON at all",
    ] {
        assert!(ports::wire::decode(text).is_err(), "{text}");
    }
}
