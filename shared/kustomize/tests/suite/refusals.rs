//! What is not built is refused by a typed error that names the file and the field, never rendered in part.

use kustomize::{ErrorKind, Limits, MemoryTree, Options, RemoteAddress, build};

const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

fn refused(kustomization: &str) -> kustomize::Error {
    let tree = MemoryTree::new([("k/kustomization.yaml", kustomization), ("k/a.yaml", OBJECT)]);
    build(&tree, "k", &Options::default()).unwrap_err()
}

#[test]
fn what_is_not_built_is_named() {
    let object = "kind: A\nmetadata: {name: a, annotations: {internal.config.kubernetes.io/refBy: x}}\n";
    let tree = MemoryTree::new([("kustomization.yaml", "resources: [a.yaml]"), ("a.yaml", object)]);
    let error = build(&tree, "", &Options::default()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Unsupported { .. }), "{error}");
    assert_eq!(error.field.as_deref(), Some("resources"));
    assert_eq!(error.file.as_deref(), Some("a.yaml"));
}

#[test]
fn remote_and_outside_paths_are_told_apart() {
    let error = refused("resources: ['https://github.com/org/repo//deploy?ref=v1.2']");
    let expected = ErrorKind::Remote {
        url: "https://github.com/org/repo//deploy?ref=v1.2".to_owned(),
        reference: Some("v1.2".to_owned()),
        repository: RemoteAddress::parse("https://github.com/org/repo//deploy?ref=v1.2").map(Box::new),
    };
    assert_eq!(error.kind, expected);
    assert!(matches!(refused("components: ['github.com/a/b']").kind, ErrorKind::Remote { .. }));
    assert!(matches!(refused("resources: [../../x]").kind, ErrorKind::OutsideTree { .. }));
    assert!(matches!(refused("resources: [/etc]").kind, ErrorKind::OutsideTree { .. }));
    assert!(matches!(refused("resources: [.]").kind, ErrorKind::Cycle { .. }));
    assert!(
        matches!(refused("resources: [b.yaml]").kind, ErrorKind::NotFound { path } if path == "k/b.yaml")
    );
}

#[test]
fn limits_stop_a_build() {
    let tree = MemoryTree::new([("kustomization.yaml", "resources: [a.yaml]"), ("a.yaml", OBJECT)]);
    let build = |limits: Limits| build(&tree, "", &Options { limits, ..Options::default() });
    assert!(build(Limits::default()).is_ok());
    for (name, limits) in [
        ("bytes", Limits { bytes: 30, ..Limits::default() }),
        ("files", Limits { files: 1, ..Limits::default() }),
        ("objects", Limits { objects: 0, ..Limits::default() }),
        ("yaml nodes", Limits { yaml_nodes: 5, ..Limits::default() }),
        ("levels of yaml", Limits { depth: 1, ..Limits::default() }),
    ] {
        let error = build(limits).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Limit { limit, .. } if limit == name), "{name}: {error}");
    }
}

#[test]
fn reads_tell_what_the_build_depends_on() {
    let tree = MemoryTree::new([
        ("k/kustomization.yaml", "resources: [../a.yaml]\nconfigMapGenerator: [{name: c, files: [f]}]"),
        ("a.yaml", OBJECT),
        ("k/f", "x"),
        ("other", "y"),
    ]);
    let built = build(&tree, "k", &Options::default()).unwrap();
    let reads: Vec<&str> = built.reads.iter().map(String::as_str).collect();
    assert_eq!(
        reads,
        ["a.yaml", "k", "k/Kustomization", "k/f", "k/kustomization.yaml", "k/kustomization.yml"]
    );
    let origins: Vec<_> = built.objects.iter().map(|o| o.origin.clone().unwrap()).collect();
    assert_eq!(
        origins.iter().map(|o| (o.path.as_str(), o.generated)).collect::<Vec<_>>(),
        [("a.yaml", false), ("k/kustomization.yaml", true)]
    );
}
