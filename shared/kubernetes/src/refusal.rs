//! What the API server's `Status` answers mean to us. The rules are read off answers of real servers; the tests hold them.

use ports::{ClusterError, Refusal};
use serde::Deserialize;

use crate::denial::{denial, missing_right};

/// Characters that are kept of a server's message. More than anybody is shown: a value that is cut in two here could not be
/// found and masked later.
const MAX_CHARS: usize = 20_000;

/// A `metav1.Status`, as far as we look at it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Status {
    #[serde(skip)]
    pub(crate) code: u16,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    details: Option<Details>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Details {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    causes: Option<Vec<Cause>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Cause {
    #[serde(default)]
    message: String,
}

impl Status {
    /// Reads the body of an answer with the HTTP status `code`, which need not be a `Status`.
    pub(crate) fn parse(code: u16, body: &[u8]) -> Self {
        let status = serde_json::from_slice(body).unwrap_or_else(|_| Self {
            message: String::from_utf8_lossy(&body[..body.len().min(4 * MAX_CHARS)]).trim().to_owned(),
            ..Self::default()
        });
        Self { code, ..status }
    }

    /// The server's message, bounded.
    pub(crate) fn words(&self) -> String {
        match self.message.as_str() {
            "" => format!("HTTP status {}", self.code),
            message => cut(&without_structs(message)),
        }
    }

    fn says(&self, part: &str) -> bool {
        self.message.contains(part)
    }

    /// Whether our identity may not, as opposed to a policy or quota that lets nobody.
    fn forbids_us(&self) -> bool {
        let rbac = self.says("is forbidden: User \"") && self.says("\" cannot ");
        rbac || self.says("attempting to grant RBAC permissions not currently held")
    }

    /// What denies the object to everybody. Flux takes a 409 or 422 for an immutable field, whoever says so.
    fn denied(&self) -> Option<Refusal> {
        let (by, why) = denial(&self.message)?;
        Some(Refusal::Denied {
            by,
            why: cut(&without_structs(&why)),
            forcing: matches!(self.code, 409 | 422),
        })
    }

    fn namespace_missing(&self) -> bool {
        self.code == 404 && self.details.as_ref().is_some_and(|d| d.kind == "namespaces")
    }

    fn namespace_terminating(&self) -> bool {
        self.says("because it is being terminated") && self.says("unable to create new content in namespace")
    }

    /// Whether what is wrong is that immutable fields change, and nothing else.
    fn immutable(&self) -> bool {
        let causes = self.details.as_ref().and_then(|d| d.causes.as_deref()).unwrap_or_default();
        match causes {
            [] => immutable(&self.message),
            causes => causes.iter().all(|cause| immutable(&cause.message)),
        }
    }
}

fn immutable(message: &str) -> bool {
    const WORDS: [&str; 7] = [
        "is immutable",
        "are immutable",
        "immutable field",
        "may not change once set",
        "may not be changed in an update",
        "updates may not change fields other than",
        "cannot change roleRef",
    ];
    let forbidden = message.split_once("updates to ").is_some_and(|(_, rest)| rest.contains("forbidden"));
    forbidden || WORDS.iter().any(|words| message.contains(words))
}

/// Answers with status 500 that say something of the object all the same.
fn about_the_object(status: &Status) -> bool {
    const WORDS: [&str; 4] = [
        "failed to create typed patch object",
        "field not declared in schema",
        "failed to convert",
        "does not support dry run",
    ];
    WORDS.iter().any(|words| status.says(words))
}

/// Whether a failure's words are those of a webhook that does not answer.
pub(crate) fn webhook_down(words: &str) -> bool {
    words.contains("failed calling webhook") || words.contains("failed to call webhook")
}

/// Whether asking again gives the same answer.
pub(crate) fn definite(status: &Status) -> bool {
    match status.code {
        // Whoever denies has made up its mind, whatever the code.
        409 | 429 | 500.. if status.denied().is_some() => true,
        409 => status.immutable(),
        408 | 425 | 429 => false,
        500.. => about_the_object(status),
        _ => true,
    }
}

/// What the answer to a dry-run, or to a read for one, means.
pub(crate) fn refusal(status: &Status) -> Refusal {
    let words = status.words();
    match status.code {
        _ if status.says("does not support dry run") => Refusal::NoDryRun(words),
        409 | 422 if status.immutable() => Refusal::Immutable(words),
        // Flux reads these words in the answers of webhooks, too.
        400..=403 if status.says("is immutable") || status.says("immutable field") => {
            Refusal::Immutable(words)
        }
        // A name from a pull request, which a missing right repeats, must not pass for a policy.
        403 if status.forbids_us() => by_code(403, status, words),
        code => status.denied().unwrap_or_else(|| by_code(code, status, words)),
    }
}

fn by_code(code: u16, status: &Status, words: String) -> Refusal {
    match code {
        401 => Refusal::Forbidden("the credentials are refused (401): renew the kubeconfig".to_owned()),
        403 if status.forbids_us() => {
            missing_right(&words).map_or(Refusal::Forbidden(words), Refusal::MissingRight)
        }
        403 if status.namespace_terminating() => Refusal::NamespaceTerminating,
        404 if status.namespace_missing() => Refusal::NamespaceMissing,
        404 if status.details.as_ref().is_none_or(|d| d.kind.is_empty()) => Refusal::KindMissing,
        409 => Refusal::Conflict(words),
        429 => Refusal::Throttled(words),
        408 | 504 => Refusal::TimedOut(words),
        425 => Refusal::Unavailable(words),
        500.. if webhook_down(&words) => Refusal::WebhookDown(words),
        500.. if !about_the_object(status) => Refusal::Unavailable(words),
        422 => Refusal::Unprocessable(words),
        _ => Refusal::Invalid(words),
    }
}

/// What the answer to a read of `what` means, such as `list kustomizations.kustomize.toolkit.fluxcd.io`.
pub(crate) fn cluster_error(cluster: &str, what: &str, status: &Status) -> ClusterError {
    let cluster = cluster.to_owned();
    match status.code {
        401 => ClusterError::Unauthorized { cluster },
        403 => ClusterError::Forbidden { cluster, what: what.to_owned() },
        // Not the server's words: there is no object here whose reader could be trusted with them.
        code => ClusterError::Unreachable { cluster, reason: format!("{what}: HTTP status {code}") },
    }
}

/// A message without the whole objects and lists that it quotes as invalid: they are those of the diff beside it, in another writing.
fn without_structs(message: &str) -> String {
    const LEAD: &str = "Invalid value: ";
    let mut parts = message.split(LEAD);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(LEAD);
        // Older servers write the Go type first: `core.PodTemplateSpec{...}`.
        let typed = part.find(|c: char| !(c.is_alphanumeric() || "._*&[]".contains(c))).unwrap_or(part.len());
        let opens = match part.starts_with('[') && !part.starts_with("[]") {
            true => 0,
            false => typed,
        };
        match length_of_struct(&part[opens..]) {
            // An empty one says something.
            Some(length) if length > 2 => {
                out.push_str("{…}");
                out.push_str(&part[opens + length..]);
            }
            _ => out.push_str(part),
        }
    }
    out
}

