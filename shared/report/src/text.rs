//! The report for a terminal: summary, then every Kustomization, then every object with its whole diff. Nothing is left out.

use std::fmt::Write as _;

use domain::change::{Change, ChangeKind};
use domain::report::{Finding, KustomizationReport, Mode, Report};

use crate::safe::{one_line, visible};
use crate::{diff, words};

/// Characters of one sentence; longer ones end in `…`.
const LINE: usize = 10_000;

/// How the text looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// Colours by ANSI escape sequences.
    pub colour: bool,
}

/// The report without colours.
pub fn text(report: &Report) -> String {
    text_with(report, &TextOptions::default())
}

/// The report as text. Other people's control characters are spelled out, so that they cannot steer a terminal.
pub fn text_with(report: &Report, options: &TextOptions) -> String {
    let mut out = Text { out: String::new(), colour: options.colour };
    out.head(report);
    for kustomization in &report.kustomizations {
        out.kustomization(kustomization);
    }
    out.out
}

struct Text {
    out: String,
    colour: bool,
}

/// ANSI codes by meaning.
#[derive(Clone, Copy)]
enum Paint {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Cyan,
}

impl Text {
    fn line(&mut self, paint: Option<Paint>, text: &str) {
        let code = match paint {
            None => "",
            Some(Paint::Bold) => "1",
            Some(Paint::Dim) => "2",
            Some(Paint::Red) => "31",
            Some(Paint::Green) => "32",
            Some(Paint::Yellow) => "33",
            Some(Paint::Cyan) => "36",
        };
        // Writing into a String cannot fail.
        let _ = if self.colour && !code.is_empty() {
            writeln!(self.out, "\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            writeln!(self.out, "{text}")
        };
    }

    fn head(&mut self, report: &Report) {
        self.title(report);
        self.line(None, "");
        self.line(Some(Paint::Bold), &words::headline(report));
        for risk in words::risks(report) {
            self.line(Some(Paint::Red), &format!("! {risk}"));
        }
        self.line(None, &words::cluster(&report.cluster));
        let optional = [words::comparison(&report.comparison), words::untrusted(report)];
        for sentence in optional.into_iter().flatten() {
            self.line(Some(Paint::Yellow), &sentence);
        }
        self.line(None, &words::coverage(&report.coverage));
        for sentence in words::unresolved(&report.coverage, LINE) {
            self.line(Some(Paint::Yellow), &format!("  {sentence}"));
        }
        for note in &report.notes {
            self.line(Some(Paint::Yellow), &format!("Note: {}", one_line(note, LINE)));
        }
    }

    fn title(&mut self, report: &Report) {
        let pull = &report.pull;
        let (head, base) = (one_line(&pull.head_branch, 250), one_line(&pull.base_branch, 250));
        if report.comparison.mode == Mode::Revisions {
            return self.line(
                Some(Paint::Bold),
                &format!("{} of {}", one_line(&pull.title, 300), pull.key.repo.name()),
            );
        }
        self.line(Some(Paint::Bold), &format!("{} {}", pull.key, one_line(&pull.title, 300)));
        self.line(None, &format!("{} · {head} -> {base} · {}", words::proposal(pull), pull.head.short()));
        self.line(Some(Paint::Dim), &visible(&pull.url));
    }

    fn kustomization(&mut self, kustomization: &KustomizationReport) {
        self.line(None, "");
        let path = one_line(&kustomization.path, 300);
        let path = if path.is_empty() { "./" } else { &path };
        let mut title = format!("Kustomization {} ({path})", one_line(&kustomization.name, 300));
        for word in words::presence(kustomization) {
            title.push_str(", ");
            title.push_str(&word);
        }
        self.line(Some(Paint::Bold), &title);
        for note in &kustomization.notes {
            self.line(Some(Paint::Yellow), &format!("  Note: {}", one_line(note, LINE)));
        }
        match &kustomization.finding {
            Finding::Failed { side, error, unknown } => {
                self.line(Some(Paint::Red), &format!("  {}:", words::failed(*side, *unknown)));
                visible(error).lines().for_each(|line| self.line(Some(Paint::Red), &format!("    {line}")));
            }
            Finding::Changes { changes } if changes.is_empty() => {
                self.line(None, "  No object changes");
            }
            Finding::Changes { changes } => {
                changes.iter().for_each(|change| self.change(change, words::kind(change.kind)));
            }
        }
        if !kustomization.drift.is_empty() {
            self.line(Some(Paint::Dim), &format!("  {}:", words::drift(kustomization.drift.len())));
            kustomization.drift.iter().for_each(|change| self.change(change, words::drifted()));
        }
    }

    fn change(&mut self, change: &Change, what: &str) {
        let paint = match change.kind {
            ChangeKind::Created => Paint::Green,
            ChangeKind::Deleted | ChangeKind::Recreated => Paint::Red,
            ChangeKind::Changed | ChangeKind::Orphaned | ChangeKind::Moved | ChangeKind::Renamed => {
                Paint::Yellow
            }
        };
        let title = format!("  {} {}", visible(&change.object.to_string()).replace('\n', " "), what);
        self.line(Some(paint), &title);
        if let Some(said) = words::check(change, LINE) {
            self.line(Some(Paint::Red), &format!("    ! {said}"));
        }
        for remark in words::remarks(change, LINE) {
            self.line(Some(Paint::Yellow), &format!("    {remark}"));
        }
        let lines = diff::of(change);
        if lines.is_empty() {
            self.line(Some(Paint::Dim), &format!("    {}", words::no_lines(change)));
        }
        for line in lines.lines() {
            let paint = match line.as_bytes().first() {
                Some(b'+') => Some(Paint::Green),
                Some(b'-') => Some(Paint::Red),
                Some(b'@') => Some(Paint::Cyan),
                _ => None,
            };
            self.line(paint, &format!("    {line}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{HOSTILE, changed, created, kustomization, object, report, reports};
    use domain::Trust;
    use domain::report::{ClusterAsked, Mode, Side, Unresolved};
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_plain_report_reads_well() {
        let image =
            |tag: &str| json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"image": tag}});
        let changes = vec![
            changed(object("Deployment", "web"), image("web:1"), image("web:2")),
            created(object("Service", "web"), json!({"kind": "Service"})),
        ];
        assert_eq!(
            text(&report(vec![kustomization("flux-system/apps", changes)])),
            "acme/fleet#7 Bump web\n\
             by ann · bump -> main · 11111111\n\
             https://github.com/acme/fleet/pull/7\n\
             \n\
             1 created · 1 changed\n\
             Checked on cluster `prod` by dry-run\n\
             3 Kustomizations known: 1 rendered, 2 proved identical (nothing they read changed)\n\
             \n\
             Kustomization flux-system/apps (./apps)\n  \
               Deployment/apps/web changed\n    \
                 @@ -1,4 +1,4 @@ spec.image\n     \
                  apiVersion: apps/v1\n     \
                  kind: Deployment\n     \
                  spec:\n    \
                 -  image: web:1\n    \
                 +  image: web:2\n  \
               Service/apps/web created\n    \
                 +kind: Service\n"
        );
    }

    #[test]
    fn what_could_not_be_seen_is_said() {
        let mut given = report(vec![kustomization("flux-system/apps", vec![])]);
        given.cluster = ClusterAsked::No { why: "none is configured. Set `cluster`.".to_owned() };
        given.trust = Trust::Untrusted;
        given.comparison.mode = Mode::HeadAgainstMergeBase;
        given.coverage.unresolved = vec![Unresolved {
            name: "flux-system/db".to_owned(),
            why: "its source is another repository".to_owned(),
        }];
        given.kustomizations[0].finding = Finding::Failed {
            side: Side::Result,
            error: "a.yaml: spec.x\nis bad".to_owned(),
            unknown: false,
        };
        let text = text(&given);
        for part in [
            "1 Kustomization not rendered · 1 not looked at",
            "! Does not render: `flux-system/apps`",
            "No cluster was asked: none is configured. Set `cluster`.",
            "the head is compared with the commit it branched from",
            "no cluster heard of it",
            "`flux-system/db` was not looked at: its source is another repository",
            "this pull request breaks it:\n    a.yaml: spec.x\n    is bad\n",
        ] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
        assert!(!text.to_lowercase().contains("no changes"), "{text}");
    }

    #[test]
    fn drift_is_told_apart() {
        let mut given = report(vec![kustomization("a/b", vec![])]);
        given.kustomizations[0].drift =
            vec![changed(object("A", "x"), json!({"size": 1}), json!({"size": 2}))];
        let text = text(&given);
        for part in [
            "\nNo object changes\n",
            "  1 object is in the cluster otherwise than in Git (drift, not this pull request's doing):\n",
            "  A/apps/x differs (- Git, + cluster)\n    @@ -1,1 +1,1 @@ size\n    -size: 1\n    +size: 2\n",
        ] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
    }

    #[test]
    fn nobody_steers_the_terminal() {
        let mut given =
            report(vec![kustomization(HOSTILE, vec![created(object("A", HOSTILE), json!({"a": HOSTILE}))])]);
        given.pull.title = HOSTILE.to_owned();
        given.notes = vec![HOSTILE.to_owned()];
        assert!(!text(&given).contains(|c: char| crate::safe::unseen(c) && c != '\n' && c != '\t'));
        assert!(text_with(&given, &TextOptions { colour: true }).contains("\u{1b}[32m"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_object_and_every_line_is_there(given in reports(5_000)) {
            let text = text(&given);
            for kustomization in &given.kustomizations {
                if let Finding::Changes { changes } = &kustomization.finding {
                    for change in changes {
                        let name = visible(&change.object.to_string()).replace('\n', " ");
                        prop_assert!(text.contains(&name), "no {}", name);
                        for line in crate::diff::of(change).lines() {
                            prop_assert!(text.contains(line), "no {}", line);
                        }
                    }
                }
            }
        }
    }
}
