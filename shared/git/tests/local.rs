//! Two revisions of a repository on disk, made with the git program.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

use std::path::Path;
use std::process::Command;

use domain::report::Mode;
use ports::CheckoutError;

fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .args(["-c", "user.name=x", "-c", "user.email=x@example.com"])
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A repository whose `main` has two commits and whose `feature` branches off the first.
fn repo() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    git(path, &["init", "-q", "-b", "main"]);
    std::fs::create_dir(path.join("apps")).unwrap();
    for (branch, content) in [("main", "1"), ("feature", "2"), ("main", "3")] {
        if branch == "feature" {
            git(path, &["switch", "-q", "-c", branch]);
        } else if content == "3" {
            git(path, &["switch", "-q", branch]);
        }
        std::fs::write(path.join("apps/web.yaml"), content).unwrap();
        git(path, &["add", "."]);
        git(path, &["commit", "-q", "-m", content]);
    }
    git(path, &["tag", "-a", "v1", "-m", "one", "main~1"]);
    dir
}

/// The contents of the one file on both sides.
fn check(dir: &Path, base: &str, head: &str, wanted: (&str, &str)) {
    let checkout = git::local(dir, base, head).unwrap();
    let read =
        |tree: &ports::SharedTree| String::from_utf8(tree.read("apps/web.yaml").unwrap().to_vec()).unwrap();
    assert_eq!((read(&checkout.base).as_str(), read(&checkout.result).as_str()), wanted, "{base}..{head}");
    assert_eq!(checkout.comparison.mode, Mode::Revisions);
    assert_eq!(checkout.changed.is_empty(), wanted.0 == wanted.1);
}

#[test]
fn revisions_are_compared_as_named() {
    let dir = repo();
    let path = dir.path();
    check(path, "main", "feature", ("3", "2"));
    check(path, "HEAD~1", "HEAD", ("1", "3"));
    check(path, "v1", "main", ("1", "3"));
    check(path, &git(path, &["rev-parse", "feature"]), "main^", ("2", "1"));
    check(path, &git(path, &["rev-parse", "--short", "feature"]), "feature", ("2", "2"));
    check(&path.join("apps"), "main", "feature", ("3", "2"));
}

#[test]
fn worktrees_and_uncommitted_files_do_not_matter() {
    let dir = repo();
    let other = dir.path().join("other");
    git(dir.path(), &["worktree", "add", "-q", other.to_str().unwrap(), "feature"]);
    std::fs::write(other.join("apps/web.yaml"), "not committed").unwrap();
    check(&other, "main", "HEAD", ("3", "2"));
}

#[test]
fn what_is_not_there_is_named() {
    let dir = repo();
    for rev in ["nothing", "main~9", "main:apps", "", "-x", "main..feature"] {
        let error = git::local(dir.path(), "main", rev).err().unwrap();
        assert!(matches!(&error, CheckoutError::Gone { what, .. } if what == rev), "{rev}: {error}");
    }
    let empty = tempfile::tempdir().unwrap();
    let error = git::local(empty.path(), "main", "main").err().unwrap();
    assert!(matches!(error, CheckoutError::NotFound(_)), "{error}");
}
