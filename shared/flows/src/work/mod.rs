//! One job from the queue, carried out. A job may run twice; its second run changes nothing that a person sees.

mod act;
mod approve;
mod changes;
mod click;
mod command;
mod diff;
mod discover;
mod get;
mod look;
mod mark;
mod merge;
mod offer;
mod publish;
mod refresh;
mod words;

use std::sync::Arc;
use std::time::Duration;

use blueprints::Blueprints;
use domain::Drift;
use domain::job::{Job, Outcome};
use domain::report::Report;
use domain::{PullKey, RepoRule, ReportId};
use ports::ledger::Ledger;
use ports::{Chat, Checkouts, Clock, Cluster, Forge, Queue, ReportStore, wire};

pub use act::Operators;
pub use approve::Approvals;

use crate::analyse::{DecryptionAccess, Named, RemoteAccess};
use crate::error::JobError;
use crate::rules::{decided, rules_of};

/// What working needs.
pub struct WorkCtx {
    /// GitHub.
    pub forge: Arc<dyn Forge>,
    /// Where follow-up jobs go.
    pub queue: Arc<dyn Queue>,
    /// Where state is.
    pub ledger: Ledger,
    /// Slack.
    pub chat: Arc<dyn Chat>,
    /// Where whole reports are.
    pub reports: Arc<dyn ReportStore>,
    /// Where trees come from.
    pub checkouts: Arc<dyn Checkouts>,
    /// The cluster, or the sentence that says why there is none and how to get one.
    pub cluster: Result<Arc<dyn Cluster>, String>,
    /// Further clusters that run Flux on the same repositories.
    pub more_clusters: Vec<Named>,
    /// The names of the clusters that are configured, whether they can be used or not.
    pub cluster_names: Vec<String>,
    /// Whether a report is a failure when the controller is known to have rendered the base otherwise.
    pub hold_back_when_render_differs: bool,
    /// Whose drift is looked for.
    pub drift: Drift,
    /// How long after a job's start clusters are asked: what is left of the worker's time is for the report.
    pub compare_within: Duration,
    /// What may be fetched besides the repository, for pull requests that are trusted.
    pub remotes: RemoteAccess,
    /// What encrypted files are decrypted with, for pull requests that are trusted.
    pub decryption: DecryptionAccess,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is watched.
    pub rules: Vec<RepoRule>,
    /// Logins whose pull requests may reach the cluster without write access (bots).
    pub trusted_logins: Vec<String>,
    /// Who may have Flux reconcile, suspend and resume.
    pub operators: Operators,
    /// How tables of Flux's objects look, and what can be done with what is in them.
    pub blueprints: Arc<Blueprints>,
    /// Who approves, and what it stands on.
    pub approvals: Approvals,
    /// Whether Slack may show live values of fields that hold no secrets.
    pub live_values: bool,
    /// Clone addresses that the repository is known by besides GitHub's own, with `{owner}` and `{name}` filled in.
    pub clone_urls: Vec<String>,
}

impl WorkCtx {
    /// The rule that decided on a pull request, or that would; `None` when its repository is not watched any more.
    async fn rule(&self, key: &PullKey) -> Result<Option<&RepoRule>, JobError> {
        let rules = rules_of(&self.rules, &self.ledger, &key.repo).await?;
        match self.ledger.pull(key).await? {
            Some(record) => Ok(decided(&rules, &record)),
            None => Ok(rules.first().copied()),
        }
    }

    /// A stored report; `None` when it was cleared away or is not in our form any more.
    async fn stored(&self, id: &ReportId) -> Result<Option<Report>, JobError> {
        let bytes = self.reports.get(id).await?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }
}

/// Carries out one queue message. `last_try` says that the queue will not hand it out again, so people must be told now.
///
/// Errors mean that the message should be handed out again; what cannot heal has been told to people and is `Ok`.
pub async fn work(ctx: &WorkCtx, body: &str, last_try: bool) -> Result<Outcome, JobError> {
    let job = match wire::decode(body) {
        Ok(job) => job,
        Err(error) => {
            tracing::error!(error = %error, "a queue message cannot be read and is dropped");
            return Ok(Outcome::Nothing("unreadable"));
        }
    };
    match job {
        Job::Diff(job) => diff::run(ctx, &job, last_try).await,
        Job::Refresh { pull } => refresh::run(ctx, &pull).await,
        Job::Mark { pull, report } => mark::run(ctx, &pull, &report, last_try).await,
        Job::Discover => discover::run(ctx).await,
        Job::Look { repo, put_off } => look::run(ctx, &repo, put_off).await,
        Job::Click(click) => click::run(ctx, &click, last_try).await,
        Job::Command(command) => command::run(ctx, &command, last_try).await,
    }
}
