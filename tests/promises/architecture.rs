//! The arrows of ARCHITECTURE.md, held against `cargo metadata`, `cargo tree` and the sources of the pure crates.
//!
//! When a check fails, either the code takes a wrong turn or the architecture changed: then change ARCHITECTURE.md first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

use crate::support::root;

/// The pure crates: bytes and values in, values out.
const PURE: [&str; 7] = ["blueprints", "commands", "domain", "kustomize", "flux", "report", "templates"];
const FUNCTIONS: [&str; 4] = ["diff-worker", "interactions", "poller", "standalone"];

/// Which of our crates each of our crates may use, apart from its tests. Whoever is not named here does not exist.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("kustomize", &[]),
    ("templates", &[]),
    ("commands", &["domain"]),
    ("blueprints", &["domain", "templates"]),
    ("flux", &["kustomize"]),
    ("report", &["domain"]),
    ("ports", &["domain", "kustomize"]),
    ("flows", &["blueprints", "commands", "domain", "flux", "kustomize", "ports", "report", "templates"]),
    ("disk", &["kustomize"]),
    ("git", &["domain", "kustomize", "ports"]),
    ("github", &["domain", "ports"]),
    ("kubernetes", &["domain", "flux", "ports"]),
    ("slack", &["domain", "ports"]),
    ("backend-aws", &["domain", "ports"]),
    ("backend-embedded", &["domain", "ports"]),
    (
        "bootstrap",
        &[
            "age-keys",
            "backend-aws",
            "backend-embedded",
            "blueprints",
            "domain",
            "flows",
            "git",
            "github",
            "kubernetes",
            "ports",
            "slack",
            "templates",
        ],
    ),
    ("age-keys", &["ports"]),
    ("testkit", &["flux", "kustomize"]),
    ("poller", &["bootstrap", "flows"]),
    ("diff-worker", &["bootstrap", "flows", "ports"]),
    ("interactions", &["bootstrap", "flows"]),
    (
        "standalone",
        &[
            "bootstrap",
            "disk",
            "domain",
            "flows",
            "flux",
            "git",
            "kubernetes",
            "kustomize",
            "ports",
            "report",
            "testkit",
        ],
    ),
    ("described", &[]),
    ("xtask", &[]),
    ("preflux-tests", &[]),
];

/// Who may use a library of the outside world, apart from tests.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("kube", &["kubernetes"]),
    ("k8s-openapi", &["kubernetes"]),
    ("octocrab", &["github"]),
    ("gix", &["git"]),
    ("rusqlite", &["backend-embedded"]),
    ("rustix", &["disk"]),
    ("reqwest", &["git", "slack", "testkit"]),
    ("axum", &["standalone", "testkit"]),
    ("clap", &["commands", "standalone"]),
    ("lambda_runtime", &["diff-worker", "interactions", "poller"]),
    ("aws_lambda_events", &["diff-worker", "interactions", "poller"]),
    ("aws-config", &["backend-aws"]),
    ("aws-sigv4", &["backend-aws"]),
    ("aws-credential-types", &["backend-aws"]),
    ("aws-smithy-types", &["backend-aws"]),
    ("aws-sdk-sqs", &["backend-aws"]),
    ("aws-sdk-dynamodb", &["backend-aws"]),
    ("aws-sdk-secretsmanager", &["backend-aws"]),
    ("aws-sdk-s3", &["backend-aws"]),
    ("aws-sdk-kms", &["backend-aws"]),
    ("age", &["age-keys"]),
    ("aes-gcm", &["flux", "github"]),
    ("minijinja", &["templates"]),
    ("jsonschema", &["described"]),
];

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).no_deps().other_options(vec!["--offline".to_owned()]);
    command.exec().unwrap()
}

/// Every crate of ours with what it uses outside its tests.
fn uses(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let normal = |kind| matches!(kind, DependencyKind::Normal | DependencyKind::Build);
    let crates = metadata.workspace_packages().into_iter();
    crates
        .map(|package| {
            let used = package.dependencies.iter().filter(|d| normal(d.kind)).map(|d| d.name.to_string());
            (package.name.to_string(), used.collect())
        })
        .collect()
}

