//! Which files of a repository belong to which cluster, as far as the files themselves tell.
//!
//! An entry point is a directory that a Kustomization in it renders, as `flux bootstrap` writes it (`clusters/staging`). Where
//! files elsewhere give one name to several Kustomizations, the directories in which they lie apart are entry points too.

use std::collections::{BTreeMap, BTreeSet};

use flux::{Kustomization, ObjectKey};

use super::files::{Found, Written};

/// Both sides of the files that one cluster is taken to begin with.
pub(in crate::analyse) struct Entry {
    /// The directory; `None` for the files that are in no entry point's.
    pub(in crate::analyse) dir: Option<String>,
    /// What its files hold at the base.
    pub(super) base: Found,
    /// And at the result.
    pub(super) result: Found,
}

/// The entry points of a repository: at least one, what is in none comes last.
pub(super) fn split(base: Found, result: Found) -> Vec<Entry> {
    let roots = outermost([&base, &result].into_iter().flat_map(rooted).collect());
    let apart = [&base, &result].into_iter().flat_map(|side| apart(side, &roots)).collect();
    if roots.len() + BTreeSet::len(&apart) < 2 {
        return vec![Entry { dir: None, base, result }];
    }
    let home = |path: &str| home(path, &roots, &apart);
    let (mut base, mut result) = (by_home(base, &home), by_home(result, &home));
    let mut dirs: Vec<Option<String>> = roots.iter().chain(&apart).cloned().map(Some).collect();
    dirs.push(None);
    let entry = |dir: Option<String>| Entry {
        base: base.remove(&dir).unwrap_or_default(),
        result: result.remove(&dir).unwrap_or_default(),
        dir,
    };
    // Also those without Kustomizations, for their sources.
    let mut entries = with_shared_sources(dirs.into_iter().map(entry).collect());
    entries.retain(|entry| entry.kustomizations().next().is_some());
    entries
}

impl Entry {
    /// Whether all of its Kustomizations are in these files, so that it is none of its own.
    pub(in crate::analyse) fn is_within(&self, files: &BTreeSet<String>) -> bool {
        self.kustomizations().all(|written| files.contains(&written.path))
    }

    /// Whether any of them is.
    pub(in crate::analyse) fn touches(&self, files: &BTreeSet<String>) -> bool {
        self.kustomizations().any(|written| files.contains(&written.path))
    }

    fn kustomizations(&self) -> impl Iterator<Item = &Written> {
        self.base.kustomizations.iter().chain(&self.result.kustomizations)
    }
}

/// Directories that a Kustomization renders from which it is read itself.
fn rooted(side: &Found) -> Vec<String> {
    let own = |written: &Written| {
        let dir = plain(&Kustomization::from_value(&written.value).ok()?.spec.path)?;
        below(&written.path, &dir).then_some(dir)
    };
    side.kustomizations.iter().filter_map(own).collect()
}

/// A directory as paths in a tree are written; `None` where it leads up.
fn plain(dir: &str) -> Option<String> {
    let parts: Vec<&str> = dir.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    (!parts.contains(&"..")).then(|| parts.join("/"))
}

