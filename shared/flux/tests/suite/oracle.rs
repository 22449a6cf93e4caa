//! The crate against Flux's own Go packages: `PREFLUX_FLUX_ORACLE` names the program of `tests/oracle/flux`. Without it
//! these tests are skipped, loudly. With `PREFLUX_FLUX_RECORD` as well, what Flux gives is written beside the cases.

use crate::{common, envsubst};
use base64::Engine;
use flux::{Artifact, GitRepository, Kustomization, Options, Strictness, Variables, render};
use kustomize::{EntryKind, MemoryTree, Tree};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// Asks the oracle all questions of a test; `None` without an oracle.
pub(crate) fn ask(test: &str, questions: &[Value]) -> Option<Vec<Value>> {
    let mut child =
        Command::new(common::oracle(test)?).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let lines: Vec<String> = questions.iter().map(Value::to_string).collect();
    let writer = std::thread::spawn(move || lines.iter().try_for_each(|line| writeln!(input, "{line}")));
    let answers = output.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    writer.join().unwrap().unwrap();
    child.wait().unwrap();
    Some(answers)
}

/// Random numbers from a fixed seed (xorshift).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    pub(crate) fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    pub(crate) fn text(&mut self, all: &[&str], most: usize) -> String {
        (0..=self.below(most)).map(|_| self.pick(all)).collect()
    }
}

const VALUES: [(&str, &str); 7] = [
    ("a", "A1"),
    ("e", ""),
    ("n", "-2"),
    ("p", "/x/y.z/y"),
    ("u", "hÉßllo ǅ"),
    ("st", "a*b[c]\\d"),
    ("dollar", "$${x}"),
];

