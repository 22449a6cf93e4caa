//! Messages in every state, within every limit, whatever a pull request brings.

#![expect(clippy::unwrap_used, reason = "a message without our form is the test's failure")]

use domain::change::{Change, Check};
use domain::interact::Action;
use domain::report::{ClusterAsked, Finding, KustomizationReport, Mode, Side, Unresolved};
use domain::{MergeMethod, Trust};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::testing::{HOSTILE, changed, created, kustomization, object, pull, report, reports};

/// All that may be done.
const ACTS: Acts = Acts { request_changes: true, merge: Some(MergeMethod::Squash) };

fn show(state: State<'_>) -> String {
    let pull = pull();
    let (text, blocks) = summary(&MessageView {
        pull: &pull,
        state,
        note: Some("Asked for again by Ann"),
        extra: &[],
        acts: ACTS,
    });
    assert_eq!(limits::fits(&blocks), Ok(()));
    let mut out = format!("{text}\n");
    for block in &blocks {
        out.push_str(&format!("[{}] {}\n", block["block_id"].as_str().unwrap(), texts(block).join(" | ")));
    }
    out
}

/// Every text of a block.
fn texts(block: &Value) -> Vec<String> {
    let of = |object: &Value| {
        object["text"]["text"].as_str().or(object["text"].as_str()).unwrap_or_default().to_owned()
    };
    match block["elements"].as_array() {
        Some(elements) => elements.iter().map(of).collect(),
        None => vec![of(block)],
    }
}

fn example() -> Report {
    let image = |tag: &str| json!({"kind": "Deployment", "spec": {"image": tag}});
    let changes = vec![
        created(object("Service", "web"), json!({"kind": "Service"})),
        changed(object("Deployment", "web"), image("web:1"), image("web:2")),
    ];
    report(vec![kustomization("flux-system/apps", changes)])
}

const TITLE: &str = "[title] *<https://github.com/acme/fleet/pull/7|acme/fleet#7>* Bump web\nby ann: `bump` → `main` · `11111111`\n";

#[test]
fn a_report_reads_well() {
    assert_eq!(
        show(State::Reported(&example())),
        format!(
            "acme/fleet#7 Bump web: 1 created · 1 changed\n{TITLE}\
             [counts] *1 created · 1 changed*\n\
             [changes] • `Deployment/apps/web` changed: `spec.image` `1` → `2`\n• `Service/apps/web` created\n\
             [facts] Checked on cluster `prod` by dry-run | 3 Kustomizations known: 1 rendered, 2 proved identical (nothing they read changed)\n\
             [note] Asked for again by Ann\n\
             [actions] Post as comment | Approve | Request changes | Merge | View | Run again\n"
        )
    );
}

#[test]
fn every_other_state_says_where_it_stands() {
    let check = |state: State<'_>, expected: &str| {
        let shown = show(state);
        let rest = shown.split_once(TITLE).unwrap().1;
        assert_eq!(rest.replace("[note] Asked for again by Ann\n", ""), expected);
    };
    check(State::Queued, "[status] Waiting to be diffed…\n[actions] View\n");
    check(State::Running, "[status] Being diffed…\n[actions] View\n");
    check(State::Superseded, "[status] Newer commits came in; a new diff is on its way…\n[actions] View\n");
    let report = example();
    check(State::Merged(Some(&report)), "[status] *Merged*\n[report] 1 created · 1 changed\n");
    check(State::Closed(None), "[status] *Closed without a merge*\n");
    let failed = State::Failed { why: "cluster `prod` <!here>", report: Some(&report.id) };
    check(
        failed,
        "[status] ⚠️ The diff could not be made: cluster `prod` &lt;!here&gt;\n[actions] View | Run again\n",
    );
    check(
        State::Failed { why: "no", report: None },
        "[status] ⚠️ The diff could not be made: no\n[actions] View\n",
    );
}

#[test]
fn buttons_carry_the_report_and_nothing_else() {
    let (mut report, pull) = (example(), pull());
    report.trust = Trust::Untrusted;
    let (_, blocks) = summary(&MessageView {
        pull: &pull,
        state: State::Reported(&report),
        note: None,
        extra: &[],
        acts: ACTS,
    });
    let buttons = blocks.last().unwrap()["elements"].as_array().unwrap();
    let ids: Vec<_> =
        buttons.iter().map(|b| Action::from_id(b["action_id"].as_str().unwrap()).unwrap()).collect();
    let usual: Vec<_> = Action::ALL.into_iter().filter(|action| *action != Action::PostWhole).collect();
    assert_eq!(ids, usual);
    for button in buttons {
        let link = button["action_id"] == "view";
        assert_eq!(button["value"].as_str(), (!link).then(|| report.id.as_str()));
        assert_eq!(button["url"].as_str(), link.then_some(pull.url.as_str()));
    }
    let confirm = &buttons[1]["confirm"];
    assert_eq!(
        confirm["text"]["text"],
        "This leaves an approving review on acme/fleet#7 for commit 11111111."
    );
    let merge = buttons[3]["confirm"]["text"]["text"].as_str().unwrap();
    assert_eq!(merge, "This merges acme/fleet#7 at commit 11111111 as one commit, and Flux applies it.");
    assert_eq!(buttons[6]["text"]["text"], "Run the full diff");
    let confirm = buttons[6]["confirm"]["text"]["text"].as_str().unwrap();
    assert!(confirm.starts_with("Commit 11111111 of acme/fleet#7 comes from somebody who cannot write"));
}

