//! Several clusters that run Flux on one repository: each is asked on its own, and one report names them all.

use std::sync::Arc;

use domain::report::{ClusterAsked, Coverage, Unresolved};
use ports::Cluster;

use super::{Alone, Findings, Question, analyse, of_one};

/// A cluster by its name in the configuration, or why it cannot be asked.
pub type Named = (String, Result<Arc<dyn Cluster>, String>);

/// Answers the question for its own cluster and for `more`. Without more it is [`analyse`].
pub async fn analyse_all(question: Question<'_>, more: &[Named]) -> Findings {
    if more.is_empty() {
        return analyse(question).await;
    }
    let first = question.cluster.as_ref().map_or("the first cluster", |cluster| cluster.name()).to_owned();
    let mut answers = Vec::new();
    for (index, (name, cluster)) in
        std::iter::once(&(first, question.cluster.clone())).chain(more).enumerate()
    {
        let decryption = match index {
            0 => question.decryption.clone(),
            _ => question.decryption.of_further(name),
        };
        let question = Question { cluster: cluster.clone(), decryption, ..question.clone() };
        answers.push((name.clone(), of_one(question, Alone::No).await));
    }
    let holds = |findings: &Findings| findings.coverage.known > 0 || !findings.coverage.unaffected.is_empty();
    if !answers.iter().any(|(_, findings)| holds(findings)) {
        // Nobody holds any: the files say what there is, as with one cluster.
        return analyse(question).await;
    }
    let names: Vec<String> = answers.iter().filter_map(|(_, findings)| asked(findings)).collect();
    let cluster = match names.is_empty() {
        true => ClusterAsked::No { why: "none of them answered".to_owned() },
        false => ClusterAsked::Yes { name: names.join(", ") },
    };
    answers.into_iter().fold(nothing(cluster), |all, (name, findings)| joined(all, Some(&name), findings))
}

/// What was found at the entry points of a repository, as one.
pub(super) fn together(mut found: Vec<(Option<String>, Findings)>) -> Findings {
    if found.len() == 1 {
        return found.remove(0).1;
    }
    let cluster = found.first().map(|(_, findings)| findings.cluster.clone());
    let cluster = cluster.unwrap_or(ClusterAsked::No { why: "nothing was found to ask about".to_owned() });
    found.into_iter().fold(nothing(cluster), |all, (entry, findings)| joined(all, entry.as_deref(), findings))
}

fn nothing(cluster: ClusterAsked) -> Findings {
    Findings { cluster, kustomizations: Vec::new(), coverage: Coverage::default(), notes: Vec::new() }
}

/// Adds what was not said yet.
pub(super) fn add_notes(notes: &mut Vec<String>, more: impl IntoIterator<Item = String>) {
    for note in more {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
}

fn asked(findings: &Findings) -> Option<String> {
    match &findings.cluster {
        ClusterAsked::Yes { name } => Some(name.clone()),
        ClusterAsked::No { .. } => None,
    }
}

fn joined(mut all: Findings, cluster: Option<&str>, findings: Findings) -> Findings {
    let named = |name: &str| match cluster {
        Some(cluster) => format!("{name} on {cluster}"),
        None => name.to_owned(),
    };
    let on = |unresolved: Unresolved| Unresolved { name: named(&unresolved.name), why: unresolved.why };
    all.kustomizations.extend(findings.kustomizations.into_iter().map(|mut kustomization| {
        kustomization.cluster = kustomization.cluster.or_else(|| cluster.map(str::to_owned));
        kustomization
    }));
    let (coverage, found) = (&mut all.coverage, findings.coverage);
    coverage.known += found.known;
    coverage.rendered += found.rendered;
    coverage.identical += found.identical;
    coverage.unresolved.extend(found.unresolved.into_iter().map(on));
    coverage.unaffected.extend(found.unaffected.into_iter().map(on));
    let (checks, found) = (&mut coverage.render_checks, found.render_checks);
    checks.verified += found.verified;
    checks.differs.extend(found.differs.iter().map(|name| named(name)));
    for (why, n) in found.not_comparable {
        *checks.not_comparable.entry(why).or_default() += n;
    }
    add_notes(&mut all.notes, findings.notes);
    all
}
