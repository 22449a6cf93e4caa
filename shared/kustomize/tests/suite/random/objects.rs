//! Random Kubernetes objects over many kinds. Names are few, so that references and conflicts come about.

use serde_json::{Map, Value, json};

use crate::random::dice::Dice;
use crate::random::features::Feature;
use crate::random::write::raw;

pub(crate) const NAMES: [&str; 6] = ["app", "web", "db", "cache", "app-config", "app-secret"];
pub(crate) const NAMESPACES: [&str; 3] = ["default", "one", "two"];
pub(crate) const IMAGES: [&str; 9] = [
    "nginx",
    "nginx:1.27",
    "registry.example.com/app",
    "registry.example.com:5000/team/app:v1",
    "app@sha256:0000000000000000000000000000000000000000000000000000000000000000",
    "busybox:latest",
    "app:1.0@sha256:1111111111111111111111111111111111111111111111111111111111111111",
    "docker.io/library/redis:7",
    "app",
];
const TEXTS: [&str; 16] = [
    "hello",
    "two words",
    "",
    "yes",
    "1",
    "a: b",
    "# no comment",
    "$(NAME) and $(OTHER)",
    "${cluster}",
    "line one\nline two\n",
    "first\n  indented\n\nlast",
    "it's \"quoted\"",
    "trailing blank ",
    "{\"a\": [1, 2]}",
    "a long text that goes on and on so that whoever folds lines has a reason to do so when it is written",
    "ümläut ✓",
];
const ODD: [&str; 27] = [
    "0777",
    "0o17",
    "0x1F",
    "1_000",
    "1e3",
    "1.50",
    ".5",
    "-0",
    "+12",
    "08",
    "012",
    "2020-01-01",
    "yes",
    "off",
    "~",
    "null",
    "True",
    "1.0",
    "12345678901234567890",
    "1e400",
    "0b101",
    "!!str 12",
    "!!int \"3\"",
    "=",
    "12:30:45",
    "NULL",
    "!!binary aGVsbG8=",
];

/// An object that was written, and what refers to it.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) value: Value,
}

impl Made {
    pub(crate) fn kind(&self) -> &str {
        self.value["kind"].as_str().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &str {
        self.value["metadata"]["name"].as_str().unwrap_or_default()
    }

    pub(crate) fn namespace(&self) -> &str {
        self.value["metadata"]["namespace"].as_str().unwrap_or_default()
    }

    pub(crate) fn api_version(&self) -> &str {
        self.value["apiVersion"].as_str().unwrap_or_default()
    }

    pub(crate) fn group(&self) -> &str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }
}

/// A text as it comes in data, annotations and arguments.
pub(crate) fn text(dice: &mut Dice) -> Value {
    if dice.wants(Feature::OddScalars, 3) {
        let known = if dice.rare(10) { ODD.len() } else { ODD.len() - 2 };
        return raw(ODD[dice.below(known)]);
    }
    json!(TEXTS[dice.below(TEXTS.len())])
}

/// A value of any form.
pub(crate) fn any(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(if depth == 0 { 6 } else { 9 }) {
        0..=2 => text(dice),
        3 => json!(dice.below(100)),
        4 => json!(dice.percent(50)),
        5 => json!("plain"),
        6 => (0..dice.below(3)).map(|_| any(dice, depth - 1)).collect(),
        _ => {
            let keys = ["a", "b", "key.with.dots", "name", "x/y"];
            (0..dice.between(0, 3)).map(|_| (dice.pick(&keys).to_owned(), any(dice, depth - 1))).collect()
        }
    }
}

pub(crate) fn name(dice: &mut Dice) -> String {
    dice.pick(&NAMES).to_owned()
}

pub(crate) fn labels(dice: &mut Dice) -> Value {
    let mut labels = Map::new();
    for _ in 0..dice.between(1, 2) {
        let key = dice.pick(&["app", "tier", "app.kubernetes.io/name", "team"]);
        labels.insert(key.to_owned(), json!(dice.pick(&["web", "db", "true", "a-b"])));
    }
    Value::Object(labels)
}

/// The kinds, with how often they come.
const KINDS: [&str; 34] = [
    "Deployment",
    "Deployment",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "CronJob",
    "Job",
    "Pod",
    "Service",
    "Service",
    "Ingress",
    "ConfigMap",
    "ConfigMap",
    "Secret",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "HorizontalPodAutoscaler",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "Namespace",
    "CustomResourceDefinition",
    "HelmRelease",
    "Kustomization",
    "Widget",
    "Widget",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "StorageClass",
    "ValidatingWebhookConfiguration",
    "APIService",
    "IngressOld",
];

