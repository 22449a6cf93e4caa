//! ConfigMaps and Secrets whose names follow their contents: one object with another name, and who refers to it.

use domain::ObjectId;
use domain::change::{Change, ChangeKind, Check};
use domain::plan::{Fate, ObjectPlan};
use flux::without_zeros;
use serde_json::Value;

use super::{Answer, Asker};

impl Asker<'_> {
    /// Told as one only where the new object really comes and the old one really goes; else each by itself.
    pub(super) async fn renamed(&self, plan: &ObjectPlan, before: &Value, after: &Value) -> Vec<Answer> {
        let created = ObjectPlan { fate: Fate::Create, before: None, ..plan.clone() };
        let id = ObjectId::of(before).unwrap_or_else(|| plan.id.clone());
        let deleted = ObjectPlan { id: id.clone(), fate: Fate::Delete, after: None, ..plan.clone() };
        let new = async {
            match self.steered(&created, None, after).await {
                Some(answer) => answer,
                None => self.created(&created, after).await,
            }
        };
        let (new, old) = futures::join!(new, self.gone(&deleted, Some(before)));
        let kinds = (new.change.as_ref().map(|c| c.kind), old.change.as_ref().map(|c| c.kind));
        let (Some(ChangeKind::Created), Some(ChangeKind::Deleted)) = kinds else { return vec![new, old] };
        let checks = [&new, &old].map(|answer| answer.change.as_ref().map(|change| change.check.clone()));
        let worst = checks.into_iter().flatten().find(|check| *check != Check::DryRun);
        let sides = (Some(without_zeros(before)), Some(without_zeros(after)));
        let mut answer = self.change(plan, ChangeKind::Renamed, worst.unwrap_or(Check::DryRun), sides);
        if let Some(change) = &mut answer.change {
            change.renamed_from = Some(id);
            change.remarks.extend(old.change.into_iter().flat_map(|change| change.remarks));
        }
        vec![answer]
    }
}

/// Says of every change how far it only follows a new name.
pub(super) fn remark(changes: &mut [Change]) {
    let renames: Vec<(String, String, String)> = changes
        .iter()
        .filter_map(|change| {
            let old = change.renamed_from.as_ref()?;
            Some((change.object.kind.clone(), old.name.clone(), change.object.name.clone()))
        })
        .collect();
    if renames.is_empty() {
        return;
    }
    for change in changes.iter_mut().filter(|change| change.kind == ChangeKind::Changed) {
        let fields = change.fields();
        let mut remarks = Vec::new();
        for field in &fields {
            let is = |side: &Option<Value>, name: &str| side.as_ref().and_then(Value::as_str) == Some(name);
            let follows =
                renames.iter().find(|(_, old, new)| is(&field.before, old) && is(&field.after, new));
            remarks.extend(follows.map(|(kind, _, new)| format!("`{}` follows {kind} `{new}`", field.path)));
        }
        if !remarks.is_empty() && remarks.len() == fields.len() {
            remarks.push("nothing else in it changes".to_owned());
        }
        change.remarks.extend(remarks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::mask::Mask;
    use serde_json::json;

    #[test]
    fn references_follow_the_new_name() {
        let id = |kind: &str, name: &str| ObjectId {
            group: String::new(),
            kind: kind.to_owned(),
            namespace: "a".to_owned(),
            name: name.to_owned(),
        };
        let change = |id: ObjectId, kind, before, after| {
            Change::new(id, kind, Check::RenderOnly, (Some(before), Some(after)), &Mask::default())
        };
        let mut map = change(id("ConfigMap", "c-2"), ChangeKind::Renamed, json!({}), json!({}));
        map.renamed_from = Some(id("ConfigMap", "c-1"));
        let user = |more: u8| {
            let (old, new) =
                (json!({"spec": {"name": "c-1", "n": 0}}), json!({"spec": {"name": "c-2", "n": more}}));
            change(id("Pod", "web"), ChangeKind::Changed, old, new)
        };
        let mut changes = [user(0), user(1), map];
        remark(&mut changes);
        assert_eq!(changes[0].remarks, ["`spec.name` follows ConfigMap `c-2`", "nothing else in it changes"]);
        assert_eq!(changes[1].remarks, ["`spec.name` follows ConfigMap `c-2`"]);
        assert!(changes[2].remarks.is_empty());
    }
}
