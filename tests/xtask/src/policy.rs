//! Tries infra/cluster/preflux.yaml on a real API server: what the identity may do passes, and all else is refused.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::cluster::{self, Cluster, Kubernetes};
use crate::{proc, workspace};

/// One request of the worker identity and the HTTP status that must come back.
struct Case {
    what: &'static str,
    method: &'static str,
    path: &'static str,
    body: &'static str,
    status: &'static str,
}

const CONFIG_MAP: &str =
    r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"probe"},"data":{"a":"b"}}"#;
const SECRET: &str =
    r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"probe"},"stringData":{"a":"b"}}"#;
const TOKEN: &str = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}"#;
const PROBE: &str =
    "/api/v1/namespaces/default/configmaps/probe?fieldManager=kustomize-controller&force=true";

const CASES: &[Case] = &[
    case(
        "read a Kustomization list",
        "GET",
        "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations",
        "",
        "200",
    ),
    case(
        "rehearse applying a ConfigMap",
        "PATCH",
        "/api/v1/namespaces/default/configmaps/probe?fieldManager=kustomize-controller&force=true&dryRun=All",
        CONFIG_MAP,
        "201",
    ),
    case("apply a ConfigMap", "PATCH", PROBE, CONFIG_MAP, "403"),
    case("create a ConfigMap", "POST", "/api/v1/namespaces/default/configmaps", CONFIG_MAP, "403"),
    case(
        "rehearse creating a ConfigMap",
        "POST",
        "/api/v1/namespaces/default/configmaps?dryRun=All",
        CONFIG_MAP,
        "201",
    ),
    case("delete a ConfigMap", "DELETE", "/api/v1/namespaces/default/configmaps/probe", "", "403"),
    case(
        "rehearse deleting one",
        "DELETE",
        "/api/v1/namespaces/default/configmaps/probe?dryRun=All",
        "",
        "403",
    ),
    READ_SECRET,
    case(
        "rehearse applying a Secret",
        "PATCH",
        "/api/v1/namespaces/default/secrets/probe?fieldManager=kustomize-controller&force=true&dryRun=All",
        SECRET,
        "403",
    ),
    case(
        "rehearse asking for a token",
        "POST",
        "/api/v1/namespaces/preflux/serviceaccounts/worker/token?dryRun=All",
        TOKEN,
        "403",
    ),
];

/// A write that goes through until the policy is enforced; it touches no object of the cases.
const WARM_UP: Case = case(
    "apply until refused",
    "PATCH",
    "/api/v1/namespaces/default/configmaps/warm-up?fieldManager=x&force=true",
    r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"warm-up"}}"#,
    "403",
);
const READ_SECRET: Case = case("read a Secret", "GET", "/api/v1/namespaces/default/secrets/probe", "", "403");

const fn case(
    what: &'static str,
    method: &'static str,
    path: &'static str,
    body: &'static str,
    status: &'static str,
) -> Case {
    Case { what, method, path, body, status }
}

/// `cargo xtask cluster check-policy`: in a cluster of its own, which is taken down again.
pub(crate) fn run(version: Kubernetes) -> Result<bool> {
    let dir = workspace::target().join("policy-cluster");
    cluster::down(&dir)?;
    let cluster = cluster::up(&dir, version)?;
    let leashes = cluster.leash()?;
    let wrong = check(&cluster);
    drop(leashes);
    cluster::down(&dir)?;
    let wrong = wrong?;
    println!("{} of {} requests answered as they must be", ATTEMPTS - wrong, ATTEMPTS);
    Ok(wrong == 0)
}

/// How many requests are tried: with the grants of the file, and with every right there is, where only the admission
/// policy stands in the way.
const ATTEMPTS: usize = CASES.len() + WRITES.len();

/// What must be refused even to an identity that RBAC lets do everything.
const WRITES: &[Case] = &[
    case("with every right: apply a ConfigMap", "PATCH", PROBE, CONFIG_MAP, "403"),
    case(
        "with every right: delete a Service",
        "DELETE",
        "/api/v1/namespaces/default/services/kubernetes",
        "",
        "403",
    ),
    case("with every right: apply a Secret", "POST", "/api/v1/namespaces/default/secrets", SECRET, "403"),
    case(
        "with every right: ask for a token",
        "POST",
        "/api/v1/namespaces/preflux/serviceaccounts/worker/token?dryRun=All",
        TOKEN,
        "403",
    ),
    case(
        "with every right: apply a Kustomization",
        "POST",
        "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/default/kustomizations",
        r#"{"apiVersion":"kustomize.toolkit.fluxcd.io/v1","kind":"Kustomization","metadata":{"name":"a"},"spec":{"interval":"1m","prune":true,"sourceRef":{"kind":"GitRepository","name":"a"}}}"#,
        "403",
    ),
    case(
        "with every right: rehearse it",
        "POST",
        "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/default/kustomizations?dryRun=All",
        r#"{"apiVersion":"kustomize.toolkit.fluxcd.io/v1","kind":"Kustomization","metadata":{"name":"a"},"spec":{"interval":"1m","prune":true,"sourceRef":{"kind":"GitRepository","name":"a"}}}"#,
        "201",
    ),
];

