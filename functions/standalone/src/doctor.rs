//! `preflux doctor`: every part is tried, and what does not work is said with what to do about it.

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
    let mut problems = 0;
    for (part, result) in [
        ("GitHub", github(&config).await),
        ("Slack", slack(&config).await),
        ("cluster", cluster(&config).await),
    ] {
        match result {
            Ok(lines) => lines.iter().for_each(|line| print(&format!("ok    {part}: {line}"))),
            Err(error) => {
                problems += 1;
                print(&format!("WRONG {part}: {error:#}"));
            }
        }
    }
    Ok(if problems == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
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

async fn cluster(config: &Config) -> anyhow::Result<Vec<String>> {
    let secrets = bootstrap::local::secrets(config);
    let Some(configured) = &config.cluster else {
        return Ok(vec!["none is configured; reports show the rendered change alone".to_owned()]);
    };
    let cluster = bootstrap::worker::cluster(Some(configured), secrets.as_ref(), None)
        .await
        .map_err(anyhow::Error::msg)?;
    let mut lines = Vec::new();
    let mut open = Vec::new();
    for lock in cluster.locks().await? {
        match lock.open {
            None => lines.push(format!("{} holds", lock.name)),
            Some(why) => open.push(format!("{}: {why}", lock.name)),
        }
    }
    anyhow::ensure!(
        open.is_empty(),
        "{} is not compared with while its identity could really write there\n      {}",
        cluster.name(),
        open.join("\n      ")
    );
    let objects = cluster.flux_objects().await?;
    lines.push(format!(
        "{}: {} Kustomizations, {} GitRepositories",
        cluster.name(),
        objects.kustomizations.len(),
        objects.git_repositories.len()
    ));
    Ok(lines)
}
