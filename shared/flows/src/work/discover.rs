//! Which repositories the clusters' GitRepositories point to, kept for the poller, which reaches no cluster.

use std::collections::{BTreeMap, BTreeSet};

use domain::RepoName;
use domain::job::Outcome;
use flux::{GitRepository, normalise_url};
use serde_json::json;

use super::WorkCtx;
use crate::error::JobError;
use crate::rules::DISCOVERED;

/// Asks every cluster. Of one that cannot be asked, what it was last known to point to stays.
pub(super) async fn run(ctx: &WorkCtx) -> Result<Outcome, JobError> {
    let note = ctx.ledger.note(DISCOVERED).await?;
    let mut known: BTreeMap<String, BTreeSet<RepoName>> =
        note.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    let further = ctx.more_clusters.iter().map(|(name, cluster)| (name.as_str(), cluster));
    let first = ctx.cluster.as_ref().map_or("the cluster", |cluster| cluster.name());
    for (name, cluster) in std::iter::once((first, &ctx.cluster)).chain(further) {
        let found = match cluster {
            Ok(cluster) => cluster.flux_objects().await.map_err(|error| error.to_string()),
            Err(why) => Err(why.clone()),
        };
        match found {
            Ok(objects) => {
                let urls =
                    objects.git_repositories.iter().filter_map(|value| GitRepository::from_value(value).ok());
                let names = urls.filter_map(|source| named(&ctx.clone_urls, &source.url)).collect();
                known.insert(name.to_owned(), names);
            }
            Err(why) => {
                tracing::error!(cluster = name, "{name} could not be asked for its GitRepositories: {why}")
            }
        }
    }
    ctx.ledger.save_note(DISCOVERED, &json!(known)).await?;
    Ok(Outcome::Done)
}

/// The repository that an address means, when it is one of the GitHub that we know: over HTTPS, by SSH, or in SSH's short form.
/// GitHub does not tell case apart in names.
fn named(clone_urls: &[String], address: &str) -> Option<RepoName> {
    let address = normalise_url(address)?;
    let mut parts = address.rsplitn(3, '/');
    let (name, owner) = (parts.next()?, parts.next()?);
    let repo: RepoName = format!("{owner}/{name}").parse().ok()?;
    let ours = clone_urls.iter().any(|url| {
        let known = normalise_url(&url.replace("{owner}", owner).replace("{name}", name));
        known.is_some_and(|known| known.eq_ignore_ascii_case(&address))
    });
    ours.then_some(repo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_mean_repositories_of_the_github_that_is_watched() {
        for (home, address, wanted) in [
            ("https://github.com", "https://github.com/Acme/Fleet.git", Some("acme/fleet")),
            ("https://github.com", "ssh://git@ssh.github.com:443/acme/fleet", Some("acme/fleet")),
            ("https://github.com", "git@github.com:acme/fleet.git", Some("acme/fleet")),
            ("https://github.com", "https://gitlab.com/acme/fleet", None),
            ("https://github.com", "https://github.com/acme/fleet/extra", None),
            ("https://github.com", "https://github.com.evil.example/acme/fleet", None),
            ("https://git.acme.dev", "ssh://git@git.acme.dev/Acme/fleet", Some("acme/fleet")),
            ("https://git.acme.dev", "https://github.com/acme/fleet", None),
            ("https://acme.dev/git", "https://acme.dev/git/acme/fleet", Some("acme/fleet")),
            ("https://acme.dev/git", "https://acme.dev/acme/fleet", None),
        ] {
            let urls = [format!("{home}/{{owner}}/{{name}}.git")];
            let found = named(&urls, address).map(|repo| repo.to_string());
            assert_eq!(found.as_deref(), wanted, "{address}");
        }
    }
}
