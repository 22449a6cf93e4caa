//! Programs built from the Go module proxy, from modules of ours whose `go.sum` pins every byte.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Setup, Tool, link, need, pins_of_files};
use crate::{proc, workspace};

const KUSTOMIZE_VERSION: &str = "v5.8.1";

pub(crate) const KUSTOMIZE: Tool = Tool {
    name: "kustomize",
    about: "the kustomize command line, which our own renderer is compared with",
    heavy: true,
    pins: || {
        Ok(format!("{KUSTOMIZE_VERSION}\n{}", pins_of_files(&["kustomize/go.mod", "kustomize/go.sum"])?))
    },
    proof: "kustomize",
    setup: kustomize,
};

fn kustomize(setup: &Setup) -> Result<String> {
    if let Some(found) = proc::on_path("kustomize") {
        let version = proc::output(Command::new(&found).arg("version")).unwrap_or_default();
        if version.trim() == KUSTOMIZE_VERSION {
            link(&found, &setup.dir.join("kustomize"))?;
            return Ok(format!("{KUSTOMIZE_VERSION} found as `{}`", found.display()));
        }
    }
    let flags = format!("-X sigs.k8s.io/kustomize/api/provenance.version={KUSTOMIZE_VERSION}");
    build(setup, &workspace::pins("kustomize"), "sigs.k8s.io/kustomize/kustomize/v5", "kustomize", &flags)?;
    Ok(format!("{KUSTOMIZE_VERSION} built"))
}

/// Builds one static program of the module in a folder, named `program`, into the tool's folder.
pub(crate) fn build(setup: &Setup, module: &Path, package: &str, program: &str, ldflags: &str) -> Result<()> {
    need("go", &format!("to build {program}"))?;
    let mut command = Command::new("go");
    command
        .current_dir(module)
        .env("CGO_ENABLED", "0")
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=readonly -buildvcs=false")
        .args(["build", "-p", "2", "-trimpath", "-ldflags", &format!("-s -w {ldflags}"), "-o"])
        .arg(setup.dir.join(program))
        .arg(package);
    proc::run_logged(&mut command, &setup.log)
}
