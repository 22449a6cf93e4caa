//! `spec.ignore`: the fields in which an object may drift. The selection of objects is here, the selectors of labels
//! are in `labels`; comparing is the caller's.

mod labels;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::{DriftIgnoreRule, Error, Kustomization};
use labels::LabelSelector;

/// Bytes that a compiled pattern may take.
const MAX_PATTERN: usize = 1 << 20;

/// The rules of a Kustomization, ready to use.
#[derive(Debug, Default)]
pub struct DriftIgnore(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    paths: Vec<String>,
    patterns: Vec<(Part, Regex)>,
    labels: Option<LabelSelector>,
    annotations: Option<LabelSelector>,
}

/// What of an object a pattern is for.
#[derive(Debug, Clone, Copy)]
enum Part {
    Group,
    Version,
    Kind,
    Name,
    Namespace,
}

impl DriftIgnore {
    /// Reads the rules of a Kustomization.
    ///
    /// # Errors
    /// A pattern or selector that is none, and a path that is no JSON pointer or means the whole object.
    pub fn of(kustomization: &Kustomization) -> Result<Self, Error> {
        let rules = kustomization.spec.ignore.iter().enumerate();
        let rules = rules.map(|(i, rule)| {
            Rule::of(rule).map_err(|(field, reason)| Error::InvalidField {
                object: format!("Kustomization/{}", kustomization.key),
                field: format!("spec.ignore[{i}].{field}"),
                reason,
            })
        });
        rules.collect::<Result<_, _>>().map(Self)
    }

    /// The JSON pointers that are ignored in an object; ask it of the object that a dry-run gave.
    pub fn paths(&self, dry_run: &Value) -> Vec<&str> {
        let rules = self.0.iter().filter(|rule| rule.matches(dry_run));
        rules.flat_map(|rule| rule.paths.iter().map(String::as_str)).collect()
    }

    /// Takes the ignored fields out of an object, those that are there.
    pub fn remove(paths: &[&str], object: &mut Value) {
        for path in paths {
            let Some((parent, key)) = path.rsplit_once('/') else { continue };
            match object.pointer_mut(parent) {
                Some(Value::Object(map)) => drop(map.remove(&key.replace("~1", "/").replace("~0", "~"))),
                Some(Value::Array(items)) => {
                    if let Some(index) = key.parse().ok().filter(|index: &usize| *index < items.len()) {
                        items.remove(index);
                    }
                }
                _ => {}
            }
        }
    }
}

impl Rule {
    fn of(rule: &DriftIgnoreRule) -> Result<Self, (&'static str, String)> {
        if let Some(path) = rule.paths.iter().find(|path| !path.starts_with('/')) {
            return Err(("paths", format!("`{path}` does not point into the object")));
        }
        let text = |field: &'static str| match rule.target.as_ref().and_then(|target| target.get(field)) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(("target", format!("`{field}` must be a string"))),
        };
        let parts = [
            ("group", Part::Group),
            ("version", Part::Version),
            ("kind", Part::Kind),
            ("name", Part::Name),
            ("namespace", Part::Namespace),
        ];
        let mut patterns = Vec::new();
        for (field, part) in parts {
            if let Some(pattern) = text(field)? {
                let regex = RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(MAX_PATTERN).build();
                patterns.push((part, regex.map_err(|error| ("target", format!("`{field}`: {error}")))?));
            }
        }
        let selector = |field: &'static str| {
            let selector = text(field)?.map(LabelSelector::parse).transpose();
            selector.map_err(|reason| ("target", format!("`{field}`: {reason}")))
        };
        let (labels, annotations) = (selector("labelSelector")?, selector("annotationSelector")?);
        Ok(Self { paths: rule.paths.clone(), patterns, labels, annotations })
    }

    fn matches(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        let api_version = object["apiVersion"].as_str().unwrap_or_default();
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let part = |part: Part| match part {
            Part::Group => group,
            Part::Version => version,
            Part::Kind => object["kind"].as_str().unwrap_or_default(),
            Part::Name => metadata["name"].as_str().unwrap_or_default(),
            Part::Namespace => metadata["namespace"].as_str().unwrap_or_default(),
        };
        self.patterns.iter().all(|(wanted, pattern)| pattern.is_match(part(*wanted)))
            && self.labels.as_ref().is_none_or(|selector| selector.matches(&metadata["labels"]))
            && self.annotations.as_ref().is_none_or(|selector| selector.matches(&metadata["annotations"]))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::json;

    fn rules(ignore: Value) -> Result<DriftIgnore, String> {
        let kustomization = Kustomization::from_value(&json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "flux-system"},
            "spec": {"sourceRef": {"kind": "GitRepository", "name": "fleet"}, "ignore": ignore},
        }));
        DriftIgnore::of(&kustomization.unwrap()).map_err(|error| error.to_string())
    }

    fn check(target: Value, expected: bool) {
        let rules = rules(json!([{"paths": ["/spec/replicas"], "target": target}])).unwrap();
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web-1", "namespace": "apps", "labels": {"app": "web"}}});
        assert_eq!(!rules.paths(&object).is_empty(), expected, "{target}");
    }

    #[test]
    fn targets_select_with_whole_patterns() {
        check(Value::Null, true);
        check(
            json!({"kind": "Deployment|StatefulSet", "name": "web-.*", "group": "apps", "version": "v1"}),
            true,
        );
        check(json!({"name": "web"}), false);
        check(json!({"namespace": "app"}), false);
        check(json!({"labelSelector": "app=web"}), true);
        check(json!({"labelSelector": "app!=web"}), false);
        check(json!({"annotationSelector": "app"}), false);
    }

    #[test]
    fn fields_are_taken_out() {
        let mut object = json!({"a": {"b/c": 1, "d": [1, 2]}, "e": 3});
        DriftIgnore::remove(&["/a/b~1c", "/a/d/0", "/a/d/9", "/none/x", "/e/f"], &mut object);
        assert_eq!(object, json!({"a": {"d": [2]}, "e": 3}));
    }

    #[test]
    fn errors_name_the_rule() {
        let error = rules(json!([{"paths": []}, {"paths": [""]}])).unwrap_err();
        assert_eq!(
            error,
            "invalid field `spec.ignore[1].paths` of `Kustomization/flux-system/apps`: `` does not point into the object"
        );
        assert!(
            rules(json!([{"paths": [], "target": {"name": "("}}]))
                .unwrap_err()
                .contains("`name`: regex parse error")
        );
        assert!(
            rules(json!([{"paths": [], "target": {"labelSelector": "a in x"}}]))
                .unwrap_err()
                .contains("`labelSelector`")
        );
    }
}
