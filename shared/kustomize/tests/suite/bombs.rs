//! Small inputs that would cost a lot: each is refused by the limit that is there for it, which the error names.
//!
//! What costs work alone is tried at a part of the default limits, since tests run unoptimised.

use std::sync::atomic::{AtomicUsize, Ordering};

use kustomize::{Deadline, ErrorKind, Limits, MemoryTree, Options, build};

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

fn limit_of(files: Vec<(String, String)>, limits: Limits) -> &'static str {
    let options = Options { limits, ..Options::default() };
    match build(&MemoryTree::new(files), "", &options).map_err(|error| error.kind) {
        Err(ErrorKind::Limit { limit, .. }) => limit,
        Err(other) => panic!("{other}"),
        Ok(built) => panic!("{} objects were built", built.objects.len()),
    }
}

fn file(path: &str, text: impl Into<String>) -> (String, String) {
    (path.to_owned(), text.into())
}

/// One file of objects and a kustomization that does something with it.
fn one(objects: impl Into<String>, kustomization: &str) -> Vec<(String, String)> {
    let kustomization = format!("resources: [a.yaml]\n{kustomization}");
    vec![file("kustomization.yaml", kustomization), file("a.yaml", objects)]
}

#[track_caller]
fn refused(files: Vec<(String, String)>, limit: &str) {
    assert_eq!(limit_of(files, Limits::default()), limit);
}

/// The same with a twentieth of the limit.
#[track_caller]
fn refused_early(files: Vec<(String, String)>, limit: &str) {
    let all = Limits::default();
    let limits = match limit {
        "steps of work" => Limits { steps: all.steps / 20, ..all },
        _ => Limits { copied_bytes: all.copied_bytes / 20, ..all },
    };
    assert_eq!(limit_of(files, limits), limit);
}

fn objects(count: usize) -> String {
    (0..count)
        .map(|i| format!("{}data: {{k: v}}\n---\n", MAP.replace("name: a", &format!("name: a{i}"))))
        .collect()
}

fn each(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

#[test]
fn aliases_of_aliases() {
    let lists =
        each(10, |i| format!("a{0}: &a{0} [*a{i},*a{i},*a{i},*a{i},*a{i},*a{i},*a{i},*a{i}]\n", i + 1));
    refused_early(one(format!("{MAP}a0: &a0 [x]\n{lists}"), ""), "bytes copied");
    let merges = each(40, |i| format!("a{0}: &a{0} {{<<: *a{i}, x{0}: *a{i}, y{0}: *a{i}}}\n", i + 1));
    refused_early(one(format!("{MAP}a0: &a0 {{k: 1}}\n{merges}"), ""), "bytes copied");
    refused_early(vec![file("kustomization.yaml", format!("a0: &a0 [x]\n{lists}"))], "bytes copied");
    let long = format!("{MAP}a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a,".repeat(5_000));
    refused_early(one(long, ""), "bytes copied");
    refused(one(format!("{MAP}a: &a x\nb: [{}]\n", "*a,".repeat(10_001)), ""), "aliases");
}

#[test]
fn depth() {
    let deep =
        |open: &str, close: &str| format!("{MAP}a: {}1{}\n", open.repeat(10_000), close.repeat(10_000));
    refused(one(deep("[", "]"), ""), "levels of yaml");
    refused(one(deep("{a: ", "}"), ""), "levels of yaml");
    refused(
        one(format!("{MAP}a:\n{}", each(2_000, |i| format!("{}-\n", " ".repeat(i + 1)))), ""),
        "levels of yaml",
    );
    let directories =
        (0..200).map(|i| file(&format!("{}kustomization.yaml", "d/".repeat(i)), "resources: [d]\n"));
    refused(directories.collect(), "nested kustomizations");
}

#[test]
fn large_files_and_many() {
    refused(one(format!("{MAP}data: {{a: {}}}\n", "x".repeat(40 << 20)), ""), "bytes of one file");
    let env = "configMapGenerator: [{name: g, envs: [a.yaml]}]\n";
    refused(
        vec![file("kustomization.yaml", env), file("a.yaml", "A=1\n".repeat(10 << 20))],
        "bytes of one file",
    );
    let keys = each(700_000, |i| format!("K{i}=\n"));
    refused(vec![file("kustomization.yaml", env), file("a.yaml", keys)], "yaml nodes");
    let all = Limits { files: 1_000, ..Limits::default() };
    let listed = each(2_000, |i| format!("- f{i}\n"));
    let files = (0..2_000).map(|i| file(&format!("f{i}"), MAP.replace("name: a", &format!("name: a{i}"))));
    let files = files.chain([file("kustomization.yaml", format!("resources:\n{listed}"))]).collect();
    assert_eq!(limit_of(files, all), "files");
}

/// Two directories in each of many rows, and each leads to both of the next row.
fn diamonds(kind: &str, field: &str) -> Vec<(String, String)> {
    let below = |row: usize| format!("{kind}{field}: [../l{row}, ../r{row}]\n");
    let rows = (1..30).flat_map(|row| {
        ["l", "r"].map(|side| file(&format!("{side}{row}/kustomization.yaml"), below(row + 1)))
    });
    let last = ["l30", "r30"]
        .map(|last| file(&format!("{last}/kustomization.yaml"), format!("{kind}namePrefix: x\n")));
    let top = file(
        "kustomization.yaml",
        format!("resources: [a.yaml]\n{field}: [l1]\n")
            .replace("resources: [a.yaml]\nresources: [", "resources: ["),
    );
    rows.chain(last).chain([top, file("a.yaml", MAP)]).collect()
}

#[test]
fn diamonds_of_directories() {
    let all = Limits { files: 2_000, ..Limits::default() };
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n";
    assert_eq!(limit_of(diamonds(component, "components"), all.clone()), "files");
    assert_eq!(limit_of(diamonds("", "resources"), all), "files");
}

#[test]
fn patches_times_objects() {
    let merges = each(1_000, |i| {
        format!(
            "- {{target: {{kind: ConfigMap}}, patch: '{{kind: ConfigMap, metadata: {{name: x}}, data: {{p{i}: v}}}}'}}\n"
        )
    });
    refused_early(one(objects(1_000), &format!("patches:\n{merges}")), "steps of work");
    let operations = each(1_000, |i| {
        format!(
            "- {{target: {{kind: ConfigMap}}, patch: '[{{\"op\": \"add\", \"path\": \"/data/p{i}\", \"value\": 1}}]'}}\n"
        )
    });
    refused_early(one(objects(1_000), &format!("patches:\n{operations}")), "steps of work");
    let mut large = one(objects(100), "patches: [{path: p.yaml, target: {kind: ConfigMap}}]\n");
    large.push(file("p.yaml", format!("{MAP}data: {{big: {}}}\n", "x".repeat(100_000))));
    refused_early(large, "bytes copied");
}

#[test]
fn copies_of_copies() {
    let copies = each(40, |i| {
        format!("- {{op: copy, from: /data, path: /c{i}}}\n- {{op: copy, from: /c{i}, path: /data/d{i}}}\n")
    });
    let mut files = one(objects(1), "patches: [{path: p.yaml, target: {kind: ConfigMap}}]\n");
    files.push(file("p.yaml", copies));
    refused_early(files, "bytes copied");
}

#[test]
fn labels_and_names_times_objects() {
    let labels = each(2_000, |i| format!("    l{i}: v\n"));
    refused_early(one(objects(2_000), &format!("labels:\n- pairs:\n{labels}")), "bytes copied");
    refused_early(one(objects(100), &format!("namePrefix: {}\n", "x".repeat(100_000))), "bytes copied");
    refused_early(
        one(objects(100), &format!("commonAnnotations: {{a: {}}}\n", "x".repeat(100_000))),
        "bytes copied",
    );
    let references = each(1_000, |i| format!("{{configMapRef: {{name: a{}}}}},", i % 10));
    let pods = each(50, |i| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{i}}}\nspec: {{containers: [{{name: c, envFrom: [{references}]}}]}}\n"
        )
    });
    refused_early(
        one(format!("{}{pods}", objects(10)), &format!("namePrefix: {}\n", "p".repeat(100))),
        "bytes copied",
    );
}

