//! The GitRepository (`source.toolkit.fluxcd.io/v1`), and whether it follows a branch of a repository.

use serde_json::Value;

use crate::fields::Fields;
use crate::kustomization::{object_key, ready};
use crate::{Condition, Error, ObjectKey, normalise_url};

/// The branch that Flux follows when a GitRepository names no reference.
const DEFAULT_BRANCH: &str = "master";

/// A GitRepository, live or rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct GitRepository {
    /// Its namespace and name.
    pub key: ObjectKey,
    /// The clone URL, as written.
    pub url: String,
    /// What it follows.
    pub reference: Reference,
    /// `spec.ignore`: patterns in gitignore syntax.
    pub ignore: Option<String>,
    /// `spec.sparseCheckout`: directories to check out; empty means all.
    pub sparse_checkout: Vec<String>,
    /// `spec.include`: content of other GitRepositories.
    pub include: Vec<Include>,
    /// `spec.recurseSubmodules`.
    pub recurse_submodules: bool,
    /// `spec.suspend`.
    pub suspend: bool,
    /// The revision of the current artifact, such as `main@sha1:<40 hex>`.
    pub revision: Option<String>,
    /// The `Ready` condition.
    pub ready: Option<Condition>,
    /// The object as it was given.
    pub value: Value,
}

/// `spec.ref` of a GitRepository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reference {
    /// A branch.
    pub branch: Option<String>,
    /// A tag.
    pub tag: Option<String>,
    /// A range of tags.
    pub semver: Option<String>,
    /// A full reference name, such as `refs/heads/main`.
    pub name: Option<String>,
    /// A commit.
    pub commit: Option<String>,
}

/// An entry of `spec.include`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// The included GitRepository, in the same namespace.
    pub repository: String,
    /// What to copy.
    pub from_path: Option<String>,
    /// Where to; the repository's name when absent.
    pub to_path: Option<String>,
}

/// Whether merging into a branch moves a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Follows {
    /// The source follows the branch.
    Branch,
    /// The source is of this repository and stays where it is until the pin moves.
    Pinned {
        /// What holds it, such as `tag v1.2.3`.
        what: String,
    },
    /// The source is of another repository or another branch.
    No,
}

impl GitRepository {
    /// Reads a GitRepository, live or rendered. The namespace must be given.
    pub fn from_value(value: &Value) -> Result<Self, Error> {
        let key = object_key("GitRepository", "source.toolkit.fluxcd.io", value)?;
        let root = Fields::root(format!("GitRepository/{key}"), value)?;
        let (spec, status) = (root.object("spec")?, root.object("status")?);
        let reference = spec.object("ref")?;
        Ok(Self {
            key,
            url: spec.required("url")?,
            reference: Reference {
                branch: reference.string("branch")?,
                tag: reference.string("tag")?,
                semver: reference.string("semver")?,
                name: reference.string("name")?,
                commit: reference.string("commit")?,
            },
            ignore: spec.string("ignore")?,
            sparse_checkout: spec.strings("sparseCheckout")?,
            include: spec.list("include", |f| {
                Ok(Include {
                    repository: f.object("repository")?.required("name")?,
                    from_path: f.string("fromPath")?,
                    to_path: f.string("toPath")?,
                })
            })?,
            recurse_submodules: spec.flag("recurseSubmodules")?,
            suspend: spec.flag("suspend")?,
            revision: status.object("artifact")?.string("revision")?,
            ready: ready(&status)?,
            value: value.clone(),
        })
    }

    /// Whether this source follows `branch` of the repository known by any of `clone_urls`.
    ///
    /// The fields of `spec.ref` count in the order in which source-controller looks at them: commit, name, tag,
    /// semver, branch; without any it is `master`.
    pub fn follows(&self, clone_urls: &[impl AsRef<str>], branch: &str) -> Follows {
        let Some(own) = normalise_url(&self.url) else { return Follows::No };
        if !clone_urls.iter().any(|url| normalise_url(url.as_ref()).as_ref() == Some(&own)) {
            return Follows::No;
        }
        self.reference.follows(branch)
    }
}

impl Reference {
    /// Whether this reference follows `branch`.
    pub fn follows(&self, branch: &str) -> Follows {
        let pinned = |what: String| Follows::Pinned { what };
        let is = |name: &str| if name == branch { Follows::Branch } else { Follows::No };
        if let Some(commit) = &self.commit {
            pinned(format!("commit {commit}"))
        } else if let Some(name) = &self.name {
            name.strip_prefix("refs/heads/").map_or_else(|| pinned(format!("reference {name}")), is)
        } else if let Some(tag) = &self.tag {
            pinned(format!("tag {tag}"))
        } else if let Some(range) = &self.semver {
            pinned(format!("semver {range}"))
        } else {
            is(self.branch.as_deref().unwrap_or(DEFAULT_BRANCH))
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::json;

    fn check(reference: Value, branch: &str) -> Follows {
        let source = GitRepository::from_value(&json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "fleet", "namespace": "flux-system"},
            "spec": {"url": "ssh://git@github.com/acme/fleet.git", "ref": reference},
        }));
        source.unwrap().follows(&["https://github.com/other/fleet", "https://github.com/Acme/Fleet"], branch)
    }

    #[test]
    fn the_first_reference_that_counts_decides() {
        let pinned = |what: &str| Follows::Pinned { what: what.into() };
        assert_eq!(check(json!({"branch": "main"}), "main"), Follows::Branch);
        assert_eq!(check(json!({"branch": "main"}), "next"), Follows::No);
        assert_eq!(check(Value::Null, "master"), Follows::Branch);
        assert_eq!(check(json!({"branch": "main", "name": "refs/heads/next"}), "next"), Follows::Branch);
        assert_eq!(check(json!({"name": "refs/pull/7/head"}), "main"), pinned("reference refs/pull/7/head"));
        assert_eq!(check(json!({"branch": "main", "semver": ">1", "tag": "v2"}), "main"), pinned("tag v2"));
        assert_eq!(check(json!({"branch": "main", "semver": ">1"}), "main"), pinned("semver >1"));
        assert_eq!(check(json!({"branch": "main", "commit": "abc"}), "main"), pinned("commit abc"));
    }

    #[test]
    fn another_repository_is_not_followed() {
        let source = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "x", "namespace": "y"}, "spec": {"url": "https://example.com/a/b"}});
        let source = GitRepository::from_value(&source).unwrap();
        assert_eq!(source.follows(&["https://example.com/a/c"], "master"), Follows::No);
    }
}
