#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
use serde_json::json;

use super::*;

fn check(text: &str, expected: &str) {
    assert_eq!(emit(&json!({ "k": text })), format!("k: {expected}\n"), "{text:?}");
}

#[test]
fn strings_are_quoted_only_where_a_yaml_1_1_reader_needs_it() {
    for plain in [
        "${PORT}",
        "${A}:${B}",
        "${A:={}}",
        "é",
        "a'b",
        "=",
        "<<",
        "1,000",
        "?a",
        "${A/:/-}",
        "$${A}",
        "\u{a0}x",
        "a#b",
        ":a",
        "-a",
    ] {
        check(plain, plain);
    }
    for single in [
        "pre: ${A}",
        "${A} # c",
        "${A:=x: y}",
        "- a",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a`",
        "{a}",
        "[a]",
        "a:",
        "a: ",
        "#a",
        "a #b",
        "\"q\"",
        " a",
        "a ",
        "---",
        "> a",
        "| a",
        "-",
        "? a",
    ] {
        check(single, &format!("'{single}'"));
    }
    for double in [
        "yes",
        "no",
        "on",
        "y",
        "n",
        "true",
        "123",
        "0777",
        "0o17",
        "1e3",
        "1_000",
        "190:20:30",
        "1.0",
        "null",
        "~",
        "2020-01-01",
        "",
        ".inf",
        "+1",
        "0x1F",
        "1:2",
        "-0b1",
    ] {
        check(double, &format!("\"{double}\""));
    }
    check("'q'", "'''q'''");
    check("tab\there", "\"tab\\there\"");
    check("\u{1}", "\"\\x01\"");
    check("\u{1f600}", "\"\\U0001F600\"");
}

#[test]
fn lines_are_literal_blocks() {
    check("a\nb\n", "|\n  a\n  b");
    check("a\nb", "|-\n  a\n  b");
    check("a\n\n", "|+\n  a\n");
    check("\n", "|2+\n");
    check(" a\nb\n", "|2\n   a\n  b");
    check("a \nb", "\"a \\nb\"");
}

#[test]
fn long_scalars_break_beyond_eighty_columns() {
    let word = "abcdefghi";
    let text = [word; 12].join(" ");
    check(&text, &format!("{}\n  {}", [word; 8].join(" "), [word; 4].join(" ")));
    check(&format!("{text}: x"), &format!("'{}\n  {}: x'", [word; 8].join(" "), [word; 4].join(" ")));
}

#[test]
fn collections_are_blocks_unless_empty() {
    let value = json!({"a": [], "b": {}, "c": [1, [2, [3]], {"x": 1, "y": [{"z": null}]}], "d": {"e": true}});
    let expected = "a: []\nb: {}\nc:\n- 1\n- - 2\n  - - 3\n- x: 1\n  \"y\":\n  - z: null\nd:\n  e: true\n";
    assert_eq!(emit(&value), expected);
    assert_eq!(emit(&json!([])), "[]\n");
    assert_eq!(emit(&json!("x")), "x\n");
    let long = "k".repeat(129);
    assert_eq!(emit(&json!({ long.clone(): 1 })), format!("? {long}\n: 1\n"));
}

#[test]
fn keys_are_in_natural_order() {
    let sorted = |keys: &[&str]| {
        let map: Map<String, Value> = keys.iter().map(|k| ((*k).to_owned(), json!(1))).collect();
        emit(&Value::Object(map)).lines().map(|l| l.split(':').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        sorted(&["a10", "a2", "a1", "B", "b", "_x", "a-b", "ab", "a.b"]),
        ["_x", "B", "a-b", "a.b", "a1", "a2", "a10", "ab", "b"]
    );
}

#[test]
fn numbers_are_those_of_go() {
    let check =
        |value: Value, expected: &str| assert_eq!(emit(&json!({ "k": value })), format!("k: {expected}\n"));
    check(json!(1), "1");
    check(json!(u64::MAX), "18446744073709551615");
    check(json!(1.5), "1.5");
    check(json!(0.00001), "1e-05");
    check(json!(0.0001), "0.0001");
    check(json!(1e21), "1e+21");
    check(json!(1_234_567.5), "1.2345675e+06");
    check(json!(123_456.5), "123456.5");
    check(json!(1.234_567_890_123_456_8e29), "1.2345678901234568e+29");
}
