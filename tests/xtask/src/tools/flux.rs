//! Flux's custom resource definitions, copied out of its controllers' Go modules.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{Setup, Tool, need};
use crate::proc;

/// Module, version, and the `h1:` hash of its content as the Go checksum database has it.
const MODULES: &[(&str, &str, &str)] = &[
    ("github.com/fluxcd/kustomize-controller", "v1.9.6", "h1:XB+G3A0mky0j5uVHZWv4oSlS2RvZBoNIUhstIvY0JKE="),
    ("github.com/fluxcd/source-controller", "v1.9.6", "h1:nG534/bI6nVpyHra7ONAk6xDB3xPsVT+EOLHZHXPrrc="),
    ("github.com/fluxcd/helm-controller", "v1.4.0", "h1:rkm8rmB6Na7eNc4pJOnvtXEaJ19iKluRtayHKjBxcUM="),
];

pub(crate) const CRDS: Tool = Tool {
    name: "flux-crds",
    about: "Flux's CRDs (Kustomization, sources, HelmRelease), which the test API server serves",
    heavy: false,
    pins: || Ok(format!("{MODULES:?}")),
    proof: "kustomize.toolkit.fluxcd.io_kustomizations.yaml",
    setup,
};

fn setup(setup: &Setup) -> Result<String> {
    need("go", "to fetch Flux's modules")?;
    let mut count = 0;
    for (module, version, hash) in MODULES {
        let bases = download(module, version, hash)?.join("config/crd/bases");
        for entry in fs::read_dir(&bases).with_context(|| format!("reading `{}`", bases.display()))? {
            let entry = entry?;
            // Read and written, not copied: files of the module cache are read-only.
            fs::write(setup.dir.join(entry.file_name()), fs::read(entry.path())?)?;
            count += 1;
        }
    }
    Ok(format!("{count} definitions from the Go module proxy"))
}

/// Downloads a module into Go's module cache and answers with its folder there.
fn download(module: &str, version: &str, hash: &str) -> Result<PathBuf> {
    let mut command = Command::new("go");
    command.current_dir(std::env::temp_dir()).env("GOWORK", "off").env("GOFLAGS", "").args([
        "mod",
        "download",
        "-json",
        &format!("{module}@{version}"),
    ]);
    let json = proc::output(&mut command)?;
    let found = field(&json, "Sum").unwrap_or_default();
    if found != hash {
        bail!("`{module}@{version}` has the hash `{found}`, not the pinned `{hash}`");
    }
    let dir =
        field(&json, "Dir").with_context(|| format!("`go mod download` names no folder for `{module}`"))?;
    Ok(PathBuf::from(dir))
}

/// One field of the flat JSON that `go mod download` prints, one field a line.
fn field<'j>(json: &'j str, name: &str) -> Option<&'j str> {
    let key = format!("\"{name}\": \"");
    let line = json.lines().map(str::trim).find(|line| line.starts_with(&key))?;
    line.strip_prefix(&key)?.trim_end_matches(',').strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_of_go_mod_download() {
        let json = "{\n\t\"Path\": \"a/b\",\n\t\"GoModSum\": \"h1:y=\",\n\t\"Sum\": \"h1:x=\"\n}\n";
        assert_eq!(field(json, "Path"), Some("a/b"));
        assert_eq!(field(json, "Sum"), Some("h1:x="));
        assert_eq!(field(json, "Dir"), None);
    }
}
