//! Post-build substitution of whole objects: each is written as YAML, substituted as text, and read again. Quotes
//! are lost on the way, so `"${PORT}"` becomes a number; this is Flux, not an accident here.

use kustomize::yaml;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

use crate::control::is_substitution_disabled;
use crate::derived::{self, Made};
use crate::envsubst::{self, Language};
use crate::inventory::describe;
use crate::normalise::go_number;
use crate::{Error, Kustomization, SubstituteStrategy, Variables};

/// Substitutes in every object that does not opt out.
pub(crate) fn substitute(
    objects: &mut [Value],
    kustomization: &Kustomization,
    variables: &Variables,
    language: &Language,
    secrets: &mut BTreeSet<String>,
) -> Result<(), Error> {
    let Some(post_build) = &kustomization.spec.post_build else { return Ok(()) };
    if variables.is_empty() && post_build.strategy != SubstituteStrategy::Always {
        return Ok(());
    }
    let mut ids: HashMap<Identity, usize> = HashMap::new();
    objects.iter().for_each(|object| *ids.entry(identity(object)).or_default() += 1);
    for object in objects.iter_mut().filter(|object| !is_substitution_disabled(object)) {
        check_names(kustomization, variables)?;
        let failed = |reason: String| Error::Substitution {
            kustomization: kustomization.key.clone(),
            object: describe(object),
            reason,
        };
        let replaced = substitute_one(object, variables, language, secrets).map_err(failed)?;
        if let Some(count) = ids.get_mut(&identity(object)) {
            *count -= 1;
        }
        let count = ids.entry(identity(&replaced)).or_default();
        *count += 1;
        if *count > 1 {
            return Err(failed(format!("after substitution {count} objects are `{}`", describe(&replaced))));
        }
        *object = replaced;
    }
    Ok(())
}

fn substitute_one(
    object: &Value,
    variables: &Variables,
    language: &Language,
    secrets: &mut BTreeSet<String>,
) -> Result<Value, String> {
    let yaml = yaml::emit(object);
    let mut parts = BTreeSet::new();
    let real = read_again(object, &yaml, variables, language, &mut parts)?;
    if let Some(disguised) = variables.disguised().filter(|_| yaml.contains("${")) {
        let mut others = BTreeSet::new();
        // Where the other values do not fit, the parts are all that is known.
        if let Ok(other) = read_again(object, &yaml, &disguised, language, &mut others) {
            let real = Made { object: &real, parts: &parts };
            secrets.extend(derived::whole(real, Made { object: &other, parts: &others }));
        }
    }
    secrets.append(&mut parts);
    Ok(real)
}

fn read_again(
    object: &Value,
    yaml: &str,
    variables: &Variables,
    language: &Language,
    parts: &mut BTreeSet<String>,
) -> Result<Value, String> {
    let text = envsubst::substitute_and_tell(yaml, variables, language, parts)
        .map_err(|error| error.with_advice())?;
    let mut value = yaml::parse_v2(&text).map_err(|error| match variables.secret_values().next() {
        None => format!("the result is not YAML: {error}"),
        // The parser may quote what it stumbles on.
        Some(_) => format!("the result is not YAML at line {}", error.line),
    })?;
    go_numbers(&mut value);
    match value {
        Value::Object(map) if map.is_empty() => Ok(object.clone()),
        Value::Null => Ok(object.clone()),
        Value::Object(_) => Ok(value),
        _ => Err("the result is not an object".into()),
    }
}

/// Every name counts, whether it is used or not.
fn check_names(kustomization: &Kustomization, variables: &Variables) -> Result<(), Error> {
    let letter = |c: char| c == '_' || c.is_ascii_alphabetic();
    let valid =
        |name: &&str| name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit());
    match variables.names().find(|name| !valid(name)) {
        None => Ok(()),
        Some(name) => {
            Err(Error::VariableName { kustomization: kustomization.key.clone(), name: name.to_owned() })
        }
    }
}

/// What kustomize tells objects apart by.
type Identity = [String; 4];

fn identity(object: &Value) -> Identity {
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let namespace = match &object["metadata"]["namespace"] {
        Value::Null => "default".to_owned(),
        Value::String(empty) if empty.is_empty() => "default".to_owned(),
        other => text(other),
    };
    [text(&object["apiVersion"]), text(&object["kind"]), namespace, text(&object["metadata"]["name"])]
}

