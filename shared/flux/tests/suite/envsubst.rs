//! Every form of substitution against a table of what Flux makes of it.

use std::fs;
use std::path::{Path, PathBuf};

use flux::envsubst::substitute;
use flux::{Strictness, Variables};

/// The table, read anew each time since it may just have been recorded.
fn table() -> String {
    fs::read_to_string(path()).unwrap()
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/envsubst.tsv")
}

/// The rows without the words at the table's head.
pub(crate) fn rows() -> Vec<String> {
    table().lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// The first column.
pub(crate) fn inputs() -> Vec<String> {
    let column = |row: &String| serde_json::from_str(row.split('\t').next().unwrap()).unwrap();
    rows().iter().map(column).collect()
}

/// Writes other rows below the words at the table's head.
pub(crate) fn record(rows: &[String]) {
    let table = table();
    let head = table.lines().filter(|line| line.starts_with('#')).map(str::to_owned);
    let lines: Vec<String> = head.chain(rows.iter().cloned()).collect();
    fs::write(path(), format!("{}\n", lines.join("\n"))).unwrap();
}

/// A result in the table's form.
pub(crate) fn shown(result: &Result<String, String>) -> String {
    match result {
        Ok(text) => format!("= {}", serde_json::to_string(text).unwrap()),
        Err(error) => format!("! {error}"),
    }
}

/// The variables of the table.
pub(crate) const VALUES: [(&str, &str); 7] = [
    ("a", "A1"),
    ("e", ""),
    ("n", "8080"),
    ("p", "/x/y/z"),
    ("u", "héllo"),
    ("s", "abcABC123ABCabc"),
    ("f", "bash.string.txt"),
];

fn result(text: &str, strictness: Strictness) -> String {
    let mut variables = Variables::default();
    VALUES.iter().for_each(|(name, value)| variables.insert(name, value.as_bytes(), false));
    shown(&substitute(text, &variables, strictness).map_err(|error| error.to_string()))
}

#[test]
fn the_table_holds() {
    let rows = rows();
    assert!(rows.len() > 100);
    for row in rows {
        let [input, lenient, strict] = row.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let text: String = serde_json::from_str(input).unwrap();
        assert_eq!(result(&text, Strictness::Lenient), lenient, "lenient {input}");
        assert_eq!(result(&text, Strictness::Strict), strict, "strict {input}");
    }
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
