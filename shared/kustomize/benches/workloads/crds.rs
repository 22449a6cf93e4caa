//! Large CustomResourceDefinitions: deep schemas with long descriptions, as operators ship them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Workload;

const DESCRIPTION: &str = "Specifies how the operator treats this part of the resource: when it is set, the value is \
                           validated against the defaults of the cluster, and a change of it leads to a rolling update. \
                           More info: https://example.com/docs/concepts#fields";

/// A build of `count` definitions of about `bytes` each.
pub(super) fn large(count: usize, bytes: usize) -> Workload {
    let mut files = BTreeMap::new();
    let mut root = String::from("commonLabels:\n  example.com/part-of: operators\nresources:\n");
    for number in 0..count {
        files.insert(format!("crds/crd-{number:02}.yaml"), definition(number, bytes));
        let _ = writeln!(root, "- crd-{number:02}.yaml");
    }
    files.insert("crds/kustomization.yaml".into(), root);
    Workload::of_one(files, "crds")
}

fn definition(number: usize, bytes: usize) -> String {
    let mut text = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  annotations:\n    controller-gen.kubebuilder.io/version: v0.16.1\n  name: things{number}.example.com\nspec:\n  group: example.com\n  names:\n    kind: Thing{number}\n    listKind: Thing{number}List\n    plural: things{number}\n    singular: thing{number}\n  scope: Namespaced\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n"
    );
    let mut field = 0;
    while text.len() < bytes {
        object(&mut text, 10, field, 4);
        field += 1;
    }
    text
}

/// A field of an object with some plain fields and one more object within.
fn object(text: &mut String, indent: usize, number: usize, depth: usize) {
    let pad = " ".repeat(indent);
    let _ = write!(
        text,
        "{pad}field{number}:\n{pad}  description: |-\n{pad}    {DESCRIPTION}\n{pad}    Set by the operator.\n{pad}  type: object\n{pad}  properties:\n"
    );
    for (name, kind) in [("enabled", "boolean"), ("count", "integer"), ("mode", "string")] {
        let _ = write!(
            text,
            "{pad}    {name}:\n{pad}      description: {}\n{pad}      type: {kind}\n",
            DESCRIPTION.replace(": ", " ")
        );
    }
    let _ = write!(
        text,
        "{pad}    names:\n{pad}      items:\n{pad}        type: string\n{pad}      maxItems: 16\n{pad}      type: array\n{pad}      x-kubernetes-list-type: atomic\n"
    );
    if depth > 0 {
        object(text, indent + 4, number + 1, depth - 1);
    }
    let _ = write!(text, "{pad}  required:\n{pad}  - mode\n");
}
