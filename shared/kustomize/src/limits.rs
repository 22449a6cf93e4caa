//! What bounds a build. The files of a pull request are untrusted; every loop over them stops at one of these.

use crate::Remotes;

/// Options of one [`crate::build`].
///
/// The choices kustomize-controller makes (no load restriction but the tree itself, builtin plugins only, no
/// sorting) are not options here: they are how this crate builds.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What bounds the build.
    pub limits: Limits,
    /// What was fetched for addresses outside the tree. A build fetches nothing.
    pub remotes: Remotes,
}

/// Upper bounds of one build. Reaching one is [`crate::ErrorKind::Limit`].
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes read over all files of the build, each read counted.
    pub bytes: usize,
    /// Bytes of one file.
    pub file_bytes: usize,
    /// Files read, each read counted.
    pub files: usize,
    /// Nesting of kustomization directories, and of YAML collections within one file.
    pub depth: usize,
    /// YAML nodes over the build, after aliases are expanded.
    pub yaml_nodes: usize,
    /// Alias expansions in one YAML file.
    pub aliases: usize,
    /// Objects held at once.
    pub objects: usize,
}

impl Default for Limits {
    /// Room for the largest public repositories (12 MB of CRDs in one build, nesting of 34) several times over.
    fn default() -> Self {
        Limits {
            bytes: 256 << 20,
            file_bytes: 32 << 20,
            files: 50_000,
            depth: 128,
            yaml_nodes: 20_000_000,
            aliases: 10_000,
            objects: 100_000,
        }
    }
}
