//! The worker's context, and one queue message carried out so that nothing it does can take others down.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::job::Outcome;
use domain::{RemoteHosts, RepoName};
use flows::JobError;
use flows::analyse::{DecryptionAccess, Named, RemoteAccess};
use flows::work::{Approvals, Operators, WorkCtx, work};
use futures::FutureExt as _;
use git::{GitCache, Limits, RemoteCache, TokenSource, remote_at};
use github::GitHub;
use kubernetes::{FluxAt, KubeCluster, KubeOperator};
use ports::ledger::Ledger;
use ports::{
    CheckoutError, Checkouts, Clock, Cluster, DataKeys, EksTokens, ForgeError, Operator, Queue, ReportStore,
    Secrets, WrappedDataKey,
};
use secrecy::{SecretSlice, SecretString};

use crate::config::{ClusterConfig, Config, Pace};
use crate::parts;
use age_keys::AgeKeys;

/// A job is given up after so many attempts; the same number as the queue's redrive policy.
pub const MOST_ATTEMPTS: u32 = 5;

/// What the worker is put together from, besides the configuration.
pub struct WorkerParts {
    /// Where secrets are.
    pub secrets: Arc<dyn Secrets>,
    /// Where state is.
    pub ledger: Ledger,
    /// Where follow-up jobs go.
    pub queue: Arc<dyn Queue>,
    /// Where whole reports are.
    pub reports: Arc<dyn ReportStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where git keeps its caches.
    pub cache_dir: PathBuf,
    /// AWS KMS, where there is one.
    pub kms: Option<Arc<dyn DataKeys>>,
    /// What makes tokens of EKS clusters, where there is a role to make them for.
    pub eks: Option<Arc<dyn EksTokens>>,
}

/// The worker's context.
///
/// # Errors
/// A secret is missing or not in its form. A cluster that cannot be used is no error: reports say so.
pub async fn context(config: &Config, parts: WorkerParts) -> anyhow::Result<WorkCtx> {
    let secrets = parts.secrets.as_ref();
    let github = parts::github(&config.github, secrets, parts.ledger.clone(), parts.clock.clone()).await?;
    let chat = parts::slack(&config.slack, secrets).await?;
    let eks = parts.eks.as_ref();
    let cluster = cluster(config.cluster.as_ref(), secrets, eks).await;
    if let Err(why) = &cluster {
        tracing::warn!("no cluster is asked: {why}");
    }
    let more_clusters = more_clusters(config, secrets, eks).await;
    let approvals = approvals(config, &parts).await?;
    let operators = operators(config, secrets, eks).await;
    Ok(WorkCtx {
        operators,
        blueprints: config.blueprints.clone(),
        approvals,
        remotes: remotes(&config.remotes, parts.cache_dir.clone()),
        decryption: decryption(config, secrets, parts.kms).await,
        checkouts: checkouts(&config.github.git_url, parts.cache_dir, github.clone()),
        forge: github,
        queue: parts.queue,
        ledger: parts.ledger,
        chat,
        reports: parts.reports,
        cluster,
        more_clusters,
        cluster_names: cluster_names(config),
        hold_back_when_render_differs: config.hold_back_when_render_differs,
        drift: config.drift,
        compare_within: Duration::from_secs(config.compare_within_s),
        clock: parts.clock,
        rules: config.repositories.clone(),
        trusted_logins: config.github.trusted.clone(),
        live_values: config.slack.live_values,
        clone_urls: clone_urls(&config.github.git_url),
    })
}

fn cluster_names(config: &Config) -> Vec<String> {
    config.cluster.iter().chain(&config.more_clusters).map(|cluster| cluster.name.clone()).collect()
}

async fn approvals(config: &Config, parts: &WorkerParts) -> anyhow::Result<Approvals> {
    let (secrets, clock) = (parts.secrets.as_ref(), parts.clock.clone());
    let people = parts::people(config, secrets, parts.ledger.clone(), clock).await?;
    Ok(Approvals {
        people: people.map(|people| people as Arc<dyn ports::People>),
        shared_identity: config.people.shared_identity,
        most_age_s: i64::try_from(config.people.report_max_age_min).unwrap_or(1).saturating_mul(60),
    })
}

/// Addresses that Flux may know a repository by, with `{owner}` and `{name}` to fill in.
pub fn clone_urls(git_url: &str) -> Vec<String> {
    vec![format!("{}/{{owner}}/{{name}}.git", git_url.trim_end_matches('/'))]
}

