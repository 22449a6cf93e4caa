//! Who may read what, decided once for the whole report: by what Git holds of every object, and by which values are secret.

use std::collections::BTreeMap;

use domain::ObjectId;
use domain::change::Change;
use domain::mask::Mask;
use domain::provenance::{Disclosure, GitText};
use domain::report::{Finding, KustomizationReport};
use serde_json::Value;

use super::pair::Pair;

/// Discloses every change of these reports, and masks what no change holds: names, notes and errors.
pub(super) fn all(reports: &mut [KustomizationReport], pairs: &[&Pair], mask: &Mask, disclosure: Disclosure) {
    let git = Git::of(pairs);
    for report in reports {
        if let Finding::Changes { changes } = &mut report.finding {
            changes.iter_mut().for_each(|change| git.disclose(change, mask, disclosure));
        }
        report.drift.iter_mut().for_each(|change| git.disclose(change, mask, disclosure));
        masked(report, mask);
    }
}

/// What Git holds of every object, on either side.
struct Git<'a> {
    before: BTreeMap<ObjectId, &'a Value>,
    after: BTreeMap<ObjectId, &'a Value>,
}

impl<'a> Git<'a> {
    fn of(pairs: &[&'a Pair]) -> Self {
        let by_id = |object: &'a Value| Some((ObjectId::of(object)?, object));
        let plans = || pairs.iter().flat_map(|pair| &pair.plans);
        let brought = pairs.iter().flat_map(|pair| &pair.brings).filter_map(by_id);
        let changed = plans().filter_map(|plan| Some((plan.id.clone(), plan.after.as_ref()?)));
        Self {
            // By its own name: a renamed object's plan has the new one.
            before: plans().filter_map(|plan| by_id(plan.before.as_ref()?)).collect(),
            after: brought.chain(changed).collect(),
        }
    }

    fn disclose(&self, change: &mut Change, mask: &Mask, disclosure: Disclosure) {
        let old_name = change.renamed_from.as_ref().unwrap_or(&change.object);
        let (before, after) = (self.before.get(old_name), self.after.get(&change.object));
        change.disclose(&GitText::of(before.copied(), after.copied(), mask), disclosure);
    }
}

fn masked(report: &mut KustomizationReport, mask: &Mask) {
    let KustomizationReport { name, path, finding, drift, notes, .. } = report;
    let changes = match finding {
        Finding::Changes { changes } => changes.as_mut_slice(),
        Finding::Failed { error, .. } => {
            *error = mask.text(error);
            &mut []
        }
    };
    for id in
        changes.iter_mut().chain(drift).flat_map(|c| [Some(&mut c.object), c.renamed_from.as_mut()]).flatten()
    {
        id.name = mask.text(&id.name);
        id.namespace = mask.text(&id.namespace);
    }
    [name, path].into_iter().chain(notes).for_each(|text| *text = mask.text(text));
}