fn below(path: &str, dir: &str) -> bool {
    dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

fn outermost(dirs: BTreeSet<String>) -> BTreeSet<String> {
    let inside = |dir: &String| dirs.iter().any(|other| other != dir && below(dir, other));
    dirs.iter().filter(|dir| !inside(dir)).cloned().collect()
}

/// Directories outside those of `roots` in which Kustomizations of one name lie apart.
fn apart(side: &Found, roots: &BTreeSet<String>) -> Vec<String> {
    let mut by_name: BTreeMap<ObjectKey, BTreeSet<&str>> = BTreeMap::new();
    for written in &side.kustomizations {
        if let Ok(kustomization) = Kustomization::from_value(&written.value) {
            by_name.entry(kustomization.key).or_default().insert(&written.path);
        }
    }
    let mut dirs = Vec::new();
    for paths in by_name.values() {
        let paths = paths.iter().map(|path| path.split('/').collect()).collect();
        diverge(paths, 0, &mut dirs);
    }
    dirs.retain(|dir| !roots.iter().any(|root| dir == root || below(dir, root)));
    dirs
}

/// Goes down until the paths part, and on in each part that still holds several.
fn diverge(paths: Vec<Vec<&str>>, depth: usize, dirs: &mut Vec<String>) {
    let mut waiting = vec![(paths, depth)];
    while let Some((paths, depth)) = waiting.pop() {
        if paths.len() < 2 {
            continue;
        }
        let mut parts: BTreeMap<&str, Vec<Vec<&str>>> = BTreeMap::new();
        // A file in the very directory where the others part is in none of theirs.
        for path in paths.into_iter().filter(|path| path.len() > depth + 1) {
            parts.entry(path[depth]).or_default().push(path);
        }
        let several = parts.len() > 1;
        for part in parts.into_values() {
            if several {
                dirs.extend(part.first().map(|path| path[..=depth].join("/")));
            }
            waiting.push((part, depth + 1));
        }
    }
}

/// The directory that a file belongs to: an entry point's own counts before one that was made out.
fn home(path: &str, roots: &BTreeSet<String>, apart: &BTreeSet<String>) -> Option<String> {
    let longest = |dirs: &BTreeSet<String>| {
        dirs.iter().filter(|dir| below(path, dir)).max_by_key(|dir| dir.len()).cloned()
    };
    longest(roots).or_else(|| longest(apart))
}

fn by_home(side: Found, home: &dyn Fn(&str) -> Option<String>) -> BTreeMap<Option<String>, Found> {
    let mut all: BTreeMap<Option<String>, Found> = BTreeMap::new();
    for written in side.sources {
        all.entry(home(&written.path)).or_default().sources.push(written);
    }
    for written in side.generators {
        all.entry(home(&written.path)).or_default().generators.push(written);
    }
    for written in side.kustomizations {
        all.entry(home(&written.path)).or_default().kustomizations.push(written);
    }
    all
}

/// Sources in no entry point's files are every one's; those files, for their part, may mean anybody's. One's own come last,
/// and the last of a name counts.
fn with_shared_sources(mut entries: Vec<Entry>) -> Vec<Entry> {
    let sources = |shared: bool| -> (Vec<Written>, Vec<Written>) {
        let some = entries.iter().filter(|entry| entry.dir.is_none() == shared);
        let each = some.map(|entry| (entry.base.sources.clone(), entry.result.sources.clone()));
        let (base, result): (Vec<_>, Vec<_>) = each.unzip();
        (base.concat(), result.concat())
    };
    let (everyones, others) = (sources(true), sources(false));
    for entry in &mut entries {
        let (base, result) = if entry.dir.is_none() { &others } else { &everyones };
        entry.base.sources.splice(0..0, base.iter().cloned());
        entry.result.sources.splice(0..0, result.iter().cloned());
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// `FILE NAME PATH` of each Kustomization, to `DIRECTORY: FILES` of each entry point.
    fn check(files: &[&str], expected: &[&str]) {
        let kustomizations = files.iter().map(|line| {
            let [file, name, path] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let value = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                "metadata": {"name": name, "namespace": "flux-system"},
                "spec": {"path": path, "sourceRef": {"kind": "GitRepository", "name": "fleet"}}});
            Written { path: file.to_owned(), value }
        });
        let found = Found { kustomizations: kustomizations.collect(), ..Found::default() };
        let entries = split(found.clone(), found);
        let shown: Vec<String> = entries
            .iter()
            .filter(|entry| entry.kustomizations().next().is_some())
            .map(|entry| {
                let files: Vec<&str> = entry.base.kustomizations.iter().map(|w| w.path.as_str()).collect();
                format!("{}: {}", entry.dir.as_deref().unwrap_or("-"), files.join(" "))
            })
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn each_cluster_is_an_entry_point() {
        check(
            &[
                "clusters/a/flux-system/sync.yaml flux-system ./clusters/a",
                "clusters/a/apps.yaml apps ./apps/a",
                "clusters/b/flux-system/sync.yaml flux-system clusters/b/",
                "clusters/b/infra.yaml infra ./infra",
                "tenants/base/sync.yaml tenant ./tenant",
            ],
            &[
                "clusters/a: clusters/a/flux-system/sync.yaml clusters/a/apps.yaml",
                "clusters/b: clusters/b/flux-system/sync.yaml clusters/b/infra.yaml",
                "-: tenants/base/sync.yaml",
            ],
        );
    }

    #[test]
    fn names_that_lie_apart_are_entry_points_too() {
        check(
            &[
                "c/eu/apps.yaml apps ./apps",
                "c/us/dev/apps.yaml apps ./apps",
                "c/us/prod/apps.yaml apps ./apps",
                "c/us/prod/infra.yaml infra ./infra",
                "x.yaml x ./x",
            ],
            &[
                "c/eu: c/eu/apps.yaml",
                "c/us/dev: c/us/dev/apps.yaml",
                "c/us/prod: c/us/prod/apps.yaml c/us/prod/infra.yaml",
                "-: x.yaml",
            ],
        );
        check(
            &["c/a/sync.yaml root ./c/a", "c/a/apps.yaml apps ./x", "c/b/apps.yaml apps ./y"],
            &["c/a: c/a/sync.yaml c/a/apps.yaml", "c/b: c/b/apps.yaml"],
        );
    }

    #[test]
    fn one_cluster_is_not_split() {
        check(&["c/a/sync.yaml root ./c/a", "x/y.yaml y ./y"], &["-: c/a/sync.yaml x/y.yaml"]);
        check(
            &["sync.yaml root ./", "c/a/sync.yaml a ./c/a", "c/b/b.yaml b ./c/b"],
            &["-: sync.yaml c/a/sync.yaml c/b/b.yaml"],
        );
        check(&["c/a.yaml apps ./a", "c/b.yaml apps ./b"], &["-: c/a.yaml c/b.yaml"]);
        check(&["c/a.yaml up ../c", "d/a.yaml other ./e"], &["-: c/a.yaml d/a.yaml"]);
        check(&[], &[]);
    }
}
