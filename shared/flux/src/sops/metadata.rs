//! What an encrypted file says of itself: whom its data key is encrypted for, and which of its values are encrypted.

use std::collections::BTreeMap;

use kustomize::yaml::Ordered;
use regex::Regex;

use super::keys::WrappedKey;

/// The metadata of a file.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) wrapped: Vec<WrappedKey>,
    /// Keys of kinds that are not supported, by name.
    pub(super) others: Vec<String>,
    pub(super) rule: Rule,
}

/// Which values are encrypted, by the names on the way to them.
#[derive(Debug)]
pub(super) enum Rule {
    UnencryptedSuffix(String),
    EncryptedSuffix(String),
    UnencryptedRegex(Option<Regex>),
    EncryptedRegex(Option<Regex>),
    /// By comments, and whether those with a comment are the encrypted ones.
    Comments {
        encrypted: bool,
    },
}

impl Rule {
    pub(super) fn encrypts(&self, path: &[&str]) -> bool {
        let ends = |suffix: &String| path.iter().any(|name| name.ends_with(suffix.as_str()));
        // A pattern that is none matches nothing.
        let matches = |regex: &Option<Regex>| {
            regex.as_ref().is_some_and(|regex| path.iter().any(|name| regex.is_match(name)))
        };
        match self {
            Rule::UnencryptedSuffix(suffix) => !ends(suffix),
            Rule::EncryptedSuffix(suffix) => ends(suffix),
            Rule::UnencryptedRegex(regex) => !matches(regex),
            Rule::EncryptedRegex(regex) => matches(regex),
            // What comes here has no comments left.
            Rule::Comments { encrypted } => !encrypted,
        }
    }
}

impl Metadata {
    /// Reads the `sops` field.
    pub(super) fn of(sops: &Ordered) -> Result<Self, String> {
        let rule = rule(sops)?;
        let (mut wrapped, mut others) = (Vec::new(), Vec::new());
        gather(sops, &mut wrapped, &mut others);
        if wrapped.is_empty() && others.is_empty() {
            match sops.get("key_groups") {
                Some(Ordered::List(groups)) if groups.len() > 1 => {
                    let threshold = text(sops, "shamir_threshold");
                    others.push(format!(
                        "a data key split among {} key groups (`shamir_threshold` {threshold})",
                        groups.len()
                    ));
                }
                Some(Ordered::List(groups)) => {
                    groups.iter().for_each(|group| gather(group, &mut wrapped, &mut others));
                }
                _ => {}
            }
        }
        Ok(Metadata { wrapped, others, rule })
    }
}

/// SOPS tries age first.
fn gather(group: &Ordered, wrapped: &mut Vec<WrappedKey>, others: &mut Vec<String>) {
    wrapped.extend(
        list(group, "age")
            .iter()
            .map(|key| WrappedKey::Age { recipient: text(key, "recipient"), armored: text(key, "enc") }),
    );
    wrapped.extend(list(group, "kms").iter().map(kms));
    for (field, kind, name) in [
        ("pgp", "PGP key", "fp"),
        ("gcp_kms", "Google Cloud KMS key", "resource_id"),
        ("hckms", "Huawei Cloud KMS key", "key_id"),
        ("azure_kv", "Azure Key Vault key", "name"),
        ("hc_vault", "Vault key", "key_name"),
    ] {
        others.extend(list(group, field).iter().map(|key| format!("{kind} `{}`", text(key, name))));
    }
}

fn kms(key: &Ordered) -> WrappedKey {
    let context = match key.get("context") {
        Some(Ordered::Map(fields)) => {
            fields.iter().map(|(name, value)| (name.clone(), scalar(value))).collect()
        }
        _ => BTreeMap::new(),
    };
    WrappedKey::AwsKms {
        arn: text(key, "arn"),
        role: Some(text(key, "role")).filter(|role| !role.is_empty()),
        context,
        ciphertext: text(key, "enc"),
    }
}

