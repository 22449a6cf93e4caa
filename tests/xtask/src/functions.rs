//! What `sam build` made: whether it can run on Lambda, and how large it is.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// The functions of template.yaml, as `sam build` names their folders.
const FUNCTIONS: [&str; 3] = ["Poller", "DiffWorker", "Interactions"];

/// The C library of Lambda's `provided.al2023` is glibc 2.34: a program that asks for a later one does not start there.
const GLIBC: (u32, u32) = (2, 34);

/// Checks each program in the build folder; answers with their sizes.
pub(crate) fn check(build: &Path) -> Result<String> {
    let mut sizes = Vec::new();
    for name in FUNCTIONS {
        let file = build.join(name).join("bootstrap");
        let bytes = fs::read(&file).with_context(|| format!("reading `{}`", file.display()))?;
        let needs = glibc(&bytes);
        ensure!(
            needs <= GLIBC,
            "`{name}` needs glibc {}.{}; Lambda has {}.{}",
            needs.0,
            needs.1,
            GLIBC.0,
            GLIBC.1
        );
        sizes.push(format!("{name} {:.1} MB", megabytes(bytes.len())));
    }
    Ok(sizes.join(", "))
}

fn megabytes(bytes: usize) -> f64 {
    u32::try_from(bytes).map_or(f64::INFINITY, |bytes| f64::from(bytes) / 1e6)
}

/// The latest version of glibc among the symbol versions (`GLIBC_2.17`) that the program names.
fn glibc(program: &[u8]) -> (u32, u32) {
    const MARK: &[u8] = b"GLIBC_";
    let starts = program.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    starts.filter_map(|(at, _)| version(&program[at + MARK.len()..])).max().unwrap_or_default()
}

fn version(bytes: &[u8]) -> Option<(u32, u32)> {
    let end = bytes.iter().take(12).position(|byte| !(byte.is_ascii_digit() || *byte == b'.'))?;
    let (major, minor) = std::str::from_utf8(&bytes[..end]).ok()?.split_once('.')?;
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::glibc;

    #[test]
    fn the_latest_version_that_a_program_names_counts() {
        assert_eq!(glibc(b"\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.9\0"), (2, 34));
        assert_eq!(glibc(b"GLIBC_PRIVATE\0"), (0, 0));
        assert_eq!(glibc(b"GLIBC_2.4"), (0, 0), "a version has an end");
        assert_eq!(glibc(b""), (0, 0));
    }
}
