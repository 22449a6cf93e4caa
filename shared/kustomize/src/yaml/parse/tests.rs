#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;

/// The events of the first document, in a line: collections as their brackets, scalars with their style's mark.
fn events(text: &str, version: Version) -> Result<String, YamlError> {
    let mut parser = Parser::new(text, version);
    let mut out = Vec::new();
    loop {
        let event = parser.next()?;
        out.push(match event {
            Event::DocumentStart => continue,
            Event::DocumentEnd | Event::StreamEnd => return Ok(out.join(" ")),
            Event::Alias(name) => format!("*{name}"),
            Event::SequenceStart(properties, _) => format!("{}[", before(&properties)),
            Event::MappingStart(properties, _) => format!("{}{{", before(&properties)),
            Event::SequenceEnd => "]".to_owned(),
            Event::MappingEnd => "}".to_owned(),
            Event::Scalar(value, style, properties) => {
                let mark = match style {
                    Style::Plain => ':',
                    Style::Single => '\'',
                    Style::Double => '"',
                    Style::Literal => '|',
                    Style::Folded => '>',
                };
                format!("{}{mark}{}", before(&properties), value.escape_debug())
            }
        });
    }
}

fn before(properties: &Properties<'_>) -> String {
    let anchor = properties.anchor.map_or(String::new(), |name| format!("&{name} "));
    let tag = properties.tag.map_or(String::new(), |tag| format!("<{tag:?}> "));
    anchor + &tag
}

#[track_caller]
fn check(text: &str, expected: &str) {
    for version in [Version::V2, Version::V3] {
        assert_eq!(events(text, version).unwrap(), expected, "{version:?} {text:?}");
    }
}

#[track_caller]
fn refused(text: &str, line: usize) {
    for version in [Version::V2, Version::V3] {
        assert_eq!(events(text, version).unwrap_err().line, line, "{version:?} {text:?}");
    }
}

#[test]
fn block_collections() {
    check("a: b\nc:\n  d: e\n", "{ :a :b :c { :d :e } }");
    check("a:\n- b\n- c:\n  - d\n  e: f\ng: h\n", "{ :a [ :b { :c [ :d ] :e :f } ] :g :h }");
    check("- - a\n  - b\n-\n- c", "[ [ :a :b ] : :c ]");
    check("? a\n: b\n? - c\n: - d\n", "{ :a :b [ :c ] [ :d ] }");
    check("a:\nb: \n", "{ :a : :b : }");
    check("'a': 1\n\"b\" : 2", "{ 'a :1 \"b :2 }");
    refused("a: b: c", 1);
    refused("a: b\n- c\n", 2);
    refused("- a\nb: c\n", 2);
    refused("a:\n  b: c\n d: e\n", 3);
    refused("a\nb: c\n", 2);
    refused("a: - b\n", 1);
}

#[test]
fn flow_collections() {
    check("[a, 'b', {c: d, e}, f: g, ]", "[ :a 'b { :c :d :e : } { :f :g } ]");
    check("{\"a\":b, ? c : d}", "{ \"a :b :c :d }");
    check("a: [b,\nc\n]\nd: {e: f\n}", "{ :a [ :b :c ] :d { :e :f } }");
    check("[a:b, http://c]", "[ :a:b :http://c ]");
    check("[]", "[ ]");
    refused("[a", 1);
    // A document ends with its node; what follows is the next one's matter.
    check("[a]]", "[ :a ]");
    refused("{a: b]", 1);
    refused("[-\n]", 1);
}

#[test]
fn plain_scalars_fold_their_lines() {
    check("a: b\n  c\n\n  d  \n", "{ :a :b c\\nd }");
    check("a: b #c\nd: e#f\n", "{ :a :b :d :e#f }");
    check("a: -b\nc: :d\ne: ?f\n", "{ :a :-b :c ::d :e :?f }");
    check("a\u{85}b\u{2028}c", ":a b\\u{2028}c");
    check("a: é ü", "{ :a :é ü }");
    refused("a: @b", 1);
    refused("a: b\n\tc: d", 2);
}

