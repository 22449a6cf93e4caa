//! The configuration's JSON Schema: `infra/preflux.schema.json` is what the parser asks for and what README.md says of it, and it
//! refuses nothing that the parser accepts.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a file of the project that cannot be read fails the test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bootstrap::config::{Config, Defaults};
use serde_json::{Map, Value, json};

const FILE: &str = "infra/preflux.schema.json";

/// What the example does not show, because it stands in for something else there.
const OTHERWISE: &str = "
github:
  api_url: https://github.example.com/api/v3
  git_url: https://github.example.com
  token: env:A
  webhook_secret: h
  carry_etags: true
  readers:
  - {app: {id: 1, private_key: b, installation: 2}}
  - {token: c}
  - {secret: d}
slack: {api_url: 'https://slack.example.com/api', secret: e}
people: {shared_identity: true, report_max_age_min: 60}
clusters:
- name: eu
  kubeconfig: f
  operator: o
  flux_namespace: flux
  controller_version: v1.9.4
  impersonate: true
  concurrency: 2
  requests_per_second: 5
  remotes: [{name: edge, kubeconfig: g, for: [Secret/flux-system/edge]}]
  decryption: {age: h, kms: true}
drift: changed
compare_within_s: 120
hold_back_when_render_differs: true
remotes: {hosts: [github.com]}
repositories:
- organization: acme
  repositories: {include: [fleet-*], exclude: ['*-old']}
  channel: C1
  on: [opened, merged]
  head_branches: {exclude: [tmp/*]}
  base_branches: [main]
  labels: [flux]
  authors: {exclude: ['renovate[bot]']}
  drafts: only
  forks: false
  diff: on_click
  merge: 'off'
  check: status
  add_labels: {changes: a, deletes: b, recreates: c, fails: d, incomplete: e, drift: f, unchanged: g}
  buttons: [{text: x, style: danger, url: 'https://x'}, {text: z, command: get ks}]
- {discover: true, channel: C2}
events:
- name: acme/fleet
  channel: C3
  repositories: []
  on: [{type: ReleaseEvent, json_path: $.payload.action, value: published}, {type: WatchEvent}]
  text: '{{ event.type }}'
  buttons: [{text: x, style: plain, url: 'https://x'}, {text: z, command: get ks}]
- {organization: acme, channel: C3, on: [{type: PushEvent}]}
- {discover: true, channel: C3, on: [{type: PushEvent}]}
poll_every_s: 30
poll_at_least_every_s: 600
first_reports: 3
blueprints:
- kind: Kustomization
  columns: [{name: PATH, value: '{{ spec.path }}'}]
  actions: [{text: Look, command: 'get ks {{ name }}', style: primary, when: '{{ suspended }}', confirm: 'Sure?'}]
listen: 127.0.0.1:1
data: /tmp/x
";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).expect(file)
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("a configuration of this test")
}

fn accepted(configuration: &Value) -> Result<(), String> {
    Config::parse(&configuration.to_string(), &Defaults::default())
        .map(drop)
        .map_err(|error| error.to_string())
}

/// The rows of README.md's table of fields: what each means, and what it is when it is left out.
fn described() -> BTreeMap<String, String> {
    let readme = read("README.md");
    let (_, section) = readme.split_once("## Configuration").expect("the section of the fields");
    let rows = section.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| `")?.trim_end_matches(" |").splitn(4, " | ").collect();
        let [name, _, default, meaning] = cells.as_slice() else { return None };
        Some((name.trim_end_matches('`').to_owned(), format!("{}{}", plain(meaning), by_default(default))))
    });
    rows.collect()
}

fn by_default(default: &str) -> String {
    match default.trim() {
        "" | "–" => String::new(),
        default => format!(" Default: {}.", plain(default)),
    }
}

/// Markdown without its links, which lead nowhere from an editor.
fn plain(markdown: &str) -> String {
    let link = regex::Regex::new(r"\[([^\]]+)\]\([^)]+\)").unwrap();
    link.replace_all(markdown, "$1").into_owned()
}

/// Where README.md describes a field: once for all places that take the same.
fn described_as(path: &str) -> String {
    let path = path.replace("clusters[].", "cluster.").replace("github.readers[].", "github.");
    // Which repositories, where, and buttons: as in the rules for pull requests.
    match path.strip_prefix("events[].") {
        Some(rest) if !rest.starts_with("on") && rest != "text" => format!("repositories[].{rest}"),
        _ => path,
    }
}

/// Visits every field of a schema with its path.
fn visit(schema: &mut Value, path: &str, fields: &mut dyn FnMut(&str, &mut Map<String, Value>)) {
    let Some(map) = schema.as_object_mut() else { return };
    if !path.is_empty() && !path.ends_with("[]") {
        fields(path, map);
    }
    if let Some(items) = map.get_mut("items") {
        visit(items, &format!("{path}[]"), fields);
    }
    for (name, below) in map.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        visit(below, &path, fields);
    }
}

/// What the parser asks for, with what README.md says of it.
fn whole() -> Value {
    let (mut schema, described) = (Config::schema(), described());
    let (mut silent, mut told) = (Vec::new(), BTreeSet::new());
    visit(&mut schema, "", &mut |path, field| {
        let name = described_as(path);
        match described.get(&name) {
            Some(text) => drop(field.insert("description".to_owned(), json!(text))),
            None if field.contains_key("properties") => {}
            None => silent.push(path.to_owned()),
        }
        told.insert(name);
    });
    assert!(silent.is_empty(), "README.md's table of fields says nothing of {silent:#?}");
    let unknown: Vec<_> = described.keys().filter(|name| !told.contains(*name)).collect();
    assert!(unknown.is_empty(), "README.md describes what is not read: {unknown:#?}");
    schema
}

#[test]
fn the_file_is_what_is_read_and_what_the_readme_says() {
    let wanted = format!("{}\n", serde_json::to_string_pretty(&whole()).unwrap());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(root().join(FILE), &wanted).unwrap();
    }
    let file: Value = serde_json::from_str(&read(FILE)).expect(FILE);
    assert!(file == whole(), "{FILE} is not up to date: run this test with UPDATE_EXPECT=1");
}

/// Every value that stands in a field's place when somebody errs, and some that do no harm.
fn instead() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(7),
        json!(1_000_000),
        json!(-1),
        json!(1.5),
        json!(""),
        json!(" "),
        json!("x"),
        json!("a/b"),
        json!("only"),
        json!("https://x.example"),
        json!([]),
        json!([""]),
        json!(["x"]),
        json!(["a", 1]),
        json!([{}]),
        json!([null]),
        json!({}),
        json!({"made_up": 1}),
        json!({"include": ["x"]}),
        json!({"include": "x"}),
    ]
}

/// Every place in a value, as a JSON pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => {
            map.iter()
                .for_each(|(name, below)| places(below, &format!("{at}/{}", name.replace('/', "~1")), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, below)| places(below, &format!("{at}/{i}"), found));
        }
        _ => {}
    }
}

#[test]
fn nothing_that_is_accepted_is_refused_by_the_schema() {
    let schema = jsonschema::validator_for(&Config::schema()).expect("a JSON Schema");
    let (mut tried, mut both_refuse, mut parser_alone) = (0_u32, 0_u32, 0_u32);
    for text in [read("preflux.example.yaml").as_str(), OTHERWISE] {
        let whole = yaml(text);
        assert_eq!(accepted(&whole), Ok(()));
        let mut all = Vec::new();
        places(&whole, "", &mut all);
        for place in &all {
            let mut others: Vec<Value> = instead()
                .into_iter()
                .map(|value| {
                    let mut changed = whole.clone();
                    *changed.pointer_mut(place).unwrap() = value;
                    changed
                })
                .collect();
            others.extend(without(&whole, place));
            for other in others {
                tried += 1;
                match (accepted(&other), schema.validate(&other)) {
                    (Ok(()), Err(error)) => panic!("{place}: {error}\n{other}"),
                    (Ok(()), Ok(())) => {}
                    (Err(_), Err(_)) => both_refuse += 1,
                    (Err(_), Ok(())) => parser_alone += 1,
                }
            }
        }
    }
    eprintln!("{tried} tried: {both_refuse} refused by both, {parser_alone} by the parser alone");
    assert!(
        both_refuse > parser_alone * 10,
        "the schema finds little: {both_refuse} of {both_refuse}+{parser_alone}"
    );
}

/// The value without what stands in one place of a map.
fn without(whole: &Value, place: &str) -> Option<Value> {
    let (parent, name) = place.rsplit_once('/')?;
    let mut changed = whole.clone();
    changed.pointer_mut(parent)?.as_object_mut()?.remove(&name.replace("~1", "/"))?;
    Some(changed)
}

#[test]
fn every_field_is_tried() {
    let number = regex::Regex::new(r"/\d+").unwrap();
    let mut tried = BTreeSet::new();
    for text in [read("preflux.example.yaml").as_str(), OTHERWISE] {
        let mut all = Vec::new();
        places(&yaml(text), "", &mut all);
        tried.extend(all.iter().map(|place| {
            described_as(number.replace_all(place, "[]").trim_start_matches('/').replace('/', ".").as_str())
        }));
    }
    let mut missed = Vec::new();
    visit(&mut Config::schema(), "", &mut |path, _| {
        if !tried.contains(&described_as(path)) {
            missed.push(path.to_owned());
        }
    });
    assert!(missed.is_empty(), "neither the example nor OTHERWISE has {missed:#?}");
}

#[test]
fn fields_that_are_not_known_are_refused_wherever_they_stand() {
    let schema = jsonschema::validator_for(&Config::schema()).expect("a JSON Schema");
    let whole = yaml(OTHERWISE);
    let mut all = Vec::new();
    places(&whole, "", &mut all);
    for place in all.iter().filter(|place| whole.pointer(place).is_some_and(Value::is_object)) {
        let mut changed = whole.clone();
        changed.pointer_mut(place).unwrap()["made_up"] = json!(1);
        let refused = accepted(&changed).unwrap_err();
        assert!(refused.contains("made_up` is not known here"), "{place}: {refused}");
        assert!(!schema.is_valid(&changed), "{place}");
    }
}
