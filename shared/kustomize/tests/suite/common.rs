//! The case folders that several tests share, and how a test says that it is skipped.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kustomize::{Built, Error, MemoryTree, Options, build};
use serde_json::Value;

/// A folder of `cases`.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    /// The `input` tree: path to text.
    pub(crate) files: BTreeMap<String, String>,
    /// The directory to build; empty for the tree's root.
    pub(crate) root: String,
}

impl Case {
    pub(crate) fn build(&self) -> Result<Built, Error> {
        build(&MemoryTree::new(self.files.clone()), &self.root, &Options::default())
    }
}

/// All cases, sorted by name.
pub(crate) fn cases() -> Vec<Case> {
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
    assert!(found.len() >= 60, "the cases are missing");
    found
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

/// The program that a variable names. Without it `test` is skipped, loudly: the caller returns.
pub(crate) fn program(variable: &str, test: &str, missing: &str) -> Option<String> {
    if let Ok(program) = std::env::var(variable)
        && !program.is_empty()
    {
        return Some(program);
    }
    let line = format!("kustomize::{test}: {missing}");
    assert!(std::env::var("PREFLUX_REQUIRE_ALL").as_deref() != Ok("1"), "{line}");
    if let Ok(file) = std::env::var("PREFLUX_SKIPS") {
        let mut file = fs::File::options().create(true).append(true).open(file).unwrap();
        writeln!(file, "{line}").unwrap();
    }
    eprintln!("skipped: {line}");
    None
}

/// Asks the oracle all requests, one JSON line each.
pub(crate) fn ask(binary: &str, requests: &[Value]) -> Vec<Result<String, String>> {
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
