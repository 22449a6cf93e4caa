//! A kustomization file, decoded as strictly as kustomize does: unknown fields are refused, names match in any case.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Error;
use crate::decode::Fields;
use crate::fieldspec::FieldSpec;
use crate::selector::Selector;

/// What this crate knows to do with a kustomization.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kustomization {
    pub(crate) component: bool,
    pub(crate) resources: Vec<String>,
    pub(crate) components: Vec<String>,
    pub(crate) configurations: Vec<String>,
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
    pub(crate) config_maps: Vec<Generator>,
    pub(crate) secrets: Vec<Generator>,
    pub(crate) build_metadata: Vec<String>,
    pub(crate) warnings: Vec<String>,
    /// Whether the file asks for an order, which counts only at the root.
    pub(crate) sorted: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Label {
    pub(crate) pairs: BTreeMap<String, String>,
    pub(crate) include_selectors: bool,
    pub(crate) include_templates: bool,
    pub(crate) fields: Vec<FieldSpec>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Patch {
    pub(crate) path: String,
    pub(crate) patch: String,
    pub(crate) target: Option<Selector>,
    pub(crate) allow_name_change: bool,
    pub(crate) allow_kind_change: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Image {
    pub(crate) name: String,
    pub(crate) new_name: String,
    pub(crate) new_tag: String,
    pub(crate) tag_suffix: String,
    pub(crate) digest: String,
}

/// Options of generated objects.
#[derive(Debug, Clone, Default)]
pub(crate) struct GeneratorOptions {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) disable_hash: bool,
    pub(crate) immutable: bool,
}

/// A ConfigMap or Secret to generate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Generator {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) behavior: String,
    pub(crate) secret_type: String,
    pub(crate) literals: Vec<String>,
    pub(crate) files: Vec<String>,
    pub(crate) envs: Vec<String>,
    pub(crate) options: GeneratorOptions,
}

/// Fields that exist in kustomize and are not built here.
const UNSUPPORTED: [&str; 9] = [
    "openapi",
    "replacements",
    "vars",
    "crds",
    "helmCharts",
    "helmChartInflationGenerator",
    "generators",
    "transformers",
    "validators",
];

impl Kustomization {
    /// Decodes the JSON form of a kustomization file.
    pub(crate) fn decode(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let kind = fields.text("kind")?;
        let api_version = fields.text("apiVersion")?;
        if fields.is_blank() {
            return Err(Error::invalid("kustomization.yaml is empty"));
        }
        for name in UNSUPPORTED {
            match fields.take(name)? {
                None | Some(Value::Null) => {}
                Some(Value::Array(items)) if items.is_empty() => {}
                Some(Value::Object(map)) if map.is_empty() => {}
                Some(_) => return Err(Error::unsupported(name).in_field(name)),
            }
        }
        fields.take("metadata")?;
        fields.take("helmGlobals")?;
        let global = options(fields.take("generatorOptions")?).map_err(|e| e.in_field("generatorOptions"))?;
        let mut kustomization = Kustomization {
            component: kind == "Component",
            resources: fields.texts("resources")?,
            components: fields.texts("components")?,
            configurations: fields.texts("configurations")?,
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
            config_maps: fields.each("configMapGenerator", |f| generator(f, false, &global))?,
            secrets: fields.each("secretGenerator", |f| generator(f, true, &global))?,
            build_metadata: fields.texts("buildMetadata")?,
            warnings: Vec::new(),
            sorted: fields.take("sortOptions")?.is_some_and(|v| !v.is_null()),
        };
        kustomization.take_deprecated(&mut fields)?;
        fields.done()?;
        check_type(&kind, &api_version)?;
        Ok(kustomization)
    }

