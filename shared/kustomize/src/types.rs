//! A kustomization file, decoded as strictly as kustomize does: unknown fields are refused, names match in any case.

mod parts;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Error;
use crate::decode::Fields;
use crate::replacements;
use crate::schemas::OpenApi;
use crate::sort::SortOptions;
use crate::vars::Var;

pub(crate) use parts::{
    Generator, Image, Label, Patch, field_spec, generator, image, label, options, own_generator, patch,
    replica, selector,
};

/// What this crate knows to do with a kustomization.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kustomization {
    pub(crate) component: bool,
    pub(crate) resources: Vec<String>,
    pub(crate) components: Vec<String>,
    pub(crate) configurations: Vec<String>,
    pub(crate) crds: Vec<String>,
    pub(crate) openapi: OpenApi,
    pub(crate) namespace: String,
    pub(crate) name_prefix: String,
    pub(crate) name_suffix: String,
    pub(crate) labels: Vec<Label>,
    pub(crate) common_labels: BTreeMap<String, String>,
    pub(crate) common_annotations: BTreeMap<String, String>,
    pub(crate) patches_strategic_merge: Vec<String>,
    pub(crate) patches: Vec<Patch>,
    pub(crate) patches_json6902: Vec<Patch>,
    pub(crate) images: Vec<Image>,
    pub(crate) replicas: Vec<(String, i64)>,
    pub(crate) replacements: Vec<replacements::Entry>,
    pub(crate) config_maps: Vec<Generator>,
    pub(crate) secrets: Vec<Generator>,
    pub(crate) build_metadata: Vec<String>,
    pub(crate) generators: Vec<String>,
    pub(crate) transformers: Vec<String>,
    pub(crate) validators: Vec<String>,
    pub(crate) vars: Vec<Var>,
    pub(crate) warnings: Vec<String>,
    /// The order of the objects, which counts only at the root.
    pub(crate) sort: Option<SortOptions>,
}

/// Fields that need helm, which kustomize-controller does not let kustomize run.
const HELM: [&str; 2] = ["helmCharts", "helmChartInflationGenerator"];

/// Fields whose entries become those of others: empty, they leave no trace.
const APPENDED: [&str; 3] = ["bases", "imageTags", "helmChartInflationGenerator"];

/// Old names of fields, with the new ones.
const DEPRECATED: [(&str, &str); 6] = [
    ("bases", "resources"),
    ("commonLabels", "labels"),
    ("imageTags", "images"),
    ("patchesJson6902", "patches"),
    ("patchesStrategicMerge", "patches"),
    ("vars", "replacements"),
];

impl Kustomization {
    /// Decodes the JSON form of a kustomization file.
    pub(crate) fn decode(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let kind = fields.text("kind")?;
        let api_version = fields.text("apiVersion")?;
        if fields.is_blank(&APPENDED) {
            return Err(Error::invalid("kustomization.yaml is empty"));
        }
        let deprecated = DEPRECATED.iter().filter(|(old, _)| fields.has(old));
        let warnings = deprecated.map(|(old, new)| format!("`{old}` is deprecated, use `{new}`")).collect();
        refuse_helm(&mut fields)?;
        if let Some(metadata) = fields.maybe_object("metadata")? {
            check_metadata(metadata).map_err(|error| error.in_field("metadata"))?;
        }
        let global =
            options(fields.maybe_object("generatorOptions")?).map_err(|e| e.in_field("generatorOptions"))?;
        let mut kustomization = Kustomization {
            component: kind == "Component",
            resources: fields.texts("resources")?,
            components: fields.texts("components")?,
            configurations: fields.texts("configurations")?,
            crds: fields.texts("crds")?,
            openapi: OpenApi::decode(&mut fields)?,
            namespace: fields.text("namespace")?,
            name_prefix: fields.text("namePrefix")?,
            name_suffix: fields.text("nameSuffix")?,
            labels: fields.each("labels", label)?,
            common_labels: fields.text_map("commonLabels")?,
            common_annotations: fields.text_map("commonAnnotations")?,
            patches_strategic_merge: fields.texts("patchesStrategicMerge")?,
            patches: fields.each("patches", patch)?,
            patches_json6902: fields.each("patchesJson6902", patch)?,
            images: fields.each("images", image)?,
            replicas: fields.each("replicas", replica)?,
            replacements: fields.each("replacements", replacements::entry)?,
            config_maps: fields.each("configMapGenerator", |f| generator(f, false, &global))?,
            secrets: fields.each("secretGenerator", |f| generator(f, true, &global))?,
            build_metadata: fields.texts("buildMetadata")?,
            generators: fields.texts("generators")?,
            transformers: fields.texts("transformers")?,
            validators: fields.texts("validators")?,
            vars: fields.each("vars", Var::decode)?,
            warnings,
            sort: fields.maybe_object("sortOptions")?.map(SortOptions::decode).transpose()?,
        };
        kustomization.resources.extend(fields.texts("bases")?);
        kustomization.images.extend(fields.each("imageTags", image)?);
        fields.done()?;
        check_type(&kind, &api_version)?;
        Ok(kustomization)
    }
}