/// A random object.
pub(crate) fn object(dice: &mut Dice) -> Value {
    let kind = KINDS[dice.below(KINDS.len())];
    object_of(dice, kind)
}

/// A random object of that kind.
pub(crate) fn object_of(dice: &mut Dice, kind: &str) -> Value {
    let (api_version, spec) = body(dice, kind);
    let mut value = json!({
        "apiVersion": api_version,
        "kind": if kind == "IngressOld" { "Ingress" } else { kind },
        "metadata": metadata(dice),
    });
    if let (Value::Object(value), Value::Object(spec)) = (&mut value, spec) {
        value.extend(spec);
    }
    value
}

fn metadata(dice: &mut Dice) -> Value {
    let mut metadata = json!({ "name": name(dice) });
    if dice.percent(25) {
        metadata["namespace"] = json!(dice.pick(&NAMESPACES));
    }
    if dice.percent(35) {
        metadata["labels"] = labels(dice);
    }
    if dice.percent(25) {
        metadata["annotations"] = annotations(dice);
    }
    if dice.percent(4) {
        metadata[dice.pick(&["labels", "annotations"])] = [json!({}), Value::Null][dice.below(2)].clone();
    }
    if dice.wants(Feature::LocalConfig, 2) {
        metadata["annotations"]["config.kubernetes.io/local-config"] = json!(dice.pick(&["true", "false"]));
    }
    if dice.percent(5) {
        metadata["finalizers"] = json!(["example.com/a", "example.com/b"]);
    }
    metadata
}

fn annotations(dice: &mut Dice) -> Value {
    let keys =
        ["note", "example.com/hash", "a", "kustomize.config.k8s.io/behavior-not", "prometheus.io/port"];
    (0..dice.between(1, 3)).map(|_| (dice.pick(&keys).to_owned(), text(dice))).collect()
}

fn workload(dice: &mut Dice) -> Value {
    let mut spec = json!({ "template": template(dice) });
    if dice.percent(60) {
        spec["replicas"] = json!(dice.below(4));
    }
    if dice.percent(70) {
        spec["selector"] = json!({ "matchLabels": labels(dice) });
    }
    spec
}

fn template(dice: &mut Dice) -> Value {
    let mut template = json!({ "spec": pod(dice) });
    if dice.percent(60) {
        template["metadata"] = json!({ "labels": labels(dice) });
    }
    if dice.percent(15) {
        template["metadata"]["annotations"] = annotations(dice);
    }
    template
}

pub(crate) fn pod(dice: &mut Dice) -> Value {
    let mut pod = json!({});
    let names = ["app", "sidecar", "init"];
    let count = dice.between(1, 3);
    pod["containers"] = names[..count].iter().map(|name| container(dice, name)).collect();
    if dice.percent(20) {
        pod["initContainers"] = json!([container(dice, "init")]);
    }
    if dice.percent(40) {
        pod["volumes"] = (0..dice.between(1, 3)).map(|at| volume(dice, &format!("v{at}"))).collect();
    }
    if dice.percent(20) {
        pod["serviceAccountName"] = json!(name(dice));
    }
    if dice.percent(10) {
        pod["imagePullSecrets"] = json!([{ "name": name(dice) }]);
    }
    if dice.percent(10) {
        pod["topologySpreadConstraints"] = json!([{
            "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": dice.pick(&["DoNotSchedule", "ScheduleAnyway"]),
            "labelSelector": { "matchLabels": labels(dice) },
        }]);
    }
    if dice.percent(8) {
        pod["tolerations"] =
            json!([{ "key": "a", "operator": "Exists" }, { "key": "b", "effect": "NoSchedule" }]);
    }
    if dice.percent(8) {
        pod["hostAliases"] = json!([{ "ip": "10.0.0.1", "hostnames": ["a", "b"] }]);
    }
    if dice.percent(8) {
        pod["affinity"] = json!({ "podAntiAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [{
            "weight": 1, "podAffinityTerm": { "topologyKey": "host", "labelSelector": { "matchLabels": labels(dice) } },
        }] } });
    }
    pod
}

