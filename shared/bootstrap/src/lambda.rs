//! What the Lambda functions are put together from: AWS for queue, state, secrets and reports, named by the template's environment.

use std::sync::Arc;

use anyhow::Context as _;
use backend_aws::Aws;
use ports::ledger::Ledger;
use ports::{Clock, Queue, Secrets, SystemClock};

use crate::config::{Config, Defaults};

/// The parts that every function has.
pub struct Base {
    /// What is configured.
    pub config: Config,
    aws: Aws,
    clock: Arc<dyn Clock>,
    secrets: Arc<dyn Secrets>,
    ledger: Ledger,
    queue: Arc<dyn Queue>,
    /// Where the worker hands a failed message back.
    #[cfg(feature = "work")]
    pub consumer: Arc<dyn ports::Consumer>,
}

impl Base {
    /// Reads the environment: `PREFLUX_CONFIG` (YAML text), `PREFLUX_TABLE`, `PREFLUX_QUEUE_URL`, and the secrets' ARNs.
    ///
    /// # Errors
    /// Something is missing or wrong; everything that is comes at once.
    pub async fn load() -> anyhow::Result<Self> {
        let mut missing = Vec::new();
        let mut needed = |name: &'static str| {
            std::env::var(name).unwrap_or_else(|_| {
                missing.push(name);
                String::new()
            })
        };
        let (text, table, queue) =
            (needed("PREFLUX_CONFIG"), needed("PREFLUX_TABLE"), needed("PREFLUX_QUEUE_URL"));
        anyhow::ensure!(missing.is_empty(), "environment variables are missing: {}", missing.join(", "));
        let config = Config::parse(&text, &Defaults::from_environment())?;
        let aws = Aws::load().await;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let queue = Arc::new(aws.queue(&queue, None));
        Ok(Self {
            config,
            ledger: Ledger::new(Arc::new(aws.table(&table, clock.clone())), clock.clone()),
            secrets: Arc::new(aws.secrets(clock.clone())),
            #[cfg(feature = "work")]
            consumer: queue.clone(),
            queue,
            aws,
            clock,
        })
    }

    /// The poller's context.
    ///
    /// # Errors
    /// A secret is missing or not in its form.
    #[cfg(feature = "poll")]
    pub async fn poller(self) -> anyhow::Result<flows::poll::PollCtx> {
        let secrets = self.secrets.as_ref();
        let forge = crate::parts::polled_github(
            &self.config.github,
            secrets,
            self.ledger.clone(),
            self.clock.clone(),
        );
        Ok(flows::poll::PollCtx {
            forge: forge.await?,
            queue: self.queue,
            chat: Some(crate::parts::slack(&self.config.slack, secrets).await?),
            ledger: self.ledger,
            clock: self.clock,
            rules: self.config.repositories,
            events: self.config.events,
            pace: self.config.pace,
            first_reports: self.config.first_reports,
        })
    }

    /// The worker's context. Needs `PREFLUX_BUCKET`.
    ///
    /// # Errors
    /// A secret is missing or not in its form.
    #[cfg(feature = "work")]
    pub async fn worker(self) -> anyhow::Result<flows::work::WorkCtx> {
        let bucket =
            std::env::var("PREFLUX_BUCKET").context("environment variable is missing: PREFLUX_BUCKET")?;
        let parts = crate::worker::WorkerParts {
            secrets: self.secrets,
            ledger: self.ledger,
            queue: self.queue,
            reports: Arc::new(self.aws.reports(&bucket, "reports/")),
            clock: self.clock,
            cache_dir: std::env::temp_dir().join("preflux-git"),
            kms: Some(Arc::new(self.aws.kms())),
            eks: Some(Arc::new(self.aws.eks())),
        };
        crate::worker::context(&self.config, parts).await
    }

    /// What answers Slack.
    #[cfg(feature = "interact")]
    pub fn interactions(self) -> crate::inbound::Inbound {
        let _ = &self.aws;
        let webhook = crate::webhook::Webhook::of(&self.config);
        let forms = crate::forms::SlackForms::of(self.secrets.clone(), &self.config.slack);
        crate::inbound::Inbound {
            secrets: self.secrets,
            identity: self.config.slack.identity,
            webhook,
            clock: self.clock,
            ctx: flows::interact::InteractCtx {
                queue: self.queue,
                ledger: self.ledger,
                team: self.config.slack.team,
                forms,
            },
        }
    }
}
