//! Random generators of ConfigMaps and Secrets, with the files they read.

use serde_json::{Map, Value, json};

use crate::random::dice::Dice;
use crate::random::features::Feature;
use crate::random::objects::{Made, NAMESPACES};

const ENV: [&str; 12] = [
    "A=1\nB=two words\n",
    "# comment\n\nKEY=value\n  SPACED=x \n",
    "QUOTED=\"in quotes\"\nSINGLE='x'\n",
    "BARE\n",
    "A=b=c\nEMPTY=\n",
    "dotted.key-x=1\n",
    "\u{feff}BOM=1\n",
    "CRLF=1\r\nNEXT=2\r\n",
    "9=digit\n",
    "bad key=1\n",
    "=novalue\n",
    "A=1\nA=2\n",
];
const CONTENT: [&str; 9] = [
    "one line",
    "one line\nanother\n",
    "",
    "key: value\nlist:\n- a\n- b\n",
    "trailing \nblank\n",
    "\ttab\n",
    "<html>&amp;</html>\n",
    "{\"json\": true}",
    "a long line that is certainly longer than eighty characters, so that somebody may want to fold it when it is printed\n",
];
const LITERALS: [&str; 12] = [
    "a=b",
    "k=v",
    "KEY=value with blanks",
    "q=\"quoted\"",
    "s='single'",
    "eq=a=b",
    "empty=",
    "multi=line\\nbreak",
    "yes=yes",
    "n=1",
    "nokey",
    "odd='\"",
];

/// The entries of `configMapGenerator` or `secretGenerator`; the files they read go to `files`.
pub(crate) fn generators(
    dice: &mut Dice,
    secret: bool,
    below: &[Made],
    files: &mut Map<String, Value>,
) -> Value {
    (0..dice.between(1, 2)).map(|_| generator(dice, secret, below, files)).collect()
}

pub(crate) fn generator(
    dice: &mut Dice,
    secret: bool,
    below: &[Made],
    files: &mut Map<String, Value>,
) -> Value {
    let kind = if secret { "Secret" } else { "ConfigMap" };
    let mut generator = json!({ "name": dice.pick(&["app-config", "app-secret", "app", "gen"]) });
    if dice.percent(20) {
        generator["namespace"] = json!(dice.pick(&NAMESPACES));
    }
    let same: Vec<&Made> = below.iter().filter(|m| m.kind() == kind).collect();
    if let Some(of) = same.get(dice.below(same.len()))
        && dice.percent(60)
    {
        generator["name"] = json!(of.name());
        if !of.namespace().is_empty() {
            generator["namespace"] = json!(of.namespace());
        }
        generator["behavior"] = json!(dice.pick(&["merge", "replace"]));
    } else if same.iter().any(|of| of.name() == generator["name"]) && dice.percent(90) {
        generator["name"] = json!(format!("gen{}", below.len()));
    } else if dice.rare(5) {
        generator["behavior"] = json!(dice.pick(&["create", "merge", "replace", "", "other"]));
    }
    sources(dice, &mut generator, files);
    if secret && dice.percent(40) {
        generator["type"] =
            json!(dice.pick(&["Opaque", "kubernetes.io/tls", "kubernetes.io/dockerconfigjson", ""]));
    }
    if dice.percent(30) {
        generator["options"] = options(dice);
    }
    generator
}

fn sources(dice: &mut Dice, generator: &mut Value, files: &mut Map<String, Value>) {
    if dice.percent(60) {
        let count = dice.between(1, 3);
        let known = if dice.rare(4) { LITERALS.len() } else { 10 };
        let mut literals = LITERALS[..known].to_vec();
        dice.shuffle(&mut literals);
        generator["literals"] = json!(literals[..count]);
    }
    if dice.percent(35) {
        let entries = (0..dice.between(1, 2)).map(|_| {
            let path = format!("{}{}.txt", dice.pick(&["content", "data/more"]), files.len());
            files.insert(path.clone(), json!(CONTENT[dice.below(CONTENT.len())]));
            json!(if dice.percent(50) { format!("{}={path}", dice.pick(&["file", "key.txt"])) } else { path })
        });
        generator["files"] = entries.collect();
    }
    if dice.percent(25) {
        let path = format!("vars{}.env", files.len());
        let known = if dice.rare(10) { ENV.len() } else { 8 };
        files.insert(path.clone(), json!(ENV[dice.below(known)]));
        match dice.percent(25) {
            true => generator["env"] = json!(path),
            false => generator["envs"] = json!([path]),
        }
    }
}

/// Options of a generator, or of all of a kustomization.
pub(crate) fn options(dice: &mut Dice) -> Value {
    let mut options = json!({});
    if dice.percent(40) {
        options["labels"] = json!({ dice.pick(&["made", "app"]): dice.pick(&["here", "true"]) });
    }
    if dice.percent(30) {
        options["annotations"] = json!({ dice.pick(&["made", "note"]): dice.pick(&["x", "1"]) });
    }
    if dice.percent(30) {
        options["immutable"] = json!(dice.percent(80));
    }
    if dice.percent(50) {
        options["disableNameSuffixHash"] = json!(dice.percent(80));
    }
    options
}

/// The fields of a kustomization that generate; what they make goes to `made`.
pub(crate) fn fields(
    dice: &mut Dice,
    made: &mut Vec<Made>,
    files: &mut Map<String, Value>,
    settings: &mut Map<String, Value>,
) {
    for (feature, field, kind) in [
        (Feature::ConfigMapGenerator, "configMapGenerator", "ConfigMap"),
        (Feature::SecretGenerator, "secretGenerator", "Secret"),
    ] {
        if !dice.wants(feature, 22) {
            continue;
        }
        let entries = generators(dice, kind == "Secret", made, files);
        for entry in entries.as_array().unwrap() {
            let metadata = match entry.get("namespace") {
                Some(namespace) => json!({ "name": entry["name"], "namespace": namespace }),
                None => json!({ "name": entry["name"] }),
            };
            made.push(Made { value: json!({ "apiVersion": "v1", "kind": kind, "metadata": metadata, "data": { "k": "v" } }) });
        }
        settings.insert(field.to_owned(), entries);
    }
    if dice.wants(Feature::GeneratorOptions, 12) {
        settings.insert("generatorOptions".to_owned(), options(dice));
    }
}
