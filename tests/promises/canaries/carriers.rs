//! What carries the planted secrets: files of the repository, before and after, and objects of the cluster.

use serde_json::{Value, json};

/// Not secret: what has to be seen wherever the secrets must not.
pub(crate) const MARKER: &str = "kestrel-marker-7";

/// Each carrier and the secret that is planted in it. Their characters look different in most encodings.
pub(crate) const PLANTED: [(&str, &str); 20] = [
    ("live Secret data", "Qa1v&Tn8b\"Lw2x<Rk6m"),
    ("live Secret data that drifted", "Wb2c&Yp4d\"Hj7f<Gs9k"),
    ("Secret stringData of the base", "Ec3n&Uq5e\"Kd8g<Ht1w"),
    ("Secret stringData of the pull request", "Rd4m&Ir6h\"Sf9j<Bv2z"),
    ("Secret data of the pull request", "Te5k&Ow7l\"Xg3q<Nc4y"),
    ("touched Secret of the base", "Lu1u&Op5s\"Ma3d<Rf7x"),
    ("touched Secret of the pull request", "Mz4i&Sd9f\"Nb6g<Th2c"),
    ("last-applied annotation", "Yf6j&Pe8z\"Vh4w<Mx5u"),
    ("variable from a Secret", "Ug7h&As9x\"Zk5e<Lq6t"),
    ("decrypted value of the base", "Ih8g&Df1c\"Bm6r<Kw7o"),
    ("decrypted value of the pull request", "Oj9f&Gh2v\"Nq7t<Jy8p"),
    ("secretGenerator of the base", "Pk1d&Jk3b\"Mw8y<Hu9a"),
    ("secretGenerator of the pull request", "Al2s&Lz4n\"Qe9u<Gi1d"),
    ("live environment variable", "Sm3a&Xc5m\"Wr1i<Fo2g"),
    ("live ConfigMap data", "Dn4q&Vb6k\"Et2o<Dp3h"),
    ("live values of a HelmRelease", "Fp5w&Nm7j\"Ry3p<Sa4j"),
    ("Secret behind valuesFrom", "Gq6e&Qw8h\"Tu4a<As5k"),
    ("words of an admission policy", "Hr7r&Er9g\"Yi5s<Qd6l"),
    ("password in the address of a live source", "Js8t-Ty1f.Uo6d_Wf7z"),
    ("client key of a kubeconfig", "Kt9y&Ui2d\"Ip7f<Eg8x"),
];

/// The secret of a carrier.
pub(crate) fn planted(carrier: &str) -> &'static str {
    let found = PLANTED.iter().find(|(name, _)| *name == carrier);
    found.unwrap_or_else(|| panic!("nothing is planted in `{carrier}`")).1
}

/// The namespace of what the repository's Kustomization `canaries` holds.
pub(crate) const NAMESPACE: &str = "canaries";

