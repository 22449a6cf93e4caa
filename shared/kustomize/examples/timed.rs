//! Builds in this process, timed on request: one of the programs that `cargo xtask bench render` runs beside each other.
//!
//! `timed write NAME DIR` writes a workload of the benchmarks and prints the directories to build. `timed` alone reads
//! JSON lines of `{"tree": DIR, "builds": [PATH], "disk": BOOL}`, builds each path once and writes it as YAML, and
//! answers `{"ns", "input", "objects", "output", "idle_kb", "peak_kb"}`. `tests/oracle/kustomize/timed` does the same
//! with kustomize.
#![expect(clippy::print_stdout, reason = "a program talks on its standard output")]
#![expect(
    clippy::disallowed_methods,
    reason = "a program that measures reads files, clocks and its arguments"
)]

#[path = "../benches/workloads/mod.rs"]
mod workloads;

use std::cell::Cell;
use std::error::Error;
use std::fs;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use kustomize::{Entry, EntryKind, MemoryTree, Options, Tree, TreeError, build_each, yaml};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write", name, dir] => write(name, Path::new(dir)),
        [] => answer_all(),
        _ => Err("usage: timed [write NAME DIR]".into()),
    }
}

fn write(name: &str, dir: &Path) -> Result<()> {
    let workload = workloads::named(name).ok_or("no such workload")?;
    for (path, text) in &workload.files {
        let file = dir.join(path);
        fs::create_dir_all(file.parent().ok_or("a file without a directory")?)?;
        fs::write(file, text)?;
    }
    for path in &workload.builds {
        println!("{path}");
    }
    Ok(())
}

fn answer_all() -> Result<()> {
    let mut loaded: Option<(PathBuf, MemoryTree)> = None;
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let dir = PathBuf::from(request["tree"].as_str().ok_or("`tree` is missing")?);
        let builds: Vec<&str> =
            request["builds"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let answer = if request["disk"] == true {
            run(&Disk { root: dir }, &builds)?
        } else {
            if loaded.as_ref().is_none_or(|(of, _)| *of != dir) {
                loaded = Some((dir.clone(), in_memory(&dir)?));
            }
            let (_, tree) = loaded.as_ref().ok_or("just loaded")?;
            run(tree, &builds)?
        };
        println!("{answer}");
    }
    Ok(())
}

/// Builds every path once, and measures all of it.
fn run(tree: &dyn Tree, builds: &[&str]) -> Result<Value> {
    let idle = memory("VmRSS")?;
    let counted = Counted { tree, bytes: Cell::new(0) };
    let (mut objects, mut output) = (0, 0);
    let start = Instant::now();
    for path in builds {
        let mut text = String::new();
        build_each(&counted, path, &Options::default(), &mut |object| {
            text.push_str(if text.is_empty() { "" } else { "---\n" });
            text.push_str(&yaml::emit(&object.value));
            objects += 1;
        })?;
        output += text.len();
    }
    let ns = u64::try_from(start.elapsed().as_nanos())?;
    Ok(json!({
        "ns": ns, "input": counted.bytes.get(), "objects": objects, "output": output,
        "idle_kb": idle, "peak_kb": memory("VmHWM")?,
    }))
}

/// A line of Linux's account of this process, in kB; 0 elsewhere.
fn memory(name: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    Ok(line.map_or(Ok(0), |kb| kb.trim().trim_end_matches(" kB").parse())?)
}

/// A tree that counts the bytes that are read of it.
struct Counted<'a> {
    tree: &'a dyn Tree,
    bytes: Cell<usize>,
}

impl Tree for Counted<'_> {
    fn kind(&self, path: &str) -> Option<EntryKind> {
        self.tree.kind(path)
    }

    fn read(&self, path: &str) -> std::result::Result<Arc<[u8]>, TreeError> {
        let bytes = self.tree.read(path)?;
        self.bytes.set(self.bytes.get() + bytes.len());
        Ok(bytes)
    }

    fn list(&self, dir: &str) -> std::result::Result<Vec<Entry>, TreeError> {
        self.tree.list(dir)
    }
}

fn in_memory(dir: &Path) -> Result<MemoryTree> {
    let mut tree = MemoryTree::new::<String, Vec<u8>>([]);
    let mut waiting = vec![PathBuf::new()];
    while let Some(at) = waiting.pop() {
        for entry in fs::read_dir(dir.join(&at))? {
            let entry = entry?;
            let path = at.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                waiting.push(path);
            } else {
                tree.insert(&path.to_string_lossy(), &fs::read(entry.path())?);
            }
        }
    }
    Ok(tree)
}

/// A directory of our own, trusted: nothing here looks for links.
struct Disk {
    root: PathBuf,
}

impl Tree for Disk {
    fn kind(&self, path: &str) -> Option<EntryKind> {
        let found = fs::metadata(self.root.join(path)).ok()?;
        Some(if found.is_dir() { EntryKind::Directory } else { EntryKind::File })
    }

    fn read(&self, path: &str) -> std::result::Result<Arc<[u8]>, TreeError> {
        let missing = |_| TreeError::NotFound { path: path.to_owned() };
        fs::read(self.root.join(path)).map(Arc::from).map_err(missing)
    }

    fn list(&self, dir: &str) -> std::result::Result<Vec<Entry>, TreeError> {
        Err(TreeError::Unavailable { path: dir.to_owned(), reason: "not listed here".to_owned() })
    }
}
