//! Which changed files make a pull request interesting.

use std::fmt;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::pull::ChangedFiles;

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pattern `{pattern}` cannot be read: {reason}")]
pub struct RuleError {
    /// The pattern as written.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Which changed files make a pull request interesting. An exclude vetoes its file; with no include every file counts.
#[derive(Clone, Default)]
pub struct PathRules {
    written: String,
    include: Option<GlobSet>,
    exclude: GlobSet,
}

impl PathRules {
    /// Compiles glob patterns: `*` stays within a directory and `**` crosses them, as in GitHub's own `paths`.
    /// Errors name the first pattern that is not a glob.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, RuleError> {
        let written = format!("{include:?} {exclude:?}");
        let include = if include.is_empty() { None } else { Some(compile(include)?) };
        Ok(Self { written, include, exclude: compile(exclude)? })
    }

    /// Whether a pull request with these files counts. Where GitHub did not list all of them, every path counts as changed.
    pub fn accept(&self, files: &ChangedFiles) -> bool {
        self.accept_all() || !files.complete || self.touch(files.paths.iter().map(String::as_str))
    }

    /// Whether any of these files counts.
    pub fn touch<'a>(&self, mut files: impl Iterator<Item = &'a str>) -> bool {
        files.any(|file| {
            !self.exclude.is_match(file) && self.include.as_ref().is_none_or(|set| set.is_match(file))
        })
    }

    /// Whether every possible file counts, so that nobody need ask which ones changed.
    pub fn accept_all(&self) -> bool {
        self.include.is_none() && self.exclude.is_empty()
    }
}

/// Only what was written: how it is compiled is not the same in every run.
impl fmt::Debug for PathRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PathRules").field(&self.written).finish()
    }
}

fn compile(patterns: &[String]) -> Result<GlobSet, RuleError> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(pattern)
            .literal_separator(true)
            .build()
            .map_err(|e| RuleError { pattern: pattern.clone(), reason: e.kind().to_string() })?;
        set.add(glob);
    }
    set.build().map_err(|e| RuleError { pattern: patterns.join(", "), reason: e.to_string() })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "patterns of the cases are globs")]
    use super::*;

    fn touched(include: &[&str], exclude: &[&str], files: &[&str]) -> bool {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        PathRules::new(&own(include), &own(exclude)).unwrap().touch(files.iter().copied())
    }

    #[test]
    fn excludes_veto_and_includes_narrow() {
        assert!(touched(&[], &[], &["README.md"]));
        assert!(touched(&["apps/**"], &[], &["README.md", "apps/web/x.yaml"]));
        assert!(!touched(&["apps/foo/**"], &[], &["apps/foobar/x.yaml"]));
        assert!(!touched(&["apps/**"], &["**/*.md"], &["apps/web/README.md"]));
        assert!(touched(&[], &["docs/**"], &["docs/a.md", "b"]));
        assert!(!touched(&[], &["docs/**"], &["docs/a.md"]));
        assert!(!touched(&[], &[], &[]));
        assert!(!touched(&["apps/*"], &[], &["apps/web/x.yaml"]), "one star stays within its directory");
    }

    #[test]
    fn a_bad_pattern_is_named() {
        let error = PathRules::new(&["apps/[".to_owned()], &[]).unwrap_err();
        assert!(error.to_string().contains("`apps/[`"), "{error}");
    }
}
