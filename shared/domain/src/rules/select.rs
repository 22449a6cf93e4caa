//! Names by pattern: labels, logins, branches, repositories.

use std::collections::BTreeSet;

use regex::Regex;

use super::RuleError;
use crate::names::RepoName;

/// Which names count. An exclude vetoes; with no include every other name counts. In a pattern `*` stands for any text, everything
/// else for itself: brackets too, so that `renovate[bot]` means the bot.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    include: Vec<Pattern>,
    exclude: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern(Regex);

impl Selection {
    /// Compiles patterns. Capitals count unless `any_case`. An empty pattern is an error.
    pub fn new(include: &[String], exclude: &[String], any_case: bool) -> Result<Self, RuleError> {
        let compile = |patterns: &[String]| -> Result<Vec<Pattern>, RuleError> {
            patterns.iter().map(|p| Pattern::new(p, any_case)).collect()
        };
        Ok(Self { include: compile(include)?, exclude: compile(exclude)? })
    }

    /// Whether every name counts.
    pub fn accept_all(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Whether something with this one name counts.
    pub fn accept(&self, name: &str) -> bool {
        self.accept_any(std::iter::once(name))
    }

    /// Whether something with these names counts: one is included (or none need be), and none is excluded.
    pub fn accept_any<'a>(&self, names: impl Iterator<Item = &'a str> + Clone) -> bool {
        let hit =
            |patterns: &[Pattern]| names.clone().any(|name| patterns.iter().any(|p| p.0.is_match(name)));
        !hit(&self.exclude) && (self.include.is_empty() || hit(&self.include))
    }
}

impl Pattern {
    fn new(written: &str, any_case: bool) -> Result<Self, RuleError> {
        let error = |reason: &str| RuleError { pattern: written.to_owned(), reason: reason.to_owned() };
        if written.trim().is_empty() {
            return Err(error("it is empty"));
        }
        let parts: Vec<String> = written.split('*').map(regex::escape).collect();
        let text = format!("(?s{})^{}$", if any_case { "i" } else { "" }, parts.join(".*"));
        let read = Regex::new(&text).map_err(|_| error("it is too long"))?;
        Ok(Self(read))
    }
}

/// Which repositories a rule is about.
#[derive(Debug, Clone)]
pub enum Repositories {
    /// This one.
    Named(RepoName),
    /// Those of an organisation (or of a person) whose name, without the owner's, counts.
    Of {
        /// The organisation's login.
        owner: String,
        /// Which of its repositories.
        names: Selection,
    },
    /// Those that GitRepositories in the cluster point to and whose full name, `owner/name`, counts.
    Discovered {
        /// Which of them.
        names: Selection,
    },
}

impl Repositories {
    /// Whether a repository is meant; `discovered` are those that GitRepositories in the cluster point to.
    pub fn mean(&self, repo: &RepoName, discovered: &BTreeSet<RepoName>) -> bool {
        match self {
            Self::Named(name) => name == repo,
            Self::Of { owner, names } => {
                owner.eq_ignore_ascii_case(repo.owner()) && names.accept(repo.name())
            }
            Self::Discovered { names } => discovered.contains(repo) && names.accept(&repo.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "patterns of the cases are well formed")]
    use super::*;

    fn selection(include: &[&str], exclude: &[&str], any_case: bool) -> Selection {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        Selection::new(&own(include), &own(exclude), any_case).unwrap()
    }

    #[test]
    fn names_are_selected_by_pattern() {
        for (include, exclude, any_case, names, wanted) in [
            (&[][..], &[][..], false, &[][..], true),
            (&["flux"], &[], false, &[], false),
            (&[], &["wip"], false, &[], true),
            (&["flux*"], &[], false, &["docs", "flux/infra"], true),
            (&["flux"], &[], false, &["fluxcd"], false),
            (&["flux"], &["wip"], false, &["flux", "wip"], false),
            (&["renovate[bot]"], &[], true, &["Renovate[bot]"], true),
            (&["renovate[bot]"], &[], true, &["renovateb"], false),
            (&["release-*"], &[], false, &["Release-1"], false),
            (&["a.c"], &[], false, &["abc"], false),
            (&["*"], &[], false, &["two\nlines"], true),
        ] {
            let found = selection(include, exclude, any_case).accept_any(names.iter().copied());
            assert_eq!(found, wanted, "{include:?} {exclude:?} {names:?}");
        }
        assert!(
            Selection::new(&[" ".to_owned()], &[], false).unwrap_err().to_string().contains("it is empty")
        );
    }

    #[test]
    fn repositories_are_meant_by_name_owner_or_discovery() {
        let repo: RepoName = "acme/fleet".parse().unwrap();
        let none = BTreeSet::new();
        let found = BTreeSet::from([repo.clone()]);
        let of = |owner: &str, include: &[&str], exclude: &[&str]| Repositories::Of {
            owner: owner.to_owned(),
            names: selection(include, exclude, true),
        };
        assert!(Repositories::Named(repo.clone()).mean(&repo, &none));
        assert!(of("Acme", &["fl*"], &[]).mean(&repo, &none));
        assert!(!of("acme", &[], &["fleet"]).mean(&repo, &none));
        assert!(!of("other", &[], &[]).mean(&repo, &none));
        let discovered = |include: &[&str]| Repositories::Discovered { names: selection(include, &[], true) };
        assert!(!discovered(&[]).mean(&repo, &none));
        assert!(discovered(&["acme/*"]).mean(&repo, &found));
        assert!(!discovered(&["other/*"]).mean(&repo, &found));
    }
}
