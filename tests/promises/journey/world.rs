//! What Preflux meets: a GitHub with the sample's pull request, a Slack, a folder of secrets and, where it is there, a cluster.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use testkit::clock::Clock;
use testkit::cluster::TestCluster;
use testkit::github::{self, FakeGitHub};
use testkit::sample::{self, Installed};
use testkit::slack::{self, DEPLOYS, FakeSlack, TEAM};
use tokio::sync::{Mutex, MutexGuard};

use crate::front::{Front, PROBE};
use crate::locks;
use crate::support::root;

/// Held by whoever writes the sample's Flux objects into the test API server: their names are the same for all.
pub(crate) static ON_THE_CLUSTER: Mutex<()> = Mutex::const_new(());

/// The world.
pub(crate) struct World {
    pub(crate) github: FakeGitHub,
    pub(crate) slack: FakeSlack,
    pub(crate) sample: Installed,
    pub(crate) has_cluster: bool,
    /// The worker identity's kubeconfig, as text; empty without a cluster.
    pub(crate) kubeconfig: String,
    pub(crate) dir: TempDir,
    /// What is watched, as one line of YAML or several.
    pub(crate) rules: String,
    /// Who people can be on GitHub, as the inside of a flow map.
    pub(crate) people: String,
    /// What Preflux meets instead of the API server; it fails the test for every request that could change the cluster.
    pub(crate) front: Option<Front>,
    _cluster: Option<MutexGuard<'static, ()>>,
}

impl World {
    /// A world without a cluster.
    pub(crate) fn without_cluster() -> Self {
        Self::at(Clock::default())
    }

    /// A world without a cluster, whose GitHub lives in this time.
    pub(crate) fn at(clock: Clock) -> Self {
        let options =
            github::Options { clock, watch: described::watch().into(), ..github::Options::default() };
        let github = FakeGitHub::start(options).unwrap();
        let sample = sample::install(&github);
        Self {
            slack: FakeSlack::start(slack::Options::default()).unwrap(),
            github,
            sample,
            has_cluster: false,
            kubeconfig: String::new(),
            dir: tempfile::tempdir().unwrap(),
            rules: format!("repositories: [{{name: {}, channel: {DEPLOYS}}}]\n", sample::REPO),
            people: "shared_identity: true".to_owned(),
            front: None,
            _cluster: None,
        }
    }

    /// A world whose cluster holds what Flux applied from the base branch; without the API server, none.
    pub(crate) async fn with_cluster() -> Self {
        Self::without_cluster().and_cluster().await
    }

    /// This world, with the cluster that [`Self::with_cluster`] tells of.
    pub(crate) async fn and_cluster(mut self) -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let kubeconfigs = (set("PREFLUX_TEST_KUBECONFIG"), set("PREFLUX_TEST_KUBECONFIG_WORKER"));
        let (Some(admin), Some(worker)) = kubeconfigs else { return self };
        let held = ON_THE_CLUSTER.lock().await;
        let cluster = TestCluster::open(&PathBuf::from(admin)).unwrap();
        cluster.seed(&self.github.git_url(sample::REPO), &self.sample.base_sha).await.unwrap();
        grant(&cluster, &worker).await;
        let front = Front::with(&PathBuf::from(worker), Duration::ZERO, &[PROBE]);
        self.kubeconfig = fs::read_to_string(front.kubeconfig()).unwrap();
        self.front = Some(front);
        self.has_cluster = true;
        self._cluster = Some(held);
        self
    }

    /// A file that only its owner reads, as the embedded form asks for.
    pub(crate) fn secret_file(&self, name: &str, value: &str) {
        let dir = self.dir.path().join("data/secrets");
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(name), value).unwrap();
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// What is the same in every form: addresses and the repository; secrets are named elsewhere.
    pub(crate) fn addresses(&self) -> Addresses {
        Addresses {
            github: format!("api_url: '{0}', git_url: '{0}'", self.github.url()),
            slack: format!("api_url: '{}', team: {TEAM}", self.slack.api_url()),
            repositories: format!("{}people: {{{}}}\n", self.rules, self.people),
        }
    }

    /// The configuration file of the embedded form, with its secrets.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.secret_file("github-token", github::DEFAULT_TOKEN);
        self.secret_file("slack-bot-token", slack::DEFAULT_BOT_TOKEN);
        self.secret_file("slack-signing-secret", slack::DEFAULT_SIGNING_SECRET);
        self.secret_file("github-client-secret", github::CLIENT_SECRET);
        let Addresses { github, slack, repositories } = self.addresses();
        let mut text = format!(
            "github: {{{github}, token: github-token}}\n\
             slack: {{{slack}, bot_token: slack-bot-token, signing_secret: slack-signing-secret}}\n\
             {repositories}poll_every_s: 5\nlisten: 127.0.0.1:0\ndata: '{}'\n",
            self.dir.path().join("data").display()
        );
        if self.has_cluster {
            self.secret_file("kubeconfig", &self.kubeconfig);
            text.push_str("cluster: {name: production, kubeconfig: kubeconfig}\n");
        }
        let file = self.dir.path().join("preflux.yaml");
        fs::write(&file, text).unwrap();
        file
    }
}

/// Parts of a configuration, as YAML: the insides of two flow maps, and a whole line.
pub(crate) struct Addresses {
    pub(crate) github: String,
    pub(crate) slack: String,
    pub(crate) repositories: String,
}

/// [`grant`], for a test that has no runtime of its own.
pub(crate) fn grant_as(admin: &str, worker: &str) {
    let cluster = TestCluster::open(&PathBuf::from(admin)).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(grant(&cluster, worker));
}

/// Gives the worker identity what the deployment notes give it: the same file, its lock included.
async fn grant(cluster: &TestCluster, worker: &str) {
    cluster.apply(&locks::flux_namespace()).await.unwrap();
    let text = fs::read_to_string(root().join("infra/cluster/preflux.yaml")).unwrap();
    for object in kustomize::yaml::parse_documents_v3(&text, &kustomize::Limits::default()).unwrap() {
        if !object.is_null() {
            cluster.apply(&object).await.unwrap();
        }
    }
    locks::wait_until_they_hold(worker).await;
}
