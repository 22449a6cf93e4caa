//! `preflux doctor`: every part is tried, and what does not work is said with what to do about it.

mod clusters;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use bootstrap::config::Config;
use bootstrap::parts::GitHub;
use bootstrap::webhook::Webhook;
use domain::mark::CheckKind;
use domain::{RepoName, RepoRule, Repositories};
use ports::ledger::Ledger;
use ports::{Clock, Forge as _, SystemClock};

use crate::diff::print;

/// Checks everything and exits 1 when something needs mending.
pub(crate) async fn run(config: &Path) -> anyhow::Result<ExitCode> {
    let config = bootstrap::local::config(config)?;
    print(&format!("ok    configuration: rules: {}", config.repositories.len()));
    let mut parts = vec![
        ("GitHub".to_owned(), github(&config).await),
        ("Slack".to_owned(), slack(&config).await.map(Found::from)),
    ];
    parts.push(("people".to_owned(), people(&config).await));
    if let Some(webhook) = Webhook::of(&config) {
        parts.push(("webhook".to_owned(), hooked(&config, &webhook).await));
    }
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

/// Repositories of an organisation that are looked at one by one; the others are listed all the same.
const MOST_OF_ONE: usize = 10;

async fn github(config: &Config) -> anyhow::Result<Found> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ledger = Ledger::new(Arc::new(bootstrap::local::memory(clock.clone())?), clock.clone());
    let secrets = bootstrap::local::secrets(config);
    let github = bootstrap::parts::github(&config.github, secrets.as_ref(), ledger, clock).await?;
    let mut found = Found::from(Vec::new());
    let mut seen = BTreeSet::new();
    for rule in &config.repositories {
        for repo in meant(&github, rule, &mut found).await? {
            if seen.insert(repo.clone()) {
                found.well.push(standing(&github, &repo, rule).await?);
            }
        }
    }
    Ok(found)
}

/// The repositories that a rule is about, as far as GitHub alone can say.
async fn meant(github: &GitHub, rule: &RepoRule, found: &mut Found) -> anyhow::Result<Vec<RepoName>> {
    match &rule.repositories {
        Repositories::Named(repo) => Ok(vec![repo.clone()]),
        Repositories::Of { owner, names } => {
            let mut listed = github.repositories(owner).await?;
            listed.retain(|repo| names.accept(repo.name()));
            found.well.push(format!("{owner} has {} repositories that are watched", listed.len()));
            listed.truncate(MOST_OF_ONE);
            Ok(listed)
        }
        Repositories::Discovered { .. } => {
            found
                .notes
                .push("which repositories the clusters point to is found out by `preflux serve`".to_owned());
            Ok(Vec::new())
        }
    }
}

/// Whether people can approve, and as whom.
async fn people(config: &Config) -> anyhow::Result<Found> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ledger = Ledger::new(Arc::new(bootstrap::local::memory(clock.clone())?), clock.clone());
    let secrets = bootstrap::local::secrets(config);
    bootstrap::parts::people(config, secrets.as_ref(), ledger, clock).await?;
    let mut found = Found::from(Vec::new());
    match &config.people.app {
        Some(app) => {
            found.well.push("the client secret is there".to_owned());
            found.notes.push(format!("the GitHub App has to list the callback URL {}", app.callback_url()));
            if config.repositories.iter().any(|rule| rule.acts.merge.is_some()) {
                let needs = "Merge needs the permission `Contents: write` of that App, and whoever can write merges what GitHub's rules for the branch let through";
                found.notes.push(needs.to_owned());
            }
        }
        None if config.people.shared_identity => found.notes.push(
            "Approve uses the account of Preflux for everybody, who had a hand in the commits too".to_owned(),
        ),
        None => found.notes.push("nobody can approve in Slack: `people` names no GitHub App".to_owned()),
    }
    Ok(found)
}

/// Whether deliveries can be verified. Whether GitHub delivers is seen on GitHub's page of the webhook alone.
async fn hooked(config: &Config, webhook: &Webhook) -> anyhow::Result<Found> {
    let accepted = webhook.secrets(bootstrap::local::secrets(config).as_ref()).await?.len();
    let mut found = Found::from(vec!["the secret that GitHub signs with is there".to_owned()]);
    if accepted > 1 {
        found
            .notes
            .push("two secrets are accepted: take the old one away when GitHub has the new one".to_owned());
    }
    found.notes.push("GitHub delivers to `/github/webhook`, with content type `application/json`".to_owned());
    Ok(found)
}

async fn standing(github: &GitHub, repo: &RepoName, rule: &RepoRule) -> anyhow::Result<String> {
    github.pulls(repo, 1, None).await?;
    let also: &[_] = match rule.check {
        Some(CheckKind::Run) => &[("checks", "write")],
        Some(CheckKind::Status) => &[("statuses", "write")],
        None => &[],
    };
    let standing = github.doctor(repo, also).await?;
    anyhow::ensure!(
        standing.missing.is_empty(),
        "{} lacks for {repo}: {} (infra/github/app-permissions.md says what is needed)",
        standing.login,
        standing.missing.join(", ")
    );
    Ok(format!("{repo} can be read, and written to by {}", standing.login))
}

async fn slack(config: &Config) -> anyhow::Result<Vec<String>> {
    let secrets = bootstrap::local::secrets(config);
    bootstrap::parts::slack_secrets(secrets.as_ref(), &config.slack.identity).await?;
    let slack = bootstrap::parts::slack(&config.slack, secrets.as_ref()).await?;
    let mut lines = Vec::new();
    let channels: BTreeSet<&str> = config.repositories.iter().map(|rule| rule.channel.as_str()).collect();
    for channel in channels {
        ports::Chat::find(slack.as_ref(), channel, None, "doctor").await?;
        lines.push(format!("channel {channel} can be read"));
    }
    Ok(lines)
}
