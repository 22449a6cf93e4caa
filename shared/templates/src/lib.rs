//! Texts of the configuration with places to fill in, such as `{{ pull_request.number }}`. The language is Jinja's (minijinja).
//!
//! Who wrote the text is trusted, what is filled in is not: a template reads nothing but what it is given, its work and its length
//! are bounded, a name that is not there is an error, and in an address every value is percent-encoded.

use std::fmt::Write as _;
use std::io;

use minijinja::value::{Serde, Value};
use minijinja::{Environment, ErrorKind, UndefinedBehavior};

/// Steps that filling in may take; a loop over everything that an event holds takes far fewer.
const FUEL: u64 = 100_000;
/// Nested blocks and calls at most.
const DEPTH: usize = 50;
/// The text of a template at most, in bytes.
const LONGEST: usize = 16 * 1024;
/// The name that the one template of an environment has.
const NAME: &str = "text";

/// A template that cannot be read or filled in: what is wrong, and in which line of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct TemplateError {
    reason: String,
}

/// What is made of the values that are filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// They stand as they are; whoever shows the text escapes it.
    Text,
    /// They are percent-encoded, but for those that the template marks with `| safe`.
    Address,
}

/// A template that was read.
#[derive(Debug)]
pub struct Template {
    environment: Environment<'static>,
}

impl Template {
    /// Reads a template of a form in which some characters have an effect: what is filled in goes through `escape`, and the template's
    /// own text does not.
    pub fn escaping(text: &str, escape: fn(&str) -> String) -> Result<Self, TemplateError> {
        let mut made = Self::parse(text, Kind::Text)?;
        made.environment.set_formatter(move |out, _, value| {
            if value.is_undefined() {
                return Err(ErrorKind::UndefinedError.into());
            }
            Ok(out.write_str(&escape(&value.to_string()))?)
        });
        Ok(made)
    }

    /// Reads a template over an object as a cluster holds it, in which a field that is not there is empty, and so is what would be in
    /// it. The filter `short` makes commit ids short, as the Flux CLI does.
    pub fn over_objects(text: &str) -> Result<Self, TemplateError> {
        let mut made = Self::parse(text, Kind::Text)?;
        made.environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        Ok(made)
    }

    /// Reads a template. The error says what is not understood, and where.
    pub fn parse(text: &str, kind: Kind) -> Result<Self, TemplateError> {
        if text.len() > LONGEST {
            return Err(TemplateError { reason: format!("it is longer than {LONGEST} bytes") });
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(DEPTH);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.add_filter("short", |text: String| shortened(&text));
        if kind == Kind::Address {
            environment.set_formatter(|out, _, value| encode(out, value));
        }
        environment.add_template_owned(NAME, text.to_owned()).map_err(|error| explained(&error))?;
        Ok(Self { environment })
    }

    /// Fills a template in, to at most so many bytes. The error does not repeat what was filled in.
    pub fn render(&self, values: &serde_json::Value, most: usize) -> Result<String, TemplateError> {
        let template = self.environment.get_template(NAME).map_err(|error| explained(&error))?;
        let mut text = Bounded { bytes: Vec::new(), most };
        let filled = template.render_captured_to(Value::from(Serde(values)), &mut text).map(drop);
        if text.bytes.len() > most {
            return Err(TemplateError { reason: format!("it comes to more than {most} bytes") });
        }
        filled.map_err(|error| explained(&error))?;
        String::from_utf8(text.bytes).map_err(|_| TemplateError { reason: "it is not text".to_owned() })
    }
}

/// Commit ids and digests (40 to 128 hexadecimal digits that stand alone) down to their first eight, as the Flux CLI shows them.
pub fn shortened(text: &str) -> String {
    const DIGITS: std::ops::RangeInclusive<usize> = 40..=128;
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        let length = rest[start..].find(|c| !is_word(c)).unwrap_or(rest.len() - start);
        let word = &rest[start..start + length];
        let id = DIGITS.contains(&length) && word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        out.push_str(&rest[..start]);
        out.push_str(if id { &word[..8] } else { word });
        rest = &rest[start + length..];
    }
    out + rest
}

/// Writes a value so that it is one part of an address, unless the template says that it is one already.
fn encode(out: &mut minijinja::Output<'_>, value: &Value) -> Result<(), minijinja::Error> {
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    let text = value.to_string();
    if value.is_safe() {
        return Ok(out.write_str(&text)?);
    }
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if plain { out.write_char(char::from(byte))? } else { write!(out, "%{byte:02X}")? }
    }
    Ok(())
}

