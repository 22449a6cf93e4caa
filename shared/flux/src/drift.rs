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
pub struct DriftIgnore {
    rules: Vec<Rule>,
    /// What stands among the paths and is none.
    idle: Vec<String>,
}

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
    /// A pattern or selector that is none: the controller fails on every object of the Kustomization.
    pub fn of(kustomization: &Kustomization) -> Result<Self, Error> {
        let mut all = Self::default();
        for (i, rule) in kustomization.spec.ignore.iter().enumerate() {
            let (paths, idle) = rule.paths.iter().cloned().partition(|path: &String| path.starts_with('/'));
            all.idle.extend::<Vec<String>>(idle);
            all.rules.push(Rule::of(rule, paths).map_err(|reason| Error::InvalidField {
                object: format!("Kustomization/{}", kustomization.key),
                field: format!("spec.ignore[{i}].target"),
                reason: format!("{reason}; the controller applies nothing as long as it is there"),
            })?);
        }
        Ok(all)
    }

    /// Sentences about paths that point nowhere: the controller goes on and ignores nothing for them.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.idle.iter().map(|path| {
            format!("`spec.ignore` names the path `{path}`, which ignores nothing: a path begins with `/`")
        })
    }

    /// The JSON pointers that are ignored in an object; ask it of the object that a dry-run gave.
    pub fn paths(&self, dry_run: &Value) -> Vec<&str> {
        let rules = self.rules.iter().filter(|rule| rule.matches(dry_run));
        rules.flat_map(|rule| rule.paths.iter().map(String::as_str)).collect()
    }

    /// Takes the ignored fields out of an object, those that are there.
    pub fn remove(paths: &[&str], object: &mut Value) {
        for path in paths {
            let Some((parent, key)) = path.rsplit_once('/') else { continue };
            match object.pointer_mut(parent) {
                Some(Value::Object(map)) => drop(map.remove(&key.replace("~1", "/").replace("~0", "~"))),
                Some(Value::Array(items)) => {
                    // From the end, below zero.
                    let index = key.parse().ok().and_then(|index: isize| match usize::try_from(index) {
                        Ok(index) => Some(index),
                        Err(_) => items.len().checked_add_signed(index),
                    });
                    if let Some(index) = index.filter(|index| *index < items.len()) {
                        items.remove(index);
                    }
                }
                _ => {}
            }
        }
    }
}

impl Rule {
    fn of(rule: &DriftIgnoreRule, paths: Vec<String>) -> Result<Self, String> {
        let text = |field: &'static str| match rule.target.as_ref().and_then(|target| target.get(field)) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(format!("`{field}` must be a string")),
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
                patterns.push((part, regex.map_err(|error| format!("`{field}`: {}", in_short(&error)))?));
            }
        }
        let selector = |field: &'static str| {
            let selector = text(field)?.map(LabelSelector::parse).transpose();
            selector.map_err(|reason| format!("`{field}`: {reason}"))
        };
        let (labels, annotations) = (selector("labelSelector")?, selector("annotationSelector")?);
        Ok(Self { paths, patterns, labels, annotations })
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

/// The last line of a pattern's error; those before it draw where it is.
fn in_short(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
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
        let mut object = json!({"a": {"b/c": 1, "d": [1, 2, 3]}, "e": 3});
        DriftIgnore::remove(&["/a/b~1c", "/a/d/0", "/a/d/9", "/a/d/-2", "/none/x", "/e/f"], &mut object);
        assert_eq!(object, json!({"a": {"d": [3]}, "e": 3}));
    }

    #[test]
    fn paths_that_point_nowhere_are_told() {
        let rules = rules(json!([{"paths": ["", "/a", "spec/replicas"]}])).unwrap();
        assert_eq!(rules.paths(&json!({})), ["/a"]);
        let warnings: Vec<String> = rules.warnings().collect();
        assert_eq!(
            warnings,
            [
                "`spec.ignore` names the path ``, which ignores nothing: a path begins with `/`",
                "`spec.ignore` names the path `spec/replicas`, which ignores nothing: a path begins with `/`"
            ]
        );
    }

    #[test]
    fn errors_name_the_rule() {
        let error = rules(json!([{"paths": []}, {"paths": [], "target": {"name": "("}}])).unwrap_err();
        assert_eq!(
            error,
            "invalid field `spec.ignore[1].target` of `Kustomization/flux-system/apps`: `name`: unclosed group; \
             the controller applies nothing as long as it is there"
        );
        assert!(
            rules(json!([{"paths": [], "target": {"labelSelector": "a in x"}}]))
                .unwrap_err()
                .contains("`labelSelector`")
        );
    }
}