/// Checkouts from GitHub's git servers, with GitHub's own token.
pub fn checkouts(git_url: &str, cache_dir: PathBuf, github: Arc<GitHub>) -> Arc<dyn Checkouts> {
    Arc::new(GitCache::new(git::Settings {
        cache_dir,
        remote: remote_at(git_url),
        token: Arc::new(GitHubTokens(github)),
        limits: Limits::default(),
    }))
}

/// What may be fetched besides the watched repositories: from the listed hosts, without any token.
pub fn remotes(hosts: &RemoteHosts, cache_dir: PathBuf) -> RemoteAccess {
    if hosts.is_empty() {
        return RemoteAccess::None(
            "nothing is fetched from other hosts unless `remotes.hosts` in the configuration lists them"
                .to_owned(),
        );
    }
    match RemoteCache::new(cache_dir, Limits::default()) {
        Ok(cache) => RemoteAccess::From { hosts: hosts.clone(), fetch: Arc::new(cache) },
        Err(why) => RemoteAccess::None(why),
    }
}

/// What each cluster's encrypted files are decrypted with. Keys that cannot be used are no error: reports say so.
pub async fn decryption(
    config: &Config,
    secrets: &dyn Secrets,
    kms: Option<Arc<dyn DataKeys>>,
) -> DecryptionAccess {
    let first = keys_of(config.cluster.as_ref(), secrets, kms.clone()).await;
    let mut further = BTreeMap::new();
    for cluster in &config.more_clusters {
        further.insert(cluster.name.clone(), keys_of(Some(cluster), secrets, kms.clone()).await);
    }
    DecryptionAccess::ByCluster { first: Box::new(first), further: Arc::new(further) }
}

async fn keys_of(
    config: Option<&ClusterConfig>,
    secrets: &dyn Secrets,
    kms: Option<Arc<dyn DataKeys>>,
) -> DecryptionAccess {
    let config = config.map(|config| config.decryption.clone()).unwrap_or_default();
    if config.age.is_none() && !config.kms {
        return DecryptionAccess::None(
            "no keys are configured for its cluster: `cluster.decryption` names them".to_owned(),
        );
    }
    let age = match &config.age {
        Some(name) => age(name, secrets).await,
        None => Err("`cluster.decryption.age` names no identities".to_owned()),
    };
    let kms = match kms {
        Some(kms) if config.kms => Ok(kms),
        Some(_) => Err("`cluster.decryption.kms` is not true".to_owned()),
        None => Err("AWS KMS is asked by the functions on AWS alone".to_owned()),
    };
    DecryptionAccess::With(Arc::new(Keys { age, kms }))
}

async fn age(name: &str, secrets: &dyn Secrets) -> Result<AgeKeys, String> {
    let keys = match secrets.get(name).await {
        Ok(text) => AgeKeys::read(&text).map_err(|why| format!("the secret `{name}` cannot be used: {why}")),
        Err(error) => Err(error.to_string()),
    };
    keys.inspect_err(|why| tracing::warn!("nothing is decrypted with age: {why}"))
}

/// Each kind of key, or why it cannot be asked.
struct Keys {
    age: Result<AgeKeys, String>,
    kms: Result<Arc<dyn DataKeys>, String>,
}

#[async_trait]
impl DataKeys for Keys {
    async fn unwrap(&self, wrapped: &WrappedDataKey) -> Result<SecretSlice<u8>, String> {
        match wrapped {
            WrappedDataKey::Age { .. } => self.age.as_ref().map_err(Clone::clone)?.unwrap(wrapped).await,
            WrappedDataKey::AwsKms { .. } => self.kms.as_ref().map_err(Clone::clone)?.unwrap(wrapped).await,
        }
    }
}

struct GitHubTokens(Arc<GitHub>);

#[async_trait]
impl TokenSource for GitHubTokens {
    async fn token(&self, repo: &RepoName) -> Result<Option<SecretString>, CheckoutError> {
        self.0.git_token(repo).await.map_err(|error| no_token(repo, &error))
    }

    async fn renewed(&self, repo: &RepoName) -> Result<Option<SecretString>, CheckoutError> {
        self.0.renewed_git_token(repo).await.map_err(|error| no_token(repo, &error))
    }
}

fn no_token(repo: &RepoName, error: &ForgeError) -> CheckoutError {
    if error.heals() {
        return CheckoutError::Unavailable { repo: repo.to_string(), reason: error.to_string() };
    }
    CheckoutError::Unauthorized(repo.to_string())
}

