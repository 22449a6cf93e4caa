//! What Preflux asks of the world: small traits in domain words. Adapters and backends implement them, flows use them.
//!
//! `contract` (feature of the same name) holds the tests that any backend must pass; `wire` is what crosses the queue.

mod chat;
#[cfg(feature = "trees")]
mod checkout;
mod cluster;
mod cluster_tokens;
mod data_keys;
mod forge;
mod forms;
mod operator;
mod people;
mod queue;
#[cfg(feature = "trees")]
mod remotes;
mod reports;
mod secrets;
mod table;
mod time;

#[cfg(feature = "contract")]
pub mod contract;
pub mod ledger;
pub mod wire;

pub use chat::{Chat, ChatError, ChatMessage, MessageRef};
#[cfg(feature = "trees")]
pub use checkout::{Checkout, CheckoutError, Checkouts, SharedTree};
pub use cluster::{
    Cluster, ClusterError, ConfigRef, ControllerSeen, Data, DryRun, FluxObjects, Gate, Lock, Refusal, Right,
};
pub use cluster_tokens::{ClusterToken, EksCluster, EksTokens};
pub use data_keys::{DataKeys, WrappedDataKey};
pub use forge::{ChangedFiles, Conditional, EventPage, Forge, ForgeError, PullPage, RepoEvent, Review};
pub use forms::{Form, Forms};
pub use operator::{FluxAct, FluxObject, Operator, REQUESTED};
pub use people::{MergedBy, People, PersonError, Verdict};
pub use queue::{Consumer, Delivery, Queue, QueueError};
#[cfg(feature = "trees")]
pub use remotes::{RemoteTree, Remotes};
pub use reports::{ReportStore, ReportStoreError};
pub use secrets::{Secrets, SecretsError};
pub use table::{Expect, Key, Record, Table, TableError};
pub use time::{Clock, FixedClock, SystemClock};
