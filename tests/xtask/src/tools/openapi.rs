//! GitHub's OpenAPI description, as the npm package `@octokit/openapi` carries it, without the prose and the examples.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::download;
use super::{Setup, Tool, need};
use crate::proc;

const VERSION: &str = "23.0.2";
/// The package's `dist.integrity` in the registry, in hexadecimal.
const SHA512: &str = "a55f0cecbf46636dc0c9b36f4e6a369f28e6a669edebedac444fedaabd192d07\
                      0f4b8967c3bbb979918d9b044d9010b70fb8195db171e401f32d455105718386";
/// The description of github.com: operations are the same on a GitHub Enterprise Server, behind another address.
const FILE: &str = "api.github.com.json";

pub(crate) const GITHUB_OPENAPI: Tool = Tool {
    name: "github-openapi",
    about: "GitHub's OpenAPI description, which all that its stand-in is asked and answers is held against",
    heavy: false,
    pins: || Ok(format!("{VERSION} {SHA512} {FORM}")),
    proof: FILE,
    setup,
};

/// Counts the forms that [`slim`] has had: another one is made anew.
const FORM: u32 = 1;

/// The description, when it has been set up.
pub(crate) fn file() -> Option<std::path::PathBuf> {
    super::ready(GITHUB_OPENAPI.name).map(|dir| dir.join(FILE))
}

fn setup(setup: &Setup) -> Result<String> {
    need("tar", "to unpack archives")?;
    let archive = setup.dir.join("package.tgz");
    let url = format!("https://registry.npmjs.org/@octokit/openapi/-/openapi-{VERSION}.tgz");
    download::fetch(&url, SHA512, &archive)?;
    let inside = format!("package/generated/{FILE}");
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(&archive).arg("-C").arg(&setup.dir).args(["--strip-components", "2", &inside]);
    proc::output(&mut tar)?;
    fs::remove_file(&archive)?;
    rewrite(&setup.dir.join(FILE))?;
    Ok(format!("@octokit/openapi {VERSION} from registry.npmjs.org"))
}

fn rewrite(file: &Path) -> Result<()> {
    let mut description: Value =
        serde_json::from_slice(&fs::read(file)?).with_context(|| format!("reading `{}`", file.display()))?;
    slim(&mut description, false);
    fs::write(file, description.to_string()).with_context(|| format!("writing `{}`", file.display()))
}

/// Takes out what nobody checks against. `names` is whether the keys here are names of the API, such as a field `description`.
fn slim(value: &mut Value, names: bool) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| names || !is_prose(key));
            map.iter_mut().for_each(|(key, one)| slim(one, !names && is_map_of_names(key)));
        }
        Value::Array(list) => list.iter_mut().for_each(|one| slim(one, false)),
        _ => {}
    }
}

fn is_prose(key: &str) -> bool {
    const PROSE: [&str; 8] =
        ["description", "summary", "title", "example", "examples", "externalDocs", "tags", "headers"];
    PROSE.contains(&key)
        || ["webhooks", "x-webhooks", "callbacks", "security"].contains(&key)
        || (key.starts_with("x-") && key != "x-multi-segment")
}

fn is_map_of_names(key: &str) -> bool {
    ["properties", "schemas", "paths", "responses", "parameters"].contains(&key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::slim;

    #[test]
    fn prose_goes_and_fields_of_the_same_names_stay() {
        let mut value = json!({"description": "d", "paths": {"/a": {"get": {"x-github": {}, "parameters":
            [{"name": "n", "description": "d", "x-multi-segment": true}]}}},
            "schema": {"title": "t", "properties": {"title": {"type": "string", "example": "e"}, "headers": {"nullable": true}}}});
        slim(&mut value, false);
        let expected = json!({"paths": {"/a": {"get": {"parameters": [{"name": "n", "x-multi-segment": true}]}}},
            "schema": {"properties": {"title": {"type": "string"}, "headers": {"nullable": true}}}});
        assert_eq!(value, expected);
    }
}
