//! The test tools: each fetched or built once, pinned and checked, under `target/tools`.
//!
//! A tool is a file here and a line in [`TOOLS`]. A stamp beside it holds its pins, so a second run
//! does nothing and a changed pin sets it up anew. Nothing is installed outside `target/`, but for Chromium.

mod chromium;
mod deny;
mod download;
mod flux;
mod go;
mod jvm;
mod kube;
mod openapi;
mod oracle;
mod python;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::{proc, workspace};

pub(crate) use chromium::find as chromium;
pub(crate) use openapi::file as openapi;
pub(crate) use oracle::program as oracle;

/// One tool: how it is named, what it is for, how to tell its pins and how to set it up.
pub(crate) struct Tool {
    /// Its name on the command line and of its folder.
    pub(crate) name: &'static str,
    /// One line on what it is for.
    pub(crate) about: &'static str,
    /// Whether its set-up takes both cores; such tools are set up one after the other.
    pub(crate) heavy: bool,
    /// All that decides what the set-up makes. A change of it makes the tool anew.
    pins: fn() -> Result<String>,
    /// A file that is there when the tool is, inside the tool's folder.
    proof: &'static str,
    /// Sets the tool up in an empty folder; answers with a word on where it came from.
    setup: fn(&Setup) -> Result<String>,
}

/// What a set-up works with.
pub(crate) struct Setup {
    /// The tool's own folder, empty at the start.
    pub(crate) dir: PathBuf,
    /// Where the output of the programs it runs goes.
    pub(crate) log: PathBuf,
}

/// All tools, in the order of their set-up.
pub(crate) const TOOLS: &[Tool] = &[
    python::AWS,
    python::MOTO,
    jvm::DYNAMODB_LOCAL,
    jvm::ELASTICMQ,
    flux::CRDS,
    openapi::GITHUB_OPENAPI,
    chromium::CHROMIUM,
    go::KUSTOMIZE,
    oracle::KUSTOMIZE_ORACLE,
    oracle::KUSTOMIZE_TIMED,
    oracle::FLUX_ORACLE,
    kube::KUBE,
    kube::KUBE_OLDER,
    deny::CARGO_DENY,
];

/// How the set-up of one tool went.
pub(crate) struct Outcome {
    /// The tool's name.
    pub(crate) name: &'static str,
    /// Where it came from, or why it is not there.
    pub(crate) result: Result<String>,
    /// How long that took.
    pub(crate) seconds: f64,
}

/// `cargo xtask tools [NAME...]`.
pub(crate) fn run(names: Vec<String>) -> Result<bool> {
    for name in &names {
        if !TOOLS.iter().any(|tool| tool.name == *name) {
            bail!("no tool `{name}`; `cargo xtask` lists them");
        }
    }
    let wanted = |tool: &&Tool| names.is_empty() || names.iter().any(|name| name == tool.name);
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let light = scope.spawn(|| set_up_all(TOOLS.iter().filter(wanted).filter(|tool| !tool.heavy)));
        let heavy = set_up_all(TOOLS.iter().filter(wanted).filter(|tool| tool.heavy));
        light.join().unwrap_or_default().into_iter().chain(heavy).collect()
    });
    Ok(outcomes.iter().all(|outcome| outcome.result.is_ok()))
}

static REQUIRE_ALL: AtomicBool = AtomicBool::new(false);

/// Says that every part is required: a tool may then be installed on the system where that is the only way.
pub(crate) fn require_all(required: bool) {
    REQUIRE_ALL.store(required, Ordering::Relaxed);
}

/// Prints each tool with its line.
pub(crate) fn print_list() {
    for tool in TOOLS {
        println!("  {:<16} {}", tool.name, tool.about);
    }
}

/// Sets tools up one after the other and prints a line on each.
pub(crate) fn set_up_all<'t>(tools: impl Iterator<Item = &'t Tool>) -> Vec<Outcome> {
    tools.map(set_up).collect()
}

/// The folder of a tool, whether it is set up or not.
pub(crate) fn dir(name: &str) -> PathBuf {
    workspace::tools().join(name)
}

/// The file of a tool that has been set up with today's pins; `None` when it has not.
pub(crate) fn ready(name: &str) -> Option<PathBuf> {
    let tool = TOOLS.iter().find(|tool| tool.name == name)?;
    let pins = (tool.pins)().ok()?;
    is_current(tool, &pins).then(|| dir(name))
}

fn set_up(tool: &Tool) -> Outcome {
    let start = Instant::now();
    let result = set_up_inner(tool);
    let seconds = start.elapsed().as_secs_f64();
    match &result {
        Ok(how) => println!("tool {:<16} {seconds:>6.1} s  {} ({how})", tool.name, tool.about),
        Err(error) => println!("tool {:<16} {seconds:>6.1} s  FAILED: {error:#}", tool.name),
    }
    Outcome { name: tool.name, result, seconds }
}

fn set_up_inner(tool: &Tool) -> Result<String> {
    let pins = (tool.pins)()?;
    if is_current(tool, &pins) {
        return Ok("cached".to_owned());
    }
    let setup = Setup { dir: dir(tool.name), log: workspace::tools().join(format!("{}.log", tool.name)) };
    if setup.dir.exists() {
        fs::remove_dir_all(&setup.dir).with_context(|| format!("emptying `{}`", setup.dir.display()))?;
    }
    fs::create_dir_all(&setup.dir).with_context(|| format!("creating `{}`", setup.dir.display()))?;
    let how = (tool.setup)(&setup)?;
    if !setup.dir.join(tool.proof).exists() {
        bail!("its set-up left no `{}` in `{}`", tool.proof, setup.dir.display());
    }
    fs::write(stamp(tool), pins)?;
    Ok(how)
}

fn is_current(tool: &Tool, pins: &str) -> bool {
    dir(tool.name).join(tool.proof).exists()
        && fs::read_to_string(stamp(tool)).is_ok_and(|stamped| stamped == pins)
}

fn stamp(tool: &Tool) -> PathBuf {
    workspace::tools().join(format!("{}.stamp", tool.name))
}

/// The pins of a tool whose pins are files of `tests/tools`: their names and hashes.
fn pins_of_files(files: &[&str]) -> Result<String> {
    let mut pins = String::new();
    for file in files {
        let path = workspace::pins(file);
        let bytes = fs::read(&path).with_context(|| format!("reading `{}`", path.display()))?;
        pins.push_str(&format!("{file} sha256:{}\n", hex::encode(Sha256::digest(bytes))));
    }
    Ok(pins)
}

/// The sha256 of a file, in hexadecimal.
fn sha256_of(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("reading `{}`", path.display()))?;
    Ok(hex::encode(Sha256::digest(bytes)))
}

/// A symbolic link to a program that is there already.
fn link(from: &Path, to: &Path) -> Result<()> {
    let from = fs::canonicalize(from).with_context(|| format!("finding `{}`", from.display()))?;
    std::os::unix::fs::symlink(&from, to)
        .with_context(|| format!("linking `{}` to `{}`", to.display(), from.display()))
}

/// An error that names the missing program and what it is needed for.
fn need(program: &str, what_for: &str) -> Result<()> {
    if proc::on_path(program).is_none() {
        bail!("no `{program}` on PATH; it is needed {what_for}");
    }
    Ok(())
}
