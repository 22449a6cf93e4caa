//! `preflux build` on folders on disk: what it prints, what bounds it, and that one bad request does not end a batch.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::program;

const BASE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n";

/// A base, an overlay on it, and a folder that does not build.
fn repository() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in [
        (".git/HEAD", "ref: refs/heads/main\n"),
        ("base/kustomization.yaml", "resources: [settings.yaml]\n"),
        ("base/settings.yaml", BASE),
        (
            "apps/prod/kustomization.yaml",
            "resources: [../../base]\nnamePrefix: prod-\ncommonLabels: {a: b}\n",
        ),
        ("apps/broken/kustomization.yaml", "resources: [nothing.yaml]\n"),
    ] {
        write(dir.path(), path, text);
    }
    dir
}

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn preflux(dir: &Path, args: &[&str]) -> Output {
    Command::new(program("preflux")).arg("build").args(args).current_dir(dir).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The build fails, with these words as the reason and nothing else.
fn refused(output: &Output, words: &[&str]) {
    let reason = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""), "{reason}");
    assert!(words.iter().all(|word| reason.contains(word)), "{words:?}: {reason}");
}

#[test]
fn objects_are_printed_as_kustomize_prints_them() {
    let dir = repository();
    let output = preflux(dir.path(), &["apps/prod"]);
    let expected = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  labels:\n    a: b\n  name: prod-settings\n";
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), expected));
    assert!(text(&output.stderr).contains("warning: ") && text(&output.stderr).contains("commonLabels"));
    write(dir.path(), "base/settings.yaml", &format!("{BASE}---\n{}", BASE.replace("settings", "more")));
    let output = preflux(&dir.path().join("apps"), &["../base"]);
    assert_eq!(text(&output.stdout), format!("{BASE}---\n{}", BASE.replace("settings", "more")));
}

#[test]
fn json_says_what_the_build_depends_on() {
    let dir = repository();
    let output = preflux(&dir.path().join("apps/prod"), &[".", "--output", "json"]);
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed["objects"][0]["metadata"]["name"], "prod-settings");
    let reads: Vec<&str> = printed["reads"].as_array().unwrap().iter().map(|r| r.as_str().unwrap()).collect();
    for read in ["apps/prod", "apps/prod/kustomization.yaml", "apps/prod/Kustomization", "base/settings.yaml"]
    {
        assert!(reads.contains(&read), "{read}: {reads:?}");
    }
    assert_eq!(printed["warnings"].as_array().unwrap().len(), 1);
}

#[test]
fn what_does_not_build_exits_with_1_and_the_reason() {
    let dir = repository();
    refused(&preflux(dir.path(), &["apps/broken"]), &["error: ", "apps/broken", "nothing.yaml", "resources"]);
    refused(&preflux(dir.path(), &["apps"]), &["apps/kustomization.yaml", "does not exist"]);
    refused(&preflux(dir.path(), &["no/such/folder"]), &["no/such/folder"]);
    refused(&preflux(dir.path(), &["base/settings.yaml"]), &["base/settings.yaml"]);
}

#[test]
fn the_root_bounds_what_is_read() {
    let dir = repository();
    refused(&preflux(dir.path(), &["apps/prod", "--root", "apps"]), &["../../base", "outside the tree"]);
    refused(&preflux(dir.path(), &["base", "--root", "apps"]), &["is not within"]);
    assert!(preflux(dir.path(), &["apps/prod", "--root", "."]).status.success());
    // The work tree's top bounds it where nothing is said, and a link out of it is not followed.
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "secret.yaml", BASE);
    symlink(outside.path().join("secret.yaml"), dir.path().join("base/link.yaml")).unwrap();
    write(dir.path(), "base/kustomization.yaml", "resources: [link.yaml]\n");
    refused(&preflux(dir.path(), &["base"]), &["base/link.yaml", "leads out of the tree"]);
    std::fs::remove_dir_all(dir.path().join(".git")).unwrap();
    assert!(preflux(dir.path(), &["base"]).status.success());
}

#[test]
fn what_would_cost_too_much_is_refused_in_little_memory() {
    let dir = repository();
    let lists: String =
        (0..9).map(|i| format!("a{0}: &a{0} [{1}]\n", i + 1, format!("*a{i},").repeat(10))).collect();
    let deep = "[".repeat(10_000);
    for (objects, limit) in [
        (format!("{BASE}a0: &a0 [x]\n{lists}"), "bytes copied"),
        (format!("{BASE}a: {deep}\n"), "levels of yaml"),
        (format!("{BASE}a: {}\n", "x".repeat(100_000_000)), "bytes of one file"),
    ] {
        write(dir.path(), "base/settings.yaml", &objects);
        let limited = "ulimit -v 524288 && exec \"$0\" build base";
        let mut shell = Command::new("sh");
        let output =
            shell.args(["-c", limited]).arg(program("preflux")).current_dir(dir.path()).output().unwrap();
        refused(&output, &["the limit of", limit]);
    }
}

#[test]
fn a_batch_answers_each_line_in_order_and_at_once() {
    let dir = repository();
    let mut command = Command::new(program("preflux"));
    command.args(["build", "--batch"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = command.spawn().unwrap();
    let (mut requests, answers) = (running.stdin.take().unwrap(), running.stdout.take().unwrap());
    let mut answers = BufReader::new(answers);
    let mut ask = |request: &str| -> Value {
        writeln!(requests, "{request}").unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    };
    let build = |path: &str| json!({"root": dir.path(), "path": path}).to_string();

    let answer = ask(&build("apps/prod"));
    assert_eq!(
        (&answer["error"], &answer["objects"][0]["metadata"]["name"]),
        (&Value::Null, &json!("prod-settings"))
    );
    assert!(
        answer["ms"].as_f64().unwrap() > 0.0 && answer["reads"].as_array().unwrap().len() > 3,
        "{answer}"
    );
    let fails = |answer: Value, words: &str| {
        assert!(answer["error"].as_str().unwrap().contains(words), "{words}: {answer}");
        assert_eq!(
            (&answer["objects"], &answer["reads"], &answer["warnings"]),
            (&json!([]), &json!([]), &json!([]))
        );
    };
    fails(ask("what?"), "the request is not");
    fails(ask(&build("apps/broken")), "nothing.yaml");
    fails(ask(&build("../..")), "outside the tree");
    fails(ask(&build("/etc")), "outside the tree");
    write(dir.path(), "base/settings.yaml", &BASE.replace("settings", "changed"));
    let answer = ask(&build("apps/prod/"));
    assert_eq!(answer["objects"][0]["metadata"]["name"], "prod-changed", "nothing is kept between requests");

    drop(requests);
    assert!(running.wait().unwrap().success());
}
