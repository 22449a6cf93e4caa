//! The formats of encrypted files, told by their names and by marks in their text.

use kustomize::yaml::{self, Ordered};

use super::{dotenv, ini, json};

/// A format that SOPS reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Yaml,
    Json,
    Dotenv,
    Ini,
    /// Anything, as one value in a JSON envelope.
    Binary,
}

/// A file that was read.
pub(super) struct Loaded {
    /// Its content, without what SOPS added.
    pub(super) content: Ordered,
    /// What SOPS added.
    pub(super) sops: Ordered,
    /// Whether comments were lost.
    pub(super) lost_comments: bool,
}

impl Format {
    /// By the ending of a path or of a key.
    pub(super) fn of_path(path: &str) -> Self {
        let ends = |endings: &[&str]| endings.iter().any(|ending| path.ends_with(ending));
        match () {
            () if ends(&[".dockerconfigjson", ".json"]) => Format::Json,
            () if ends(&[".yaml", ".yml"]) => Format::Yaml,
            () if ends(&[".env"]) => Format::Dotenv,
            () if ends(&[".ini"]) => Format::Ini,
            () => Format::Binary,
        }
    }

    /// By the message authentication code, which stands in every encrypted file.
    pub(super) fn of_content(text: &str) -> Option<Self> {
        [Format::Json, Format::Dotenv, Format::Ini, Format::Yaml]
            .into_iter()
            .find(|format| format.marks(text))
    }

    /// Whether the text has the mark of an encrypted file of this format.
    pub(super) fn marks(self, text: &str) -> bool {
        text.contains(match self {
            Format::Json | Format::Binary => "\"mac\": \"ENC[",
            Format::Dotenv => "sops_mac=ENC[",
            Format::Ini => "[sops]",
            Format::Yaml => "mac: ENC[",
        })
    }

    /// Reads an encrypted file.
    pub(super) fn load(self, text: &str) -> Result<Loaded, String> {
        let (content, lost_comments) = match self {
            Format::Yaml => {
                let document = yaml::parse_ordered(text).map_err(|error| error.to_string())?;
                (document.value, document.has_comments)
            }
            Format::Json | Format::Binary => (json::parse(text)?, false),
            Format::Dotenv => return dotenv::load(text),
            Format::Ini => return ini::load(text),
        };
        let Ordered::Map(mut fields) = content else { return Err("it is not a map of fields".to_owned()) };
        let at = fields.iter().position(|(name, value)| name == "sops" && matches!(value, Ordered::Map(_)));
        let (_, sops) = fields.remove(at.ok_or("it has no `sops` field")?);
        Ok(Loaded { content: Ordered::Map(fields), sops, lost_comments })
    }

    /// Writes a decrypted file.
    pub(super) fn emit(self, content: &Ordered) -> Result<Vec<u8>, String> {
        Ok(match self {
            Format::Yaml => yaml::emit_ordered(content).into_bytes(),
            Format::Json => json::emit(content).into_bytes(),
            Format::Dotenv => dotenv::emit(content)?.into_bytes(),
            Format::Ini => ini::emit(content)?.into_bytes(),
            Format::Binary => match content.get("data") {
                Some(Ordered::Text(data)) => data.clone().into_bytes(),
                _ => return Err("it has no `data` that is a text, as a binary file has".to_owned()),
            },
        })
    }
}

/// The metadata of formats that have no maps: names with `__map_` and `__list_` between their parts.
pub(super) fn unflatten(fields: Vec<(String, String)>) -> Ordered {
    let mut root = Ordered::Map(Vec::new());
    for (name, value) in fields {
        let parts = name.split("__").map(|part| part.strip_prefix("map_").unwrap_or(part));
        place(&mut root, &parts.collect::<Vec<_>>(), value);
    }
    root
}

/// Puts a value at its place. One that fits nowhere is left out: it names no key then, and that is said.
fn place(at: &mut Ordered, parts: &[&str], value: String) {
    let Some((part, rest)) = parts.split_first() else {
        *at = Ordered::Text(value);
        return;
    };
    if let Some(index) = part.strip_prefix("list_") {
        if !matches!(at, Ordered::List(_)) {
            *at = Ordered::List(Vec::new());
        }
        let Ordered::List(items) = at else { return };
        // Items come in their order.
        match index.parse::<usize>() {
            Ok(index) if index == items.len() => items.push(Ordered::Null),
            Ok(index) if index < items.len() => {}
            _ => return,
        }
        if let Some(item) = index.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
            place(item, rest, value);
        }
        return;
    }
    if !matches!(at, Ordered::Map(_)) {
        *at = Ordered::Map(Vec::new());
    }
    let Ordered::Map(fields) = at else { return };
    let index = fields.iter().position(|(name, _)| name == part).unwrap_or_else(|| {
        fields.push(((*part).to_owned(), Ordered::Null));
        fields.len() - 1
    });
    if let Some((_, field)) = fields.get_mut(index) {
        place(field, rest, value);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn formats_are_told_by_name_and_content() {
        for (path, format) in [
            ("a/b.yml", Format::Yaml),
            (".dockerconfigjson", Format::Json),
            ("x.env", Format::Dotenv),
            ("x.ini", Format::Ini),
            ("x.env.txt", Format::Binary),
        ] {
            assert_eq!(Format::of_path(path), format, "{path}");
        }
        assert_eq!(Format::of_content("a\nsops_mac=ENC[x"), Some(Format::Dotenv));
        assert_eq!(Format::of_content("mac: x"), None);
    }

    #[test]
    fn flat_names_become_maps_and_lists() {
        let fields = [("mac", "m"), ("age__list_0__map_enc", "e"), ("age__list_0__map_recipient", "r")];
        let found = unflatten(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec());
        let expected = "mac: m\nage:\n    - enc: e\n      recipient: r\n";
        assert_eq!(yaml::emit_ordered(&found), expected);
    }

    #[test]
    fn an_envelope_needs_its_data() {
        let error = Format::Binary.emit(&json::parse("{\"a\": 1}").unwrap()).unwrap_err();
        assert!(error.contains("no `data`"));
        assert!(Format::Json.load("{\"a\": 1}").err().unwrap().contains("no `sops`"));
    }
}
