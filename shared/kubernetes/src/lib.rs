//! The Kubernetes API behind [`ports::Cluster`] and [`ports::Operator`]. The former can change nothing: the mutating request that it builds
//! (`call`) carries `dryRun=All`, but for the one of `locks` that proves that it would be refused without. The latter, another identity,
//! asks Flux to reconcile, suspends and resumes, and can build nothing else (`operator`). A Secret's values do not
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
mod operator;
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
pub use operator::KubeOperator;
