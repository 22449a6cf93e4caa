//! Preflux in one process: SQLite for queue and state, files for secrets and reports, and loops in place of a schedule and an event source.

use std::fs::{File, TryLockError};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use backend_embedded::{FileReports, FileSecrets, Sqlite};
use flows::interact::InteractCtx;
use flows::poll::{PollCtx, Polled, poll};
use flows::work::WorkCtx;
use futures::FutureExt as _;
use ports::ledger::Ledger;
use ports::{Clock, Consumer, Secrets, SystemClock};

use crate::config::Config;
use crate::forms::SlackForms;
use crate::inbound::Inbound;
use crate::parts;
use crate::webhook::Webhook;
use crate::worker::{self, WorkerParts, carry_out};

/// How long a job stays hidden while it is worked on; longer than any job takes.
const VISIBILITY: Duration = Duration::from_secs(900);

/// Everything in one process.
pub struct Local {
    poll: PollCtx,
    work: WorkCtx,
    queue: Arc<Sqlite>,
    /// What answers Slack.
    pub inbound: Inbound,
    /// Locked as long as this process uses the data folder.
    _lock: File,
}

impl Local {
    /// Opens the state in the configured folder and puts the parts together.
    ///
    /// # Errors
    /// The folder cannot be used, or a secret is missing or not in its form.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let data = PathBuf::from(&config.data);
        std::fs::create_dir_all(&data)
            .with_context(|| format!("creating the data folder `{}`", data.display()))?;
        let lock = lock(&data)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let queue = Arc::new(Sqlite::open(&data.join("preflux.db"), clock.clone())?);
        let ledger = Ledger::new(queue.clone(), clock.clone());
        // Nobody else has the folder, so what is still out was left behind by a process that was stopped.
        let left_behind = queue.hand_back_all().await?;
        ledger.end_leases().await?;
        if left_behind > 0 {
            tracing::info!(left_behind, "{left_behind} jobs of an earlier run are taken up again");
        }
        let secrets = secrets(config);
        let work = worker::context(
            config,
            WorkerParts {
                secrets: secrets.clone(),
                ledger: ledger.clone(),
                queue: queue.clone(),
                reports: Arc::new(FileReports::new(data.join("reports"))),
                clock: clock.clone(),
                cache_dir: data.join("git"),
                kms: None,
                eks: None,
            },
        )
        .await?;
        // A broken signing secret is found now, not at the first click.
        parts::slack_secrets(secrets.as_ref(), &config.slack.identity).await?;
        let forge = if config.github.readers.is_empty() {
            work.forge.clone()
        } else {
            let (ledger, clock) = (ledger.clone(), clock.clone());
            parts::polled_github(&config.github, secrets.as_ref(), ledger, clock).await?
        };
        let poll = PollCtx {
            forge,
            queue: queue.clone(),
            ledger: ledger.clone(),
            chat: Some(work.chat.clone()),
            clock: clock.clone(),
            rules: config.repositories.clone(),
            events: config.events.clone(),
            pace: config.pace,
            first_reports: config.first_reports,
        };
        let forms = SlackForms::of(secrets.clone(), &config.slack);
        let ctx = InteractCtx { queue: queue.clone(), ledger, team: config.slack.team.clone(), forms };
        let webhook = Webhook::of(config);
        if let Some(webhook) = &webhook {
            webhook.secrets(secrets.as_ref()).await?;
        }
        let inbound = Inbound { secrets, identity: config.slack.identity.clone(), webhook, clock, ctx };
        Ok(Self { poll, work, queue, inbound, _lock: lock })
    }

    /// Polls every repository once.
    ///
    /// # Errors
    /// The first repository that failed; the others were polled all the same.
    pub async fn poll_once(&self) -> Result<Vec<Polled>, flows::JobError> {
        poll(&self.poll).await.into_iter().map(|(_, result)| result).collect()
    }

    /// Polls for ever.
    pub async fn poll_for_ever(&self, every: Duration) {
        loop {
            // Failures are in the log, and the next poll is the retry.
            if AssertUnwindSafe(poll(&self.poll)).catch_unwind().await.is_err() {
                tracing::error!("a poll crashed; the next one comes in {} s", every.as_secs());
            }
            tokio::time::sleep(every).await;
        }
    }

    /// Carries out what is on the queue now, one job after the other, and says how many there were.
    ///
    /// # Errors
    /// The queue cannot be read, or a job failed.
    pub async fn work_once(&self) -> anyhow::Result<usize> {
        let mut done = 0;
        loop {
            let deliveries = self.queue.receive(1, VISIBILITY, Duration::ZERO).await?;
            let Some(delivery) = deliveries.into_iter().next() else { return Ok(done) };
            match carry_out(&self.work, &delivery.body, delivery.attempt).await {
                Ok(_) => self.queue.ack(&delivery).await?,
                Err(error) => {
                    self.queue.release(&delivery, Duration::ZERO).await?;
                    return Err(error.into());
                }
            }
            done += 1;
        }
    }

    /// Carries out jobs for ever.
    pub async fn work_for_ever(&self) {
        loop {
            if let Err(error) = self.take_one().await {
                tracing::error!(error = format!("{error:#}"), "the job queue cannot be used");
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
    }

    async fn take_one(&self) -> anyhow::Result<()> {
        for delivery in self.queue.receive(1, VISIBILITY, Duration::from_secs(5)).await? {
            match carry_out(&self.work, &delivery.body, delivery.attempt).await {
                Ok(_) => self.queue.ack(&delivery).await?,
                Err(error) => {
                    self.queue.release(&delivery, error.again_after(delivery.attempt)).await?;
                }
            }
        }
        Ok(())
    }
}

/// Keeps a second process out of the data folder, which would take the first one's jobs for abandoned.
fn lock(data: &Path) -> anyhow::Result<File> {
    let path = data.join("lock");
    let file = File::create(&path).with_context(|| format!("creating `{}`", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            anyhow::bail!(
                "another Preflux uses the data folder `{}`: stop it, or set `data` to another folder",
                data.display()
            )
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("locking `{}`", path.display()))
        }
    }
}

/// Reads the configuration from a file.
///
/// # Errors
/// The file cannot be read, or has problems; all of them come at once.
pub fn config(path: &Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("reading the configuration `{}` (README.md has an example)", path.display())
    })?;
    Config::parse(&text, &crate::config::Defaults::from_environment())
        .with_context(|| format!("in `{}`", path.display()))
}

/// Secrets of the embedded form: files in the data folder, `file:` and `env:` names.
pub fn secrets(config: &Config) -> Arc<dyn Secrets> {
    Arc::new(FileSecrets::new(Some(PathBuf::from(&config.data).join("secrets"))))
}

/// State that lives as long as the process, for commands that keep none.
///
/// # Errors
/// SQLite cannot be started.
pub fn memory(clock: Arc<dyn Clock>) -> anyhow::Result<Sqlite> {
    Ok(Sqlite::in_memory(clock)?)
}
