//! Whether an exchange with GitHub is as GitHub's own OpenAPI description says: [`watch`] is what a stand-in is started with in tests.
//!
//! It judges and is never shipped. What the description leaves out on purpose of ours is a list with reasons: [`UNDESCRIBED`].

mod exchange;
mod explain;
mod operations;
mod schema;
#[cfg(test)]
mod tests;
mod undescribed;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{Request, Response};

pub use exchange::Description;
pub use undescribed::{UNDESCRIBED, Undescribed};

/// The variable that names the description's file, as `cargo xtask tools github-openapi` makes it.
pub const VARIABLE: &str = "PREFLUX_GITHUB_OPENAPI";

/// Looks at one exchange and tells what is wrong with it. No answer is given for trouble that a test planned: what goes wrong on
/// the way (502, half an answer) is in no description.
pub type Watch = Arc<dyn Fn(&Request<Bytes>, Option<&Response<Bytes>>) -> Vec<String> + Send + Sync>;

/// What a stand-in's exchanges are held against; `None` where the description is not there.
///
/// # Panics
/// When every part is required and this one is missing, or when its file cannot be read.
pub fn watch() -> Option<Watch> {
    let description = description()?;
    Some(Arc::new(move |request, answer| description.problems(request, answer)))
}

/// GitHub's description, read once for each program; `None` where it is not there.
///
/// # Panics
/// As [`watch`].
pub fn description() -> Option<&'static Description> {
    static READ: OnceLock<Option<Description>> = OnceLock::new();
    let read = READ.get_or_init(|| {
        let file = std::env::var_os(VARIABLE).filter(|file| !file.is_empty())?;
        Some(Description::read(Path::new(&file)).unwrap_or_else(|error| panic!("{error}")))
    });
    let required = std::env::var("PREFLUX_REQUIRE_ALL").as_deref() == Ok("1");
    assert!(read.is_some() || !required, "{VARIABLE} is not set");
    read.as_ref()
}

/// GitHub's description for a test that is about nothing else: where it is not there, the test says so and returns.
///
/// # Panics
/// As [`watch`].
pub fn required(test: &str) -> Option<&'static Description> {
    let description = description();
    if description.is_none() {
        let line = format!("{test}: {VARIABLE} is not set");
        if let Some(file) = std::env::var_os("PREFLUX_SKIPS") {
            let mut file =
                std::fs::OpenOptions::new().create(true).append(true).open(file).expect("the list of skips");
            std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes()).expect("the list of skips");
        }
        eprintln!("skipped: {line}");
    }
    description
}
