//! What must hold for any input of the kustomize crate: one function per target, which panics when it does not.
//!
//! libFuzzer calls them from `fuzz_targets`; the tests of the crate call them with every file of `seeds`. How an input
//! spells a tree of files is in [`tree`]; what is checked after each build in [`check`].

mod check;
mod targets;
mod tree;
mod value;

pub use targets::{builds, emitter, fields, generators, json_patch, merge, replacements, yaml};

/// A target: anything but a panic is well.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its program and of its folder in `seeds`.
pub const TARGETS: &[(&str, Target)] = &[
    ("yaml", yaml),
    ("emitter", emitter),
    ("builds", builds),
    ("merge", merge),
    ("json_patch", json_patch),
    ("replacements", replacements),
    ("fields", fields),
    ("generators", generators),
];