/// The bytes of what a bracket at the beginning opens; of all where it is never closed. Brackets in quotes do not count.
fn length_of_struct(text: &str) -> Option<usize> {
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => depth += 1,
            '}' | ']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && !quoted {
            return Some(at + c.len_utf8());
        }
    }
    Some(text.len())
}

fn cut(message: &str) -> String {
    match message.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}...", &message[..end]),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::Gate;
    use serde_json::json;

    fn status(code: u16, message: &str, details: serde_json::Value) -> Status {
        let body = json!({"kind": "Status", "status": "Failure", "message": message, "details": details});
        Status::parse(code, body.to_string().as_bytes())
    }

    fn check(code: u16, message: &str, expected: fn(String) -> Refusal) {
        let status = status(code, message, json!({}));
        assert_eq!(refusal(&status), expected(message.to_owned()), "{code}");
        let heals = matches!(
            refusal(&status),
            Refusal::Unavailable(_)
                | Refusal::WebhookDown(_)
                | Refusal::Throttled(_)
                | Refusal::Conflict(_)
                | Refusal::TimedOut(_)
        );
        assert_eq!(definite(&status), !heals, "{code} {message}");
    }

    #[test]
    fn whole_objects_are_not_quoted() {
        for (message, expected) in [
            (
                r#"spec.template: Invalid value: {"a":["}"],"b":"\"]"}: field is immutable"#,
                "spec.template: Invalid value: {…}: field is immutable",
            ),
            (
                r#"a: Invalid value: core.Spec{A:[]string{"x"}}: no, b: Invalid value: "{": no"#,
                r#"a: Invalid value: {…}: no, b: Invalid value: "{": no"#,
            ),
            ("a: Invalid value: []string{\"x\"}: no", "a: Invalid value: {…}: no"),
            (
                "a: Invalid value: 7: no, b: Invalid value: [1,[2",
                "a: Invalid value: 7: no, b: Invalid value: {…}",
            ),
        ] {
            assert_eq!(without_structs(message), expected);
        }
    }

    #[test]
    fn what_is_missing() {
        let namespace = status(404, "namespaces \"x\" not found", json!({"name": "x", "kind": "namespaces"}));
        assert_eq!(refusal(&namespace), Refusal::NamespaceMissing);
        check(404, "the server could not find the requested resource", |_| Refusal::KindMissing);
        let other =
            status(404, "priorityclasses \"x\" not found", json!({"name": "x", "kind": "priorityclasses"}));
        assert!(matches!(refusal(&other), Refusal::Invalid(_)));
    }

    #[test]
    fn who_may_not_and_what_nobody_may() {
        let missing = status(
            403,
            "deployments.apps \"web\" is forbidden: User \"preflux\" cannot patch resource \"deployments\" in API group \"apps\" in the namespace \"apps\"",
            json!({}),
        );
        let refusal_of = refusal(&missing);
        assert!(
            matches!(&refusal_of, Refusal::MissingRight(right) if right.verb == "patch"),
            "{refusal_of:?}"
        );
        check(
            403,
            "clusterroles.rbac.authorization.k8s.io \"x\" is forbidden: user \"preflux\" (groups=[\"a\"]) is attempting to grant RBAC permissions not currently held:",
            Refusal::Forbidden,
        );
        let denied = |code: u16, message: &str, expected: Gate, unprocessable: bool| {
            let status = status(code, message, json!({}));
            let refusal = refusal(&status);
            let Refusal::Denied { by, forcing, .. } = &refusal else { panic!("{message}: {refusal:?}") };
            assert_eq!((by, *forcing), (&expected, unprocessable), "{message}");
            assert!(definite(&status), "{message}");
        };
        let policy = "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'x' with binding 'x' denied request: no";
        for code in [401, 403, 413] {
            denied(code, policy, Gate::Policy("x".to_owned()), false);
        }
        denied(422, policy, Gate::Policy("x".to_owned()), true);
        let webhook = "admission webhook \"x.example\" denied the request: no latest tags";
        for (code, forcing) in
            [(400, false), (403, false), (409, true), (422, true), (429, false), (500, false)]
        {
            denied(code, webhook, Gate::Webhook("x.example".to_owned()), forcing);
        }
        denied(
            403,
            "pods \"web\" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=5, limited: pods=5",
            Gate::Quota("pods".to_owned()),
            false,
        );
        let named = format!(
            "configmaps \"{policy}\" is forbidden: User \"u\" cannot patch resource \"configmaps\" in API group \"\" in the namespace \"a\""
        );
        assert!(
            matches!(refusal(&status(403, &named, json!({}))), Refusal::MissingRight(_)),
            "a name is no policy"
        );
        check(400, "admission webhook \"x.example.test\" does not support dry run", Refusal::NoDryRun);
        check(
            500,
            "Internal error occurred: admission webhook \"x\" does not support dry run",
            Refusal::NoDryRun,
        );
        let refused = refusal(&Status::parse(401, b"{}"));
        assert!(matches!(refused, Refusal::Forbidden(why) if why.contains("renew the kubeconfig")));
    }

    #[test]
    fn what_is_invalid_and_what_is_immutable() {
        check(
            422,
            "Deployment.apps \"web\" is invalid: spec.selector: Invalid value: {}: field is immutable",
            Refusal::Immutable,
        );
        check(
            422,
            "StorageClass.storage.k8s.io \"a\" is invalid: parameters: Forbidden: updates to parameters are forbidden.",
            Refusal::Immutable,
        );
        check(
            422,
            "RoleBinding \"a\" is invalid: roleRef: Invalid value: rbac.RoleRef{}: cannot change roleRef",
            Refusal::Immutable,
        );
        check(
            422,
            "StatefulSet.apps \"db\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden",
            Refusal::Immutable,
        );
        check(
            422,
            "ConfigMap \"A\" is invalid: metadata.name: Invalid value: \"A\": a lowercase name",
            Refusal::Unprocessable,
        );
        check(
            500,
            "failed to create typed patch object (apps/web; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema",
            Refusal::Invalid,
        );
        check(400, "failed to create manager for existing fields", Refusal::Invalid);
        check(413, "limit is 3145728", Refusal::Invalid);
        let both = json!({"causes": [{"message": "Invalid value: field is immutable"}, {"message": "Required value"}]});
        assert!(matches!(
            refusal(&status(422, "field is immutable, and Required value", both)),
            Refusal::Unprocessable(_)
        ));
        let one = json!({"causes": [{"message": "Invalid value: field is immutable"}]});
        assert!(matches!(refusal(&status(422, "is invalid", one)), Refusal::Immutable(_)));
    }

    #[test]
    fn what_a_namespace_or_a_webhook_stands_in_the_way_of() {
        let words = "configmaps \"a\" is forbidden: unable to create new content in namespace x because it is being terminated";
        assert_eq!(refusal(&status(403, words, json!({}))), Refusal::NamespaceTerminating);
        let denied = "admission webhook \"x\" denied the request: spec.size is immutable";
        check(403, denied, Refusal::Immutable);
        let down =
            "Internal error occurred: failed calling webhook \"x\": failed to call webhook: no endpoints";
        assert_eq!(refusal(&status(500, down, json!({}))), Refusal::WebhookDown(down.to_owned()));
        assert!(!definite(&status(500, down, json!({}))), "it may come back");
    }

    #[test]
    fn what_may_pass() {
        check(429, "too many requests", Refusal::Throttled);
        check(504, "request did not complete within the requested timeout", Refusal::TimedOut);
        check(503, "the server is currently unable to handle the request", Refusal::Unavailable);
        check(
            500,
            "Internal error occurred: failed calling webhook \"x\": connection refused",
            Refusal::WebhookDown,
        );
        check(409, "Operation cannot be fulfilled: the object has been modified", Refusal::Conflict);
    }

    #[test]
    fn answers_that_are_no_status_and_messages_without_end() {
        assert_eq!(
            refusal(&Status::parse(502, b"<html>bad gateway</html>")),
            Refusal::Unavailable("<html>bad gateway</html>".to_owned())
        );
        assert_eq!(refusal(&Status::parse(400, b"")), Refusal::Invalid("HTTP status 400".to_owned()));
        assert_eq!(
            refusal(&Status::parse(400, b"\xff\xfe[1")),
            Refusal::Invalid("\u{fffd}\u{fffd}[1".to_owned())
        );
        let long = status(400, &"\u{e9}".repeat(50_000), json!(null)).words();
        assert_eq!((long.chars().count(), long.ends_with("...")), (20_003, true));
    }

    #[test]
    fn reads_tell_permissions_from_outages() {
        let say = |code| cluster_error("prod", "list x", &status(code, "why", json!({}))).to_string();
        assert_eq!(say(401), "cluster `prod` refused the credentials (401): renew the kubeconfig");
        assert_eq!(say(403), "cluster `prod` does not allow list x: grant it (infra/cluster)");
        assert_eq!(say(503), "cluster `prod` is not reachable: list x: HTTP status 503");
    }
}
