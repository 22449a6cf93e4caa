//! `preflux diff` on a real git repository and, where it is there, a real API server that holds Flux's own objects.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use testkit::cluster::TestCluster;
use testkit::github::{Change, What};
use testkit::sample;

use crate::front::{Counts, Front};
use crate::journey::ON_THE_CLUSTER;
use crate::support::{part, program};

/// Where the sample's GitRepository says that it is cloned from.
const URL: &str = "https://git.example/acme/fleet.git";

/// A working copy with two commits: `main`, and on `change` what the sample's pull request does.
struct Repository {
    dir: TempDir,
    base: String,
}

impl Repository {
    fn of_the_sample() -> Self {
        let dir = tempfile::tempdir().unwrap();
        git(dir.path(), &["init", "--quiet", "--initial-branch", "main"]);
        let base = commit(dir.path(), "Base", &sample::base_files(URL));
        git(dir.path(), &["checkout", "--quiet", "-b", "change"]);
        commit(dir.path(), "Change", &sample::pull_changes());
        Self { dir, base }
    }

    fn diff(&self, base: &str, head: &str, more: &[&str]) -> Output {
        let mut command = Command::new(program("preflux"));
        command.arg("diff").arg("--repo").arg(self.dir.path()).args(["--base", base, "--head", head]);
        command.args(more).env("PREFLUX_LOG", "off").output().unwrap()
    }
}

fn commit(dir: &Path, message: &str, changes: &[Change]) -> String {
    for change in changes {
        let path = dir.join(&change.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match &change.what {
            What::File(bytes) => std::fs::write(path, bytes).unwrap(),
            What::Removed => std::fs::remove_file(path).unwrap(),
            other => panic!("the sample has no {other:?}"),
        }
    }
    git(dir, &["add", "--all"]);
    git(dir, &["commit", "--quiet", "--message", message]);
    git(dir, &["rev-parse", "HEAD"]).trim().to_owned()
}

pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .current_dir(dir)
        .args(["-c", "user.name=alice", "-c", "user.email=alice@acme.example"])
        .args(args);
    let output =
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn check(output: &Output, code: i32, contains: &[&str]) -> String {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    for expected in contains {
        assert!(out.contains(expected) || err.contains(expected), "`{expected}`:\n{out}\n{err}");
    }
    out
}

#[test]
fn without_a_cluster_the_rendered_change_is_shown() {
    let repository = Repository::of_the_sample();
    let objects = ["storefront", "shop-catalog", "legacy-redirect", "No cluster was asked", "--kubeconfig"];
    let out = check(&repository.diff("main", "change", &[]), 0, &objects);
    assert!(!out.contains("Z2lmdC"), "no Secret's data is shown: {out}");
    check(&repository.diff("main", "change", &["--exit-code"]), 1, &["storefront"]);
    check(&repository.diff("main", &repository.base, &["--exit-code"]), 0, &["No changes"]);
    check(
        &repository.diff("main", "change", &["--output", "markdown"]),
        0,
        &["<!-- preflux:printed -->", "storefront"],
    );
}

#[test]
fn json_is_for_programs() {
    let repository = Repository::of_the_sample();
    let out = check(&repository.diff("main", "change", &["--output", "json"]), 0, &[]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert!(report.is_object() && out.contains("legacy-redirect"), "{out}");
}

#[test]
fn what_cannot_be_done_is_said_and_exits_with_2() {
    let repository = Repository::of_the_sample();
    check(&repository.diff("main", "no-such-branch", &[]), 2, &["error:", "no-such-branch"]);
    check(
        &repository.diff("main", "change", &["--kubeconfig", "/no/such/file"]),
        2,
        &["error:", "/no/such/file"],
    );
    let nowhere = tempfile::tempdir().unwrap();
    let mut command = Command::new(program("preflux"));
    command.args(["diff", "--base", "a", "--head", "b", "--repo"]).arg(nowhere.path());
    check(&command.output().unwrap(), 2, &["error:", "does not exist"]);
    check(&Command::new(program("preflux")).args(["diff"]).output().unwrap(), 2, &["OWNER/REPO#NUMBER"]);
}

#[tokio::test]
async fn on_a_real_api_server_with_an_inventory() {
    let Some(kubeconfig) = part("PREFLUX_TEST_KUBECONFIG").map(PathBuf::from) else { return };
    let _held = ON_THE_CLUSTER.lock().await;
    let repository = Repository::of_the_sample();
    TestCluster::open(&kubeconfig).unwrap().seed(URL, &repository.base).await.unwrap();
    let front = Front::before(&kubeconfig);
    let kubeconfig = front.kubeconfig().display().to_string();
    let options = ["--kubeconfig", &kubeconfig, "--url", URL, "--branch", "main"];
    let out = check(
        &repository.diff("main", "change", &options),
        0,
        &["storefront", "shop-catalog", "Checked on cluster"],
    );
    // In the inventory, live, and no longer in Git.
    assert!(out.contains("legacy-redirect"), "{out}");
    let with_json = [&options[..], &["--output", "json"]].concat();
    let json = check(&repository.diff("main", "change", &with_json), 0, &[]);
    let report: Value = serde_json::from_str(&json).unwrap();
    let deleted = changes(&report, "deleted");
    assert!(deleted.iter().any(|name| name.contains("legacy-redirect")), "{deleted:?} of\n{json}");
    assert!(
        !json.contains("not_validated") && !json.contains("refused"),
        "the administrator may ask all: {json}"
    );
    let asked = Counts::of(&front.take());
    assert!(asked.dry_runs > 0 && asked.reads > 0, "the front saw what was asked: {asked:?}");
    check(&repository.diff("main", &repository.base, &options), 0, &["No changes"]);
    let mut asked = front.take();
    asked.retain(|request| {
        request.is_of_an_object() && !request.path.ends_with("/deployments/kustomize-controller")
    });
    assert_eq!(asked, [], "what is identical is not asked about");
}

/// The objects of changes of one kind, wherever in the report they stand.
fn changes(report: &Value, kind: &str) -> Vec<String> {
    match report {
        Value::Object(fields) => {
            let own = (fields.get("kind").is_some_and(|k| k == kind)).then(|| fields["object"].to_string());
            own.into_iter().chain(fields.values().flat_map(|value| changes(value, kind))).collect()
        }
        Value::Array(items) => items.iter().flat_map(|item| changes(item, kind)).collect(),
        _ => Vec::new(),
    }
}
