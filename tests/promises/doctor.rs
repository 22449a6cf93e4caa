//! `preflux doctor` with several clusters, on a real API server that stands in for all of them: each is tried by itself, those behind
//! `spec.kubeConfig` too, and one that is open or gone keeps no other from being tried.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use testkit::cluster::TestCluster;

use crate::journey::World;
use crate::locks;
use crate::support::{part, program};

/// A Kustomization that applies to another cluster.
fn elsewhere() -> Value {
    json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "doctor-elsewhere", "namespace": "default"},
        "spec": {
            "interval": "1h", "prune": true, "path": "./a", "sourceRef": {"kind": "GitRepository", "name": "a"},
            "kubeConfig": {"secretRef": {"name": "apac"}},
        },
    })
}

const GONE: &str = "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:9'}}]\n\
    users: [{name: u, user: {token: t}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n";

/// Three clusters and two remote ones: the API server as the worker, as somebody without any rights, and nobody at all.
const CLUSTERS: &str = "clusters:\n\
    - name: gone\n  kubeconfig: gone\n\
    - name: production\n  kubeconfig: kubeconfig\n  remotes:\n\
    \x20 - {name: edge, kubeconfig: kubeconfig, for: [Secret/default/eu]}\n\
    \x20 - {name: lost, kubeconfig: gone, for: [ConfigMap/default/us]}\n\
    - name: open\n  kubeconfig: nobody\n";

fn doctor(world: &World) -> (Option<i32>, String) {
    let mut command = Command::new(program("preflux"));
    let file = world.dir.path().join("preflux.yaml");
    let output = command.arg("doctor").arg("--config").arg(file).env("PREFLUX_LOG", "off").output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tries_every_cluster_by_itself_on_a_real_api_server() {
    let (Some(admin), Some(worker), Some(nobody)) = (
        part("PREFLUX_TEST_KUBECONFIG"),
        part("PREFLUX_TEST_KUBECONFIG_WORKER"),
        part("PREFLUX_TEST_KUBECONFIG_NOBODY"),
    ) else {
        return;
    };
    let world = World::with_cluster().await;
    let admin = TestCluster::open(&PathBuf::from(admin)).unwrap();
    locks::wait_until_they_hold(&worker).await;
    admin.apply(&elsewhere()).await.unwrap();
    let file = world.config_file();
    let one = fs::read_to_string(&file).unwrap();
    let several = one.replace("cluster: {name: production, kubeconfig: kubeconfig}\n", CLUSTERS);
    assert_ne!(one, several);
    fs::write(&file, several).unwrap();
    world.secret_file("gone", GONE);
    world.secret_file("nobody", &fs::read_to_string(nobody).unwrap());

    let (code, said) = doctor(&world);
    let lines: Vec<&str> = said.lines().collect();
    let starts = |start: &str| lines.iter().any(|line| line.starts_with(start));
    for start in [
        "ok    cluster production: admission policy holds",
        "ok    cluster production: a real write is refused holds",
        "ok    cluster edge (`spec.kubeConfig` on production): admission policy holds",
        "note  cluster production: 1 of its Kustomizations apply to another cluster (`Secret/default/apac`), which is not configured",
        "note  cluster production: none of its Kustomizations names `Secret/default/eu`",
        "WRONG cluster gone: cluster `gone` is not reachable",
        "WRONG cluster lost (`spec.kubeConfig` on production): cluster `lost` is not reachable",
        "WRONG cluster open: it is not compared with while its identity could really write there",
        "      admission policy: it may not be read",
    ] {
        assert!(starts(start), "{start}\n{said}");
    }
    assert_eq!(
        (code, lines.iter().filter(|line| line.starts_with("WRONG cluster")).count()),
        (Some(1), 3),
        "{said}"
    );

    // What is left once the others are mended.
    let mended = one.replace("kubeconfig: kubeconfig}", "kubeconfig: kubeconfig, remotes: [{name: edge, kubeconfig: kubeconfig, for: [Secret/default/apac]}]}");
    fs::write(&file, mended).unwrap();
    let (_, said) = doctor(&world);
    admin.delete(&elsewhere()).await.unwrap();
    let wrong = ["WRONG cluster", "note  cluster"].iter().any(|start| said.contains(start));
    assert!(!wrong && said.contains("ok    cluster edge"), "{said}");
}

/// What cannot be tried is said: the App that people link their accounts with has no key here.
#[tokio::test]
async fn the_doctor_says_what_the_app_of_people_needs() {
    let mut world = World::without_cluster();
    let rules = |merge: &str| {
        format!(
            "repositories: [{{name: {}, channel: {}{merge}}}]\n",
            testkit::sample::REPO,
            testkit::slack::DEPLOYS
        )
    };
    world.people =
        "client_id: a, client_secret: github-client-secret, public_url: 'https://p.example'".to_owned();
    for (merge, said) in [("", false), (", merge: off", false), (", merge: squash", true)] {
        world.rules = rules(merge);
        world.config_file();
        let (code, out) = doctor(&world);
        assert!(code == Some(0) && out.contains("callback URL https://p.example/github/callback"), "{out}");
        assert_eq!(out.contains("note  people: Merge needs the permission `Contents: write`"), said, "{out}");
    }
    world.people = "shared_identity: true".to_owned();
    world.rules = rules(", merge: squash");
    world.config_file();
    let (code, out) = doctor(&world);
    assert!(
        code == Some(2) && out.contains("`repositories[0].merge` needs people's own GitHub accounts"),
        "{out}"
    );
}

/// What the webhook's deliveries are verified with: one secret, two while it is being replaced, and nothing that can be guessed.
#[tokio::test]
async fn the_doctor_says_whether_webhooks_can_be_verified() {
    let world = World::without_cluster();
    let file = world.config_file();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("token: github-token}", "token: github-token, webhook_secret: hook}"))
        .unwrap();
    let (one, two) = ("a-secret-of-the-webhook-0123456789", "a-newer-secret-of-the-webhook-0123");
    let both = format!("{one}\n{two}\n");
    let three = format!("{both}{one}\n");
    for (value, code, line) in [
        (one, 0, "ok    webhook: the secret that GitHub signs with is there"),
        (&both, 0, "note  webhook: two secrets are accepted"),
        (
            "short",
            1,
            "WRONG webhook: secret `hook` (`github.webhook_secret`) must have at least 16 characters",
        ),
        (&three, 1, "WRONG webhook: secret `hook` (`github.webhook_secret`) must have one line, or two"),
        ("\n", 1, "WRONG webhook: secret `hook` may not be read: it is empty"),
    ] {
        world.secret_file("hook", value);
        let (ended, said) = doctor(&world);
        assert!(said.contains(line), "{line}\n{said}");
        assert!(![one, two].iter().any(|secret| said.contains(secret)), "a secret is shown: {said}");
        assert_eq!(ended, Some(code), "{said}");
    }
}