#[test]
fn random_substitutions_agree() {
    let pieces = [
        "${", "${", "}", "}", "a", "p", "u", "st", "miss", "e", ":", ":-", ":=", "#", "##", "%", "%%", "/",
        "//", "/#", "/%", "^", ",", "^^", "$", "$$", "\\", "*", "?", "[", "]", "n", "-1", "2", " ", "é", "=",
        ":?", "y", ".", "\n",
    ];
    let names = ["a", "p", "u", "st", "e", "n", "miss", "dollar"];
    let operators = [
        "#", "##", "%", "%%", "/", "//", "/#", "/%", ":", ":", ":=", ":-", "=", "^^", ",,", "^", ",", "", "*",
    ];
    let words = [
        "*", "?", "/", "y", "x", ".", "[a-z]", "[^a]", "\\", "${n}", "${e}", "a", "1", "-", ":", "É", "$$",
        "0",
    ];
    let mut random = Random(42);
    let texts: Vec<String> = (0..4000)
        .map(|i| match i % 4 {
            0 => random.text(&pieces, 9),
            _ => {
                let (name, operator) = (random.pick(&names), random.pick(&operators));
                format!("x${{{name}{operator}{}}}$$", random.text(&words, 4))
            }
        })
        .collect();
    let vars: Value = VALUES
        .iter()
        .map(|(k, v)| ((*k).to_owned(), Value::from(*v)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let ask_for = |lenient: bool| {
        texts
            .iter()
            .map(
                move |text| json!({"op": "envsubst", "text": text, "vars": vars.clone(), "lenient": lenient}),
            )
            .collect::<Vec<_>>()
    };
    let Some(lenient) = ask("random_substitutions_agree", &ask_for.clone()(true)) else { return };
    let strict = ask("random_substitutions_agree", &ask_for(false)).unwrap();

    let mut variables = Variables::default();
    VALUES.iter().for_each(|(name, value)| variables.insert(name, value.as_bytes(), false));
    let good = lenient.iter().filter(|answer| answer["error"].is_null()).count();
    assert!(good > texts.len() / 4, "{good} of {} texts are substitutions", texts.len());
    for (answers, strictness) in [(lenient, Strictness::Lenient), (strict, Strictness::Strict)] {
        for (text, answer) in texts.iter().zip(&answers) {
            let ours = flux::envsubst::substitute(text, &variables, strictness).map_err(|e| e.to_string());
            assert_eq!(ours, expected(answer), "{text:?} {strictness:?}");
        }
    }
}

/// The oracle's answer in our words.
fn expected(answer: &Value) -> Result<String, String> {
    match answer["error"].as_str() {
        Some(panic) if panic.starts_with("PANIC") => Err("substring is out of range".into()),
        Some(error) => Err(error.to_owned()),
        None => {
            let text = answer["text"].as_str().unwrap_or_default();
            let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
            String::from_utf8(bytes).map_err(|_| "the result is not valid UTF-8".into())
        }
    }
}

/// Files from a JSON object of paths to texts.
fn files(value: &Value) -> BTreeMap<String, String> {
    let files = value.as_object().into_iter().flatten();
    files.map(|(path, text)| (path.clone(), text.as_str().unwrap_or_default().to_owned())).collect()
}

#[test]
fn random_ignore_patterns_agree() {
    let mut random = Random(7);
    let parts = ["a", "b", "ab", "x.yaml", ".github", "c.png", "!a", "é"];
    let patterns = [
        "a", "b/", "/a", "*", "**", "!", "/", "a/**", "**/b", "x.*", "[ab]", "?b", " ", "\\ ", "#", ".yaml",
        "!*.yaml",
    ];
    let mut questions = Vec::new();
    for i in 0..400 {
        let mut files = serde_json::Map::new();
        for _ in 0..12 {
            let depth = random.below(4);
            let dirs: Vec<String> = (0..depth).map(|_| format!("d{}", random.pick(&parts))).collect();
            let path = dirs.into_iter().chain([random.pick(&parts).to_owned()]).collect::<Vec<_>>().join("/");
            files.insert(path, "x".into());
        }
        let lines =
            |random: &mut Random| (0..3).map(|_| random.text(&patterns, 3)).collect::<Vec<_>>().join("\n");
        if i % 3 != 0 {
            files.insert(".sourceignore".into(), lines(&mut random).into());
            files.insert("da/.sourceignore".into(), lines(&mut random).into());
        }
        let ignore = if i % 4 == 0 { lines(&mut random) } else { String::new() };
        questions.push(json!({"op": "ignore", "files": files, "ignore": ignore}));
    }
    let Some(answers) = ask("random_ignore_patterns_agree", &questions) else { return };
    for (question, answer) in questions.iter().zip(&answers) {
        let files = files(&question["files"]);
        let tree = MemoryTree::new(files.iter().map(|(path, text)| (path.clone(), text)));
        let source = GitRepository::from_value(&json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "fleet", "namespace": "flux-system"},
            "spec": {"url": "https://example.com/a/b", "ignore": question["ignore"]},
        }));
        let artifact = Artifact::new(&tree, &source.unwrap()).unwrap();
        let kept: Vec<&String> =
            files.keys().filter(|path| artifact.kind(path) == Some(EntryKind::File)).collect();
        assert_eq!(
            json!(kept),
            answer["paths"].as_array().map_or(json!([]), |paths| json!(paths)),
            "{question}"
        );
    }
}

#[test]
fn the_cases_are_what_flux_gives() {
    let mut cases = common::cases();
    let question = |case: &common::Case| json!({"op": "render", "files": case.files, "kustomization": case.input["kustomization"], "lenient": case.lenient()});
    let questions: Vec<Value> = cases.iter().map(question).collect();
    let Some(answers) = ask("the_cases_are_what_flux_gives", &questions) else { return };
    if common::records() {
        cases.iter_mut().zip(&answers).for_each(|(case, answer)| case.record(answer));
    }
    for (case, answer) in cases.iter().zip(&answers) {
        assert_eq!(answer["error"].is_string(), case.error.is_some(), "{}: {answer}", case.name);
        assert_eq!(answer["yaml"].as_str().unwrap_or_default(), case.yaml, "{}", case.name);
        assert_eq!(answer["objects"].as_array().cloned().unwrap_or_default(), case.objects, "{}", case.name);
    }
}

#[test]
fn the_table_is_what_flux_gives() {
    let inputs: Vec<String> = envsubst::inputs();
    let vars: BTreeMap<&str, &str> = envsubst::VALUES.into_iter().collect();
    let question = |lenient: bool| {
        inputs
            .iter()
            .map(move |text| (text, lenient))
            .map(|(text, lenient)| json!({"op": "envsubst", "text": text, "vars": vars, "lenient": lenient}))
    };
    let questions: Vec<Value> = question(true).chain(question(false)).collect();
    let Some(answers) = ask("the_table_is_what_flux_gives", &questions) else { return };
    let (lenient, strict) = answers.split_at(inputs.len());
    let rows = inputs.iter().zip(lenient.iter().zip(strict)).map(|(text, (lenient, strict))| {
        let [lenient, strict] = [lenient, strict].map(|answer| envsubst::shown(&expected(answer)));
        [serde_json::to_string(text).unwrap(), lenient, strict].join("\t")
    });
    let rows: Vec<String> = rows.collect();
    if common::records() {
        envsubst::record(&rows);
    }
    assert_eq!(rows, envsubst::rows());
}