    fn take_deprecated(&mut self, fields: &mut Fields) -> Result<(), Error> {
        let bases = fields.texts("bases")?;
        let image_tags: Vec<Image> = fields.each("imageTags", image)?;
        let deprecated = [
            ("bases", "resources", !bases.is_empty()),
            ("commonLabels", "labels", !self.common_labels.is_empty()),
            ("imageTags", "images", !image_tags.is_empty()),
            ("patchesJson6902", "patches", !self.patches_json6902.is_empty()),
            ("patchesStrategicMerge", "patches", !self.patches_strategic_merge.is_empty()),
        ];
        let used = deprecated.into_iter().filter(|(_, _, used)| *used);
        self.warnings.extend(used.map(|(old, new, _)| format!("`{old}` is deprecated, use `{new}`")));
        self.resources.extend(bases);
        self.images.extend(image_tags);
        Ok(())
    }
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

fn label(mut fields: Fields) -> Result<Label, Error> {
    let label = Label {
        pairs: fields.text_map("pairs")?,
        include_selectors: fields.flag("includeSelectors")?,
        include_templates: fields.flag("includeTemplates")?,
        fields: fields.each("fields", field_spec)?,
    };
    fields.done()?;
    Ok(label)
}

pub(crate) fn field_spec(mut fields: Fields) -> Result<FieldSpec, Error> {
    let spec = FieldSpec::new(
        &fields.text("group")?,
        &fields.text("version")?,
        &fields.text("kind")?,
        &fields.text("path")?,
        fields.flag("create")?,
    );
    fields.done()?;
    Ok(spec)
}

fn patch(mut fields: Fields) -> Result<Patch, Error> {
    let mut patch = Patch {
        path: fields.text("path")?,
        patch: fields.text("patch")?,
        target: fields
            .take("target")?
            .filter(|v| !v.is_null())
            .map(|v| selector(Fields::of(v)?))
            .transpose()?,
        ..Patch::default()
    };
    if let Some(options) = fields.take("options")?.filter(|v| !v.is_null()) {
        let mut options = Fields::of(options)?;
        patch.allow_name_change = options.flag("allowNameChange")?;
        patch.allow_kind_change = options.flag("allowKindChange")?;
        options.done()?;
    }
    fields.done()?;
    Ok(patch)
}

fn selector(mut fields: Fields) -> Result<Selector, Error> {
    let selector = Selector {
        group: fields.text("group")?,
        version: fields.text("version")?,
        kind: fields.text("kind")?,
        name: fields.text("name")?,
        namespace: fields.text("namespace")?,
        label_selector: fields.text("labelSelector")?,
        annotation_selector: fields.text("annotationSelector")?,
    };
    fields.done()?;
    Ok(selector)
}

fn image(mut fields: Fields) -> Result<Image, Error> {
    let image = Image {
        name: fields.text("name")?,
        new_name: fields.text("newName")?,
        new_tag: fields.text("newTag")?,
        tag_suffix: fields.text("tagSuffix")?,
        digest: fields.text("digest")?,
    };
    fields.done()?;
    Ok(image)
}

fn replica(mut fields: Fields) -> Result<(String, i64), Error> {
    let name = fields.text("name")?;
    let count = match fields.take("count")? {
        None | Some(Value::Null) => 0,
        Some(value) => value.as_i64().ok_or_else(|| Error::invalid("`count` is not an integer"))?,
    };
    fields.done()?;
    Ok((name, count))
}

fn generator(mut fields: Fields, secret: bool, global: &GeneratorOptions) -> Result<Generator, Error> {
    let mut generator = Generator {
        name: fields.text("name")?,
        namespace: fields.text("namespace")?,
        behavior: fields.text("behavior")?,
        secret_type: if secret { fields.text("type")? } else { String::new() },
        literals: fields.texts("literals")?,
        files: fields.texts("files")?,
        envs: fields.texts("envs")?,
        options: options(fields.take("options")?)?,
    };
    let env = fields.text("env")?;
    if !env.is_empty() {
        generator.envs.push(env);
    }
    fields.done()?;
    let own = &mut generator.options;
    for (mine, theirs) in [(&mut own.labels, &global.labels), (&mut own.annotations, &global.annotations)] {
        for (key, value) in theirs {
            mine.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    own.disable_hash |= global.disable_hash;
    own.immutable |= global.immutable;
    Ok(generator)
}

fn options(value: Option<Value>) -> Result<GeneratorOptions, Error> {
    let Some(value) = value.filter(|v| !v.is_null()) else { return Ok(GeneratorOptions::default()) };
    let mut fields = Fields::of(value)?;
    let options = GeneratorOptions {
        labels: fields.text_map("labels")?,
        annotations: fields.text_map("annotations")?,
        disable_hash: fields.flag("disableNameSuffixHash")?,
        immutable: fields.flag("immutable")?,
    };
    fields.done()?;
    Ok(options)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::ErrorKind;
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
        let error = decode("vars: [{name: A}]").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported { field: "vars".to_owned() });
        let error = decode("patches: [{target: {labelSelektor: a}}]").unwrap_err();
        assert_eq!(error.field.as_deref(), Some("patches.labelSelektor"));
    }
}