fn rule(sops: &Ordered) -> Result<Rule, String> {
    let names = [
        "unencrypted_suffix",
        "encrypted_suffix",
        "unencrypted_regex",
        "encrypted_regex",
        "unencrypted_comment_regex",
        "encrypted_comment_regex",
    ];
    let mut given = names.iter().map(|name| (*name, text(sops, name))).filter(|(_, value)| !value.is_empty());
    let Some((name, value)) = given.next() else {
        return Ok(Rule::UnencryptedSuffix("_unencrypted".to_owned()));
    };
    if let Some((second, _)) = given.next() {
        return Err(format!("its `sops` field has both `{name}` and `{second}`, of which SOPS takes one"));
    }
    Ok(match name {
        "unencrypted_suffix" => Rule::UnencryptedSuffix(value),
        "encrypted_suffix" => Rule::EncryptedSuffix(value),
        "unencrypted_regex" => Rule::UnencryptedRegex(Regex::new(&value).ok()),
        "encrypted_regex" => Rule::EncryptedRegex(Regex::new(&value).ok()),
        other => Rule::Comments { encrypted: other.starts_with("encrypted") },
    })
}

fn list<'a>(value: &'a Ordered, field: &str) -> &'a [Ordered] {
    match value.get(field) {
        Some(Ordered::List(items)) => items,
        _ => &[],
    }
}

fn text(value: &Ordered, field: &str) -> String {
    value.get(field).map(scalar).unwrap_or_default()
}

fn scalar(value: &Ordered) -> String {
    match value {
        Ordered::Text(text) | Ordered::Time(text) => text.clone(),
        Ordered::Bool(flag) => flag.to_string(),
        Ordered::Int(number) => number.to_string(),
        Ordered::Float(number) => number.to_string(),
        Ordered::Null | Ordered::List(_) | Ordered::Map(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn metadata(yaml: &str) -> Result<Metadata, String> {
        Metadata::of(&kustomize::yaml::parse_ordered(yaml).unwrap().value)
    }

    #[test]
    fn keys_of_all_kinds_are_told_apart() {
        let found = metadata(
            "age: [{recipient: age1x, enc: A}]\nkms: [{arn: 'arn:k', role: r, context: {a: b}, enc: Yg==}]\n\
             pgp: [{fp: F00, enc: x}]\n",
        )
        .unwrap();
        let names: Vec<String> = found.wrapped.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["age recipient `age1x`", "AWS KMS key `arn:k`"]);
        assert_eq!(found.others, ["PGP key `F00`"]);
    }

    #[test]
    fn split_data_keys_are_named() {
        let found =
            metadata("shamir_threshold: 2\nkey_groups: [{age: [{recipient: a}]}, {pgp: []}]\n").unwrap();
        assert_eq!(found.others, ["a data key split among 2 key groups (`shamir_threshold` 2)"]);
        assert!(found.wrapped.is_empty());
        let one = metadata("key_groups: [{age: [{recipient: a, enc: b}]}]\n").unwrap();
        assert_eq!(one.wrapped.len(), 1);
    }

    #[test]
    fn rules_look_at_every_name_on_the_way() {
        let check = |yaml: &str, path: &[&str], encrypts: bool| {
            assert_eq!(metadata(yaml).unwrap().rule.encrypts(path), encrypts, "{yaml} {path:?}");
        };
        check("version: 3", &["a"], true);
        check("version: 3", &["a_unencrypted", "b"], false);
        check("encrypted_regex: ^(data|stringData)$", &["data", "x"], true);
        check("encrypted_regex: ^(data|stringData)$", &["metadata", "name"], false);
        check("unencrypted_regex: ^meta", &["metadata", "name"], false);
        check("encrypted_suffix: _x", &["a_x"], true);
        check("encrypted_regex: '('", &["a"], false);
        assert!(
            metadata("encrypted_regex: a\nencrypted_suffix: b")
                .unwrap_err()
                .contains("of which SOPS takes one")
        );
    }
}
