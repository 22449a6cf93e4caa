//! Comments are read back with a Markdown parser: exactly our own blocks, and nothing of the pull request outside of code.

#![expect(clippy::unwrap_used, reason = "a comment that does not have our form is the test's failure")]

use domain::change::{ChangeKind, Check};
use domain::mark::{Conclusion, Trait};
use domain::marker;
use domain::report::{ClusterAsked, Finding, Side, Unresolved};
use proptest::prelude::*;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use serde_json::json;

use super::*;
use crate::safe::units;
use crate::testing::{changed, created, kustomization, object, report, reports};

/// What a parser sees of a comment.
#[derive(Debug, Default)]
struct Seen {
    /// Language and content of each code block.
    blocks: Vec<(String, String)>,
    /// Raw HTML.
    html: String,
    /// Text outside of code.
    text: String,
    /// Whether there is a link or an image.
    links: bool,
}

fn read(comment: &str) -> Seen {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES;
    let mut seen = Seen::default();
    let mut in_block = false;
    for event in Parser::new_ext(comment, options) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(language) => language.to_string(),
                    CodeBlockKind::Indented => "indented".to_owned(),
                };
                seen.blocks.push((language, String::new()));
                in_block = true;
            }
            Event::End(TagEnd::CodeBlock) => in_block = false,
            Event::Text(text) if in_block => seen.blocks.last_mut().unwrap().1.push_str(&text),
            Event::Text(text) => seen.text.push_str(&text),
            Event::Html(html) | Event::InlineHtml(html) => seen.html.push_str(&html),
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => seen.links = true,
            _ => {}
        }
    }
    seen
}

/// The code blocks that a report may have.
fn wanted(report: &Report) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for kustomization in &report.kustomizations {
        match &kustomization.finding {
            Finding::Failed { error, .. } => {
                let error = crate::safe::visible(error);
                let end = if error.ends_with('\n') { "" } else { "\n" };
                all.push(("text".to_owned(), error + end));
            }
            Finding::Changes { changes } => {
                all.extend(changes.iter().map(|change| ("diff".to_owned(), diff::of(change))))
            }
        }
        all.extend(kustomization.drift.iter().map(|change| ("diff".to_owned(), diff::of(change))));
    }
    all.retain(|(_, content)| !content.is_empty());
    all
}

fn left_out(comment: &str) -> usize {
    let line = comment.lines().find(|line| line.starts_with("**") && line.contains(" left out here"));
    line.map_or(0, |line| line.trim_start_matches('*').split(' ').next().unwrap().parse().unwrap())
}

#[test]
fn a_plain_report_reads_well() {
    let image = |tag: &str| json!({"kind": "Deployment", "spec": {"image": tag}});
    let changes = vec![
        changed(object("Deployment", "web"), image("web:1"), image("web:2")),
        created(object("Service", "web"), json!({"kind": "Service"})),
    ];
    assert_eq!(
        comment(&report(vec![kustomization("flux-system/apps", changes)]), "preflux:prod"),
        "<!-- preflux:prod -->\n\
         ### 1 created · 1 changed\n\
         \n\
         - Checked on cluster `prod` by dry-run\n\
         - What stands in Git is shown here; what only the cluster knows is in Slack\n\
         - 3 Kustomizations known: 1 rendered, 2 proved identical (nothing they read changed)\n\
         - Head `11111111` of `bump` into `main` at `22222222`\n\
         \n\
         <details><summary><code>flux-system/apps</code> (<code>./apps</code>) — 2 objects</summary>\n\
         \n\
         `Deployment/apps/web` changed\n\
         \n\
         ```diff\n\
         @@ -1,3 +1,3 @@ spec.image\n \
          kind: Deployment\n \
          spec:\n\
         -  image: web:1\n\
         +  image: web:2\n\
         ```\n\
         \n\
         `Service/apps/web` created\n\
         \n\
         ```diff\n\
         +kind: Service\n\
         ```\n\
         \n\
         </details>\n"
    );
}

#[test]
fn ten_thousand_objects_are_counted() {
    let changes =
        (0..10_000).map(|i| created(object("ConfigMap", &format!("c{i}")), json!({"a": "b"}))).collect();
    let text = comment(&report(vec![kustomization("a/b", changes)]), "m");
    assert!(units(&text) <= COMMENT_LIMIT);
    let listed = text.matches("`ConfigMap/apps/c").count();
    assert_eq!(left_out(&text), 10_000);
    assert!(text.contains(&format!("{} objects are not even listed", 10_000 - listed)), "{listed}");
}

