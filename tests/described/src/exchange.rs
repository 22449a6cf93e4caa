//! One exchange against the description: the operation, its parameters, what is sent, the status, and what is answered.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

use crate::operations::{self, Found, followed};
use crate::undescribed::{self, Undescribed};
use crate::{explain, schema};

/// GitHub's description, and the validators made from it so far.
pub struct Description {
    value: Value,
    validators: Mutex<BTreeMap<String, Arc<Validator>>>,
}

impl Description {
    /// Reads it from a file.
    ///
    /// # Errors
    /// When the file cannot be read or is no JSON.
    pub fn read(file: &Path) -> Result<Self, String> {
        let text = std::fs::read(file).map_err(|e| format!("cannot read `{}`: {e}", file.display()))?;
        let value =
            serde_json::from_slice(&text).map_err(|e| format!("`{}` is no JSON: {e}", file.display()))?;
        Ok(Self::of(value))
    }

    /// A description that is there already.
    pub fn of(value: Value) -> Self {
        Self { value, validators: Mutex::default() }
    }

    /// What is wrong with a request and, where there is one to judge, its answer: one line each, none when all is as described.
    pub fn problems(&self, request: &Request<Bytes>, answer: Option<&Response<Bytes>>) -> Vec<String> {
        let (method, path) = (request.method().as_str(), request.uri().path());
        let path = &undescribed::by_name(path.strip_prefix("/api/v3").unwrap_or(path));
        let Some(found) = operations::find(&self.value, method, path) else {
            if Undescribed::find(method, path, 0).is_some() {
                return self.of_headers(request.headers());
            }
            return vec![format!("{method} {path}: GitHub's description has no such operation")];
        };
        let mut problems = self.of_parameters(&found, request.uri().query().unwrap_or_default());
        problems.extend(self.of_headers(request.headers()));
        problems.extend(self.of_request(&found, request));
        problems.extend(answer.into_iter().flat_map(|answer| self.of_answer(&found, method, path, answer)));
        let status = answer.map_or_else(String::new, |a| format!(" -> {}", a.status().as_u16()));
        problems.iter().map(|problem| format!("{method} {}{status}: {problem}", found.template)).collect()
    }

