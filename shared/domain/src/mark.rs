//! What a report leaves on GitHub beside a comment: a check for each cluster, and labels by what it holds. Both are the team's to
//! ask for in a rule; nothing is written unless they do.

use std::collections::BTreeSet;

use crate::change::Check;
use crate::report::{ClusterAsked, Finding, Report, Side};

/// What a check is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckKind {
    /// A check run; GitHub takes them from Apps alone.
    Run,
    /// A commit status. It knows no neutral end: what is neutral is a success whose description says so.
    Status,
}

/// How a check ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// Everything was looked at on the cluster, and nothing stands in the way of merging.
    Success,
    /// Something was not looked at or could not be judged; nothing that was stands in the way.
    Neutral,
    /// Merging would fail: the pull request breaks a render, or the API server refuses an object. Or nobody knows, as no diff could
    /// be made.
    Failure,
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The diff is being made. Not written over anything that is there.
    Running,
    /// It ended.
    Done(Conclusion),
    /// There will be no end: ends, as neutral, what is still running, and changes nothing else.
    Abandoned,
}

/// One check of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckMark {
    /// Its name, by which it is found again: `preflux` or `preflux / CLUSTER`.
    pub name: String,
    /// How far it is.
    pub progress: Progress,
    /// One plain line.
    pub title: String,
    /// GitHub Markdown, at most 65,535 characters. A commit status does not show it.
    pub summary: String,
}

/// The name of a cluster's check; without a cluster there is one check.
pub fn check_name(cluster: Option<&str>) -> String {
    cluster.map_or_else(|| "preflux".to_owned(), |cluster| format!("preflux / {cluster}"))
}

/// What a report can be labelled by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trait {
    /// Objects come into being, change or go.
    Changes,
    /// Objects are deleted, or a Kustomization renders nothing any more.
    Deletes,
    /// Objects are deleted and made anew.
    Recreates,
    /// Merging would fail.
    Fails,
    /// Something was not looked at or could not be judged.
    Incomplete,
    /// Objects in the cluster differ from Git already.
    Drift,
    /// Everything was looked at, and nothing changes.
    Unchanged,
}

impl Trait {
    /// Every trait.
    pub const ALL: [Self; 7] = [
        Self::Changes,
        Self::Deletes,
        Self::Recreates,
        Self::Fails,
        Self::Incomplete,
        Self::Drift,
        Self::Unchanged,
    ];

    /// What it is called in a configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::Deletes => "deletes",
            Self::Recreates => "recreates",
            Self::Fails => "fails",
            Self::Incomplete => "incomplete",
            Self::Drift => "drift",
            Self::Unchanged => "unchanged",
        }
    }
}

impl Report {
    /// What the report can be labelled by.
    pub fn traits(&self) -> BTreeSet<Trait> {
        let counts = self.counts();
        let emptied = self.kustomizations.iter().any(|kustomization| kustomization.emptied);
        let changes = counts.created
            + counts.changed
            + counts.recreated
            + counts.deleted
            + counts.orphaned
            + counts.moved
            + counts.renamed;
        let found = [
            (Trait::Changes, changes > 0),
            (Trait::Deletes, counts.deleted > 0 || emptied),
            (Trait::Recreates, counts.recreated > 0),
            (Trait::Fails, self.fails()),
            (Trait::Incomplete, self.leaves_open()),
            (Trait::Drift, counts.drifted > 0),
            (Trait::Unchanged, self.nothing_changes() && !self.leaves_open()),
        ];
        found.into_iter().filter(|(_, is)| *is).map(|(found, _)| found).collect()
    }

    /// How the report's check ends.
    pub fn conclusion(&self) -> Conclusion {
        match (self.fails(), self.leaves_open()) {
            (true, _) => Conclusion::Failure,
            (false, true) => Conclusion::Neutral,
            (false, false) => Conclusion::Success,
        }
    }

    /// Whether merging would fail: the pull request breaks a render, or the API server refuses an object.
    fn fails(&self) -> bool {
        self.kustomizations.iter().any(|kustomization| match &kustomization.finding {
            Finding::Failed { side, unknown, .. } => *side == Side::Result && !unknown,
            Finding::Changes { changes } => {
                changes.iter().any(|change| matches!(change.check, Check::Refused { .. }))
            }
        })
    }

    /// Whether something was not looked at or could not be judged, so that nobody may say that all is well.
    fn leaves_open(&self) -> bool {
        let coverage = &self.coverage;
        let nobody = coverage.known == 0 && coverage.unaffected.is_empty();
        let open = |finding: &Finding| match finding {
            Finding::Failed { .. } => true,
            Finding::Changes { changes } => {
                changes.iter().any(|change| matches!(change.check, Check::NotValidated { .. }))
            }
        };
        matches!(self.cluster, ClusterAsked::No { .. })
            || nobody
            || !coverage.unresolved.is_empty()
            || !coverage.render_checks.differs.is_empty()
            || self.kustomizations.iter().any(|kustomization| open(&kustomization.finding))
    }

    /// The report's part about one of several clusters. What names none of them is the first one's.
    pub fn on_cluster(&self, cluster: &str, all: &[String]) -> Self {
        let first = all.first().is_some_and(|first| first == cluster);
        let named = |name: &str| all.iter().find(|other| name.ends_with(&format!(" on {other}")));
        let here = |name: Option<&str>| match name.filter(|name| all.iter().any(|other| other == name)) {
            Some(name) => name == cluster,
            None => first,
        };
        let mut part = self.clone();
        part.kustomizations.retain(|kustomization| here(kustomization.cluster.as_deref()));
        let coverage = &mut part.coverage;
        coverage.unresolved.retain(|unresolved| here(named(&unresolved.name).map(String::as_str)));
        coverage.render_checks.differs.retain(|name| here(named(name).map(String::as_str)));
        if let ClusterAsked::Yes { name } = &self.cluster {
            let asked = name.split(", ").any(|asked| asked == cluster);
            part.cluster = match asked {
                true => ClusterAsked::Yes { name: cluster.to_owned() },
                false => ClusterAsked::No { why: "it did not answer, or was not asked".to_owned() },
            };
        }
        part
    }
}
