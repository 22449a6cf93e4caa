//! A small description of our own, and what is found against it: for each kind of mistake, an exchange that has it.
#![expect(clippy::unwrap_used, reason = "a failing test may panic")]

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use crate::Description;

fn description() -> Description {
    let number = json!({"name": "number", "in": "path", "required": true, "schema": {"type": "integer"}});
    let thing = json!({
        "type": "object", "required": ["id", "owner"],
        "properties": {
            "id": {"type": "integer"}, "owner": {"$ref": "#/components/schemas/owner"},
            "kind": {"type": "string", "enum": ["a", "b"], "nullable": true},
            "at": {"type": "string", "format": "date-time"},
            "either": {"oneOf": [{"type": "integer"}, {"type": "object", "required": ["x"], "properties": {"x": {"type": "string"}}}]},
            "both": {"allOf": [{"$ref": "#/components/schemas/owner"}, {"type": "object", "properties": {"more": {"type": "boolean"}}}]},
            "description": {"type": "string"},
        },
    });
    let answer = |name: &str| json!({"content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}}});
    let query = json!([number, {"$ref": "#/components/parameters/state"},
        {"name": "per_page", "in": "query", "schema": {"type": "integer"}}]);
    let path = json!([{"name": "path", "in": "path", "required": true, "schema": {"type": "string"}, "x-multi-segment": true}]);
    Description::of(json!({
        "paths": {
            "/things/{number}": {
                "get": {"parameters": query, "responses": {"200": answer("thing"), "422": answer("error")}},
                "patch": {"parameters": [number], "responses": {"200": answer("thing"), "204": {}}, "requestBody": {"required": true, "content":
                    {"application/json": {"schema": {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}}}}}},
            },
            "/things/best": {"get": {"parameters": [], "responses": {"204": {}}}},
            "/files/{path}": {"get": {"parameters": path, "responses": {"204": {}}}},
        },
        "components": {
            "parameters": {"state": {"name": "state", "in": "query", "schema": {"type": "string", "enum": ["open", "closed"]}}},
            "schemas": {
                "thing": thing, "owner": {"type": "object", "required": ["login"], "properties": {"login": {"type": "string"}}},
                "error": {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}},
                "basic-error": {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}},
            },
        },
    }))
}

/// What is found, one line each.
fn found(method: &str, target: &str, sent: Value, status: u16, answered: Value) -> String {
    let bytes = |value: &Value| match value {
        Value::Null => Bytes::new(),
        Value::String(text) => Bytes::from(text.clone()),
        other => Bytes::from(other.to_string()),
    };
    let mut request = Request::builder().method(method).uri(target).header("user-agent", "tests");
    if !sent.is_null() {
        request = request.header("content-type", "application/json");
    }
    let mut answer = Response::builder().status(status);
    if !answered.is_null() {
        answer = answer.header("content-type", "application/json; charset=utf-8");
    }
    let (request, answer) = (request.body(bytes(&sent)).unwrap(), answer.body(bytes(&answered)).unwrap());
    description().problems(&request, Some(&answer)).join("\n")
}

fn got(target: &str, answered: Value) -> String {
    found("GET", target, Value::Null, 200, answered)
}

fn thing(more: Value) -> Value {
    let mut thing = json!({"id": 1, "owner": {"login": "a"}});
    thing.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    thing
}

#[test]
fn what_is_as_described_has_no_problem() {
    for more in [
        json!({}),
        json!({"kind": null}),
        json!({"kind": "a", "description": "d", "at": "2026-01-02T03:04:05Z"}),
        json!({"either": 1, "both": {"login": "b", "more": true}}),
        json!({"either": {"x": "y"}}),
    ] {
        assert_eq!(got("/things/1?state=open&per_page=100", thing(more)), "");
    }
    assert_eq!(got("/api/v3/things/1", thing(json!({}))), "", "as on an Enterprise Server");
    assert_eq!(
        found("GET", "/things/best", Value::Null, 204, Value::Null),
        "",
        "not the thing of that number"
    );
    assert_eq!(found("GET", "/files/a/b/c", Value::Null, 204, Value::Null), "");
    assert_eq!(found("PATCH", "/things/1", json!({"kind": "x"}), 204, Value::Null), "");
    let error = json!({"message": "m", "status": "422"});
    assert_eq!(found("GET", "/things/1", Value::Null, 422, error), "", "errors have more than is described");
}

