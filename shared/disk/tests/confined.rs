//! What a folder on disk gives out, and what it does not: every way out of it, and what stands in it and is no file.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::symlink;
use std::path::Path;

use disk::DiskTree;
use kustomize::{EntryKind, Options, Tree, TreeError, build};
use tempfile::TempDir;

const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

/// `tree` is the folder; `secret` stands beside it.
fn world() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "secret/key.yaml", "no one's business");
    write(dir.path(), "tree/a/b.yaml", OBJECT);
    dir
}

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn tree(world: &TempDir) -> DiskTree {
    DiskTree::open(&world.path().join("tree"), 1000).unwrap()
}

fn text(tree: &dyn Tree, path: &str) -> String {
    String::from_utf8(tree.read(path).unwrap().to_vec()).unwrap()
}

/// Reading fails, with a reason that has these words in it; asking what it is does not.
fn refused(tree: &dyn Tree, path: &str, words: &str) {
    assert_eq!(tree.kind(path), Some(EntryKind::File), "{path}");
    match tree.read(path) {
        Err(TreeError::Unavailable { reason, .. }) => assert!(reason.contains(words), "{path}: {reason}"),
        other => panic!("{path}: {other:?}"),
    }
}

#[test]
fn files_and_folders() {
    let world = world();
    let tree = tree(&world);
    assert_eq!(tree.kind(""), Some(EntryKind::Directory));
    assert_eq!(tree.kind("a"), Some(EntryKind::Directory));
    assert_eq!(tree.kind("a/b.yaml"), Some(EntryKind::File));
    assert_eq!(text(&tree, "a/b.yaml"), OBJECT);
    for missing in ["b", "a/b.yaml/c", "a/b\0", "A"] {
        assert_eq!(tree.kind(missing), None, "{missing}");
        assert_eq!(tree.read(missing), Err(TreeError::NotFound { path: missing.to_owned() }));
    }
    assert!(matches!(tree.read("a"), Err(TreeError::NotFound { .. })));
    assert!(matches!(tree.list("a/b.yaml"), Err(TreeError::NotFound { .. })));
    let names: Vec<String> = tree.list("").unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["a"]);
}

#[test]
fn links_are_followed_within_the_folder() {
    let world = world();
    let root = world.path().join("tree");
    symlink("a/b.yaml", root.join("file")).unwrap();
    symlink("../a", root.join("a/folder")).unwrap();
    symlink(root.canonicalize().unwrap().join("a"), root.join("absolute")).unwrap();
    symlink("absolute", root.join("twice")).unwrap();
    let tree = tree(&world);
    for path in ["file", "a/folder/b.yaml", "absolute/b.yaml", "twice/b.yaml", "a/folder/folder/b.yaml"] {
        assert_eq!(text(&tree, path), OBJECT, "{path}");
        assert_eq!(tree.real_path(path).as_deref(), Some("a/b.yaml"));
    }
    assert_eq!(tree.kind("twice"), Some(EntryKind::Directory));
    assert_eq!(tree.real_path("twice").as_deref(), Some("a"));
    assert_eq!(tree.real_path("a/b.yaml"), None);
    assert!(tree.list("").unwrap().iter().any(|e| e.name == "twice" && e.kind == EntryKind::Directory));
}

#[test]
fn nothing_leads_out() {
    let world = world();
    let root = world.path().join("tree");
    symlink("../secret", root.join("up")).unwrap();
    symlink("../secret/key.yaml", root.join("file")).unwrap();
    symlink(world.path().join("secret"), root.join("absolute")).unwrap();
    symlink("/", root.join("everything")).unwrap();
    symlink("../tree/a", root.join("out-and-in")).unwrap();
    symlink("../../secret/key.yaml", root.join("a/deep")).unwrap();
    let tree = tree(&world);
    for path in [
        "up",
        "file",
        "absolute",
        "everything",
        "up/key.yaml",
        "everything/etc/passwd",
        "out-and-in",
        "a/deep",
    ] {
        refused(&tree, path, "leads out of the tree");
    }
    assert!(tree.read("../secret/key.yaml").is_err());
    let error = build(&tree, "up", &Options::default()).unwrap_err().to_string();
    assert!(error.contains("leads out of the tree"), "{error}");
}

#[test]
fn what_is_no_file_is_never_opened() {
    let world = world();
    let root = world.path().join("tree");
    let made = std::process::Command::new("mkfifo").arg(root.join("pipe")).status().unwrap();
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    write(&root, "large", &"x".repeat(1001));
    write(&root, "just-right", &"x".repeat(1000));
    let tree = tree(&world);
    refused(&tree, "pipe", "a named pipe");
    refused(&tree, "socket", "a socket");
    refused(&tree, "loop", "too many symbolic links");
    assert_eq!(tree.kind("dangling"), None);
    assert_eq!(tree.read("large"), Err(TreeError::TooLarge { path: "large".to_owned(), limit: 1000 }));
    assert_eq!(text(&tree, "just-right").len(), 1000);
}

#[test]
fn names_that_are_no_text_are_said() {
    use std::os::unix::ffi::OsStrExt as _;
    let world = world();
    let root = world.path().join("tree");
    symlink(std::ffi::OsStr::from_bytes(b"\xff"), root.join("link")).unwrap();
    refused(&tree(&world), "link", "not UTF-8");
    // Some file systems do not even take such a name.
    if std::fs::write(root.join(std::ffi::OsStr::from_bytes(b"\xff")), "").is_ok() {
        assert!(matches!(tree(&world).list(""), Err(TreeError::Unavailable { .. })));
    }
}

#[test]
fn device_files_are_refused() {
    let tree = DiskTree::open(Path::new("/dev"), 1000).unwrap();
    refused(&tree, "null", "a device");
}

#[test]
fn a_build_starts_where_a_linked_folder_really_is() {
    let world = world();
    let root = world.path().join("tree");
    write(&root, "real/app/kustomization.yaml", "resources: [../common.yaml]\n");
    write(&root, "real/common.yaml", OBJECT);
    write(&root, "top/kustomization.yaml", "resources: [app, other.yaml]\n");
    write(&root, "real/other.yaml", &OBJECT.replace("name: a", "name: b"));
    symlink("../real/app", root.join("top/app")).unwrap();
    symlink("../real/other.yaml", root.join("top/other.yaml")).unwrap();
    let built = build(&tree(&world), "top", &Options::default()).unwrap();
    assert_eq!(built.objects.len(), 2);
    for read in ["top/app", "real/app", "real/common.yaml", "top/other.yaml", "real/other.yaml"] {
        assert!(built.reads.contains(read), "{read}: {:?}", built.reads);
    }
}

#[test]
fn a_build_says_why_it_does_not_follow() {
    let world = world();
    let root = world.path().join("tree");
    symlink("../secret", root.join("out")).unwrap();
    for field in ["resources", "components"] {
        write(&root, "kustomization.yaml", &format!("{field}: [out]\n"));
        let error = build(&tree(&world), "", &Options::default()).unwrap_err().to_string();
        assert!(error.contains("`out`") && error.contains("leads out of the tree"), "{error}");
    }
    symlink("../secret/key.yaml", root.join("kustomization.yaml.link")).unwrap();
    std::fs::rename(root.join("kustomization.yaml.link"), root.join("kustomization.yaml")).unwrap();
    let error = build(&tree(&world), "", &Options::default()).unwrap_err().to_string();
    assert!(error.contains("leads out of the tree"), "{error}");
}