fn explained(error: &minijinja::Error) -> TemplateError {
    let place = error.line().map(|line| format!(" (line {line} of it)")).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    let reason = match error.kind() {
        ErrorKind::OutOfFuel => format!("it takes too many steps{place}"),
        ErrorKind::UndefinedError => format!("it names something that is not there{detail}{place}"),
        kind => format!("{kind}{detail}{place}"),
    };
    TemplateError { reason }
}

/// Takes bytes up to a limit; what is beyond makes it one too long, and ends the writing.
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = (self.most + 1).saturating_sub(self.bytes.len());
        let taken = bytes.len().min(room);
        self.bytes.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        if taken < bytes.len() { Err(io::Error::other("too long")) } else { Ok(taken) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(text: &str, kind: Kind) -> String {
        let values = json!({"pull_request": {"number": 7, "labels": ["a", "b"], "head": {"branch": "x/y?z&<é>"},
            "url": "https://github.com/acme/fleet/pull/7"}});
        let made = Template::parse(text, kind).and_then(|template| template.render(&values, 200));
        made.unwrap_or_else(|error| format!("error: {error}"))
    }

    #[test]
    fn places_are_filled_in() {
        for (text, wanted) in [
            ("#{{ pull_request.number }}", "#7"),
            ("{{ pull_request.labels | join(', ') }}", "a, b"),
            ("{% if 'b' in pull_request.labels %}yes{% endif %}", "yes"),
            ("{{ pull_request.head.branch }}", "x/y?z&<é>"),
            ("{{ pull_request.nmber }}", "error: it names something that is not there"),
            ("{{ pull_request.number", "error: syntax error: unexpected end of input"),
            ("{% include 'other' %}", "error: "),
            ("{% for a in range(100000) %}{% endfor %}", "error: "),
            ("{{ 'a' * 201 }}", "error: it comes to more than 200 bytes"),
        ] {
            let found = filled(text, Kind::Text);
            assert!(found.starts_with(wanted), "{text}: {found:?}");
        }
        assert!(filled("\n\n{{ x }}", Kind::Text).ends_with("(line 3 of it)"));
    }

    #[test]
    fn what_is_filled_in_is_escaped_and_the_rest_is_not() {
        let escape = |text: &str| text.replace('<', "&lt;");
        let made = Template::escaping("<{{ a }}> {{ a | safe }} {{ a | upper }}", escape);
        let text = made.and_then(|made| made.render(&json!({"a": "<!here>"}), 100));
        assert_eq!(text.as_deref(), Ok("<&lt;!here>> &lt;!here> &lt;!HERE>"));
        let made = Template::escaping("{{ b }}", escape).and_then(|made| made.render(&json!({"a": 1}), 100));
        assert!(made.is_err_and(|error| error.to_string().contains("not there")));
    }

    #[test]
    fn what_an_object_lacks_is_empty_and_ids_are_short() {
        let object = json!({"status": {"revision": format!("main@sha1:{}", "0123456789".repeat(4))}});
        let made = |text: &str| Template::over_objects(text).and_then(|made| made.render(&object, 100));
        assert_eq!(made("[{{ status.artifact.revision | short }}]").as_deref(), Ok("[]"));
        assert_eq!(made("{{ status.revision | short }}").as_deref(), Ok("main@sha1:01234567"));
        let hex = |n: usize| "a1".repeat(n / 2);
        for (text, expected) in [
            (format!("x {} y", hex(64)), "x a1a1a1a1 y".to_owned()),
            (hex(38), hex(38)),
            (hex(130), hex(130)),
            (format!("{}g", hex(40)), format!("{}g", hex(40))),
            (hex(40).to_uppercase(), hex(40).to_uppercase()),
            ("é main/ä".to_owned(), "é main/ä".to_owned()),
        ] {
            assert_eq!(shortened(&text), expected);
        }
    }

    #[test]
    fn values_in_an_address_stay_one_part_of_it() {
        let found = filled("https://ci/{{ pull_request.head.branch }}", Kind::Address);
        assert_eq!(found, "https://ci/x%2Fy%3Fz%26%3C%C3%A9%3E");
        let found = filled("{{ pull_request.url | safe }}/files", Kind::Address);
        assert_eq!(found, "https://github.com/acme/fleet/pull/7/files");
        assert!(filled("https://ci/{{ nothing }}", Kind::Address).starts_with("error: it names"));
    }
}
