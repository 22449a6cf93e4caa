//! The clusters: one as `cluster` or several as `clusters`, each with those that its Kustomizations reach by `spec.kubeConfig`.

use std::collections::BTreeSet;

use ports::ConfigRef;

use super::fields::Fields;
use super::{ClusterConfig, DecryptionConfig, Defaults, Pace, RemoteConfig};

/// The first cluster and the further ones. Without any, one named `cluster` where the deployment has a kubeconfig.
pub(super) fn read(root: &mut Fields, defaults: &Defaults) -> (Option<ClusterConfig>, Vec<ClusterConfig>) {
    let one = root.optional_object("cluster");
    let several = root.objects("clusters").filter(|listed| !listed.is_empty());
    if one.is_some() && several.is_some() {
        root.problem("clusters", "stands beside `cluster`: list all of them in `clusters`");
    }
    let mut names = BTreeSet::new();
    let none = Defaults::default();
    let listed = one.map(|fields| (fields, defaults)).into_iter();
    let listed = listed.chain(several.into_iter().flatten().map(|fields| (fields, &none)));
    let mut all: Vec<ClusterConfig> =
        listed.map(|(fields, defaults)| cluster(fields, defaults, &mut names)).collect();
    if all.is_empty() {
        all.extend(defaults.kubeconfig.iter().map(|kubeconfig| by_default(kubeconfig)));
    }
    if all.is_empty() {
        return (None, all);
    }
    let more = all.split_off(1);
    (all.pop(), more)
}

fn by_default(kubeconfig: &str) -> ClusterConfig {
    ClusterConfig {
        name: "cluster".to_owned(),
        kubeconfig: kubeconfig.to_owned(),
        operator: None,
        flux_namespace: None,
        controller_version: None,
        impersonate: false,
        pace: Pace::default(),
        remotes: Vec::new(),
        decryption: DecryptionConfig::default(),
    }
}

fn cluster(mut fields: Fields, defaults: &Defaults, names: &mut BTreeSet<String>) -> ClusterConfig {
    let (name, kubeconfig) = identity(&mut fields, defaults, names);
    let remotes: Vec<RemoteConfig> =
        fields.objects("remotes").unwrap_or_default().into_iter().map(|f| remote(f, names)).collect();
    let references: Vec<&ConfigRef> = remotes.iter().flat_map(|remote| &remote.references).collect();
    if references.iter().collect::<BTreeSet<_>>().len() < references.len() {
        fields.problem("remotes", "name the same Secret or ConfigMap twice in `for`");
    }
    let operator = fields.text("operator");
    let (flux_namespace, controller_version) =
        (fields.text("flux_namespace"), fields.text("controller_version"));
    let impersonate = fields.flag("impersonate").unwrap_or(false);
    let pace = pace(&mut fields);
    let mut keys = fields.object("decryption");
    let decryption = DecryptionConfig { age: keys.text("age"), kms: keys.flag("kms").unwrap_or(false) };
    keys.finish();
    fields.finish();
    ClusterConfig {
        name,
        kubeconfig,
        operator,
        flux_namespace,
        controller_version,
        impersonate,
        pace,
        remotes,
        decryption,
    }
}

fn pace(fields: &mut Fields) -> Pace {
    let usual = Pace::default();
    let concurrency = fields.bounded("concurrency", 1..=100, "");
    let requests_per_second = fields.bounded("requests_per_second", 1..=1000, "");
    Pace {
        concurrency: concurrency.and_then(|n| usize::try_from(n).ok()).unwrap_or(usual.concurrency),
        requests_per_second: requests_per_second
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(usual.requests_per_second),
    }
}

fn identity(fields: &mut Fields, defaults: &Defaults, names: &mut BTreeSet<String>) -> (String, String) {
    let name = fields.text("name").unwrap_or_else(|| "cluster".to_owned());
    if !names.insert(name.clone()) {
        fields.problem(
            "name",
            &format!("`{name}` is taken by another cluster: reports tell clusters apart by it"),
        );
    }
    let kubeconfig = fields.text("kubeconfig").or_else(|| defaults.kubeconfig.clone());
    if kubeconfig.is_none() {
        fields.problem("kubeconfig", "is missing: the name of the secret that holds the kubeconfig");
    }
    (name, kubeconfig.unwrap_or_default())
}

