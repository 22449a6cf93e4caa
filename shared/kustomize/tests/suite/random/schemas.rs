//! Random custom resource definitions and OpenAPI documents, by which a kustomization teaches kustomize about kinds.

use serde_json::{Map, Value, json};

use crate::random::dice::Dice;
use crate::random::features::Feature;

/// Both fields, now and then.
pub(crate) fn fields(dice: &mut Dice, files: &mut Map<String, Value>, settings: &mut Map<String, Value>) {
    if dice.wants(Feature::Crds, 4) {
        let path = format!("crd{}.json", files.len());
        files.insert(path.clone(), json!(crd(dice).to_string()));
        settings.insert("crds".to_owned(), json!([path]));
    }
    if dice.wants(Feature::OpenApi, 4) {
        let field = match dice.below(8) {
            0 => json!({ "version": dice.pick(&["v1.21.2", "v1.20.4", "v9"]) }),
            _ => {
                let path = format!("schema{}.json", files.len());
                files.insert(path.clone(), json!(schema(dice).to_string()));
                json!({ "path": path })
            }
        };
        settings.insert("openapi".to_owned(), field);
    }
}

/// Definitions with the annotations that kustomize reads.
fn crd(dice: &mut Dice) -> Value {
    let mut name = json!({ "type": "string" });
    let kind = dice.pick(&["ConfigMap", "Secret", "Deployment"]);
    match dice.below(5) {
        0 | 1 => {
            name["x-kubernetes-object-ref-api-version"] = json!("v1");
            name["x-kubernetes-object-ref-kind"] = json!(kind);
        }
        2 => name["x-kubernetes-annotation"] = json!(""),
        3 => name["x-kubernetes-label-selector"] = json!(""),
        _ => name["x-kubernetes-identity"] = json!(""),
    }
    let mut reference = json!({ "$ref": "com/example/v1.Ref" });
    if dice.percent(40) {
        reference = json!({
            "type": "object", "properties": { "name": { "type": "string" } },
            "x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": kind,
            "x-kubernetes-object-ref-name-key": dice.pick(&["name", "other"]),
        });
    }
    json!({
        "com/example/v1.Widget": { "Schema": {
            "description": "a widget",
            "properties": {
                "apiVersion": { "type": "string" }, "kind": { "type": "string" }, "metadata": { "type": "object" },
                "spec": { "$ref": "com/example/v1.WidgetSpec" },
            } }, "Dependencies": [] },
        "com/example/v1.WidgetSpec": { "Schema": { "properties": { "ref": reference, "image": name.clone() } } },
        "com/example/v1.Ref": { "Schema": { "properties": { "name": name } } },
    })
}

/// A document that gives the custom kind merge keys.
fn schema(dice: &mut Dice) -> Value {
    let item = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
    let mut refs = json!({ "type": "array", "items": item });
    if dice.percent(80) {
        refs["x-kubernetes-patch-merge-key"] = json!("name");
        refs["x-kubernetes-patch-strategy"] = json!(dice.pick(&["merge", "merge,retainKeys", "replace"]));
    }
    json!({ "definitions": {
        "com.example.v1.Widget": {
            "type": "object",
            "properties": {
                "spec": { "type": "object", "properties": {
                    "refs": refs,
                    "template": { "$ref": "#/definitions/io.k8s.api.core.v1.PodTemplateSpec" },
                } },
            },
            "x-kubernetes-group-version-kind": [{ "group": "example.com", "kind": "Widget", "version": "v1" }],
        },
        "io.k8s.api.core.v1.PodTemplateSpec": { "type": "object", "properties": { "spec": { "type": "object", "properties": {
            "containers": { "type": "array", "items": item, "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge" },
        } } } },
    } })
}
