//! Objects of many kinds with random fields, and the states that are made on purpose.

use serde_json::{Value, json};

use super::{Case, Random, Write};

/// How many kinds there are.
pub(super) const SHAPES: usize = 21;

/// An object of one kind. Two calls for the same number give two versions of the same object.
pub(super) fn object(random: &mut Random, shape: usize, number: usize, namespace: &str) -> Value {
    let (version, kind, body) = body(random, shape);
    let mut object =
        json!({"apiVersion": version, "kind": kind, "metadata": {"name": format!("{namespace}-{number}")}});
    let scoped = ["ClusterRole", "PriorityClass", "StorageClass", "Namespace", "IngressClass"];
    if !scoped.contains(&kind) {
        object["metadata"]["namespace"] = namespace.into();
        object["metadata"]["name"] = format!("case-{number}").into();
    }
    object.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    object
}

fn body(random: &mut Random, shape: usize) -> (&'static str, &'static str, Value) {
    let word = *random.pick(&["one", "two"]);
    let number = 1 + random.below(2);
    let labels = json!({"app": word});
    let pod = json!({"metadata": {"labels": labels}, "spec": {"containers": [{
        "name": "main", "image": format!("app:{number}"),
        "env": [{"name": "A", "value": word}, {"name": "B", "value": "2"}],
        "ports": [{"containerPort": 80}],
        "resources": {"requests": {"cpu": *random.pick(&["1", "1000m", "0.5"]), "memory": "1Gi"}},
    }]}});
    let selector = json!({"matchLabels": labels});
    match shape {
        0 | 1 => ("v1", "ConfigMap", json!({"data": {"a": word, "b": number.to_string()}})),
        2 => ("v1", "ConfigMap", json!({"data": {"a": word}, "immutable": true})),
        3 => (
            "v1",
            "Secret",
            json!({"type": *random.pick(&["Opaque", "example.test/x"]), "stringData": {"a": word}}),
        ),
        4 => ("v1", "Secret", json!({"data": {"a": *random.pick(&["b25l", "dHdv"])}})),
        5 => (
            "v1",
            "Service",
            json!({"spec": {"selector": labels, "ports": [{"port": 80 * number, "targetPort": "http"}]}}),
        ),
        6 => (
            "v1",
            "Service",
            json!({"spec": {"clusterIP": *random.pick(&["None", "10.0.0.77"]), "selector": labels, "ports": [{"name": word, "port": 80}]}}),
        ),
        7 | 8 => (
            "apps/v1",
            "Deployment",
            json!({"spec": {"replicas": number, "selector": selector, "template": pod}}),
        ),
        9 => (
            "apps/v1",
            "StatefulSet",
            json!({"spec": {"serviceName": word, "selector": {"matchLabels": {"app": "x"}}, "template": {"metadata": {"labels": {"app": "x"}}, "spec": pod["spec"]}}}),
        ),
        10 => ("apps/v1", "DaemonSet", json!({"spec": {"selector": selector, "template": pod}})),
        11 => (
            "batch/v1",
            "Job",
            json!({"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": word}]}}}}),
        ),
        12 => (
            "batch/v1",
            "CronJob",
            json!({"spec": {"schedule": format!("*/{number} * * * *"), "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": word}]}}}}}}),
        ),
        13 => (
            "v1",
            "PersistentVolumeClaim",
            json!({"spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": word, "resources": {"requests": {"storage": format!("{number}Gi")}}}}),
        ),
        14 => (
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": word}, "subjects": [{"kind": "ServiceAccount", "name": word, "namespace": "default"}]}),
        ),
        15 => (
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": [*random.pick(&["get", "list"])]}]}),
        ),
        16 => (
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            json!({"spec": {"maxReplicas": number + 1, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": word}, "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]}}),
        ),
        17 => (
            "networking.k8s.io/v1",
            "Ingress",
            json!({"spec": {"rules": [{"host": format!("{word}.example.test"), "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": word, "port": {"number": 80}}}}]}}]}}),
        ),
        18 => ("scheduling.k8s.io/v1", "PriorityClass", json!({"value": number, "description": word})),
        19 => (
            "storage.k8s.io/v1",
            "StorageClass",
            json!({"provisioner": "example.test/disk", "parameters": {"type": word}}),
        ),
        _ => (
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            json!({"spec": {"interval": *random.pick(&["1m", "60s", "soon"]), "prune": true, "path": word, "sourceRef": {"kind": "GitRepository", "name": word}}}),
        ),
    }
}