#[test]
fn what_may_not_be_done_has_no_button() {
    let (report, mut pull) = (example(), pull());
    let shown = |pull: &PullRequest, acts: Acts| {
        let view = MessageView { pull, state: State::Reported(&report), note: None, extra: &[], acts };
        let shown = json!(summary(&view).1).to_string();
        ["approve", "request_changes", "merge"].map(|id| shown.contains(&format!("\"action_id\":\"{id}\"")))
    };
    assert_eq!(shown(&pull, Acts::default()), [true, false, false]);
    assert_eq!(shown(&pull, Acts { merge: None, ..ACTS }), [true, true, false]);
    assert_eq!(shown(&pull, ACTS), [true, true, true]);
    pull.draft = true;
    assert_eq!(shown(&pull, ACTS), [true, true, false]);
}

#[test]
fn only_what_one_comment_cannot_hold_can_be_published_whole() {
    let pull = pull();
    let lines = |n: usize| created(object("ConfigMap", "big"), json!({ "data": "line of text\n".repeat(n) }));
    for (n, wanted) in [(100, false), (6_000, true)] {
        let report = report(vec![kustomization("a/b", vec![lines(n)])]);
        let view =
            MessageView { pull: &pull, state: State::Reported(&report), note: None, extra: &[], acts: ACTS };
        let (_, blocks) = summary(&view);
        assert_eq!(json!(blocks).to_string().contains("\"action_id\":\"post_whole\""), wanted, "{n}");
    }
}

#[test]
fn only_an_outsiders_report_can_be_run_in_full() {
    let (mut report, pull) = (example(), pull());
    let by = "ann".to_owned();
    for trust in [Trust::Author, Trust::Configured, Trust::Vouched { by }] {
        report.trust = trust;
        let (_, blocks) = summary(&MessageView {
            pull: &pull,
            state: State::Reported(&report),
            note: None,
            extra: &[],
            acts: ACTS,
        });
        assert!(!json!(blocks).to_string().contains("run_full"));
    }
    assert!(
        json!(
            summary(&MessageView {
                pull: &pull,
                state: State::Reported(&report),
                note: None,
                extra: &[],
                acts: ACTS
            })
            .1
        )
        .to_string()
        .contains("ann asked for the full diff of 11111111")
    );
}

#[test]
fn no_changes_is_said_only_when_all_was_seen() {
    let mut report = report(vec![]);
    assert!(show(State::Reported(&report)).contains("[counts] *No changes*"));
    report.cluster = ClusterAsked::No { why: "none is configured".to_owned() };
    report.coverage.unresolved = vec![Unresolved { name: "a/b".to_owned(), why: "no source".to_owned() }];
    let shown = show(State::Reported(&report));
    assert!(!shown.contains("No changes"), "{shown}");
    for part in [
        "No change found, but 1 Kustomization could not be looked at",
        "No cluster was asked: none is configured",
        "`a/b` was not looked at: no source",
    ] {
        assert!(shown.contains(part), "no {part:?} in {shown}");
    }
}

#[test]
fn hostile_addresses_are_no_links() {
    let mut pull = pull();
    for url in ["javascript:alert(1)", "https://x|<!channel>", "https://x y", ""] {
        pull.url = url.to_owned();
        let (_, blocks) =
            summary(&MessageView { pull: &pull, state: State::Queued, note: None, extra: &[], acts: ACTS });
        assert!(texts(&blocks[0])[0].starts_with("*acme/fleet#7* "), "{url}");
        assert_eq!(blocks.len(), 2, "no View button for {url}");
    }
}

#[test]
fn small_reports_are_blocks_and_big_ones_files() {
    let Details::Blocks { text, blocks } = details(&example()) else { panic!("should fit") };
    assert_eq!(text, "The whole report on acme/fleet#7 at 11111111");
    let all: Vec<String> = blocks.iter().flat_map(texts).collect();
    assert_eq!(
        all,
        [
            "*1 created · 1 changed*",
            "*Kustomization* `flux-system/apps`",
            "`Service/apps/web` created\n```\n+kind: Service\n```",
            "`Deployment/apps/web` changed\n```\n@@ -1,3 +1,3 @@ spec.image\n kind: Deployment\n spec:\n-  image: web:1\n+  image: web:2\n```",
        ]
    );
    let big = created(object("ConfigMap", "big"), json!({"data": "a & b\n".repeat(1_000_000)}));
    let given = report(vec![kustomization("a/b", vec![big])]);
    let Details::File { name, text, notice, .. } = details(&given) else { panic!("should not fit") };
    assert_eq!(name, "acme-fleet-7-11111111.diff");
    assert_eq!(text, crate::text(&given));
    assert!(
        notice.0.contains("The whole report is in the file acme-fleet-7-11111111.diff ("),
        "{}",
        notice.0
    );
    assert_eq!(limits::fits(&notice.1), Ok(()));
}

