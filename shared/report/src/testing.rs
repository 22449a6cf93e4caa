//! Reports for the tests of this crate.

#![expect(clippy::unwrap_used, reason = "the names are constants")]

use domain::change::{Change, ChangeKind, Check, Public};
use domain::mask::Mask;
use domain::report::{
    ClusterAsked, Comparison, Coverage, Finding, KustomizationReport, Mode, Presence, RenderCheck, Report,
    Side, Unresolved,
};
use domain::{Author, ObjectId, PullRequest, PullState, Trust};
use proptest::prelude::*;
use serde_json::{Value, json};

pub(crate) const HEAD: &str = "1111111111111111111111111111111111111111";
pub(crate) const BASE: &str = "2222222222222222222222222222222222222222";

pub(crate) fn pull() -> PullRequest {
    PullRequest {
        key: "acme/fleet#7".parse().unwrap(),
        title: "Bump web".to_owned(),
        author: Author { login: "ann".to_owned(), bot: false },
        state: PullState::Open,
        draft: false,
        labels: Default::default(),
        head_branch: "bump".to_owned(),
        head: HEAD.parse().unwrap(),
        base_branch: "main".to_owned(),
        base: BASE.parse().unwrap(),
        fork: false,
        head_owner: None,
        url: "https://github.com/acme/fleet/pull/7".to_owned(),
        updated_at: 1,
        closed_at: None,
    }
}

pub(crate) fn object(kind: &str, name: &str) -> ObjectId {
    ObjectId {
        group: String::new(),
        kind: kind.to_owned(),
        namespace: "apps".to_owned(),
        name: name.to_owned(),
    }
}

pub(crate) fn changed(object: ObjectId, before: Value, after: Value) -> Change {
    in_git(ChangeKind::Changed, object, Check::DryRun, (Some(before), Some(after)))
}

pub(crate) fn created(object: ObjectId, after: Value) -> Change {
    in_git(ChangeKind::Created, object, Check::DryRun, (None, Some(after)))
}

/// A change of which all stands in Git.
fn in_git(kind: ChangeKind, object: ObjectId, check: Check, sides: (Option<Value>, Option<Value>)) -> Change {
    let mut change = Change::new(object, kind, check, sides, &Mask::default());
    let (before, after) = (change.before.clone(), change.after.clone());
    let why = change.check.why().map(str::to_owned);
    change.public = Some(Box::new(Public { before, after, why, remarks: Vec::new() }));
    change
}

pub(crate) fn kustomization(name: &str, changes: Vec<Change>) -> KustomizationReport {
    KustomizationReport {
        name: name.to_owned(),
        path: "./apps".to_owned(),
        presence: Presence::Both,
        suspended: false,
        emptied: false,
        finding: Finding::Changes { changes },
        drift: Vec::new(),
        notes: Vec::new(),
        cluster: None,
        render_check: None,
    }
}

pub(crate) fn report(kustomizations: Vec<KustomizationReport>) -> Report {
    let rendered = kustomizations.len();
    Report {
        id: "report-00000001".parse().unwrap(),
        pull: pull(),
        comparison: Comparison {
            base: BASE.parse().unwrap(),
            result: HEAD.parse().unwrap(),
            mode: Mode::MergeResult,
        },
        cluster: ClusterAsked::Yes { name: "prod".to_owned() },
        trust: Trust::Author,
        kustomizations,
        coverage: Coverage { known: rendered + 2, rendered, identical: 2, ..Coverage::default() },
        notes: Vec::new(),
        made_at: 1,
    }
}

/// Everything at once that somebody could try in a name, a title or a value.
pub(crate) const HOSTILE: &str = "`x` ``` ~~~ </details> <!channel> <@U1> @team #1 ![i](https://evil.example/i.png) <img src=x> &lt; \u{202e}\u{200b}\u{1b}[2J\r\n```\n# head\n--> *b* _i_ |a|b| 🚀";