/// Numbers pass through 64-bit floating point, so that long integers lose digits.
fn go_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(rounded) = number.as_f64().and_then(go_number) {
                *number = rounded;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(go_numbers),
        Value::Object(map) => map.values_mut().for_each(go_numbers),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::json;

    fn run(objects: &[Value], variables: &[(&str, &str)], strategy: &str) -> Result<Vec<Value>, String> {
        let kustomization = Kustomization::from_value(&json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "flux-system"},
            "spec": {"sourceRef": {"kind": "GitRepository", "name": "fleet"}, "postBuild": {"substituteStrategy": strategy}},
        }))
        .unwrap();
        let mut set = Variables::default();
        variables.iter().for_each(|(name, value)| set.insert(name, value.as_bytes(), false));
        let mut objects = objects.to_vec();
        substitute(&mut objects, &kustomization, &set, &Language::default(), &mut BTreeSet::new())
            .map_err(|e| e.to_string())?;
        Ok(objects)
    }

    fn config_map(name: &str, value: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": value}})
    }

    fn check(given: Value, variables: &[(&str, &str)], strategy: &str, expected: Value) {
        let done = run(&[config_map("a", given)], variables, strategy).unwrap();
        assert_eq!(done, [config_map("a", expected)]);
    }

    #[test]
    fn values_are_read_again() {
        check(json!("${PORT}"), &[("PORT", "8080")], "", json!(8080));
        check(json!("${V}"), &[("V", "1.10")], "", json!(1.1));
        check(json!("${V}"), &[("V", "yes")], "", json!(true));
        check(json!("${V}"), &[("V", "12345678901234567890")], "", json!(12345678901234567000_u64));
        check(json!("$${V}"), &[("V", "x")], "", json!("${V}"));
    }

    #[test]
    fn without_variables_only_always_substitutes() {
        check(json!("$${V}"), &[], "", json!("$${V}"));
        check(json!("$${V}"), &[], "Always", json!("${V}"));
        check(json!("${V:=d}"), &[], "Always", json!("d"));
    }

    #[test]
    fn errors_name_the_object() {
        let one = [config_map("a", json!("${X}"))];
        let error = run(&one, &[("V", "v")], "").unwrap_err();
        assert!(
            error.contains("`ConfigMap/a`")
                && error.contains("variable not set (strict mode): \"X\"; set it"),
            "{error}"
        );
        let error = run(&one, &[("x-y", "v")], "").unwrap_err();
        assert!(error.starts_with("`x-y` var name is invalid"), "{error}");
        let two = [config_map("a", json!("")), config_map("${V}", json!(""))];
        assert!(run(&two, &[("V", "a")], "").unwrap_err().contains("2 objects are `ConfigMap/a`"));
    }

    #[test]
    fn errors_do_not_quote_secrets() {
        let mut variables = Variables::default();
        variables.insert("V", b"*hunter2", true);
        let error = substitute_one(
            &config_map("a", json!("${V}")),
            &variables,
            &Language::default(),
            &mut BTreeSet::new(),
        )
        .unwrap_err();
        assert!(error.starts_with("the result is not YAML at line ") && !error.contains("hunter"), "{error}");
    }

    #[test]
    fn objects_may_opt_out() {
        let mut object = config_map("a", json!("${X}"));
        object["metadata"]["annotations"] = json!({"kustomize.toolkit.fluxcd.io/substitute": "disabled"});
        assert_eq!(run(std::slice::from_ref(&object), &[("V", "v")], "").unwrap(), [object]);
    }

    #[test]
    fn what_was_made_of_a_secret_is_told_whatever_was_done_to_it() {
        let mut variables = Variables::default();
        variables.insert("TOKEN", b"hunter2-token", true);
        variables.insert("PLAIN", b"plain", false);
        let text = "${TOKEN^^} ${TOKEN:0:7} ${TOKEN/hunter/h} ${PLAIN} ${PLAIN:=${TOKEN}}";
        let mut secrets = BTreeSet::new();
        substitute_one(&config_map("a", json!(text)), &variables, &Language::default(), &mut secrets)
            .unwrap();
        let told: Vec<&str> = secrets.iter().map(String::as_str).collect();
        assert_eq!(told, ["HUNTER2-TOKEN", "h2-token", "hunter2", "hunter2-token"]);
    }

    #[test]
    fn what_parts_would_not_hide_is_told_whole() {
        let mut variables = Variables::default();
        variables.insert("PIN", b"8080", true);
        variables.insert("TOKEN", b"hunter2-token", true);
        for (text, whole) in [
            ("a${PIN}b", Some("a8080b")),
            ("http://x:${PIN}/", None),
            ("${PIN}", None),
            ("x${#TOKEN}", Some("x13")),
            ("id ${TOKEN} and more", None),
            ("${TOKEN:0:2}and more", Some("huand more")),
            ("plain", None),
        ] {
            let mut secrets = BTreeSet::new();
            let made =
                substitute_one(&config_map("a", json!(text)), &variables, &Language::default(), &mut secrets)
                    .unwrap();
            let leaf =
                made["data"]["k"].as_str().map_or_else(|| made["data"]["k"].to_string(), str::to_owned);
            assert_eq!(
                secrets.contains(&leaf).then_some(leaf.as_str()),
                whole.or((text == "${PIN}").then_some("8080")),
                "{text}"
            );
        }
    }
}
