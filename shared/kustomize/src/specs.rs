//! The field specs that kustomize has built in. Facts of its behaviour, not of Kubernetes.

mod vars;

use std::sync::{Arc, LazyLock};

use crate::configuration;
use crate::fieldspec::FieldSpec;
use crate::resid::Gvk;

/// The fields each transformer edits, those that hold names of other objects, and those that may refer to vars.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Specs {
    pub(crate) name_prefix: Vec<FieldSpec>,
    pub(crate) name_suffix: Vec<FieldSpec>,
    pub(crate) namespace: Vec<FieldSpec>,
    pub(crate) labels: Vec<FieldSpec>,
    pub(crate) common_labels: Vec<FieldSpec>,
    pub(crate) template_labels: Vec<FieldSpec>,
    pub(crate) common_annotations: Vec<FieldSpec>,
    pub(crate) images: Vec<FieldSpec>,
    pub(crate) replicas: Vec<FieldSpec>,
    pub(crate) name_references: Vec<NameReference>,
    pub(crate) var_references: Vec<FieldSpec>,
}

/// The fields that hold the name of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NameReference {
    pub(crate) target: Gvk,
    pub(crate) referrers: Vec<FieldSpec>,
}

impl Specs {
    /// The built-in specs, one and the same for all builds.
    pub(crate) fn builtin() -> Arc<Self> {
        static BUILTIN: LazyLock<Arc<Specs>> = LazyLock::new(|| {
            let written = Specs::written();
            // Sorted as all that are merged are.
            Arc::new(configuration::merge(Specs::default(), &written).unwrap_or(written))
        });
        Arc::clone(&BUILTIN)
    }

    fn written() -> Self {
        let name = || vec![FieldSpec::new("", "", "", "metadata/name", false)];
        Specs {
            name_prefix: name(),
            name_suffix: name(),
            namespace: table(&[
                ("", "", "Namespace", "metadata/name", true),
                ("apiregistration.k8s.io", "", "APIService", "spec/service/namespace", true),
                (
                    "apiextensions.k8s.io",
                    "",
                    "CustomResourceDefinition",
                    "spec/conversion/webhook/clientConfig/service/namespace",
                    false,
                ),
            ]),
            labels: Vec::new(),
            common_labels: common_labels(),
            template_labels: template_labels(),
            common_annotations: common_annotations(),
            images: images(),
            replicas: ["Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"]
                .iter()
                .map(|kind| FieldSpec::new("", "", kind, "spec/replicas", true))
                .collect(),
            name_references: name_references(),
            var_references: vars::var_references(),
        }
    }
}

/// Group, version, kind, path, whether to create.
type Row<'a> = (&'a str, &'a str, &'a str, &'a str, bool);

