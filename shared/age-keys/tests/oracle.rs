//! Decrypted renders against SOPS and Flux's own packages: `PREFLUX_FLUX_ORACLE` names the program of
//! `tests/oracle/flux`, which makes the keys, encrypts, and renders as the controller does. Without it these tests are
//! skipped, loudly.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use age_keys::AgeKeys;
use base64::Engine as _;
use flux::{DataKey, DataKeys, Error, Kustomization, Options, Rendered, Unwrapped, Variables, WrappedKey};
use kustomize::MemoryTree;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

type Files = BTreeMap<String, String>;

struct Oracle {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    fn start(test: &str) -> Option<Self> {
        let Some(program) = std::env::var("PREFLUX_FLUX_ORACLE").ok().filter(|program| !program.is_empty())
        else {
            let line = format!("age-keys::{test}: no oracle");
            assert!(std::env::var("PREFLUX_REQUIRE_ALL").as_deref() != Ok("1"), "{line}");
            if let Ok(file) = std::env::var("PREFLUX_SKIPS") {
                let mut file = std::fs::File::options().create(true).append(true).open(file).unwrap();
                writeln!(file, "{line}").unwrap();
            }
            eprintln!("skipped: {line}");
            return None;
        };
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Some(Self { child, input, output })
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.input.as_mut().unwrap(), "{question}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// A new identity and its recipient.
    fn key(&mut self) -> (String, String) {
        let answer = self.ask(&json!({"op": "age-key"}));
        let text = |field: &str| answer[field].as_str().unwrap().to_owned();
        (text("key"), text("public"))
    }

    fn encrypt(&mut self, plain: Value) -> String {
        let answer = self.ask(&json!({"op": "encrypt", "plain": plain}));
        let text = answer["text"].as_str().unwrap_or_else(|| panic!("{answer}"));
        String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

fn kustomization(decrypts: bool) -> Value {
    let mut spec = json!({"path": "apps", "prune": true, "interval": "1m", "sourceRef": {"kind": "GitRepository", "name": "fleet"}});
    if decrypts {
        spec["decryption"] = json!({"provider": "sops", "secretRef": {"name": "sops"}});
    }
    json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "flux-system"}, "spec": spec})
}

/// Renders with an identity, unwrapping what rendering asks for.
fn render(files: &Files, kustomization: &Value, identity: &str) -> Result<Rendered, Error> {
    let tree = MemoryTree::new(files.iter().map(|(path, text)| (path.clone(), text)));
    let kustomization = Kustomization::from_value(kustomization).unwrap();
    let keys = AgeKeys::read(&identity.to_owned().into()).unwrap();
    let mut unwrapped = Unwrapped::new();
    for _ in 0..4 {
        let data_keys = DataKeys::Known(Arc::new(unwrapped.clone()));
        let options = Options { data_keys, ..Options::default() };
        match flux::render(&tree, &kustomization, &Variables::default(), &options) {
            Err(Error::DataKeys { wrapped, .. }) => {
                unwrapped.extend(wrapped.into_iter().map(|key| (key.clone(), open(&keys, &key))));
            }
            other => return other,
        }
    }
    panic!("rendering asks for the same keys again")
}

fn open(keys: &AgeKeys, wrapped: &WrappedKey) -> Result<DataKey, String> {
    let WrappedKey::Age { armored, .. } = wrapped else { return Err("not age".into()) };
    keys.open(armored).map(|key| DataKey::new(key.expose_secret().to_vec()))
}

const SECRET: &str = "apiVersion: v1
kind: Secret
metadata:
    name: web
    namespace: web
";
const REGEX: &str = "^(data|stringData)$";

