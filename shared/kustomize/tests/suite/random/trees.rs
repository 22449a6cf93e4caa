//! Random trees of kustomizations: directories on directories, each with resources and some of the features.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::random::dice::Dice;
use crate::random::features::Feature;
use crate::random::objects::{self, Made};
use crate::random::tree::Tree;
use crate::random::write::write;
use crate::random::{generated, mistakes, patches, plugins, schemas, settings, values};

/// The tree of a seed.
pub(crate) fn tree(seed: u64, focus: &[Feature]) -> Tree {
    let mut dice = Dice::new(seed, focus);
    let mut planter = Planter { dice: &mut dice, files: BTreeMap::new(), directories: 0 };
    let depth = planter.dice.below(3);
    let root = planter.directory("", depth, false).dir;
    let mut tree = Tree { files: planter.files, root, seed, used: Vec::new() };
    if dice.rare(50) && dice.wants(Feature::Mutations, 50) {
        mistakes::mutate(&mut dice, &mut tree.files);
    }
    tree.used = dice.used.into_iter().collect();
    tree
}

/// A directory that was written.
struct Planted {
    dir: String,
    made: Vec<Made>,
}

struct Planter<'a> {
    dice: &'a mut Dice,
    files: BTreeMap<String, String>,
    directories: usize,
}

