//! Whether a build has to be done again: it has, exactly when something that it read, listed or looked for changed.

use std::collections::BTreeSet;

/// Whether anything that was read (or listed, or looked for) is among the changed paths of the artifact.
pub(super) fn touches(reads: &BTreeSet<String>, changed: &BTreeSet<String>) -> bool {
    reads.iter().any(|read| {
        if read.is_empty() || changed.contains(read) {
            return !changed.is_empty();
        }
        let below = format!("{read}/");
        changed.range(below.clone()..).next().is_some_and(|path| path.starts_with(&below))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reads: &[&str], changed: &[&str], expected: bool) {
        let set = |paths: &[&str]| paths.iter().map(|p| (*p).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(touches(&set(reads), &set(changed)), expected, "{reads:?} {changed:?}");
    }

    #[test]
    fn a_build_is_touched_by_what_it_read_and_by_nothing_else() {
        check(&["apps/foo"], &["apps/foobar/x.yaml"], false);
        check(&["apps/foo"], &["apps/foo/new.yaml"], true);
        check(&["apps/foo/a.yaml"], &["apps/foo/a.yaml"], true);
        check(&["apps/foo/a.yaml"], &["apps/foo/b.yaml"], false);
        check(&["apps/foo/kustomization.yml"], &["apps/foo/kustomization.yml"], true);
        check(&[""], &["README.md"], true);
        check(&[""], &[], false);
    }
}
