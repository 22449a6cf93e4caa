//! Every awkward value in every place of an object, against Flux's packages: substitution happens in YAML text, where a value may
//! lose its quotes, become a number, end in a comment, or break the text.

use serde_json::{Value, json};

use crate::matrices::{check, question};

/// What YAML takes for something else than text, or for syntax, in some place.
const VALUES: [&str; 36] = [
    "text",
    "",
    "yes",
    "y",
    "null",
    "~",
    "8080",
    "0123",
    "0o17",
    "0x1F",
    "1.10",
    "1e3",
    "-0",
    ".inf",
    "1_000",
    "1:30",
    "2020-01-01",
    "12345678901234567890",
    "it's",
    "\"",
    "a: b",
    "a:",
    "a #b",
    "# a",
    "*a",
    "!a",
    "%a",
    "- a",
    "? a",
    "[a]",
    "{a: b}",
    "|",
    "<<",
    "---",
    " lead and trail ",
    "\\n",
];

/// A text with the variable in one place.
const PLACES: [&str; 11] = [
    "b: ${V}\n",
    "b: 'x: ${V}'\n",
    "b: x${V}\n",
    "b: ${V} x\n",
    "b: |\n  one ${V}\n  ${V} two\n",
    "b:\n- ${V}\n- {c: '${V}'}\n",
    "b:\n  ${V}-key: v\n",
    "b:\n  ${V}: v\n",
    "b: some words before it that make this line so long that it is folded somewhere near ${V} and some words after it\n",
    "b: ${q}${V}${q}\n",
    "b: '${V}${V}'\n",
];

fn of_text(text: &str, value: &str) -> Value {
    let thing = format!("apiVersion: example.com/v1\nkind: Thing\nmetadata: {{name: a}}\n{text}");
    let post_build = json!({"substitute": {"V": value, "q": "\""}});
    question(&json!({"a.yaml": thing}), json!({"postBuild": post_build}), &Value::Null)
}

#[test]
fn every_value_in_every_place_agrees() {
    let all = PLACES.iter().flat_map(|text| VALUES.iter().map(move |value| of_text(text, value)));
    let questions: Vec<Value> = all.collect();
    let Some(good) = check("every_value_in_every_place_agrees", &questions) else { return };
    assert!(good > questions.len() / 2 && good < questions.len() - 20, "{good} of {}", questions.len());
}

#[test]
fn every_value_in_names_kinds_and_metadata_agrees() {
    let places = [
        "kind: ConfigMap\nmetadata: {name: '${V}'}",
        "kind: ${V}\nmetadata: {name: a}",
        "kind: ConfigMap\nmetadata: {name: a, annotations: {x: '${V}'}}",
        "kind: ConfigMap\nmetadata: {name: a, annotations: {'${V}': x}}",
    ];
    let map = |metadata: &str, value: &str| {
        let text = format!("apiVersion: v1\n{metadata}\ndata: {{k: '${{V}}', env: 'A=${{V}}'}}\n");
        let post_build = json!({"substitute": {"V": value}});
        question(&json!({"a.yaml": text}), json!({"postBuild": post_build}), &Value::Null)
    };
    let all = places.iter().flat_map(|place| VALUES.iter().map(move |value| map(place, value)));
    let questions: Vec<Value> = all.collect();
    let Some(good) = check("every_value_in_names_kinds_and_metadata_agrees", &questions) else { return };
    assert!(good > questions.len() / 4 && good < questions.len(), "{good} of {}", questions.len());
}
