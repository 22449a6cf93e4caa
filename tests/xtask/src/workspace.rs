//! Where things are: the checkout, its target folder, the tools folder.

use std::path::{Path, PathBuf};

/// The root of the checkout, as it was when this program was compiled.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("this crate is at tests/xtask in the checkout")
        .to_owned()
}

/// Cargo's target folder: `CARGO_TARGET_DIR` where it is set, else `target/` in the checkout.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Where tools are kept between runs. `PREFLUX_TOOLS_DIR` shares one folder among checkouts.
pub(crate) fn tools() -> PathBuf {
    match std::env::var_os("PREFLUX_TOOLS_DIR") {
        Some(dir) => root().join(dir),
        None => target().join("tools"),
    }
}

/// The pins of the tools: Go modules, Maven poms, Python requirements.
pub(crate) fn pins(name: &str) -> PathBuf {
    root().join("tests/tools").join(name)
}
