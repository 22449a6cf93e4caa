//! Which rules are about a repository, and which one decided on a pull request.

use std::collections::{BTreeMap, BTreeSet};

use domain::{RepoName, RepoRule, Repositories};
use ports::TableError;
use ports::ledger::{Ledger, PullRecord};

/// Where the repositories are kept that GitRepositories in the clusters point to, by cluster.
pub(crate) const DISCOVERED: &str = "discovered";

/// The rules that are about a repository, in order.
pub(crate) async fn rules_of<'a>(
    rules: &'a [RepoRule],
    ledger: &Ledger,
    repo: &RepoName,
) -> Result<Vec<&'a RepoRule>, TableError> {
    let discovered = if discovers(rules) { discovered(ledger).await? } else { BTreeSet::new() };
    Ok(rules.iter().filter(|rule| rule.repositories.mean(repo, &discovered)).collect())
}

/// Whether any rule is about repositories that are discovered.
pub(crate) fn discovers(rules: &[RepoRule]) -> bool {
    rules.iter().any(|rule| matches!(rule.repositories, Repositories::Discovered { .. }))
}

/// The repositories that were last seen in any cluster.
pub(crate) async fn discovered(ledger: &Ledger) -> Result<BTreeSet<RepoName>, TableError> {
    let note = ledger.note(DISCOVERED).await?;
    let by_cluster: BTreeMap<String, BTreeSet<RepoName>> =
        note.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    Ok(by_cluster.into_values().flatten().collect())
}

/// The rule that decided on a pull request; when it is not there any more, the first that accepts it as it was last seen, or that
/// is about its repository at all.
pub(crate) fn decided<'a>(rules: &[&'a RepoRule], record: &PullRecord) -> Option<&'a RepoRule> {
    let same = |rule: &&&RepoRule| record.rule.as_ref().is_some_and(|id| *id == rule.id());
    let accepts = |rule: &&&RepoRule| rule.accepts(&record.pull);
    rules.iter().find(same).or_else(|| rules.iter().find(accepts)).or(rules.first()).copied()
}
