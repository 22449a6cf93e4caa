//! The one model of a report. Renderers (crate `report`) turn it into text, Markdown, Slack blocks and JSON; it is stored as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::change::{Change, ChangeKind, Check};
use crate::names::{CommitSha, ReportId};
use crate::pull::PullRequest;
use crate::trust::Trust;

/// What a pull request will do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The report's own id.
    pub id: ReportId,
    /// The pull request as it was when the diff began.
    pub pull: PullRequest,
    /// What was compared with what.
    pub comparison: Comparison,
    /// Whether a cluster was asked, and which.
    pub cluster: ClusterAsked,
    /// Whether the author may reach a cluster.
    pub trust: Trust,
    /// The Kustomizations that were looked at and are not identical, parents first.
    pub kustomizations: Vec<KustomizationReport>,
    /// What was and what was not covered.
    pub coverage: Coverage,
    /// Whole sentences that every reader should see (limits reached, files not fetched).
    pub notes: Vec<String>,
    /// When the report was made, seconds since 1970.
    pub made_at: i64,
}

/// What was compared with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// The commit of the base side.
    pub base: CommitSha,
    /// The commit of the result side.
    pub result: CommitSha,
    /// How the two were chosen.
    pub mode: Mode,
}

/// How base and result were chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The base branch's tip against GitHub's merge of it with the head: what the branch will be.
    MergeResult,
    /// The merge base against the head, because there is no merge result (conflicts, or GitHub has not made it yet).
    HeadAgainstMergeBase,
    /// Two revisions that somebody named.
    Revisions,
}

/// Whether a cluster was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "asked", rename_all = "snake_case")]
pub enum ClusterAsked {
    /// Yes.
    Yes {
        /// The cluster's name in the configuration.
        name: String,
    },
    /// No: the report shows the rendered change alone.
    No {
        /// Why not, and how to get one, as a sentence.
        why: String,
    },
}

/// One Kustomization's part of the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KustomizationReport {
    /// `namespace/name`.
    pub name: String,
    /// `spec.path`.
    pub path: String,
    /// Whether the pull request adds or removes the Kustomization itself.
    pub presence: Presence,
    /// Whether it is suspended: what is shown happens only once it is resumed.
    pub suspended: bool,
    /// Whether the result renders no object at all where the base renders some, so that all of them go.
    #[serde(default)]
    pub emptied: bool,
    /// What was found.
    pub finding: Finding,
    /// Objects whose live state differs from what the base would apply. Not the pull request's doing.
    pub drift: Vec<Change>,
    /// Sentences about this Kustomization (warnings of the render, objects not asked about).
    pub notes: Vec<String>,
    /// Which cluster it is on (or which root renders it), where the report covers more than one.
    #[serde(default)]
    pub cluster: Option<String>,
    /// How the render of the base compares with what the controller rendered; `None` where no cluster was asked.
    #[serde(default)]
    pub render_check: Option<RenderCheck>,
}

/// How the render of the base compares with the controller's own, whose digest it publishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case")]
pub enum RenderCheck {
    /// The same, byte for byte.
    Verified,
    /// Of the same commit and spec, and not the same.
    Differs,
    /// There is nothing to compare with.
    NotComparable {
        /// Why, as a sentence without a full stop.
        why: String,
    },
}

/// Whether a Kustomization is there at the base and at the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// On both sides.
    Both,
    /// The pull request brings it.
    New,
    /// The pull request takes it away.
    Removed,
}

/// What was found in a Kustomization.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Finding {
    /// Both sides rendered; these objects change. May be empty when only the spec changed.
    Changes {
        /// The changes.
        changes: Vec<Change>,
    },
    /// A side does not render. Its objects are not shown as deleted or created: nobody knows them.
    Failed {
        /// Which side.
        side: Side,
        /// The error with file and field, as one text.
        error: String,
        /// Whether it may well render in the cluster: what it needs could not be had here.
        #[serde(default)]
        unknown: bool,
    },
}

/// A side of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The base: broken before the pull request.
    Base,
    /// The result: broken by the pull request.
    Result,
    /// Both.
    Both,
}