fn check(cluster: &Cluster) -> Result<usize> {
    apply_manifests(cluster)?;
    grant_everything(cluster)?;
    // A new policy takes a moment to be enforced; once one write is refused by it, the rest are.
    proc::wait_for("enforcing the admission policy", Duration::from_secs(30), || {
        Ok(status(cluster, &WARM_UP).is_ok_and(|(_, body)| body.contains("dryRun=All")))
    })?;
    let mut wrong = count_wrong(cluster, WRITES)?;
    take_everything_back(cluster)?;
    proc::wait_for("taking back rights", Duration::from_secs(30), || {
        Ok(status(cluster, &READ_SECRET).is_ok_and(|(code, _)| code == "403"))
    })?;
    wrong += count_wrong(cluster, CASES)?;
    Ok(wrong)
}

fn count_wrong(cluster: &Cluster, cases: &[Case]) -> Result<usize> {
    let mut wrong = 0;
    for case in cases {
        let (code, body) = status(cluster, case)?;
        let verdict = if code == case.status { "ok   " } else { "WRONG" };
        println!("{verdict} {code} {}", case.what);
        if code != case.status {
            println!("      expected {}: {}", case.status, body.lines().next().unwrap_or_default());
            wrong += 1;
        }
    }
    Ok(wrong)
}

fn status(cluster: &Cluster, case: &Case) -> Result<(String, String)> {
    let mut command = cluster.curl("worker", case.path)?;
    command.args([
        "--no-fail",
        "--no-fail-with-body",
        "--write-out",
        "\n%{http_code}",
        "--request",
        case.method,
    ]);
    if !case.body.is_empty() {
        let kind = if case.method == "PATCH" { "application/apply-patch+yaml" } else { "application/json" };
        command.args(["--header", &format!("Content-Type: {kind}"), "--data-binary", case.body]);
    }
    let out = proc::output(&mut command)?;
    let (body, code) = out.rsplit_once('\n').context("curl printed no status")?;
    Ok((code.to_owned(), body.to_owned()))
}

/// Gives the worker identity the rights of infra/cluster/preflux.yaml, and waits until they hold.
pub(crate) fn give_rights(cluster: &Cluster) -> Result<()> {
    apply_manifests(cluster)?;
    // The worker looks whether its locks hold before it asks anything.
    proc::wait_for("giving the worker its rights", Duration::from_secs(30), || {
        let reads = status(cluster, &CASES[0]).is_ok_and(|(code, _)| code == CASES[0].status);
        Ok(reads && status(cluster, &WARM_UP).is_ok_and(|(_, body)| body.contains("dryRun=All")))
    })
}

/// Applies the documents of infra/cluster/preflux.yaml in their order.
fn apply_manifests(cluster: &Cluster) -> Result<()> {
    let file = workspace::root().join("infra/cluster/preflux.yaml");
    let text = fs::read_to_string(&file).with_context(|| format!("reading `{}`", file.display()))?;
    let flux = scratch("flux-system.yaml")?;
    fs::write(&flux, r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"flux-system"}}"#)?;
    cluster.apply("/api/v1/namespaces/flux-system", &flux)?;
    for document in text.split("\n---\n") {
        let path = path_of(document)?;
        let part = scratch("document.yaml")?;
        fs::write(&part, document)?;
        cluster.apply(&path, &part)?;
    }
    Ok(())
}

/// Where an object of one of the kinds in that file lives.
fn path_of(document: &str) -> Result<String> {
    let field = |key: &str| document.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let kind = field("kind:").context("a document without a kind")?;
    let name = field("  name:").context("a document without a name")?;
    Ok(match kind {
        "Namespace" => format!("/api/v1/namespaces/{name}"),
        "ServiceAccount" => format!("/api/v1/namespaces/preflux/serviceaccounts/{name}"),
        "Role" => format!("/apis/rbac.authorization.k8s.io/v1/namespaces/flux-system/roles/{name}"),
        "RoleBinding" => {
            format!("/apis/rbac.authorization.k8s.io/v1/namespaces/flux-system/rolebindings/{name}")
        }
        "ClusterRole" => format!("/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}"),
        "ClusterRoleBinding" => format!("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{name}"),
        "ValidatingAdmissionPolicy" => {
            format!("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/{name}")
        }
        "ValidatingAdmissionPolicyBinding" => {
            format!("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/{name}")
        }
        other => bail!("infra/cluster/preflux.yaml holds a `{other}`, whose path this check does not know"),
    })
}

const BINDING: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/check-policy-everything";

fn grant_everything(cluster: &Cluster) -> Result<()> {
    let part = scratch("everything.yaml")?;
    fs::write(
        &part,
        r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding",
            "metadata":{"name":"check-policy-everything"},
            "roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"cluster-admin"},
            "subjects":[{"kind":"ServiceAccount","name":"worker","namespace":"preflux"}]}"#,
    )?;
    cluster.apply(BINDING, &part)
}

fn take_everything_back(cluster: &Cluster) -> Result<()> {
    let mut command: Command = cluster.curl("admin", BINDING)?;
    proc::output(command.args(["--request", "DELETE"]))?;
    Ok(())
}

fn scratch(name: &str) -> Result<PathBuf> {
    let dir = workspace::target().join("policy-check");
    fs::create_dir_all(&dir)?;
    Ok(dir.join(name))
}
