//! Puts the secrets where they are carried: into the repository, the cluster and the configuration.

use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::cluster::TestCluster;
use testkit::github::{Change, PullSpec};
use testkit::{sample, slack};

use super::carriers::{self, PLANTED};
use super::sought::Sought;
use crate::journey::lambda::More;
use crate::journey::{LIMIT, World};
use crate::support::{eventually, part, root};
use crate::verdicts::oracle::Oracle;

/// The log says everything, of the libraries too: nobody may leak by looking for a fault.
pub(crate) const LOG: &str = "trace";
/// What only such a log has.
pub(crate) const LOUD: &str = "TRACE\",\"";

/// Whose pull request it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// Somebody who may write.
    Member,
    /// Somebody who may not, from a fork.
    Outsider,
}

/// A world with a secret in everything.
pub(crate) struct Planted {
    pub(crate) world: World,
    _cluster: Cleared,
}

impl Planted {
    /// Plants them; `None` when a part is missing.
    pub(crate) async fn find(world: World, by: By) -> Option<Self> {
        let admin = PathBuf::from(part("PREFLUX_TEST_KUBECONFIG")?);
        let mut oracle = Oracle::start(&part("PREFLUX_FLUX_ORACLE")?);
        let mut world = world.and_cluster().await;
        let mut files = |side: &str| -> Vec<Change> {
            let sealed = oracle.encrypted(&carriers::to_encrypt(side), &recipient());
            let files = carriers::files(side, &sealed).into_iter();
            files.map(|(path, text)| Change::new(path, Some(text.into_bytes()))).collect()
        };
        let base = world.sample.repo.commit("main", "Add what Flux applied", files("base"));
        let repo = &world.sample.repo;
        repo.close(world.sample.pull);
        let mut pull = PullSpec::new("Change a setting", "setting", files("pull request"));
        if by == By::Outsider {
            (pull.author, pull.author_association, pull.fork) =
                ("mallory".to_owned(), "NONE".to_owned(), true);
        }
        world.sample.pull = repo.open_pull(pull);
        world.sample.head_sha = world.sample.repo.pull(world.sample.pull).head_sha;
        let cluster = TestCluster::open(&admin).unwrap();
        cluster.seed(&world.github.git_url(sample::REPO), &base).await.unwrap();
        let cleared = Cleared(admin);
        for object in carriers::of_flux().iter().chain(&carriers::live()).chain(&carriers::guards()) {
            cluster.apply(object).await.unwrap_or_else(|error| panic!("{error:#}: {object}"));
        }
        let refused = carriers::refused();
        eventually("the policy is enforced", LIMIT, async || {
            match cluster.dry_run(&refused).await.unwrap() {
                Err(status) if status["message"].as_str().is_some_and(|m| m.contains("it held")) => Ok(()),
                other => Err(other),
            }
        })
        .await;
        Some(Self { world, _cluster: cleared })
    }

    /// The configuration of one process, which knows the keys and the other cluster.
    pub(crate) fn config_file(&self) -> PathBuf {
        let file = self.world.config_file();
        self.world.secret_file("kubeconfig-edge", &carriers::edge_kubeconfig());
        self.world.secret_file("age-key", &identity());
        self.world.secret_file("github-key", &self.world.github.app_key_pem());
        let text = std::fs::read_to_string(&file).unwrap();
        let app = format!("app: {{id: {}, private_key: github-key}}", testkit::github::APP_ID);
        let text = text.replace("token: github-token", &app);
        let text = text.replace(
            "kubeconfig: kubeconfig}",
            &format!("kubeconfig: kubeconfig, {}}}", more("kubeconfig-edge", "age-key")),
        );
        std::fs::write(&file, text).unwrap();
        file
    }

    /// The same for a deployment on Lambda.
    pub(crate) fn more(&self) -> More {
        let secrets = vec![("kubeconfig-edge", carriers::edge_kubeconfig()), ("age-key", identity())];
        More {
            secrets,
            cluster: format!(", {}", more("<kubeconfig-edge>", "<age-key>")),
            log: Some(LOG),
            ..More::default()
        }
    }

    /// Everything that must not leave, the programs' own credentials included.
    pub(crate) fn secrets(&self) -> Sought {
        let mut sought = Sought::default();
        for (name, value) in PLANTED {
            sought.planted(name, value);
        }
        let lines =
            |text: &str| text.lines().filter(|line| line.len() > 40).map(str::to_owned).collect::<Vec<_>>();
        let key = self.world.github.app_key_pem();
        lines(&key).iter().for_each(|line| sought.credential("private key of the GitHub App", line));
        sought.credential("age identity", identity().lines().last().unwrap());
        let token =
            self.world.kubeconfig.split("token: ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
        sought.credential("token of the kubeconfig", token.trim());
        sought.credential("Slack's signing secret", slack::DEFAULT_SIGNING_SECRET);
        let requests = [self.world.github.requests(), self.world.slack.requests()].concat();
        let tokens: std::collections::BTreeSet<String> =
            requests.into_iter().map(|seen| seen.token).collect();
        // Of the App's own tokens the first part says which App it is.
        for token in tokens.iter().filter(|token| !token.is_empty()) {
            sought.credential("token of a request", token.rsplit('.').next().unwrap());
        }
        assert!(tokens.iter().filter(|token| !token.is_empty()).count() >= 2, "requests carry tokens");
        sought
    }
}

/// What a cluster of the configuration has besides its kubeconfig.
fn more(edge: &str, age: &str) -> String {
    format!(
        "remotes: [{{name: edge, kubeconfig: {edge}, for: [Secret/flux-system/edge]}}], decryption: {{age: {age}}}"
    )
}

/// Removes what others would meet in the cluster: the test API server is one for all.
struct Cleared(PathBuf);

impl Drop for Cleared {
    fn drop(&mut self) {
        let admin = self.0.clone();
        let cleared = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(clear(&admin));
        });
        let _ = cleared.join();
    }
}

async fn clear(admin: &Path) {
    let cluster = TestCluster::open(admin).unwrap();
    let flux = carriers::of_flux().into_iter().filter(|object: &Value| object["kind"] != "Namespace");
    for object in flux.chain(carriers::guards()) {
        let _ = cluster.delete(&object).await;
    }
}

/// The age identity that a scenario has.
fn identity() -> String {
    std::fs::read_to_string(root().join("tests/scenarios/sops-with-keys/age.key")).unwrap()
}

/// Whom the files are encrypted for.
fn recipient() -> String {
    let text =
        std::fs::read_to_string(root().join("tests/scenarios/sops-with-keys/base/apps/secret.yaml")).unwrap();
    text.split("recipient: ").nth(1).and_then(|rest| rest.lines().next()).unwrap().to_owned()
}
