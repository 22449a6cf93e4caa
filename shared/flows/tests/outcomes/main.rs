//! Each answer of an API server is an outcome of its own on its own object, and hides nothing of the others.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod cluster;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::Drift;
use domain::change::{Change, ChangeKind, Check};
use domain::provenance::Disclosure;
use domain::report::{Comparison, Finding, KustomizationReport, Mode};
use flows::analyse::{DecryptionAccess, Question, RemoteAccess, Repository, analyse};
use kustomize::MemoryTree;
use ports::Checkout;
use serde_json::{Value, json};

use cluster::Choosy;

const ROLES: &str = "rbac.authorization.k8s.io/v1";

async fn report(cluster: Choosy, base: &[Value], result: &[Value]) -> (KustomizationReport, Arc<Choosy>) {
    let files = |objects: &[Value]| {
        let text: Vec<String> = objects.iter().map(Value::to_string).collect();
        BTreeMap::from([("apps/all.yaml".to_owned(), text.join("\n---\n").into_bytes())])
    };
    let checkout = Checkout {
        base: Arc::new(MemoryTree::new(files(base))),
        result: Arc::new(MemoryTree::new(files(result))),
        changed: BTreeSet::from(["apps/all.yaml".to_owned()]),
        comparison: Comparison {
            base: "b".repeat(40).parse().unwrap(),
            result: "e".repeat(40).parse().unwrap(),
            mode: Mode::MergeResult,
        },
        notes: Vec::new(),
    };
    let cluster = Arc::new(cluster);
    let question = Question {
        checkout: &checkout,
        repository: Repository::Known {
            urls: vec!["https://git.example/acme/fleet".to_owned()],
            branch: "main".to_owned(),
        },
        cluster: Ok(cluster.clone()),
        remotes: RemoteAccess::None("nothing is fetched here".to_owned()),
        disclosure: Disclosure::LiveValues,
        drift: Drift::Affected,
        decryption: DecryptionAccess::None("no keys".to_owned()),
        until: None,
    };
    let found = Box::pin(analyse(question)).await;
    (found.kustomizations.into_iter().next().unwrap(), cluster)
}

fn changes(report: &KustomizationReport) -> &[Change] {
    match &report.finding {
        Finding::Changes { changes } => changes,
        other => panic!("{other:?}"),
    }
}

fn map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": data})
}

fn said(report: &KustomizationReport, name: &str) -> String {
    let change = changes(report).iter().find(|change| change.object.name == name);
    match &change.unwrap_or_else(|| panic!("{name} is not in the report")).check {
        Check::Refused { why } => format!("refused: {why}"),
        Check::NotValidated { why } => format!("unknown: {why}"),
        other => format!("{other:?}"),
    }
}

/// The names that the cluster refuses, and how the report begins to say so.
const SAID: [(&str, &str); 17] = [
    ("policy", "refused: admission policy `no-latest` denies it"),
    ("webhook", "refused: admission webhook `no.example` denies it"),
    ("quota", "refused: ResourceQuota `few` refuses it"),
    ("pod-security", "refused: Pod Security at level `restricted` refuses it"),
    ("no-dry-run", "unknown: an admission webhook does not support dry-runs"),
    ("webhook-down", "unknown: an admission webhook did not answer the dry-run"),
    (
        "no-right",
        "unknown: our cluster identity may not ask (grant it, see infra/cluster): it lacks `patch` on `configmaps` in namespace `shop`; in ClusterRole `preflux-rehearse` this rule",
    ),
    ("no-namespace", "refused: namespace `shop` does not exist"),
    ("going", "refused: namespace `shop` is being deleted"),
    ("no-kind", "refused: the cluster does not serve the kind `ConfigMap`"),
    ("invalid", "refused: the server's words"),
    ("immutable", "refused: the server's words (an immutable field changes"),
    ("conflict", "unknown: it changed in the cluster each time it was asked about"),
    ("busy", "unknown: the API server has too many requests to answer"),
    ("late", "unknown: the API server did not answer in time"),
    ("lost", "unknown: the API server did not answer: "),
    ("aggregated", "unknown: its group is served by an aggregated API server"),
];

#[tokio::test]
async fn each_refusal_is_its_own_and_hides_no_other() {
    let names = SAID.iter().map(|(name, _)| *name).chain(["fine", "unread"]);
    let side = |n: &str| names.clone().map(|name| map(name, json!({"n": n}))).collect::<Vec<_>>();
    let (report, _) = report(Choosy::default(), &side("1"), &side("2")).await;
    for (name, begins) in SAID {
        let said = said(&report, name);
        assert!(said.starts_with(begins), "{name}: {said}");
    }
    let all: BTreeSet<String> = SAID.iter().map(|(name, _)| said(&report, name)).collect();
    assert_eq!(all.len(), SAID.len(), "no two are told alike");
    for name in ["fine", "unread"] {
        assert_eq!(said(&report, name), "DryRun", "{name}");
    }
    assert!(report.drift.is_empty(), "what cannot be judged is no drift: {:?}", report.drift);
    assert!(report.notes.iter().any(|note| note.contains("not known") && note.contains("unread")));
}

