//! The ignore patterns of source-controller: gitignore syntax with differences. The last pattern that matches wins,
//! an excluded directory does not exclude what a later `!` pattern brings back, and `**` counts only as a whole
//! segment.

use crate::glob;

/// What is never in an artifact.
const VCS: [&str; 4] = [".git/", ".gitignore", ".gitmodules", ".gitattributes"];

/// What is left out when there is no pattern of the user's at all.
const DEFAULTS: [&str; 20] = [
    "*.jpg",
    "*.jpeg",
    "*.gif",
    "*.png",
    "*.wmv",
    "*.flv",
    "*.tar.gz",
    "*.zip",
    ".github/",
    ".circleci/",
    ".travis.yml",
    ".gitlab-ci.yml",
    "appveyor.yml",
    ".drone.yml",
    "cloudbuild.yaml",
    "codeship-services.yml",
    "codeship-steps.yml",
    "**/.goreleaser.yml",
    "**/.sops.yaml",
    "**/.flux.yaml",
];

/// Patterns in the order of rising priority.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patterns(Vec<Pattern>);

#[derive(Debug, Clone)]
struct Pattern {
    domain: Vec<String>,
    segments: Vec<String>,
    include: bool,
    directories_only: bool,
}

impl Patterns {
    /// Adds the patterns of a file that stands in the directory `domain`, or of `spec.ignore` at the root.
    pub(crate) fn add(&mut self, text: &str, domain: &str) {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        self.0.extend(lines.map(|line| Pattern::parse(line, domain)));
    }

    /// The patterns that count: what is never there, then the user's, or the defaults when the user has none.
    pub(crate) fn complete(self) -> Self {
        let builtin = |lines: &[&str]| lines.iter().map(|line| Pattern::parse(line, "")).collect::<Vec<_>>();
        let mut patterns = builtin(&VCS);
        patterns.extend(if self.0.is_empty() { builtin(&DEFAULTS) } else { self.0 });
        Self(patterns)
    }

    /// Whether the patterns exclude a path, given as its parts.
    pub(crate) fn exclude(&self, path: &[&str], directory: bool) -> bool {
        let decisive = self.0.iter().rev().find(|pattern| pattern.matches(path, directory));
        decisive.is_some_and(|pattern| !pattern.include)
    }
}

impl Pattern {
    fn parse(line: &str, domain: &str) -> Self {
        let (include, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let line = if line.ends_with("\\ ") { line } else { line.trim_end_matches(' ') };
        let (directories_only, line) = line.strip_suffix('/').map_or((false, line), |rest| (true, rest));
        let parts = |text: &str| text.split('/').map(str::to_owned).collect();
        let domain = if domain.is_empty() { Vec::new() } else { parts(domain) };
        Self { domain, segments: parts(line), include, directories_only }
    }

    fn matches(&self, path: &[&str], directory: bool) -> bool {
        let depth = self.domain.len();
        if path.len() <= depth || !self.domain.iter().zip(path).all(|(domain, part)| domain == part) {
            return false;
        }
        let path = &path[depth..];
        match self.segments.as_slice() {
            [name] => self.matches_name(name, path, directory),
            _ => self.matches_path(path, directory),
        }
    }

    /// A pattern without a slash matches any part of the path.
    fn matches_name(&self, name: &str, path: &[&str], directory: bool) -> bool {
        let Some(found) = path.iter().position(|part| matches(name, part)) else { return false };
        directory || !self.directories_only || found + 1 < path.len()
    }

    /// A pattern with a slash matches from the start of the path, to its end or to a directory on the way.
    fn matches_path(&self, path: &[&str], directory: bool) -> bool {
        let (mut rest, mut matched, mut anywhere) = (path, false, false);
        for (i, segment) in self.segments.iter().enumerate() {
            match segment.as_str() {
                "" => anywhere = false,
                "**" if i + 1 == self.segments.len() => break,
                "**" => anywhere = true,
                _ if segment.contains("**") || rest.is_empty() => return false,
                _ if anywhere => {
                    anywhere = false;
                    match rest.iter().position(|part| matches(segment, part)) {
                        Some(found) => (matched, rest) = (true, &rest[found + 1..]),
                        None => (matched, rest) = (false, &[]),
                    }
                }
                _ if matches(segment, rest[0]) => (matched, rest) = (true, &rest[1..]),
                _ => return false,
            }
        }
        matched && (directory || !self.directories_only || !rest.is_empty())
    }
}

/// A bad pattern, and one that takes too long, matches nothing.
fn matches(pattern: &str, part: &str) -> bool {
    let budget = &mut glob::Budget(1_000_000);
    matches!(glob::matches(pattern.as_bytes(), part.as_bytes(), budget), Some(Ok(true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded(patterns: &[(&str, &str)], path: &str) -> bool {
        let mut all = Patterns::default();
        patterns.iter().for_each(|(domain, text)| all.add(text, domain));
        let (path, directory) = path.strip_suffix('/').map_or((path, false), |path| (path, true));
        all.complete().exclude(&path.split('/').collect::<Vec<_>>(), directory)
    }

    #[test]
    fn defaults_count_only_without_patterns() {
        for path in [".git/", ".git/config", "a/.gitignore", "a/x.png", ".github/w.yaml", "a/b/.sops.yaml"] {
            assert!(excluded(&[], path), "{path}");
        }
        assert!(!excluded(&[], "a/.github") && !excluded(&[], "apps/x.yaml"));
        assert!(!excluded(&[("", "*.md")], "a/x.png") && excluded(&[("", "*.md")], ".gitmodules"));
    }

    #[test]
    fn the_last_match_wins() {
        let rules = &[("", "/*\n!/apps\n# a comment\n\napps/secret/")][..];
        assert!(excluded(rules, "infra") && excluded(rules, "infra/x.yaml"));
        assert!(!excluded(rules, "apps/x.yaml") && excluded(rules, "apps/secret/x.yaml"));
        assert!(!excluded(rules, "apps/secret"));
        assert!(!excluded(&[("", "a/\n!a/keep.yaml")], "a/keep.yaml"));
    }

    #[test]
    fn patterns_of_a_directory_stay_in_it() {
        let rules = &[("apps", "*.txt\n/x/y")][..];
        assert!(
            excluded(rules, "apps/a.txt") && excluded(rules, "apps/b/c.txt") && !excluded(rules, "a.txt")
        );
        assert!(excluded(rules, "apps/x/y") && !excluded(rules, "apps/z/x/y"));
    }

    #[test]
    fn double_stars_are_whole_segments() {
        assert!(excluded(&[("", "**/x/y")], "a/b/x/y") && excluded(&[("", "a/**")], "a/b"));
        assert!(!excluded(&[("", "a/b**")], "a/bc") && !excluded(&[("", "[")], "["));
    }
}