fn container(dice: &mut Dice, name: &str) -> Value {
    let mut container = json!({ "name": name, "image": dice.pick(&IMAGES) });
    if dice.percent(40) {
        container["ports"] = (0..dice.between(1, 3)).map(|_| port(dice)).collect();
    }
    if dice.percent(40) {
        container["env"] = (0..dice.between(1, 3)).map(|at| variable(dice, at)).collect();
    }
    if dice.percent(20) {
        let from = dice.pick(&["configMapRef", "secretRef"]);
        container["envFrom"] = json!([{ from: { "name": self::name(dice) } }]);
    }
    if dice.percent(25) {
        container["args"] = (0..dice.between(1, 3)).map(|_| text(dice)).collect();
    }
    if dice.percent(20) {
        container["volumeMounts"] = (0..dice.between(1, 2))
            .map(|at| json!({ "name": format!("v{at}"), "mountPath": format!("/m/{at}") }))
            .collect();
    }
    if dice.percent(20) {
        container["resources"] =
            json!({ "limits": { "cpu": raw("1"), "memory": "1Gi" }, "requests": { "cpu": "100m" } });
    }
    container
}

fn port(dice: &mut Dice) -> Value {
    let mut port = json!({ "containerPort": 8080 + dice.below(2) });
    if dice.percent(50) {
        port["name"] = json!(dice.pick(&["http", "dns", "admin"]));
    }
    if dice.percent(50) {
        port["protocol"] = json!(dice.pick(&["TCP", "UDP"]));
    }
    port
}

fn variable(dice: &mut Dice, at: usize) -> Value {
    let key = ["A", "B", "C"][at % 3];
    match dice.below(4) {
        0 => json!({ "name": key, "valueFrom": { "configMapKeyRef": { "name": name(dice), "key": "k" } } }),
        1 => json!({ "name": key, "valueFrom": { "secretKeyRef": { "name": name(dice), "key": "k" } } }),
        _ => json!({ "name": key, "value": text(dice) }),
    }
}

fn volume(dice: &mut Dice, name: &str) -> Value {
    let to = self::name(dice);
    match dice.below(5) {
        0 => json!({ "name": name, "configMap": { "name": to } }),
        1 => json!({ "name": name, "secret": { "secretName": to } }),
        2 => json!({ "name": name, "persistentVolumeClaim": { "claimName": to } }),
        3 => {
            json!({ "name": name, "projected": { "sources": [{ "configMap": { "name": to } }, { "secret": { "name": to } }] } })
        }
        _ => json!({ "name": name, "emptyDir": {} }),
    }
}

pub(crate) fn data(dice: &mut Dice) -> Value {
    let keys = ["k", "config.yaml", "a.b", "KEY", "list"];
    (0..dice.between(1, 4)).map(|_| (dice.pick(&keys).to_owned(), text(dice))).collect()
}

