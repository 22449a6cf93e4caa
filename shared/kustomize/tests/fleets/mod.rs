//! Repositories as people keep them, one folder each, and one of them grown to any size. Tests build them;
//! benchmarks include this file to measure on a large one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Kustomizations of one cluster.
const CLUSTER: usize = 9;

/// A repository: its files, and the directories with a kustomization.
pub(crate) struct Fleet {
    /// Path to text.
    pub(crate) files: BTreeMap<String, String>,
    /// Sorted.
    pub(crate) roots: Vec<String>,
}

impl Fleet {
    /// The folder of that name beside this file.
    pub(crate) fn load(name: &str) -> Fleet {
        let mut files = BTreeMap::new();
        read(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/kustomize/tests/fleets").join(name),
            "",
            &mut files,
        );
        Fleet::of(files)
    }

    /// The repository `monorepo` with so many clusters more that exactly `wanted` kustomizations of clusters are there.
    pub(crate) fn scaled(wanted: usize) -> Fleet {
        let Fleet { mut files, .. } = Fleet::load("monorepo");
        let cluster: Vec<(String, String)> = files
            .iter()
            .filter(|(path, _)| path.starts_with("clusters/alpha/"))
            .map(|(path, text)| (path.clone(), text.clone()))
            .collect();
        for number in 0..wanted.div_ceil(CLUSTER) {
            let name = format!("c{number:04}");
            files.extend(
                cluster
                    .iter()
                    .map(|(path, text)| (path.replace("alpha", &name), text.replace("alpha", &name))),
            );
        }
        let mut fleet = Fleet::of(files);
        fleet.roots.retain(|root| root.starts_with("clusters/c"));
        fleet.roots.truncate(wanted);
        fleet
    }

    fn of(files: BTreeMap<String, String>) -> Fleet {
        let dir = |path: &String| path.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned();
        let is_kustomization = |path: &&String| {
            matches!(
                path.rsplit('/').next(),
                Some("kustomization.yaml" | "kustomization.yml" | "Kustomization")
            )
        };
        let mut roots: Vec<String> = files.keys().filter(is_kustomization).map(dir).collect();
        roots.sort();
        Fleet { files, roots }
    }
}

fn read(dir: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).expect("the repository is there") {
        let entry = entry.expect("the repository can be listed");
        let path = format!("{prefix}{}", entry.file_name().to_str().expect("a name in UTF-8"));
        if entry.path().is_dir() {
            read(&entry.path(), &format!("{path}/"), files);
        } else {
            files.insert(path, fs::read_to_string(entry.path()).expect("a text"));
        }
    }
}
