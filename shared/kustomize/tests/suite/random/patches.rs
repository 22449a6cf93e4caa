//! Random patches: of either form, inline or in files, with and without targets.

use serde_json::{Map, Value, json};

use crate::random::dice::Dice;
use crate::random::features::Feature;
use crate::random::objects::{self, IMAGES, Made, NAMES, NAMESPACES};
use crate::random::write::{RAW, write};

/// A patch's text, and whether it is a list of JSON operations.
fn text(dice: &mut Dice, made: &[Made], of: &Made, json6902: bool) -> String {
    if json6902 {
        let operations = operations(dice, &of.value);
        return if dice.percent(20) { plain(&operations).to_string() } else { write(dice, &operations) };
    }
    let count = if dice.percent(15) { 2 } else { 1 };
    let documents: Vec<String> = (0..count)
        .map(|_| {
            let other = made[dice.below(made.len())].clone();
            let patch = strategic(dice, if count == 1 { of } else { &other });
            write(dice, &patch)
        })
        .collect();
    if documents.len() == 1 { documents.concat() } else { documents.join("\n---\n") }
}

/// Without the marks of texts to be written raw.
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(text.trim_start_matches(RAW)),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
        other => other.clone(),
    }
}

/// The entries of `patches`; files go to `files`.
pub(crate) fn patches(dice: &mut Dice, made: &[Made], files: &mut Map<String, Value>) -> Value {
    (0..dice.between(1, 3))
        .map(|_| {
            let json6902 = dice.percent(45);
            let of = made[dice.below(made.len())].clone();
            let text = text(dice, made, &of, json6902);
            let mut patch = json!({});
            if dice.percent(40) {
                let path = format!("patch{}.yaml", files.len());
                patch["path"] = json!(path);
                files.insert(path, json!(text));
            } else {
                patch["patch"] = json!(text);
            }
            if json6902 && !dice.rare(3) || (!text.contains("\n---") && dice.percent(30)) {
                patch["target"] = target(dice, &of, true);
            }
            if dice.percent(10) {
                patch["options"] =
                    json!({ dice.pick(&["allowNameChange", "allowKindChange"]): dice.percent(80) });
            }
            patch
        })
        .collect()
}

/// The entries of `patchesStrategicMerge`: names of files, or the patches themselves.
pub(crate) fn strategic_list(dice: &mut Dice, made: &[Made], files: &mut Map<String, Value>) -> Value {
    (0..dice.between(1, 2))
        .map(|_| {
            let of = made[dice.below(made.len())].clone();
            let text = text(dice, made, &of, false);
            if dice.percent(40) {
                return json!(text);
            }
            let path = format!("merge{}.yaml", files.len());
            files.insert(path.clone(), json!(text));
            json!(path)
        })
        .collect()
}

/// The entries of `patchesJson6902`.
pub(crate) fn json_list(dice: &mut Dice, made: &[Made], files: &mut Map<String, Value>) -> Value {
    (0..dice.between(1, 2))
        .map(|_| {
            let of = made[dice.below(made.len())].clone();
            let text = text(dice, made, &of, true);
            let mut patch = json!({ "target": target(dice, &of, false) });
            if dice.percent(40) {
                let path = format!("json{}.yaml", files.len());
                files.insert(path.clone(), json!(text));
                patch["path"] = json!(path);
            } else {
                patch["patch"] = json!(text);
            }
            patch
        })
        .collect()
}

/// A selector of an object, and perhaps of others.
pub(crate) fn target(dice: &mut Dice, of: &Made, patterns: bool) -> Value {
    let mut target = json!({});
    if !patterns || dice.percent(85) {
        target["kind"] = json!(of.kind());
    }
    if !patterns || dice.percent(65) {
        target["name"] = json!(of.name());
    }
    if dice.percent(20) {
        let (group, version) = of.api_version().split_once('/').unwrap_or(("", of.api_version()));
        target["version"] = json!(version);
        if !group.is_empty() {
            target["group"] = json!(group);
        }
    }
    if dice.percent(12) {
        target["namespace"] = json!(dice.pick(&NAMESPACES));
    }
    if patterns && dice.percent(15) {
        target[dice.pick(&["name", "kind"])] =
            json!(dice.pick(&[".*", "app|web", "a.+", "Deploy.*", "^app$", "(?i)WEB", "Config", ""]));
    }
    if patterns && dice.rare(3) {
        target["name"] = json!("(db");
    }
    if dice.percent(8) {
        target["labelSelector"] = json!(dice.pick(&[
            "app=web",
            "app in (web,db)",
            "app",
            "!tier",
            "team!=x",
            "app==web,tier=db",
            "app notin (a)",
            "=x"
        ]));
    }
    if dice.percent(5) {
        target["annotationSelector"] = json!(dice.pick(&["note", "a=hello", "note=1", "a!=b"]));
    }
    target
}

