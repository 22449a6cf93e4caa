//! `labels`, `commonLabels` and `commonAnnotations`: string maps written into many places.

use std::collections::BTreeMap;

use crate::fieldspec::{self, Create, FieldSpec, merge_specs};
use crate::node::{Node, Scalar};
use crate::resmap::ResMap;
use crate::share::Share;
use crate::specs::Specs;
use crate::types::Label;
use crate::{Error, meter};

/// Where an entry of `labels` writes.
pub(super) fn label_places(label: &Label, specs: &Specs) -> Result<Vec<FieldSpec>, Error> {
    let mut fields = label.fields.clone();
    merge_specs(&mut fields, &specs.labels)?;
    if label.include_selectors {
        merge_specs(&mut fields, &specs.common_labels)?;
    } else {
        if label.include_templates {
            merge_specs(&mut fields, &specs.template_labels)?;
        }
        merge_specs(&mut fields, &[FieldSpec::everywhere("metadata/labels")])?;
    }
    Ok(fields)
}

/// Sets every pair at every place the specs lead to.
pub(super) fn apply(
    resources: &mut ResMap,
    pairs: &BTreeMap<String, String>,
    specs: &[FieldSpec],
) -> Result<(), Error> {
    if pairs.is_empty() {
        return Ok(());
    }
    for resource in resources.list.iter_mut().filter(|r| !r.is_gone()) {
        let gvk = resource.gvk();
        specs.iter().for_each(|spec| resource.reveal_annotations(&spec.path));
        for (key, value) in pairs {
            resource.shares += 1;
            let share = Share::new(resource.shares);
            for spec in specs {
                fieldspec::apply(&mut resource.node, &gvk, spec, Create::Map, &mut |node: &mut Node| {
                    match node {
                        Node::Map(_) => {
                            meter::copy(key.len() + value.len())?;
                            node.set(key, Scalar { share, ..Scalar::string(value) });
                            Ok(())
                        }
                        // kustomize hides the pair in the null, where another transformer may find it.
                        node if node.is_null() && spec.path.starts_with("metadata/") => {
                            Err(Error::unsupported("a value set in null"))
                        }
                        node if node.is_null() => Ok(()),
                        _ => Err(Error::invalid("wrong node kind: expected a map")),
                    }
                })?;
            }
        }
    }
    Ok(())
}
