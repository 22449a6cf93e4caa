//! Some of the cases against the kustomize command line, as people run it: `PREFLUX_KUSTOMIZE_BIN` names it.

use std::fs;
use std::path::Path;
use std::process::Command;

use kustomize::{Limits, yaml};
use serde_json::Value;

use crate::common::{Case, cases, program};

/// One case of each kind of work.
const CASES: [&str; 17] = [
    "bases",
    "components",
    "generator-config-map",
    "generator-hash-and-prefix",
    "generator-merge",
    "generator-secret",
    "images",
    "labels-workloads",
    "names-refs-from-mappings",
    "namespace",
    "order-of-stages",
    "origin-annotations",
    "patches-json6902",
    "replicas",
    "resources-above-root",
    "smp-containers",
    "yaml-scalars",
];

#[test]
fn builds_equal_those_of_the_command_line() {
    let test = "builds_equal_those_of_the_command_line";
    let Some(kustomize) = program("PREFLUX_KUSTOMIZE_BIN", test, "no kustomize") else { return };
    let cases: Vec<Case> = cases().into_iter().filter(|case| CASES.contains(&case.name.as_str())).collect();
    assert_eq!(cases.len(), CASES.len(), "a case is missing");
    for case in &cases {
        let ours: Vec<Value> = case.build().unwrap().objects.into_iter().map(|o| o.value).collect();
        assert!(!ours.is_empty(), "{} builds nothing", case.name);
        assert_eq!(ours, theirs(&kustomize, case), "{}", case.name);
    }
}

/// What `kustomize build` prints for the case, read as it reads YAML itself.
fn theirs(kustomize: &str, case: &Case) -> Vec<Value> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kustomize-cli").join(&case.name);
    let _ = fs::remove_dir_all(&dir);
    for (path, text) in &case.files {
        let file = dir.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let out = Command::new(kustomize)
        // Left to itself the command line sorts by kind, which kustomize-controller does not.
        .args(["build", "--load-restrictor", "LoadRestrictionsNone", "--reorder", "none"])
        .arg(dir.join(&case.root))
        .output()
        .unwrap();
    assert!(out.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    yaml::parse_documents_v3(&text, &Limits::default()).unwrap()
}