#[test]
fn images_times_containers() {
    let containers = "{image: a},".repeat(20_000);
    let images = each(100, |i| format!("- {{name: a, newTag: t{i}}}\n"));
    refused_early(
        one(format!("{MAP}spec: {{containers: [{containers}]}}\n"), &format!("images:\n{images}")),
        "steps of work",
    );
}

#[test]
fn lists_joined_with_lists() {
    let containers = |name: &str| each(5_000, |i| format!("{{name: {name}{i}}},"));
    let pod = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{}]}}\n",
            containers(name)
        )
    };
    let mut files = one(pod("a"), "patches: [{path: p.yaml}]\n");
    files.push(file("p.yaml", pod("b")));
    refused_early(files, "steps of work");
}

#[test]
fn short_texts_that_print_long() {
    let lines = format!("\"{}\"", "\\n x".repeat(500_000));
    let deep = format!("{MAP}data: {}{lines}{}\n", "{a: ".repeat(110), "}".repeat(110));
    refused(one(deep, ""), "bytes of output");
}

#[test]
fn patterns() {
    let target = "{name: '((a{1,100}){1,100}){1,100}'}";
    let patch = r#"'[{"op": "remove", "path": "/data"}]'"#;
    refused(
        one(objects(1), &format!("patches: [{{patch: {patch}, target: {target}}}]\n")),
        "bytes of a pattern",
    );
    let pod =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: IMAGE}]}\n";
    let images = each(200, |i| format!("- {{name: '(x{i}|[a-z]{{1,200}})+', newTag: a}}\n"));
    let pod = pod.replace("IMAGE", &"a".repeat(10_000));
    refused_early(one(pod, &format!("images:\n{images}")), "steps of work");
}

#[test]
fn the_deadline_is_the_callers() {
    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let deadline = Deadline::new(7, move || count.fetch_add(1, Ordering::Relaxed) == 3);
    let options = Options { deadline: Some(deadline), ..Options::default() };
    let error = build(&MemoryTree::new(one(objects(5_000), "")), "", &options).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit { limit: "milliseconds", value: 7 });
    assert_eq!(asked.load(Ordering::Relaxed), 4, "it is asked now and then, and no more once it is over");
}
