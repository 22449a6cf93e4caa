//! `preflux sandbox`: `serve` against local stand-ins for GitHub and Slack, with a sample repository and an open pull request.
//!
//! The stand-ins and the sample are `testkit`'s. `once` walks through the whole job by itself and says whether all of it happened.

mod once;
mod seed;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use bootstrap::config::{Config, Defaults};
use testkit::clock::Clock;
use testkit::github::{self, FakeGitHub};
use testkit::sample::{self, Installed};
use testkit::slack::{self, DEPLOYS, FakeSlack};

use crate::diff::print;
use crate::serve;

/// What `preflux sandbox` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Walk through the whole job once, print what Slack and GitHub show, and exit.
    #[arg(long)]
    once: bool,
    /// The kubeconfig of a cluster to compare with.
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
    /// The kubeconfig of an administrator of a test cluster on this machine: the sample's objects are applied with it first.
    #[arg(long, requires = "kubeconfig")]
    seed_with: Option<PathBuf>,
    /// The port of the page that stands in for Slack.
    #[arg(long, default_value_t = 7878)]
    port: u16,
    /// Where state is kept while it runs; emptied at the start.
    #[arg(long, default_value = "target/sandbox/data")]
    dir: PathBuf,
}

/// Everything that the sandbox runs.
struct World {
    github: FakeGitHub,
    slack: FakeSlack,
    sample: Installed,
    config: Config,
}

/// Runs the sandbox until Ctrl-C, or once.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let world = build(&args)?;
    if let Some(admin) = &args.seed_with {
        seed::cluster(admin, &world.github.git_url(sample::REPO), &world.sample).await?;
    }
    if args.once {
        return once::run(&world).await;
    }
    let running = serve::start(&world.config).await?;
    world.slack.set_interactions_url(&format!("http://{}/slack/interactions", running.address));
    print(&format!(
        "Slack, as a person would see it: {}\nGitHub's stand-in:               {}\nStop with Ctrl-C.\n",
        world.slack.url(),
        world.github.url()
    ));
    let shown = tokio::spawn(show_report(world.slack.clone()));
    serve::stop_signal().await;
    shown.abort();
    Ok(ExitCode::SUCCESS)
}

fn build(args: &Args) -> anyhow::Result<World> {
    let dir = &std::path::absolute(&args.dir)?;
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("emptying `{}`", dir.display()))?;
    }
    fs::create_dir_all(dir.join("secrets")).with_context(|| format!("creating `{}`", dir.display()))?;
    let slack =
        FakeSlack::start(slack::Options { port: args.port, clock: Clock::real(), ..Default::default() })
            .with_context(|| format!("port {} is taken? choose another with --port", args.port))?;
    let github = FakeGitHub::start(github::Options {
        dir: Some(dir.join("github")),
        clock: Clock::real(),
        web_url: Some(slack.url()),
        ..Default::default()
    })?;
    let sample = sample::install(&github);
    let view = github.clone();
    slack.show_pulls(move || view.sandbox_view());
    let config = configure(dir, args.kubeconfig.as_deref(), &github, &slack)?;
    Ok(World { github, slack, sample, config })
}

/// The same configuration file that a person would write, with the stand-ins' addresses.
fn configure(
    dir: &Path,
    kubeconfig: Option<&Path>,
    github: &FakeGitHub,
    slack: &FakeSlack,
) -> anyhow::Result<Config> {
    for (name, value) in [
        ("github-token", github::DEFAULT_TOKEN),
        ("slack-bot-token", slack::DEFAULT_BOT_TOKEN),
        ("slack-signing-secret", slack::DEFAULT_SIGNING_SECRET),
    ] {
        let path = dir.join("secrets").join(name);
        fs::write(&path, value)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    }
    let cluster = match kubeconfig {
        Some(path) => {
            let path = path
                .canonicalize()
                .with_context(|| format!("there is no kubeconfig `{}`", path.display()))?;
            format!("cluster: {{name: production, kubeconfig: 'file:{}'}}", path.display())
        }
        None => String::new(),
    };
    let text = format!(
        "github: {{api_url: '{}', git_url: '{}', token: github-token}}
slack: {{api_url: '{}', bot_token: slack-bot-token, signing_secret: slack-signing-secret, team: {}}}
{cluster}
repositories: [{{name: {}, channel: {DEPLOYS}}}]
people: {{shared_identity: true}}
poll_every_s: 5
listen: 127.0.0.1:0
data: '{}'
",
        github.url(),
        github.url(),
        slack.api_url(),
        slack::TEAM,
        sample::REPO,
        dir.display()
    );
    fs::write(dir.join("preflux.yaml"), &text)?;
    Ok(Config::parse(&text, &Defaults::default())?)
}

/// Prints the report in the terminal too, as soon as its details are in the thread.
async fn show_report(slack: FakeSlack) {
    loop {
        if let Some(message) = slack.messages(DEPLOYS).first()
            && let Some(details) =
                slack.thread(DEPLOYS, &message.ts).iter().find(|reply| reply.ts != message.ts)
        {
            print(&format!("{}\n\n{}\n", slack::as_text(message), slack::as_text(details)));
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
