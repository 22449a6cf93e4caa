//! `preflux doctor`: every part is tried, and what does not work is said with what to do about it.

mod clusters;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use bootstrap::config::Config;
use ports::ledger::Ledger;
use ports::{Clock, Forge as _, SystemClock};

use crate::diff::print;

/// Checks everything and exits 1 when something needs mending.
pub(crate) async fn run(config: &Path) -> anyhow::Result<ExitCode> {
    let config = bootstrap::local::config(config)?;
    print(&format!("ok    configuration: repositories watched: {}", config.repositories.len()));
    let mut parts = vec![
        ("GitHub".to_owned(), github(&config).await.map(Found::from)),
        ("Slack".to_owned(), slack(&config).await.map(Found::from)),
    ];
    parts.extend(clusters::all(&config).await);
    let mut problems = 0;
    for (part, result) in parts {
        match result {
            Ok(found) => {
                found.well.iter().for_each(|line| print(&format!("ok    {part}: {line}")));
                found.notes.iter().for_each(|line| print(&format!("note  {part}: {line}")));
            }
            Err(error) => {
                problems += 1;
                print(&format!("WRONG {part}: {error:#}"));
            }
        }
    }
    Ok(if problems == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// A part's name, and what was found of it.
type Part = (String, anyhow::Result<Found>);

/// What was found of a part that works.
struct Found {
    /// What is as it should be.
    well: Vec<String>,
    /// What somebody may want to know.
    notes: Vec<String>,
}

impl From<Vec<String>> for Found {
    fn from(well: Vec<String>) -> Self {
        Self { well, notes: Vec::new() }
    }
}

async fn github(config: &Config) -> anyhow::Result<Vec<String>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ledger = Ledger::new(Arc::new(bootstrap::local::memory(clock.clone())?), clock.clone());
    let secrets = bootstrap::local::secrets(config);
    let github = bootstrap::parts::github(&config.github, secrets.as_ref(), ledger, clock).await?;
    let mut lines = Vec::new();
    for rule in &config.repositories {
        github.pulls(&rule.repo, 1, None).await?;
        let standing = github.doctor(&rule.repo).await?;
        anyhow::ensure!(
            standing.missing.is_empty(),
            "{} lacks for {}: {} (infra/github/app-permissions.md says what is needed)",
            standing.login,
            rule.repo,
            standing.missing.join(", ")
        );
        lines.push(format!("{} can be read, and written to by {}", rule.repo, standing.login));
    }
    Ok(lines)
}

async fn slack(config: &Config) -> anyhow::Result<Vec<String>> {
    let secrets = bootstrap::local::secrets(config);
    bootstrap::parts::slack_secrets(secrets.as_ref(), &config.slack.identity).await?;
    let slack = bootstrap::parts::slack(&config.slack, secrets.as_ref()).await?;
    let mut lines = Vec::new();
    for rule in &config.repositories {
        ports::Chat::find(slack.as_ref(), &rule.channel, None, "doctor").await?;
        lines.push(format!("channel {} of {} can be read", rule.channel, rule.repo));
    }
    Ok(lines)
}
