//! What the admission policies of `infra/cluster` refuse, whoever asks, whatever RBAC lets through: every identity with every operation, as
//! a dry-run and for real, on objects and on subresources, on a real API server. Each identity is an administrator here.

mod acts;
mod operator;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::cluster::{Identity, Method, TestCluster};

use crate::journey::ON_THE_CLUSTER;
use crate::locks;
use crate::support::{part, root};

const NAMESPACE: &str = "policy-tables";
const REHEARSE: &str = "preflux-dry-run-only";
const FLUX: &str = "preflux-flux-only";

const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json";

/// An identity, and the policies that guard it.
fn identities() -> Vec<(Identity, Vec<&'static str>)> {
    let account = |namespace: &str, name: &str, more: &[&str]| {
        let own = ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")];
        let groups = own
            .into_iter()
            .chain(more.iter().map(|group| (*group).to_owned()))
            .chain([ADMINISTRATORS.to_owned()]);
        Identity { user: format!("system:serviceaccount:{namespace}:{name}"), groups: groups.collect() }
    };
    let role = |groups: &[&str]| Identity {
        user: "arn:aws:sts::111122223333:assumed-role/worker/i-1".to_owned(),
        groups: groups.iter().copied().chain([ADMINISTRATORS]).map(str::to_owned).collect(),
    };
    vec![
        (account("preflux", "worker", &[]), vec![REHEARSE]),
        (account("preflux", "another", &[]), vec![REHEARSE]),
        (account("apps", "tenant", &["preflux:dry-run-only"]), vec![REHEARSE]),
        (role(&["preflux:worker", "preflux:dry-run-only"]), vec![REHEARSE]),
        (account("preflux-flux", "operator", &[]), vec![FLUX]),
        (role(&["preflux:flux"]), vec![FLUX]),
        (account("apps", "tenant", &[]), vec![]),
        (account("preflux-elsewhere", "worker", &[]), vec![]),
        (role(&[]), vec![]),
    ]
}

/// A group that may do everything: what RBAC would stop says nothing of the policies.
const ADMINISTRATORS: &str = "policy-tables:administrators";

/// One way to send something, and how the API server sees it.
struct Way {
    what: &'static str,
    method: Method,
    path: String,
    body: Option<(Value, &'static str)>,
    operation: &'static str,
    subresource: bool,
}

fn ways(unused: &str) -> Vec<Way> {
    let maps = format!("/api/v1/namespaces/{NAMESPACE}/configmaps");
    let deployment = format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/table");
    let map = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"by": unused}});
    let way = |what, method, path: &str, body, operation| Way {
        what,
        method,
        path: path.to_owned(),
        body,
        operation,
        subresource: false,
    };
    let token = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "table"}});
    let scaled = json!({"spec": {"replicas": 0}});
    let mut all = vec![
        way("create", Method::POST, &maps, Some((map(unused), JSON)), "CREATE"),
        way(
            "apply a new one",
            Method::PATCH,
            &format!("{maps}/{unused}-applied"),
            Some((map(&format!("{unused}-applied")), APPLY)),
            "CREATE",
        ),
        way("apply", Method::PATCH, &format!("{maps}/table"), Some((map("table"), APPLY)), "UPDATE"),
        way(
            "merge",
            Method::PATCH,
            &format!("{maps}/table"),
            Some((json!({"data": {"by": unused}}), MERGE)),
            "UPDATE",
        ),
        way("replace", Method::PUT, &format!("{maps}/table"), Some((map("table"), JSON)), "UPDATE"),
        way("delete", Method::DELETE, &format!("{maps}/goes"), None, "DELETE"),
        way(
            "delete all of a label",
            Method::DELETE,
            &format!("{maps}?labelSelector=table%3Dgoes"),
            None,
            "DELETE",
        ),
    ];
    for (what, method, path, body, operation) in [
        ("scale", Method::PATCH, format!("{deployment}/scale"), Some((scaled, MERGE)), "UPDATE"),
        (
            "status",
            Method::PATCH,
            format!("{deployment}/status"),
            Some((json!({"status": {"observedGeneration": 1}}), MERGE)),
            "UPDATE",
        ),
        (
            "a token",
            Method::POST,
            format!("/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default/token"),
            Some((token, JSON)),
            "CREATE",
        ),
        (
            "evict",
            Method::POST,
            format!("/api/v1/namespaces/{NAMESPACE}/pods/table/eviction"),
            Some((eviction, JSON)),
            "CREATE",
        ),
        (
            "connect",
            Method::GET,
            "/api/v1/namespaces/default/services/kubernetes/proxy/".to_owned(),
            None,
            "CONNECT",
        ),
    ] {
        all.push(Way { subresource: true, ..way(what, method, &path, body, operation) });
    }
    all
}

