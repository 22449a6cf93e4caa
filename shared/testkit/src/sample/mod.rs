//! The sandbox's sample: a small fleet repository written for it, a pull request that changes several things at once, and the Flux
//! objects a cluster would hold before the merge. The files are in `sample/base` and `sample/pull` beside this crate's `src`.

mod cluster;

pub use self::cluster::{cluster_objects, rendered_before};

use crate::github::{Change, FakeGitHub, PullSpec, RepoHandle};

/// The sample repository's full name.
pub const REPO: &str = "acme/fleet";
/// The pull request's head branch.
pub const HEAD: &str = "storefront-6.6";
/// Stands in the files where the git address of the repository goes.
const GIT_URL: &str = "__GIT_URL__";

macro_rules! files {
    ($side:literal: $($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sample/", $side, "/", $path)))),*]
    };
}

/// Path and content on the base branch.
const BASE: &[(&str, &str)] = files!("base":
    "README.md",
    "apps/base/catalog/deployment.yaml",
    "apps/base/catalog/kustomization.yaml",
    "apps/base/catalog/service.yaml",
    "apps/base/catalog/settings.yaml",
    "apps/base/catalog/token.yaml",
    "apps/base/storefront/deployment.yaml",
    "apps/base/storefront/ingress.yaml",
    "apps/base/storefront/kustomization.yaml",
    "apps/base/storefront/legacy-redirect.yaml",
    "apps/base/storefront/service.yaml",
    "apps/components/monitoring/kustomization.yaml",
    "apps/production/kustomization.yaml",
    "apps/production/storefront-size.yaml",
    "clusters/production/apps.yaml",
    "clusters/production/flux-system/gotk-sync.yaml",
    "clusters/production/flux-system/kustomization.yaml",
    "clusters/production/infrastructure.yaml",
    "clusters/production/kustomization.yaml",
    "infrastructure/kustomization.yaml",
    "infrastructure/namespaces.yaml",
    "infrastructure/network-policy.yaml",
    "infrastructure/quota.yaml",
);

/// Path and content that the pull request writes.
const PULL: &[(&str, &str)] = files!("pull":
    "apps/base/catalog/disruption-budget.yaml",
    "apps/base/catalog/kustomization.yaml",
    "apps/base/catalog/settings.yaml",
    "apps/base/catalog/token.yaml",
    "apps/base/storefront/kustomization.yaml",
    "apps/production/kustomization.yaml",
);

/// Paths that the pull request removes.
const REMOVED: &[&str] = &["apps/base/storefront/legacy-redirect.yaml"];

const BODY: &str = "\
Gets the shop ready for winter:

- storefront 6.6.0, winter theme, gift cards
- two more catalog pods, and a disruption budget for them
- the old shop's redirect is no longer needed
";

/// Every file of the base branch; its GitRepository follows `git_url`.
pub fn base_files(git_url: &str) -> Vec<Change> {
    let content = |text: &str| Some(text.replace(GIT_URL, git_url).into_bytes());
    BASE.iter().map(|(path, text)| Change::new(*path, content(text))).collect()
}

/// What the pull request changes: files written and removed.
pub fn pull_changes() -> Vec<Change> {
    let written = PULL.iter().map(|(path, text)| Change::new(*path, Some(text.as_bytes().to_vec())));
    written.chain(REMOVED.iter().map(|path| Change::new(*path, None))).collect()
}

/// The pull request, by `alice` from [`HEAD`] into `main`.
pub fn pull_spec() -> PullSpec {
    let body = BODY.to_owned();
    PullSpec {
        body,
        labels: vec!["shop".to_owned()],
        ..PullSpec::new("Storefront 6.6 and gift cards", HEAD, pull_changes())
    }
}

/// The sample as put into a fake GitHub.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The repository, [`REPO`].
    pub repo: RepoHandle,
    /// The pull request's number.
    pub pull: u64,
    /// The base branch's tip.
    pub base_sha: String,
    /// The pull request's head.
    pub head_sha: String,
}

/// Makes the repository with its base branch and opens the pull request.
pub fn install(github: &FakeGitHub) -> Installed {
    let repo = github.repo(REPO);
    let base_sha = repo.commit("main", "Describe the production cluster", base_files(&github.git_url(REPO)));
    let pull = repo.open_pull(pull_spec());
    let head_sha = repo.pull(pull).head_sha;
    Installed { repo, pull, base_sha, head_sha }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn on_disk(side: &str) -> BTreeSet<String> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample").join(side);
        crate::github::read_dir(&dir).unwrap().into_iter().map(|c| c.path).collect()
    }

    #[test]
    fn the_tables_list_every_file_on_disk() {
        let listed = |table: &[(&str, &str)]| {
            table.iter().map(|(path, _)| (*path).to_owned()).collect::<BTreeSet<_>>()
        };
        assert_eq!(listed(BASE), on_disk("base"));
        assert_eq!(listed(PULL), on_disk("pull"));
        assert!(REMOVED.iter().all(|path| on_disk("base").contains(*path)));
    }

    #[test]
    fn the_pull_request_opens_and_merges_cleanly() {
        let github = FakeGitHub::start(Default::default()).unwrap();
        let sample = install(&github);
        let pull = sample.repo.pull(sample.pull);
        assert_eq!(pull.mergeable, Some(true));
        assert_eq!(sample.repo.resolve("refs/pull/1/merge"), pull.merge_commit_sha);
        assert_eq!(install(&FakeGitHub::start(Default::default()).unwrap()).head_sha.len(), 40);
    }
}
