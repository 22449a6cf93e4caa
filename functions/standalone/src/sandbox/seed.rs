//! Gives a test cluster what it would hold before the pull request is merged: Flux's objects, and what Flux applied from the base branch.

use std::path::Path;

use testkit::cluster::TestCluster;
use testkit::sample::Installed;

/// Applies the sample with an administrator's kubeconfig. Only clusters on this machine are written to.
pub(super) async fn cluster(admin: &Path, git_url: &str, sample: &Installed) -> anyhow::Result<()> {
    TestCluster::open(admin)?.seed(git_url, &sample.base_sha).await
}
