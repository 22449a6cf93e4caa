//! The configuration: one YAML text, parsed once into what the programs need, with all its problems reported together.

mod blueprints;
mod clusters;
mod events;
mod fields;
mod github;
mod located;
mod people;
mod rules;
mod schema;

use std::sync::Arc;

use ::blueprints::Blueprints;
use domain::{Drift, EventRule, Pace as PollPace, RemoteHosts, RepoRule};
use ports::ConfigRef;

pub use clusters::reference;
use fields::{Fields, Problems};
use located::Located;
pub use people::{PeopleApp, PeopleConfig};

/// The configuration cannot be used. Lists everything that is wrong with it, each with the field's path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} problem(s):\n{}", .0.len(), .0.iter().map(|p| format!("  - {p}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<String>);

/// Everything that is configured.
#[derive(Debug, Clone)]
pub struct Config {
    /// GitHub: where, who we are, whom we trust.
    pub github: GitHubConfig,
    /// Slack: where, and who we are.
    pub slack: SlackConfig,
    /// The cluster to compare with; without one, reports show the rendered change alone.
    pub cluster: Option<ClusterConfig>,
    /// Further clusters that run Flux on the same repositories.
    pub more_clusters: Vec<ClusterConfig>,
    /// Whether a report is shown as a failure when the controller is known to have rendered the base otherwise.
    pub hold_back_when_render_differs: bool,
    /// Whose drift is looked for.
    pub drift: Drift,
    /// Seconds after which a comparison asks clusters nothing more, 10 to 240.
    pub compare_within_s: u64,
    /// Who approves, and what it stands on.
    pub people: PeopleConfig,
    /// Hosts that remote bases and files may be fetched from; none unless listed.
    pub remotes: RemoteHosts,
    /// What is watched. Never empty.
    pub repositories: Vec<RepoRule>,
    /// What else is told of repositories.
    pub events: Vec<EventRule>,
    /// How often repositories are polled.
    pub pace: PollPace,
    /// Pull requests of a repository that are reported when it is watched for the first time.
    pub first_reports: usize,
    /// How tables of Flux's objects look, and what can be done with what is in them.
    pub blueprints: Arc<Blueprints>,
    /// Where the embedded form listens for Slack.
    pub listen: String,
    /// Where the embedded form keeps its state.
    pub data: String,
}

/// GitHub.
#[derive(Debug, Clone)]
pub struct GitHubConfig {
    /// The REST API; `https://api.github.com` unless it is GitHub Enterprise Server.
    pub api_url: String,
    /// Where repositories are cloned from.
    pub git_url: String,
    /// Who we are.
    pub identity: GitHubIdentity,
    /// Who else reads, so that no one reaches its limit. Nothing is written in their names.
    pub readers: Vec<GitHubIdentity>,
    /// The secret that GitHub signs its webhooks with; `None` where there is no webhook.
    pub webhook_secret: Option<String>,
    /// Whether ETags are carried over from one token to the next.
    pub carry_etags: bool,
    /// Logins whose pull requests may reach the cluster without write access.
    pub trusted: Vec<String>,
}

/// Who we are on GitHub. Values are names of secrets, never secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitHubIdentity {
    /// A secret that holds a token.
    Token(String),
    /// A GitHub App.
    App {
        /// The App's id.
        id: u64,
        /// The secret that holds its private key (PEM).
        private_key: String,
        /// The installation, if it is not to be found by repository.
        installation: Option<u64>,
    },
    /// A secret that holds either, as JSON: `{"token"}` or `{"app_id", "private_key", "installation_id"}`.
    Bundle(String),
}

/// Slack.
#[derive(Debug, Clone)]
pub struct SlackConfig {
    /// The Web API; `https://slack.com/api`.
    pub api_url: String,
    /// Our secrets.
    pub identity: SlackIdentity,
    /// The only workspace whose people may act; `None` accepts whoever Slack signs for.
    pub team: Option<String>,
    /// Whether live values of fields that hold no secrets may be shown to the team; yes unless switched off.
    pub live_values: bool,
}

/// Slack's secrets, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlackIdentity {
    /// One secret each.
    Separate {
        /// The secret that holds the bot token (`xoxb-...`).
        bot_token: String,
        /// The secret that holds the signing secret.
        signing_secret: String,
    },
    /// A secret that holds both, as JSON: `{"bot_token", "signing_secret"}`, and during a rotation `previous_signing_secret`.
    Bundle(String),
}

