//! A file or an object decrypted: its data key found, its values opened, everything noted that must be masked.

use std::collections::BTreeSet;

use kustomize::yaml::Ordered;

use super::dotenv::COMMENT;
use super::format::{Format, Loaded};
use super::keys::{DataKey, Opened};
use super::metadata::{Metadata, Rule};
use super::{DataKeys, WrappedKey, value};

/// Texts as long as these are told to be masked; one character is in everything.
const SHORTEST: usize = 2;

/// Decrypts with the keys that are given, and gathers what it meets.
pub(super) struct Decryptor<'a> {
    keys: &'a DataKeys,
    /// Keys that have to be unwrapped before more can be done.
    pub(super) missing: BTreeSet<WrappedKey>,
    /// Every value that was decrypted.
    pub(super) secrets: BTreeSet<String>,
}

/// What became of a file.
pub(super) enum Outcome<T> {
    Done(T),
    /// Its key is among the missing.
    Later,
    /// It stays encrypted, and why.
    Encrypted(String),
}

/// A decrypted file.
pub(super) struct Plain {
    pub(super) bytes: Vec<u8>,
    pub(super) lost_comments: bool,
}

impl<'a> Decryptor<'a> {
    pub(super) fn new(keys: &'a DataKeys) -> Self {
        Decryptor { keys, missing: BTreeSet::new(), secrets: BTreeSet::new() }
    }

    /// Decrypts a file of one format and writes it in another.
    pub(super) fn file(&mut self, text: &str, from: Format, to: Format) -> Result<Outcome<Plain>, String> {
        if let DataKeys::Absent(why) = self.keys {
            return Ok(Outcome::Encrypted(why.clone()));
        }
        let Loaded { content, sops, lost_comments } = from.load(text)?;
        let comments = matches!(from, Format::Dotenv | Format::Ini);
        let by_comment = |rule: &Rule| matches!(rule, Rule::Comments { .. }) && (comments || lost_comments);
        Ok(match self.content(content, &sops, comments, by_comment)? {
            Outcome::Done(content) => Outcome::Done(Plain { bytes: to.emit(&content)?, lost_comments }),
            Outcome::Later => Outcome::Later,
            Outcome::Encrypted(why) => Outcome::Encrypted(why),
        })
    }

    /// Decrypts what stands beside a `sops` field.
    pub(super) fn content(
        &mut self,
        mut content: Ordered,
        sops: &Ordered,
        comments: bool,
        unsupported: impl Fn(&Rule) -> bool,
    ) -> Result<Outcome<Ordered>, String> {
        let metadata = Metadata::of(sops)?;
        let key = match self.keys.open(&metadata.wrapped, &metadata.others) {
            Opened::Key(key) => key,
            Opened::Never(why) => return Ok(Outcome::Encrypted(why)),
            Opened::Later => {
                self.missing.extend(metadata.wrapped);
                return Ok(Outcome::Later);
            }
        };
        if unsupported(&metadata.rule) {
            return Err(
                "rules by comment (`encrypted_comment_regex` and the like) are not supported".to_owned()
            );
        }
        let mut walk = Walk { rule: &metadata.rule, key: &key, comments, secrets: &mut self.secrets };
        walk.value(&mut content, &mut Vec::new())?;
        Ok(Outcome::Done(content))
    }
}

struct Walk<'a> {
    rule: &'a Rule,
    key: &'a DataKey,
    /// Whether fields named [`COMMENT`] are comments.
    comments: bool,
    secrets: &'a mut BTreeSet<String>,
}

impl Walk<'_> {
    fn value(&mut self, at: &mut Ordered, path: &mut Vec<String>) -> Result<(), String> {
        match at {
            Ordered::Map(fields) => {
                for (name, value) in fields {
                    if self.comments && name == COMMENT {
                        self.comment(value, path);
                        continue;
                    }
                    path.push(name.clone());
                    self.value(value, path)?;
                    path.pop();
                }
                Ok(())
            }
            Ordered::List(items) => items.iter_mut().try_for_each(|item| self.value(item, path)),
            Ordered::Null => Ok(()),
            leaf => self.leaf(leaf, path),
        }
    }

    fn leaf(&mut self, leaf: &mut Ordered, path: &[String]) -> Result<(), String> {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        if !self.rule.encrypts(&names) {
            return Ok(());
        }
        let place = || format!("`{}`", path.join("."));
        let Ordered::Text(text) = leaf else {
            return Err(format!("the value at {} is not encrypted, and should be", place()));
        };
        let plain = value::decrypt(text, self.key, &names);
        let plain = plain.map_err(|why| format!("the value at {} {why}", place()))?;
        self.note(&plain);
        *leaf = plain;
        Ok(())
    }

    /// Comments may be encrypted; those that are not stay as they are.
    fn comment(&mut self, value: &mut Ordered, path: &[String]) {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        let Ordered::Text(text) = value else { return };
        if let Ok(plain) = value::decrypt(&text.replace("type:comment]", "type:str]"), self.key, &names) {
            self.note(&plain);
            *value = plain;
        }
    }

    fn note(&mut self, plain: &Ordered) {
        let text = match plain {
            Ordered::Text(text) | Ordered::Time(text) => text.clone(),
            Ordered::Int(number) => number.to_string(),
            Ordered::Float(number) => number.to_string(),
            Ordered::Bool(flag) => flag.to_string(),
            Ordered::Null | Ordered::List(_) | Ordered::Map(_) => return,
        };
        if text.len() >= SHORTEST {
            // In a Secret's `data` it is base64, and what is in it is the secret.
            let decoded =
                crate::variables::decode_base64(&text).and_then(|bytes| String::from_utf8(bytes).ok());
            self.secrets.extend(decoded.filter(|decoded| decoded.len() >= SHORTEST));
            self.secrets.insert(text);
        }
    }
}
