//! The labels and annotations with which an object steers kustomize-controller. Pure lookups; what to do with the
//! answer is the caller's.

use serde_json::Value;

/// The label or annotation that can switch off reconciliation.
pub const RECONCILE: &str = "kustomize.toolkit.fluxcd.io/reconcile";
/// The label or annotation that chooses how server-side apply treats the object.
pub const SSA: &str = "kustomize.toolkit.fluxcd.io/ssa";
/// The label or annotation that allows recreation.
pub const FORCE: &str = "kustomize.toolkit.fluxcd.io/force";
/// The label or annotation that protects from garbage collection.
pub const PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";
/// The label or annotation that switches off substitution.
pub const SUBSTITUTE: &str = "kustomize.toolkit.fluxcd.io/substitute";
/// The annotation that switches off decryption.
pub const DECRYPT: &str = "kustomize.toolkit.fluxcd.io/decrypt";
/// The label with the name of the Kustomization that owns the object.
pub const OWNER_NAME: &str = "kustomize.toolkit.fluxcd.io/name";
/// The label with the namespace of the Kustomization that owns the object.
pub const OWNER_NAMESPACE: &str = "kustomize.toolkit.fluxcd.io/namespace";

/// How server-side apply treats an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SsaPolicy {
    /// Take over the fields; the default.
    Override,
    /// Leave other managers' fields.
    Merge,
    /// Create only.
    IfNotPresent,
    /// Leave the object alone.
    Ignore,
}

/// Whether the object is left alone altogether: `reconcile: disabled` or `ssa: Ignore`.
///
/// Ask it of the desired and of the live object; either is enough.
pub fn is_excluded(object: &Value) -> bool {
    says(object, RECONCILE, "disabled") || says(object, SSA, "ignore")
}

/// The object's `ssa` policy; a word that Flux does not know is [`SsaPolicy::Override`].
///
/// Only the desired object counts for [`SsaPolicy::IfNotPresent`], desired or live for [`SsaPolicy::Ignore`].
pub fn ssa_policy(object: &Value) -> SsaPolicy {
    let policies = [
        ("ignore", SsaPolicy::Ignore),
        ("ifnotpresent", SsaPolicy::IfNotPresent),
        ("merge", SsaPolicy::Merge),
    ];
    let found = policies.into_iter().find(|(word, _)| says(object, SSA, word));
    found.map_or(SsaPolicy::Override, |(_, policy)| policy)
}

/// Whether the object asks to be recreated when immutable fields change; desired or live is enough.
pub fn is_forced(object: &Value) -> bool {
    says(object, FORCE, "enabled")
}

/// Whether a live object is kept when it is no longer rendered: `prune: disabled`, or excluded altogether.
pub fn is_kept(live: &Value) -> bool {
    says(live, PRUNE, "disabled") || is_excluded(live)
}

/// Whether a live object carries the owner labels of the Kustomization; one that does not is never pruned by it.
pub fn is_owned_by(live: &Value, kustomization: &crate::ObjectKey) -> bool {
    let labels = &live["metadata"]["labels"];
    labels[OWNER_NAME] == kustomization.name.as_str()
        && labels[OWNER_NAMESPACE] == kustomization.namespace.as_str()
}

/// Whether substitution leaves the object alone. Unlike the others, the value is compared to the letter.
pub fn is_substitution_disabled(object: &Value) -> bool {
    values(object, SUBSTITUTE).any(|value| value == "disabled")
}

/// Whether decryption leaves the object alone; an annotation only.
pub fn is_decryption_disabled(object: &Value) -> bool {
    let value = object["metadata"]["annotations"][DECRYPT].as_str();
    value.is_some_and(|v| v.eq_ignore_ascii_case("disabled"))
}

fn says(object: &Value, key: &str, word: &str) -> bool {
    values(object, key).any(|value| value.eq_ignore_ascii_case(word))
}

fn values<'a>(object: &'a Value, key: &'a str) -> impl Iterator<Item = &'a str> {
    ["labels", "annotations"].into_iter().filter_map(move |place| object["metadata"][place][key].as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn annotated(key: &str, value: &str) -> Value {
        json!({"metadata": {"annotations": {key: value}}})
    }

    fn labelled(key: &str, value: &str) -> Value {
        json!({"metadata": {"labels": {key: value}}})
    }

    #[test]
    fn words_are_found_in_labels_and_annotations_of_any_case() {
        for object in
            [annotated(RECONCILE, "Disabled"), labelled(RECONCILE, "disabled"), labelled(SSA, "Ignore")]
        {
            assert!(is_excluded(&object) && is_kept(&object), "{object}");
        }
        assert!(is_kept(&annotated(PRUNE, "DISABLED")) && !is_excluded(&annotated(PRUNE, "disabled")));
        assert!(is_forced(&labelled(FORCE, "Enabled")) && !is_forced(&labelled(FORCE, "true")));
        assert!(!is_excluded(&json!({})) && !is_kept(&json!({"metadata": {"labels": null}})));
    }

    #[test]
    fn substitution_is_disabled_to_the_letter() {
        assert!(is_substitution_disabled(&labelled(SUBSTITUTE, "disabled")));
        assert!(!is_substitution_disabled(&annotated(SUBSTITUTE, "Disabled")));
        assert!(is_decryption_disabled(&annotated(DECRYPT, "Disabled")));
        assert!(!is_decryption_disabled(&labelled(DECRYPT, "disabled")));
    }

    #[test]
    fn ssa_policies() {
        let policy = |word| ssa_policy(&annotated(SSA, word));
        assert_eq!(policy("IfNotPresent"), SsaPolicy::IfNotPresent);
        assert_eq!(policy("merge"), SsaPolicy::Merge);
        assert_eq!(policy("ignore"), SsaPolicy::Ignore);
        assert_eq!(policy("whatever"), SsaPolicy::Override);
    }

    #[test]
    fn owner_labels_must_both_match() {
        let live = json!({"metadata": {"labels": {OWNER_NAME: "apps", OWNER_NAMESPACE: "flux-system"}}});
        assert!(is_owned_by(&live, &crate::ObjectKey::new("flux-system", "apps")));
        assert!(!is_owned_by(&live, &crate::ObjectKey::new("other", "apps")));
    }
}