/// A cluster that Flux runs on.
#[derive(Debug, Clone)]
pub struct ClusterConfig {
    /// Its name in reports.
    pub name: String,
    /// The secret that holds its kubeconfig.
    pub kubeconfig: String,
    /// The secret that holds the kubeconfig of the identity that may have Flux reconcile, suspend and resume; nobody may without one.
    pub operator: Option<String>,
    /// The namespace of Flux's own controllers, where it is not `flux-system`.
    pub flux_namespace: Option<String>,
    /// The version of kustomize-controller, for when its Deployment cannot be read.
    pub controller_version: Option<String>,
    /// Whether Kustomizations with `spec.serviceAccountName` are asked about as that service account.
    pub impersonate: bool,
    /// What it is asked at once and in a second; its remotes too, each by itself.
    pub pace: Pace,
    /// The clusters that its Kustomizations reach by `spec.kubeConfig`.
    pub remotes: Vec<RemoteConfig>,
    /// What its encrypted files are decrypted with.
    pub decryption: DecryptionConfig,
}

/// How fast a cluster is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Requests at the same time, 1 to 100.
    pub concurrency: usize,
    /// Requests started in a second, 1 to 1000.
    pub requests_per_second: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { concurrency: 8, requests_per_second: 50 }
    }
}

/// Keys to files that are encrypted with SOPS. Nothing is decrypted unless one is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DecryptionConfig {
    /// The secret that holds age identities, as `age-keygen` writes them.
    pub age: Option<String>,
    /// Whether AWS KMS is asked, with the worker's own rights.
    pub kms: bool,
}

/// A cluster that Kustomizations of another one apply to.
#[derive(Debug, Clone)]
pub struct RemoteConfig {
    /// Its name in reports.
    pub name: String,
    /// The secret that holds its kubeconfig.
    pub kubeconfig: String,
    /// What `spec.kubeConfig` names when this cluster is meant.
    pub references: Vec<ConfigRef>,
}

/// Names of secrets that come from outside the text (the deployment's parameters) and fill what the text leaves open.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// For `github.secret`.
    pub github_secret: Option<String>,
    /// For `slack.secret`.
    pub slack_secret: Option<String>,
    /// For `cluster.kubeconfig`.
    pub kubeconfig: Option<String>,
}

impl Defaults {
    /// From `PREFLUX_GITHUB_SECRET`, `PREFLUX_SLACK_SECRET` and `PREFLUX_KUBECONFIG_SECRET`.
    pub fn from_environment() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        Self {
            github_secret: set("PREFLUX_GITHUB_SECRET"),
            slack_secret: set("PREFLUX_SLACK_SECRET"),
            kubeconfig: set("PREFLUX_KUBECONFIG_SECRET"),
        }
    }
}

impl Config {
    /// Reads the configuration. The error names every problem, not the first one.
    pub fn parse(text: &str, defaults: &Defaults) -> Result<Self, ConfigError> {
        let Located { value, lines } =
            Located::parse(text).map_err(|e| ConfigError(vec![format!("it is not YAML: {e}")]))?;
        let problems = Problems::new(lines);
        let config = Self::read(Fields::new("", value, &problems), defaults);
        let problems = problems.take();
        if problems.is_empty() { Ok(config) } else { Err(ConfigError(problems)) }
    }

    /// The JSON Schema (draft 7) of the text, for editors: it knows every field, and refuses nothing that [`Config::parse`] accepts.
    /// What several fields must be together, and what templates and patterns must be, `parse` alone knows.
    pub fn schema() -> serde_json::Value {
        let recording = Problems::recording();
        Self::read(Fields::new("", serde_json::Value::Null, &recording), &Defaults::default());
        recording.shapes().schema()
    }

