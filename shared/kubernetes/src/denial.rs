//! Who denies, and which right is missing, read off the API server's words: it says so in no other way.

use ports::{Gate, Right};

/// Names are no longer; what claims to be a longer one is none.
const LONGEST: usize = 253;

/// What denies an object to everybody, and what it says.
pub(crate) fn denial(message: &str) -> Option<(Gate, String)> {
    policy(message).or_else(|| webhook(message)).or_else(|| quota(message)).or_else(|| pod_security(message))
}

/// `… ValidatingAdmissionPolicy 'NAME' with binding 'NAME' denied request: WHY`.
fn policy(message: &str) -> Option<(Gate, String)> {
    let (_, rest) = message.split_once("ValidatingAdmissionPolicy '")?;
    let (name, rest) = rest.split_once("' with binding '")?;
    let (_, why) = rest.split_once("' denied request: ")?;
    Some((Gate::Policy(named(name)?), why.to_owned()))
}

/// `admission webhook "NAME" denied the request: WHY`, or `… without explanation`.
fn webhook(message: &str) -> Option<(Gate, String)> {
    let (_, rest) = message.split_once("admission webhook \"")?;
    let (name, rest) = rest.split_once("\" denied the request")?;
    let why = rest.trim_start_matches([':', ' ']).to_owned();
    Some((Gate::Webhook(named(name)?), why))
}

/// `… is forbidden: exceeded quota: NAME, requested: …`, or that of one without figures yet.
fn quota(message: &str) -> Option<(Gate, String)> {
    const BEFORE: [&str; 3] = [
        "is forbidden: exceeded quota: ",
        "is forbidden: status unknown for quota: ",
        "is forbidden: failed quota: ",
    ];
    let (before, rest) = BEFORE.iter().find_map(|before| Some((before, message.split_once(before)?.1)))?;
    let (name, why) = rest.split_once([',', ':'])?;
    let unknown = if before.contains("unknown") { "its figures are not known yet, " } else { "" };
    Some((Gate::Quota(named(name)?), format!("{unknown}{}", why.trim())))
}

/// `… is forbidden: violates PodSecurity "LEVEL:VERSION": WHY`.
fn pod_security(message: &str) -> Option<(Gate, String)> {
    let (_, rest) = message.split_once("is forbidden: violates PodSecurity \"")?;
    let (level, why) = rest.split_once("\": ")?;
    Some((Gate::PodSecurity(named(level)?), why.to_owned()))
}

/// The right that `… is forbidden: User "U" cannot VERB resource "R" in API group "G" …` says is missing.
pub(crate) fn missing_right(message: &str) -> Option<Right> {
    let (_, rest) = message.split_once("is forbidden: User \"")?;
    let (_, rest) = rest.split_once("\" cannot ")?;
    let (verb, rest) = rest.split_once(" resource \"")?;
    let (resource, rest) = rest.split_once("\" in API group \"")?;
    let (group, rest) = rest.split_once('"')?;
    let namespace = match rest.split_once("in the namespace \"") {
        Some((_, rest)) => rest.split_once('"')?.0,
        None => "",
    };
    let part = |text: &str| if text.is_empty() { Some(String::new()) } else { named(text) };
    Some(Right {
        verb: named(verb)?,
        group: part(group)?,
        resource: named(resource)?,
        namespace: part(namespace)?,
    })
}

/// A name as Kubernetes has them; what the server only repeats of the object is none.
fn named(text: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:/".contains(c);
    (!text.is_empty() && text.len() <= LONGEST && text.chars().all(plain)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_denies_is_named() {
        let check = |message: &str, by: Gate, why: &str| {
            assert_eq!(denial(message), Some((by, why.to_owned())), "{message}");
        };
        let name = || "no.example".to_owned();
        check(
            "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'no.example' with binding 'b' denied request: no, \"x\"",
            Gate::Policy(name()),
            "no, \"x\"",
        );
        check(
            "admission webhook \"no.example\" denied the request: no latest tags",
            Gate::Webhook(name()),
            "no latest tags",
        );
        check(
            "admission webhook \"no.example\" denied the request without explanation",
            Gate::Webhook(name()),
            "without explanation",
        );
        let used = "requested: pods=1, used: pods=5, limited: pods=5";
        check(
            &format!("pods \"web\" is forbidden: exceeded quota: no.example, {used}"),
            Gate::Quota(name()),
            used,
        );
        check(
            "pods \"web\" is forbidden: status unknown for quota: no.example, resources: pods",
            Gate::Quota(name()),
            "its figures are not known yet, resources: pods",
        );
        check(
            "pods \"web\" is forbidden: failed quota: no.example: must specify limits.cpu for: web",
            Gate::Quota(name()),
            "must specify limits.cpu for: web",
        );
        check(
            "pods \"web\" is forbidden: violates PodSecurity \"restricted:latest\": privileged (container \"a\")",
            Gate::PodSecurity("restricted:latest".to_owned()),
            "privileged (container \"a\")",
        );
    }

    #[test]
    fn what_only_looks_so_names_nobody() {
        for message in [
            "",
            "is invalid: exceeded quota",
            "admission webhook \"a b\" denied the request: no",
            "admission webhook \"x\" does not support dry run",
            "failed calling webhook \"x\": connection refused",
            "ValidatingAdmissionPolicy 'x' with binding 'y",
        ] {
            assert_eq!(denial(message), None, "{message}");
        }
    }

    #[test]
    fn the_missing_right_is_named() {
        let right = |message: &str| {
            missing_right(message)
                .map(|r| format!("{} {}.{} in {}", r.verb, r.resource, r.group, r.namespace))
        };
        let user =
            "deployments.apps \"web\" is forbidden: User \"system:serviceaccount:preflux:worker\" cannot";
        let asked = format!(
            "{user} patch resource \"deployments\" in API group \"apps\" in the namespace \"shop\": RBAC: role not found"
        );
        assert_eq!(right(&asked).as_deref(), Some("patch deployments.apps in shop"));
        let asked = format!("{user} get resource \"namespaces\" in API group \"\" at the cluster scope");
        assert_eq!(right(&asked).as_deref(), Some("get namespaces. in "));
        assert_eq!(right("pods \"web\" is forbidden: exceeded quota: x, y"), None);
        assert_eq!(right(&format!("{user} get path \"/healthz\"")), None);
    }
}