impl Planter<'_> {
    /// Writes a directory with a kustomization, with those below it.
    fn directory(&mut self, parent: &str, depth: usize, component: bool) -> Planted {
        let dir = self.new_dir(parent);
        let mut settings = Map::new();
        let mut made = Vec::new();
        let mut resources = Vec::new();
        if !component || self.dice.percent(40) {
            self.resource_files(&dir, &mut resources, &mut made);
        }
        if depth > 0 && self.dice.wants(Feature::Directories, 75) {
            self.bases(&dir, depth, &mut resources, &mut made, &mut settings);
        }
        self.dice.shuffle(&mut resources);
        if !resources.is_empty() {
            settings.insert("resources".to_owned(), Value::Array(resources));
        }
        if depth > 0 && self.dice.wants(Feature::Components, 25) {
            self.components(&dir, depth, &mut made, &mut settings);
        }
        self.features(&dir, &mut made, &mut settings);
        self.kustomization(&dir, settings, component);
        Planted { dir, made }
    }

    fn new_dir(&mut self, parent: &str) -> String {
        self.directories += 1;
        let name = format!("{}{}", self.dice.pick(&["base", "d", "over-lay"]), self.directories);
        match parent {
            "" => name,
            _ if self.dice.percent(40) => name,
            _ => format!("{parent}/{name}"),
        }
    }

    fn resource_files(&mut self, dir: &str, resources: &mut Vec<Value>, made: &mut Vec<Made>) {
        for at in 0..self.dice.between(1, 2) {
            let mut documents: Vec<Value> =
                (0..self.dice.between(1, 3)).map(|_| self.new_object(made)).collect();
            if self.dice.wants(Feature::Lists, 8) {
                let kind = self.dice.pick(&["List", "DeploymentList", "ConfigMapList", "WidgetList"]);
                documents = vec![json!({ "apiVersion": "v1", "kind": kind, "items": documents })];
            }
            let texts: Vec<String> = documents.iter().map(|value| write(self.dice, value)).collect();
            let between = ["\n---\n", "\n--- # next\n", "\n---\n---\n", "\n...\n---\n"];
            let between = between[if self.dice.percent(10) { self.dice.below(4) } else { 0 }];
            let path = format!("r{at}.yaml");
            self.files.insert(format!("{dir}/{path}"), texts.join(between));
            resources.push(json!(if self.dice.percent(10) { format!("./{path}") } else { path }));
        }
    }

    /// An object that is not there yet, nearly always.
    fn new_object(&mut self, made: &mut Vec<Made>) -> Value {
        let mut value = objects::object(self.dice);
        let same = |of: &Made, value: &Value| {
            of.value["kind"] == value["kind"] && of.value["metadata"]["name"] == value["metadata"]["name"]
        };
        while made.iter().any(|of| same(of, &value)) && !self.dice.rare(10) {
            value = objects::object(self.dice);
        }
        made.push(Made { value: value.clone() });
        value
    }

    fn bases(
        &mut self,
        dir: &str,
        depth: usize,
        resources: &mut Vec<Value>,
        made: &mut Vec<Made>,
        settings: &mut Map<String, Value>,
    ) {
        let mut deprecated = Vec::new();
        for _ in 0..self.dice.between(1, 2) {
            let below = self.dice.below(depth);
            let base = self.directory(dir, below, false);
            made.extend(base.made);
            let path = json!(relative(dir, &base.dir));
            if self.dice.percent(10) { deprecated.push(path) } else { resources.push(path) }
        }
        if !deprecated.is_empty() {
            settings.insert("bases".to_owned(), Value::Array(deprecated));
        }
    }

    fn components(
        &mut self,
        dir: &str,
        depth: usize,
        made: &mut Vec<Made>,
        settings: &mut Map<String, Value>,
    ) {
        let mut list = Vec::new();
        for _ in 0..self.dice.between(1, 2) {
            let component = self.directory_of_component(dir, depth - 1, made);
            list.push(json!(relative(dir, &component)));
        }
        settings.insert("components".to_owned(), Value::Array(list));
    }

    /// A component patches what whoever uses it has, so it is told of that.
    fn directory_of_component(&mut self, parent: &str, _depth: usize, made: &mut Vec<Made>) -> String {
        let dir = self.new_dir(parent);
        let mut settings = Map::new();
        let mut resources = Vec::new();
        if self.dice.percent(40) {
            self.resource_files(&dir, &mut resources, made);
            settings.insert("resources".to_owned(), Value::Array(resources));
        }
        self.features(&dir, made, &mut settings);
        self.kustomization(&dir, settings, true);
        dir
    }

    fn features(&mut self, dir: &str, made: &mut Vec<Made>, settings: &mut Map<String, Value>) {
        let mut files = Map::new();
        generated::fields(self.dice, made, &mut files, settings);
        settings::fields(self.dice, made, &mut files, settings);
        patches::fields(self.dice, made, &mut files, settings);
        values::fields(self.dice, made, &mut files, settings);
        schemas::fields(self.dice, &mut files, settings);
        plugins::fields(self.dice, made, &mut files, settings);
        if self.dice.rare(50) && self.dice.wants(Feature::Mistakes, 6) {
            mistakes::make(self.dice, settings);
        }
        for (path, text) in files {
            let text = match text {
                Value::String(text) => text,
                value => write(self.dice, &value),
            };
            self.files.insert(format!("{dir}/{path}"), text);
        }
    }

    fn kustomization(&mut self, dir: &str, mut settings: Map<String, Value>, component: bool) {
        if component {
            settings.insert("apiVersion".to_owned(), json!("kustomize.config.k8s.io/v1alpha1"));
            settings.insert("kind".to_owned(), json!("Component"));
        } else if self.dice.percent(70) {
            settings.insert("apiVersion".to_owned(), json!("kustomize.config.k8s.io/v1beta1"));
            settings.insert("kind".to_owned(), json!("Kustomization"));
        }
        let name = match self.dice.below(20) {
            0 => "kustomization.yml",
            1 => "Kustomization",
            _ => "kustomization.yaml",
        };
        let text = write(self.dice, &Value::Object(settings));
        self.files.insert(format!("{dir}/{name}"), text);
    }
}

/// The way from one directory to another.
fn relative(from: &str, to: &str) -> String {
    match to.strip_prefix(from).and_then(|rest| rest.strip_prefix('/')) {
        Some(below) => below.to_owned(),
        None => format!("{}{to}", "../".repeat(from.split('/').count())),
    }
}
