//! Whole matrices of settings against Flux's packages: every form of a path, every pair of image entries, every way in
//! which variables reach a Kustomization, and what a parent and its child make of one text together.

use flux::{
    Error, Kustomization, ObjectKey, Options, SubstituteReference, Variables, render, substitute_from,
};
use kustomize::MemoryTree;
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::oracle::ask;

const WEB: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: 'app:1'}]}\n";

pub(crate) fn question(files: &Value, spec: Value, cluster: &Value) -> Value {
    let mut spec = spec;
    spec["sourceRef"] = json!({"kind": "GitRepository", "name": "fleet"});
    json!({"op": "render", "files": files, "cluster": cluster, "kustomization": {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "flux-system"}, "spec": spec}})
}

/// Digest and objects, or the error in our words.
fn ours(question: &Value) -> Result<(String, Vec<Value>), String> {
    let files = question["files"].as_object().unwrap().iter();
    let tree = MemoryTree::new(files.map(|(path, text)| (path.clone(), text.as_str().unwrap())));
    let words = |error: Error| error.to_string();
    let kustomization = Kustomization::from_value(&question["kustomization"]).map_err(words)?;
    let cluster = question["cluster"].as_array().map_or(&[][..], Vec::as_slice);
    let find = |reference: &SubstituteReference| {
        let same = |object: &&Value| {
            format!("{}/{}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap())
                == reference.to_string()
        };
        cluster.iter().find(same).cloned()
    };
    let references = substitute_from(&kustomization).into_iter();
    let objects = references.filter_map(|reference| Some((reference.clone(), find(&reference)?)));
    let variables = Variables::of(&kustomization, &objects.collect()).map_err(words)?;
    let rendered = render(&tree, &kustomization, &variables, &Options::default()).map_err(words)?;
    Ok((rendered.digest, rendered.objects))
}

/// Asks all questions; how many were answered with objects, or nothing without an oracle.
pub(crate) fn check(test: &str, questions: &[Value]) -> Option<usize> {
    let answers = ask(test, questions)?;
    assert_eq!(answers.len(), questions.len(), "the oracle died");
    for (question, answer) in questions.iter().zip(&answers) {
        // Read again as the answer is, for serde_json reads long floats inexactly.
        let again = |objects: Vec<Value>| serde_json::from_str(&json!(objects).to_string()).unwrap();
        let ours = ours(question).map(|(digest, objects)| (digest, again(objects)));
        let theirs = answer["digest"]
            .as_str()
            .map(|digest| (digest.to_owned(), answer["objects"].as_array().cloned().unwrap_or_default()));
        assert_eq!(ours.as_ref().ok(), theirs.as_ref(), "{question}\n{ours:?}\n{answer}");
    }
    Some(answers.iter().filter(|answer| answer["error"].is_null()).count())
}

#[test]
fn every_form_of_path_agrees() {
    let files = json!({"a/b/x.yaml": WEB, "y.yaml": WEB.replace("web", "root"), "c/.keep": ""});
    let paths = [
        "",
        ".",
        "./",
        "/",
        "./a",
        "a",
        "/a",
        "a/",
        "a//b",
        "a/../a/b",
        "a/b/..",
        "../a",
        "../../",
        "none",
        "c",
        "a/b/x.yaml",
        "a/./b",
        "./c/../a",
        " a",
        "a ",
    ];
    let questions = paths.map(|path| question(&files, json!({ "path": path }), &Value::Null));
    let Some(good) = check("every_form_of_path_agrees", &questions) else { return };
    assert_eq!(good, paths.len() - 4, "all but what is not there, and a file");
}

#[test]
fn every_form_of_component_agrees() {
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -c\n";
    let files = json!({"apps/kustomization.yaml": "resources: [x.yaml]\ncomponents: [./own]\n", "apps/x.yaml": WEB,
        "apps/own/kustomization.yaml": component, "c/kustomization.yaml": component});
    let paths = [
        "../c",
        "./none",
        "../../c",
        "/c",
        "file:///c",
        "https://example.com/c",
        "git@example.com:c",
        "gh:a/b",
        "github.com/a/b",
        "own",
        "../apps/own",
        "",
    ];
    let questions = paths.iter().flat_map(|path| {
        [true, false].map(|ignore| {
            let spec = json!({"path": "apps", "components": [path], "ignoreMissingComponents": ignore});
            question(&files, spec, &Value::Null)
        })
    });
    let Some(good) = check("every_form_of_component_agrees", &questions.collect::<Vec<_>>()) else { return };
    assert!(good >= 4, "{good}");
}

/// Every image entry that sets some of its three fields.
fn entries() -> impl Iterator<Item = Value> {
    (0..8).map(|bits: u8| {
        let mut entry = json!({"name": "app"});
        let fields = [("newName", "new"), ("newTag", "2"), ("digest", "sha256:00")];
        for (i, (field, value)) in fields.into_iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1) {
            entry[field] = format!("{value}{i}").into();
        }
        entry
    })
}

/// One build for each entry of the Kustomization's, with as many images as the file has entries.
#[test]
fn every_pair_of_image_entries_agrees() {
    let named = |mut entry: Value, i: usize| {
        entry["name"] = format!("app{i}").into();
        entry
    };
    let old = |mut entry: Value| {
        entry.as_object_mut().unwrap().values_mut().for_each(|value| {
            *value = value.as_str().unwrap().replace("new", "old").replace("sha256:0", "sha256:f").into();
        });
        entry
    };
    let images: Vec<Value> = entries().enumerate().map(|(i, entry)| named(old(entry), i)).collect();
    let containers: Vec<Value> =
        (0..8).map(|i| json!({"name": format!("c{i}"), "image": format!("app{i}:0")})).collect();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": containers}});
    let files = json!({"x.yaml": pod.to_string(),
        "kustomization.yaml": json!({"resources": ["x.yaml"], "images": images}).to_string()});
    let questions = entries().map(|ours| {
        let images: Vec<Value> = (0..8).map(|i| named(ours.clone(), i)).collect();
        question(&files, json!({ "images": images }), &Value::Null)
    });
    let questions: Vec<Value> = questions.collect();
    let Some(good) = check("every_pair_of_image_entries_agrees", &questions) else { return };
    assert_eq!(good, 8);
}

fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "flux-system"}, "data": data})
}

#[test]
fn every_way_of_variables_agrees() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: 'x${A:=none}', b: 'y${B:=none}', d: $$}\n";
    let binary = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "binary", "namespace": "flux-system"},
        "binaryData": {"A": "YQ=="}});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "secret", "namespace": "flux-system"},
        "data": {"A": "c2VjcmV0"}});
    let cluster = json!([
        config_map("one", json!({"A": "one", "B": "line\nline\n"})),
        config_map("two", json!({"A": "two"})),
        config_map("empty", json!({})),
        config_map("bad", json!({"not-a-name": "x"})),
        config_map("return", json!({"A": "a\r\nb"})),
        config_map("quote", json!({"A": "it's: 'x' # y", "B": "1.10"})),
        binary,
        secret,
    ]);
    let refer = |names: &[&str]| -> Value {
        let one = |name: &&str| {
            let optional = name.ends_with('?');
            let name = name.trim_end_matches('?');
            let kind = if name == "secret" { "Secret" } else { "ConfigMap" };
            json!({"kind": kind, "name": name, "optional": optional})
        };
        names.iter().map(one).collect()
    };
    let lists: [&[&str]; 13] = [
        &[],
        &["one"],
        &["one", "two"],
        &["two", "one"],
        &["empty"],
        &["bad"],
        &["return"],
        &["quote"],
        &["binary"],
        &["secret", "two"],
        &["two", "secret"],
        &["missing"],
        &["missing?", "one"],
    ];
    let inline = [json!(null), json!({"A": "inline"}), json!({"C": "un\nused"}), json!({})];
    let mut questions = Vec::new();
    for list in lists {
        for substitute in &inline[..if list.len() < 2 { 4 } else { 2 }] {
            for strategy in &["WithVariables", "Always"][..if list.len() < 2 { 2 } else { 1 }] {
                let post_build = json!({"substituteFrom": refer(list), "substitute": substitute, "substituteStrategy": strategy});
                let post_build: Value = post_build
                    .as_object()
                    .unwrap()
                    .iter()
                    .filter(|(_, v)| !v.is_null())
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect::<serde_json::Map<_, _>>()
                    .into();
                questions.push(question(
                    &json!({"a.yaml": text}),
                    json!({"postBuild": post_build}),
                    &cluster,
                ));
            }
        }
    }
    let Some(good) = check("every_way_of_variables_agrees", &questions) else { return };
    assert!(good > questions.len() / 2 && good < questions.len(), "{good} of {}", questions.len());
}

#[test]
fn a_parent_and_its_child_both_substitute() {
    let child = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "child", "namespace": "flux-system"}, "spec": {"path": "./child",
        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
        "postBuild": {"substitute": {"FROM_PARENT": "${P}", "LATE": "$${Q}", "TWICE": "$$$$"}}}});
    let files = json!({"parent/child.yaml": child.to_string(),
        "child/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: '${FROM_PARENT}', b: '${LATE}', c: '$$$${FROM_PARENT}', d: '${TWICE}'}\n"});
    let parent = json!({"path": "./parent", "postBuild": {"substitute": {"P": "p"}}});
    let parent = question(&files, parent, &Value::Null);
    let Some(1) = check("a_parent_and_its_child_both_substitute", std::slice::from_ref(&parent)) else {
        return;
    };
    let rendered = ours(&parent).unwrap().1.remove(0);
    assert_eq!(rendered["spec"]["postBuild"]["substitute"]["LATE"], "${Q}");
    let mut of_child = question(&files, json!({}), &Value::Null);
    of_child["kustomization"] = rendered;
    assert_eq!(check("a_parent_and_its_child_both_substitute", std::slice::from_ref(&of_child)), Some(1));
    let data = &ours(&of_child).unwrap().1[0]["data"];
    assert_eq!(data, &json!({"a": "p", "b": "${Q}", "c": "$${FROM_PARENT}", "d": "$$"}));
}

#[test]
fn builds_of_one_tree_do_not_meddle() {
    let files: BTreeMap<String, String> =
        (0..20).map(|i| (format!("apps/x{i}.yaml"), WEB.replace("web", &format!("web{i}")))).collect();
    let tree = MemoryTree::new(files.iter().map(|(path, text)| (path.clone(), text)));
    let of = |prefix: &str| {
        let question = question(&json!({}), json!({"path": "apps", "namePrefix": prefix}), &Value::Null);
        Kustomization::from_value(&question["kustomization"]).unwrap()
    };
    let build =
        |prefix: &str| render(&tree, &of(prefix), &Variables::default(), &Options::default()).unwrap().digest;
    let alone = [build("a-"), build("b-")];
    let together = std::thread::scope(|scope| {
        let threads = ["a-", "b-"].map(|prefix| scope.spawn(move || [build(prefix), build(prefix)]));
        threads.map(|thread| thread.join().unwrap())
    });
    assert_eq!(together, alone.clone().map(|digest| [digest.clone(), digest]));
    assert_ne!(alone[0], alone[1]);
    assert_eq!(of("a-").key, ObjectKey::new("flux-system", "apps"));
}
