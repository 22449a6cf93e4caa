//! What all promises share: real parts from the environment, skips that nobody overlooks, and waiting without sleeping blindly.

use std::fmt::Debug;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
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