fn words() -> impl Strategy<Value = String> {
    let parts = HOSTILE.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let part = prop_oneof![
        proptest::sample::select(parts),
        Just("`".repeat(7)),
        Just("\n".to_owned()),
        Just("&".to_owned()),
        Just("&".repeat(700)),
        Just("👩‍👩‍👧".to_owned()),
        "[a-z]{1,8}",
        "\\PC{0,6}",
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.join(" "))
}

/// A value that takes up to `most` bytes, in lines or in one.
fn bulk(most: usize) -> impl Strategy<Value = String> {
    (words(), 0..=most, any::<bool>()).prop_map(|(unit, size, lines)| {
        let unit = if lines { unit + "\n" } else { unit + " " };
        let times = size / unit.len().max(1);
        (0..times).map(|i| format!("{i}{unit}")).collect()
    })
}

fn value(most: usize) -> impl Strategy<Value = Value> {
    (prop_oneof![4 => words(), 1 => bulk(most)], words())
        .prop_map(|(a, key)| json!({"kind": "A", "spec": {"a": a, key: 1}}))
}

fn change(most: usize) -> impl Strategy<Value = Change> {
    let kind = prop_oneof![
        Just(ChangeKind::Created),
        Just(ChangeKind::Changed),
        Just(ChangeKind::Recreated),
        Just(ChangeKind::Deleted),
        Just(ChangeKind::Orphaned),
        Just(ChangeKind::Moved),
        Just(ChangeKind::Renamed)
    ];
    let check = prop_oneof![
        3 => Just(Check::DryRun),
        1 => words().prop_map(|why| Check::Refused { why }),
        1 => words().prop_map(|why| Check::NotValidated { why }),
    ];
    let sides = (prop::option::of(value(most)), prop::option::of(value(most)));
    (words(), kind, check, sides).prop_map(|(name, kind, check, sides)| {
        in_git(kind, object("Thing", &name), check, sides).remarked(&name, &Mask::default())
    })
}

fn any_kustomization(most: usize) -> impl Strategy<Value = KustomizationReport> {
    let finding = prop_oneof![
        5 => prop::collection::vec(change(most), 0..6).prop_map(|changes| Finding::Changes { changes }),
        1 => (bulk(most), any::<bool>()).prop_map(|(error, unknown)| Finding::Failed { side: Side::Result, error, unknown }),
    ];
    let drift = prop::collection::vec(change(100), 0..2);
    let notes = prop::collection::vec(words(), 0..14);
    (words(), words(), finding, drift, notes).prop_map(|(name, path, finding, drift, notes)| {
        let (cluster, render_check) = (Some(name.clone()), Some(RenderCheck::Differs));
        let presence = Presence::New;
        KustomizationReport {
            name,
            path,
            presence,
            suspended: true,
            emptied: false,
            finding,
            drift,
            notes,
            cluster,
            render_check,
        }
    })
}

/// Reports full of hostile text, single values up to `most` bytes.
pub(crate) fn reports(most: usize) -> impl Strategy<Value = Report> {
    let unresolved = prop::collection::vec((words(), words()), 0..14);
    let kustomizations = prop::collection::vec(any_kustomization(most), 0..5);
    let cluster = prop_oneof![
        words().prop_map(|name| ClusterAsked::Yes { name }),
        words().prop_map(|why| ClusterAsked::No { why })
    ];
    (kustomizations, unresolved, prop::collection::vec(words(), 0..14), words(), cluster).prop_map(
        |(kustomizations, unresolved, notes, title, cluster)| {
            let mut report = report(kustomizations);
            report.coverage.unresolved =
                unresolved.into_iter().map(|(name, why)| Unresolved { name, why }).collect();
            report.notes = notes;
            report.pull.author.login.clone_from(&title);
            report.pull.head_branch.clone_from(&title);
            report.pull.title = title;
            report.cluster = cluster;
            report.trust = Trust::Untrusted;
            report
        },
    )
}