/// Every case: its name, its files, and whether the render is the same.
fn cases(oracle: &mut Oracle, public: &str, other: &str) -> Vec<(&'static str, Files)> {
    let mut yaml = |format: &str, text: &str, regex: &str, to: &[&str]| {
        oracle.encrypt(json!({"format": format, "text": text, "regex": regex, "recipients": to}))
    };
    let one = |text: String| Files::from([("apps/a.yaml".to_owned(), text)]);
    let mut cases = vec![
        (
            "data",
            one(yaml(
                "yaml",
                &format!("{SECRET}data:\n    a: aHVudGVyMg==\n    b: eA==\n"),
                REGEX,
                &[public],
            )),
        ),
        (
            "stringData",
            one(yaml(
                "yaml",
                &format!(
                    "{SECRET}stringData:\n    a: hunter2\n    e: \"\"\n    m: |\n        x\n        y\n"
                ),
                REGEX,
                &[public],
            )),
        ),
        (
            "dockerconfigjson",
            one(yaml(
                "yaml",
                &format!(
                    "{SECRET}type: kubernetes.io/dockerconfigjson\nstringData:\n    .dockerconfigjson: '{{\"auths\":{{}}}}'\n"
                ),
                REGEX,
                &[public],
            )),
        ),
        (
            "config map and release",
            one(yaml(
                "yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n    name: a\n    namespace: web\ndata:\n    k: secret value\n",
                "^data$",
                &[public],
            ) + "---\n"
                + &yaml(
                    "yaml",
                    "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n    name: r\n    namespace: web\nspec:\n    interval: 5m\n    big: 1234567\n    small: 12\n    share: 2.5\n    values:\n        n: 1234567\n        f: 1.5\n        t: true\n        l:\n            - a\n            - 7\n            - {}\n",
                    "^values$",
                    &[public],
                )),
        ),
        (
            "several recipients",
            one(yaml("yaml", &format!("{SECRET}data:\n    a: eA==\n"), REGEX, &[other, public])),
        ),
        (
            "partly encrypted",
            one(yaml(
                "yaml",
                &format!("{SECRET}stringData:\n    a_secret: hunter2\n    b: 'no: secret'\n"),
                "_secret$",
                &[public],
            )),
        ),
        ("plain", one(format!("{SECRET}data:\n    a: aHVu\n      dGVy\n    n: !!int 1\n"))),
        ("empty data", one(format!("{SECRET}data: {{}}\n"))),
        ("invalid base64", one(format!("{SECRET}data:\n    a: '%%%'\n"))),
    ];
    let disabled = SECRET.replace(
        "name: web\n",
        "name: web\n    annotations:\n        kustomize.toolkit.fluxcd.io/decrypt: Disabled\n",
    );
    cases.push(("disabled", one(yaml("yaml", &format!("{disabled}data:\n    a: eA==\n"), REGEX, &[public]))));
    cases.extend(generated(&mut yaml, public));
    cases
}

/// Files that are decrypted before the build.
fn generated(
    encrypt: &mut impl FnMut(&str, &str, &str, &[&str]) -> String,
    public: &str,
) -> Vec<(&'static str, Files)> {
    let generator = |files: &str| {
        let text = format!("resources: [base]\nsecretGenerator:\n- name: made\n  namespace: web\n{files}");
        Files::from([
            ("apps/kustomization.yaml".to_owned(), text),
            (
                "apps/base/kustomization.yaml".to_owned(),
                "secretGenerator:\n- name: base\n  files: [k=../shared/x.yaml]\n".to_owned(),
            ),
            ("apps/shared/x.yaml".to_owned(), "not: encrypted\n".to_owned()),
        ])
    };
    let mut cases = Vec::new();
    let mut with = |name, list: &str, path: &str, text: String| {
        let mut files = generator(list);
        files.insert(format!("apps/{path}"), text);
        cases.push((name, files));
    };
    let env = "# a comment\nA=hunter2\nB=x=y\\nz\nEMPTY=\n";
    with("env", "  envs: [a.env]\n", "a.env", encrypt("dotenv", env, "", &[public]));
    with("env of another name", "  envs: [a.txt]\n", "a.txt", encrypt("dotenv", env, "", &[public]));
    let json = "{\"b\":{\"x\":[1,2.5,true,null,\"<a>\",{}]},\"a\":\"t\",\"z_unencrypted\":1.0}";
    with("json", "  files: [a.json]\n", "a.json", encrypt("json", json, "", &[public]));
    with(
        "json by key",
        "  files: [.dockerconfigjson=a.txt]\n",
        "a.txt",
        encrypt("json", json, "", &[public]),
    );
    let yaml = "z: 1\na: hunter2\nl:\n- x\n- k: yes\n  m: \"yes\"\n  n: {o: [p, [q]]}\nt: \"line\\nline\\n\"\nu: \" pad\\n x\"\nf: 1.0\nbig: 12345678\ne: \"\"\nn: ~\ndate_unencrypted: 2020-01-01\nq: '1'\nw: 'a: b'\n";
    with("yaml", "  files: [a.yaml]\n", "a.yaml", encrypt("yaml", yaml, "", &[public]));
    with("binary", "  files: [tls.key]\n", "tls.key", encrypt("binary", "-----BEGIN\nx\n", "", &[public]));
    let ini = "top = 1\n\n[one]\n# says what\nkey = hunter2\nlonger_key = a b\nempty =\n\n[two]\nx = y;z\n";
    with("ini", "  files: [a.ini]\n", "a.ini", encrypt("ini", ini, "", &[public]));
    // Not named as what it is: decrypted after the build, from the Secret's data.
    with(
        "yaml as data",
        "  files: [config.yaml=a.yaml, raw.json=a.yaml]\n",
        "a.yaml",
        encrypt("yaml", "a: hunter2\nb: [1]\n", "", &[public]),
    );
    with(
        "nested",
        "  files: [k.yaml=deep/../a.yaml]\n",
        "a.yaml",
        encrypt("yaml", "a: hunter2\n", "", &[public]),
    );
    let patch = encrypt(
        "yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n    name: made\n    namespace: web\ndata:\n    p: eA==\n",
        "^data$",
        &[public],
    );
    with("patch", "  literals: [a=b]\npatches:\n- path: p.yaml\n", "p.yaml", patch);
    let component = encrypt("dotenv", "C=hunter2\n", "", &[public]);
    let mut files = generator("  literals: [a=b]\ncomponents: [../component]\n");
    files.insert("component/kustomization.yaml".into(), "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nsecretGenerator: [{name: c, envs: [c.env]}]\n".into());
    files.insert("component/c.env".into(), component);
    cases.push(("component", files));
    cases
}