/// How much was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Kustomizations that this repository and branch feed.
    pub known: usize,
    /// Of these, rendered at both commits and compared object by object.
    pub rendered: usize,
    /// Of these, proved identical because nothing they read changed.
    pub identical: usize,
    /// Kustomizations that were not looked at, and why.
    pub unresolved: Vec<Unresolved>,
    /// Kustomizations of this repository that merging does not reach, and why. Not among the known.
    #[serde(default)]
    pub unaffected: Vec<Unresolved>,
    /// How the renders of the base compare with the controller's.
    #[serde(default)]
    pub render_checks: RenderChecks,
}

/// How many renders of the base are the controller's, identical Kustomizations included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderChecks {
    /// The same, byte for byte.
    pub verified: usize,
    /// The names of those that differ.
    pub differs: Vec<String>,
    /// How many could not be compared, by the reason.
    pub not_comparable: BTreeMap<String, usize>,
}

impl RenderChecks {
    /// Counts one Kustomization in.
    pub fn add(&mut self, name: &str, check: &RenderCheck) {
        match check {
            RenderCheck::Verified => self.verified += 1,
            RenderCheck::Differs => self.differs.push(name.to_owned()),
            RenderCheck::NotComparable { why } => {
                *self.not_comparable.entry(why.clone()).or_default() += 1;
            }
        }
    }
}

/// A Kustomization that was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unresolved {
    /// `namespace/name`.
    pub name: String,
    /// Why, as a sentence without a full stop.
    pub why: String,
}

/// Numbers for the first line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Objects that come into being.
    pub created: usize,
    /// Objects that change.
    pub changed: usize,
    /// Objects made anew.
    pub recreated: usize,
    /// Objects pruned.
    pub deleted: usize,
    /// Objects that leave Git and stay in the cluster.
    pub orphaned: usize,
    /// Objects that another Kustomization takes over.
    pub moved: usize,
    /// Objects that get another name.
    pub renamed: usize,
    /// Changes that the API server refuses.
    pub refused: usize,
    /// Changes that the API server was asked about and could not judge.
    pub not_validated: usize,
    /// Kustomizations that do not render.
    pub failed: usize,
    /// Objects that drifted.
    pub drifted: usize,
}

impl Report {
    /// Counts what the report holds.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for kustomization in &self.kustomizations {
            counts.drifted += kustomization.drift.len();
            match &kustomization.finding {
                Finding::Failed { .. } => counts.failed += 1,
                Finding::Changes { changes } => changes.iter().for_each(|change| counts.add(change)),
            }
        }
        counts
    }

    /// The report as everyone may read it who sees the pull request: text that stands in Git, and our own sentences.
    pub fn for_everyone(&self) -> Self {
        let mut report = self.clone();
        if let ClusterAsked::No { why } = &mut report.cluster
            && self.trust.reaches_cluster()
        {
            *why = "why not is shown in Slack".to_owned();
        }
        for unresolved in &mut report.coverage.unresolved {
            unresolved.why = without_cluster(&unresolved.why);
        }
        for kustomization in &mut report.kustomizations {
            match &mut kustomization.finding {
                Finding::Failed { error, .. } => *error = without_cluster(error),
                Finding::Changes { changes } => {
                    changes.iter_mut().for_each(|change| *change = change.for_everyone())
                }
            }
            kustomization.drift.iter_mut().for_each(|change| *change = change.for_everyone());
        }
        report
    }

    /// Whether everything was looked at and nothing changes. Never true where something could not be looked at.
    pub fn nothing_changes(&self) -> bool {
        let counts = Counts { drifted: 0, ..self.counts() };
        counts == Counts::default() && self.coverage.unresolved.is_empty()
    }
}

/// An error without what a cluster said of it: that comes last, and begins with the cluster's name.
fn without_cluster(error: &str) -> String {
    match error.split_once(": cluster `") {
        Some((ours, _)) => format!("{ours}: the cluster did not answer as it should; how is shown in Slack"),
        None => error.to_owned(),
    }
}

impl Counts {
    fn add(&mut self, change: &Change) {
        match change.kind {
            ChangeKind::Created => self.created += 1,
            ChangeKind::Changed => self.changed += 1,
            ChangeKind::Recreated => self.recreated += 1,
            ChangeKind::Deleted => self.deleted += 1,
            ChangeKind::Orphaned => self.orphaned += 1,
            ChangeKind::Moved => self.moved += 1,
            ChangeKind::Renamed => self.renamed += 1,
        }
        match change.check {
            Check::Refused { .. } => self.refused += 1,
            Check::NotValidated { .. } => self.not_validated += 1,
            Check::DryRun | Check::RenderOnly | Check::Structural => {}
        }
    }
}