/// Everything that a crate links with its own features alone: what its program or library is built from.
fn closure(package: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root())
        .args(["tree", "--offline", "--quiet", "--package", package, "--edges", "normal,no-proc-macro"])
        .args(["--prefix", "none", "--format", "{p}"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn our_crates_use_each_other_along_the_arrows_only() {
    let uses = uses(&metadata());
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let ours: BTreeSet<&str> = uses.keys().map(String::as_str).collect();
    assert_eq!(ours, allowed.keys().copied().collect(), "the crates of the workspace");
    let mut wrong = Vec::new();
    for (from, used) in &uses {
        for to in used.iter().filter(|to| ours.contains(to.as_str())) {
            if !allowed[from.as_str()].contains(&to.as_str()) {
                wrong.push(format!("{from} -> {to}"));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that ARCHITECTURE.md does not have: {wrong:?}");
}

#[test]
fn nobody_uses_a_function_and_only_the_sandbox_uses_the_testkit() {
    for package in metadata().workspace_packages() {
        for dependency in &package.dependencies {
            let (from, to) = (package.name.as_str(), dependency.name.as_str());
            assert!(!FUNCTIONS.contains(&to), "{from} uses the function {to}");
            let test = dependency.kind == DependencyKind::Development;
            assert!(
                to != "testkit" || test || from == "standalone",
                "{from} links testkit into what it ships"
            );
        }
    }
}

#[test]
fn each_part_of_the_outside_world_has_one_crate_that_knows_it() {
    let uses = uses(&metadata());
    for (library, allowed) in OUTSIDE {
        let users: Vec<&str> =
            uses.iter().filter(|(_, used)| used.contains(*library)).map(|(name, _)| name.as_str()).collect();
        let strangers: Vec<&&str> = users.iter().filter(|user| !allowed.contains(user)).collect();
        assert!(strangers.is_empty(), "`{library}` is for {allowed:?}, and {strangers:?} use it");
    }
    let known: BTreeSet<&str> = OUTSIDE.iter().map(|(library, _)| *library).collect();
    for (name, used) in &uses {
        let aws =
            used.iter().find(|d| d.starts_with("aws-") && *d != "aws-lc-rs" && !known.contains(d.as_str()));
        assert_eq!(aws, None, "{name} uses a part of AWS that no rule names");
    }
}

/// Whether a library can reach the world or needs a runtime.
fn is_worldly(name: &str) -> bool {
    const WORLDLY: [&str; 12] = [
        "tokio",
        "async-trait",
        "futures",
        "hyper",
        "reqwest",
        "rustls",
        "rusqlite",
        "kube",
        "octocrab",
        "gix",
        "axum",
        "aws-lc-rs",
    ];
    WORLDLY.contains(&name)
        || name.starts_with("aws-")
        || name.starts_with("lambda_")
        || name.starts_with("tokio-")
}

#[test]
fn pure_crates_link_nothing_that_reaches_the_world() {
    for pure in PURE {
        let worldly: Vec<String> = closure(pure).into_iter().filter(|name| is_worldly(name)).collect();
        assert!(worldly.is_empty(), "{pure} links {worldly:?}");
    }
}

#[test]
fn pure_crates_call_nothing_that_reaches_the_world() {
    // The same list as clippy.toml's, and the words that no pure function has.
    const BANNED: [&str; 12] = [
        "std::fs",
        "std::net",
        "std::process",
        "std::env",
        "std::thread",
        "SystemTime",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
        "async fn",
        ".await",
        "println!",
    ];
    let mut found = Vec::new();
    for pure in PURE {
        for file in sources(&root().join("shared").join(pure).join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            for (number, line) in shipped(&text) {
                found.extend(BANNED.iter().filter(|word| line.contains(**word)).map(|word| {
                    format!("{}:{number}: {word}", file.strip_prefix(root()).unwrap().display())
                }));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Every Rust file that is not a test's own.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if name.ends_with(".rs") && !matches!(name.as_str(), "tests.rs" | "testing.rs") {
            found.push(path);
        }
    }
    found
}

/// The numbered lines that ship: without comments, and up to the tests at the file's end.
fn shipped(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines: Vec<&str> = text.lines().collect();
    let tests =
        lines.windows(2).position(|w| w[0].trim() == "#[cfg(test)]" && w[1].trim_end().ends_with('{'));
    let end = tests.unwrap_or(lines.len());
    let code = lines.into_iter().take(end).enumerate().map(|(i, line)| (i + 1, line));
    code.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn each_program_links_only_what_it_uses() {
    let rules: [(&str, &[&str]); 3] = [
        (
            "interactions",
            &[
                "git",
                "gix",
                "kustomize",
                "flux",
                "kubernetes",
                "kube",
                "github",
                "octocrab",
                "rusqlite",
                "backend-embedded",
                "age",
                "aes-gcm",
                "aws-sdk-kms",
            ],
        ),
        (
            "poller",
            &[
                "age",
                "aws-sdk-kms",
                "git",
                "gix",
                "kustomize",
                "flux",
                "kubernetes",
                "kube",
                "rusqlite",
                "backend-embedded",
            ],
        ),
        ("diff-worker", &["rusqlite", "backend-embedded", "testkit"]),
    ];
    for (program, banned) in rules {
        let linked = closure(program);
        let wrong: Vec<&&str> = banned.iter().filter(|name| linked.contains(**name)).collect();
        assert!(wrong.is_empty(), "{program} links {wrong:?}");
    }
    let standalone = closure("standalone");
    let aws: Vec<&String> =
        standalone.iter().filter(|n| n.starts_with("aws-sdk") || *n == "lambda_runtime").collect();
    assert!(aws.is_empty(), "preflux links {aws:?}");
}

#[test]
fn every_crate_inherits_the_lints_and_every_dependency_says_what_it_is_for() {
    for package in metadata().workspace_packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} has lints of its own", package.name);
        let inherited = |line: &&str| line.contains("workspace = true") || line.contains("path = ");
        let listed = manifest.split("dependencies]\n").skip(1).flat_map(|table| table.split("\n[").next());
        let own: Vec<&str> = listed
            .flat_map(str::lines)
            .filter(|line| line.contains('=') && !line.starts_with('#') && !inherited(line))
            .collect();
        assert!(own.is_empty(), "{}: versions belong into the workspace's list: {own:?}", package.name);
    }
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let table = manifest.split("[workspace.dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let ours = |line: &str| line.contains("path = \"shared/");
    let silent: Vec<&str> =
        table.lines().filter(|line| line.contains(" = ") && !line.contains('#') && !ours(line)).collect();
    assert!(silent.is_empty(), "what are these for? {silent:#?}");
}

#[test]
fn a_panic_unwinds_so_that_one_bad_record_does_not_end_a_batch() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(!manifest.contains("panic = \"abort\""));
    assert!(manifest.contains("panic = \"unwind\""));
}
