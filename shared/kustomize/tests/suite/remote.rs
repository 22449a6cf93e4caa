//! Builds over more trees than one: what was fetched for remote addresses is handed in.

use std::sync::Arc;

use kustomize::{
    Built, Error, ErrorKind, MemoryTree, Options, Remote, RemoteAddress, Remotes, build, remotes, yaml,
};

const REPOSITORY: [(&str, &str); 10] = [
    ("kustomization.yaml", "resources: [sub]\nnamePrefix: r-"),
    (
        "sub/kustomization.yaml",
        "resources: [a.yaml, ../side]\nconfigMapGenerator: [{name: gen, literals: [a=b]}]",
    ),
    ("sub/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
    ("side/kustomization.yaml", "resources: [b.yaml]"),
    ("side/b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n"),
    ("up/kustomization.yaml", "resources: [../side/b.yaml]"),
    ("out/kustomization.yaml", "resources: [../../over]"),
    ("loop/kustomization.yaml", "resources: ['https://git.example/o/r//loop']"),
    ("broken/kustomization.yaml", "resources: [gone.yaml]"),
    (
        "part/kustomization.yaml",
        "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\nnameSuffix: -p",
    ),
];

fn given(urls: &[&str]) -> Options {
    let tree = Arc::new(MemoryTree::new(REPOSITORY));
    let give = |all: Remotes, url: &&str| all.with(*url, Remote::Repository(tree.clone()));
    Options { remotes: urls.iter().fold(Remotes::new(), give), ..Options::default() }
}

fn built(kustomization: &str, options: &Options) -> Result<Built, Error> {
    build(&MemoryTree::new([("over/kustomization.yaml", kustomization)]), "over", options)
}

fn refused(directory: &str) -> Error {
    let url = format!("https://git.example/o/r//{directory}");
    built(&format!("resources: ['{url}']"), &given(&[&url])).unwrap_err()
}

fn names(built: &Built) -> Vec<&str> {
    built.objects.iter().map(|o| o.value["metadata"]["name"].as_str().unwrap()).collect()
}

#[test]
fn repositories_are_built_in_their_own_tree() {
    let (sub, part) = ("https://git.example/o/r//sub?ref=main", "git@git.example:o/r.git//part");
    let text = format!("resources: ['{sub}']\ncomponents: ['{part}']");
    let built = built(&text, &given(&[sub, part])).unwrap();
    assert_eq!(names(&built), ["a-p", "b-p", "gen-p-4h2mbtbbt6"]);
    let origins: Vec<_> = built.objects.iter().map(|o| o.origin.clone().unwrap()).collect();
    assert!(origins.iter().all(|origin| origin.remote.as_deref() == Some(sub)));
    let paths: Vec<&str> = origins.iter().map(|origin| origin.path.as_str()).collect();
    assert_eq!(paths, ["sub/a.yaml", "side/b.yaml", "sub/kustomization.yaml"]);
    assert!(built.reads.iter().all(|path| path.starts_with("over")), "{:?}", built.reads);
    assert!(built.remote_reads[sub].contains("side/b.yaml"));
    assert!(built.remote_reads[part].contains("part/kustomization.yaml"));
}

/// What the kustomize command line prints for such repositories.
#[test]
fn annotations_name_the_repository() {
    let (sub, root) = ("https://git.example/o/r//sub?ref=main", "https://git.example/o/r");
    let annotations = |url: &str| {
        let text =
            format!("resources: ['{url}']\nbuildMetadata: [originAnnotations, transformerAnnotations]");
        let built = built(&text, &given(&[url])).unwrap();
        let objects = built.objects.iter();
        yaml::emit_all(objects.map(|object| &object.value["metadata"]["annotations"]))
    };
    assert_eq!(
        annotations(sub),
        "config.kubernetes.io/origin: |
  path: sub/a.yaml
  repo: https://git.example/o/r
  ref: main
---
config.kubernetes.io/origin: |
  path: side/b.yaml
  repo: https://git.example/o/r
  ref: main
---
config.kubernetes.io/origin: |
  repo: https://git.example/o/r
  ref: main
  configuredIn: sub/kustomization.yaml
  configuredBy:
    apiVersion: builtin
    kind: ConfigMapGenerator
"
    );
    let first = "alpha.config.kubernetes.io/transformations: |
  - repo: https://git.example/o/r
    configuredIn: notCloned/kustomization.yaml
    configuredBy:
      apiVersion: builtin
      kind: PrefixTransformer
config.kubernetes.io/origin: |
  path: notCloned/sub/a.yaml
  repo: https://git.example/o/r
---
";
    assert!(annotations(root).starts_with(first), "{}", annotations(root));
}

#[test]
fn repositories_are_left_by_nothing() {
    assert!(matches!(refused("up").kind, ErrorKind::OutsideTree { path } if path == "../side/b.yaml"));
    assert!(matches!(refused("out").kind, ErrorKind::OutsideTree { .. }));
    assert!(matches!(refused("loop").kind, ErrorKind::Cycle { .. }));
    assert!(matches!(refused("none").kind, ErrorKind::NotFound { .. }));
    assert!(matches!(refused("side/b.yaml").kind, ErrorKind::NotAFile { .. }));
    let error = refused("broken");
    assert_eq!(
        error.file.as_deref(),
        Some("https://git.example/o/r//broken: broken/kustomization.yaml"),
        "{error}"
    );
}

#[test]
fn files_are_handed_in_too() {
    let (object, patch, text) =
        ("https://h.example/a.yaml", "http://h.example/p.yaml", "https://h.example/t.txt");
    let kustomization = format!(
        "resources: ['{object}']\npatches: [{{path: '{patch}'}}]\nconfigMapGenerator: [{{name: c, files: ['{text}']}}]
buildMetadata: [originAnnotations]"
    );
    let tree = MemoryTree::new([("kustomization.yaml", kustomization.as_str())]);
    let file = |text: &str| Remote::File(text.as_bytes().into());
    let given = Remotes::new()
        .with(object, file("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"))
        .with(patch, file("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n"))
        .with(text, file("hello"));
    let built = build(&tree, "", &Options { remotes: given, ..Options::default() }).unwrap();
    let values: Vec<_> = built.objects.iter().map(|o| o.value["data"].to_string()).collect();
    assert_eq!(values, [r#"{"k":"v"}"#, r#"{"t.txt":"hello"}"#]);
    let annotation = &built.objects[0].value["metadata"]["annotations"]["config.kubernetes.io/origin"];
    assert_eq!(annotation, "path: https:/h.example/a.yaml\n");
    assert_eq!(built.objects[0].origin.as_ref().unwrap().remote.as_deref(), Some(object));
    let fetched: Vec<&str> = built.remote_reads.keys().map(String::as_str).collect();
    assert_eq!(fetched, [patch, object, text]);
}

#[test]
fn all_that_is_missing_is_listed_at_once() {
    let outer = "https://git.example/o/r//outer?ref=v1";
    let tree = MemoryTree::new([
        ("k/kustomization.yaml", "resources: [../base, 'https://git.example/o/r//outer?ref=v1']\nbases: [github.com/a/b/c]"),
        (
            "base/kustomization.yaml",
            "resources: ['https://h.example/a.yaml']\ncomponents: [github.com/a/b/c, ../base]\ngenerators: ['https://h.example/g.yaml']
patches: [{path: 'http://h.example/p.yaml'}]\nreplacements: [{path: 'http://h.example/r.yaml'}]\nconfigMapGenerator: [{name: c, files: ['k=https://h.example/f'], envs: ['https://h.example/e']}]",
        ),
    ]);
    let listed = |options: &Options| -> Vec<String> {
        remotes(&tree, "k", options).into_iter().map(|remote| remote.url).collect()
    };
    let mut expected = vec![
        "https://h.example/f",
        "https://h.example/e",
        "http://h.example/p.yaml",
        "http://h.example/r.yaml",
        "https://h.example/a.yaml",
        "github.com/a/b/c",
        "https://h.example/g.yaml",
        outer,
    ];
    assert_eq!(listed(&Options::default()), expected);
    let missing = remotes(&tree, "k", &Options::default());
    let repository = missing.iter().find(|remote| remote.url == outer).unwrap().repository.clone();
    assert_eq!(repository, RemoteAddress::parse(outer));
    assert_eq!(repository.unwrap().clone_url(), "https://git.example/o/r");

    let fetched = MemoryTree::new([("outer/kustomization.yaml", "resources: ['ssh://me@h.example/x/y']")]);
    let given = Remotes::new().with(outer, Remote::Repository(Arc::new(fetched)));
    expected.pop();
    expected.push("ssh://me@h.example/x/y");
    assert_eq!(listed(&Options { remotes: given, ..Options::default() }), expected);
    assert!(matches!(build(&tree, "k", &Options::default()).unwrap_err().kind, ErrorKind::Remote { .. }));
}