#[test]
fn the_worst_that_can_come_together_still_fits() {
    let bad = "&".repeat(3_000);
    let with = |check: Check| Change { check, ..created(object("A", &bad), json!({"a": bad})) };
    let refused = || with(Check::Refused { why: bad.clone() });
    let unsure = || with(Check::NotValidated { why: bad.clone() });
    let mut given =
        report((0..9).map(|_| kustomization(&bad, vec![refused(), unsure(), refused()])).collect());
    for broken in 0..8 {
        let finding = Finding::Failed { side: Side::Both, error: bad.clone(), unknown: false };
        given
            .kustomizations
            .push(KustomizationReport { finding, ..kustomization(&format!("{bad}{broken}"), vec![]) });
    }
    given.cluster = ClusterAsked::No { why: bad.clone() };
    given.trust = Trust::Untrusted;
    given.comparison.mode = Mode::HeadAgainstMergeBase;
    given.notes = vec![bad.clone(); 9];
    given.coverage.unresolved = vec![Unresolved { name: bad.clone(), why: bad.clone() }; 9];
    (given.pull.title, given.pull.author.login, given.pull.head_branch) =
        (bad.clone(), bad.clone(), bad.clone());
    given.pull.base_branch.clone_from(&bad);
    given.pull.url = format!("https://github.com/{}", "&".repeat(70));
    let (text, blocks) = summary(&MessageView {
        pull: &given.pull,
        state: State::Reported(&given),
        note: Some(&bad),
        extra: &[],
        acts: ACTS,
    });
    assert_eq!(limits::fits(&blocks), Ok(()));
    assert!(crate::safe::units(&text) <= limits::FALLBACK);
    let failed = State::Failed { why: &bad, report: Some(&given.id) };
    assert_eq!(
        limits::fits(
            &summary(&MessageView { pull: &given.pull, state: failed, note: None, extra: &[], acts: ACTS }).1
        ),
        Ok(())
    );
}

#[test]
fn an_answer_is_one_section() {
    for given in [HOSTILE.repeat(100), "<".repeat(5_000), "🚀".repeat(5_000)] {
        let (text, blocks) = answer(&given);
        assert!(!text.contains('<') && text.ends_with('…'), "{text}");
        assert_eq!(limits::fits(&blocks), Ok(()));
    }
}

/// Nothing in a text opens something but our own link at its start.
fn nothing_live(blocks: &[Value]) -> Result<(), TestCaseError> {
    for text in blocks.iter().flat_map(texts) {
        let rest =
            text.strip_prefix("*<https://github.com/acme/fleet/pull/7|acme/fleet#7>*").unwrap_or(&text);
        prop_assert!(!rest.contains(['<', '>']), "{}", rest);
        prop_assert!(!rest.contains(|c: char| crate::safe::unseen(c) && !"\n\t".contains(c)), "{:?}", rest);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn messages_fit_whatever_is_in_them(given in reports(20_000)) {
        let state = State::Reported(&given);
        let (text, blocks) = summary(&MessageView { pull: &given.pull, state, note: Some(&given.pull.title), extra: &[], acts: ACTS });
        prop_assert!(crate::safe::units(&text) <= limits::FALLBACK);
        prop_assert_eq!(limits::fits(&blocks), Ok(()));
        nothing_live(&blocks)?;
        match details(&given) {
            Details::Blocks { blocks, .. } => {
                prop_assert_eq!(limits::fits(&blocks), Ok(()));
                nothing_live(&blocks)?;
                all_there(&given, &blocks)?;
            }
            Details::File { notice, text, .. } => {
                prop_assert_eq!(limits::fits(&notice.1), Ok(()));
                prop_assert_eq!(text, crate::text(&given));
            }
        }
    }
}

/// Every line of every diff stands in the blocks, and every code block is closed in its own section.
fn all_there(report: &Report, blocks: &[Value]) -> Result<(), TestCaseError> {
    let all: Vec<String> = blocks.iter().flat_map(texts).collect();
    for text in &all {
        prop_assert_eq!(text.matches("```").count() % 2, 0, "{}", text);
    }
    for kustomization in &report.kustomizations {
        let Finding::Changes { changes } = &kustomization.finding else { continue };
        for line in changes
            .iter()
            .flat_map(|c| crate::diff::of(c).lines().map(mrkdwn::fenced_line).collect::<Vec<_>>())
        {
            prop_assert!(all.iter().any(|text| text.contains(&line)), "no {}", line);
        }
    }
    Ok(())
}
