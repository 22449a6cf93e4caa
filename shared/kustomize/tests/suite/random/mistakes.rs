//! What people get wrong: fields that do not exist, values of the wrong type, files that are not there, and texts
//! that somebody edited carelessly.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::random::dice::Dice;
use crate::random::write::raw;

/// One mistake in a kustomization.
pub(crate) fn make(dice: &mut Dice, settings: &mut Map<String, Value>) {
    let fields: Vec<String> = settings.keys().cloned().collect();
    let mut set = |field: &str, value: Value| drop(settings.insert(field.to_owned(), value));
    match dice.below(16) {
        0 => set("resource", json!([])),
        1 => set("namespace", json!(7)),
        2 => set("resources", json!(["missing.yaml"])),
        3 => set("commonLabels", json!({ "a": raw("yes") })),
        4 => set("commonAnnotations", json!({ "a": 1 })),
        5 => set("patches", json!([{ "path": "missing.yaml" }])),
        6 => set("patches", json!([{ "patch": "a: [" }])),
        7 => set("components", json!(["."])),
        8 => set("helmCharts", json!([{ "name": "x" }])),
        9 => set("NamePrefix", json!("upper-")),
        10 => set("images", json!([{ "name": "nginx", "newTag": 1 }])),
        11 => set("configMapGenerator", json!([{ "name": "" }])),
        12 => set("patches", json!([{ "patch": "", "target": { "kind": "X" } }])),
        13 => set("namePrefix", json!("")),
        14 => set("metadata", json!({ "name": "n" })),
        _ => match fields.get(dice.below(fields.len())) {
            Some(field) => set(
                field,
                [Value::Null, json!([]), json!({}), json!("text"), json!([null])][dice.below(5)].clone(),
            ),
            None => set("resources", Value::Null),
        },
    }
}

/// Changes one or two lines of some files without understanding them.
pub(crate) fn mutate(dice: &mut Dice, files: &mut BTreeMap<String, String>) {
    for _ in 0..dice.between(1, 2) {
        let at = dice.below(files.len());
        if let Some(text) = files.values_mut().nth(at) {
            *text = mutated(dice, text);
        }
    }
}

fn mutated(dice: &mut Dice, text: &str) -> String {
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let at = dice.below(lines.len());
    let values = [
        "~",
        "{}",
        "[]",
        "yes",
        "0x1F",
        "2020-01-01",
        "\"\"",
        "[a, {b: c}]",
        "|",
        ">-",
        "'",
        "&x 1",
        "*x",
        "!!str 1",
        "? a",
        "- b",
        "\t",
        "# c",
    ];
    match dice.below(9) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[at].clone()),
        2 => lines[at] = format!(" {}", lines[at]),
        3 => lines[at] = lines[at].strip_prefix(' ').unwrap_or(&lines[at]).to_owned(),
        4 | 5 => {
            if let Some((key, _)) = lines[at].split_once(": ") {
                lines[at] = format!("{key}: {}", dice.pick(&values));
            }
        }
        6 => lines[at].push_str(dice.pick(&[" ", " # c", ":", "\t", "\u{7f}", "\u{85}", " x"])),
        7 => lines.insert(at, dice.pick(&["---", "...", "", "%YAML 1.1", "# x", "   "]).to_owned()),
        _ => {
            let other = dice.below(lines.len());
            lines.swap(at, other);
        }
    }
    lines.join("\n")
}
