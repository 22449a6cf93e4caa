//! What stands between an object and its being stored: policies, quotas, webhooks, and the rights that Roles grant.

use super::*;

/// Requests until the API server must have noticed a new policy or webhook; each waits for its turn, so this takes no more than 20 s.
const NOTICED: usize = 1_000;

impl World {
    /// The refusal, once the API server has noticed what was just made.
    async fn in_the_end_refused(&self, object: &Value) -> Refusal {
        for _ in 0..NOTICED {
            if let DryRun::Refused(refusal) = self.cluster.dry_run(object).await {
                return refusal;
            }
        }
        panic!("accepted again and again")
    }

    fn here(&self) -> Value {
        json!({"matchLabels": {"kubernetes.io/metadata.name": self.namespace}})
    }

    async fn delete(&self, path: &str) {
        let request = Request::delete(path).body(Vec::new()).unwrap();
        let _: Value = self.client.request(request).await.unwrap();
    }
}

#[tokio::test]
async fn policies_are_named_and_say_why() {
    let Some(world) = World::up("policies_are_named_and_say_why").await else { return };
    let name = format!("no-{}", world.namespace);
    let group = "/apis/admissionregistration.k8s.io/v1";
    let (policies, bindings) = (
        format!("{group}/validatingadmissionpolicies"),
        format!("{group}/validatingadmissionpolicybindings"),
    );
    let version = "admissionregistration.k8s.io/v1";
    let rules =
        json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}]);
    let spec = json!({
        "failurePolicy": "Fail",
        "matchConstraints": {"namespaceSelector": world.here(), "resourceRules": rules},
        "validations": [{"expression": "!has(object.data) || !('latest' in object.data)", "message": "no latest, please"}],
    });
    let policy = json!({"apiVersion": version, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec});
    let spec = json!({"policyName": name, "validationActions": ["Deny"]});
    let binding = json!({"apiVersion": version, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name}, "spec": spec});
    world.create(&policies, policy).await;
    world.create(&bindings, binding).await;
    let refusal = world.in_the_end_refused(&world.map("a", json!({"latest": "1"}))).await;
    let by = Gate::Policy(name.clone());
    assert_eq!(refusal, Refusal::Denied { by, why: "no latest, please".to_owned(), forcing: true });
    world.accepted(&world.map("b", json!({}))).await;
    world.delete(&format!("{bindings}/{name}")).await;
    world.delete(&format!("{policies}/{name}")).await;
}

#[tokio::test]
async fn quotas_are_named_with_their_figures() {
    let Some(world) = World::up("quotas_are_named_with_their_figures").await else { return };
    let quotas = format!("/api/v1/namespaces/{}/resourcequotas", world.namespace);
    let hard = json!({"count/configmaps": "0"});
    let metadata = json!({"name": "few", "namespace": world.namespace});
    let mut quota =
        json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}});
    world.create(&quotas, quota.clone()).await;
    // There is no controller that would count.
    quota["status"] = json!({"hard": hard, "used": {"count/configmaps": "0"}});
    world.apply(&format!("{quotas}/few/status"), &quota).await;
    let refusal = world.in_the_end_refused(&world.map("a", json!({}))).await;
    let why =
        "requested: count/configmaps=1, used: count/configmaps=0, limited: count/configmaps=0".to_owned();
    assert_eq!(refusal, Refusal::Denied { by: Gate::Quota("few".to_owned()), why, forcing: false });
}

#[tokio::test]
async fn webhooks_that_do_not_answer_are_told_from_those_that_deny() {
    let Some(world) = World::up("webhooks_that_do_not_answer").await else { return };
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let rules =
        json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}]);
    let hook = json!({
        "name": "down.example.test", "clientConfig": {"url": "https://127.0.0.1:1/"}, "rules": rules, "sideEffects": "None",
        "admissionReviewVersions": ["v1"], "namespaceSelector": world.here(), "timeoutSeconds": 1,
    });
    let configuration = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": world.namespace}, "webhooks": [hook]});
    world.create(path, configuration).await;
    let refusal = world.in_the_end_refused(&world.map("a", json!({}))).await;
    assert!(
        matches!(&refusal, Refusal::WebhookDown(why) if why.contains("down.example.test")),
        "{refusal:?}"
    );
    world.delete(&format!("{path}/{}", world.namespace)).await;
}