/// Which policy has to refuse.
fn refuses(policy: &str, way: &Way, dry_run: bool) -> bool {
    match policy {
        REHEARSE => !matches!(way.operation, "CREATE" | "UPDATE") || way.subresource || !dry_run,
        // None of these ways is one that it lets through.
        _ => true,
    }
}

fn manifests(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(root().join("infra/cluster").join(file)).unwrap();
    kustomize::yaml::parse_documents_v3(&text, &kustomize::Limits::default()).unwrap()
}

fn administrators() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "policy-tables"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": ADMINISTRATORS}],
    })
}

/// The policy that denied a request, if one of ours did.
fn denied_by(body: &Value) -> Option<&'static str> {
    let message = body["message"].as_str().unwrap_or_default();
    [REHEARSE, FLUX]
        .into_iter()
        .find(|policy| message.contains(&format!("ValidatingAdmissionPolicy '{policy}'")))
}

/// Sets both policies up, and waits until each refuses.
async fn set_up(admin: &TestCluster) {
    locks::set_up(admin).await;
    for object in manifests("preflux-flux.yaml") {
        admin.apply(&object).await.unwrap();
    }
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    for object in [namespace, administrators()] {
        admin.apply(&object).await.unwrap();
    }
    let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps");
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "warm-up-"}});
    for (identity, policies) in identities() {
        let begun = Instant::now();
        loop {
            let body = Some((&map, JSON));
            let (status, said) = admin.send_as(&identity, Method::POST, &path, body).await.unwrap();
            if denied_by(&said) == policies.first().copied() && (status.is_success() || !policies.is_empty())
            {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{identity:?}: {said}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn take_down(admin: &TestCluster) {
    // What went through is in the way of whoever tries it again.
    let cleaner =
        Identity { user: "policy-tables:cleaner".to_owned(), groups: vec![ADMINISTRATORS.to_owned()] };
    let maps = format!("/api/v1/namespaces/{NAMESPACE}/configmaps");
    let (status, said) = admin.send_as(&cleaner, Method::DELETE, &maps, None).await.unwrap();
    assert!(status.is_success(), "{said}");
    let all = manifests("preflux-flux.yaml");
    // A namespace takes a while to go, and does no harm.
    for object in all.iter().rev().filter(|object| object["kind"] != "Namespace").chain([&administrators()]) {
        admin.delete(object).await.unwrap();
    }
}

/// What each way needs to be there.
fn objects() -> Vec<Value> {
    let map = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"table": name}}});
    let containers = json!([{"name": "a", "image": "registry.example/a"}]);
    let template = json!({"metadata": {"labels": {"app": "table"}}, "spec": {"containers": containers}});
    vec![
        map("table"),
        map("goes"),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "table", "namespace": NAMESPACE},
            "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "table"}}, "template": template}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": NAMESPACE}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "table", "namespace": NAMESPACE},
            "spec": {"automountServiceAccountToken": false, "containers": containers}}),
    ]
}

fn with_dry_run(path: &str, dry_run: bool) -> String {
    match (dry_run, path.contains('?')) {
        (false, _) => path.to_owned(),
        (true, true) => format!("{path}&dryRun=All"),
        (true, false) => format!("{path}?dryRun=All"),
    }
}

#[tokio::test]
async fn every_identity_and_operation_is_refused_as_it_must_be_on_a_real_api_server() {
    let Some(admin) = part("PREFLUX_TEST_KUBECONFIG") else { return };
    let _held = ON_THE_CLUSTER.lock().await;
    let admin = TestCluster::open(&PathBuf::from(admin)).unwrap();
    set_up(&admin).await;
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (nth, (identity, policies)) in identities().into_iter().enumerate() {
        for dry_run in [true, false] {
            // The API server knows no dry-run of connecting.
            let ways = ways(&format!("table-{nth}-{dry_run}")).into_iter();
            for way in ways.filter(|way| !(dry_run && way.operation == "CONNECT")) {
                for object in objects() {
                    admin.apply(&object).await.unwrap();
                }
                let mut path = with_dry_run(&way.path, dry_run);
                if way.body.as_ref().is_some_and(|(_, kind)| *kind == APPLY) {
                    path = format!("{path}{}fieldManager=table&force=true", if dry_run { '&' } else { '?' });
                }
                let body = way.body.as_ref().map(|(body, kind)| (body, *kind));
                let (status, said) = admin.send_as(&identity, way.method.clone(), &path, body).await.unwrap();
                let expected = policies.iter().find(|policy| refuses(policy, &way, dry_run)).copied();
                let passed = status.is_success() || way.operation == "CONNECT";
                if denied_by(&said) != expected || (expected.is_none() && !passed) {
                    wrong.push(format!(
                        "{} {} dry-run {dry_run}: {status} {}",
                        identity.user, way.what, said["message"]
                    ));
                }
                tried += 1;
            }
        }
    }
    take_down(&admin).await;
    assert_eq!(wrong, Vec::<String>::new(), "of {tried}");
    assert_eq!(tried, 9 * (11 + 12));
}