/// Charts cannot be inflated; what they have in common may be there.
fn refuse_helm(fields: &mut Fields) -> Result<(), Error> {
    for name in HELM {
        match fields.take(name)? {
            None | Some(Value::Null) => {}
            Some(Value::Array(charts)) if charts.is_empty() => {}
            Some(_) => {
                return Err(
                    Error::invalid("kustomize-controller does not let kustomize run helm").in_field(name)
                );
            }
        }
    }
    if let Some(mut globals) = fields.maybe_object("helmGlobals")? {
        for name in ["chartHome", "configHome"] {
            globals.text(name)?;
        }
        globals.done().map_err(|error| error.in_field("helmGlobals"))?;
    }
    Ok(())
}

fn check_metadata(mut metadata: Fields) -> Result<(), Error> {
    metadata.text("name")?;
    metadata.text("namespace")?;
    metadata.text_map("labels")?;
    metadata.text_map("annotations")?;
    metadata.done()
}

fn check_type(kind: &str, api_version: &str) -> Result<(), Error> {
    if !matches!(kind, "" | "Kustomization" | "Component") {
        return Err(Error::invalid("kind should be `Kustomization` or `Component`").in_field("kind"));
    }
    let version = if kind == "Component" { "v1alpha1" } else { "v1beta1" };
    if api_version.is_empty() || api_version == format!("kustomize.config.k8s.io/{version}") {
        return Ok(());
    }
    let message = format!("apiVersion should be `kustomize.config.k8s.io/{version}`");
    Err(Error::invalid(message).in_field("apiVersion"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::yaml::parse_v2;

    fn decode(text: &str) -> Result<Kustomization, Error> {
        Kustomization::decode(parse_v2(text).unwrap())
    }

    #[test]
    fn names_match_in_any_case_and_unknown_ones_are_refused() {
        assert_eq!(decode("Resources: [a]\nbases: [b]").unwrap().resources, ["a", "b"]);
        assert_eq!(decode("resource: [a]").unwrap_err().field.as_deref(), Some("resource"));
        assert!(decode("commonAnnotations: {a: yes}").is_err());
        assert!(decode("images: [{name: a, newTag: 1.10}]").is_err());
        assert!(decode("namePrefix: ''").is_err());
        assert!(decode("kind: Foo\nresources: []").is_err());
        assert!(
            decode("kind: Component\napiVersion: kustomize.config.k8s.io/v1beta1\nresources: []").is_err()
        );
        let error = decode("patches: [{target: {labelSelektor: a}}]").unwrap_err();
        assert_eq!(error.field.as_deref(), Some("patches.labelSelektor"));
    }
}
