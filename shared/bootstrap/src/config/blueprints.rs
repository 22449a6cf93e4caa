//! The configuration's own blueprints: how tables of Flux's objects look in Slack, and what can be done with what is in them.

use std::sync::Arc;

use blueprints::{Blueprints, Written, WrittenAction, WrittenColumn};

use super::fields::Fields;

/// Those that are built in, with the configuration's in place of some.
pub(super) fn read(root: &mut Fields) -> Arc<Blueprints> {
    let mut all = Vec::new();
    for mut fields in root.objects("blueprints").unwrap_or_default() {
        let written = written(&mut fields);
        match Blueprints::with(std::slice::from_ref(&written)) {
            Ok(_) => all.push(written),
            // What is missing was said already, field by field.
            Err(problems) => problems
                .iter()
                .filter(|(_, problem)| !problem.what.starts_with("is missing") && !written.kind.is_empty())
                .for_each(|(_, problem)| fields.problem(&problem.at, &problem.what)),
        }
        fields.finish();
    }
    Arc::new(Blueprints::with(&all).unwrap_or_default())
}

fn written(fields: &mut Fields) -> Written {
    let kind = fields.needed("kind", "a kind of Flux's, such as Kustomization");
    let columns = fields.some_objects("columns", "what stands behind namespace and name");
    let column = |mut column: Fields| {
        let name = column.needed("name", "what stands above it");
        let value = column.needed("value", "a template over the object");
        column.finish();
        WrittenColumn { name, value }
    };
    let actions = fields.objects("actions").unwrap_or_default();
    let action = |mut action: Fields| {
        let text = action.needed("text", "what stands on the button");
        let command = action.needed("command", "what could be typed behind /flux");
        let style = action.choice("style", &["plain", "primary", "danger"]).map(str::to_owned);
        let (when, confirm) = (action.text("when"), action.text("confirm"));
        action.finish();
        WrittenAction { text, command, style, when, confirm }
    };
    Written {
        kind,
        columns: columns.unwrap_or_default().into_iter().map(column).collect(),
        actions: actions.into_iter().map(action).collect(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a configuration that should parse and does not is the failure")]
    use domain::FluxKind;
    use serde_json::json;

    use crate::config::tests::without_lines;
    use crate::config::{Config, Defaults};

    fn parse(blueprints: &str) -> Result<Config, Vec<String>> {
        let rest = "github: {token: a}\nslack: {secret: b}\nrepositories: [{name: a/b, channel: C1}]\n";
        Config::parse(&format!("{rest}{blueprints}"), &Defaults::default())
            .map_err(|error| without_lines(error.0))
    }

    #[test]
    fn a_blueprint_takes_the_place_of_one_that_is_built_in() {
        let text = "blueprints: [{kind: Kustomization, columns: [{name: PATH, value: '{{ spec.path }}'}]}]";
        let grid =
            |config: Config, kind| config.blueprints.grid(kind, &[json!({"spec": {"path": "./a"}})], false);
        assert_eq!(grid(parse(text).unwrap(), FluxKind::Kustomization).rows[0].cells, ["", "", "./a"]);
        let usual = grid(parse("").unwrap(), FluxKind::Alert);
        assert_eq!(grid(parse(text).unwrap(), FluxKind::Alert), usual);
    }

    #[test]
    fn what_cannot_be_used_is_said_with_its_field() {
        let text = "blueprints: [{kind: Pod, columns: [{name: A, value: '{{ a'}], actions: [{text: B, style: loud}]}, {}]";
        let problems = parse(text).unwrap_err();
        for expected in [
            "`blueprints[0].kind` is `Pod`, which is none",
            "`blueprints[0].columns[0].value` cannot be filled in",
            "`blueprints[0].actions[0].command` is missing",
            "`blueprints[0].actions[0].style` must be",
            "`blueprints[1].kind` is missing",
            "`blueprints[1].columns` is missing",
        ] {
            assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{expected}: {problems:?}");
        }
        assert_eq!(problems.len(), 6, "{problems:?}");
    }
}
