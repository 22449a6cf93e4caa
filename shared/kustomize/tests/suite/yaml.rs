//! YAML against what the packages beneath kustomize answer.
//!
//! Each line of `tests/yaml/cases.jsonl` is a question (`yaml3`: a text as resources are read, `yaml2`: as
//! `sigs.k8s.io/yaml` reads, `json`: a value to write) with the recorded answer. The oracle is asked again, and recorded, as
//! for whole builds; with it, the texts are also asked with characters left out.

use std::fs;
use std::path::{Path, PathBuf};

use kustomize::{Limits, yaml};
use serde_json::{Map, Value, json};

use crate::common::{ask, program};

type Answer = Result<String, String>;

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/yaml/cases.jsonl")
}

/// The questions and their recorded answers.
fn cases() -> Vec<(Value, Answer)> {
    let text = fs::read_to_string(path()).unwrap();
    let cases: Vec<_> = text.lines().map(|line| case(serde_json::from_str(line).unwrap())).collect();
    assert!(cases.len() >= 400, "the cases are missing");
    cases
}

fn case(mut line: Map<String, Value>) -> (Value, Answer) {
    let mut take = |name| line.remove(name).and_then(|text| text.as_str().map(str::to_owned));
    let answer = take("answer").ok_or_else(|| take("error").unwrap_or_default());
    (Value::Object(line), answer)
}

fn record(cases: &[(Value, Answer)]) {
    let lines = cases.iter().map(|(question, answer)| {
        let mut line = question.clone();
        match answer {
            Ok(text) => line["answer"] = json!(text),
            Err(words) => line["error"] = json!(words),
        }
        format!("{line}\n")
    });
    fs::write(path(), lines.collect::<String>()).unwrap();
}

fn ours(question: &Value) -> Result<Value, String> {
    let text = |kind: &str| question.get(kind).and_then(Value::as_str);
    if let Some(text) = text("yaml3") {
        let documents = yaml::parse_documents_v3(text, &Limits::default());
        return documents.map(Value::Array).map_err(|error| error.to_string());
    }
    if let Some(text) = text("yaml2") {
        return yaml::parse_v2(text).map_err(|error| error.to_string());
    }
    let value: Value = serde_json::from_str(text("json").unwrap()).unwrap();
    Ok(Value::String(yaml::emit(&value)))
}

/// What a read gives is compared as a value, what is written as a text; of errors only that there is one.
fn check(cases: &[(Value, Answer)]) {
    let mut failures = String::new();
    for (question, expected) in cases {
        let read = |text: &String| match question.get("json") {
            Some(_) => Value::String(text.clone()),
            None => serde_json::from_str(text).unwrap(),
        };
        // Read again as the answer is, for serde_json reads long floats inexactly.
        let got = ours(question).map(|value| serde_json::from_str::<Value>(&value.to_string()).unwrap());
        if got.as_ref().ok() != expected.as_ref().ok().map(read).as_ref() {
            failures.push_str(&format!("{question}\n  got: {got:?}\n  library: {expected:?}\n"));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn texts_and_values_equal_the_recorded_ones() {
    check(&cases());
}

#[test]
fn yaml_equals_that_of_the_library() {
    let test = "yaml_equals_that_of_the_library";
    let Some(oracle) = program("PREFLUX_KUSTOMIZE_ORACLE", test, "no oracle") else { return };
    let questions: Vec<Value> = cases().into_iter().map(|(question, _)| question).collect();
    let asked = |questions: Vec<Value>| -> Vec<(Value, Answer)> {
        let answers = ask(&oracle, &questions);
        assert_eq!(answers.len(), questions.len(), "not every question has an answer");
        questions.into_iter().zip(answers).collect()
    };
    let again = asked(questions.clone());
    if std::env::var("PREFLUX_KUSTOMIZE_RECORD").is_ok() {
        record(&again);
    }
    check(&again);
    check(&asked(questions.iter().flat_map(shortened).collect()));
}

/// A question on a text with one character less, for many of its characters. An anchor that contains itself would
/// end the library's process, so texts with aliases are left out.
fn shortened(question: &Value) -> Vec<Value> {
    let Some((kind, text)) =
        ["yaml3", "yaml2"].iter().find_map(|kind| Some((*kind, question.get(*kind)?.as_str()?)))
    else {
        return Vec::new();
    };
    if text.contains('*') {
        return Vec::new();
    }
    let step = 1 + text.len() / 40;
    let without =
        |(at, c): (usize, char)| json!({ kind: format!("{}{}", &text[..at], &text[at + c.len_utf8()..]) });
    text.char_indices().step_by(step).map(without).collect()
}
