//! The fields in which `$(NAME)` of a var is replaced.

use super::table;
use crate::fieldspec::FieldSpec;

/// Kinds with a pod: kind, path to its spec, path to the server of an NFS volume as kustomize has it.
const PODS: &[(&str, &str, &str)] = &[
    ("CronJob", "spec/jobTemplate/spec/template/spec", "spec/jobTemplate/spec/template/volumes/nfs/server"),
    ("DaemonSet", "spec/template/spec", "spec/template/spec/volumes/nfs/server"),
    ("Deployment", "spec/template/spec", "spec/template/spec/volumes/nfs/server"),
    ("Job", "spec/template/spec", "spec/template/spec/volumes/nfs/server"),
    ("Pod", "spec", "spec/volumes/nfs/server"),
    ("ReplicaSet", "spec/template/spec", "spec/template/spec/volumes/nfs/server"),
    ("StatefulSet", "spec/template/spec", "spec/volumeClaimTemplates/spec/nfs/server"),
];

pub(super) fn var_references() -> Vec<FieldSpec> {
    let mut specs = table(&[
        ("", "", "Deployment", "spec/template/metadata/annotations", false),
        ("", "", "Ingress", "spec/rules/host", false),
        ("", "", "Ingress", "spec/tls/hosts", false),
        ("", "", "Ingress", "spec/tls/secretName", false),
        ("", "", "Service", "spec/ports/port", false),
        ("", "", "Service", "spec/ports/targetPort", false),
        ("", "", "PersistentVolume", "spec/nfs/server", false),
        ("", "", "", "metadata/labels", false),
        ("", "", "", "metadata/annotations", false),
    ]);
    for (kind, pod, server) in PODS {
        for containers in ["containers", "initContainers"] {
            for field in ["args", "command", "env/value", "volumeMounts/mountPath"] {
                let path = format!("{pod}/{containers}/{field}");
                specs.push(FieldSpec::new("", "", kind, &path, false));
            }
        }
        specs.push(FieldSpec::new("", "", kind, server, false));
    }
    specs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_named_twice() {
        let specs = var_references();
        let distinct: std::collections::HashSet<_> = specs.iter().map(|s| (&s.gvk, &s.path)).collect();
        assert_eq!((specs.len(), distinct.len()), (72, 72));
    }
}
