//! `cargo xtask sandbox`: builds `preflux` and runs its sandbox, against the test API server when that is there.
//!
//! It needs nothing but Rust: with no API server at hand the sandbox runs without a cluster and says so.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{cluster, tools, workspace};

/// Flags are handed on to `preflux sandbox`, but for `--no-cluster`.
pub(crate) fn run(mut args: Vec<String>) -> Result<bool> {
    let wants_cluster = wants_cluster(&args);
    args.retain(|arg| arg != "--no-cluster");
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        println!("cargo xtask sandbox [--no-cluster] [FLAGS OF `preflux sandbox`]; its own help:\n");
    }
    let built = Command::new("cargo")
        .current_dir(workspace::root())
        .args(["build", "--package", "standalone"])
        .status()
        .context("starting cargo")?;
    if !built.success() {
        return Ok(false);
    }
    let program = workspace::target().join("debug/preflux");
    if !wants_cluster {
        return sandbox(&program, &args);
    }
    if tools::ready("kube").is_none() || tools::ready("flux-crds").is_none() {
        eprintln!(
            "xtask: no test API server here, so no cluster is asked; `cargo xtask tools kube flux-crds` gets one"
        );
        return sandbox(&program, &args);
    }
    let dir = workspace::target().join("sandbox/cluster");
    let cluster = cluster::up(&dir)?;
    let leashes = cluster.leash()?;
    args.push("--kubeconfig".to_owned());
    args.push(cluster.kubeconfig("admin").display().to_string());
    let ended = sandbox(&program, &args);
    drop(leashes);
    cluster::down(&dir)?;
    ended
}

fn wants_cluster(args: &[String]) -> bool {
    !args.iter().any(|arg| {
        matches!(arg.as_str(), "--no-cluster" | "--kubeconfig" | "--help" | "-h")
            || arg.starts_with("--kubeconfig=")
    })
}

fn sandbox(program: &PathBuf, args: &[String]) -> Result<bool> {
    let status = Command::new(program)
        .current_dir(workspace::root())
        .arg("sandbox")
        .args(args)
        .status()
        .with_context(|| format!("starting `{}`", program.display()))?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::wants_cluster;

    #[test]
    fn a_kubeconfig_of_ones_own_wins_over_the_test_cluster() {
        let wants =
            |args: &[&str]| wants_cluster(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>());
        assert!(wants(&["--once", "--port", "1"]));
        assert!(!wants(&["--kubeconfig", "a"]));
        assert!(!wants(&["--kubeconfig=a"]));
        assert!(!wants(&["--no-cluster"]));
    }
}