#[test]
fn random_objects_agree() {
    let pieces = [
        "a",
        "B c",
        "${num}",
        "${flag}",
        "${word}",
        "${quote}",
        "${miss:=x y}",
        "$$",
        ": ",
        " #",
        "-",
        "*",
        "&",
        "'",
        "\"",
        "\n",
        "  ",
        "1",
        ".",
        "e",
        "0x",
        "{",
        "}",
        "[",
        ",",
        "é",
        "\t",
        "%",
        "@",
        "~",
        "=",
        "long words that go on ",
        "!",
        "|",
        ">",
    ];
    let variables = json!({"num": "8080", "flag": "yes", "word": "some words", "quote": "\"", "empty": ""});
    let mut random = Random(99);
    let questions: Vec<Value> = (0..120)
        .map(|_| {
            let spec = json!({"path": "", "sourceRef": {"kind": "GitRepository", "name": "fleet"},
                "postBuild": {"substitute": variables}});
            let mut object =
                json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}});
            for i in 0..3 {
                object["spec"][format!("f{i}")] = random.text(&pieces, 12).into();
                object["spec"]["list"][i.to_string()] =
                    json!([random.text(&pieces, 3), {"k": random.text(&pieces, 1)}]);
            }
            json!({"op": "render", "files": {"a.yaml": object.to_string()}, "kustomization": {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                "metadata": {"name": "apps", "namespace": "flux-system"}, "spec": spec}})
        })
        .collect();
    let Some(answers) = ask("random_objects_agree", &questions) else { return };
    let good = answers.iter().filter(|answer| answer["error"].is_null()).count();
    assert!(good > questions.len() / 3, "{good} of {} objects render", questions.len());
    for (question, answer) in questions.iter().zip(&answers) {
        let files = files(&question["files"]);
        let tree = MemoryTree::new(files.iter().map(|(path, text)| (path.clone(), text)));
        let kustomization = Kustomization::from_value(&question["kustomization"]).unwrap();
        let variables = Variables::of(&kustomization, &BTreeMap::new()).unwrap();
        let digest =
            render(&tree, &kustomization, &variables, &Options::default()).map(|rendered| rendered.digest);
        let expected = answer["digest"].as_str();
        assert_eq!(digest.as_deref().ok(), expected, "{question}\n{answer}\n{digest:?}");
    }
}

