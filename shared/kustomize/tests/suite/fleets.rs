//! Every kustomization of the repositories in `fleets`, against what the kustomize library builds. Its answers are
//! recorded in `fleets/NAME.recorded`, one section per directory; `PREFLUX_KUSTOMIZE_RECORD` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use kustomize::{MemoryTree, Options, build, yaml};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::common::{ask, program};
use crate::repositories::Fleet;

const FLEETS: [&str; 3] = ["monorepo", "platform", "tenants"];

/// Bytes from which on a text is recorded by its hash.
const LARGE: usize = 20_000;

type Answers = Vec<Result<String, String>>;

fn ours(fleet: &Fleet) -> Answers {
    let tree = MemoryTree::new(fleet.files.clone());
    let built = |root: &String| match build(&tree, root, &Options::default()) {
        Ok(built) => Ok(yaml::emit_all(built.objects.iter().map(|o| &o.value))),
        Err(error) => Err(error.to_string()),
    };
    fleet.roots.iter().map(built).collect()
}

fn theirs(oracle: &str, fleet: &Fleet) -> Answers {
    let requests: Vec<Value> =
        fleet.roots.iter().map(|root| json!({ "files": fleet.files, "root": root })).collect();
    ask(oracle, &requests)
}

fn record_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fleets/{name}.recorded"))
}

/// One section per directory: what it builds, or that it fails.
fn record(fleet: &Fleet, answers: &Answers) -> String {
    let section = |(root, answer): (&String, &Result<String, String>)| match answer {
        Ok(text) if text.len() >= LARGE => {
            format!("=== {root}\n{} bytes, {}\n", text.len(), hex::encode(Sha256::digest(text)))
        }
        Ok(text) => format!("=== {root}\n{text}"),
        Err(_) => format!("=== {root}\nerror\n"),
    };
    fleet.roots.iter().zip(answers).map(section).collect()
}

fn check(name: &str, fleet: &Fleet, ours: &Answers, expected: &str) {
    assert!(fleet.roots.len() >= 15, "{name} is too small");
    let ours = record(fleet, ours);
    let differs = |(a, b): (&str, &str)| (a != b).then(|| format!("-- ours:\n{a}\n-- library:\n{b}\n"));
    let failures: String = ours.split("=== ").zip(expected.split("=== ")).filter_map(differs).collect();
    assert!(failures.is_empty(), "{name}:\n{failures}");
    assert_eq!(ours, expected, "{name}");
}

#[test]
fn fleets_build_as_recorded() {
    for name in FLEETS {
        let fleet = Fleet::load(name);
        check(name, &fleet, &ours(&fleet), &fs::read_to_string(record_file(name)).unwrap());
    }
}

#[test]
fn fleets_build_as_the_library_builds_them() {
    let test = "fleets_build_as_the_library_builds_them";
    let Some(oracle) = program("PREFLUX_KUSTOMIZE_ORACLE", test, "no oracle") else { return };
    for name in FLEETS {
        let fleet = Fleet::load(name);
        let expected = record(&fleet, &theirs(&oracle, &fleet));
        if std::env::var("PREFLUX_KUSTOMIZE_RECORD").is_ok() {
            fs::write(record_file(name), &expected).unwrap();
        }
        check(name, &fleet, &ours(&fleet), &expected);
    }
}

#[test]
fn a_grown_fleet_builds_everywhere() {
    let fleet = Fleet::scaled(200);
    assert_eq!(fleet.roots.len(), 200);
    let failed: Vec<String> = ours(&fleet).into_iter().filter_map(Result::err).collect();
    assert_eq!(failed, Vec::<String>::new());
}