#[tokio::test]
async fn with_force_a_conflict_is_no_recreation_and_a_denial_may_lose_the_object() {
    let names = ["conflict", "policy", "webhook", "invalid", "immutable", "fine"];
    let side = |n: &str| names.map(|name| map(name, json!({"n": n})));
    let cluster = Choosy { force: true, ..Choosy::default() };
    let (report, _) = report(cluster, &side("1"), &side("2")).await;
    let kinds: Vec<_> = names
        .iter()
        .map(|name| changes(&report).iter().find(|c| c.object.name == *name).unwrap().kind)
        .collect();
    use ChangeKind::{Changed, Recreated};
    assert_eq!(kinds, [Changed, Recreated, Changed, Recreated, Recreated, Changed]);
    assert!(said(&report, "conflict").starts_with("unknown: "));
    for name in ["policy", "invalid"] {
        assert!(said(&report, name).contains("it stays away if the new one is refused as well"), "{name}");
    }
    assert_eq!(said(&report, "immutable"), "DryRun");
}

/// A live ConfigMap of which `manager` set `hand`.
fn edited(manager: &str) -> Value {
    let mut live = map("edited", json!({"git": "1", "hand": "2"}));
    live["metadata"]["resourceVersion"] = json!("1");
    live["metadata"]["managedFields"] = json!([
        {"manager": "kustomize-controller", "operation": "Apply", "apiVersion": "v1", "fieldsV1": {"f:data": {"f:git": {}}}},
        {"manager": manager, "operation": "Update", "apiVersion": "v1", "fieldsV1": {"f:data": {"f:hand": {}}}},
    ]);
    live
}

#[tokio::test]
async fn what_the_controller_is_told_to_override_is_taken_over() {
    let side = |n: &str| [map("edited", json!({"git": n}))];
    let removes = async |manager: &str, arguments: Vec<&'static str>| {
        let cluster = Choosy { arguments, live: vec![edited(manager)], ..Choosy::default() };
        let (report, _) = report(cluster, &side("1"), &side("3")).await;
        changes(&report)[0].remarks.iter().any(|remark| remark.contains("removes or resets `data.hand`"))
    };
    assert!(removes("kubectl-edit", Vec::new()).await, "always");
    assert!(!removes("my-tool", Vec::new()).await);
    assert!(removes("my-tool", vec!["--override-manager=my-tool"]).await);
    assert!(!removes("my-tool", vec!["--override-manager=another"]).await);
}

#[tokio::test]
async fn variables_that_may_not_be_read_leave_their_kustomization_unknown() {
    let cluster = Choosy { variables: true, ..Choosy::default() };
    let (report, _) = report(cluster, &[map("a", json!({"a": "1"}))], &[map("a", json!({"a": "2"}))]).await;
    let Finding::Failed { error, unknown, .. } = &report.finding else { panic!("{:?}", report.finding) };
    assert!(*unknown, "it is not broken, also where the variables are optional");
    let expected = "its variables come from `Secret/vars`: cluster `prod` does not allow get secrets in namespace `flux-system`";
    assert!(error.starts_with(expected), "{error}");
}

#[tokio::test]
async fn what_is_switched_off_in_the_cluster_is_not_refused() {
    let off = |name: &str| {
        let mut live = map(name, json!({"a": "1"}));
        live["metadata"]["labels"] = json!({"kustomize.toolkit.fluxcd.io/ssa": "ignore"});
        live
    };
    let names = ["immutable", "invalid", "policy"];
    let side = |value: &str| names.map(|name| map(name, json!({"a": value})));
    let cluster = Choosy { live: names.map(off).to_vec(), force: true, ..Choosy::default() };
    let (report, _) = report(cluster, &side("1"), &side("2")).await;
    assert_eq!(changes(&report), []);
    assert_eq!(report.notes.len(), 3, "{:?}", report.notes);
    assert!(
        report.notes.iter().all(|note| note.contains("the live object is switched off")),
        "{:?}",
        report.notes
    );
}

fn role(verbs: &[&str], labels: Value) -> Value {
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}]);
    json!({"apiVersion": ROLES, "kind": "Role", "metadata": {"name": "r", "namespace": "shop", "labels": labels}, "rules": rules})
}

