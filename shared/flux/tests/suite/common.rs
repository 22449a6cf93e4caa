//! Reading the cases that several tests share.

use flux::{Kustomization, Options, Variables};
use kustomize::MemoryTree;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder in `cases`.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
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
        Options { strict: !self.lenient(), ..Options::default() }
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

/// A value without nulls and empty maps, all the way down.
pub(crate) fn pruned(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().map(|(k, v)| (k.clone(), pruned(v)));
            let kept =
                kept.filter(|(_, v)| !v.is_null() && !v.as_object().is_some_and(serde_json::Map::is_empty));
            Value::Object(kept.collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(pruned).collect()),
        other => other.clone(),
    }
}

/// `sha256:<hex>` of a text.
pub(crate) fn digest(text: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}
