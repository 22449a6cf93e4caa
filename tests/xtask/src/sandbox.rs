//! `cargo xtask sandbox`: builds `preflux` and runs its sandbox, against the test API server when that is there.
//!
//! It needs nothing but Rust: with no API server at hand the sandbox runs without a cluster and says so. With one, the
//! program gets the identity of infra/cluster/preflux.yaml, and the sample's objects are applied as the administrator.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::cluster::{self, Cluster, Kubernetes};
use crate::{policy, proc, workspace};

/// Flags are handed on to `preflux sandbox`, but for `--no-cluster`. Answers with the program's own exit code.
pub(crate) fn run(mut args: Vec<String>) -> Result<ExitCode> {
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
        return Ok(exit_code(built));
    }
    let program = workspace::target().join("debug/preflux");
    if !has(&args, "--dir") {
        args.extend(["--dir".to_owned(), workspace::target().join("sandbox/data").display().to_string()]);
    }
    if wants_cluster && Kubernetes::Current.is_ready() {
        return with_cluster(&program, args);
    }
    if wants_cluster {
        eprintln!(
            "xtask: no test API server here, so no cluster is asked; `cargo xtask tools kube flux-crds` gets one"
        );
    }
    sandbox(&program, &args, &Signals::catch()?)
}

/// Brings the cluster up, runs the sandbox on it and takes it down, whatever ended the sandbox.
fn with_cluster(program: &Path, mut args: Vec<String>) -> Result<ExitCode> {
    // From here on Ctrl-C ends the sandbox and not us, so that nothing is left behind.
    let signals = Signals::catch()?;
    let dir = workspace::target().join("sandbox/cluster");
    println!("xtask: starting the test API server");
    let cluster = cluster::up(&dir, Kubernetes::Current)?;
    let leashes = cluster.leash()?;
    let ended = policy::give_rights(&cluster).and_then(|()| {
        args.extend(cluster_flags(&cluster));
        sandbox(program, &args, &signals)
    });
    drop(leashes);
    cluster::down(&dir)?;
    ended
}

/// The product asks with its own few rights; only the sample is applied with the administrator's.
fn cluster_flags(cluster: &Cluster) -> [String; 4] {
    let path = |identity: &str| cluster.kubeconfig(identity).display().to_string();
    ["--kubeconfig".to_owned(), path("worker"), "--seed-with".to_owned(), path("admin")]
}

fn wants_cluster(args: &[String]) -> bool {
    !["--no-cluster", "--kubeconfig", "--help", "-h"].iter().any(|flag| has(args, flag))
}

/// Whether the flag is given, with its value apart or after a `=`.
fn has(args: &[String], flag: &str) -> bool {
    args.iter().any(|arg| arg.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('=')))
}

/// Ctrl-C and a polite request to end, caught instead of ending us.
struct Signals {
    /// Ctrl-C: the terminal has told the program too.
    interrupt: Arc<AtomicBool>,
    /// A request to us alone, which we hand on.
    terminate: Arc<AtomicBool>,
}

impl Signals {
    fn catch() -> Result<Self> {
        let signals = Self { interrupt: Arc::default(), terminate: Arc::default() };
        for (signal, flag) in [(SIGINT, &signals.interrupt), (SIGTERM, &signals.terminate)] {
            signal_hook::flag::register(signal, Arc::clone(flag)).context("catching signals")?;
        }
        Ok(signals)
    }

    fn came(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed) || self.terminate.load(Ordering::Relaxed)
    }
}

fn sandbox(program: &Path, args: &[String], signals: &Signals) -> Result<ExitCode> {
    if signals.came() {
        return Ok(ExitCode::from(130));
    }
    let mut child = Command::new(program)
        .current_dir(workspace::root())
        .arg("sandbox")
        .args(args)
        .spawn()
        .with_context(|| format!("starting `{}`", program.display()))?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(exit_code(status));
        }
        if signals.terminate.swap(false, Ordering::Relaxed) {
            proc::terminate(child.id());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A program's exit code; as shells have it, 128 and the signal's number when a signal ended it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{ExitCode, ExitStatus};

    use super::{exit_code, wants_cluster};

    #[test]
    fn a_kubeconfig_of_ones_own_wins_over_the_test_cluster() {
        let wants =
            |args: &[&str]| wants_cluster(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>());
        assert!(wants(&["--once", "--port", "1"]));
        assert!(!wants(&["--kubeconfig", "a"]));
        assert!(!wants(&["--kubeconfig=a"]));
        assert!(!wants(&["--no-cluster"]));
    }

    #[test]
    fn the_exit_code_is_the_programs() {
        for (raw, code) in [(0, 0), (2 << 8, 2), (15, 143)] {
            assert_eq!(exit_code(ExitStatus::from_raw(raw)), ExitCode::from(code), "{raw}");
        }
    }
}
