//! What is watched in a repository, and where its reports go.

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use crate::names::RepoName;
use crate::pull::PullRequest;

/// A path rule that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path pattern `{pattern}` is not a glob: {reason}")]
pub struct RuleError {
    /// The pattern as written.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Which changed files make a pull request interesting. An exclude vetoes its file; with no include every file counts.
#[derive(Debug, Clone)]
pub struct PathRules {
    include: Option<GlobSet>,
    exclude: GlobSet,
}

impl PathRules {
    /// Compiles glob patterns (`**` crosses directories). Errors name the first pattern that is not a glob.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, RuleError> {
        let include = if include.is_empty() { None } else { Some(compile(include)?) };
        Ok(Self { include, exclude: compile(exclude)? })
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

fn compile(patterns: &[String]) -> Result<GlobSet, RuleError> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = Glob::new(pattern)
            .map_err(|e| RuleError { pattern: pattern.clone(), reason: e.kind().to_string() })?;
        set.add(glob);
    }
    set.build().map_err(|e| RuleError { pattern: patterns.join(", "), reason: e.to_string() })
}

/// One watched repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RepoRule {
    /// The repository.
    pub repo: RepoName,
    /// The Slack channel id that its reports go to.
    pub channel: String,
    /// Globs of files that count; empty means all.
    pub include: Vec<String>,
    /// Globs of files that never count.
    pub exclude: Vec<String>,
    /// Base branches that count; empty means all.
    pub base_branches: Vec<String>,
    /// Whether drafts are reported.
    pub drafts: bool,
}

impl RepoRule {
    /// Whether this pull request is watched, by everything but its files.
    pub fn watches(&self, pull: &PullRequest) -> bool {
        let base = self.base_branches.is_empty() || self.base_branches.contains(&pull.base_branch);
        base && (self.drafts || !pull.draft)
    }
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
    }

    #[test]
    fn a_bad_pattern_is_named() {
        let error = PathRules::new(&["apps/[".to_owned()], &[]).unwrap_err();
        assert!(error.to_string().contains("`apps/[`"), "{error}");
    }
}
