//! Random replacements and vars: values of one object that go into others.

use serde_json::{Map, Value, json};

use crate::random::dice::Dice;
use crate::random::features::Feature;
use crate::random::objects::{self, Made};
use crate::random::patches::target;

/// Both fields, now and then.
pub(crate) fn fields(
    dice: &mut Dice,
    made: &[Made],
    files: &mut Map<String, Value>,
    settings: &mut Map<String, Value>,
) {
    if made.is_empty() {
        return;
    }
    if dice.wants(Feature::Replacements, 18) {
        let mut list: Vec<Value> = (0..dice.between(1, 2)).map(|_| replacement(dice, made)).collect();
        if dice.percent(20) {
            let path = format!("replacement{}.yaml", files.len());
            let inside = if dice.percent(50) { Value::Array(list) } else { list.remove(0) };
            files.insert(path.clone(), inside);
            list = vec![json!({ "path": path })];
        }
        settings.insert("replacements".to_owned(), Value::Array(list));
    }
    if dice.wants(Feature::Vars, 10) {
        let vars = (0..dice.between(1, 2)).map(|at| var(dice, made, ["NAME", "OTHER"][at])).collect();
        settings.insert("vars".to_owned(), vars);
    }
}

/// A path of fields with dots, to something in the value, or nearly.
fn path(dice: &mut Dice, value: &Value, in_lists: bool) -> String {
    let mut at = value;
    let mut path = String::new();
    for _ in 0..dice.between(1, 9) {
        let (key, next) = match at {
            Value::Object(map) if !map.is_empty() => {
                let key = map.keys().nth(dice.below(map.len())).unwrap();
                let written = if !key.contains('.') {
                    key.clone()
                } else if dice.percent(60) {
                    format!("[{key}]")
                } else {
                    key.replace('.', "\\.")
                };
                (written, &map[key])
            }
            Value::Array(items) if !items.is_empty() => {
                let number = dice.below(items.len());
                let item = &items[number];
                (step(dice, number, item, in_lists), item)
            }
            _ => break,
        };
        path = if path.is_empty() { key } else { format!("{path}.{key}") };
        at = next;
    }
    match dice.below(20) {
        0 if dice.rare(50) => format!("{path}.more"),
        1 => "spec.template.spec.containers.*.image".to_owned(),
        2 => "metadata.annotations.[example.com/added]".to_owned(),
        // An object that turns into another kind, or loses its annotations, has no place in a real repository.
        _ if ["kind", "apiVersion", "metadata", "metadata.annotations"].contains(&path.as_str()) => {
            "metadata.labels.replaced".to_owned()
        }
        _ => path,
    }
}

/// How to say which element of a list.
fn step(dice: &mut Dice, number: usize, item: &Value, in_lists: bool) -> String {
    let key = ["name", "containerPort", "key"].into_iter().find(|key| item.get(key).is_some());
    match (dice.below(6), key) {
        (0, _) if in_lists => "*".to_owned(),
        (0 | 1, _) => number.to_string(),
        (2, _) if item.is_string() => format!("[={}]", item.as_str().unwrap_or_default()),
        (3, _) if dice.rare(50) => dice.pick(&["-", "9", "-1", "[name=none]"]).to_owned(),
        (_, Some(key)) => format!("[{key}={}]", item[key].to_string().trim_matches('"')),
        _ => number.to_string(),
    }
}

fn options(dice: &mut Dice) -> Value {
    let mut options = json!({});
    if dice.percent(60) {
        options["delimiter"] = json!(dice.pick(&["/", ":", ".", "-", ""]));
    }
    if dice.percent(50) {
        options["index"] = json!(i64::try_from(dice.below(4)).unwrap() - 1);
    }
    if dice.percent(35) {
        options["create"] = json!(dice.percent(85));
    }
    if dice.percent(4) {
        options["encoding"] = json!("base64");
    }
    options
}

/// A replacement from one object to others.
pub(crate) fn replacement(dice: &mut Dice, made: &[Made]) -> Value {
    let mut replacement = json!({});
    let from = made.get(dice.below(made.len())).cloned();
    if dice.percent(15) {
        replacement["sourceValue"] = json!(dice.pick(&["given", "1", "", "a/b:c", "true"]));
    }
    if replacement.get("sourceValue").is_none() || dice.percent(5) {
        replacement["source"] = source(dice, from.as_ref());
    }
    replacement["targets"] = (0..dice.between(1, 2)).map(|_| replaced(dice, made)).collect();
    replacement
}

fn source(dice: &mut Dice, from: Option<&Made>) -> Value {
    let Some(from) = from else { return json!({ "kind": "ConfigMap" }) };
    let mut source = json!({ "kind": from.kind(), "name": from.name() });
    if !from.namespace().is_empty() && dice.percent(80) {
        source["namespace"] = json!(from.namespace());
    }
    if dice.percent(20) {
        let (group, version) = from.api_version().split_once('/').unwrap_or(("", from.api_version()));
        source["version"] = json!(version);
        if !group.is_empty() {
            source["group"] = json!(group);
        }
    }
    if dice.percent(85) {
        source["fieldPath"] = json!(path(dice, &from.value, false));
    }
    if dice.percent(20) {
        source["options"] = options(dice);
    }
    source
}

fn replaced(dice: &mut Dice, made: &[Made]) -> Value {
    let to = made[dice.below(made.len())].clone();
    let mut select = target(dice, &to, true);
    if dice.percent(75) {
        select = json!({ "kind": to.kind() });
        if dice.percent(60) {
            select["name"] = json!(to.name());
        }
    }
    let mut replaced = json!({ "select": select });
    if dice.percent(20) {
        let at = dice.below(made.len());
        replaced["reject"] = json!([target(dice, &made[at], true)]);
    }
    if dice.percent(92) {
        replaced["fieldPaths"] =
            (0..dice.between(1, 2)).map(|_| json!(path(dice, &to.value, true))).collect();
    }
    if dice.percent(40) {
        replaced["options"] = options(dice);
    }
    replaced
}

fn var(dice: &mut Dice, made: &[Made], name: &str) -> Value {
    let Some(of) = made.get(dice.below(made.len())).cloned() else { return json!({ "name": name }) };
    let mut reference = json!({ "kind": of.kind(), "name": of.name() });
    if dice.percent(90) {
        reference["apiVersion"] = json!(of.api_version());
    } else if !of.group().is_empty() {
        reference["group"] = json!(of.group());
    }
    if !of.namespace().is_empty() && dice.percent(60) {
        reference["namespace"] = json!(of.namespace());
    }
    let mut var = json!({ "name": name, "objref": reference });
    if dice.percent(60) {
        let path = match dice.below(4) {
            0 => "metadata.name".to_owned(),
            1 => "metadata.namespace".to_owned(),
            2 => format!("data.{}", dice.pick(&["k", "KEY"])),
            _ => path(dice, &of.value, false),
        };
        var["fieldref"] = json!({ "fieldPath": path });
    }
    if dice.percent(3) {
        var["name"] = objects::text(dice);
    }
    var
}
