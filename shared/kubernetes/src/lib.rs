//! The Kubernetes API behind [`ports::Cluster`]. Nothing here can change a cluster: the mutating request that can be built
//! (`call`) carries `dryRun=All`, but for the one of `locks` that proves that it would be refused without. A Secret's values do not
//! leave (`reduce`), but for those that `substituteFrom` asks for. What dry-runs are worth, and to whom, is decided elsewhere.
//!
//! kube logs every failed request itself, at ERROR under the target `kube_client::client::builder`: programs filter it out,
//! because API servers repeat field values in their messages.

mod ahead;
mod api;
mod call;
mod cluster;
mod denial;
mod discovery;
mod eks;
mod grants;
mod kubeconfig;
mod locks;
mod pace;
mod reduce;
mod refusal;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod on_a_server;

pub use cluster::{FluxAt, KubeCluster};
pub use grants::{Grants, GroupKind};
pub use kubeconfig::{ConfigError, Impersonate, Options, Trust};
