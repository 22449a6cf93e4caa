//! What the benchmarks build: trees of files made in memory, the same on every run.
//!
//! The crate's own benchmarks and the program that is timed beside kustomize share this. A new workload is a
//! function that answers with a [`Workload`] and a line in [`named`].

mod crds;
#[path = "../../tests/fleets/mod.rs"]
mod fleets;
mod manifests;
mod team;

use std::collections::BTreeMap;

/// Files, and the directories of them that are built one after the other.
pub(crate) struct Workload {
    /// Path to text.
    pub(crate) files: BTreeMap<String, String>,
    /// The directories that are built.
    pub(crate) builds: Vec<String>,
}

impl Workload {
    fn of_one(files: BTreeMap<String, String>, root: &str) -> Self {
        Workload { files, builds: vec![root.to_owned()] }
    }
}

/// The workload of a name: `overlay`, `fleet`, `crds`, or a number of objects.
pub(crate) fn named(name: &str) -> Option<Workload> {
    Some(match name {
        "overlay" => manifests::one_overlay(),
        "fleet" => fleet(200),
        "crds" => crds::large(60, 200_000),
        objects => team::objects(objects.parse().ok()?),
    })
}

/// A fleet repository with so many Kustomizations.
fn fleet(kustomizations: usize) -> Workload {
    let fleets::Fleet { files, roots } = fleets::Fleet::scaled(kustomizations);
    Workload { files, builds: roots }
}
