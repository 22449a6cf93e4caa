//! `preflux build`: what kustomize-controller's kustomize builds from a folder on disk. It needs no configuration, no
//! cluster and no network, so `main` runs it before anything else is started.

mod batch;

use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use disk::DiskTree;
use kustomize::{Built, Deadline, Object, Options};
use serde::Serialize;
use serde_json::Value;

/// When a build is given up. What costs that much reaches one of the crate's own limits long before, on most machines.
const LONGEST_BUILD: Duration = Duration::from_secs(60);

/// What `preflux build` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder with the kustomization.
    #[arg(value_name = "DIR", required_unless_present = "batch")]
    dir: Option<PathBuf>,
    /// The folder that bounds what may be read [default: the Git work tree around DIR, else `/`].
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The form of the objects.
    #[arg(long, value_enum, default_value_t = Output::Yaml)]
    output: Output,
    /// Build once for each line of standard input: {"root": DIR, "path": "apps/x"}; one line of JSON answers each.
    #[arg(long, conflicts_with_all = ["dir", "root", "output"])]
    batch: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    /// One stream, as `kustomize build` prints it.
    Yaml,
    /// The objects, every path that was looked at, and the warnings, as one line.
    Json,
}

/// Prints the objects. Exits 0, and 1 with the reason on standard error when there is nothing to print.
pub(crate) fn run(args: &Args) -> ExitCode {
    let result = match &args.dir {
        None => batch::run(std::io::stdin().lock(), std::io::stdout().lock()),
        Some(dir) => one(dir, args.root.as_deref(), args.output),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads along may stop (`| head`) without being told off.
        Err(error) if is_closed(&error) => ExitCode::SUCCESS,
        Err(error) => {
            crate::complain(&error);
            ExitCode::from(1)
        }
    }
}

fn is_closed(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

fn one(dir: &Path, root: Option<&Path>, output: Output) -> anyhow::Result<()> {
    let (root, path) = place(dir, root)?;
    let (mut text, mut objects) = (Vec::new(), Vec::new());
    let built = built_each(&root, &path, &mut |object| match output {
        Output::Yaml => yaml(&object.value, &mut text),
        Output::Json => objects.push(object),
    })?;
    built.warnings.iter().for_each(|warning| warn(warning));
    let mut out = BufWriter::new(std::io::stdout().lock());
    match output {
        Output::Yaml => out.write_all(&text)?,
        Output::Json => {
            let built = Built { objects, ..built };
            serde_json::to_writer(&mut out, &Printed::of(&built)).map_err(std::io::Error::from)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(out.flush()?)
}

/// The folder that bounds the build, and the way from there to the folder that is built.
fn place(dir: &Path, root: Option<&Path>) -> anyhow::Result<(PathBuf, String)> {
    let found =
        |path: &Path| path.canonicalize().with_context(|| format!("cannot find `{}`", path.display()));
    let dir = found(dir)?;
    let root = match root {
        Some(root) => found(root)?,
        None => {
            dir.ancestors().find(|above| above.join(".git").exists()).unwrap_or(Path::new("/")).to_owned()
        }
    };
    let Ok(path) = dir.strip_prefix(&root) else {
        bail!("`{}` is not within `{}`", dir.display(), root.display());
    };
    let path = path.to_str().with_context(|| format!("the path `{}` is not UTF-8", path.display()))?;
    Ok((root, path.to_owned()))
}

/// Builds the folder at `path` below `root`, reading nothing outside `root`.
fn built(root: &Path, path: &str) -> anyhow::Result<Built> {
    let mut objects = Vec::new();
    let built = built_each(root, path, &mut |object| objects.push(object))?;
    Ok(Built { objects, ..built })
}

/// The same, object by object.
fn built_each(root: &Path, path: &str, each: &mut dyn FnMut(Object)) -> anyhow::Result<Built> {
    let begun = Instant::now();
    let is_over = move || begun.elapsed() > LONGEST_BUILD;
    let deadline = Deadline::new(LONGEST_BUILD.as_secs() as usize * 1000, is_over);
    let options = Options { deadline: Some(deadline), ..Options::default() };
    let tree = DiskTree::open(root, options.limits.file_bytes)
        .with_context(|| format!("cannot open the folder `{}`", root.display()))?;
    let place = if path.is_empty() { "." } else { path };
    kustomize::build_each(&tree, path, &options, each)
        .with_context(|| format!("kustomize build failed for `{place}`"))
}

/// Adds an object to a stream. Only the text is held: all objects at once take several times as much.
fn yaml(object: &Value, stream: &mut Vec<u8>) {
    if !stream.is_empty() {
        stream.extend_from_slice(b"---\n");
    }
    stream.extend_from_slice(kustomize::yaml::emit(object).as_bytes());
}

/// A build for programs.
#[derive(Serialize, Default)]
struct Printed<'a> {
    objects: Vec<&'a Value>,
    reads: Vec<&'a str>,
    warnings: Vec<&'a str>,
}

impl<'a> Printed<'a> {
    fn of(built: &'a Built) -> Self {
        Printed {
            objects: built.objects.iter().map(|object| &object.value).collect(),
            reads: built.reads.iter().map(String::as_str).collect(),
            warnings: built.warnings.iter().map(String::as_str).collect(),
        }
    }
}

#[expect(clippy::print_stderr, reason = "warnings are for the terminal")]
fn warn(warning: &str) {
    eprintln!("warning: {warning}");
}
