//! The generators that objects configure.

use super::{fields, kind, misplaced};
use crate::decode::Fields;
use crate::loader::Loader;
use crate::resource::Resource;
use crate::types::{Generator, own_generator};
use crate::yaml::documents;
use crate::{Error, generators};

pub(super) const KINDS: [&str; 3] = ["ConfigMapGenerator", "SecretGenerator", "IAMPolicyGenerator"];

/// Makes the object that a generator is configured for; paths are those of the kustomization in `dir`.
pub(crate) fn generate(loader: &mut Loader<'_>, dir: &str, config: &Resource) -> Result<Resource, Error> {
    match kind(config)? {
        "ConfigMapGenerator" => {
            generators::generate(loader, dir, &generator(fields(config)?, false)?, "ConfigMap")
        }
        "SecretGenerator" => generators::generate(loader, dir, &generator(fields(config)?, true)?, "Secret"),
        "IAMPolicyGenerator" => iam_policy(loader, fields(config)?.embedded()),
        kind => Err(misplaced(kind, "generator")),
    }
}

/// Name and namespace are those of the configuring object, unless it says others.
fn generator(mut fields: Fields, secret: bool) -> Result<Generator, Error> {
    let mut metadata = fields.object("metadata")?;
    let mut generator = own_generator(fields.embedded(), secret)?;
    for (own, name) in [(&mut generator.name, "name"), (&mut generator.namespace, "namespace")] {
        let fallback = metadata.text(name)?;
        if own.is_empty() {
            *own = fallback;
        }
    }
    Ok(generator)
}

/// A service account bound to one of Google's. kustomize fills in a text and reads that as YAML, so this does too.
fn iam_policy(loader: &mut Loader<'_>, mut fields: Fields) -> Result<Resource, Error> {
    let cloud = fields.text("cloud")?;
    let mut service = fields.object("kubernetesService")?;
    let mut account = fields.object("serviceAccount")?;
    if cloud != "gke" {
        return Err(Error::invalid(format!("the cloud provider `{cloud}` is not supported")));
    }
    let (name, namespace) = (service.text("name")?, service.text("namespace")?);
    let (account, project) = (account.text("name")?, account.text("projectId")?);
    let mut text = format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  annotations:\n    \
         iam.gke.io/gcp-service-account: {account}@{project}.iam.gserviceaccount.com\n  name: {name}\n"
    );
    if !namespace.is_empty() {
        text.push_str(&format!("\n  namespace: {namespace}"));
    }
    let mut documents = documents(&text, &mut loader.budget)?;
    if documents.is_empty() {
        return Err(Error::invalid("the configuration makes no object"));
    }
    Ok(Resource::new(documents.swap_remove(0)))
}