fn object(api: &str, kind: &str, name: &str, rest: Value) -> Value {
    let mut object =
        json!({"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}});
    object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    object
}

fn encoded(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// A side of the repository: objects that are in plain text there, with `${password}` from a Secret of the cluster.
fn objects(side: &str) -> Vec<Value> {
    let change = side == "pull request";
    let text = planted(&format!("Secret stringData of the {side}"));
    let data = if change { encoded(planted("Secret data of the pull request")) } else { encoded("before") };
    let container = json!({"name": "web", "image": if change { "web:2" } else { "web:1" }});
    let labels = json!({"app": "web"});
    let chart = json!({"spec": {"chart": "db", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}});
    let secret = json!({"kind": "Secret", "name": "db-values"});
    let values = json!({"tag": side, "password": "${password}"});
    let colour = if change { MARKER } else { "blue" };
    vec![
        object("v1", "Secret", "login", json!({"stringData": {"pin": text}, "data": {"password": data}})),
        object(
            "v1",
            "ConfigMap",
            "settings",
            json!({"data": {"colour": colour, "dsn": "pg://u:${password}@db/x"}}),
        ),
        object("v1", "ConfigMap", "refused", json!({"data": {"dsn": "${password}", "version": side}})),
        object(
            "v1",
            "Service",
            "broken",
            json!({"spec": {"ports": [{"name": "${password}", "port": 80 + usize::from(change)}]}}),
        ),
        object(
            "apps/v1",
            "Deployment",
            "web",
            json!({"spec": {"selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}}}),
        ),
        object(
            "helm.toolkit.fluxcd.io/v2",
            "HelmRelease",
            "db",
            json!({"spec": {"interval": "5m", "chart": chart, "valuesFrom": [secret], "values": values}}),
        ),
    ]
}

/// The ConfigMap that a policy refuses, as the cluster would be asked for it.
pub(crate) fn refused() -> Value {
    object("v1", "ConfigMap", "refused", json!({"data": {"dsn": "asked", "version": "pull request"}}))
}

/// Files of the repository on one side; `encrypted` is a Secret that SOPS encrypted.
pub(crate) fn files(side: &str, encrypted: &str) -> Vec<(String, String)> {
    let made = planted(&format!("secretGenerator of the {side}"));
    let kustomization = json!({
        "resources": ["objects.yaml"],
        "secretGenerator": [{"name": "made", "namespace": NAMESPACE, "literals": [format!("token={made}")]}],
    });
    let texts: Vec<String> = objects(side).iter().map(Value::to_string).collect();
    let root = json!({"resources": ["flux-system", "infrastructure.yaml", "apps.yaml", "canaries.yaml"]});
    // Without a cluster, these two are found here.
    let flux = of_flux()
        .into_iter()
        .filter(|o| o["kind"] == "Kustomization" && o["metadata"]["name"] != "canaries-vendor");
    let flux: Vec<String> = flux.map(|object| object.to_string()).collect();
    let pin = planted(&format!("touched Secret of the {side}"));
    let touched = object("v1", "Secret", "touched", json!({"stringData": {"pin": pin}}));
    let edge = object("v1", "ConfigMap", "edge", json!({"data": {"side": side}}));
    [
        ("canaries/kustomization.yaml", kustomization.to_string()),
        ("clusters/production/kustomization.yaml", root.to_string()),
        ("clusters/production/canaries.yaml", flux.join("\n---\n")),
        ("canaries/objects.yaml", texts.join("\n---\n")),
        ("canaries-open/sealed.yaml", encrypted.to_owned()),
        ("canaries-open/touched.yaml", touched.to_string()),
        ("canaries-edge/edge.yaml", edge.to_string()),
        (
            "canaries-vendor/vendor.yaml",
            object("v1", "ConfigMap", "vendor", json!({"data": {"side": side}})).to_string(),
        ),
    ]
    .map(|(path, text)| (path.to_owned(), text))
    .to_vec()
}

/// The Secret of a side before it is encrypted.
pub(crate) fn to_encrypt(side: &str) -> String {
    let text = planted(&format!("decrypted value of the {side}"));
    object("v1", "Secret", "sealed", json!({"stringData": {"token": text}})).to_string()
}

/// What Flux's own objects say of the repository, and the Secrets that they name.
pub(crate) fn of_flux() -> Vec<Value> {
    let named = |api: &str, kind: &str, name: &str, rest: Value| {
        let mut object = object(api, kind, name, rest);
        object["metadata"]["namespace"] = json!("flux-system");
        object
    };
    let kustomization = |name: &str, mut more: Value| {
        more["interval"] = json!("10m");
        more["path"] = json!(format!("./{name}"));
        more["prune"] = json!(true);
        let source = if name == "canaries-vendor" { name } else { "flux-system" };
        more["sourceRef"] = json!({"kind": "GitRepository", "name": source});
        named("kustomize.toolkit.fluxcd.io/v1", "Kustomization", name, json!({"spec": more}))
    };
    let url = format!(
        "https://deploy:{}@git.internal.example/vendor.git",
        planted("password in the address of a live source")
    );
    let vendor = json!({"spec": {"interval": "1m", "url": url, "ref": {"branch": "main"}, "include": [{"repository": {"name": "flux-system"}}]}});
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        named(
            "v1",
            "Secret",
            "canary-vars",
            json!({"stringData": {"password": planted("variable from a Secret")}}),
        ),
        named("source.toolkit.fluxcd.io/v1", "GitRepository", "canaries-vendor", vendor),
        kustomization(
            "canaries",
            json!({
                "postBuild": {"substituteFrom": [{"kind": "Secret", "name": "canary-vars"}]},
                "decryption": {"provider": "sops", "secretRef": {"name": "sops-age"}},
            }),
        ),
        kustomization(
            "canaries-open",
            json!({"decryption": {"provider": "sops", "secretRef": {"name": "sops-age"}}}),
        ),
        kustomization("canaries-edge", json!({"kubeConfig": {"secretRef": {"name": "edge"}}})),
        kustomization("canaries-vendor", json!({})),
    ]
}

/// Rights on the single Secrets that the worker may read, and a policy that quotes what is there.
pub(crate) fn guards() -> Vec<Value> {
    let mut all = Vec::new();
    for (namespace, secrets) in
        [("flux-system", vec!["canary-vars"]), (NAMESPACE, vec!["login", "db-values", "sealed"])]
    {
        let metadata = json!({"name": "canaries", "namespace": namespace});
        let rule =
            json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": secrets, "verbs": ["get"]});
        all.push(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": [rule]}));
        all.push(
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "canaries"},
            "subjects": [{"kind": "ServiceAccount", "name": "worker", "namespace": "preflux"}]}),
        );
    }
    let of_ours = json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
        "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}]});
    let words =
        "'it held ' + oldObject.data.token + ' and would hold ' + object.data.dsn + ', which is not allowed'";
    all.push(json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "canaries"},
        "spec": {"failurePolicy": "Fail", "matchConstraints": of_ours,
            "matchConditions": [{"name": "rehearsed", "expression": "object.metadata.name == 'refused' && has(request.dryRun) && request.dryRun"}],
            "validations": [{"expression": "false", "message": "not allowed", "messageExpression": words}]}}));
    all.push(json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "canaries"},
        "spec": {"policyName": "canaries", "validationActions": ["Deny"]}}));
    all
}

