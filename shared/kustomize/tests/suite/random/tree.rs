//! A tree to build, how proptest makes and shrinks one, and its form as a case folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kustomize::yaml;
use proptest::prelude::Rng as _;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::random::features::Feature;
use crate::random::trees;

/// A tree of files, and the directory to build.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) root: String,
    /// What it was made from.
    pub(crate) seed: u64,
    pub(crate) used: Vec<Feature>,
}

impl Tree {
    /// The question to the oracle.
    pub(crate) fn request(&self) -> Value {
        json!({ "files": self.files, "root": self.root })
    }

    /// What this crate builds.
    pub(crate) fn build(&self) -> Result<String, kustomize::Error> {
        let tree = kustomize::MemoryTree::new(self.files.clone());
        let built = kustomize::build(&tree, &self.root, &kustomize::Options::default())?;
        Ok(yaml::emit_all(built.objects.iter().map(|o| &o.value)))
    }

    /// The files one after the other, for a person to read.
    pub(crate) fn show(&self) -> String {
        let file = |(path, text): (&String, &String)| match text.contains(['\r', '\u{feff}', '\t']) {
            true => format!("=== {path} (escaped)\n{text:?}\n"),
            false => {
                format!("=== {path}\n{text}{}", if text.ends_with('\n') { "" } else { "(no end of line)\n" })
            }
        };
        format!("root: {}\n{}", self.root, self.files.iter().map(file).collect::<String>())
    }

    /// Writes the tree as a case folder, still without an answer.
    pub(crate) fn save(&self, name: &str) -> PathBuf {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
        for (path, text) in &self.files {
            let file = dir.join("input").join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        if !self.root.is_empty() {
            fs::write(dir.join("input/root.txt"), format!("{}\n", self.root)).unwrap();
        }
        dir
    }

    fn kustomizations(&self) -> Vec<String> {
        let is_one = |path: &&String| {
            matches!(
                path.rsplit('/').next(),
                Some("kustomization.yaml" | "kustomization.yml" | "Kustomization")
            )
        };
        self.files.keys().filter(is_one).cloned().collect()
    }
}

/// Random trees.
#[derive(Debug, Clone)]
pub(crate) struct Trees {
    /// The features that come up most.
    pub(crate) focus: Vec<Feature>,
}

impl Strategy for Trees {
    type Tree = Shrinking;
    type Value = Tree;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let seed = runner.rng().next_u64();
        Ok(Shrinking::new(trees::tree(seed, &self.focus)))
    }
}

/// A tree that gets smaller: whole files go, then parts of their texts, as long as the test still fails.
#[derive(Debug, Clone)]
pub(crate) struct Shrinking {
    now: Tree,
    before: Option<Tree>,
    /// Which step comes next, and whether one since the first has helped.
    next: usize,
    helped: bool,
}

impl Shrinking {
    pub(crate) fn new(now: Tree) -> Shrinking {
        Shrinking { now, before: None, next: 0, helped: false }
    }

    /// The `step`th smaller tree; `None` behind the last one.
    fn smaller(&self, step: usize) -> Option<Tree> {
        let mut tree = self.now.clone();
        let kustomizations = self.now.kustomizations();
        if let Some(root) = kustomizations.get(step) {
            tree.root = root.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned();
            return Some(tree);
        }
        let step = step - kustomizations.len();
        if let Some(path) = self.now.files.keys().nth(step) {
            tree.files.remove(path);
            return Some(tree);
        }
        let mut step = step - self.now.files.len();
        for (path, text) in &self.now.files {
            let documents: Vec<&str> = text.split("\n---\n").collect();
            if documents.len() > 1 && step < documents.len() {
                let kept = documents.iter().enumerate().filter(|(at, _)| *at != step).map(|(_, text)| *text);
                tree.files.insert(path.clone(), kept.collect::<Vec<_>>().join("\n---\n"));
                return Some(tree);
            }
            step -= if documents.len() > 1 { documents.len() } else { 0 };
        }
        for (path, text) in &self.now.files {
            let lines = text.split('\n').count();
            if step < lines {
                tree.files.insert(path.clone(), without(text, step));
                return Some(tree);
            }
            step -= lines;
        }
        None
    }
}

/// The text without a line and what is indented below it.
fn without(text: &str, line: usize) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let own = indent(lines[line]);
    let below = lines[line + 1..].iter().take_while(|l| indent(l) > own || (l.is_empty() && own > 0)).count();
    // The blocks that follow a key at its own indentation are list elements, which go with it.
    let items = match lines[line].trim_start().starts_with('-') {
        false => lines[line + 1 + below..]
            .iter()
            .take_while(|l| indent(l) >= own && l.trim_start().starts_with('-'))
            .count(),
        true => 0,
    };
    let kept = lines[..line].iter().chain(&lines[line + 1 + below + items..]);
    kept.copied().collect::<Vec<_>>().join("\n")
}

impl ValueTree for Shrinking {
    type Value = Tree;

    fn current(&self) -> Tree {
        self.now.clone()
    }

    fn simplify(&mut self) -> bool {
        if self.before.take().is_some() {
            // The step before was kept: the same number means the next part now.
            self.helped = true;
            self.next = self.next.saturating_sub(1);
        }
        loop {
            match self.smaller(self.next) {
                Some(tree) if tree.files == self.now.files && tree.root == self.now.root => self.next += 1,
                Some(tree) => {
                    self.before = Some(std::mem::replace(&mut self.now, tree));
                    self.next += 1;
                    return true;
                }
                None if self.helped => (self.next, self.helped) = (0, false),
                None => return false,
            }
        }
    }

    fn complicate(&mut self) -> bool {
        match self.before.take() {
            Some(before) => {
                self.now = before;
                true
            }
            None => false,
        }
    }
}
