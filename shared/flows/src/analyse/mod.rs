//! Two trees and maybe a cluster to findings: which Kustomizations, rendered how, and what the API server makes of the difference.
//!
//! The stages are one file each, in the order of their calls here. Nothing here knows GitHub or Slack; `preflux diff` uses it too.

mod compare;
mod decryption;
mod disclose;
mod discover;
mod foreign;
mod generated;
mod leaving;
mod locks;
mod opening;
mod pair;
mod parts;
mod remote;
mod render;
mod several;
mod target;
mod variables;
mod verify;

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::Drift;
use domain::mask::Mask;
use domain::provenance::Disclosure;
use domain::report::{ClusterAsked, Coverage, KustomizationReport, RenderChecks, Unresolved};
use ports::{Checkout, Cluster};
use tokio::time::Instant;

pub use decryption::DecryptionAccess;
pub use discover::Repository;
use parts::Part;
pub use remote::RemoteAccess;
pub use several::{Named, analyse_all};
pub use target::other_cluster;

/// What is asked.
#[derive(Clone)]
pub struct Question<'a> {
    /// Both sides.
    pub checkout: &'a Checkout,
    /// Whose Kustomizations.
    pub repository: Repository,
    /// The cluster to ask, or the sentence that says why none is asked and how to get one.
    pub cluster: Result<Arc<dyn Cluster>, String>,
    /// What may be fetched besides the two sides.
    pub remotes: RemoteAccess,
    /// How much the report may tell. For `Untrusted` no cluster is given, nothing is fetched, and nothing is to be decrypted.
    pub disclosure: Disclosure,
    /// Whose drift is looked for.
    pub drift: Drift,
    /// What encrypted files may be decrypted with.
    pub decryption: DecryptionAccess,
    /// When to stop asking clusters: what was not asked by then is reported as not checked.
    pub until: Option<Instant>,
}

/// What was found.
#[derive(Debug)]
pub struct Findings {
    /// Whether a cluster was asked.
    pub cluster: ClusterAsked,
    /// The Kustomizations that are not identical, parents first.
    pub kustomizations: Vec<KustomizationReport>,
    /// What was and was not covered.
    pub coverage: Coverage,
    /// Sentences for every reader.
    pub notes: Vec<String>,
}

/// Answers the question. It always has an answer: what fails is said in the findings, where it failed.
pub async fn analyse(question: Question<'_>) -> Findings {
    of_one(question, Alone::Yes).await
}

/// Whether a cluster is the only one. Then the files answer for it where it does not; of several, nobody could tell whose
/// the files are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alone {
    Yes,
    No,
}

async fn of_one(question: Question<'_>, alone: Alone) -> Findings {
    let time = Arc::new(compare::Time::until(question.until));
    let cluster = question.cluster.map(|cluster| opening::bounded(cluster, &time));
    let question = Question { cluster: locks::guarded(cluster).await, ..question };
    let remotes = remote::Fetched::new(question.remotes.clone());
    let data_keys = decryption::Opened::new(question.decryption.clone());
    let shared = parts::Shared { remotes: &remotes, data_keys: &data_keys };
    let parts = Box::pin(parts::all(&question, alone, shared)).await;
    let mask = Mask::new(parts.all.iter().flat_map(Part::secrets));
    let mask = if question.disclosure == Disclosure::Untrusted { mask.without_verdicts() } else { mask };
    let how = compare::How {
        mask: &mask,
        drift: question.drift,
        time: &time,
        overridden: &[],
        default_account: None,
    };
    let mut findings = Vec::new();
    for part in &parts.all {
        findings.push((part.entry.clone(), of_part(&question, part, how).await));
    }
    let mut findings = several::together(findings);
    findings.coverage.known += parts.beyond.len();
    findings.coverage.unresolved.extend(parts.beyond);
    let more = remotes.notes().into_iter().chain(time.note());
    several::add_notes(&mut findings.notes, more.map(|note| mask.text(&note)));
    findings
}