fn table(rows: &[Row<'_>]) -> Vec<FieldSpec> {
    rows.iter()
        .map(|(group, version, kind, path, create)| FieldSpec::new(group, version, kind, path, *create))
        .collect()
}

fn template_labels() -> Vec<FieldSpec> {
    table(&[
        ("", "", "", "metadata/labels", true),
        ("", "v1", "ReplicationController", "spec/template/metadata/labels", true),
        ("", "", "Deployment", "spec/template/metadata/labels", true),
        ("", "", "ReplicaSet", "spec/template/metadata/labels", true),
        ("", "", "DaemonSet", "spec/template/metadata/labels", true),
        ("apps", "", "StatefulSet", "spec/template/metadata/labels", true),
        ("apps", "", "StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels", true),
        ("batch", "", "Job", "spec/template/metadata/labels", true),
        ("batch", "", "CronJob", "spec/jobTemplate/metadata/labels", true),
        ("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/labels", true),
    ])
}

fn common_labels() -> Vec<FieldSpec> {
    let mut specs = table(&[
        ("", "v1", "Service", "spec/selector", true),
        ("", "v1", "ReplicationController", "spec/selector", true),
        ("", "", "Deployment", "spec/selector/matchLabels", true),
        ("", "", "ReplicaSet", "spec/selector/matchLabels", true),
        ("", "", "DaemonSet", "spec/selector/matchLabels", true),
        ("apps", "", "StatefulSet", "spec/selector/matchLabels", true),
        ("batch", "", "Job", "spec/selector/matchLabels", false),
        ("batch", "", "CronJob", "spec/jobTemplate/spec/selector/matchLabels", false),
        ("policy", "", "PodDisruptionBudget", "spec/selector/matchLabels", false),
        ("networking.k8s.io", "", "NetworkPolicy", "spec/podSelector/matchLabels", false),
        ("networking.k8s.io", "", "NetworkPolicy", "spec/ingress/from/podSelector/matchLabels", false),
        ("networking.k8s.io", "", "NetworkPolicy", "spec/egress/to/podSelector/matchLabels", false),
    ]);
    for kind in ["Deployment", "StatefulSet"] {
        for affinity in ["podAffinity", "podAntiAffinity"] {
            for rule in [
                "preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm",
                "requiredDuringSchedulingIgnoredDuringExecution",
            ] {
                let path = format!("spec/template/spec/affinity/{affinity}/{rule}/labelSelector/matchLabels");
                specs.push(FieldSpec::new("apps", "", kind, &path, false));
            }
        }
        let path = "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels";
        specs.push(FieldSpec::new("apps", "", kind, path, false));
    }
    specs.extend(template_labels());
    specs
}

fn common_annotations() -> Vec<FieldSpec> {
    table(&[
        ("", "", "", "metadata/annotations", true),
        ("", "v1", "ReplicationController", "spec/template/metadata/annotations", true),
        ("", "", "Deployment", "spec/template/metadata/annotations", true),
        ("", "", "ReplicaSet", "spec/template/metadata/annotations", true),
        ("", "", "DaemonSet", "spec/template/metadata/annotations", true),
        ("", "", "StatefulSet", "spec/template/metadata/annotations", true),
        ("batch", "", "Job", "spec/template/metadata/annotations", true),
        ("batch", "", "CronJob", "spec/jobTemplate/metadata/annotations", true),
        ("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/annotations", true),
    ])
}

fn images() -> Vec<FieldSpec> {
    let mut specs = Vec::new();
    for pod in ["spec", "spec/template/spec"] {
        for path in ["containers[]/image", "initContainers[]/image", "volumes[]/image/reference"] {
            specs.push(FieldSpec::new("", "", "", &format!("{pod}/{path}"), true));
        }
    }
    specs
}

/// Kinds with a pod in them: version, kind, path to the pod's spec.
const PODS: &[(&str, &str, &str)] = &[
    ("v1", "Pod", "spec"),
    ("", "PodTemplate", "template/spec"),
    ("", "Deployment", "spec/template/spec"),
    ("", "ReplicaSet", "spec/template/spec"),
    ("", "DaemonSet", "spec/template/spec"),
    ("", "StatefulSet", "spec/template/spec"),
    ("", "Job", "spec/template/spec"),
    ("", "CronJob", "spec/jobTemplate/spec/template/spec"),
];

/// Kinds with a pod in them, as the specs of service accounts, claims and priority classes list them.
const WORKLOADS: &[(&str, &str)] = &[
    ("Pod", "spec"),
    ("StatefulSet", "spec/template/spec"),
    ("Deployment", "spec/template/spec"),
    ("ReplicationController", "spec/template/spec"),
    ("CronJob", "spec/jobTemplate/spec/template/spec"),
    ("Job", "spec/template/spec"),
    ("DaemonSet", "spec/template/spec"),
];

fn in_pods(paths: &[&str]) -> Vec<FieldSpec> {
    let spec = |(version, kind, pod): &(&str, &str, &str), path: &&str| {
        FieldSpec::new("", version, kind, &format!("{pod}/{path}"), false)
    };
    PODS.iter().flat_map(|pod| paths.iter().map(move |path| spec(pod, path))).collect()
}

fn in_workloads(path: &str) -> Vec<FieldSpec> {
    WORKLOADS
        .iter()
        .map(|(kind, pod)| FieldSpec::new("", "", kind, &format!("{pod}/{path}"), false))
        .collect()
}

fn reference(group: &str, version: &str, kind: &str, parts: &[Vec<FieldSpec>]) -> NameReference {
    let target = Gvk::of(group, version, kind);
    NameReference { target, referrers: parts.concat() }
}

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// In the order in which kustomize applies them.
fn name_references() -> Vec<NameReference> {
    let scaled = || table(&[("", "", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name", false)]);
    vec![
        reference(
            "storage.k8s.io",
            "v1",
            "StorageClass",
            &[table(&[
                ("", "", "PersistentVolume", "spec/storageClassName", false),
                ("", "", "PersistentVolumeClaim", "spec/storageClassName", false),
                ("", "", "StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName", false),
            ])],
        ),
        reference(
            "",
            "v1",
            "ServiceAccount",
            &[
                table(&[
                    (RBAC, "", "RoleBinding", "subjects", false),
                    (RBAC, "", "ClusterRoleBinding", "subjects", false),
                ]),
                in_workloads("serviceAccountName"),
            ],
        ),
        reference(RBAC, "", "Role", &[table(&[(RBAC, "", "RoleBinding", "roleRef/name", false)])]),
        reference(
            RBAC,
            "",
            "ClusterRole",
            &[table(&[
                (RBAC, "", "RoleBinding", "roleRef/name", false),
                (RBAC, "", "ClusterRoleBinding", "roleRef/name", false),
            ])],
        ),
        reference("", "v1", "ConfigMap", &config_map()),
        reference("", "v1", "Secret", &secret()),
        reference("", "v1", "Service", &[service()]),
        reference("scheduling.k8s.io", "v1", "PriorityClass", &[in_workloads("priorityClassName")]),
        reference(
            "",
            "v1",
            "PersistentVolume",
            &[table(&[
                ("", "", "PersistentVolumeClaim", "spec/volumeName", false),
                ("", "", "ClusterRole", "rules/resourceNames", false),
            ])],
        ),
        reference(
            "",
            "v1",
            "PersistentVolumeClaim",
            &[in_workloads("volumes/persistentVolumeClaim/claimName")],
        ),
        reference("", "", "Deployment", &[scaled()]),
        reference("", "", "StatefulSet", &[scaled()]),
        reference(
            ADMISSION,
            "",
            "ValidatingAdmissionPolicy",
            &[table(&[(ADMISSION, "", "ValidatingAdmissionPolicyBinding", "spec/policyName", false)])],
        ),
        // The group is what kustomize has; no object is of it, so the reference never applies.
        reference(
            "networking.k8s.io/v1",
            "v1",
            "IngressClass",
            &[table(&[("", "", "Ingress", "spec/ingressClassName", false)])],
        ),
        reference("", "", "ReplicaSet", &[scaled()]),
        reference("", "", "ReplicationController", &[scaled()]),
    ]
}

fn config_map() -> [Vec<FieldSpec>; 2] {
    let pods = in_pods(&[
        "volumes/configMap/name",
        "containers/env/valueFrom/configMapKeyRef/name",
        "initContainers/env/valueFrom/configMapKeyRef/name",
        "containers/envFrom/configMapRef/name",
        "initContainers/envFrom/configMapRef/name",
        "volumes/projected/sources/configMap/name",
    ]);
    let others = table(&[
        ("", "", "Node", "spec/configSource/configMap", false),
        ("", "", "Role", "rules/resourceNames", false),
        ("", "", "ClusterRole", "rules/resourceNames", false),
        (
            "",
            "",
            "Ingress",
            r"metadata/annotations/nginx.ingress.kubernetes.io\/fastcgi-params-configmap",
            false,
        ),
    ]);
    [pods, others]
}

fn secret() -> [Vec<FieldSpec>; 2] {
    let pods = in_pods(&[
        "volumes/secret/secretName",
        "containers/env/valueFrom/secretKeyRef/name",
        "initContainers/env/valueFrom/secretKeyRef/name",
        "containers/envFrom/secretRef/name",
        "initContainers/envFrom/secretRef/name",
        "imagePullSecrets/name",
        "volumes/projected/sources/secret/name",
    ]);
    let others = table(&[
        ("", "", "Ingress", "spec/tls/secretName", false),
        ("", "", "Ingress", r"metadata/annotations/ingress.kubernetes.io\/auth-secret", false),
        ("", "", "Ingress", r"metadata/annotations/nginx.ingress.kubernetes.io\/auth-secret", false),
        ("", "", "Ingress", r"metadata/annotations/nginx.ingress.kubernetes.io\/auth-tls-secret", false),
        ("", "", "ServiceAccount", "imagePullSecrets/name", false),
        ("", "", "StorageClass", "parameters/secretName", false),
        ("", "", "StorageClass", "parameters/adminSecretName", false),
        ("", "", "StorageClass", "parameters/userSecretName", false),
        ("", "", "StorageClass", "parameters/secretRef", false),
        ("", "", "Role", "rules/resourceNames", false),
        ("", "", "ClusterRole", "rules/resourceNames", false),
        (
            "serving.knative.dev",
            "v1",
            "Service",
            "spec/template/spec/containers/env/valueFrom/secretKeyRef/name",
            false,
        ),
        ("", "", "PersistentVolume", "spec/azureFile/secretName", false),
    ]);
    [pods, others]
}

fn service() -> Vec<FieldSpec> {
    table(&[
        ("apps", "", "StatefulSet", "spec/serviceName", false),
        ("", "", "Ingress", "spec/rules/http/paths/backend/serviceName", false),
        ("", "", "Ingress", "spec/backend/serviceName", false),
        ("", "", "Ingress", "spec/rules/http/paths/backend/service/name", false),
        ("", "", "Ingress", "spec/defaultBackend/service/name", false),
        ("apiregistration.k8s.io", "", "APIService", "spec/service/name", false),
        (ADMISSION, "", "ValidatingWebhookConfiguration", "webhooks/clientConfig/service", false),
        (ADMISSION, "", "MutatingWebhookConfiguration", "webhooks/clientConfig/service", false),
    ])
}