/// The configured cluster, or the sentence that reports say instead.
pub async fn cluster(
    config: Option<&ClusterConfig>,
    secrets: &dyn Secrets,
    eks: Option<&Arc<dyn EksTokens>>,
) -> Result<Arc<dyn Cluster>, String> {
    let Some(config) = config else {
        return Err("none is configured; add `cluster` with a kubeconfig to the configuration (in the sandbox: --kubeconfig FILE)".to_owned());
    };
    let mut remotes = BTreeMap::new();
    for remote in &config.remotes {
        let cluster = connect(&remote.name, &remote.kubeconfig, config.pace, secrets, eks).await;
        let cluster = cluster.map(|cluster| cluster.with_impersonation(config.impersonate));
        let cluster = cluster.map(|cluster| Arc::new(cluster) as Arc<dyn Cluster>);
        remotes.extend(remote.references.iter().map(|reference| (reference.clone(), cluster.clone())));
    }
    let cluster = connect(&config.name, &config.kubeconfig, config.pace, secrets, eks).await?;
    let namespace = config.flux_namespace.clone().unwrap_or_else(|| FluxAt::default().namespace);
    let flux = FluxAt { namespace, version: config.controller_version.clone() };
    Ok(Arc::new(cluster.with_remotes(remotes).with_flux(flux).with_impersonation(config.impersonate)))
}

/// The further clusters, each with its name.
pub async fn more_clusters(
    config: &Config,
    secrets: &dyn Secrets,
    eks: Option<&Arc<dyn EksTokens>>,
) -> Vec<Named> {
    let mut all = Vec::new();
    for further in &config.more_clusters {
        let connected = cluster(Some(further), secrets, eks).await;
        if let Err(why) = &connected {
            tracing::warn!(cluster = further.name, "cluster `{}` is not asked: {why}", further.name);
        }
        all.push((further.name.clone(), connected));
    }
    all
}

/// Who may have Flux do something, in each cluster whose configuration names somebody.
async fn operators(config: &Config, secrets: &dyn Secrets, eks: Option<&Arc<dyn EksTokens>>) -> Operators {
    let mut all = Operators::new();
    for cluster in config.cluster.iter().chain(&config.more_clusters) {
        if cluster.operator.is_some() {
            let operator =
                operator(cluster, secrets, eks).await.map(|operator| Arc::new(operator) as Arc<dyn Operator>);
            if let Err(why) = &operator {
                tracing::warn!(
                    cluster = cluster.name,
                    "nobody may have Flux do anything in `{}`: {why}",
                    cluster.name
                );
            }
            all.insert(cluster.name.clone(), operator);
        }
    }
    all
}

/// Who may have Flux do something in a cluster.
pub async fn operator(
    config: &ClusterConfig,
    secrets: &dyn Secrets,
    eks: Option<&Arc<dyn EksTokens>>,
) -> Result<KubeOperator, String> {
    let secret = config.operator.as_deref().ok_or("`cluster.operator` names no kubeconfig")?;
    let text = secrets.get(secret).await.map_err(|error| error.to_string())?;
    let options = options(config.pace, eks);
    KubeOperator::connect(&config.name, &text, &options).await.map_err(|error| error.to_string())
}

fn options(pace: Pace, eks: Option<&Arc<dyn EksTokens>>) -> kubernetes::Options {
    let Pace { concurrency, requests_per_second } = pace;
    kubernetes::Options {
        concurrency,
        requests_per_second,
        eks: eks.cloned(),
        ..kubernetes::Options::default()
    }
}

async fn connect(
    name: &str,
    kubeconfig: &str,
    pace: Pace,
    secrets: &dyn Secrets,
    eks: Option<&Arc<dyn EksTokens>>,
) -> Result<KubeCluster, String> {
    let text = secrets.get(kubeconfig).await.map_err(|e| e.to_string())?;
    let options = options(pace, eks);
    KubeCluster::connect(name, &text, &options).await.map_err(|e| e.to_string())
}

/// Carries out one queue message. A panic is this message's failure alone.
pub async fn carry_out(ctx: &WorkCtx, body: &str, attempt: u32) -> Result<Outcome, JobError> {
    let last_try = attempt >= MOST_ATTEMPTS;
    let result = AssertUnwindSafe(Box::pin(work(ctx, body, last_try))).catch_unwind().await;
    let result = result.unwrap_or_else(|_| Err(JobError::retry(anyhow::anyhow!("the job crashed"))));
    match &result {
        Ok(Outcome::Done) => tracing::info!(attempt, "a job is done"),
        Ok(Outcome::Nothing(why)) => tracing::info!(attempt, why, "a job had nothing to do: {why}"),
        Err(error) => tracing::error!(attempt, error = %error, "a job failed and is tried again"),
    }
    result
}
