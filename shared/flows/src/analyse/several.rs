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
    let nothing =
        Findings { cluster, kustomizations: Vec::new(), coverage: Coverage::default(), notes: Vec::new() };
    answers.into_iter().fold(nothing, |all, (name, findings)| joined(all, &name, findings))
}

fn asked(findings: &Findings) -> Option<String> {
    match &findings.cluster {
        ClusterAsked::Yes { name } => Some(name.clone()),
        ClusterAsked::No { .. } => None,
    }
}

fn joined(mut all: Findings, cluster: &str, findings: Findings) -> Findings {
    let on = |unresolved: Unresolved| Unresolved {
        name: format!("{} on {cluster}", unresolved.name),
        why: unresolved.why,
    };
    all.kustomizations.extend(findings.kustomizations.into_iter().map(|mut kustomization| {
        kustomization.cluster.get_or_insert_with(|| cluster.to_owned());
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
    checks.differs.extend(found.differs.iter().map(|name| format!("{name} on {cluster}")));
    for (why, n) in found.not_comparable {
        *checks.not_comparable.entry(why).or_default() += n;
    }
    for note in findings.notes {
        if !all.notes.contains(&note) {
            all.notes.push(note);
        }
    }
    all
}
