//! What is built, how often, and by whom: the Go side of large builds is slow, so it does fewer of them.

/// One workload and how it is measured.
pub(crate) struct Workload {
    /// Its name for `timed write`, and on the page.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) about: &'static str,
    /// How often the builds are done in process per round, so that a round is not too short to time.
    pub(crate) repeats: usize,
    /// Rounds, in each of which everybody builds once in process.
    pub(crate) rounds: usize,
    /// Rounds of the kustomize library that loads its OpenAPI schema anew for every build.
    pub(crate) reset_rounds: usize,
    /// Rounds in which both commands are run once per build.
    pub(crate) process_rounds: usize,
    /// How many of the builds the commands do.
    pub(crate) process_builds: usize,
}

const OVERLAY: Workload = Workload {
    name: "overlay",
    about: "a small overlay: a base of Deployment, Service and generated ConfigMap, with namespace, prefix, labels, image and two patches",
    repeats: 20,
    rounds: 15,
    reset_rounds: 5,
    process_rounds: 20,
    process_builds: 1,
};

const FLEET: Workload = Workload {
    name: "fleet",
    about: "200 Kustomizations of a fleet repository, of many clusters with the same applications",
    repeats: 1,
    rounds: 5,
    reset_rounds: 1,
    process_rounds: 1,
    process_builds: 200,
};

const MANY: Workload = Workload {
    name: "4000",
    about: "one build with 4,000 objects: 20 teams with namespace and labels, 500 applications with name prefixes",
    repeats: 1,
    rounds: 1,
    reset_rounds: 0,
    process_rounds: 1,
    process_builds: 1,
};

const CRDS: Workload = Workload {
    name: "crds",
    about: "one build of 12 MB of CustomResourceDefinitions, with a common label",
    repeats: 1,
    rounds: 3,
    reset_rounds: 0,
    process_rounds: 2,
    process_builds: 1,
};

/// The workloads of the page.
pub(crate) fn all(quick: bool) -> Vec<Workload> {
    if !quick {
        return vec![OVERLAY, FLEET, MANY, CRDS];
    }
    vec![
        Workload { rounds: 5, reset_rounds: 2, process_rounds: 5, ..OVERLAY },
        Workload { rounds: 2, reset_rounds: 0, process_builds: 20, ..FLEET },
    ]
}

/// A point of the curve.
pub(crate) struct Point {
    /// How many objects, as `timed write` takes it.
    pub(crate) name: &'static str,
    /// Rounds of ours.
    pub(crate) rounds: usize,
    /// Rounds of the kustomize library; none where it takes too long.
    pub(crate) go_rounds: usize,
}

/// The curve of builds with ever more objects.
pub(crate) fn curve(quick: bool) -> Vec<Point> {
    let point = |name, rounds, go_rounds| Point { name, rounds, go_rounds };
    if quick {
        return vec![point("100", 3, 1), point("1000", 3, 0), point("10000", 1, 0)];
    }
    vec![
        point("100", 15, 3),
        point("200", 15, 3),
        point("500", 11, 1),
        point("1000", 11, 1),
        point("2000", 7, 1),
        point("4000", 7, 0),
        point("7000", 5, 0),
        point("10000", 5, 0),
    ]
}
