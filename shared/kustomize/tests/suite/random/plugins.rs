//! Random configurations of built-in generators, transformers and validators, inline, in files and in directories.

use serde_json::{Map, Value, json};

use crate::random::dice::Dice;
use crate::random::features::Feature;
use crate::random::objects::{self, Made, NAMESPACES};
use crate::random::patches::{strategic, target};
use crate::random::write::write;
use crate::random::{generated, settings, values};

/// The three fields, now and then.
pub(crate) fn fields(
    dice: &mut Dice,
    made: &[Made],
    files: &mut Map<String, Value>,
    settings: &mut Map<String, Value>,
) {
    for (feature, field, percent) in [
        (Feature::Generators, "generators", 5),
        (Feature::Transformers, "transformers", 12),
        (Feature::Validators, "validators", 3),
    ] {
        if !made.is_empty() && dice.wants(feature, percent) {
            let list = (0..dice.between(1, 2)).map(|_| entry(dice, feature, made, files)).collect();
            settings.insert(field.to_owned(), list);
        }
    }
}

/// One entry: the text itself, a file, or a directory.
fn entry(dice: &mut Dice, feature: Feature, made: &[Made], files: &mut Map<String, Value>) -> Value {
    let configured = match feature {
        Feature::Generators => generator(dice, made, files),
        _ => transformer(dice, made, files),
    };
    let text = write(dice, &configured);
    match dice.below(5) {
        0 | 1 => json!(text),
        2 => {
            let dir = format!("plugin{}", files.len());
            let kustomization = json!({ "resources": ["it.yaml"], "namePrefix": dice.pick(&["x-", "y-"]) });
            files.insert(format!("{dir}/kustomization.yaml"), kustomization);
            files.insert(format!("{dir}/it.yaml"), json!(text));
            json!(dir)
        }
        _ => {
            let path = format!("plugin{}.yaml", files.len());
            files.insert(path.clone(), json!(text));
            json!(path)
        }
    }
}

fn configured(kind: &str, name: &str, rest: Value) -> Value {
    let mut value = json!({ "apiVersion": "builtin", "kind": kind, "metadata": { "name": name } });
    if let (Value::Object(value), Value::Object(rest)) = (&mut value, rest) {
        value.extend(rest);
    }
    value
}

fn generator(dice: &mut Dice, made: &[Made], files: &mut Map<String, Value>) -> Value {
    if dice.percent(15) {
        let account = json!({ "name": "account" });
        return configured(
            "IAMPolicyGenerator",
            "iam",
            json!({
                "cloud": dice.pick(&["gke", "aws"]),
                "kubernetesService": account,
                "serviceAccount": { "name": "sa", "projectId": "p" },
                "projectId": "p",
            }),
        );
    }
    let secret = dice.percent(40);
    let mut rest = generated::generator(dice, secret, made, files);
    let name = rest["name"].as_str().unwrap_or_default().to_owned();
    let namespace = rest.as_object_mut().unwrap().remove("namespace");
    rest.as_object_mut().unwrap().remove("name");
    let mut value = configured(if secret { "SecretGenerator" } else { "ConfigMapGenerator" }, &name, rest);
    if let Some(namespace) = namespace {
        value["metadata"]["namespace"] = namespace;
    }
    value
}

fn specs(dice: &mut Dice) -> Value {
    (0..dice.between(1, 2)).map(|_| settings::field(dice)).collect()
}

