//! The manifests: those of `infra/cluster/preflux.yaml`, with other names where asked, and with the granted kinds as found.

use std::fmt::Write as _;

use kubernetes::Grants;

/// What an administrator applies where nobody asked what the cluster holds.
const SHIPPED: &str = include_str!("../../../../infra/cluster/preflux.yaml");

/// Between two documents.
const BREAK: &str = "\n---\n";

/// Where the identity and Flux are.
pub(super) struct Place<'a> {
    /// The namespace of the identity.
    pub(super) namespace: &'a str,
    /// The namespace of Flux's controllers.
    pub(super) flux: &'a str,
    /// Whether it is a cluster without Flux, which another one's Kustomizations apply to.
    pub(super) remote: bool,
}

/// All documents, the locks first.
pub(super) fn text(grants: &Grants, from: &[String], place: &Place<'_>) -> String {
    let documents = SHIPPED.split(BREAK).filter(|document| !(place.remote && is_of_flux(document)));
    let all: Vec<String> = documents
        .map(|document| match is(document, "ClusterRole", "preflux-rehearse") {
            true => rehearse(grants, from),
            false => placed(document, place),
        })
        .collect();
    all.join(BREAK)
}

/// What is not granted, as sentences.
pub(super) fn left_out(grants: &Grants) -> Vec<String> {
    let named = |(group, kind): &(String, String)| match group.as_str() {
        "" => kind.clone(),
        group => format!("{kind} ({group})"),
    };
    grants.left_out.iter().map(|(kind, why)| format!("{}: {why}", named(kind))).collect()
}

fn is(document: &str, kind: &str, name: &str) -> bool {
    let line = |wanted: String| document.lines().any(|line| line == wanted);
    line(format!("kind: {kind}")) && line(format!("  name: {name}"))
}

/// The controller's Deployment is where Flux is.
fn is_of_flux(document: &str) -> bool {
    ["Role", "RoleBinding"].iter().any(|kind| is(document, kind, "preflux-read-controller"))
}

fn placed(document: &str, place: &Place<'_>) -> String {
    let own = is(document, "Namespace", "preflux");
    let line = |line: &str| match line.trim_start() {
        "namespace: preflux" => line.replace("preflux", place.namespace),
        "namespace: flux-system" => line.replace("flux-system", place.flux),
        "name: preflux" if own => line.replace("preflux", place.namespace),
        _ => line
            .replace("system:serviceaccount:preflux:", &format!("system:serviceaccount:{}:", place.namespace))
            .replace(
                "system:serviceaccounts:preflux\"",
                &format!("system:serviceaccounts:{}\"", place.namespace),
            ),
    };
    document.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn rehearse(grants: &Grants, from: &[String]) -> String {
    let mut out = format!(
        "# Rehearsing writes: the kinds of {}, as `preflux cluster rbac` found them.\n",
        from.join(" and of ")
    );
    let left_out = left_out(grants);
    if !left_out.is_empty() {
        out.push_str("# Left out, or only read:\n");
    }
    for line in left_out {
        let _ = writeln!(out, "#   {line}");
    }
    out.push_str(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: preflux-rehearse\nrules:\n",
    );
    for ((group, verbs), plurals) in &grants.rules {
        let plurals: Vec<String> = plurals.iter().map(|plural| plain(plural)).collect();
        let _ = writeln!(out, "  - apiGroups: [{}]", plain(group));
        let _ = writeln!(out, "    resources: [{}]", plurals.join(", "));
        let _ = writeln!(out, "    verbs: [{}]", verbs.join(", "));
    }
    out.truncate(out.trim_end().len());
    out
}

/// A word as YAML; in quotes where it is more than one.
fn plain(word: &str) -> String {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    let bare = word.starts_with(|c: char| c.is_ascii_lowercase()) && word.chars().all(fits);
    match bare && !matches!(word, "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n") {
        true => word.to_owned(),
        false => serde_json::Value::from(word).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(place: &Place<'_>) -> String {
        let mut grants = Grants::default();
        for (group, plural) in
            [("", "configmaps"), ("apps", "deployments"), ("odd.example", "\"]\nrules: [\"")]
        {
            grants
                .rules
                .entry((group.to_owned(), vec!["get", "patch"]))
                .or_default()
                .insert(plural.to_owned());
        }
        grants.left_out.insert((String::new(), "Secret".to_owned()), "never");
        text(&grants, &["a cluster".to_owned()], place)
    }

    fn documents(text: &str) -> Vec<serde_json::Value> {
        let all = kustomize::yaml::parse_documents_v3(text, &kustomize::Limits::default());
        all.unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn only_the_kinds_differ_from_what_is_shipped() {
        let text = printed(&Place { namespace: "preflux", flux: "flux-system", remote: false });
        let (printed, shipped) = (documents(&text), documents(SHIPPED));
        assert_eq!(printed.len(), shipped.len());
        let differ: Vec<_> = printed.iter().zip(&shipped).filter(|(a, b)| a != b).map(|(a, _)| a).collect();
        assert_eq!(differ.len(), 1, "{differ:?}");
        assert_eq!(differ[0]["metadata"]["name"], "preflux-rehearse");
        let resources: Vec<_> =
            differ[0]["rules"].as_array().into_iter().flatten().map(|r| &r["resources"]).collect();
        assert_eq!(
            resources,
            [
                &serde_json::json!(["configmaps"]),
                &serde_json::json!(["deployments"]),
                &serde_json::json!(["\"]\nrules: [\""])
            ]
        );
        assert!(text.contains("#   Secret: never\n"));
    }

    #[test]
    fn another_namespace_is_everywhere() {
        let text = printed(&Place { namespace: "tools", flux: "flux", remote: false });
        let all = documents(&text);
        let condition = all.iter().find_map(|object| object.pointer("/spec/matchConditions/0/expression"));
        let condition = condition.and_then(|c| c.as_str()).unwrap_or_default();
        assert!(
            condition.contains("serviceaccount:tools:") && condition.contains("serviceaccounts:tools\""),
            "{condition}"
        );
        let mut places: Vec<&str> = all
            .iter()
            .flat_map(|object| {
                [object.pointer("/metadata/namespace"), object.pointer("/subjects/0/namespace")]
            })
            .flatten()
            .filter_map(|place| place.as_str())
            .collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places, ["flux", "tools"]);
        assert_eq!(all[0]["metadata"]["name"], "tools");
    }

    #[test]
    fn a_cluster_without_flux_needs_no_right_to_its_controller() {
        let text = printed(&Place { namespace: "preflux", flux: "flux-system", remote: true });
        assert!(!text.contains("preflux-read-controller"), "{text}");
        assert_eq!(documents(&text).len(), documents(SHIPPED).len() - 2);
    }
}