    fn of_parameters(&self, found: &Found<'_>, query: &str) -> Vec<String> {
        let mut problems = Vec::new();
        let declared: Vec<&Value> = operations::parameters(&self.value, found.operation).collect();
        let place =
            |name: &str, kind: &str| declared.iter().find(|p| p["name"] == name && p["in"] == kind).copied();
        for (name, value) in &found.places {
            match place(name, "path") {
                Some(parameter) => problems.extend(self.of_parameter(parameter, value)),
                None => problems.push(format!("the path's `{name}` is not declared")),
            }
        }
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match place(&name, "query") {
                Some(parameter) => problems.extend(self.of_parameter(parameter, &value)),
                None => problems.push(format!("the parameter `{name}` is not declared")),
            }
        }
        let asked: Vec<_> =
            url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.into_owned()).collect();
        let missing = declared.iter().filter(|p| p["in"] == "query" && p["required"] == true);
        let missing =
            missing.filter_map(|p| p["name"].as_str()).filter(|name| !asked.iter().any(|a| a == name));
        problems.extend(missing.map(|name| format!("the parameter `{name}` is missing")));
        problems
    }

    /// A parameter's text, read as its schema's type says.
    fn of_parameter(&self, parameter: &Value, text: &str) -> Vec<String> {
        let name = parameter["name"].as_str().unwrap_or_default();
        let declared = followed(&self.value, &parameter["schema"]);
        let typed = |kind: &Value| match kind.as_str() {
            Some("integer" | "number" | "boolean") => serde_json::from_str(text).ok(),
            _ => None,
        };
        let kinds = std::iter::once(declared).chain(declared["oneOf"].as_array().into_iter().flatten());
        let value = kinds.filter_map(|kind| typed(&kind["type"])).next().unwrap_or_else(|| json!(text));
        let value = if declared["type"] == "array" { json!([value]) } else { value };
        // Told in no schema, only in the parameter's text: GitHub gives no more, whatever is asked.
        if name == "per_page" && value.as_u64().is_some_and(|asked| asked > 100) {
            return vec![format!("the parameter `per_page` is {text}, and 100 is the most")];
        }
        let key = format!("parameter {name} {declared}");
        let wrong = explain::problems(&self.validator(&key, declared, true), &value);
        wrong.iter().map(|line| format!("the parameter `{name}`: {line}")).collect()
    }

    /// What GitHub wants of every request, description or not.
    fn of_headers(&self, headers: &HeaderMap) -> Vec<String> {
        let mut problems = Vec::new();
        if text(headers, &header::USER_AGENT).is_empty() {
            problems.push("no `User-Agent`: GitHub refuses that".to_owned());
        }
        let accept = text(headers, &header::ACCEPT);
        if !(accept.is_empty() || accept.contains("*/*") || accept.contains("json")) {
            problems.push(format!("`Accept` is `{accept}`, and asks for none of GitHub's media types"));
        }
        problems
    }

    fn of_request(&self, found: &Found<'_>, request: &Request<Bytes>) -> Vec<String> {
        let declared = followed(&self.value, &found.operation["requestBody"]);
        let schema = &declared["content"]["application/json"]["schema"];
        match serde_json::from_slice::<Value>(request.body()) {
            _ if request.body().is_empty() && declared["required"] == true => {
                vec!["the body is missing".to_owned()]
            }
            _ if request.body().is_empty() => Vec::new(),
            _ if schema.is_null() => vec!["a body is sent, and none is declared".to_owned()],
            Err(error) => vec![format!("the body that is sent is no JSON: {error}")],
            Ok(body) => {
                let mut problems = Vec::new();
                let kind = text(request.headers(), &header::CONTENT_TYPE);
                if media_type(&kind) != "application/json" {
                    problems.push(format!("what is sent is `{kind}`, not `application/json`"));
                }
                let key = format!("request {} {schema}", found.template);
                let wrong = explain::problems(&self.validator(&key, schema, true), &body);
                problems.extend(wrong.iter().map(|line| format!("sent: {line}")));
                problems
            }
        }
    }

    fn of_answer(
        &self,
        found: &Found<'_>,
        method: &str,
        path: &str,
        answer: &Response<Bytes>,
    ) -> Vec<String> {
        let status = answer.status().as_u16();
        let declared = followed(&self.value, &found.operation["responses"][status.to_string()]);
        if declared.is_null() {
            let Some(entry) = Undescribed::find(method, path, status) else {
                return vec![format!("the status {status} is not declared")];
            };
            if entry.body.is_empty() {
                return self.of_body(answer, &Value::Null);
            }
            let schema = json!({"$ref": format!("#/components/schemas/{}", entry.body)});
            return self.of_body(answer, &json!({"application/json": {"schema": schema}}));
        }
        self.of_body(answer, &declared["content"])
    }

    /// An answer's body by the media types that may be answered.
    fn of_body(&self, answer: &Response<Bytes>, content: &Value) -> Vec<String> {
        let Some(kinds) = content.as_object() else {
            let empty = answer.body().is_empty();
            return if empty {
                Vec::new()
            } else {
                vec!["a body is answered, and none is declared".to_owned()]
            };
        };
        let kind = text(answer.headers(), &header::CONTENT_TYPE);
        let Some(declared) = kinds.get(media_type(&kind)) else {
            return vec![format!(
                "the answer is `{kind}`, not one of {:?}",
                kinds.keys().collect::<Vec<_>>()
            )];
        };
        match serde_json::from_slice::<Value>(answer.body()) {
            Err(error) => vec![format!("the answer is no JSON: {error}")],
            Ok(body) => {
                let schema = &declared["schema"];
                let closed = !answer.status().is_client_error();
                let validator = self.validator(&format!("answer {closed} {schema}"), schema, closed);
                let wrong = explain::problems(&validator, &body);
                wrong.iter().map(|line| format!("answered: {line}")).collect()
            }
        }
    }

    fn validator(&self, key: &str, schema: &Value, closed: bool) -> Arc<Validator> {
        let mut made = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let schema = schema::standalone(&self.value, schema, closed);
            let built =
                jsonschema::options().with_draft(Draft::Draft4).should_validate_formats(true).build(&schema);
            Arc::new(
                built.unwrap_or_else(|error| panic!("GitHub's description is no schema at `{key}`: {error}")),
            )
        };
        Arc::clone(made.entry(key.to_owned()).or_insert_with(make))
    }
}

fn text(headers: &HeaderMap, name: &header::HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}
