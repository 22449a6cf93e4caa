//! What a cluster holds before the sample's merge: Flux's own objects with their status, and the objects Flux applied.

use serde_json::{Value, json};

const NAMESPACE: &str = "flux-system";
const SYSTEM: &[(&str, &str)] = &[
    ("flux-system_flux-system_source.toolkit.fluxcd.io_GitRepository", "v1"),
    ("flux-system_apps_kustomize.toolkit.fluxcd.io_Kustomization", "v1"),
    ("flux-system_flux-system_kustomize.toolkit.fluxcd.io_Kustomization", "v1"),
    ("flux-system_infrastructure_kustomize.toolkit.fluxcd.io_Kustomization", "v1"),
];
const INFRASTRUCTURE: &[(&str, &str)] = &[
    ("_platform__Namespace", "v1"),
    ("_shop__Namespace", "v1"),
    ("shop_shop__ResourceQuota", "v1"),
    ("shop_default-deny_networking.k8s.io_NetworkPolicy", "v1"),
];
const APPS: &[(&str, &str)] = &[
    ("shop_legacy-redirect__ConfigMap", "v1"),
    ("shop_shop-catalog-settings__ConfigMap", "v1"),
    ("shop_storefront-config-t97hm9dkdd__ConfigMap", "v1"),
    ("shop_shop-catalog-token__Secret", "v1"),
    ("shop_shop-catalog__Service", "v1"),
    ("shop_storefront__Service", "v1"),
    ("shop_shop-catalog_apps_Deployment", "v1"),
    ("shop_storefront_apps_Deployment", "v1"),
    ("shop_storefront_networking.k8s.io_Ingress", "v1"),
];

/// Flux's objects before the merge, with conditions, inventory and revision `main@sha1:<base_sha>`: the GitRepository and the three
/// Kustomizations `flux-system`, `infrastructure` and `apps`. `status` needs the status subresource on a real API server.
pub fn cluster_objects(git_url: &str, base_sha: &str) -> Vec<Value> {
    let revision = format!("main@sha1:{base_sha}");
    let git = json!({"interval": "1m0s", "ref": {"branch": "main"}, "url": git_url, "timeout": "60s"});
    let source = json!({
        "conditions": [ready("Succeeded", &format!("stored artifact for revision '{revision}'"))],
        "observedGeneration": 1,
        "artifact": {
            "revision": revision, "path": "gitrepository/flux-system/flux-system/latest.tar.gz",
            "url": "http://source-controller.flux-system.svc.cluster.local./gitrepository/flux-system/flux-system/latest.tar.gz",
            "digest": format!("sha256:{}", "0".repeat(64)), "lastUpdateTime": TIME, "size": 4096,
        },
    });
    let from = json!({"kind": "GitRepository", "name": "flux-system"});
    let spec = |path: &str, interval: &str| json!({"interval": interval, "path": path, "prune": true, "sourceRef": from});
    let (system, mut infrastructure, mut apps) = (
        spec("./clusters/production", "10m0s"),
        spec("./infrastructure", "1h0m0s"),
        spec("./apps/production", "10m0s"),
    );
    infrastructure["wait"] = json!(true);
    apps["dependsOn"] = json!([{"name": "infrastructure"}]);
    apps["timeout"] = json!("5m0s");
    apps["postBuild"] = json!({"substitute": {"cluster_name": "production", "domain": "shop.acme.example"}});
    let status = |inventory: &[(&str, &str)]| kustomization_status(&revision, inventory);
    vec![
        flux("source.toolkit.fluxcd.io/v1", "GitRepository", "flux-system", git, source),
        flux(KUSTOMIZE, "Kustomization", "flux-system", system, status(SYSTEM)),
        flux(KUSTOMIZE, "Kustomization", "infrastructure", infrastructure, status(INFRASTRUCTURE)),
        flux(KUSTOMIZE, "Kustomization", "apps", apps, status(APPS)),
    ]
}

const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io/v1";
const TIME: &str = "2023-11-14T22:13:20Z";

fn ready(reason: &str, message: &str) -> Value {
    json!({"type": "Ready", "status": "True", "reason": reason, "message": message, "lastTransitionTime": TIME, "observedGeneration": 1})
}

fn flux(api_version: &str, kind: &str, name: &str, spec: Value, status: Value) -> Value {
    let metadata = json!({"name": name, "namespace": NAMESPACE, "labels": owner("flux-system")});
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec, "status": status})
}

fn kustomization_status(revision: &str, inventory: &[(&str, &str)]) -> Value {
    let entries: Vec<Value> = inventory.iter().map(|(id, version)| json!({"id": id, "v": version})).collect();
    json!({
        "conditions": [ready("ReconciliationSucceeded", &format!("Applied revision: {revision}"))],
        "inventory": {"entries": entries}, "lastAppliedRevision": revision, "lastAttemptedRevision": revision, "observedGeneration": 1,
    })
}

/// The labels that kustomize-controller puts on what a Kustomization owns.
fn owner(kustomization: &str) -> Value {
    json!({"kustomize.toolkit.fluxcd.io/name": kustomization, "kustomize.toolkit.fluxcd.io/namespace": NAMESPACE})
}

/// The objects that Flux applied from the base branch and that the pull request changes or removes without rendering them the same:
/// the namespaces, and what would be pruned, with the owner's labels. The rest is applied by whoever renders the base.
pub fn rendered_before() -> Vec<Value> {
    let namespace = |name: &str| {
        let mut labels = owner("infrastructure");
        labels["acme.example/layer"] = json!("infrastructure");
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    };
    let config = |name: &str, data: Value| {
        let mut labels = owner("apps");
        labels["acme.example/env"] = json!("production");
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop", "labels": labels}, "data": data})
    };
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        namespace("platform"),
        namespace("shop"),
        config("legacy-redirect", json!({"from": "old.shop.acme.example", "to": "www.shop.acme.example"})),
        config(
            "storefront-config-t97hm9dkdd",
            json!({"CATALOG_ADDRESS": "shop-catalog:9090", "THEME": "autumn"}),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::base_files;

    #[test]
    fn the_live_specs_are_those_of_the_files() {
        let text = |path: &str| {
            let file = base_files("http://git").into_iter().find(|c| c.path == path);
            match file.map(|c| c.what) {
                Some(crate::github::What::File(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
                _ => String::new(),
            }
        };
        let objects = cluster_objects("http://git", &"a".repeat(40));
        for (object, file) in
            objects.iter().zip(["flux-system/gotk-sync", "flux-system/gotk-sync", "infrastructure", "apps"])
        {
            let text = text(&format!("clusters/production/{file}.yaml"));
            let line = |name: &str| object["spec"][name].as_str().map(|v| format!("{name}: {v}"));
            for wanted in ["path", "url", "interval"].into_iter().filter_map(line) {
                assert!(text.contains(&wanted), "{file}: {wanted}");
            }
        }
    }
}