#[test]
fn quoted_scalars_fold_and_escape() {
    check("'it''s'", "'it\\'s");
    check("'a\n  b\n\n c '", "'a b\\nc ");
    check("\"a \\\n  b\\x41\\u00e9\\U0001F600\\t\"", "\"a bAé😀\\t");
    check("\"y\"#c", "\"y");
    check("a: 'b'#c\nd: [e]#f", "{ :a 'b :d [ :e ] }");
    check("\"a\\\\ b\": 'c\\d'", "{ \"a\\\\ b 'c\\\\d }");
    for bad in ["\"\\/\"", "\"\\ud83d\"", "\"\\xg\"", "'a", "\"a\n---\n\""] {
        refused(bad, 1);
    }
    refused("a: 'b' c\n", 1);
}

#[test]
fn block_scalars_chomp_and_indent() {
    check("a: |\n  b\n   c\n\n  d\n\n\ne: f", "{ :a |b\\n c\\n\\nd\\n :e :f }");
    check("- |+\n a\n\n- |-\n b\n\n- >\n c\n d\n\n  e\n f", "[ |a\\n\\n |b >c d\\n\\n e\\nf ]");
    check("a: |2\n   b\n", "{ :a | b\\n }");
    check("a: |\n  b", "{ :a |b }");
    check("a: |", "{ :a | }");
    check("a: >+\n  b\n\n # c\nd: e", "{ :a >b\\n\\n :d :e }");
    check("a: | # c\n  b\n", "{ :a |b\\n }");
    refused("a: |\n\tb\n", 1);
    refused("a: |0\n", 1);
    refused("a: |x\n", 1);
    refused("a: |\n    \n  b\n", 3);
}

#[test]
fn anchors_and_tags() {
    check("&a !!str b", "&a <Named(Str)> :b");
    check("!<tag:yaml.org,2002:int> 1", "<Named(Int)> :1");
    check("! b", "<NonSpecific> :b");
    check("- !t &a\n- *a", "[ &a <Named(Other)> : *a ]");
    check("&a b: *c\n", "{ &a :b *c }");
    check("%TAG !e! tag:yaml.org,2002:\n---\n!e!str a", "<Named(Str)> :a");
    refused("!e!str a", 1);
    refused("& a", 1);
    refused("!<a b", 1);
}

#[test]
fn documents_and_directives() {
    check("%YAML 1.1\n---\na\n", ":a");
    check("--- # c\n- a\n...\n", "[ :a ]");
    check("---\n---\na", ":");
    check("\u{feff}a", ":a");
    check("# only", "");
    refused("%YAML 1.2\n---\na", 1);
    refused("%FOO\n---\na", 1);
    check("a\n%YAML 1.1\n---\nb", ":a %YAML 1.1");
    check("'a'\n%YAML 1.1\n---\nb", "'a");
    assert_eq!(events("a\n---\n@", Version::V2).unwrap(), ":a");
    assert_eq!(events("a\n---\n@", Version::V3).unwrap_err().line, 3);
}

#[test]
fn tabs_stand_where_no_indentation_is_expected() {
    check("a:\tb\t\n", "{ :a :b }");
    refused("\ta: b", 1);
    refused("- a\n-\tb\n", 2);
    assert_eq!(events("# a\n\t# b\nc: d", Version::V3).unwrap(), "{ :c :d }");
    assert_eq!(events("# a\n\t# b\nc: d", Version::V2).unwrap_err().line, 2);
}

#[test]
fn keys_have_an_end() {
    let key = |length| format!("{}: x", "é".repeat(length));
    assert!(events(&key(1024), Version::V3).is_ok());
    refused(&key(1025), 1);
    assert!(events(&format!("? {}\n: x", "k".repeat(5000)), Version::V3).is_ok());
}

#[test]
fn control_characters_are_refused_where_they_are_read() {
    refused("a: b\nc: \u{7}", 2);
    refused("a: \"\u{fffe}\"", 1);
    let late = format!("a\n---\n{}\u{7}", "b ".repeat(1000));
    assert_eq!(events(&late, Version::V2).unwrap(), ":a");
}