/// The version of a kind, and the fields of an object besides those that all have.
fn body(dice: &mut Dice, kind: &str) -> (&'static str, Value) {
    let other = name(dice);
    match kind {
        "Deployment" | "DaemonSet" => ("apps/v1", json!({ "spec": workload(dice) })),
        "StatefulSet" => {
            let mut spec = workload(dice);
            spec["serviceName"] = json!(other);
            spec["volumeClaimTemplates"] =
                json!([{ "metadata": { "name": "data" }, "spec": { "accessModes": ["ReadWriteOnce"] } }]);
            ("apps/v1", json!({ "spec": spec }))
        }
        "CronJob" => (
            ["batch/v1", "batch/v1beta1"][dice.below(2)],
            json!({ "spec": { "schedule": "* * * * *", "jobTemplate": { "spec": { "template": template(dice) } } } }),
        ),
        "Job" => ("batch/v1", json!({ "spec": { "template": template(dice) } })),
        "Pod" => ("v1", json!({ "spec": pod(dice) })),
        "Service" => {
            let ports: Value = (0..dice.between(1, 3))
                .map(|at| json!({ "port": 80 + dice.below(2), "name": format!("p{at}"), "protocol": dice.pick(&["TCP", "UDP"]) }))
                .collect();
            ("v1", json!({ "spec": { "selector": labels(dice), "ports": ports } }))
        }
        "Ingress" => (
            "networking.k8s.io/v1",
            json!({ "spec": {
                "rules": [{ "host": "a.example.com", "http": { "paths": [{ "path": "/", "pathType": "Prefix",
                    "backend": { "service": { "name": other, "port": { "number": 80 } } } }] } }],
                "tls": [{ "secretName": name(dice), "hosts": ["a.example.com"] }],
            } }),
        ),
        "IngressOld" => (
            "extensions/v1beta1",
            json!({ "spec": { "backend": { "serviceName": other, "servicePort": 80 } } }),
        ),
        "ConfigMap" => ("v1", json!({ "data": data(dice) })),
        "Secret" => ("v1", json!({ "type": "Opaque", "stringData": data(dice) })),
        "ServiceAccount" => {
            ("v1", json!({ "secrets": [{ "name": other }], "imagePullSecrets": [{ "name": name(dice) }] }))
        }
        "Role" | "ClusterRole" => (
            "rbac.authorization.k8s.io/v1",
            json!({ "rules": [{ "apiGroups": [""], "resources": ["secrets"], "resourceNames": [other, name(dice)], "verbs": ["get"] }] }),
        ),
        "RoleBinding" | "ClusterRoleBinding" => ("rbac.authorization.k8s.io/v1", binding(dice, &other)),
        "HorizontalPodAutoscaler" => (
            "autoscaling/v2",
            json!({ "spec": { "scaleTargetRef": { "apiVersion": "apps/v1", "kind": dice.pick(&["Deployment", "StatefulSet"]), "name": other },
                "metrics": [{ "type": "Resource", "resource": { "name": "cpu" } }] } }),
        ),
        "PersistentVolumeClaim" => {
            ("v1", json!({ "spec": { "volumeName": other, "storageClassName": name(dice) } }))
        }
        "PersistentVolume" => (
            "v1",
            json!({ "spec": { "capacity": { "storage": "1Gi" },
            "claimRef": { "name": other, "namespace": dice.pick(&NAMESPACES) } } }),
        ),
        "Namespace" => ("v1", json!({})),
        "CustomResourceDefinition" => (
            "apiextensions.k8s.io/v1",
            json!({ "spec": { "group": "example.com",
            "names": { "kind": "Widget", "plural": "widgets" }, "scope": "Namespaced",
            "versions": [{ "name": "v1", "served": true, "storage": true }],
            "conversion": { "strategy": "Webhook", "webhook": { "clientConfig": { "service": { "name": other, "namespace": "one" } } } } } }),
        ),
        "HelmRelease" => (
            "helm.toolkit.fluxcd.io/v2",
            json!({ "spec": {
            "chart": { "spec": { "chart": "x", "sourceRef": { "kind": "HelmRepository", "name": other } } },
            "valuesFrom": [{ "kind": "ConfigMap", "name": name(dice) }], "values": any(dice, 3) } }),
        ),
        "Kustomization" => (
            "kustomize.toolkit.fluxcd.io/v1",
            json!({ "spec": {
            "path": "./x", "dependsOn": [{ "name": other }], "sourceRef": { "kind": "GitRepository", "name": "x" },
            "postBuild": { "substituteFrom": [{ "kind": "ConfigMap", "name": name(dice) }] },
            "images": [{ "name": "nginx", "newTag": "1" }] } }),
        ),
        "NetworkPolicy" => (
            "networking.k8s.io/v1",
            json!({ "spec": { "podSelector": { "matchLabels": labels(dice) },
            "ingress": [{ "from": [{ "podSelector": { "matchLabels": labels(dice) } }] }] } }),
        ),
        "PodDisruptionBudget" => (
            "policy/v1",
            json!({ "spec": { "minAvailable": 1, "selector": { "matchLabels": labels(dice) } } }),
        ),
        "StorageClass" => ("storage.k8s.io/v1", json!({ "provisioner": "x" })),
        "ValidatingWebhookConfiguration" => (
            "admissionregistration.k8s.io/v1",
            json!({ "webhooks": [
            { "name": "a.example.com", "clientConfig": { "service": { "name": other, "namespace": dice.pick(&NAMESPACES) } } }] }),
        ),
        "APIService" => (
            "apiregistration.k8s.io/v1",
            json!({ "spec": { "service": { "name": other, "namespace": "one" } } }),
        ),
        _ => (
            "example.com/v1",
            json!({ "spec": { "ref": { "name": other }, "refs": [{ "name": name(dice) }],
            "image": dice.pick(&IMAGES), "replicas": 2, "template": template(dice), "free": any(dice, 3) } }),
        ),
    }
}

fn binding(dice: &mut Dice, role: &str) -> Value {
    let subjects: Value = (0..dice.between(1, 2))
        .map(|_| {
            let mut subject = json!({ "kind": dice.pick(&["ServiceAccount", "User", "Group"]), "name": dice.pick(&["default", "app", "web"]) });
            if dice.percent(60) {
                subject["namespace"] = json!(dice.pick(&NAMESPACES));
            }
            subject
        })
        .collect();
    let kind = dice.pick(&["Role", "ClusterRole"]);
    json!({ "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role }, "subjects": subjects })
}
