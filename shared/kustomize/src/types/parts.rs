//! The parts of a kustomization that are objects themselves; plugins are configured with the same ones.

use std::collections::BTreeMap;

use crate::Error;
use crate::decode::Fields;
use crate::fieldspec::FieldSpec;
use crate::selector::Selector;

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
    /// The old name of one more of `envs`.
    pub(crate) env: String,
    pub(crate) options: GeneratorOptions,
}

pub(crate) fn label(mut fields: Fields) -> Result<Label, Error> {
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
        &fields.embedded_text("group")?,
        &fields.embedded_text("version")?,
        &fields.embedded_text("kind")?,
        &fields.text("path")?,
        fields.flag("create")?,
    );
    fields.done()?;
    Ok(spec)
}

pub(crate) fn patch(mut fields: Fields) -> Result<Patch, Error> {
    let mut patch = Patch {
        path: fields.text("path")?,
        patch: fields.text("patch")?,
        target: fields.maybe_object("target")?.map(selector).transpose()?,
        ..Patch::default()
    };
    if let Some(mut options) = fields.maybe_object("options")? {
        patch.allow_name_change = options.flag("allowNameChange")?;
        patch.allow_kind_change = options.flag("allowKindChange")?;
        options.done()?;
    }
    fields.done()?;
    Ok(patch)
}

pub(crate) fn selector(mut fields: Fields) -> Result<Selector, Error> {
    let selector = Selector {
        group: fields.embedded_text("group")?,
        version: fields.embedded_text("version")?,
        kind: fields.embedded_text("kind")?,
        name: fields.embedded_text("name")?,
        namespace: fields.embedded_text("namespace")?,
        label_selector: fields.text("labelSelector")?,
        annotation_selector: fields.text("annotationSelector")?,
    };
    fields.done()?;
    Ok(selector)
}

pub(crate) fn image(mut fields: Fields) -> Result<Image, Error> {
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

pub(crate) fn replica(mut fields: Fields) -> Result<(String, i64), Error> {
    let name = fields.text("name")?;
    let count = fields.integer("count")?;
    fields.done()?;
    Ok((name, count))
}

/// An entry of `configMapGenerator` or `secretGenerator`.
pub(crate) fn generator(fields: Fields, secret: bool, global: &GeneratorOptions) -> Result<Generator, Error> {
    let mut generator = own_generator(fields, secret)?;
    if !generator.env.is_empty() {
        generator.envs.push(std::mem::take(&mut generator.env));
    }
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

/// What a generator says itself.
pub(crate) fn own_generator(mut fields: Fields, secret: bool) -> Result<Generator, Error> {
    let generator = Generator {
        name: fields.text("name")?,
        namespace: fields.text("namespace")?,
        behavior: fields.text("behavior")?,
        secret_type: if secret { fields.text("type")? } else { String::new() },
        literals: fields.texts("literals")?,
        files: fields.texts("files")?,
        envs: fields.texts("envs")?,
        env: fields.text("env")?,
        options: options(fields.maybe_object("options")?)?,
    };
    fields.done()?;
    Ok(generator)
}

/// Options of generated objects, where there are any.
pub(crate) fn options(fields: Option<Fields>) -> Result<GeneratorOptions, Error> {
    let Some(mut fields) = fields else { return Ok(GeneratorOptions::default()) };
    let options = GeneratorOptions {
        labels: fields.text_map("labels")?,
        annotations: fields.text_map("annotations")?,
        disable_hash: fields.flag("disableNameSuffixHash")?,
        immutable: fields.flag("immutable")?,
    };
    fields.done()?;
    Ok(options)
}