#[tokio::test]
async fn roles_are_compared_with_the_live_ones_and_never_rehearsed() {
    let mut live = role(&["get", "delete"], json!({"team": "a", "hand": "1"}));
    live["metadata"]["resourceVersion"] = json!("1");
    live["metadata"]["managedFields"] = json!([{
        "manager": "kustomize-controller", "operation": "Apply", "apiVersion": ROLES,
        "fieldsV1": {"f:rules": {}, "f:metadata": {"f:labels": {"f:team": {}}}},
    }]);
    let cluster = Choosy { live: vec![live], ..Choosy::default() };
    let base = [role(&["get"], json!({"team": "a"}))];
    let result = [role(&["get", "list"], json!({}))];
    let (report, cluster) = report(cluster, &base, &result).await;
    let change = &changes(&report)[0];
    assert_eq!((change.kind, &change.check), (ChangeKind::Changed, &Check::Structural));
    assert!(change.remarks[0].contains("without a dry-run"), "{:?}", change.remarks);
    let after = change.after.as_ref().unwrap();
    assert_eq!(after["rules"][0]["verbs"], json!(["get", "list"]));
    assert_eq!(after["metadata"]["labels"].get("team"), None, "it leaves Git, and Flux removes it");
    assert!(after["metadata"]["labels"].get("hand").is_some(), "somebody else's stays: {after}");
    let drift = &report.drift[0];
    assert_eq!(drift.after.as_ref().unwrap()["rules"][0]["verbs"].as_array().unwrap().len(), 2, "{drift:?}");
    assert_eq!(drift.check, Check::Structural);
    assert!(cluster.rehearsed.lock().unwrap().iter().all(|one| !one.starts_with("Role")));
}

#[tokio::test]
async fn rules_that_the_cluster_gathers_are_neither_change_nor_drift() {
    let role = |label: &str, rules: Value| {
        json!({"apiVersion": ROLES, "kind": "ClusterRole", "metadata": {"name": "all", "labels": {"v": label}}, "rules": rules,
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to": "all"}}]}})
    };
    let gathered = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]);
    for (rules, said) in [(json!(null), "gathers the rules"), (json!([]), "leave `rules` out")] {
        let cluster = Choosy { live: vec![role("1", gathered.clone())], ..Choosy::default() };
        let (report, _) = report(cluster, &[role("1", rules.clone())], &[role("2", rules)]).await;
        let change = &changes(&report)[0];
        let paths: Vec<String> = change.fields().into_iter().map(|field| field.path).collect();
        assert!(paths.iter().all(|path| path.starts_with("metadata.labels")), "{paths:?}");
        assert!(change.remarks.iter().any(|remark| remark.contains(said)), "{:?}", change.remarks);
    }
}

#[tokio::test]
async fn a_tenants_kustomization_is_asked_about_as_its_service_account() {
    let side = |n: &str| ["no-right", "fine"].map(|name| map(name, json!({"n": n})));
    let ours = Choosy { account: Some("tenant"), ..Choosy::default() };
    let (unknown, _) = report(ours, &side("1"), &side("2")).await;
    assert!(said(&unknown, "no-right").starts_with("unknown: our cluster identity"));

    let by_default = vec!["--default-service-account=usual"];
    for (account, arguments, who) in [
        (Some("tenant"), Vec::new(), "flux-system/tenant"),
        (None, by_default.clone(), "flux-system/usual"),
        (Some("tenant"), by_default, "flux-system/tenant"),
    ] {
        let cluster = Choosy { account, arguments, acts: Some(None), ..Choosy::default() };
        let (report, asked) = report(cluster, &side("1"), &side("2")).await;
        let wanted = format!(
            "refused: Flux applies it as ServiceAccount `{who}`, which may not `patch` `configmaps` in namespace `shop`: grant it that"
        );
        assert_eq!((said(&report, "no-right"), said(&report, "fine")), (wanted, "DryRun".to_owned()));
        assert_eq!(report.cluster, None, "it is the same cluster");
        assert!(asked.rehearsed.lock().unwrap().is_empty(), "nothing is asked as ourselves");
    }
}

#[tokio::test]
async fn a_service_account_that_nothing_guards_is_not_asked_as() {
    let side = |n: &str| [map("fine", json!({"n": n}))];
    let cluster = Choosy { account: Some("tenant"), acts: Some(Some("is gone")), ..Choosy::default() };
    let (report, asked) = report(cluster, &side("1"), &side("2")).await;
    let said = said(&report, "fine");
    assert!(
        said.starts_with("unknown: cluster `prod as flux-system/tenant` was not asked")
            && said.contains("policy: is gone"),
        "{said}"
    );
    assert!(asked.rehearsed.lock().unwrap().is_empty());
}
