//! The arguments of a controller that change what it renders or may do. All others are passed over.

use serde_json::Value;

use super::Controller;

/// How many arguments are looked at.
const MAX_ARGUMENTS: usize = 512;
/// Flags that stand alone, so that the next argument is not their value.
const SWITCHES: [&str; 2] = ["no-remote-bases", "no-cross-namespace-refs"];
/// Flags that take a value, in the same argument or the next.
const VALUED: [&str; 4] =
    ["default-service-account", "feature-gates", "override-manager", "custom-apply-stage-kinds"];

/// Takes over what the container's command and arguments say; the last of several wins, as in the controller.
pub(super) fn read(container: &Value, controller: &mut Controller) {
    let words = ["command", "args"].into_iter().flat_map(|field| container[field].as_array());
    let words: Vec<&str> = words.flatten().filter_map(Value::as_str).take(MAX_ARGUMENTS).collect();
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--") else { continue };
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        let read = if SWITCHES.contains(&name) {
            switch(controller, name, value.unwrap_or("true"))
        } else if VALUED.contains(&name) {
            let value = value.or_else(|| words.next_if(|next| !next.starts_with("--")));
            value.filter(|value| !value.contains("$(")).and_then(|value| valued(controller, name, value))
        } else {
            Some(())
        };
        if read.is_none() {
            controller.notes.push(format!("`{word}` of kustomize-controller cannot be read and is ignored"));
        }
    }
}

fn switch(controller: &mut Controller, name: &str, value: &str) -> Option<()> {
    let on = boolean(value)?;
    match name {
        "no-remote-bases" => controller.remote_bases = !on,
        _ => controller.cross_namespace_refs = !on,
    }
    Some(())
}

fn valued(controller: &mut Controller, name: &str, value: &str) -> Option<()> {
    match name {
        "default-service-account" => {
            controller.default_service_account = Some(value.to_owned()).filter(|name| !name.is_empty());
        }
        "override-manager" => controller.override_managers.push(value.to_owned()),
        "custom-apply-stage-kinds" => {
            let kinds = value.split(',').map(str::trim).filter(|kind| !kind.is_empty());
            controller.apply_stage_kinds = kinds.map(str::to_owned).collect();
        }
        _ => return gates(controller, value),
    }
    Some(())
}

/// `Gate=true,Other=false`.
fn gates(controller: &mut Controller, value: &str) -> Option<()> {
    for gate in value.split(',').map(str::trim).filter(|gate| !gate.is_empty()) {
        let (name, on) = gate.split_once('=')?;
        let on = boolean(on.trim())?;
        if name.trim() == "StrictPostBuildSubstitutions" {
            controller.strict_gate = Some(on);
        }
    }
    Some(())
}

/// A truth value as Go reads it.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