#[tokio::test]
async fn an_object_that_names_another_one_is_a_conflict() {
    let Some(world) = World::up("an_object_that_names_another_one").await else { return };
    let path = format!("/api/v1/namespaces/{}/configmaps/a", world.namespace);
    let mut map = world.map("a", json!({"a": "b"}));
    world.apply(&path, &map).await;
    map["metadata"]["uid"] = json!("00000000-0000-0000-0000-000000000000");
    let refusal = world.refused(&map).await;
    let about_uid = |why: &str| why.contains("metadata.uid: ");
    assert!(
        matches!(&refusal, Refusal::Immutable(why) if about_uid(why))
            || matches!(refusal, Refusal::Conflict(_)),
        "{refusal:?}"
    );
    map["metadata"] = json!({"name": "a", "namespace": world.namespace, "resourceVersion": "1"});
    let refusal = world.refused(&map).await;
    assert!(matches!(refusal, Refusal::Conflict(_)), "{refusal:?}");
}

/// Whoever may do everything can rehearse Roles: what is told without a dry-run must be what the API server says.
#[tokio::test]
async fn roles_and_bindings_are_told_as_the_api_server_stores_them() {
    let Some(world) = World::up("roles_and_bindings_are_told").await else { return };
    let namespace = world.namespace.clone();
    let path = |kind: &str| format!("/apis/{}/v1/namespaces/{namespace}/{kind}/a", flux::rbac::GROUP);
    let object = |kind: &str, rest: Value| {
        let metadata = json!({"name": "a", "namespace": namespace, "labels": {"stays": "1", "goes": "1"}});
        let mut object =
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata});
        object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        object
    };
    let role = |verbs: Value| {
        object(
            "Role",
            json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": verbs, "resourceNames": []}]}),
        )
    };
    let binding = |subjects: Value| {
        object(
            "RoleBinding",
            json!({"roleRef": {"kind": "Role", "name": "a", "apiGroup": ""}, "subjects": subjects}),
        )
    };
    let check = async |desired: &Value| {
        let live = world.cluster.live(desired).await.unwrap();
        let told = match flux::rbac::applied(desired, live.as_ref()) {
            Ok(told) => told,
            Err(unfit) => {
                let refusal = world.refused(desired).await;
                let same = match unfit {
                    flux::rbac::Unfit::Version => refusal == Refusal::KindMissing,
                    flux::rbac::Unfit::Field(_) => matches!(refusal, Refusal::Invalid(_)),
                    flux::rbac::Unfit::Immutable(_) => matches!(refusal, Refusal::Immutable(_)),
                };
                assert!(same, "{refusal:?} {desired}");
                return;
            }
        };
        let stored = world.accepted(desired).await;
        let plain = domain::change::comparable;
        assert_eq!(plain(told), plain(stored), "{desired}");
    };
    let without = |mut object: Value, key: &str| {
        object["metadata"]["labels"] = json!({"stays": "2"});
        object.as_object_mut().unwrap().remove(key);
        object
    };
    let get = || role(json!(["get"]));
    let user =
        json!([{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s", "namespace": "x"}]);
    let bound = || binding(user.clone());
    for (kind, object) in [("roles", get()), ("rolebindings", bound())] {
        check(&object).await;
        world.apply(&path(kind), &object).await;
        check(&object).await;
    }
    for object in [
        role(json!(["get", "list"])),
        without(get(), "rules"),
        without(get(), ""),
        binding(json!([])),
        without(bound(), "subjects"),
        object("Role", json!({"rules": []})),
        object("Role", json!({"rules": [{"verbs": ["get"], "resource": ["pods"]}]})),
        object("RoleBinding", json!({"roleRef": {"kind": "Role", "name": "b"}})),
    ] {
        check(&object).await;
    }
    let mut other = bound();
    other["apiVersion"] = json!("rbac.authorization.k8s.io/v1beta1");
    check(&other).await;
}
