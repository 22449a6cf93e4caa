//! kube-apiserver and etcd: found in `KUBEBUILDER_ASSETS`, else downloaded, else built from the Go module proxy.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{Setup, Tool, download, go, link, pins_of_files};
use crate::{proc, workspace};

/// The version of the release archive.
const ARCHIVE: &str = "1.36.2";
/// The version of Kubernetes that `tests/tools/apiserver/go.mod` builds; the same minor.
const BUILT: &str = "1.36.3";
const PROGRAMS: [&str; 2] = ["kube-apiserver", "etcd"];

/// SHA-512 of each archive, from `envtest-releases.yaml` of kubernetes-sigs/controller-tools.
const SHA512: &[(&str, &str)] = &[
    (
        "linux-amd64",
        "ea743186c8a799f5cf8faf16969f86189d003cb7d130e0ac4b58789f1e5748dcf30ebe91c837a10d5ac415383da3e10b9e64d65785c938c23e739781cfb76f08",
    ),
    (
        "linux-arm64",
        "2d72ee985a8e262a3c57dc9f7f0fd891f6a8c7bf7ebaa2db6dc6d8eac8ae28181afe51c1f368b67756cdb40b10de9b205609e1726e5f27f7c6d824dd9c6649ac",
    ),
    (
        "darwin-amd64",
        "b4fe9f973cd1992e3880f8b230ed32c0c243b83371591e3e3315f4404df2cdbef8ee94eeb9bb245b7e5feb987d5c4a76c43e0877654ab73f00d7bbc2b9984514",
    ),
    (
        "darwin-arm64",
        "9278f9e5af556b2f1f2d139769c1f0d717c7b4426917fdebdba898bcb725a916e4910d6160886194ff9be9589ea7c5c32c2b8ae0754703874b7c8ba8ddfc41ce",
    ),
];

pub(crate) const KUBE: Tool = Tool {
    name: "kube",
    about: "kube-apiserver 1.36 and etcd, the real API server of the tests",
    heavy: true,
    pins,
    proof: "kube-apiserver",
    setup,
};

fn pins() -> Result<String> {
    let assets = assets().map_or_else(|| "no assets".to_owned(), |dir| dir.display().to_string());
    let files = pins_of_files(&[
        "apiserver/go.mod",
        "apiserver/go.sum",
        "apiserver/main.go",
        "etcd/go.mod",
        "etcd/go.sum",
        "etcd/main.go",
    ])?;
    Ok(format!("{assets}\narchive {ARCHIVE}\n{files}"))
}

/// The folder of `KUBEBUILDER_ASSETS`, when it holds both programs.
fn assets() -> Option<PathBuf> {
    let dir = PathBuf::from(std::env::var_os("KUBEBUILDER_ASSETS")?);
    PROGRAMS.iter().all(|program| dir.join(program).is_file()).then_some(dir)
}

fn setup(setup: &Setup) -> Result<String> {
    if let Some(assets) = assets() {
        for program in PROGRAMS {
            link(&assets.join(program), &setup.dir.join(program))?;
        }
        return Ok(format!("from KUBEBUILDER_ASSETS, `{}`", assets.display()));
    }
    match from_archive(setup) {
        Ok(()) => Ok(format!("envtest {ARCHIVE} downloaded")),
        Err(error) => {
            println!(
                "tool kube: no envtest archive ({error:#}); building from the Go module proxy, which takes minutes"
            );
            build(setup)?;
            Ok(format!("v{BUILT} built, since the archive could not be had"))
        }
    }
}

fn from_archive(setup: &Setup) -> Result<()> {
    let platform = platform();
    let Some((_, sha512)) = SHA512.iter().find(|(name, _)| *name == platform) else {
        bail!("there is no pinned archive for `{platform}`");
    };
    let name = format!("envtest-v{ARCHIVE}");
    let url = format!(
        "https://github.com/kubernetes-sigs/controller-tools/releases/download/{name}/{name}-{platform}.tar.gz"
    );
    let scratch = setup.dir.join("archive");
    fs::create_dir_all(&scratch)?;
    let file = scratch.join("envtest.tar.gz");
    let unpacked = download::fetch(&url, sha512, &file).and_then(|()| unpack(&file, &scratch, &setup.dir));
    fs::remove_dir_all(&scratch)?;
    unpacked
}

fn unpack(file: &Path, scratch: &Path, dir: &Path) -> Result<()> {
    proc::output(Command::new("tar").arg("-xzf").arg(file).arg("-C").arg(scratch))?;
    for program in PROGRAMS {
        let from = scratch.join("controller-tools/envtest").join(program);
        fs::rename(&from, dir.join(program))
            .with_context(|| format!("taking `{program}` from the archive"))?;
    }
    Ok(())
}

fn build(setup: &Setup) -> Result<()> {
    let version = "k8s.io/component-base/version";
    let flags = format!(
        "-X {version}.gitVersion=v{BUILT} -X {version}.gitMajor=1 -X {version}.gitMinor=36 -X {version}.gitTreeState=clean"
    );
    go::build(setup, &workspace::pins("etcd"), ".", "etcd", "")?;
    go::build(setup, &workspace::pins("apiserver"), ".", "kube-apiserver", &flags)
}

/// This machine in the words of the Go world.
fn platform() -> String {
    let os = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{os}-{arch}")
}

#[cfg(test)]
mod tests {
    use super::{BUILT, SHA512};
    use crate::workspace;

    #[test]
    fn what_we_say_we_build_is_what_the_module_requires() {
        let module = std::fs::read_to_string(workspace::pins("apiserver/go.mod")).expect("it is committed");
        assert!(module.contains(&format!("k8s.io/kubernetes v{BUILT}\n")));
    }

    #[test]
    fn every_pinned_hash_is_a_sha512() {
        for (platform, hash) in SHA512 {
            assert_eq!(hex::decode(hash).map(|bytes| bytes.len()), Ok(64), "{platform}");
        }
    }
}
