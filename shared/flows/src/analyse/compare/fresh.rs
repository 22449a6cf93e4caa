//! What the controller takes over and removes, as the API server leaves it: fields that it sets by itself come back. What these are is
//! asked with a dry-run of the same object under a name that nobody has.

use ports::DryRun;
use serde_json::Value;

use super::Asker;

/// Ends the name that nobody has.
const UNUSED: &str = "-preflux";
/// Characters of the longest name that every kind takes.
const LONGEST: usize = 63;

impl Asker<'_> {
    /// Removes from `stored` what the controller removes, and gives the paths. `stored` answers the dry-run of `after`.
    pub(super) async fn take_over(&self, after: &Value, stored: &mut Value) -> Vec<String> {
        let removed = flux::take_over(after, &mut stored.clone(), self.overridden, None);
        if removed.is_empty() {
            return removed;
        }
        let fresh = self.fresh(after).await;
        flux::take_over(after, stored, self.overridden, fresh.as_ref())
    }

    /// What the API server makes of an object that is not there; nothing where it does not say.
    async fn fresh(&self, object: &Value) -> Option<Value> {
        let name = object["metadata"]["name"].as_str()?;
        let cut: String = name.chars().take(LONGEST - UNUSED.len()).collect();
        let unused = format!("{}{UNUSED}", cut.trim_end_matches(['-', '.']));
        let mut probe = object.clone();
        probe["metadata"]["name"] = unused.clone().into();
        let DryRun::Accepted(mut made) = self.cluster.dry_run(&probe).await else { return None };
        // Somebody has it after all.
        if made["metadata"]["resourceVersion"].as_str().is_some_and(|version| !version.is_empty()) {
            return None;
        }
        let labels = made["metadata"]["labels"].as_object_mut();
        for label in labels.into_iter().flat_map(|labels| labels.values_mut()) {
            if *label == unused {
                *label = name.into();
            }
        }
        Some(made)
    }
}
