//! Fetching one pinned archive: only over HTTPS, only with the right SHA-512.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha512};

use crate::proc;

/// Downloads `url` to `file` and checks its SHA-512 (hexadecimal). Gives up after 5 s without a connection.
pub(crate) fn fetch(url: &str, sha512: &str, file: &Path) -> Result<()> {
    super::need("curl", "to download archives")?;
    let mut command = proc::curl(["--location", "--proto", "=https", "--max-time", "300", "--output"]);
    proc::output(command.arg(file).arg(url)).with_context(|| format!("downloading `{url}`"))?;
    let bytes = fs::read(file).with_context(|| format!("reading `{}`", file.display()))?;
    check(&bytes, sha512).with_context(|| format!("checking `{url}`"))
}

fn check(bytes: &[u8], sha512: &str) -> Result<()> {
    let found = hex::encode(Sha512::digest(bytes));
    if found != sha512 {
        bail!("its sha512 is {found}, not the pinned {sha512}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn only_the_pinned_bytes_pass() {
        let abc = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                   2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        assert!(check(b"abc", abc).is_ok());
        let error = check(b"abd", abc).expect_err("other bytes").to_string();
        assert!(error.contains("not the pinned ddaf35a1"), "{error}");
    }
}
