//! The kustomization file of a directory: which one it is, and what it says.

use crate::loader::{Loader, join, text_of};
use crate::types::Kustomization;
use crate::yaml::parse_v2_within;
use crate::{EntryKind, Error, ErrorKind, Tree};

/// The names under which a directory's kustomization is recognised, in the order of preference.
const KUSTOMIZATION_FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The path of the first kustomization file of `dir`: `kustomization.yaml`, `kustomization.yml`, `Kustomization`.
///
/// `None` when the directory has none. A directory with several is an error only when it is built.
#[must_use]
pub fn recognise_kustomization_file(tree: &dyn Tree, dir: &str) -> Option<String> {
    KUSTOMIZATION_FILES
        .iter()
        .map(|name| if dir.is_empty() { (*name).to_owned() } else { format!("{dir}/{name}") })
        .find(|path| tree.kind(path) == Some(EntryKind::File))
}

/// A kustomization that was read.
pub(crate) struct Loaded {
    pub(crate) dir: String,
    pub(super) file: String,
    pub(super) file_name: &'static str,
    pub(crate) settings: Kustomization,
}

/// Reads the kustomization of a directory.
pub(crate) fn read(loader: &mut Loader<'_>, dir: &str) -> Result<Loaded, Error> {
    loader.looked_at(dir);
    let mut found = Vec::new();
    for name in KUSTOMIZATION_FILES {
        let path = join(dir, name)?;
        if loader.kind(&path) == Some(EntryKind::File) {
            found.push((path, name));
        }
    }
    let (file, file_name) = match found.as_slice() {
        [] => {
            let path = join(dir, KUSTOMIZATION_FILES[0])?;
            return Err(Error::new(ErrorKind::NotFound { path }).in_file(dir));
        }
        [one] => one.clone(),
        _ => return Err(Error::invalid("found multiple kustomization files").in_file(dir)),
    };
    let bytes = loader.read(&file).map_err(|error| error.in_file(&file))?;
    let settings = text_of(&bytes)
        .and_then(|text| Ok(parse_v2_within(&text, &mut loader.budget)?))
        .and_then(Kustomization::decode)
        .map_err(|error| error.in_file(&file))?;
    let name = loader.name_of(&file);
    loader.warnings.extend(settings.warnings.iter().map(|warning| format!("`{name}`: {warning}")));
    Ok(Loaded { dir: dir.to_owned(), file, file_name, settings })
}