#[test]
fn a_mutated_answer_is_found() {
    for (mutation, told) in [
        (json!({"id": "1"}), "`/id`"),
        (json!({"owner": {}}), "`/owner`: \"login\" is a required property"),
        (json!({"owner": null}), "`/owner`"),
        (json!({"owner": {"login": "a", "made_up": 1}}), "made_up"),
        (json!({"made_up": 1}), "made_up"),
        (json!({"kind": "c"}), "`/kind`"),
        (json!({"at": "yesterday"}), "`/at`"),
        (json!({"either": {"x": 1}}), "`/either/x`"),
        (json!({"both": {"more": true}}), "`/both`: \"login\""),
    ] {
        let told_of = got("/things/1", thing(mutation.clone()));
        assert!(told_of.starts_with("GET /things/{number} -> 200: answered: "), "{mutation}: {told_of}");
        assert!(told_of.contains(told), "{mutation}: {told_of}");
    }
    assert!(got("/things/1", json!("{")).contains("no JSON"));
    assert!(found("PATCH", "/things/1", json!({"kind": "x"}), 204, json!({})).contains("none is declared"));
    assert!(
        found("GET", "/things/1", Value::Null, 500, json!({})).contains("the status 500 is not declared")
    );
    assert!(found("GET", "/things/1", Value::Null, 200, Value::Null).contains("the answer is ``"));
}

#[test]
fn a_mutated_request_is_found() {
    for (target, told) in [
        ("/things", "no such operation"),
        ("/things/1/2", "no such operation"),
        ("/things/one", "the parameter `number`"),
        ("/things/1?state=odd", "the parameter `state`"),
        ("/things/1?per_page=many", "the parameter `per_page`"),
        ("/things/1?per_page=101", "100 is the most"),
        ("/things/1?statte=open", "the parameter `statte` is not declared"),
    ] {
        let told_of = got(target, thing(json!({})));
        assert!(told_of.contains(told), "{target}: {told_of}");
    }
    for (sent, told) in [
        (Value::Null, "the body is missing"),
        (json!({}), "sent: the body: \"kind\" is a required property"),
        (json!({"kind": 1}), "sent: `/kind`"),
        (json!({"kind": "x", "knd": 1}), "knd"),
        (json!("kind=x"), "no JSON"),
    ] {
        let told_of = found("PATCH", "/things/1", sent.clone(), 204, Value::Null);
        assert!(told_of.contains(told), "{sent}: {told_of}");
    }
    let sent = found("GET", "/things/1", json!({}), 200, thing(json!({})));
    assert!(sent.contains("a body is sent, and none is declared"), "{sent}");
    let nameless = Request::get("/things/best").header("accept", "text/html").body(Bytes::new()).unwrap();
    let told_of = description().problems(&nameless, None).join("\n");
    assert!(told_of.contains("User-Agent") && told_of.contains("text/html"), "{told_of}");
}

#[test]
fn what_github_does_everywhere_is_known_and_still_has_its_form() {
    assert_eq!(found("GET", "/things/1", Value::Null, 304, Value::Null), "");
    assert_eq!(found("GET", "/things/1", Value::Null, 401, json!({"message": "Bad credentials"})), "");
    assert!(found("GET", "/things/1", Value::Null, 401, json!({})).contains("\"message\""));
    assert!(found("PATCH", "/things/1", json!({"kind": "x"}), 304, Value::Null).contains("304"));
}