#[test]
fn five_megabytes_leave_the_small_objects_readable() {
    let big = created(object("ConfigMap", "big"), json!({"data": "```\n".repeat(1_300_000)}));
    let small = created(object("ConfigMap", "small"), json!({"a": "b"}));
    let text = comment(&report(vec![kustomization("a/b", vec![big, small])]), "m");
    assert!(units(&text) <= COMMENT_LIMIT);
    for part in [
        "`ConfigMap/apps/big` created, the first ",
        " of 1,300,001 lines",
        "**1 diff is left out here or shown",
        "+a: b\n",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

/// The lines of all code blocks, in order.
fn lines_of(comments: &[String]) -> String {
    comments.iter().flat_map(|comment| read(comment).blocks).map(|(_, lines)| lines).collect()
}

#[test]
fn the_whole_takes_as_many_comments_as_it_needs() {
    let big = |name: &str, lines: usize| {
        let text: String = (0..lines).map(|n| format!("{name} {n} ````\n")).collect();
        created(object("ConfigMap", name), json!({ "data": text }))
    };
    let small = created(object("ConfigMap", "small"), json!({"a": "b"}));
    let given = report(vec![
        kustomization("a/b", vec![small.clone(), big("one", 4_000)]),
        kustomization("a/c", vec![big("two", 5_000), small]),
    ]);
    let all = comments(&given, "preflux");
    assert_eq!(all.len(), 3, "{:?}", all.iter().map(|c| units(c)).collect::<Vec<_>>());
    for (part, comment) in (1..).zip(&all) {
        assert!(units(comment) <= COMMENT_LIMIT);
        assert_eq!(marker::part_of("preflux", comment), Some(part));
        assert!(comment.contains(&format!("Part {part} of 3 of the report")), "{comment}");
        assert_eq!(comment.matches("<details>").count(), comment.matches("</details>").count());
        assert!(!comment.contains("left out"));
    }
    let wanted: String = wanted(&given).into_iter().map(|(_, lines)| lines).collect();
    assert_eq!(lines_of(&all), wanted, "each line once, in order");
    assert!(all[1].contains("<code>a/b</code> (<code>./apps</code>) — continued"), "{}", all[1]);

    let one = report(vec![kustomization("a/b", vec![created(object("A", "x"), json!({"a": 1}))])]);
    assert_eq!(comments(&one, "preflux"), [comment(&one, "preflux")]);
}

#[test]
fn more_than_ten_comments_leave_out_what_is_counted() {
    let text = "text of a line that is not short\n".repeat(40_000);
    let line = "x".repeat(90_000);
    let given = report(vec![kustomization(
        "a/b",
        vec![
            created(object("ConfigMap", "line"), json!({ "a": line })),
            created(object("ConfigMap", "big"), json!({ "a": text })),
            created(object("ConfigMap", "last"), json!({"a": "b"})),
        ],
    )]);
    let all = comments(&given, "preflux");
    assert_eq!(all.len(), 10);
    assert!(all[0].contains("x… (85"), "the line is cut");
    assert!(all.iter().all(|comment| units(comment) <= COMMENT_LIMIT));
    assert_eq!(left_out(&all[9]), 1);
    assert!(all[9].contains("`ConfigMap/apps/last` created"), "{}", &all[9][..2_000]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn nothing_breaks_out_and_nothing_is_lost(given in reports(50_000)) {
        let text = comment(&given, "preflux");
        prop_assert!(units(&text) <= COMMENT_LIMIT, "{}", units(&text));
        prop_assert!(text.chars().count() <= COMMENT_LIMIT);
        let seen = read(&text);
        let wanted = wanted(&given);
        for block in &seen.blocks {
            let ours = |(language, lines): &(String, String)| *language == block.0 && lines.starts_with(&block.1);
            prop_assert!(wanted.iter().any(ours), "{:?} is no block of ours in\n{}", block, text);
        }
        let in_full = seen.blocks.iter().filter(|block| wanted.contains(block)).count();
        prop_assert!(in_full + left_out(&text) >= wanted.len(), "{}", text);
        prop_assert!(!seen.links, "a link or image in {}", text);
        for live in ["@", "#", "://", "<", "\u{202e}", "\u{1b}"] {
            prop_assert!(!seen.text.contains(live), "{:?} in {}", live, seen.text);
        }
        let ours = ["<!-- preflux -->", "<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>"];
        let rest = ours.iter().fold(seen.html.clone(), |html, tag| html.replace(tag, ""));
        prop_assert!(!rest.contains(['<', '>']), "{}", rest);
    }
}

/// A report in which everything was looked at, changed.
fn with(change: impl FnOnce(&mut Report)) -> Report {
    let mut given =
        report(vec![kustomization("apps/web", vec![created(object("ConfigMap", "a"), json!({}))])]);
    change(&mut given);
    given
}

#[test]
fn a_check_ends_as_its_report_does() {
    let refused = |given: &mut Report| {
        let Finding::Changes { changes } = &mut given.kustomizations[0].finding else { panic!("changes") };
        changes[0].check = Check::Refused { why: "spec.x: required".to_owned() };
    };
    let unsure = |given: &mut Report| {
        let Finding::Changes { changes } = &mut given.kustomizations[0].finding else { panic!("changes") };
        changes[0].check = Check::NotValidated { why: "the namespace is new".to_owned() };
    };
    let broken = |side, unknown| {
        move |given: &mut Report| {
            given.kustomizations[0].finding = Finding::Failed { side, error: "x".to_owned(), unknown };
        }
    };
    let unseen = |given: &mut Report| {
        given.coverage.unresolved = vec![Unresolved { name: "a/c".to_owned(), why: "no source".to_owned() }];
    };
    let nobody_asked = |given: &mut Report| given.cluster = ClusterAsked::No { why: "none".to_owned() };
    let differs = |given: &mut Report| given.coverage.render_checks.differs.push("a/b".to_owned());
    for (given, wanted, title) in [
        (with(|_| ()), Conclusion::Success, "1 created"),
        (with(refused), Conclusion::Failure, "Merging would fail: 1 created · 1 refused"),
        (with(unsure), Conclusion::Neutral, "Not everything is known: 1 created · 1 not validated"),
        (
            with(broken(Side::Result, false)),
            Conclusion::Failure,
            "Merging would fail: 1 Kustomization not rendered",
        ),
        (
            with(broken(Side::Result, true)),
            Conclusion::Neutral,
            "Not everything is known: 1 Kustomization not rendered",
        ),
        (
            with(broken(Side::Base, false)),
            Conclusion::Neutral,
            "Not everything is known: 1 Kustomization not rendered",
        ),
        (with(unseen), Conclusion::Neutral, "Not everything is known: 1 created · 1 not looked at"),
        (with(nobody_asked), Conclusion::Neutral, "Not everything is known: 1 created"),
        (with(differs), Conclusion::Neutral, "Not everything is known: 1 created"),
    ] {
        assert_eq!((given.conclusion(), check(&given).0.as_str()), (wanted, title));
    }
}

#[test]
fn each_cluster_has_its_own_check() {
    let mut given = report(vec![
        kustomization("apps/a", vec![created(object("ConfigMap", "a"), json!({}))]),
        kustomization("apps/b", vec![created(object("ConfigMap", "b"), json!({}))]),
    ]);
    let Finding::Changes { changes } = &mut given.kustomizations[1].finding else { panic!("changes") };
    changes[0].check = Check::Refused { why: "no".to_owned() };
    given.kustomizations[0].cluster = Some("eu".to_owned());
    given.kustomizations[1].cluster = Some("us".to_owned());
    given.cluster = ClusterAsked::Yes { name: "eu, us".to_owned() };
    given.coverage.unresolved = vec![Unresolved { name: "apps/c on ap".to_owned(), why: "x".to_owned() }];
    let all = ["eu", "us", "ap"].map(str::to_owned);
    let of = |cluster: &str| given.on_cluster(cluster, &all);
    assert_eq!((of("eu").conclusion(), of("eu").kustomizations.len()), (Conclusion::Success, 1));
    assert_eq!(of("us").conclusion(), Conclusion::Failure);
    // It was not asked.
    assert_eq!((of("ap").conclusion(), of("ap").kustomizations.len()), (Conclusion::Neutral, 0));
    let (title, summary) = check(&of("us"));
    assert!(title.starts_with("Merging would fail: 1 created") && !summary.contains("apps/a"), "{summary}");
}

#[test]
fn labels_go_by_what_a_report_holds() {
    let traits = |given: Report| given.traits().into_iter().map(Trait::word).collect::<Vec<_>>();
    assert_eq!(traits(with(|_| ())), ["changes"]);
    assert_eq!(traits(with(|given| given.kustomizations.clear())), ["unchanged"]);
    assert_eq!(traits(with(|given| given.kustomizations[0].emptied = true)), ["changes", "deletes"]);
    let asked = |given: &mut Report| given.cluster = ClusterAsked::No { why: "none".to_owned() };
    assert_eq!(traits(with(asked)), ["changes", "incomplete"]);
    let more = |kind| {
        with(|given| {
            let Finding::Changes { changes } = &mut given.kustomizations[0].finding else {
                panic!("changes")
            };
            changes[0].kind = kind;
            given.kustomizations[0].drift = changes.clone();
        })
    };
    assert_eq!(traits(more(ChangeKind::Deleted)), ["changes", "deletes", "drift"]);
    assert_eq!(traits(more(ChangeKind::Recreated)), ["changes", "recreates", "drift"]);
}