#[test]
fn decrypted_renders_are_the_controllers() {
    let Some(mut oracle) = Oracle::start("decrypted_renders_are_the_controllers") else { return };
    let ((key, public), (_, other)) = (oracle.key(), oracle.key());
    let mut wrong = Vec::new();
    for (name, files) in cases(&mut oracle, &public, &other) {
        let kustomization = kustomization(true);
        let theirs = oracle
            .ask(&json!({"op": "render", "files": files, "kustomization": kustomization, "keys": [key]}));
        let ours = render(&files, &kustomization, &key);
        if let (true, Err(error)) = (theirs["error"].is_string(), &ours) {
            // Refused after decryption, when the objects are normalised.
            assert!(matches!(name, "disabled" | "invalid base64"), "{name}: {error}\n{theirs}");
            continue;
        }
        let yaml = ours.as_ref().map(|rendered| kustomize::yaml::emit_all(&rendered.objects)).map_err(chain);
        if ours.as_ref().ok().map(|rendered| rendered.digest.as_str()) != theirs["digest"].as_str() {
            wrong.push(format!("== {name}\n-- ours\n{yaml:?}\n-- theirs\n{theirs}"));
            continue;
        }
        let rendered = ours.unwrap();
        assert!(rendered.encrypted.is_empty() || name == "disabled", "{name}");
        if yaml.unwrap().contains("aHVudGVyMg") {
            assert!(rendered.secrets.iter().any(|secret| secret.contains("hunter2")), "{name}");
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[test]
fn what_cannot_be_decrypted_is_told() {
    let Some(mut oracle) = Oracle::start("what_cannot_be_decrypted_is_told") else { return };
    let ((key, public), (wrong, _)) = (oracle.key(), oracle.key());
    let text = format!("{SECRET}data:\n    a: aHVudGVyMg==\n    b: eA==\n");
    let text =
        oracle.encrypt(json!({"format": "yaml", "text": text, "regex": REGEX, "recipients": [public]}));
    let files = |text: &str| Files::from([("apps/a.yaml".to_owned(), text.to_owned())]);

    let rendered = render(&files(&text), &kustomization(true), &wrong).unwrap();
    assert_eq!(rendered.encrypted.len(), 1);
    let why = format!("age recipient `{public}`: none of the configured age identities is its recipient");
    assert!(rendered.warnings[0].contains(&why), "{:?}", rendered.warnings);

    // A value that was changed, and one that was moved to another field.
    let tampered = text.replacen("ENC[AES256_GCM,data:", "ENC[AES256_GCM,data:AAAA", 1);
    let moved = text.replacen("    a: ENC", "    c: ENC", 1);
    let spoilt = text.replacen("iv:", "iv:%", 1);
    for (text, place) in [(tampered, "`data.a`"), (moved, "`data.c`"), (spoilt, "`data.a`")] {
        let error = render(&files(&text), &kustomization(true), &key).unwrap_err();
        let Error::Decryption { reason, .. } = &error else { panic!("{error}") };
        assert!(reason.contains(place) && !reason.contains("ENC["), "{reason}");
        let theirs = oracle.ask(&json!({"op": "render", "files": files(&text), "kustomization": kustomization(true), "keys": [key]}));
        assert!(theirs["error"].is_string(), "{theirs}");
    }

    // Without `spec.decryption` the controller refuses encrypted `data`; encrypted `stringData` it applies as it is.
    let plain = format!("{SECRET}stringData:\n    a: hunter2\n");
    let encrypted = json!({"format": "yaml", "text": plain, "regex": REGEX, "recipients": [public]});
    let string_data = oracle.encrypt(encrypted);
    for (text, refused) in [(text, true), (string_data, false)] {
        let ours = render(&files(&text), &kustomization(false), &key);
        let theirs = oracle
            .ask(&json!({"op": "render", "files": files(&text), "kustomization": kustomization(false)}));
        assert_eq!((ours.is_err(), theirs["error"].is_string()), (refused, refused), "{ours:?}\n{theirs}");
        match ours {
            Err(error) => assert!(matches!(error, Error::SopsEncrypted { .. }), "{error}"),
            Ok(rendered) => {
                let warned = rendered
                    .warnings
                    .iter()
                    .any(|warning| warning.contains("ciphertext is applied as it is"));
                assert!(warned, "{:?}", rendered.warnings);
            }
        }
    }
}
