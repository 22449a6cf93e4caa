//! Reading the cases that several tests share, and how a test says that it is skipped.

use flux::{Controller, Kustomization, Options, Variables};
use kustomize::MemoryTree;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A folder in `cases`.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    folder: PathBuf,
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) input: Value,
    pub(crate) yaml: String,
    pub(crate) objects: Vec<Value>,
    pub(crate) error: Option<String>,
}

impl Case {
    pub(crate) fn tree(&self) -> MemoryTree {
        MemoryTree::new(self.files.iter().map(|(path, text)| (path.clone(), text)))
    }

    pub(crate) fn kustomization(&self) -> Kustomization {
        Kustomization::from_value(&self.input["kustomization"]).unwrap()
    }

    pub(crate) fn variables(&self) -> Variables {
        Variables::of(&self.kustomization(), &BTreeMap::new()).unwrap()
    }

    pub(crate) fn lenient(&self) -> bool {
        self.input["lenient"] == true
    }

    pub(crate) fn options(&self) -> Options {
        let strict_gate = Some(!self.lenient());
        Options { controller: Controller { strict_gate, ..Controller::default() }, ..Options::default() }
    }

    /// Writes what Flux gives; an error is told in our words, in `error.txt`, which a person writes.
    pub(crate) fn record(&mut self, answer: &Value) {
        if answer["error"].is_string() {
            return;
        }
        self.yaml = answer["yaml"].as_str().unwrap_or_default().to_owned();
        self.objects = answer["objects"].as_array().cloned().unwrap_or_default();
        let objects = serde_json::to_string_pretty(&self.objects).unwrap();
        fs::write(self.folder.join("expected.yaml"), &self.yaml).unwrap();
        fs::write(self.folder.join("objects.json"), format!("{objects}\n")).unwrap();
    }
}

/// All cases, sorted by name.
pub(crate) fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut folders: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders.iter().map(|folder| case(folder)).collect()
}

fn case(folder: &Path) -> Case {
    let text = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let json = |name: &str| text(name).map(|text| serde_json::from_str::<Value>(&text).unwrap());
    let mut files = BTreeMap::new();
    collect(&folder.join("tree"), "", &mut files);
    Case {
        name: folder.file_name().unwrap().to_string_lossy().into_owned(),
        folder: folder.to_owned(),
        files,
        input: json("case.json").unwrap(),
        yaml: text("expected.yaml").unwrap_or_default(),
        objects: json("objects.json").and_then(|o| o.as_array().cloned()).unwrap_or_default(),
        error: text("error.txt").map(|text| text.trim_end().to_owned()),
    }
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{path}/"), files);
        } else {
            files.insert(path, fs::read_to_string(entry.path()).unwrap());
        }
    }
}

/// Whether what Flux gives is to be written beside the cases.
pub(crate) fn records() -> bool {
    std::env::var_os("PREFLUX_FLUX_RECORD").is_some()
}

/// The program that wraps Flux's packages. Without it `test` is skipped, loudly: the caller returns.
pub(crate) fn oracle(test: &str) -> Option<String> {
    if let Ok(program) = std::env::var("PREFLUX_FLUX_ORACLE")
        && !program.is_empty()
    {
        return Some(program);
    }
    let line = format!("flux::{test}: no oracle");
    assert!(std::env::var("PREFLUX_REQUIRE_ALL").as_deref() != Ok("1"), "{line}");
    if let Ok(file) = std::env::var("PREFLUX_SKIPS") {
        let mut file = fs::File::options().create(true).append(true).open(file).unwrap();
        writeln!(file, "{line}").unwrap();
    }
    eprintln!("skipped: {line}");
    None
}

/// `sha256:<hex>` of a text.
pub(crate) fn digest(text: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}
