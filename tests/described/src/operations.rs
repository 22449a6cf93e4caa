//! Which operation of the description a request is: method and path template, with what the path's places are filled with.

use std::collections::BTreeMap;

use serde_json::Value;

/// One operation: where it stands in the description, and what each place of its path is filled with.
pub(crate) struct Found<'d> {
    pub(crate) template: &'d str,
    pub(crate) operation: &'d Value,
    pub(crate) places: BTreeMap<&'d str, String>,
}

/// The operation of a request, that with the most literal segments first, as `/issues/comments/{id}` before `/issues/{n}/comments`.
pub(crate) fn find<'d>(description: &'d Value, method: &str, path: &str) -> Option<Found<'d>> {
    let wanted: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let method = method.to_ascii_lowercase();
    let paths = description["paths"].as_object()?;
    let fitting = paths.iter().filter_map(|(template, item)| {
        let operation = item.get(&method)?;
        let places = filled(template, &wanted, |name| many(description, operation, name))?;
        Some(Found { template, operation, places })
    });
    fitting.max_by_key(|found| found.template.split('/').filter(|part| !part.starts_with('{')).count())
}

/// Whether a place may hold several segments, as a branch name may.
fn many(description: &Value, operation: &Value, name: &str) -> bool {
    parameters(description, operation).any(|p| p["name"] == name && p["x-multi-segment"] == true)
        || (name == "branch" && operation["operationId"] == "repos/get-branch")
}

/// An operation's parameters, references followed.
pub(crate) fn parameters<'d>(
    description: &'d Value,
    operation: &'d Value,
) -> impl Iterator<Item = &'d Value> + 'd {
    operation["parameters"].as_array().into_iter().flatten().map(move |p| followed(description, p))
}

/// What a reference points to, and anything else as it is.
pub(crate) fn followed<'d>(description: &'d Value, value: &'d Value) -> &'d Value {
    let target = value["$ref"].as_str().and_then(|to| description.pointer(to.trim_start_matches('#')));
    target.unwrap_or(value)
}

fn filled<'d>(
    template: &'d str,
    wanted: &[&str],
    many: impl Fn(&str) -> bool,
) -> Option<BTreeMap<&'d str, String>> {
    let (mut places, mut rest) = (BTreeMap::new(), wanted);
    let mut parts = template.trim_start_matches('/').split('/').peekable();
    while let Some(part) = parts.next() {
        let (first, after) = rest.split_first()?;
        rest = after;
        let Some(name) = part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
            if part != *first {
                return None;
            }
            continue;
        };
        if first.is_empty() {
            return None;
        }
        let mut value = (*first).to_owned();
        if parts.peek().is_none() && many(name) {
            rest.iter().for_each(|more| value.push_str(&format!("/{more}")));
            rest = &[];
        }
        places.insert(name, value);
    }
    rest.is_empty().then_some(places)
}
