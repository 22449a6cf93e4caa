//! Gives a test cluster what it would hold before the pull request is merged: Flux's objects, and what Flux applied from the base branch.

use std::path::Path;

use testkit::cluster::TestCluster;
use testkit::sample::{self, Installed};

/// Applies the sample with an administrator's kubeconfig. Only clusters on this machine are written to.
pub(super) async fn cluster(admin: &Path, git_url: &str, sample: &Installed) -> anyhow::Result<()> {
    let cluster = TestCluster::open(admin)?;
    cluster.seed(git_url, &sample.base_sha).await?;
    let _ = sample::REPO;
    Ok(())
}
