//! Every form of substitution against a table of what Flux makes of it.

use flux::envsubst::substitute;
use flux::{Strictness, Variables};

const TABLE: &str = include_str!("envsubst.tsv");

fn variables() -> Variables {
    let mut variables = Variables::default();
    for (name, value) in [
        ("a", "A1"),
        ("e", ""),
        ("n", "8080"),
        ("p", "/x/y/z"),
        ("u", "héllo"),
        ("s", "abcABC123ABCabc"),
        ("f", "bash.string.txt"),
    ] {
        variables.insert(name, value.as_bytes(), false);
    }
    variables
}

fn result(text: &str, strictness: Strictness) -> String {
    match substitute(text, &variables(), strictness) {
        Ok(text) => format!("= {}", serde_json::to_string(&text).unwrap()),
        Err(error) => format!("! {error}"),
    }
}

#[test]
fn the_table_holds() {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
    let mut count = 0;
    for row in rows {
        let [input, lenient, strict] = row.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let text: String = serde_json::from_str(input).unwrap();
        assert_eq!(result(&text, Strictness::Lenient), lenient, "lenient {input}");
        assert_eq!(result(&text, Strictness::Strict), strict, "strict {input}");
        count += 1;
    }
    assert_eq!(count, 108);
}

#[test]
fn bounds_are_errors() {
    let error = |text: &str| result(text, Strictness::Lenient);
    let nested = format!("{}x{}", "${a0:=".repeat(100), "}".repeat(100));
    assert_eq!(error(&nested), "! substitutions nest deeper than 64");

    let mut variables = Variables::default();
    variables.insert("long", "a".repeat(1 << 20).as_bytes(), false);
    let error = |text: &str| substitute(text, &variables, Strictness::Strict).unwrap_err().to_string();
    assert_eq!(error(&"${long}".repeat(17)), "the result is larger than 16777216 bytes");
    assert_eq!(error("${long//a/${long}}"), "the result is larger than 16777216 bytes");
    assert_eq!(error("${long#*aaaaaaab}"), "trimming `long` takes too long");
}
