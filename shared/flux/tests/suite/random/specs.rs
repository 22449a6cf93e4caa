//! Random Kustomizations over random objects.

use serde_json::{Value, json};

use super::objects::Kinds;
use crate::oracle::Random;

/// A question for the oracle: files and a Kustomization.
pub(super) fn question(kinds: &Kinds, random: &mut Random) -> Value {
    let mut files = serde_json::Map::new();
    let mut names = Vec::new();
    for i in 0..=random.below(3) {
        let mut object = kinds.object(random);
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        // Labels and annotations that are lists are beyond what kustomize itself reads.
        for field in ["labels", "annotations"] {
            if !object["metadata"][field].is_object() {
                object["metadata"].as_object_mut().unwrap().remove(field);
            }
        }
        object["metadata"]["name"] = format!("n{i}").into();
        names.push(format!("o{i}.yaml"));
        files.insert(format!("apps/o{i}.yaml"), object.to_string().into());
    }
    if random.below(2) == 0 {
        let images = "images: [{name: a, newTag: '1'}, {name: b, newName: c, digest: 'sha256:00'}]";
        let text = format!("resources: [{}]\n{}", names.join(", "), ["", images][random.below(2)]);
        files.insert("apps/kustomization.yaml".into(), text.into());
    }
    let mut spec = json!({"path": "./apps", "sourceRef": {"kind": "GitRepository", "name": "fleet"}});
    let settings = settings();
    for _ in 0..random.below(4) {
        let (field, value) = &settings[random.below(settings.len())];
        spec[*field] = value.clone();
    }
    json!({"op": "render", "files": files, "kustomization": {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "flux-system"}, "spec": spec}})
}

fn settings() -> [(&'static str, Value); 10] {
    let patch = "- {op: add, path: /metadata/annotations, value: {p: q}}";
    [
        ("targetNamespace", json!("other")),
        ("namePrefix", json!("pre-")),
        ("nameSuffix", json!("-post")),
        ("buildMetadata", json!(["originAnnotations", "transformerAnnotations"])),
        (
            "images",
            json!([{"name": "a", "newName": "d"}, {"name": "b", "newTag": "2"}, {"name": "x", "newTag": "1"}]),
        ),
        ("commonMetadata", json!({"labels": {"x": "y"}, "annotations": {"note": "1"}})),
        ("commonMetadata", json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "other"}})),
        ("patches", json!([{"patch": patch, "target": {"name": "n0"}}])),
        ("postBuild", json!({"substitute": {"V": "it's", "PORT": "0777"}})),
        ("postBuild", json!({"substituteStrategy": "Always"})),
    ]
}
