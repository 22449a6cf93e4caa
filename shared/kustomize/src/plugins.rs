//! Objects of `generators`, `transformers` and `validators`: each configures one of the plugins that are built in.

mod generate;
mod transform;

use crate::Error;
use crate::decode::Fields;
use crate::resource::Resource;
use crate::yaml::node_to_json;

pub(crate) use generate::generate;
pub(crate) use transform::{transformer, validate};

/// The kind of the builtin plugin that an object configures.
///
/// # Errors
/// Any other plugin: kustomize-controller lets kustomize run none that is not built in.
fn kind(config: &Resource) -> Result<&str, Error> {
    let gvk = config.gvk();
    if gvk.group.is_empty() && gvk.version == "builtin" {
        return Ok(config.kind());
    }
    Err(Error::invalid(format!(
        "external plugins are disabled by kustomize-controller; `{}` is none that is built in",
        config.current_id()
    )))
}

/// The configuration as kustomize's plugins decode it.
fn fields(config: &Resource) -> Result<Fields, Error> {
    Fields::loose(node_to_json(&config.node)?)
}

/// The error of a plugin of that kind where it does not belong.
fn misplaced(kind: &str, wanted: &str) -> Error {
    match kind {
        "HelmChartInflationGenerator" => {
            Error::invalid("kustomize-controller does not let kustomize run helm")
        }
        kind if generate::KINDS.contains(&kind) || transform::KINDS.contains(&kind) => {
            Error::invalid(format!("plugin `{kind}` is not a {wanted}"))
        }
        kind => Error::invalid(format!("unable to load builtin `{kind}`")),
    }
}
