//! Reports for the tests of this crate.

#![expect(clippy::unwrap_used, reason = "the names are constants")]

use domain::change::{Change, ChangeKind, Check};
use domain::mask::Mask;
use domain::report::{
    ClusterAsked, Comparison, Coverage, Finding, KustomizationReport, Mode, Presence, Report,
};
use domain::{Author, ObjectId, PullRequest, PullState, Trust};
use serde_json::Value;

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
        url: "https://github.com/acme/fleet/pull/7".to_owned(),
        updated_at: 1,
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
    Change::new(object, ChangeKind::Changed, Check::DryRun, (Some(before), Some(after)), &Mask::default())
}

pub(crate) fn created(object: ObjectId, after: Value) -> Change {
    Change::new(object, ChangeKind::Created, Check::DryRun, (None, Some(after)), &Mask::default())
}

pub(crate) fn kustomization(name: &str, changes: Vec<Change>) -> KustomizationReport {
    KustomizationReport {
        name: name.to_owned(),
        path: "./apps".to_owned(),
        presence: Presence::Both,
        suspended: false,
        finding: Finding::Changes { changes },
        drift: Vec::new(),
        notes: Vec::new(),
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
        coverage: Coverage { known: rendered + 2, rendered, identical: 2, unresolved: Vec::new() },
        notes: Vec::new(),
        made_at: 1,
    }
}