#[test]
fn the_cases_agree_under_other_settings() {
    let settings = [
        ("targetNamespace", json!("other")),
        ("namePrefix", json!("pre-")),
        ("nameSuffix", json!("-post")),
        ("buildMetadata", json!(["originAnnotations"])),
        ("images", json!([{"name": "registry.example.com/web", "newTag": "9", "newName": "web"}])),
        ("commonMetadata", json!({"labels": {"x": "y"}, "annotations": {"note": "1"}})),
        ("components", json!(["../components/extra", "./none"])),
        ("ignoreMissingComponents", json!(true)),
        (
            "patches",
            json!([{"patch": "- {op: add, path: /metadata/labels, value: {p: q}}", "target": {"kind": "ConfigMap"}}]),
        ),
        (
            "patches",
            json!([{"patch": "apiVersion: v1\nkind: X\nmetadata: {name: x, annotations: {a: '${V:=v}'}}", "target": {"name": "a|web"}}]),
        ),
        (
            "postBuild",
            json!({"substitute": {"V": "it's", "A": "1e3", "ZONE": "z", "ENV": "e", "PORT": "0777", "REPLICAS": "3"}}),
        ),
    ];
    let mut random = Random(5);
    let mut cases = Vec::new();
    for mut case in common::cases() {
        for _ in 0..=random.below(4) {
            let (field, value) = &settings[random.below(settings.len())];
            case.input["kustomization"]["spec"][*field] = value.clone();
        }
        cases.push(case);
    }
    let question = |case: &common::Case| json!({"op": "render", "files": case.files, "kustomization": case.input["kustomization"], "lenient": case.lenient()});
    let Some(answers) =
        ask("the_cases_agree_under_other_settings", &cases.iter().map(question).collect::<Vec<_>>())
    else {
        return;
    };
    let good = answers.iter().filter(|answer| answer["error"].is_null()).count();
    assert!(good > cases.len() / 3, "{good} of {} render", cases.len());
    let mut wrong = Vec::new();
    for (case, answer) in cases.iter().zip(&answers) {
        let ours = render(&case.tree(), &case.kustomization(), &case.variables(), &case.options());
        let expected = answer["digest"]
            .as_str()
            .map(|digest| (digest.to_owned(), answer["objects"].as_array().cloned().unwrap_or_default()));
        let got = ours.as_ref().ok().map(|rendered| (rendered.digest.clone(), rendered.objects.clone()));
        if got != expected {
            wrong.push(format!("{}: {}\n{ours:?}\n{answer}", case.name, case.input["kustomization"]["spec"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
}

#[test]
fn random_kustomization_files_agree() {
    let fields = [
        ("namePrefix", "p-"),
        ("nameSuffix", "1.50"),
        ("namespace", "ns"),
        ("commonAnnotations", "{a: b, c: 1.0}"),
        ("commonAnnotations", "{a: yes, b: ~, c: 12345678}"),
        ("labels", "[{pairs: {l: m}, includeSelectors: true, foo: 1}]"),
        ("images", "[{name: x, newTag: 1.10}]"),
        ("images", "[{NAME: x, newName: 7, Digest: sha256:00}]"),
        ("resources", "[a.yaml]"),
        ("Resources", "[a.yaml]"),
        ("RESOURCES", "[b.yaml]"),
        ("resources", "[a.yaml, b.yaml]"),
        (
            "patches",
            "[{patch: \"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {z: z}}\", bar: 1}]",
        ),
        ("configMapGenerator", "[{name: g, literals: [x=1], Behavior: create, zip: zap}]"),
        ("generatorOptions", "{disableNameSuffixHash: true, labels: {a: 1}, x: y}"),
        ("buildMetadata", "[originAnnotations]"),
        ("metadata", "{name: k, foo: bar}"),
        ("unknown", "{deep: [1]}"),
        ("apiVersion", "kustomize.config.k8s.io/v1beta1"),
        ("kind", "Kustomization"),
        ("openapi", "{}"),
        ("crds", "[]"),
        ("components", "~"),
        ("replicas", "[{name: a, count: 2}]"),
    ];
    let wrong = ["5", "yes", "~", "text", "[x]", "{k: v}", "[1]", "''", "[]", "{}"];
    let mut random = Random(2026);
    let questions: Vec<Value> = (0..160)
        .map(|i| {
            let mut text = if i % 5 == 0 { String::new() } else { "resources: [a.yaml]\n".to_owned() };
            for _ in 0..=random.below(4) {
                let (field, value) = fields[random.below(fields.len())];
                let value = if random.below(6) == 0 { random.pick(&wrong) } else { value };
                text.push_str(&format!("{field}: {value}\n"));
            }
            let config_map = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}).to_string();
            let spec = json!({"sourceRef": {"kind": "GitRepository", "name": "fleet"}});
            json!({"op": "render", "files": {"kustomization.yaml": text, "a.yaml": config_map("a"), "b.yaml": config_map("b")},
                "kustomization": {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                    "metadata": {"name": "apps", "namespace": "flux-system"}, "spec": spec}})
        })
        .collect();
    let Some(answers) = ask("random_kustomization_files_agree", &questions) else { return };
    let good = answers.iter().filter(|answer| answer["error"].is_null()).count();
    assert!(good > questions.len() / 4, "{good} of {} files build", questions.len());
    let mut wrong = Vec::new();
    for (question, answer) in questions.iter().zip(&answers) {
        let files = files(&question["files"]);
        let tree = MemoryTree::new(files.iter().map(|(path, text)| (path.clone(), text)));
        let kustomization = Kustomization::from_value(&question["kustomization"]).unwrap();
        let ours = render(&tree, &kustomization, &Variables::default(), &Options::default());
        if ours.as_ref().ok().map(|rendered| rendered.digest.as_str()) != answer["digest"].as_str() {
            wrong.push(format!("{}\n{ours:?}\n{answer}", files["kustomization.yaml"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), questions.len(), wrong.join("\n\n"));
}
