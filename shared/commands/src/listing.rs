//! Which objects a table shows.

use serde_json::Value;

use crate::selector::{Selector, Status};

/// Which objects of a kind are wanted, and of which cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Only the ones of this name.
    pub name: Option<String>,
    /// Only this namespace; `None` is all.
    pub namespace: Option<String>,
    /// Only those with these labels.
    pub labels: Option<Selector>,
    /// Only those with, or without, this condition.
    pub status: Option<Status>,
    /// The cluster's name in the configuration; `None` is the only one there is.
    pub cluster: Option<String>,
}

impl Listing {
    /// Whether an object is one of them.
    pub fn wants(&self, object: &Value) -> bool {
        let meta = &object["metadata"];
        let is = |wanted: &Option<String>, field: &str| wanted.as_deref().is_none_or(|w| meta[field] == w);
        is(&self.name, "name")
            && is(&self.namespace, "namespace")
            && self.labels.as_ref().is_none_or(|labels| labels.selects(object))
            && self.status.as_ref().is_none_or(|status| status.selects(object))
    }

    /// Whether anything but the cluster narrows it down.
    pub fn is_narrowed(&self) -> bool {
        *self != Self { cluster: self.cluster.clone(), ..Self::default() }
    }
}