async fn of_part(question: &Question<'_>, part: &Part, how: compare::How<'_>) -> Findings {
    let Part { known, base, result, .. } = part;
    let (mut foreign, moved) = foreign::touched(base, result);
    foreign.extend(target::moved(base, result));
    let mut generated = generated::sort(known, base, result, &question.checkout.changed);
    generated.unresolved.retain(|new| !foreign.iter().any(|known| known.name == new.name));
    foreign.append(&mut generated.unresolved);
    let mut pairs = pair::up(base, result);
    pairs.retain(|pair| !moved.contains(&pair.kustomization.key));
    let overridden = &known.controller.override_managers;
    let default_account = known.controller.default_service_account.as_deref();
    let how = compare::How { overridden, default_account, ..how };
    let mut kustomizations = compare::all(&pairs, known.cluster.as_deref(), how).await;
    let along = leaving::along(&pairs, &known.live);
    foreign.retain(|unresolved| !along.iter().any(|p| p.kustomization.key.to_string() == unresolved.name));
    kustomizations.extend(compare::all(&along, known.cluster.as_deref(), how).await);
    let checks = verified(base, known, question.checkout, &mut kustomizations);
    let both: Vec<&pair::Pair> = pairs.iter().chain(&along).collect();
    disclose::all(&mut kustomizations, &both, how.mask, question.disclosure);
    let mut notes = Vec::new();
    let all = known.notes.iter().chain(&base.notes).chain(&result.notes);
    several::add_notes(&mut notes, all.map(|note| how.mask.text(note)));
    Findings {
        coverage: Coverage {
            render_checks: checks,
            ..coverage(&pairs, result, known, foreign, generated.unaffected)
        },
        cluster: known.asked.clone(),
        kustomizations,
        notes,
    }
}

impl Findings {
    /// Why the findings should be held back, when the controller is known to have rendered the base otherwise.
    pub fn held_back(&self) -> Option<String> {
        let names = &self.coverage.render_checks.differs;
        (!names.is_empty()).then(|| {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!(
                "the report is held back: the controller rendered the base of {} otherwise than preflux does. \
                 Check the variables and the controller's version, or set `hold_back_when_render_differs: false` to see the report all the same",
                names.join(", ")
            )
        })
    }
}

/// Compares the base's renders with the controller's, and notes in each report how its own compares.
fn verified(
    base: &render::Side,
    known: &discover::Known,
    checkout: &Checkout,
    reports: &mut [KustomizationReport],
) -> RenderChecks {
    let mut checks = RenderChecks::default();
    if known.cluster.is_none() {
        return checks;
    }
    for (key, check) in verify::all(base, known, &checkout.comparison.base) {
        let name = key.to_string();
        checks.add(&name, &check);
        if let Some(report) = reports.iter_mut().find(|report| report.name == name) {
            report.render_check = Some(check);
        }
    }
    checks
}

fn coverage(
    pairs: &[pair::Pair],
    result: &render::Side,
    known: &discover::Known,
    foreign: Vec<Unresolved>,
    untouched: Vec<Unresolved>,
) -> Coverage {
    let proved = |pair: &&pair::Pair| {
        pair.identical && result.nodes.get(&pair.kustomization.key).is_some_and(|node| node.proved)
    };
    let mut unresolved = known.unresolved.clone();
    unresolved.extend(foreign);
    let mut names: BTreeSet<String> = unresolved.iter().map(|u| u.name.clone()).collect();
    let said = names.clone();
    names.extend(pairs.iter().map(|pair| pair.kustomization.key.to_string()));
    let told = |pair: &&pair::Pair| !said.contains(&pair.kustomization.key.to_string());
    let identical = pairs.iter().filter(told).filter(proved).count();
    let rendered = pairs.iter().filter(told).filter(|pair| !proved(pair) && pair.failure.is_none()).count();
    Coverage {
        known: names.len(),
        rendered,
        identical,
        unresolved,
        // What the pull request reaches by its source is said already.
        unaffected: known
            .unaffected
            .iter()
            .cloned()
            .chain(untouched)
            .filter(|u| !said.contains(&u.name))
            .collect(),
        ..Coverage::default()
    }
}