fn transformer(dice: &mut Dice, made: &[Made], files: &mut Map<String, Value>) -> Value {
    let of = &made[dice.below(made.len())];
    match dice.below(15) {
        0 => configured(
            "PrefixTransformer",
            "p",
            json!({ "prefix": "t-", "fieldSpecs": [{ "path": "metadata/name" }] }),
        ),
        1 => configured(
            "SuffixTransformer",
            "s",
            json!({ "suffix": "-t", "fieldSpecs": [{ "path": "metadata/name" }] }),
        ),
        2 => configured(
            "PrefixSuffixTransformer",
            "ps",
            json!({ "prefix": "t-", "suffix": "-t", "fieldSpecs": [{ "path": "metadata/name" }] }),
        ),
        3 | 4 => namespace(dice),
        5 => configured(
            "LabelTransformer",
            "l",
            json!({ "labels": objects::labels(dice), "fieldSpecs": labelled(dice) }),
        ),
        6 => configured(
            "AnnotationsTransformer",
            "a",
            json!({ "annotations": { "t": "x" }, "fieldSpecs": [{ "path": "metadata/annotations", "create": true }] }),
        ),
        7 => configured(
            "ImageTagTransformer",
            "i",
            json!({ "imageTag": settings::image(dice), "fieldSpecs": specs(dice) }),
        ),
        8 => configured(
            "ReplicaCountTransformer",
            "r",
            json!({
            "replica": settings::replicas(dice, made).map(|list| list[0].clone()), "fieldSpecs": [{ "path": "spec/replicas", "create": dice.percent(50), "kind": "Deployment" }] }),
        ),
        9 => {
            let patch = strategic(dice, of);
            let text = write(dice, &patch);
            configured("PatchTransformer", "pt", json!({ "patch": text, "target": target(dice, of, true) }))
        }
        10 => {
            let operations = json!([{ "op": "add", "path": "/metadata/labels/json", "value": "x" }]);
            configured(
                "PatchJson6902Transformer",
                "pj",
                json!({ "jsonOp": operations.to_string(), "target": target(dice, of, false) }),
            )
        }
        11 => {
            let patch = strategic(dice, of);
            let text = write(dice, &patch);
            if dice.percent(50) {
                return configured("PatchStrategicMergeTransformer", "ps", json!({ "patches": text }));
            }
            let path = format!("plugin-patch{}.yaml", files.len());
            files.insert(path.clone(), json!(text));
            configured("PatchStrategicMergeTransformer", "ps", json!({ "paths": [path] }))
        }
        12 if dice.wants(Feature::Replacements, 100) => configured(
            "ReplacementTransformer",
            "rt",
            json!({ "replacements": [values::replacement(dice, made)] }),
        ),
        13 => configured(
            "ValueAddTransformer",
            "va",
            json!({
                "value": dice.pick(&["added", "more"]),
                "targets": [{ "selector": target(dice, of, true), "fieldPath": dice.pick(&["/metadata/namespace", "/spec/free/a", "/metadata/labels/x"]) }],
            }),
        ),
        _ => configured(
            dice.pick(&["HashTransformer", "SortOrderTransformer", "Unknown", "ConfigMapGenerator"]),
            "x",
            json!({}),
        ),
    }
}

fn namespace(dice: &mut Dice) -> Value {
    let mut rest = json!({ "fieldSpecs": [{ "path": "metadata/namespace", "create": true }] });
    if dice.percent(60) {
        rest["unsetOnly"] = json!(dice.percent(70));
    }
    if dice.percent(60) {
        rest["setRoleBindingSubjects"] =
            json!(dice.pick(&["none", "defaultOnly", "allServiceAccounts", "other"]));
    }
    if dice.percent(30) {
        rest["fieldSpecs"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "path": "metadata/name", "kind": "Namespace" }));
    }
    let mut value = configured("NamespaceTransformer", "n", rest);
    if dice.percent(95) {
        value["metadata"]["namespace"] = json!(dice.pick(&NAMESPACES));
    }
    value
}

fn labelled(dice: &mut Dice) -> Value {
    let all = [
        json!({ "path": "metadata/labels", "create": true }),
        json!({ "path": "spec/template/metadata/labels", "create": dice.percent(50), "kind": "Deployment" }),
        settings::field(dice),
    ];
    all[..dice.between(1, 3)].iter().cloned().collect()
}
