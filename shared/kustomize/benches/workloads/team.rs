//! One build with many objects: teams with a namespace and labels, of applications with a name prefix. It is the shape
//! of kustomize's issue 5084, where every transformer runs over all that is below it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Workload, manifests};

/// What one application has.
const PER_APP: usize = 8;
const APPS_PER_TEAM: usize = 25;

/// One build of at least `wanted` objects.
pub(super) fn objects(wanted: usize) -> Workload {
    let apps = wanted.div_ceil(PER_APP);
    let mut files = BTreeMap::new();
    let mut root = String::from(
        "namePrefix: org-\ncommonAnnotations:\n  example.com/owner: platform\nlabels:\n- pairs:\n    example.com/managed: \"true\"\nresources:\n",
    );
    for team in 0..apps.div_ceil(APPS_PER_TEAM) {
        let members = (team * APPS_PER_TEAM)..apps.min((team + 1) * APPS_PER_TEAM);
        one_team(&mut files, team, members);
        let _ = writeln!(root, "- team-{team:03}");
    }
    files.insert("kustomization.yaml".into(), root);
    Workload::of_one(files, "")
}

fn one_team(files: &mut BTreeMap<String, String>, team: usize, members: std::ops::Range<usize>) {
    let mut text = format!(
        "namespace: team-{team:03}\nlabels:\n- includeSelectors: true\n  pairs:\n    example.com/team: team-{team:03}\nresources:\n"
    );
    for number in members {
        let app = format!("app-{number:05}");
        application(files, &format!("team-{team:03}/{app}"), &app);
        let _ = writeln!(text, "- {app}");
    }
    files.insert(format!("team-{team:03}/kustomization.yaml"), text);
}

fn application(files: &mut BTreeMap<String, String>, dir: &str, app: &str) {
    let config = |name: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  LOG_LEVEL: info\n  app.properties: |\n    color=blue\n    retries=3\n"
        )
    };
    let token =
        format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: {app}-token\nstringData:\n  token: none\n");
    let all = [
        manifests::deployment(app),
        manifests::service(app),
        manifests::rbac(app),
        manifests::ingress(app),
        config(&format!("{app}-config")),
        token,
    ];
    files.insert(format!("{dir}/all.yaml"), all.join("---\n"));
    files.insert(format!("{dir}/kustomization.yaml"), "resources:\n- all.yaml\nnamePrefix: svc-\n".into());
}
