//! What bounds a build. The files of a pull request are untrusted; every loop over them stops at one of these.

use std::fmt;
use std::sync::Arc;

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
    /// When to give up, by the caller's clock.
    pub deadline: Option<Deadline>,
}

/// The caller's clock, which this crate has none of. It is asked every few thousand steps of work.
#[derive(Clone)]
pub struct Deadline {
    milliseconds: usize,
    is_over: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Deadline {
    /// A deadline that is over once `is_over` says so, which should be after `milliseconds`: the error names them.
    pub fn new(milliseconds: usize, is_over: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Deadline { milliseconds, is_over: Arc::new(is_over) }
    }

    pub(crate) fn is_over(&self) -> bool {
        (self.is_over)()
    }

    pub(crate) fn milliseconds(&self) -> usize {
        self.milliseconds
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deadline({} ms)", self.milliseconds)
    }
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
    /// Nesting of kustomizations. Each level takes some of the thread's stack: this many fit into a megabyte.
    pub nesting: usize,
    /// Nesting of YAML collections within one file.
    pub depth: usize,
    /// YAML nodes over the build, after aliases are expanded. A map or a list counts as five, for what it takes.
    pub yaml_nodes: usize,
    /// Alias expansions in one YAML file.
    pub aliases: usize,
    /// Objects held at once.
    pub objects: usize,
    /// Steps of work, of about ten nanoseconds each: what patches times objects, labels times places, references
    /// times objects and the like come to.
    pub steps: usize,
    /// Bytes put into objects from elsewhere, by aliases, patches, labels, copies and references.
    pub copied_bytes: usize,
    /// Bytes of YAML that the objects come to when they are printed.
    pub output_bytes: usize,
}

impl Default for Limits {
    /// Room for the largest public repositories (12 MB of CRDs in one build, nesting of 34) several times over.
    fn default() -> Self {
        Limits {
            bytes: 64 << 20,
            file_bytes: 32 << 20,
            files: 20_000,
            nesting: 48,
            depth: 128,
            yaml_nodes: 6_000_000,
            aliases: 10_000,
            objects: 100_000,
            steps: 120_000_000,
            copied_bytes: 96 << 20,
            output_bytes: 96 << 20,
        }
    }
}
