//! The variables of `spec.postBuild`: where they come from, and which of them are secret.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

use crate::fields::Fields;
use crate::{Error, Kustomization, SubstituteKind, SubstituteReference};

/// The ConfigMaps and Secrets that the caller has to fetch, in the Kustomization's namespace, for [`Variables::of`].
pub fn substitute_from(kustomization: &Kustomization) -> Vec<SubstituteReference> {
    kustomization.spec.post_build.iter().flat_map(|p| p.substitute_from.iter().cloned()).collect()
}

/// Names and values for substitution. Values are bytes, as Secrets may hold any; no newline is left in them.
///
/// Printing one for debugging shows names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables {
    values: BTreeMap<String, Variable>,
}

#[derive(Clone, PartialEq, Eq)]
struct Variable {
    value: Vec<u8>,
    secret: bool,
}

impl Variables {
    /// The variables of a Kustomization: those of `substituteFrom` in order, a later one over an earlier one, then
    /// the inline ones over all.
    ///
    /// `objects` holds the ConfigMaps and Secrets that exist; one that is not in it and not optional is an error.
    /// A Secret that is only rendered may have `stringData`, which wins over `data` as it does in the API server.
    pub fn of(
        kustomization: &Kustomization,
        objects: &BTreeMap<SubstituteReference, Value>,
    ) -> Result<Self, Error> {
        let mut variables = Self::default();
        let Some(post_build) = &kustomization.spec.post_build else { return Ok(variables) };
        for reference in &post_build.substitute_from {
            match objects.get(reference) {
                Some(object) => variables.add_object(reference, object)?,
                None if reference.optional => {}
                None => {
                    return Err(Error::VariablesMissing {
                        kustomization: kustomization.key.clone(),
                        reference: reference.to_string(),
                    });
                }
            }
        }
        for (name, value) in &post_build.substitute {
            variables.insert(name, value.as_bytes(), false);
        }
        Ok(variables)
    }

    fn add_object(&mut self, reference: &SubstituteReference, object: &Value) -> Result<(), Error> {
        let fields = Fields::root(reference.to_string(), object)?;
        let data = fields.string_map("data")?;
        match reference.kind {
            SubstituteKind::ConfigMap => {
                data.iter().for_each(|(name, value)| self.insert(name, value.as_bytes(), false));
            }
            SubstituteKind::Secret => {
                for (name, value) in &data {
                    let decoded = decode_base64(value)
                        .ok_or_else(|| fields.invalid(&format!("data.{name}"), "must be base64"))?;
                    self.insert(name, &decoded, true);
                }
                let plain = fields.string_map("stringData")?;
                plain.iter().for_each(|(name, value)| self.insert(name, value.as_bytes(), true));
            }
        }
        Ok(())
    }

    /// Sets a variable; every newline in its value is removed, as Flux does.
    pub fn insert(&mut self, name: &str, value: &[u8], secret: bool) {
        let value = value.iter().copied().filter(|byte| *byte != b'\n').collect();
        self.values.insert(name.to_owned(), Variable { value, secret });
    }

    /// The value of a variable, if it is set.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.values.get(name).map(|v| v.value.as_slice())
    }

    /// Whether the value in force came from a Secret.
    pub fn is_secret(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|v| v.secret)
    }

    /// The values that came from Secrets and could show up in an object: text that is not empty. For masking.
    pub fn secret_values(&self) -> impl Iterator<Item = &str> {
        let secrets = self.values.values().filter(|v| v.secret && !v.value.is_empty());
        secrets.filter_map(|v| std::str::from_utf8(&v.value).ok())
    }

    /// The same with other values in place of those that came from Secrets: of another length, and of characters that they do not have.
    /// `None` where none did.
    pub(crate) fn disguised(&self) -> Option<Self> {
        let secret = |variable: &Variable| variable.secret && !variable.value.is_empty();
        self.values.values().any(secret).then(|| {
            let disguise = |variable: &Variable| {
                let free = (b'a'..=b'z').find(|letter| !variable.value.to_ascii_lowercase().contains(letter));
                vec![free.unwrap_or(b'q'); variable.value.len() + 1]
            };
            let values = self.values.iter().map(|(name, variable)| {
                let value = if secret(variable) { disguise(variable) } else { variable.value.clone() };
                (name.clone(), Variable { value, secret: variable.secret })
            });
            Self { values: values.collect() }
        })
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Whether there is no variable.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// Go does not mind what the last character has beyond the last byte.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// Standard base64 with line breaks allowed, as Go's decoder reads it.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let joined: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    LENIENT.decode(joined).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::json;

    fn kustomization(post_build: Value) -> Kustomization {
        Kustomization::from_value(&json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "flux-system"},
            "spec": {"sourceRef": {"kind": "GitRepository", "name": "fleet"}, "postBuild": post_build},
        }))
        .unwrap()
    }

    fn check(post_build: Value, objects: &[Value]) -> Result<Vec<(String, String, bool)>, Error> {
        let kustomization = kustomization(post_build);
        let references = substitute_from(&kustomization).into_iter();
        let named = |r: &SubstituteReference| objects.iter().find(|o| o["name"] == r.name.as_str()).cloned();
        let objects = references.filter_map(|r| named(&r).map(|o| (r, o))).collect();
        let variables = Variables::of(&kustomization, &objects)?;
        let text = |name: &str| String::from_utf8(variables.get(name).unwrap().to_vec()).unwrap();
        Ok(variables.names().map(|n| (n.to_owned(), text(n), variables.is_secret(n))).collect())
    }

    #[test]
    fn later_references_and_inline_values_win() {
        let post_build = json!({
            "substituteFrom": [{"kind": "ConfigMap", "name": "cm"}, {"kind": "Secret", "name": "s"},
                {"kind": "ConfigMap", "name": "none", "optional": true}],
            "substitute": {"c": "inline\nvalue"},
        });
        let cm = json!({"name": "cm", "data": {"a": "cm", "b": "cm"}});
        let secret = json!({"name": "s", "data": {"b": "czEK", "c": "czI="}, "stringData": {"d": "plain"}});
        let expected =
            [("a", "cm", false), ("b", "s1", true), ("c", "inlinevalue", false), ("d", "plain", true)];
        let expected = expected.map(|(n, v, s)| (n.to_owned(), v.to_owned(), s)).to_vec();
        assert_eq!(check(post_build, &[cm, secret]).unwrap(), expected);
    }

    #[test]
    fn errors_name_the_object() {
        let post_build = json!({"substituteFrom": [{"kind": "Secret", "name": "s"}]});
        let error = check(post_build.clone(), &[]).unwrap_err().to_string();
        assert_eq!(
            error,
            "substitute from `Secret/s` of `Kustomization/flux-system/apps` failed: not found; \
             create it in namespace `flux-system` first, or mark it `optional: true`"
        );
        let error = check(post_build, &[json!({"name": "s", "data": {"k": "%"}})]).unwrap_err().to_string();
        assert_eq!(error, "invalid field `data.k` of `Secret/s`: must be base64");
    }

    #[test]
    fn debug_shows_no_value() {
        let mut variables = Variables::default();
        variables.insert("password", b"hunter2", true);
        assert_eq!(format!("{variables:?}"), "{\"password\"}");
        assert_eq!(variables.secret_values().collect::<Vec<_>>(), ["hunter2"]);
    }
}
