//! Emulators from Maven Central: DynamoDB Local and ElasticMQ, with every jar checked against a committed list.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{Setup, Tool, need, pins_of_files, sha256_of};
use crate::{proc, workspace};

const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

pub(crate) const DYNAMODB_LOCAL: Tool = Tool {
    name: "dynamodb-local",
    about: "DynamoDB Local 3.3.1, the stand-in for DynamoDB",
    heavy: false,
    pins: || pins_of_files(&["dynamodb-local/pom.xml", "dynamodb-local/jars.sha256"]),
    proof: "DynamoDBLocal-3.3.1.jar",
    setup: |setup| jars(setup, "dynamodb-local"),
};

pub(crate) const ELASTICMQ: Tool = Tool {
    name: "elasticmq",
    about: "ElasticMQ 1.7.1, the stand-in for SQS",
    heavy: false,
    pins: || pins_of_files(&["elasticmq/pom.xml", "elasticmq/jars.sha256"]),
    proof: "elasticmq-server_2.13-1.7.1.jar",
    setup: |setup| jars(setup, "elasticmq"),
};

fn jars(setup: &Setup, name: &str) -> Result<String> {
    need("mvn", "to fetch jars")?;
    need("java", "to run them")?;
    let mut command = Command::new("mvn");
    command
        .args(["--batch-mode", "--quiet", "--no-transfer-progress", "--strict-checksums", "--file"])
        .arg(workspace::pins(name).join("pom.xml"))
        .args([COPY, "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", setup.dir.display()));
    proc::run_logged(&mut command, &setup.log)?;
    let count = check(&setup.dir, &workspace::pins(name).join("jars.sha256"))?;
    Ok(format!("{count} files fetched and checked"))
}

/// Every file in the folder must be on the list, with its hash, and the other way round.
fn check(dir: &Path, list: &Path) -> Result<usize> {
    let text = fs::read_to_string(list).with_context(|| format!("reading `{}`", list.display()))?;
    let mut expected: BTreeMap<&str, &str> =
        text.lines().filter_map(|line| line.split_once("  ")).map(|(hash, name)| (name, hash)).collect();
    let count = expected.len();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(hash) = expected.remove(name.as_str()) else {
            bail!("`{name}` was fetched but is not listed in `{}`", list.display());
        };
        if sha256_of(&entry.path())? != hash {
            bail!("`{name}` is not the file that `{}` pins", list.display());
        }
    }
    if let Some(name) = expected.keys().next() {
        bail!("`{name}` is pinned in `{}` but was not fetched", list.display());
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::check;

    fn checked(files: &[(&str, &str)], list: &str) -> String {
        let dir = crate::workspace::target().join(format!("xtask-tests/jars-{}-{}", files.len(), list.len()));
        if dir.exists() {
            std::fs::remove_dir_all(&dir).unwrap();
        }
        std::fs::create_dir_all(dir.join("jars")).unwrap();
        for (name, text) in files {
            std::fs::write(dir.join("jars").join(name), text).unwrap();
        }
        std::fs::write(dir.join("list"), list).unwrap();
        match check(&dir.join("jars"), &dir.join("list")) {
            Ok(count) => format!("{count} fine"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn only_the_listed_jars_with_the_listed_bytes_pass() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.jar\n";
        assert_eq!(checked(&[("a.jar", "abc")], abc), "1 fine");
        assert!(checked(&[("a.jar", "abcd")], abc).contains("not the file"));
        assert!(checked(&[("a.jar", "abc"), ("b.jar", "")], abc).contains("`b.jar` was fetched but"));
        assert!(checked(&[], abc).contains("was not fetched"));
    }
}