fn remote(mut fields: Fields, names: &mut BTreeSet<String>) -> RemoteConfig {
    let (name, kubeconfig) = identity(&mut fields, &Defaults::default(), names);
    let texts = fields.texts("for");
    let references: Vec<ConfigRef> = texts.iter().filter_map(|text| reference(text)).collect();
    if references.is_empty() || references.len() < texts.len() {
        fields.problem(
            "for",
            "must list what `spec.kubeConfig` names, as `Secret/NAMESPACE/NAME` or `ConfigMap/NAMESPACE/NAME`",
        );
    }
    fields.finish();
    RemoteConfig { name, kubeconfig, references }
}

/// What `spec.kubeConfig` names, as `Secret/NAMESPACE/NAME` or `ConfigMap/NAMESPACE/NAME`; `None` for any other text.
pub fn reference(text: &str) -> Option<ConfigRef> {
    let parts: Vec<&str> = text.split('/').collect();
    let [kind, namespace, name] = parts.as_slice() else { return None };
    let secret = match *kind {
        "Secret" => true,
        "ConfigMap" => false,
        _ => return None,
    };
    let empty = namespace.is_empty() || name.is_empty();
    (!empty).then(|| ConfigRef { secret, namespace: (*namespace).to_owned(), name: (*name).to_owned() })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a configuration that should parse and does not is the failure")]
    use crate::config::tests::without_lines;
    use crate::config::{Config, Defaults, Pace};

    fn parse(clusters: &str) -> Result<Config, Vec<String>> {
        let rest = "github: {token: a}\nslack: {secret: b}\nrepositories: [{name: a/b, channel: C1}]\n";
        Config::parse(&format!("{rest}{clusters}"), &Defaults::default())
            .map_err(|error| without_lines(error.0))
    }

    #[test]
    fn one_cluster_or_several_with_their_remotes() {
        let one = parse(
            "cluster: {name: a, kubeconfig: k, remotes: [{name: b, kubeconfig: l, for: [Secret/flux-system/eu]}]}",
        );
        let one = one.unwrap().cluster.unwrap();
        let remote = &one.remotes[0];
        assert_eq!((one.name.as_str(), remote.name.as_str()), ("a", "b"));
        assert_eq!((remote.references[0].secret, remote.references[0].name.as_str()), (true, "eu"));
        let several = parse("clusters: [{name: a, kubeconfig: k}, {name: b, kubeconfig: l}]").unwrap();
        assert_eq!(several.cluster.unwrap().name, "a");
        assert_eq!(several.more_clusters[0].name, "b");
        let pace = |text: &str| parse(text).map(|config| config.cluster.unwrap().pace);
        assert_eq!(pace("cluster: {kubeconfig: k}"), Ok(Pace { concurrency: 8, requests_per_second: 50 }));
        let slow = "cluster: {kubeconfig: k, concurrency: 2, requests_per_second: 5}";
        assert_eq!(pace(slow), Ok(Pace { concurrency: 2, requests_per_second: 5 }));
        let wrong = pace("cluster: {kubeconfig: k, concurrency: 0, requests_per_second: 1001}").unwrap_err();
        let expected = [
            "`cluster.concurrency` must be between 1 and 100",
            "`cluster.requests_per_second` must be between 1 and 1000",
        ];
        assert_eq!(wrong, expected);
        let acts = |text: &str| parse(text).unwrap().cluster.unwrap().impersonate;
        assert!(acts("cluster: {kubeconfig: k, impersonate: true}") && !acts("cluster: {kubeconfig: k}"));
    }

    #[test]
    fn clusters_that_cannot_be_told_apart_are_problems() {
        let check = |text: &str, expected: &str| {
            let problems = parse(text).unwrap_err();
            assert!(problems.iter().any(|p| p.starts_with(expected)), "{expected}: {problems:?}");
        };
        check("clusters: [{kubeconfig: k}, {kubeconfig: l}]", "`clusters[1].name` `cluster` is taken");
        check("clusters: [{name: a}]", "`clusters[0].kubeconfig` is missing");
        check(
            "cluster: {kubeconfig: k}\nclusters: [{name: a, kubeconfig: k}]",
            "`clusters` stands beside `cluster`",
        );
        let remote = |list: &str| {
            format!("cluster: {{kubeconfig: k, remotes: [{{name: b, kubeconfig: l, for: {list}}}]}}")
        };
        check(&remote("[]"), "`cluster.remotes[0].for` must list");
        check(&remote("[eu]"), "`cluster.remotes[0].for` must list");
        check(&remote("[Secret/a/b, Secret/a/b]"), "`cluster.remotes` name the same");
    }
}
