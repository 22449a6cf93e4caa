//! What all promises share: real parts from the environment, skips that nobody overlooks, and waiting without sleeping blindly.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the checkout").to_owned()
}

/// The folder that cargo builds into, found from this very program: `<target>/debug/deps/promises-…`.
pub(crate) fn target() -> PathBuf {
    let program = std::env::current_exe().expect("a running program has a path");
    program.ancestors().nth(3).expect("cargo puts tests three folders deep").to_owned()
}

/// A real part by the variable that names it. Without it the running test is skipped, loudly: the caller returns.
pub(crate) fn part(variable: &str) -> Option<String> {
    match std::env::var(variable) {
        Ok(value) if !value.is_empty() => Some(value),
        _ => {
            skip(&format!("{variable} is not set"));
            None
        }
    }
}

/// Notes that the running test is skipped; where every part is required that is a failure.
pub(crate) fn skip(why: &str) {
    let thread = std::thread::current();
    let line = format!("promises::{}: {why}", thread.name().unwrap_or("?"));
    assert!(std::env::var("PREFLUX_REQUIRE_ALL").as_deref() != Ok("1"), "{line}");
    if let Some(file) = std::env::var_os("PREFLUX_SKIPS") {
        let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
        writeln!(file, "{line}").unwrap();
    }
    eprintln!("skipped: {line}");
}

/// Waits until `look` sees something, and panics with what it saw last when that takes over `limit`.
pub(crate) async fn eventually<T, E: Debug>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let begun = Instant::now();
    loop {
        match look().await {
            Ok(seen) => return seen,
            Err(instead) if begun.elapsed() > limit => panic!("{what}: not within {limit:?}: {instead:#?}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// `Ok` when `holds`, else what is there instead; for [`eventually`].
pub(crate) fn seen<T>(value: T, holds: impl FnOnce(&T) -> bool) -> Result<T, T> {
    if holds(&value) { Ok(value) } else { Err(value) }
}

/// A program of ours: from the folder that `PREFLUX_PROGRAMS` names, else built once as `cargo build --workspace` builds it.
pub(crate) fn program(name: &str) -> PathBuf {
    if let Some(dir) = std::env::var_os("PREFLUX_PROGRAMS") {
        return Path::new(&dir).join(name);
    }
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .current_dir(root())
            .args(["build", "--quiet", "--workspace", "--bins", "--target-dir"])
            .arg(target())
            .status()
            .unwrap();
        assert!(built.success(), "the programs do not build");
    });
    target().join("debug").join(name)
}

/// A process that ends with the test, and its log.
pub(crate) struct Running {
    name: String,
    child: Mutex<Child>,
    log: PathBuf,
    _dir: tempfile::TempDir,
}

impl Running {
    /// Starts it; what it says goes to its log.
    pub(crate) fn start(command: &mut Command) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let out = File::create(&log).unwrap();
        let child =
            command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
        let name = command.get_program().to_string_lossy().into_owned();
        Self { name, child: Mutex::new(child), log, _dir: dir }
    }

    /// All that it said so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// How it ended; `None` while it runs.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        self.child.lock().unwrap().try_wait().unwrap()
    }

    /// Panics with the log when the process has ended.
    pub(crate) fn check(&self) {
        let ended = self.ended();
        assert!(ended.is_none(), "{} ended with {ended:?}:\n{}", self.name, self.log());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of {}:\n{}", self.name, self.log());
        }
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// `preflux serve`, listening.
pub(crate) struct Serve {
    running: Running,
    address: String,
}

impl Serve {
    /// Starts it with this configuration and waits until it says where it listens.
    pub(crate) async fn start(config: &Path) -> Self {
        Self::logging(config, "info").await
    }

    /// The same, with a log that says this much.
    pub(crate) async fn logging(config: &Path, much: &str) -> Self {
        let mut command = Command::new(program("preflux"));
        let running =
            Running::start(command.arg("serve").arg("--config").arg(config).env("PREFLUX_LOG", much));
        let address = eventually("preflux serve listens", Duration::from_secs(60), async || {
            running.check();
            let log = running.log();
            let said = log.split("listening on http://").nth(1).and_then(|rest| rest.split('"').next());
            said.map(str::to_owned).ok_or(log)
        })
        .await;
        Self { running, address }
    }

    /// An address of its own.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Panics when it has ended.
    pub(crate) fn check(&self) {
        self.running.check();
    }

    /// All that it said so far.
    pub(crate) fn log(&self) -> String {
        self.running.log()
    }
}