/// A strategic merge patch: a part of another object of the same kind and name, with directives.
pub(crate) fn strategic(dice: &mut Dice, of: &Made) -> Value {
    let mut patch = if dice.percent(60) { objects::object_of(dice, of.kind()) } else { of.value.clone() };
    patch["apiVersion"] = json!(of.api_version());
    patch["kind"] = json!(of.kind());
    let metadata = patch["metadata"].clone();
    if let Value::Object(fields) = &mut patch {
        for (key, field) in fields.iter_mut() {
            if !["apiVersion", "kind", "metadata"].contains(&key.as_str()) {
                change(dice, field, 4);
            }
        }
        if dice.percent(4) {
            fields.insert("$patch".to_owned(), json!(dice.pick(&["delete", "replace", "merge"])));
        }
    }
    patch["metadata"] = identity(dice, of, metadata);
    patch
}

fn identity(dice: &mut Dice, of: &Made, other: Value) -> Value {
    let mut metadata = if dice.percent(40) { other } else { json!({}) };
    metadata["name"] = json!(of.name());
    match of.namespace() {
        "" => metadata.as_object_mut().unwrap().remove("namespace"),
        namespace => metadata.as_object_mut().unwrap().insert("namespace".to_owned(), json!(namespace)),
    };
    match dice.below(30) {
        0 if dice.rare(50) => metadata["name"] = json!(dice.pick(&NAMES)),
        1 => metadata["annotations"] = Value::Null,
        2 => metadata["labels"] = json!({ "$patch": dice.pick(&["delete", "replace"]), "x": "y" }),
        3 => metadata["labels"] = json!({ "app": null }),
        4 => metadata["annotations"] = json!({ "note": null, "a": null }),
        5 => metadata["annotations"] = json!({ "$patch": dice.pick(&["delete", "replace"]) }),
        _ => {}
    }
    metadata
}

/// Takes parts away and puts directives, nulls and blanks in.
fn change(dice: &mut Dice, value: &mut Value, depth: usize) {
    match value {
        Value::Object(map) => {
            let keys: Vec<String> = map.keys().cloned().collect();
            for key in keys {
                match dice.below(20) {
                    0..=2 if key != "name" => drop(map.remove(&key)),
                    3 if !["name", "port", "containerPort", "protocol"].contains(&key.as_str()) => {
                        drop(map.insert(key, Value::Null))
                    }
                    4 if dice.rare(20) => drop(map.insert(key, json!({}))),
                    5 if dice.rare(20) => drop(map.insert(key, json!([]))),
                    6 if dice.percent(10) => drop(map.remove(&key)),
                    7 if key == "image" => drop(map.insert(key, json!(dice.pick(&IMAGES)))),
                    _ if depth > 0 => change(dice, map.get_mut(&key).unwrap(), depth),
                    _ => {}
                }
            }
            if dice.percent(3) {
                map.insert("$patch".to_owned(), json!(dice.pick(&["delete", "replace", "merge"])));
            }
            if dice.rare(1) {
                map.insert("$patch".to_owned(), json!("other"));
            }
            if dice.percent(1) {
                let keys =
                    ["$retainKeys", "$setElementOrder/containers", "$deleteFromPrimitiveList/finalizers"];
                map.insert(dice.pick(&keys).to_owned(), json!(["a"]));
            }
        }
        Value::Array(items) => {
            if dice.percent(15) {
                dice.shuffle(items);
            }
            if dice.percent(15) {
                items.truncate(1);
            }
            for item in items.iter_mut() {
                change(dice, item, depth - 1);
                if dice.percent(6)
                    && let Value::Object(map) = item
                {
                    map.retain(|key, _| {
                        ["name", "containerPort", "port", "mountPath"].contains(&key.as_str())
                    });
                    map.insert("$patch".to_owned(), json!("delete"));
                }
            }
            match dice.below(60) {
                0 => items.push(json!({ "$patch": dice.pick(&["delete", "replace", "merge"]) })),
                1 if dice.rare(50) => items.push(json!({})),
                2 if dice.rare(50) => items.push(Value::Null),
                3 if dice.rare(50) => items.push(json!("text")),
                4 => items.extend(items.first().cloned()),
                _ => {}
            }
        }
        _ if dice.percent(20) => *value = objects::text(dice),
        _ => {}
    }
}

