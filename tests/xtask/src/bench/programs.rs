//! The four programs that build: ours and kustomize's, in process and as commands.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{proc, tools, workspace};

/// Where the programs are.
pub(crate) struct Programs {
    /// Our crate in process.
    pub(crate) ours: PathBuf,
    /// The command `preflux`.
    pub(crate) preflux: PathBuf,
    /// The kustomize library in process.
    pub(crate) library: PathBuf,
    /// The command `kustomize`.
    pub(crate) kustomize: PathBuf,
}

impl Programs {
    /// Builds what is not there yet. `PREFLUX_PROGRAMS` names a folder with another `preflux`.
    pub(crate) fn build() -> Result<Self> {
        let wanted = ["kustomize", "kustomize-timed"].map(str::to_owned).to_vec();
        ensure!(tools::run(wanted)?, "kustomize could not be built");
        println!("building our programs ...");
        cargo(&["--package", "kustomize", "--example", "timed"])?;
        let release = workspace::target().join("release");
        let preflux = match std::env::var_os("PREFLUX_PROGRAMS") {
            Some(dir) => PathBuf::from(dir),
            None => {
                cargo(&["--package", "standalone"])?;
                release.clone()
            }
        };
        Ok(Self {
            ours: release.join("examples/timed"),
            preflux: preflux.join("preflux"),
            library: tools::dir("kustomize-timed").join("kustomize-timed"),
            kustomize: tools::dir("kustomize").join("kustomize"),
        })
    }

    /// Writes a workload below `target/bench`; answers with its folder and what is built in it.
    pub(crate) fn write(&self, name: &str) -> Result<(PathBuf, Vec<String>)> {
        let dir = workspace::target().join("bench").join(name);
        if dir.exists() {
            fs::remove_dir_all(&dir).with_context(|| format!("emptying `{}`", dir.display()))?;
        }
        fs::create_dir_all(&dir).with_context(|| format!("creating `{}`", dir.display()))?;
        let listed = proc::output(Command::new(&self.ours).args(["write", name]).arg(&dir))?;
        Ok((dir, listed.lines().map(str::to_owned).collect()))
    }
}

/// Builds a part of the workspace for release.
pub(crate) fn cargo(args: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let log = workspace::target().join("bench-build.log");
    proc::run_logged(
        Command::new(cargo).current_dir(workspace::root()).args(["build", "--release"]).args(args),
        &log,
    )
}

/// What a program in process is asked to build.
pub(crate) struct Request<'a> {
    /// The folder of the workload.
    pub(crate) tree: &'a Path,
    /// The directories in it.
    pub(crate) builds: &'a [String],
    /// Whether files are read from the disk during the build, or are in memory before it.
    pub(crate) disk: bool,
    /// Whether kustomize loads its OpenAPI schema anew for every build.
    pub(crate) reset: bool,
}

/// What a program in process answers.
pub(crate) struct Answer {
    /// Nanoseconds for all builds.
    pub(crate) ns: u64,
    /// Bytes of files read; kustomize does not say.
    pub(crate) input: u64,
    /// Objects made.
    pub(crate) objects: u64,
    /// Bytes of YAML made.
    pub(crate) output: u64,
    /// Memory before the builds, in kB.
    pub(crate) idle_kb: u64,
    /// The most memory the process ever took, in kB.
    pub(crate) peak_kb: u64,
}

/// A program that builds in its own process, on request.
pub(crate) struct Worker {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts the program.
    pub(crate) fn start(program: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // kustomize warns of deprecated fields on every build.
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting `{}`", program.display()))?;
        let requests = child.stdin.take().context("its standard input is piped")?;
        let answers = BufReader::new(child.stdout.take().context("its standard output is piped")?);
        Ok(Self { child, requests, answers })
    }

    /// Has it build.
    pub(crate) fn ask(&mut self, request: &Request<'_>) -> Result<Answer> {
        let line = json!({
            "tree": request.tree, "builds": request.builds, "disk": request.disk, "reset": request.reset,
        });
        writeln!(self.requests, "{line}").context("asking for a build")?;
        let mut line = String::new();
        self.answers.read_line(&mut line).context("reading an answer")?;
        let answer: Value = serde_json::from_str(&line).context("a build failed")?;
        let number = |name: &str| answer[name].as_u64().unwrap_or_default();
        Ok(Answer {
            ns: number("ns"),
            input: number("input"),
            objects: number("objects"),
            output: number("output"),
            idle_kb: number("idle_kb"),
            peak_kb: number("peak_kb"),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It holds nothing; a failure means that it has ended already.
        let _killed = self.child.kill();
        let _collected = self.child.wait();
    }
}