/// Most objects are left as they are; some become what no API server takes.
pub(super) fn spoil(random: &mut Random, mut object: Value) -> Value {
    match random.below(24) {
        0 => object["metadata"]["namespace"] = "no-such-namespace".into(),
        1 => object["apiVersion"] = "example.test/v1".into(),
        2 => object["kind"] = "Widget".into(),
        3 => object["metadata"]["name"] = "Not_A_Name".into(),
        4 => object["spec"]["unheardOf"] = 1.into(),
        5 => object["metadata"]["annotations"]["number"] = 1.into(),
        6 => drop(object["metadata"].as_object_mut().unwrap().remove("namespace")),
        7 => object["metadata"]["labels"]["-"] = "not a label!".into(),
        8 => object["metadata"]["labels"]["empty"] = Value::Null,
        9 => object["spec"] = "text".into(),
        _ => {}
    }
    object
}

/// What somebody does to a live object.
pub(super) fn edit(random: &mut Random) -> Value {
    match random.below(9) {
        0 => json!({"metadata": {"labels": {"team": "b"}}}),
        1 => json!({"metadata": {"annotations": {"note": "edited"}}}),
        2 => json!({"data": {"a": "ZWRpdGVk"}}),
        3 => json!({"data": {"more": "ZWRpdGVk"}}),
        4 => json!({"spec": {"replicas": 7}}),
        5 => json!({"metadata": {"finalizers": ["example.test/edited"]}}),
        6 => json!({"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}}),
        7 => json!({"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/force": "enabled"}}}),
        _ => json!({"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/ssa": "IGNORE"}}}),
    }
}

/// States that are made on purpose, and the verdict on each.
pub(crate) fn corners(namespace: &str) -> Vec<(&'static str, Case)> {
    let map = |name: &str, metadata: Value| {
        let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": {"a": "b"}});
        object["metadata"].as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
        object
    };
    let case = |writes: Vec<Write>, desired: Value| Case { desired, writes, force: false, ignore: json!([]) };
    let flux = |object: Value| Write::Apply(super::FLUX, object);
    let changed =
        |name: &str| vec![flux(map(name, json!({}))), Write::Edit("x", json!({"data": {"a": "z"}}))];
    let ignoring =
        |name: &str, rule: Value| Case { ignore: json!([rule]), ..case(changed(name), map(name, json!({}))) };
    let finalizer = json!({"finalizers": ["example.test/keep"]});
    let owner =
        json!({"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "1-2"}]});
    let plain = json!({});
    let drifted = Write::Edit("kubectl-edit", json!({"data": {"c": "d"}}));
    let excluded = Write::Edit(
        "x",
        json!({"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "DISABLED"}}}),
    );
    let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}});
    let scaler = |name: &str, metrics: Value| {
        json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name, "namespace": namespace},
            "spec": {"maxReplicas": 2, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}, "metrics": metrics}})
    };
    let (once, twice) = (json!([cpu]), json!([cpu, cpu]));
    vec![
        ("unchanged", case(vec![flux(scaler("repeats", once.clone()))], scaler("repeats", twice.clone()))),
        ("unchanged", case(vec![flux(scaler("repeated", twice.clone()))], scaler("repeated", once))),
        ("unchanged", case(vec![flux(scaler("twice", twice.clone()))], scaler("twice", twice))),
        ("created", case(vec![], map("new", plain.clone()))),
        ("unchanged", case(vec![flux(map("same", plain.clone()))], map("same", plain.clone()))),
        // Flux looks at labels, annotations and what is outside the metadata.
        ("unchanged", case(vec![flux(map("finalizer", plain.clone()))], map("finalizer", finalizer))),
        ("unchanged", case(vec![flux(map("owner", plain.clone()))], map("owner", owner))),
        (
            "unchanged",
            case(vec![flux(map("foreign", plain.clone())), drifted], map("foreign", plain.clone())),
        ),
        (
            "skipped",
            case(
                vec![flux(map("excluded", plain.clone())), excluded],
                map("excluded", json!({"labels": {"a": "b"}})),
            ),
        ),
        ("unchanged", ignoring("ignored", json!({"paths": ["/data/a"]}))),
        // The whole object is no path, and neither is what does not begin with a slash.
        ("configured", ignoring("whole", json!({"paths": [""]}))),
        ("configured", ignoring("slash", json!({"paths": ["data/a"]}))),
        ("unchanged", ignoring("both", json!({"paths": ["", "/data/a", "/data/none"]}))),
        ("configured", ignoring("anchored", json!({"paths": ["/data/a"], "target": {"name": "anchor"}}))),
        ("error", ignoring("pattern", json!({"paths": ["/data/a"], "target": {"name": "("}}))),
    ]
}
