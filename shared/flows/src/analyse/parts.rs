//! Both sides rendered: once where a cluster says which Kustomizations there are, else for each entry point of the files on
//! its own, since what is named alike in two of them is not the same.

use std::collections::BTreeSet;

use domain::report::Unresolved;

use super::decryption::Opened;
use super::discover::{self, Discovered, Entry, InFiles, Known};
use super::remote::Fetched;
use super::render::{self, Side};
use super::{Alone, Question, variables};

/// Everything that is rendered.
pub(super) struct Parts {
    /// Each cluster's.
    pub(super) all: Vec<Part>,
    /// Entry points that are not looked at.
    pub(super) beyond: Vec<Unresolved>,
}

/// What one cluster runs of the repository.
pub(super) struct Part {
    /// The entry point, where there are several; `None` is also what is in none of them.
    pub(super) entry: Option<String>,
    /// What was discovered.
    pub(super) known: Known,
    /// Before.
    pub(super) base: Side,
    /// After.
    pub(super) result: Side,
    /// Values that variables took from Secrets.
    secret_variables: Vec<String>,
}

/// What is fetched and opened once for all parts.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub(super) remotes: &'a Fetched,
    pub(super) data_keys: &'a Opened,
}

/// Discovers and renders everything.
pub(super) async fn all(question: &Question<'_>, alone: Alone, shared: Shared<'_>) -> Parts {
    let (mut all, beyond) = match discover::kustomizations(question, alone).await {
        Discovered::Live(known) => (vec![rendered(question, *known, None, shared).await], Vec::new()),
        Discovered::InFiles(files) => (of_files(question, &files, shared).await, files.beyond),
    };
    say_unreadable(&mut all);
    Parts { all, beyond }
}

impl Part {
    /// Every text that must be masked.
    pub(super) fn secrets(&self) -> impl Iterator<Item = String> {
        self.secret_variables.iter().cloned().chain(self.base.secrets()).chain(self.result.secrets())
    }
}

/// One after the other, each without the files that another renders: those are not where a cluster begins.
async fn of_files(question: &Question<'_>, files: &InFiles, shared: Shared<'_>) -> Vec<Part> {
    let several = files.entries.len() > 1;
    let mut found: Vec<(&Entry, Part)> = Vec::new();
    for entry in &files.entries {
        let elsewhere = reads(&found);
        if several && entry.is_within(&elsewhere) {
            continue;
        }
        let known = files.known(question, entry, &elsewhere, several);
        let earlier = found.first().map(|(_, part)| part);
        let part = Box::pin(rendered(question, known, earlier, shared)).await;
        found.push((entry, part));
    }
    // What a later one renders is known only now.
    for index in (0..found.len().saturating_sub(1)).rev() {
        let (entry, later) = (found[index].0, reads(&found[index + 1..]));
        if entry.is_within(&later) {
            found.remove(index);
        } else if entry.touches(&later) {
            let known = files.known(question, entry, &later, several);
            found[index].1 = Box::pin(rendered(question, known, None, shared)).await;
        }
    }
    if let ([(entry, only)], true, Some(_)) = (&mut found[..], several, &files.cluster) {
        let known = files.known(question, entry, &BTreeSet::new(), false);
        *only = Box::pin(rendered(question, known, None, shared)).await;
    }
    let named = found.len() > 1;
    let named = |(entry, part): (&Entry, Part)| Part { entry: entry.dir.clone().filter(|_| named), ..part };
    let mut parts: Vec<Part> = found.into_iter().map(named).collect();
    if let Some(first) = parts.first_mut() {
        first.known.notes.splice(0..0, files.notes.iter().cloned());
    }
    parts
}

/// Files that these render. What one brings to another cluster begins there all the same.
fn reads(found: &[(&Entry, Part)]) -> BTreeSet<String> {
    let sides = found.iter().flat_map(|(_, part)| [&part.base, &part.result]);
    let nodes = sides.flat_map(|side| side.nodes.values());
    let here = nodes.filter(|node| node.kustomization.spec.kube_config.is_none());
    here.filter_map(|node| node.outcome.as_ref().ok()).flat_map(|rendered| rendered.reads.clone()).collect()
}

/// `earlier` is another part of the same two trees.
async fn rendered(question: &Question<'_>, known: Known, earlier: Option<&Part>, shared: Shared<'_>) -> Part {
    let values = variables::Source::new(known.cluster.clone());
    let from = render::Sources {
        known: &known,
        values: &values,
        remotes: shared.remotes,
        data_keys: shared.data_keys,
        earlier: earlier.map(|part| (&part.base, &part.result)),
    };
    let base = render::base(question.checkout, from).await;
    let result = render::result(question.checkout, from, &base).await;
    Part { entry: None, secret_variables: values.secrets().await, known, base, result }
}

/// A file that somebody renders may be a patch; what is wrong with it is said there.
fn say_unreadable(parts: &mut [Part]) {
    let sides = parts.iter().flat_map(|part| [&part.base, &part.result]);
    let rendered = sides.flat_map(|side| side.nodes.values()).filter_map(|node| node.outcome.as_ref().ok());
    let reads: BTreeSet<String> = rendered.flat_map(|rendered| rendered.reads.clone()).collect();
    for part in parts {
        let unreadable = part.known.unreadable.iter().filter(|(path, _)| !reads.contains(path));
        let notes: BTreeSet<String> = unreadable.map(|(_, note)| note.clone()).collect();
        part.known.notes.extend(notes);
    }
}
