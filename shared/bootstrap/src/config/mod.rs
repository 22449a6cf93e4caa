//! The configuration: one YAML text, parsed once into what the programs need, with all its problems reported together.

mod clusters;
mod fields;

use domain::{Drift, PathRules, RemoteHosts, RepoName, RepoRule};
use ports::ConfigRef;
use serde_json::Value;

pub use clusters::reference;
use fields::{Fields, Problems};

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
    /// Hosts that remote bases and files may be fetched from; none unless listed.
    pub remotes: RemoteHosts,
    /// What is watched. Never empty.
    pub repositories: Vec<RepoRule>,
    /// Seconds between two polls of the embedded form, at least 5. On AWS the schedule decides.
    pub poll_every_s: u64,
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
        let options = serde_saphyr::options! { strict_booleans: true, legacy_octal_numbers: true };
        let value: Value = serde_saphyr::from_str_with_options(text, options)
            .map_err(|e| ConfigError(vec![format!("it is not YAML: {e}")]))?;
        let problems = Problems::default();
        let mut root = Fields::new("", value, &problems);
        let mut config = Self {
            github: github(root.object("github"), defaults),
            slack: slack(root.object("slack"), defaults),
            cluster: None,
            more_clusters: Vec::new(),
            hold_back_when_render_differs: root.flag("hold_back_when_render_differs").unwrap_or(false),
            drift: drift(&mut root),
            compare_within_s: compare_within_s(&mut root),
            remotes: remotes(root.object("remotes")),
            repositories: repositories(&mut root),
            poll_every_s: root.number("poll_every_s").unwrap_or(60),
            listen: root.text("listen").unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
            data: root.text("data").unwrap_or_else(|| "./preflux-data".to_owned()),
        };
        (config.cluster, config.more_clusters) = clusters::read(&mut root, defaults);
        if config.poll_every_s < 5 {
            root.problem("poll_every_s", "must be at least 5 (seconds)");
        }
        root.finish();
        let problems = problems.take();
        if problems.is_empty() { Ok(config) } else { Err(ConfigError(problems)) }
    }
}

fn github(mut fields: Fields, defaults: &Defaults) -> GitHubConfig {
    let api_url = fields.url("api_url").unwrap_or_else(|| "https://api.github.com".to_owned());
    let git_url = fields.url("git_url").unwrap_or_else(|| git_url(&api_url));
    let (token, bundle) = (fields.text("token"), fields.text("secret"));
    let app = fields.optional_object("app").map(|mut app| {
        let identity = GitHubIdentity::App {
            id: app.number("id").unwrap_or_default(),
            private_key: app.needed("private_key", "the name of the secret that holds the App's private key"),
            installation: app.number("installation"),
        };
        if matches!(identity, GitHubIdentity::App { id: 0, .. }) {
            app.problem("id", "is missing: the App's numeric id");
        }
        app.finish();
        identity
    });
    let given = [token.map(GitHubIdentity::Token), app, bundle.map(GitHubIdentity::Bundle)];
    let mut given: Vec<GitHubIdentity> = given.into_iter().flatten().collect();
    if given.len() > 1 {
        fields.problem("", "has more than one of `token`, `app` and `secret`: keep one");
    }
    let identity = given.pop().or_else(|| defaults.github_secret.clone().map(GitHubIdentity::Bundle));
    if identity.is_none() {
        fields.problem("", "says nothing of who we are: give `token`, `app` or `secret` (names of secrets)");
    }
    let trusted = fields.texts("trusted");
    fields.finish();
    GitHubConfig {
        api_url,
        git_url,
        identity: identity.unwrap_or(GitHubIdentity::Token(String::new())),
        trusted,
    }
}

/// Where repositories are cloned from, when only the API's address is given.
fn git_url(api_url: &str) -> String {
    if api_url == "https://api.github.com" {
        return "https://github.com".to_owned();
    }
    api_url.trim_end_matches('/').trim_end_matches("/api/v3").to_owned()
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

fn drift(root: &mut Fields) -> Drift {
    let Some(text) = root.text("drift") else { return Drift::default() };
    text.parse().unwrap_or_else(|what: String| {
        root.problem("drift", &what);
        Drift::default()
    })
}

/// At most what leaves the worker's Lambda, which has 300 seconds, a minute for the report.
fn compare_within_s(root: &mut Fields) -> u64 {
    const MOST: u64 = 240;
    let seconds = root.number("compare_within_s").unwrap_or(MOST);
    if !(10..=MOST).contains(&seconds) {
        root.problem("compare_within_s", "must be between 10 and 240 (seconds)");
    }
    seconds
}

fn remotes(mut fields: Fields) -> RemoteHosts {
    let hosts = RemoteHosts::new(&fields.texts("hosts"));
    if let Err(error) = &hosts {
        fields.problem("hosts", &error.to_string());
    }
    fields.finish();
    hosts.unwrap_or_default()
}

fn repositories(root: &mut Fields) -> Vec<RepoRule> {
    let mut rules: Vec<RepoRule> = Vec::new();
    let Some(listed) = root.objects("repositories") else { return rules };
    if listed.is_empty() {
        root.problem("repositories", "is missing or empty: list at least one, with `name` and `channel`");
    }
    for mut fields in listed {
        let name = fields.needed("name", "the repository, as `owner/name`");
        let channel = fields.needed("channel", "the id of the Slack channel (`C...`) that its reports go to");
        let id = channel.starts_with(['C', 'G', 'D'])
            && channel.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        if !id && !channel.is_empty() {
            fields.problem(
                "channel",
                "must be a channel's id (`C...`, in Slack under the channel's details), not its name",
            );
        }
        let mut paths = fields.object("paths");
        let (include, exclude) = (paths.texts("include"), paths.texts("exclude"));
        if let Err(error) = PathRules::new(&include, &exclude) {
            paths.problem("", &error.to_string());
        }
        paths.finish();
        let base_branches = fields.texts("base_branches");
        let drafts = fields.flag("drafts").unwrap_or(true);
        let repo = name.parse::<RepoName>();
        if let (Err(error), false) = (&repo, name.is_empty()) {
            fields.problem("name", &error.to_string());
        }
        if repo.as_ref().is_ok_and(|repo| rules.iter().any(|rule| rule.repo == *repo)) {
            fields.problem("name", "is listed twice");
        }
        fields.finish();
        if let Ok(repo) = repo {
            rules.push(RepoRule { repo, channel, include, exclude, base_branches, drafts });
        }
    }
    rules
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

    fn problems(text: &str) -> Vec<String> {
        Config::parse(text, &Defaults::default()).unwrap_err().0
    }

    #[test]
    fn a_small_configuration_is_enough() {
        let config = Config::parse(SMALL, &Defaults::default()).unwrap();
        assert_eq!(config.repositories[0].repo.to_string(), "acme/fleet");
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
        assert!(error.0[0].starts_with("`cluster.decryption.pgp` is not known"), "{error}");
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
            "`repositories[0].paths` path pattern `apps/[`",
            "`repositories[1].channel` is missing",
            "`repositories[2].drafts` must be true or false",
            "`repositories[3].name` is listed twice",
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
