//! Everything that a build needs from outside, so that it can be fetched before the build and all at once.

use std::collections::HashSet;

use super::{RemoteAddress, RemoteUse, is_http};
use crate::loader::{Loader, join};
use crate::pipeline::{Loaded, read_kustomization};
use crate::types::Kustomization;
use crate::{EntryKind, Options, Tree, objects};

/// What the kustomization in the directory `root` of `tree`, and all those it leads to, name outside the tree and
/// `options` hands nothing in for; each once, in the order in which it is met.
///
/// What is handed in then may name more, so the caller asks again until nothing is missing. Files that cannot be read
/// are left to [`crate::build`], which says why. What files of plugins and of field specs name in turn is met only there.
#[must_use]
pub fn remotes(tree: &dyn Tree, root: &str, options: &Options) -> Vec<RemoteUse> {
    let loader = Loader::new(tree, options);
    let mut walk = Walk { loader, missing: Vec::new(), urls: HashSet::new(), seen: HashSet::new() };
    if let Ok(root) = join("", root) {
        walk.directory(&root, 0);
    }
    walk.missing
}

struct Walk<'a> {
    loader: Loader<'a>,
    missing: Vec<RemoteUse>,
    /// The addresses of `missing`.
    urls: HashSet<String>,
    /// Addresses, and directories with the address whose repository they are in.
    seen: HashSet<(Option<String>, String)>,
}

impl Walk<'_> {
    fn directory(&mut self, dir: &str, depth: usize) {
        let dir = &self.loader.real_directory(dir.to_owned());
        let address = self.loader.place.address.as_deref().map(str::to_owned);
        if depth >= self.loader.limits.nesting || !self.seen.insert((address, dir.to_owned())) {
            return;
        }
        let Ok(Loaded { dir, settings, .. }) = read_kustomization(&mut self.loader, dir) else { return };
        files(&settings).for_each(|file| self.file(file));
        for entry in settings.resources.iter().chain(&settings.components) {
            self.entry(&dir, entry, depth);
        }
        for entry in settings.generators.iter().chain(&settings.transformers).chain(&settings.validators) {
            if objects::read(entry, &mut self.loader).is_err() {
                self.entry(&dir, entry, depth);
            }
        }
    }

    /// A file or directory, here or elsewhere.
    fn entry(&mut self, dir: &str, entry: &str, depth: usize) {
        let joined = join(dir, entry).ok().filter(|_| !entry.is_empty());
        let kind = joined.as_ref().filter(|_| !is_http(entry)).and_then(|path| self.loader.kind(path));
        let address = RemoteAddress::parse(entry);
        match (kind, address, joined) {
            (Some(EntryKind::File), ..) => {}
            (_, Some(address), _) => self.repository(entry, &address, depth),
            (_, None, _) if is_http(entry) => self.file(entry),
            (Some(EntryKind::Directory), None, Some(path)) => self.directory(&path, depth + 1),
            _ => {}
        }
    }

    fn repository(&mut self, url: &str, address: &RemoteAddress, depth: usize) {
        if self.loader.remotes.file(url).is_some() {
            return;
        }
        let place = self.loader.place.clone();
        if self.loader.enter(url).is_err() {
            return self.missing(url, Some(address.clone()));
        }
        if let Ok(dir) = join("", &address.directory) {
            self.directory(&dir, depth + 1);
        }
        self.loader.place = place;
    }

    fn file(&mut self, written: &str) {
        if is_http(written) && self.loader.remotes.file(written).is_none() {
            self.missing(written, None);
        }
    }

    fn missing(&mut self, url: &str, repository: Option<RemoteAddress>) {
        if self.urls.insert(url.to_owned()) {
            self.missing.push(RemoteUse { url: url.to_owned(), repository });
        }
    }
}

/// The files that fields name.
fn files(settings: &Kustomization) -> impl Iterator<Item = &str> {
    let generators = settings.config_maps.iter().chain(&settings.secrets);
    let sources = generators.flat_map(|generator| {
        let files =
            generator.files.iter().map(|file| file.split_once('=').map_or(file.as_str(), |(_, path)| path));
        files.chain(generator.envs.iter().map(String::as_str))
    });
    let patches = settings.patches.iter().chain(&settings.patches_json6902).map(|patch| patch.path.as_str());
    let replacements = settings.replacements.iter().map(|entry| entry.path.as_str());
    let lists = [&settings.configurations, &settings.crds, &settings.patches_strategic_merge];
    let schema = settings.openapi.path();
    let listed = lists.into_iter().flatten().map(String::as_str);
    sources.chain(patches).chain(replacements).chain(schema).chain(listed)
}
