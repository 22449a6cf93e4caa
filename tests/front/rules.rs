//! What may pass, and what a request is for.

use axum::http::{Method, Uri};

use super::Deliberate;

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// `GET`, `PATCH` and so on.
    pub(crate) method: String,
    /// The path, without what is asked of it.
    pub(crate) path: String,
    /// What comes after the question mark.
    pub(crate) query: String,
}

/// Questions about oneself: a POST each, which stores nothing.
const ABOUT_ONESELF: [&str; 3] = [
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
];

/// Subresources that do something whatever the method is.
const ACTING: [&str; 4] = ["proxy", "exec", "attach", "portforward"];

impl Request {
    pub(super) fn of(method: &Method, uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default().to_owned();
        Self { method: method.to_string(), path: uri.path().to_owned(), query }
    }

    /// Why it may not pass; `None` when it may.
    pub(super) fn wrong(&self, deliberate: &[Deliberate]) -> Option<&'static str> {
        let acting = self.path.split('/').skip(1).any(|segment| ACTING.contains(&segment));
        if acting {
            return Some("it reaches through the API server");
        }
        if matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS") {
            return None;
        }
        if self.method == "POST" && ABOUT_ONESELF.contains(&self.path.as_str()) {
            return None;
        }
        if deliberate.contains(&(&self.method, &self.path)) {
            return None;
        }
        let dry: Vec<&str> =
            self.query.split('&').filter(|part| part.to_ascii_lowercase().starts_with("dryrun")).collect();
        (dry != ["dryRun=All"]).then_some("it is no dry-run")
    }

    fn is_dry_run(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
            && !ABOUT_ONESELF.contains(&self.path.as_str())
    }

    /// The names in the path after `/api/VERSION` or `/apis/GROUP/VERSION`.
    fn below_version(&self) -> Vec<&str> {
        let segments: Vec<&str> = self.path.split('/').skip(1).collect();
        let skip = if segments.first() == Some(&"apis") { 3 } else { 2 };
        segments.into_iter().skip(skip).collect()
    }

    /// Whether it asks what the cluster serves.
    fn is_discovery(&self) -> bool {
        let below = self.below_version();
        below.is_empty() || below.first() == Some(&"apiservices")
    }

    /// Whether it is about one object.
    pub(crate) fn is_of_an_object(&self) -> bool {
        !ABOUT_ONESELF.contains(&self.path.as_str()) && !self.is_discovery() && !self.is_list()
    }

    /// Whether it lists, rather than reads one object.
    fn is_list(&self) -> bool {
        matches!(self.below_version()[..], [_] | ["namespaces", _, _])
    }
}

/// How often was asked for what.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// What the cluster serves.
    pub(crate) discovery: usize,
    /// Lists, which are those of Flux's own objects.
    pub(crate) lists: usize,
    /// Reads of one object.
    pub(crate) reads: usize,
    /// Dry-runs.
    pub(crate) dry_runs: usize,
}

impl Counts {
    /// Counts them.
    pub(crate) fn of(requests: &[Request]) -> Self {
        let mut counts = Self::default();
        for request in requests {
            let counter = match request {
                r if r.is_dry_run() => &mut counts.dry_runs,
                r if r.is_discovery() => &mut counts.discovery,
                r if r.is_list() => &mut counts.lists,
                _ => &mut counts.reads,
            };
            *counter += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, Request};
    use axum::http::{Method, Uri};

    fn request(method: &str, uri: &'static str) -> Request {
        Request::of(&Method::from_bytes(method.as_bytes()).unwrap(), &Uri::from_static(uri))
    }

    #[test]
    fn only_reads_dry_runs_and_questions_about_oneself_pass() {
        let review = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        for (method, uri) in [
            ("GET", "/api/v1/namespaces/a/secrets/b"),
            ("PATCH", "/api/v1/namespaces/a/configmaps/b?dryRun=All&force=true"),
            ("POST", review),
        ] {
            assert_eq!(request(method, uri).wrong(&[]), None, "{method} {uri}");
        }
        for (method, uri) in [
            ("PATCH", "/api/v1/namespaces/a/configmaps/b?force=true"),
            ("PATCH", "/api/v1/namespaces/a/configmaps/b?dryRun="),
            ("PATCH", "/api/v1/namespaces/a/configmaps/b?dryRun=All&dryRun=None"),
            ("PUT", "/api/v1/namespaces/a/configmaps/b?xdryRun=All"),
            ("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews"),
            ("PUT", review),
            ("DELETE", "/api/v1/namespaces/a"),
            ("GET", "/api/v1/namespaces/a/pods/b/exec?command=sh"),
            ("POST", "/api/v1/namespaces/a/pods/b/exec?dryRun=All"),
            ("TRACE", "/"),
        ] {
            assert!(request(method, uri).wrong(&[]).is_some(), "{method} {uri}");
        }
    }

    #[test]
    fn a_deliberate_write_is_named_to_the_letter() {
        let named = [("POST", "/api/v1/namespaces/a/configmaps")];
        assert_eq!(request("POST", "/api/v1/namespaces/a/configmaps").wrong(&named), None);
        assert!(request("POST", "/api/v1/namespaces/b/configmaps").wrong(&named).is_some());
        assert!(request("DELETE", "/api/v1/namespaces/a/configmaps").wrong(&named).is_some());
    }

    #[test]
    fn requests_are_counted_by_what_they_are_for() {
        let all = [
            request("GET", "/api/v1"),
            request("GET", "/apis/apps/v1"),
            request("GET", "/apis/apiregistration.k8s.io/v1/apiservices/v1.a"),
            request("GET", "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations?limit=500"),
            request("GET", "/api/v1/namespaces/a"),
            request("GET", "/apis/apps/v1/namespaces/a/deployments/b"),
            request("PATCH", "/api/v1/namespaces/a?dryRun=All"),
        ];
        let expected = Counts { discovery: 3, lists: 1, reads: 2, dry_runs: 1 };
        assert_eq!(Counts::of(&all), expected);
    }
}
