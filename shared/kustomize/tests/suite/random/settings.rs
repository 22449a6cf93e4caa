//! Random values of the fields that change names, metadata, images and counts, and of field configurations.

use serde_json::{Map, Value, json};

use crate::random::dice::Dice;
use crate::random::features::Feature;
use crate::random::objects::{self, Made, NAMES, NAMESPACES};
use crate::random::write::raw;

/// Each of the fields, now and then.
pub(crate) fn fields(
    dice: &mut Dice,
    made: &[Made],
    files: &mut Map<String, Value>,
    settings: &mut Map<String, Value>,
) {
    let mut set = |field: &str, value: Value| drop(settings.insert(field.to_owned(), value));
    if dice.wants(Feature::Namespace, 25) {
        set("namespace", json!(dice.pick(&NAMESPACES)));
    }
    if dice.wants(Feature::NamePrefix, 15) {
        set("namePrefix", json!(dice.pick(&["p-", "alpha-", "a"])));
    }
    if dice.wants(Feature::NameSuffix, 12) {
        set("nameSuffix", json!(dice.pick(&["-s", "-v2", "z"])));
    }
    if dice.wants(Feature::CommonLabels, 10) {
        set("commonLabels", objects::labels(dice));
    }
    if dice.wants(Feature::Labels, 15) {
        set("labels", (0..dice.between(1, 2)).map(|_| label(dice)).collect());
    }
    if dice.wants(Feature::CommonAnnotations, 12) {
        set(
            "commonAnnotations",
            json!({ dice.pick(&["note", "example.com/x"]): dice.pick(&["common", "1", ""]) }),
        );
    }
    if dice.wants(Feature::Images, 18) {
        let field = dice.pick(&["images", "images", "images", "imageTags"]);
        set(field, (0..dice.between(1, 3)).map(|_| image(dice)).collect());
    }
    if dice.wants(Feature::Replicas, 10)
        && let Some(replicas) = replicas(dice, made)
    {
        set("replicas", replicas);
    }
    if dice.wants(Feature::SortOptions, 5) {
        set("sortOptions", sort_options(dice));
    }
    if dice.wants(Feature::BuildMetadata, 5) {
        let all = ["originAnnotations", "transformerAnnotations", "managedByLabel"];
        set("buildMetadata", (0..dice.between(1, 2)).map(|_| json!(dice.pick(&all))).collect());
    }
    if dice.wants(Feature::Configurations, 10) {
        let path = format!("configuration{}.yaml", files.len());
        files.insert(path.clone(), configuration(dice));
        set("configurations", json!([path]));
    }
}

pub(crate) fn label(dice: &mut Dice) -> Value {
    let mut label = json!({ "pairs": objects::labels(dice) });
    if dice.percent(40) {
        label["includeSelectors"] = json!(dice.percent(75));
    }
    if dice.percent(40) {
        label["includeTemplates"] = json!(dice.percent(75));
    }
    if dice.percent(15) {
        label["fields"] = json!([field(dice)]);
    }
    label
}

/// A field specification.
pub(crate) fn field(dice: &mut Dice) -> Value {
    let paths = [
        "spec/ref/name",
        "spec/refs/name",
        "spec/refs[]/name",
        "spec/image",
        "spec/replicas",
        "spec/free/a",
        "metadata/labels",
        "spec/template/metadata/labels",
        "spec/made/up",
        "data/k",
        "spec/containers[]/image",
        "spec/template/spec/containers/name",
        "metadata/annotations/example.com\\/hash",
    ];
    let mut field = json!({ "path": dice.pick(&paths) });
    if dice.percent(60) {
        field["kind"] = json!(dice.pick(&["Widget", "Deployment", "HelmRelease", "ConfigMap", "Service"]));
    }
    if dice.percent(15) {
        field["group"] = json!(dice.pick(&["example.com", "apps", ""]));
    }
    if dice.percent(10) {
        field["version"] = json!(dice.pick(&["v1", "v2"]));
    }
    if dice.percent(40) {
        field["create"] = json!(dice.percent(80));
    }
    field
}

pub(crate) fn image(dice: &mut Dice) -> Value {
    let names = [
        "nginx",
        "app",
        "registry.example.com/app",
        "registry.example.com:5000/team/app",
        "busybox",
        "ng.nx",
        "docker.io/library/redis",
        "",
    ];
    let mut image = json!({ "name": dice.pick(&names) });
    if dice.percent(40) {
        image["newName"] = json!(dice.pick(&["mirror/nginx", "other", "localhost:5000/x"]));
    }
    if dice.percent(50) {
        image["newTag"] = if !dice.rare(4) { json!(dice.pick(&["v2", "1.0", ""])) } else { raw("1.10") };
    }
    if dice.percent(12) {
        image["digest"] = json!("sha256:2222222222222222222222222222222222222222222222222222222222222222");
    }
    if dice.percent(8) {
        image["tagSuffix"] = json!("-alpine");
    }
    image
}

/// A count for a workload that is there, nearly always.
pub(crate) fn replicas(dice: &mut Dice, made: &[Made]) -> Option<Value> {
    let counted: Vec<&str> =
        made.iter().filter(|m| ["Deployment", "StatefulSet"].contains(&m.kind())).map(Made::name).collect();
    let name = match counted.get(dice.below(counted.len())) {
        Some(name) if dice.percent(97) => (*name).to_owned(),
        None if dice.percent(90) => return None,
        _ => dice.pick(&NAMES).to_owned(),
    };
    Some(json!([{ "name": name, "count": dice.below(9) }]))
}

fn sort_options(dice: &mut Dice) -> Value {
    match dice.below(6) {
        0 => json!({ "order": "fifo" }),
        1 | 2 => json!({ "order": "legacy" }),
        3 => {
            json!({ "order": "legacy", "legacySortOptions": { "orderFirst": ["Deployment", "ConfigMap"], "orderLast": ["Namespace"] } })
        }
        4 => json!({ "order": "legacy", "legacySortOptions": { "orderFirst": ["Service"] } }),
        _ => json!({ "order": dice.pick(&["other", ""]) }),
    }
}

/// A file of field configurations.
fn configuration(dice: &mut Dice) -> Value {
    let mut configuration = Map::new();
    let lists = [
        "namePrefix",
        "nameSuffix",
        "namespace",
        "commonLabels",
        "commonAnnotations",
        "images",
        "replicas",
        "varReference",
        "templateLabels",
        "labels",
    ];
    for _ in 0..dice.below(3) {
        let fields = (0..dice.between(1, 2)).map(|_| field(dice)).collect();
        configuration.insert(dice.pick(&lists).to_owned(), fields);
    }
    if configuration.is_empty() || dice.percent(60) {
        let fields: Value = (0..dice.between(1, 2)).map(|_| field(dice)).collect();
        let mut reference = json!({ "kind": dice.pick(&["ConfigMap", "Secret", "Deployment", "Widget"]), "fieldSpecs": fields });
        if dice.percent(40) {
            reference["version"] = json!("v1");
        }
        configuration.insert("nameReference".to_owned(), json!([reference]));
    }
    Value::Object(configuration)
}
