//! `preflux diff`: one report, printed. For a pull request, or for two revisions of a repository on disk.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use bootstrap::config::{Config, Defaults};
use bootstrap::worker::{checkouts, clone_urls};
use clap::ValueEnum;
use domain::provenance::Disclosure;
use domain::report::Report;
use domain::{Author, Drift, PullKey, PullRequest, PullState, RemoteHosts, Trust};
use flows::analyse::{DecryptionAccess, Findings, Named, Question, RemoteAccess, Repository, analyse_all};
use kubernetes::KubeCluster;
use ports::ledger::Ledger;
use ports::{Checkout, Clock, Cluster, Conditional, Forge as _, SystemClock};

/// What `preflux diff` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The pull request, as OWNER/REPO#NUMBER; or else --repo, --base and --head.
    #[arg(value_name = "OWNER/REPO#NUMBER", required_unless_present = "repo", conflicts_with_all = ["repo", "base", "head"])]
    pull: Option<String>,
    /// A repository on disk, instead of a pull request.
    #[arg(long, requires = "base", requires = "head")]
    repo: Option<PathBuf>,
    /// The revision before.
    #[arg(long)]
    base: Option<String>,
    /// The revision after.
    #[arg(long)]
    head: Option<String>,
    /// The address that Flux knows the repository on disk by; without it, every GitRepository counts.
    #[arg(long, requires = "repo")]
    url: Option<String>,
    /// The branch that Flux follows.
    #[arg(long, default_value = "main", requires = "repo")]
    branch: String,
    /// The kubeconfig of the cluster to compare with; without it, the rendered change alone is shown.
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
    /// Whose drift is looked for: `affected` (every object of the Kustomizations in which something changes), `changed` or `off`.
    #[arg(long, value_name = "WHOSE")]
    drift: Option<Drift>,
    /// A host that remote bases and files may be fetched from, such as `github.com`; may be given several times.
    #[arg(long, value_name = "HOST")]
    remote_host: Vec<String>,
    /// The configuration, for a pull request; without it, GitHub is asked with the token in GITHUB_TOKEN.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The form of the report.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Exit with 1 when something changes.
    #[arg(long)]
    exit_code: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    /// For reading in a terminal.
    Text,
    /// As the comment on GitHub.
    Markdown,
    /// For programs.
    Json,
}

