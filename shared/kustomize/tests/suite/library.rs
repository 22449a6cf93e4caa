//! Whole builds against what the kustomize library answers.
//!
//! Each folder of `cases` has an `input` tree, built at its root or at `input/root.txt`'s directory, and either
//! `expected.yaml` or `expected-error.txt`, recorded from the library. With `PREFLUX_KUSTOMIZE_ORACLE` naming the program
//! of `tests/oracle/kustomize` the library is asked again; with `PREFLUX_KUSTOMIZE_RECORD` as well, its answers are written.

use std::fs;

use kustomize::yaml;
use serde_json::{Value, json};

use crate::common::{Case, ask, cases, program};

/// The recorded answer: the text, or the library's error.
fn recorded(case: &Case) -> Result<String, String> {
    match fs::read_to_string(case.dir.join("expected.yaml")) {
        Ok(text) => Ok(text),
        Err(_) => Err(fs::read_to_string(case.dir.join("expected-error.txt")).unwrap()),
    }
}

/// Writes an answer. An error that is recorded as one stays: some of the library's hold addresses of its memory.
fn record(case: &Case, answer: &Result<String, String>) {
    let [yaml, error] = ["expected.yaml", "expected-error.txt"].map(|name| case.dir.join(name));
    match answer {
        Ok(text) => {
            let _ = fs::remove_file(error);
            fs::write(yaml, text).unwrap();
        }
        Err(words) => {
            let _ = fs::remove_file(yaml);
            if !error.exists() {
                fs::write(error, format!("{}\n", words.trim_end())).unwrap();
            }
        }
    }
}

fn ours(case: &Case) -> Result<String, String> {
    match case.build() {
        Ok(built) => Ok(yaml::emit_all(built.objects.iter().map(|o| &o.value))),
        Err(error) => Err(error.to_string()),
    }
}

/// Texts must be equal; of errors only that there is one, since ours are worded for our readers.
fn check(got: impl Fn(&Case) -> Result<String, String>, cases: &[Case], expected: &[Result<String, String>]) {
    assert_eq!(expected.len(), cases.len(), "not every case has an answer");
    let mut failures = String::new();
    for (case, expected) in cases.iter().zip(expected) {
        let got = got(case);
        if got.as_ref().ok() != expected.as_ref().ok() {
            failures.push_str(&format!("== {}\n-- got: {got:#?}\n-- library: {expected:#?}\n", case.name));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn builds_equal_the_recorded_ones() {
    let cases = cases();
    let expected: Vec<_> = cases.iter().map(recorded).collect();
    check(ours, &cases, &expected);
}

#[test]
fn builds_and_records_equal_those_of_the_library() {
    let test = "builds_and_records_equal_those_of_the_library";
    let Some(oracle) = program("PREFLUX_KUSTOMIZE_ORACLE", test, "no oracle") else { return };
    let cases = cases();
    let requests: Vec<Value> = cases.iter().map(|c| json!({ "files": c.files, "root": c.root })).collect();
    let answers = ask(&oracle, &requests);
    if std::env::var("PREFLUX_KUSTOMIZE_RECORD").is_ok() {
        cases.iter().zip(&answers).for_each(|(case, answer)| record(case, answer));
    }
    check(recorded, &cases, &answers);
    check(ours, &cases, &answers);
}
