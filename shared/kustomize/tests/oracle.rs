//! Whole builds against what the kustomize library answers.
//!
//! Each folder of `cases` has an `input` tree, built at its root or at `input/root.txt`'s directory, and either
//! `expected.yaml` or `expected-error.txt`, recorded from the library. With `PREFLUX_KUSTOMIZE_ORACLE` naming the
//! oracle's binary, the library is asked again; with `PREFLUX_KUSTOMIZE_RECORD` as well, its answers are written.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kustomize::{MemoryTree, Options, build, yaml};
use serde_json::{Value, json};

struct Case {
    name: String,
    dir: PathBuf,
    files: BTreeMap<String, String>,
    root: String,
}

fn read_tree(dir: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            read_tree(&entry.path(), &format!("{path}/"), files);
        } else {
            files.insert(path, String::from_utf8(fs::read(entry.path()).unwrap()).unwrap());
        }
    }
}

fn cases() -> Vec<Case> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut found: Vec<Case> = fs::read_dir(cases)
        .unwrap()
        .map(|entry| {
            let dir = entry.unwrap().path();
            let mut files = BTreeMap::new();
            read_tree(&dir.join("input"), "", &mut files);
            let root = files.remove("root.txt").unwrap_or_default().trim().to_owned();
            Case { name: dir.file_name().unwrap().to_str().unwrap().to_owned(), dir, files, root }
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The recorded answer: the text, or the library's error.
fn recorded(case: &Case) -> Result<String, String> {
    match fs::read_to_string(case.dir.join("expected.yaml")) {
        Ok(text) => Ok(text),
        Err(_) => Err(fs::read_to_string(case.dir.join("expected-error.txt")).unwrap()),
    }
}

fn record(case: &Case, answer: &Result<String, String>) {
    for name in ["expected.yaml", "expected-error.txt"] {
        let _ = fs::remove_file(case.dir.join(name));
    }
    match answer {
        Ok(text) => fs::write(case.dir.join("expected.yaml"), text).unwrap(),
        Err(error) => {
            fs::write(case.dir.join("expected-error.txt"), format!("{}\n", error.trim_end())).unwrap()
        }
    }
}

/// Asks the oracle all requests, one JSON line each.
fn ask(binary: &str, requests: &[Value]) -> Vec<Result<String, String>> {
    let mut child = Command::new(binary).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = requests.iter().map(|r| format!("{r}\n")).collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    answers
        .lines()
        .map(|line| {
            let answer: Value = serde_json::from_str(line).unwrap();
            let text = |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            if text("error").is_empty() { Ok(text("yaml")) } else { Err(text("error")) }
        })
        .collect()
}

fn ours(case: &Case) -> Result<String, String> {
    let tree = MemoryTree::new(case.files.clone());
    match build(&tree, &case.root, &Options::default()) {
        Ok(built) => Ok(yaml::emit_all(built.objects.iter().map(|o| &o.value))),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn builds_equal_those_of_the_library() {
    let cases = cases();
    assert!(cases.len() >= 60, "the cases are missing");
    let expected: Vec<_> = match std::env::var("PREFLUX_KUSTOMIZE_ORACLE") {
        Ok(binary) => {
            let requests: Vec<Value> =
                cases.iter().map(|c| json!({ "files": c.files, "root": c.root })).collect();
            ask(&binary, &requests)
        }
        Err(_) => cases.iter().map(recorded).collect(),
    };
    assert_eq!(expected.len(), cases.len(), "the oracle did not answer every case");
    let mut failures = String::new();
    for (case, expected) in cases.iter().zip(&expected) {
        if std::env::var("PREFLUX_KUSTOMIZE_RECORD").is_ok() {
            record(case, expected);
        }
        let ours = ours(case);
        let same = match (&ours, expected) {
            (Ok(ours), Ok(expected)) => ours == expected,
            (Err(_), Err(_)) => true,
            _ => false,
        };
        if !same {
            failures.push_str(&format!("== {}\n-- ours: {ours:#?}\n-- library: {expected:#?}\n", case.name));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
