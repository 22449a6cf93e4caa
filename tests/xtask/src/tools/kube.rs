//! kube-apiserver and etcd, in the current version and in the oldest that is supported: found in `KUBEBUILDER_ASSETS`
//! (or `KUBEBUILDER_ASSETS_OLDER`), else downloaded, else built from the Go module proxy.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{Setup, Tool, download, go, link, pins_of_files};
use crate::{proc, workspace};

const PROGRAMS: [&str; 2] = ["kube-apiserver", "etcd"];

/// One version of Kubernetes, and where its programs come from.
struct Release {
    /// The variable that names a folder with both programs.
    assets: &'static str,
    /// The version of the release archive.
    archive: &'static str,
    /// SHA-512 of each archive, from `envtest-releases.yaml` of kubernetes-sigs/controller-tools.
    sha512: &'static [(&'static str, &'static str)],
    /// The module below `tests/tools` that builds it.
    module: &'static str,
    /// The version that the module builds; the same minor.
    built: &'static str,
}

const CURRENT: Release = Release {
    assets: "KUBEBUILDER_ASSETS",
    archive: "1.36.2",
    sha512: &[
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
    ],
    module: "apiserver",
    built: "1.36.3",
};

/// The oldest minor that knows the admission policies which guard the cluster identity.
const OLDEST: Release = Release {
    assets: "KUBEBUILDER_ASSETS_OLDER",
    archive: "1.30.0",
    sha512: &[
        (
            "linux-amd64",
            "d53870e1a6c9b3b50366489a9387f4e254c664955e932e3e25e2088bb437b270bfab75d241b50849233f9a34bb1f08b41567ebb81ea29352104ae0f5b1cb9e88",
        ),
        (
            "linux-arm64",
            "140748efaa394598f50175e809cd53896881ed046d93ebdfbd5442100f68b3d8d51fd22f8cf1ae06a6e43473897b789df0db6e0ae6c45c8320b000d5ee900005",
        ),
        (
            "darwin-amd64",
            "e705b35189052880afefeac72797834d2750bfcfc8971dd913cc2b5575ea7222e9cfa3ebb38a5e5deec8f06089ecc654beaf9c4fe990acf41e57758c26b3d62a",
        ),
        (
            "darwin-arm64",
            "48c1fa5555f021f8aa365faaa96b106804ce5e3022142a2a166bc91ecd5b22da79f012d20c1a4963e0236df00a214f3311cdd842de4ab19442ca1c83b3bcb859",
        ),
    ],
    module: "apiserver-older",
    built: "1.30.14",
};

pub(crate) const KUBE: Tool = Tool {
    name: "kube",
    about: "kube-apiserver 1.36 and etcd, the real API server of the tests",
    heavy: true,
    pins: || CURRENT.pins(),
    proof: "kube-apiserver",
    setup: |setup| CURRENT.set_up(setup),
};

pub(crate) const KUBE_OLDER: Tool = Tool {
    name: "kube-older",
    about: "kube-apiserver 1.30 and etcd, the oldest that is supported",
    heavy: true,
    pins: || OLDEST.pins(),
    proof: "kube-apiserver",
    setup: |setup| OLDEST.set_up(setup),
};

impl Release {
    fn pins(&self) -> Result<String> {
        let assets = self.assets().map_or_else(|| "no assets".to_owned(), |dir| dir.display().to_string());
        let own = ["go.mod", "go.sum", "main.go"].map(|file| format!("{}/{file}", self.module));
        let etcd = ["etcd/go.mod", "etcd/go.sum", "etcd/main.go"].map(str::to_owned);
        let files: Vec<&str> = own.iter().chain(&etcd).map(String::as_str).collect();
        Ok(format!("{assets}\narchive {}\n{}", self.archive, pins_of_files(&files)?))
    }

    /// The folder that a person named, when it holds both programs.
    fn assets(&self) -> Option<PathBuf> {
        let dir = PathBuf::from(std::env::var_os(self.assets)?);
        PROGRAMS.iter().all(|program| dir.join(program).is_file()).then_some(dir)
    }

    fn set_up(&self, setup: &Setup) -> Result<String> {
        if let Some(assets) = self.assets() {
            for program in PROGRAMS {
                link(&assets.join(program), &setup.dir.join(program))?;
            }
            return Ok(format!("from {}, `{}`", self.assets, assets.display()));
        }
        match self.unpack_archive(setup) {
            Ok(()) => Ok(format!("envtest {} downloaded", self.archive)),
            Err(error) => {
                println!(
                    "tool kube: no envtest archive ({error:#}); building from the Go module proxy, which takes minutes"
                );
                self.build(setup)?;
                Ok(format!("v{} built, since the archive could not be had", self.built))
            }
        }
    }

    fn unpack_archive(&self, setup: &Setup) -> Result<()> {
        let platform = platform();
        let Some((_, sha512)) = self.sha512.iter().find(|(name, _)| *name == platform) else {
            bail!("there is no pinned archive for `{platform}`");
        };
        let name = format!("envtest-v{}", self.archive);
        let url = format!(
            "https://github.com/kubernetes-sigs/controller-tools/releases/download/{name}/{name}-{platform}.tar.gz"
        );
        let scratch = setup.dir.join("archive");
        fs::create_dir_all(&scratch)?;
        let file = scratch.join("envtest.tar.gz");
        let unpacked =
            download::fetch(&url, sha512, &file).and_then(|()| unpack(&file, &scratch, &setup.dir));
        fs::remove_dir_all(&scratch)?;
        unpacked
    }

    fn build(&self, setup: &Setup) -> Result<()> {
        let (package, built) = ("k8s.io/component-base/version", self.built);
        let minor = built.split('.').nth(1).unwrap_or_default();
        let flags = format!(
            "-X {package}.gitVersion=v{built} -X {package}.gitMajor=1 -X {package}.gitMinor={minor} -X {package}.gitTreeState=clean"
        );
        go::build(setup, &workspace::pins("etcd"), ".", "etcd", "")?;
        go::build(setup, &workspace::pins(self.module), ".", "kube-apiserver", &flags)
    }
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
    use super::{CURRENT, OLDEST};
    use crate::workspace;

    #[test]
    fn what_we_say_we_build_is_what_the_modules_require() {
        for release in [CURRENT, OLDEST] {
            let file = workspace::pins(&format!("{}/go.mod", release.module));
            let module = std::fs::read_to_string(file).expect("it is committed");
            assert!(module.contains(&format!("k8s.io/kubernetes v{}\n", release.built)));
            let minor = |version: &str| version.rsplit_once('.').map(|(minor, _)| minor.to_owned());
            assert_eq!(minor(release.built), minor(release.archive));
        }
    }

    #[test]
    fn every_pinned_hash_is_a_sha512() {
        for (platform, hash) in CURRENT.sha512.iter().chain(OLDEST.sha512) {
            assert_eq!(hex::decode(hash).map(|bytes| bytes.len()), Ok(64), "{platform}");
        }
    }
}