    fn read(mut root: Fields, defaults: &Defaults) -> Self {
        let people = people::read(&mut root);
        let github = github::read(root.object("github"), defaults);
        let repositories = rules::read(&mut root, &people, &github.identity);
        let mut config = Self {
            github,
            slack: slack(root.object("slack"), defaults),
            cluster: None,
            more_clusters: Vec::new(),
            hold_back_when_render_differs: root.flag("hold_back_when_render_differs").unwrap_or(false),
            drift: drift(&mut root),
            compare_within_s: compare_within_s(&mut root),
            remotes: remotes(root.object("remotes")),
            repositories,
            events: events::read(&mut root),
            people,
            pace: pace(&mut root),
            first_reports: root
                .number("first_reports")
                .map_or(10, |n| usize::try_from(n).unwrap_or(usize::MAX)),
            blueprints: blueprints::read(&mut root),
            listen: root.text("listen").unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
            data: root.text("data").unwrap_or_else(|| "./preflux-data".to_owned()),
        };
        (config.cluster, config.more_clusters) = clusters::read(&mut root, defaults);
        root.finish();
        config
    }
}

fn slack(mut fields: Fields, defaults: &Defaults) -> SlackConfig {
    let api_url = fields.url("api_url").unwrap_or_else(|| "https://slack.com/api".to_owned());
    let separate = (fields.text("bot_token"), fields.text("signing_secret"));
    let bundle = fields.text("secret");
    let identity = match (separate, bundle.or_else(|| defaults.slack_secret.clone())) {
        ((Some(bot_token), Some(signing_secret)), _) => SlackIdentity::Separate { bot_token, signing_secret },
        ((None, None), Some(bundle)) => SlackIdentity::Bundle(bundle),
        ((bot_token, signing_secret), bundle) => {
            if bot_token.is_none() && bundle.is_none() {
                fields.problem(
                    "bot_token",
                    "is missing: the name of the secret that holds the bot token (or give `secret`)",
                );
            }
            if signing_secret.is_none() {
                fields.problem(
                    "signing_secret",
                    "is missing: the name of the secret that holds Slack's signing secret",
                );
            }
            if bot_token.is_none() && bundle.is_some() {
                fields.problem("bot_token", "is missing beside `signing_secret`");
            }
            SlackIdentity::Bundle(String::new())
        }
    };
    let team = fields.text("team");
    let live_values = fields.flag("live_values").unwrap_or(true);
    fields.finish();
    SlackConfig { api_url, identity, team, live_values }
}

fn pace(root: &mut Fields) -> PollPace {
    let usual = PollPace::default();
    let every_s = root.bounded("poll_every_s", 5..=u64::MAX, "seconds").unwrap_or(usual.every_s);
    let at_least_every_s =
        root.number("poll_at_least_every_s").unwrap_or(usual.at_least_every_s.max(every_s));
    if at_least_every_s < every_s {
        root.problem("poll_at_least_every_s", "must not be less than `poll_every_s`");
    }
    PollPace { every_s, at_least_every_s, ..usual }
}

fn drift(root: &mut Fields) -> Drift {
    let word = root.choice("drift", &["affected", "changed", "off"]);
    word.and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// At most what leaves the worker's Lambda, which has 300 seconds, a minute for the report.
fn compare_within_s(root: &mut Fields) -> u64 {
    const MOST: u64 = 240;
    root.bounded("compare_within_s", 10..=MOST, "seconds").unwrap_or(MOST)
}

fn remotes(mut fields: Fields) -> RemoteHosts {
    let hosts = RemoteHosts::new(&fields.texts("hosts"));
    if let Err(error) = &hosts {
        fields.problem("hosts", &error.to_string());
    }
    fields.finish();
    hosts.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a configuration of the cases that should parse and does not is the failure"
    )]
    use super::*;

    const SMALL: &str = "
