//! The oracles: programs around the kustomize library and Flux's packages, which tests ask what is right.
//!
//! Their sources are in `tests/oracle`; what they are asked is in the tests of `shared/kustomize` and `shared/flux`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::{Setup, Tool, go, sha256_of};
use crate::workspace;

pub(crate) const KUSTOMIZE_ORACLE: Tool = Tool {
    name: "kustomize-oracle",
    about: "the kustomize library, which answers what a whole build must give",
    heavy: true,
    pins: || pins("kustomize"),
    proof: "kustomize-oracle",
    setup: |setup| build(setup, "kustomize", ".", "kustomize-oracle"),
};

pub(crate) const FLUX_ORACLE: Tool = Tool {
    name: "flux-oracle",
    about: "Flux's own packages, which answer what a Kustomization must render to",
    heavy: true,
    pins: || pins("flux"),
    proof: "flux-oracle",
    setup: |setup| build(setup, "flux", ".", "flux-oracle"),
};

pub(crate) const KUSTOMIZE_TIMED: Tool = Tool {
    name: "kustomize-timed",
    about: "the kustomize library in one process, timed beside our own crate",
    heavy: true,
    pins: || Ok(format!("{}timed {}\n", pins("kustomize")?, pins("kustomize/timed")?)),
    proof: "kustomize-timed",
    setup: |setup| build(setup, "kustomize", "./timed", "kustomize-timed"),
};

/// The program of an oracle that is set up, by its tool's name.
pub(crate) fn program(tool: &str) -> Option<PathBuf> {
    super::ready(tool).map(|dir| dir.join(tool))
}

fn folder(module: &str) -> PathBuf {
    workspace::root().join("tests/oracle").join(module)
}

/// The names and hashes of the module's sources, `go.mod` and `go.sum`.
fn pins(module: &str) -> Result<String> {
    let dir = folder(module);
    let mut lines = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| format!("reading `{}`", dir.display()))? {
        let file = entry?.path();
        if file.is_file() {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            lines.push(format!("{name} sha256:{}\n", sha256_of(&file)?));
        }
    }
    lines.sort();
    Ok(lines.concat())
}

fn build(setup: &Setup, module: &str, package: &str, program: &str) -> Result<String> {
    go::build(setup, &folder(module), package, program, "")?;
    Ok("built from the Go module proxy".to_owned())
}

#[cfg(test)]
mod tests {
    use super::pins;

    #[test]
    fn an_oracle_is_pinned_by_its_sources_and_its_dependencies() {
        let kustomize: &[&str] = &["go.mod", "go.sum", "main.go", "yaml.go"];
        for (module, sources) in
            [("kustomize", kustomize), ("flux", &["diff.go", "go.mod", "go.sum", "main.go", "sops.go"])]
        {
            let pins = pins(module).expect("its sources are committed");
            let names: Vec<&str> = pins.lines().filter_map(|line| line.split(' ').next()).collect();
            assert_eq!(names, sources, "{module}");
        }
    }
}