/// Prints the report. Exits 0, with `--exit-code` 1 when something changes, and 2 when there is no report.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let report = match (&args.repo, &args.pull) {
        (Some(repo), _) => of_revisions(&args, repo).await?,
        (None, Some(pull)) => of_pull(&args, &pull.parse()?).await?,
        (None, None) => {
            bail!("name a pull request (OWNER/REPO#NUMBER) or a repository (--repo, --base, --head)")
        }
    };
    print(&match args.output {
        Output::Text => report::text(&report),
        Output::Markdown => report::comment(&report, "<!-- preflux:printed -->"),
        Output::Json => report::json(&report),
    });
    let changes = !report.nothing_changes();
    Ok(if args.exit_code && changes { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Prints to the terminal, or to whatever reads along. That one may stop reading (`| head`) without being an error.
pub(crate) fn print(text: &str) {
    use std::io::Write as _;
    drop(writeln!(std::io::stdout().lock(), "{}", text.trim_end()));
}

async fn of_revisions(args: &Args, repo: &Path) -> anyhow::Result<Report> {
    let (Some(base), Some(head)) = (args.base.clone(), args.head.clone()) else {
        bail!("a repository needs --base and --head");
    };
    let dir = repo.to_owned();
    let checkout = tokio::task::spawn_blocking(move || git::local(&dir, &base, &head)).await??;
    let repository = match &args.url {
        Some(url) => Repository::Known { urls: vec![url.clone()], branch: args.branch.clone() },
        None => Repository::Any,
    };
    let pull = stand_in(args, repo, &checkout)?;
    let remotes = remotes(args, RemoteHosts::default())?;
    let cluster = cluster(args.kubeconfig.as_deref()).await?;
    let drift = args.drift.unwrap_or_default();
    let decryption = DecryptionAccess::None(
        "keys are taken from a configuration alone: name a pull request and --config".to_owned(),
    );
    let sides = Sides { checkout, repository, cluster, remotes, drift, decryption };
    finish(sides, pull, false, Vec::new()).await
}

/// Hosts of the command line, or else those of the configuration.
fn remotes(args: &Args, configured: RemoteHosts) -> anyhow::Result<RemoteAccess> {
    let given = RemoteHosts::new(&args.remote_host).context("--remote-host")?;
    let hosts = if given.is_empty() { configured } else { given };
    if hosts.is_empty() {
        return Ok(RemoteAccess::None("allow its host with --remote-host HOST".to_owned()));
    }
    Ok(bootstrap::worker::remotes(&hosts, cache_dir()))
}

fn cache_dir() -> PathBuf {
    std::env::temp_dir().join("preflux-git")
}

/// A repository on disk has no pull request; the report's head line shows the revisions instead.
fn stand_in(args: &Args, repo: &Path, checkout: &Checkout) -> anyhow::Result<PullRequest> {
    let name = repo.canonicalize().ok().and_then(|p| p.file_name().map(|n| n.to_string_lossy().into_owned()));
    let name: String =
        name.unwrap_or_default().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    Ok(PullRequest {
        key: PullKey {
            repo: format!("local/{name}").parse().or_else(|_| "local/repository".parse())?,
            number: 0,
        },
        title: format!(
            "{} to {}",
            args.base.as_deref().unwrap_or_default(),
            args.head.as_deref().unwrap_or_default()
        ),
        author: Author { login: "you".to_owned(), bot: false },
        state: PullState::Open,
        draft: false,
        labels: Default::default(),
        head_branch: args.head.clone().unwrap_or_default(),
        head: checkout.comparison.result.clone(),
        base_branch: args.base.clone().unwrap_or_default(),
        base: checkout.comparison.base.clone(),
        fork: false,
        head_owner: None,
        url: String::new(),
        updated_at: 0,
        closed_at: None,
    })
}

async fn of_pull(args: &Args, key: &PullKey) -> anyhow::Result<Report> {
    let config = match &args.config {
        Some(path) => bootstrap::local::config(path)?,
        None => by_environment(key)?,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let state = Arc::new(backend(&clock)?);
    let secrets = bootstrap::local::secrets(&config);
    let ledger = Ledger::new(state, clock.clone());
    let github = bootstrap::parts::github(&config.github, secrets.as_ref(), ledger, clock).await?;
    let pull = github.pull(key).await?;
    let pull =
        pull.with_context(|| format!("pull request {key} does not exist, or the token cannot see it"))?;
    let tip = match github.branch(&key.repo, &pull.base_branch, None).await? {
        Conditional::Fresh { value, .. } => value,
        Conditional::NotModified => pull.base.clone(),
    };
    let checkout = checkouts(&config.github.git_url, cache_dir(), github).pull(&pull, &tip).await?;
    let (owner, name) = (key.repo.owner(), key.repo.name());
    let urls = clone_urls(&config.github.git_url);
    let urls = urls.iter().map(|url| url.replace("{owner}", owner).replace("{name}", name)).collect();
    let repository = Repository::Known { urls, branch: pull.base_branch.clone() };
    let cluster = match (&args.kubeconfig, &config.cluster) {
        (None, Some(configured)) => {
            bootstrap::worker::cluster(Some(configured), secrets.as_ref(), None).await
        }
        (kubeconfig, _) => cluster(kubeconfig.as_deref()).await?,
    };
    let remotes = remotes(args, config.remotes.clone())?;
    let more = match args.kubeconfig {
        Some(_) => Vec::new(),
        None => bootstrap::worker::more_clusters(&config, secrets.as_ref(), None).await,
    };
    let drift = args.drift.unwrap_or(config.drift);
    let decryption = bootstrap::worker::decryption(&config, secrets.as_ref(), None).await;
    let sides = Sides { checkout, repository, cluster, remotes, drift, decryption };
    finish(sides, pull, config.hold_back_when_render_differs, more).await
}

/// Without a configuration file the token comes from the environment, and nothing else is needed.
fn by_environment(key: &PullKey) -> anyhow::Result<Config> {
    anyhow::ensure!(
        std::env::var("GITHUB_TOKEN").is_ok_and(|token| !token.is_empty()),
        "set GITHUB_TOKEN to a token that can read {}, or name a configuration with --config",
        key.repo
    );
    let text = format!(
        "github: {{token: 'env:GITHUB_TOKEN'}}\nslack: {{secret: unused}}\nrepositories: [{{name: {}, channel: C0}}]",
        key.repo
    );
    Ok(Config::parse(&text, &Defaults::default())?)
}

fn backend(clock: &Arc<dyn Clock>) -> anyhow::Result<impl ports::Table + use<>> {
    bootstrap::local::memory(clock.clone())
}

/// A cluster by the person's own kubeconfig; a wrong one is an error here, for it was asked for.
async fn cluster(kubeconfig: Option<&Path>) -> anyhow::Result<Result<Arc<dyn Cluster>, String>> {
    let Some(path) = kubeconfig else {
        return Ok(Err("name one with --kubeconfig FILE".to_owned()));
    };
    let cluster = KubeCluster::from_file("cluster", path, &kubernetes::Options::default()).await?;
    Ok(Ok(Arc::new(cluster)))
}

/// What is compared, and with what.
struct Sides {
    checkout: Checkout,
    repository: Repository,
    cluster: Result<Arc<dyn Cluster>, String>,
    remotes: RemoteAccess,
    drift: Drift,
    decryption: DecryptionAccess,
}

async fn finish(
    sides: Sides,
    pull: PullRequest,
    hold_back: bool,
    more: Vec<Named>,
) -> anyhow::Result<Report> {
    let Sides { checkout, repository, cluster, remotes, drift, decryption } = sides;
    let disclosure = Disclosure::LiveValues;
    let question = Question {
        checkout: &checkout,
        repository,
        cluster,
        remotes,
        disclosure,
        drift,
        decryption,
        until: None,
    };
    let findings = analyse_all(question, &more).await;
    if let Some(why) = findings.held_back().filter(|_| hold_back) {
        bail!(why);
    }
    let Findings { cluster, kustomizations, coverage, notes } = findings;
    Ok(Report {
        id: "printed-report".parse()?,
        pull,
        comparison: checkout.comparison,
        cluster,
        // Whoever runs the command looks with their own credentials.
        trust: Trust::Configured,
        kustomizations,
        coverage,
        notes: checkout.notes.into_iter().chain(notes).collect(),
        made_at: SystemClock.now(),
    })
}