github: {token: 'env:GITHUB_TOKEN'}
slack: {bot_token: 'env:A', signing_secret: 'env:B'}
repositories:
- {name: acme/fleet, channel: C1}
";

    /// Problems without the lines that they are on.
    pub(super) fn without_lines(problems: Vec<String>) -> Vec<String> {
        let bare = |problem: &String| match problem.split_once(": ") {
            Some((line, what)) if line.starts_with("line ") => what.to_owned(),
            _ => problem.clone(),
        };
        problems.iter().map(bare).collect()
    }

    fn problems(text: &str) -> Vec<String> {
        without_lines(Config::parse(text, &Defaults::default()).unwrap_err().0)
    }

    #[test]
    fn a_small_configuration_is_enough() {
        let config = Config::parse(SMALL, &Defaults::default()).unwrap();
        assert!(matches!(&config.repositories[0].repositories,
            domain::Repositories::Named(repo) if repo.to_string() == "acme/fleet"));
        assert_eq!(config.github.git_url, "https://github.com");
        assert!(config.cluster.is_none());
        assert!(!config.hold_back_when_render_differs);
        assert!(config.slack.live_values);
        let off = SMALL.replace("signing_secret:", "live_values: false, signing_secret:");
        assert!(!Config::parse(&off, &Defaults::default()).unwrap().slack.live_values);
        assert_eq!(config.drift, Drift::Affected);
        let quiet = format!("{SMALL}\ndrift: changed\n");
        assert_eq!(Config::parse(&quiet, &Defaults::default()).unwrap().drift, Drift::Changed);
        let wrong = problems(&format!("{SMALL}\ndrift: everything\n"));
        assert_eq!(wrong, ["`drift` must be `affected`, `changed` or `off`"]);
        assert_eq!(config.compare_within_s, 240);
        let soon = format!("{SMALL}\ncompare_within_s: 10\n");
        assert_eq!(Config::parse(&soon, &Defaults::default()).unwrap().compare_within_s, 10);
        for wrong in ["9", "241"] {
            let wrong = problems(&format!("{SMALL}\ncompare_within_s: {wrong}\n"));
            assert_eq!(wrong, ["`compare_within_s` must be between 10 and 240 (seconds)"]);
        }
    }

    #[test]
    fn nothing_is_decrypted_unless_keys_are_named() {
        let decryption = |cluster: &str| {
            let config = Config::parse(&format!("{SMALL}cluster: {cluster}"), &Defaults::default());
            config.map(|config| config.cluster.unwrap().decryption)
        };
        assert_eq!(decryption("{kubeconfig: k}"), Ok(DecryptionConfig::default()));
        let both = DecryptionConfig { age: Some("age-key".to_owned()), kms: true };
        assert_eq!(decryption("{kubeconfig: k, decryption: {age: age-key, kms: true}}"), Ok(both));
        let error = decryption("{kubeconfig: k, decryption: {pgp: x}}").unwrap_err();
        assert!(without_lines(error.0)[0].starts_with("`cluster.decryption.pgp` is not known"));
    }

    #[test]
    fn the_deployment_fills_in_the_secrets() {
        let set = |s: &str| Some(s.to_owned());
        let defaults = Defaults { github_secret: set("g"), slack_secret: set("s"), kubeconfig: set("k") };
        let config = Config::parse("repositories: [{name: a/b, channel: C1}]", &defaults).unwrap();
        assert_eq!(config.github.identity, GitHubIdentity::Bundle("g".to_owned()));
        assert_eq!(config.slack.identity, SlackIdentity::Bundle("s".to_owned()));
        assert_eq!(config.cluster.unwrap().kubeconfig, "k");
    }

    #[test]
    fn all_problems_come_at_once_and_by_name() {
        let found = problems(
            "
github: {app: {id: x}, tokn: 1}
slack: {bot_token: 'env:A'}
cluster: {name: production}
repositories:
- {name: nonsense, channel: C1, paths: {include: ['apps/[']}}
- {name: a/b}
- {name: a/c, channel: C1, drafts: maybe}
- {name: A/C, channel: C1}
poll_every_s: 1
polling: true
",
        );
        for expected in [
            "`github.app.id` must be a whole number",
            "`github.app.private_key` is missing",
            "`github.tokn` is not known",
            "`slack.signing_secret` is missing",
            "`cluster.kubeconfig` is missing",
            "`repositories[0].name` `nonsense` is not a repository name",
            "`repositories[0].paths` cannot be used: pattern `apps/[`",
            "`repositories[1].channel` is missing",
            "`repositories[2].drafts` must be true, false or `only`",
            "`repositories[3].name` is never asked",
            "`poll_every_s` must be at least 5",
            "`polling` is not known",
        ] {
            assert!(found.iter().any(|p| p.starts_with(expected)), "{expected}\n{found:#?}");
        }
    }

    #[test]
    fn an_empty_or_broken_text_says_so() {
        assert!(problems("").iter().any(|p| p.starts_with("`repositories` is missing")));
        assert!(problems("a: [").first().unwrap().starts_with("it is not YAML"));
        assert!(problems("- a").first().unwrap().contains("must be a map"));
    }
}