/// All pointers into a value, with the value each points to.
fn pointers(value: &Value, path: &str, all: &mut Vec<(String, Value)>) {
    all.push((path.to_owned(), value.clone()));
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                pointers(value, &format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), all);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                pointers(value, &format!("{path}/{at}"), all);
            }
        }
        _ => {}
    }
}

/// A list of JSON operations on an object.
fn operations(dice: &mut Dice, of: &Value) -> Value {
    let mut all = Vec::new();
    pointers(of, "", &mut all);
    all.retain(|(path, _)| {
        path.len() > 1
            && !path.ends_with("name")
            && !["/kind", "/apiVersion", "/metadata"].contains(&path.as_str())
    });
    let count = if dice.rare(60) { dice.between(2, 3) } else { 1 };
    (0..count).map(|_| operation(dice, &all)).collect()
}

fn operation(dice: &mut Dice, all: &[(String, Value)]) -> Value {
    let Some((path, old)) = all.get(dice.below(all.len())) else { return json!({}) };
    let other = &all[dice.below(all.len())].0;
    let value = if dice.percent(50) { old.clone() } else { objects::any(dice, 2) };
    let below = match (dice.below(6), old) {
        (0, Value::Array(_)) => format!("{path}/-"),
        (1, Value::Array(_)) => format!("{path}/0"),
        (2, Value::Array(_)) => format!("{path}/-1"),
        (3, Value::Array(_)) if dice.rare(50) => format!("{path}/9"),
        (0..=3, Value::Object(_)) => {
            format!("{path}/{}", dice.pick(&["new", "a", "example.com~1x", "n~0", ""]))
        }
        (4, _) if dice.rare(50) => "/metadata/annotations/added".to_owned(),
        (5, _) => "/metadata/labels/added".to_owned(),
        _ => path.clone(),
    };
    match dice.below(21) {
        0..=6 => json!({ "op": "add", "path": below, "value": value }),
        7..=11 => json!({ "op": "replace", "path": path, "value": value }),
        12 => json!({ "op": "replace", "path": below, "value": value }),
        13..=15 => json!({ "op": "remove", "path": path }),
        16 => json!({ "op": "test", "path": path, "value": old }),
        17 if path != "/metadata/annotations" => json!({ "op": "copy", "from": path, "path": below }),
        18 if dice.rare(50) => json!({ "op": "move", "from": other, "path": below }),
        18 | 19 => json!({ "op": "add", "path": "/metadata/labels", "value": { "json": "x" } }),
        _ if !dice.rare(99) => {
            json!({ "op": "replace", "path": "/metadata/annotations", "value": { "json": "x" } })
        }
        _ => match dice.below(6) {
            0 => json!({ "op": "add", "path": path }),
            1 => json!({ "op": "frob", "path": path }),
            2 => json!({ "op": "remove", "path": format!("{path}/none") }),
            3 => json!({ "op": "test", "path": path, "value": value }),
            4 => json!({ "path": path, "value": value }),
            _ => json!({ "op": "replace", "path": "", "value": value }),
        },
    }
}

/// Notes which of the three fields for patches a tree uses.
pub(crate) fn fields(
    dice: &mut Dice,
    made: &[Made],
    files: &mut Map<String, Value>,
    settings: &mut Map<String, Value>,
) {
    if made.is_empty() {
        return;
    }
    if dice.wants(Feature::PatchesStrategicMerge, 12) {
        settings.insert("patchesStrategicMerge".to_owned(), strategic_list(dice, made, files));
    }
    if dice.wants(Feature::Patches, 35) {
        settings.insert("patches".to_owned(), patches(dice, made, files));
    }
    if dice.wants(Feature::PatchesJson6902, 8) {
        settings.insert("patchesJson6902".to_owned(), json_list(dice, made, files));
    }
}