/// What the cluster holds: what Flux applied from the base, and what came in by other ways.
pub(crate) fn live() -> Vec<Value> {
    let mut objects = objects("base");
    objects.retain(|object| object["metadata"]["name"] != "broken");
    let mut text = Value::from(objects).to_string();
    text = text.replace("${password}", &escaped(planted("variable from a Secret")));
    let mut objects: Vec<Value> = serde_json::from_str(&text).unwrap();
    let named = |objects: &mut Vec<Value>, name: &str, pointer: &str, value: &str| {
        let object = objects.iter_mut().find(|object| object["metadata"]["name"] == name).unwrap();
        let (at, key) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(at).unwrap()[key] = json!(value);
    };
    named(&mut objects, "login", "/stringData/live", planted("live Secret data"));
    named(&mut objects, "login", "/stringData/pin", planted("live Secret data that drifted"));
    named(&mut objects, "settings", "/data/by-hand", planted("live ConfigMap data"));
    named(&mut objects, "refused", "/data/token", planted("words of an admission policy"));
    named(&mut objects, "db", "/spec/values/token", planted("live values of a HelmRelease"));
    let web = objects.iter_mut().find(|object| object["metadata"]["name"] == "web").unwrap();
    web["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "TOKEN", "value": planted("live environment variable")}]);
    let applied = json!({"data": {"password": planted("last-applied annotation")}}).to_string();
    for object in &mut objects {
        object["metadata"]["annotations"] =
            json!({"kubectl.kubernetes.io/last-applied-configuration": applied});
    }
    objects.push(object(
        "v1",
        "Secret",
        "db-values",
        json!({"stringData": {"values.yaml": planted("Secret behind valuesFrom")}}),
    ));
    objects
}

/// A Secret that needs nothing of a cluster.
pub(crate) const TOUCHED: &str = "Secret/canaries/touched";

/// Panics when a report tells nothing of what carries a secret: then there was nothing that could leak.
pub(crate) fn all_met(report: &str) {
    for met in [
        "`Secret/canaries/login` changed",
        "`Secret/canaries/touched` changed",
        "`Secret/canaries/sealed` changed",
        "`Secret/canaries/made-",
        "`HelmRelease/canaries/db` changed",
        "`Deployment/canaries/web` differs",
        "`ConfigMap/canaries/settings` differs",
        "TOKEN",
        "by-hand",
        "dsn: pg://u:‹hidden›@db/x",
        "it held ",
        "Invalid value: ",
        "kubeconfig of cluster `edge` cannot be used",
        "canaries-vendor",
    ] {
        assert!(report.contains(met), "the report tells nothing of `{met}`:\n{report}");
    }
}

fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// The kubeconfig of a second cluster, whose client key is none.
pub(crate) fn edge_kubeconfig() -> String {
    let key = encoded(planted("client key of a kubeconfig"));
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:9'}}}}]\n\
         users: [{{name: u, user: {{client-certificate-data: {key}, client-key-data: {key}}}}}]\n\
         contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n"
    )
}
