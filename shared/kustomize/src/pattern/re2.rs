//! Regular expressions as Go writes them, in the words of the `regex` crate: what both spell alike but read otherwise
//! is spelled out, and what Go refuses is refused.

use std::iter::Peekable;
use std::str::Chars;

/// Times that a part may be asked to repeat.
const MOST_REPEATS: u32 = 1000;

/// The expression for the `regex` crate; `None` when Go does not take it for one.
pub(super) fn translate(pattern: &str) -> Option<String> {
    let mut reader = Reader {
        rest: pattern.chars().peekable(),
        out: String::with_capacity(pattern.len() + 8),
        repeated: false,
    };
    while let Some(c) = reader.rest.next() {
        reader.one(c)?;
    }
    Some(reader.out)
}

struct Reader<'p> {
    rest: Peekable<Chars<'p>>,
    out: String,
    /// Whether what was just read is a repetition, which Go does not let repeat.
    repeated: bool,
}

/// What an escape stands for.
enum Escaped {
    Char(char),
    /// Something that means the same within a class and outside, as it is written for the `regex` crate.
    Class(String),
}

impl Reader<'_> {
    fn one(&mut self, c: char) -> Option<()> {
        let repeated = std::mem::take(&mut self.repeated);
        match c {
            '\\' => self.escape(),
            '[' => self.class(),
            '(' => self.group(),
            '*' | '+' | '?' => self.repetition(&c.to_string(), repeated),
            '{' => match self.counted() {
                Some(counted) => self.repetition(&counted?, repeated),
                None => self.literal('{'),
            },
            '|' | ')' | '^' | '$' | '.' => {
                self.out.push(c);
                Some(())
            }
            c => self.literal(c),
        }
    }

    fn literal(&mut self, c: char) -> Option<()> {
        self.out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
        Some(())
    }

    fn repetition(&mut self, operator: &str, repeated: bool) -> Option<()> {
        if repeated {
            return None;
        }
        self.out.push_str(operator);
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
        }
        self.repeated = true;
        Some(())
    }

    /// `{2}`, `{2,}` or `{2,3}`; `None` when the brace is only a brace, `Some(None)` when Go refuses the numbers.
    fn counted(&mut self) -> Option<Option<String>> {
        let mut ahead = self.rest.clone();
        let inner: String = ahead.by_ref().take_while(|c| *c != '}').take(12).collect();
        let (low, high) = match inner.split_once(',') {
            Some((low, high)) => (low, Some(high)),
            None => (inner.as_str(), None),
        };
        let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let closed = self.rest.clone().nth(inner.chars().count()) == Some('}');
        if !closed || !number(low) || high.is_some_and(|high| !high.is_empty() && !number(high)) {
            return None;
        }
        let value = |text: &str| text.parse::<u32>().ok().filter(|n| *n <= MOST_REPEATS);
        let fits = match high {
            Some(high) if !high.is_empty() => value(low).zip(value(high)).is_some_and(|(l, h)| l <= h),
            _ => value(low).is_some(),
        };
        self.rest = ahead;
        Some(fits.then(|| format!("{{{inner}}}")))
    }

    /// A group; only Go's flags may follow `(?`.
    fn group(&mut self) -> Option<()> {
        self.out.push('(');
        if self.rest.next_if_eq(&'?').is_none() {
            return Some(());
        }
        self.out.push('?');
        if matches!(self.rest.peek(), Some('P' | '<')) {
            return Some(());
        }
        for c in self.rest.by_ref() {
            self.out.push(c);
            match c {
                ':' | ')' => return Some(()),
                'i' | 'm' | 's' | 'U' | '-' => {}
                _ => return None,
            }
        }
        None
    }

    fn escape(&mut self) -> Option<()> {
        match self.rest.peek().copied()? {
            'b' => self.take("(?-u:\\b)"),
            'B' => self.take("(?-u:\\B)"),
            'A' => self.take("\\A"),
            'z' => self.take("\\z"),
            'Q' => {
                self.rest.next();
                self.quoted()
            }
            _ => match self.escaped()? {
                Escaped::Char(c) => self.literal(c),
                Escaped::Class(class) => {
                    self.out.push_str(&class);
                    Some(())
                }
            },
        }
    }

    fn take(&mut self, spelled: &str) -> Option<()> {
        self.rest.next();
        self.out.push_str(spelled);
        Some(())
    }

    /// `\Q...\E`: everything between stands for itself.
    fn quoted(&mut self) -> Option<()> {
        while let Some(c) = self.rest.next() {
            if c == '\\' && self.rest.next_if_eq(&'E').is_some() {
                break;
            }
            self.literal(c)?;
        }
        Some(())
    }

    /// What follows a backslash, within a class or outside.
    fn escaped(&mut self) -> Option<Escaped> {
        let c = self.rest.next()?;
        let class = |text: &str| Some(Escaped::Class(text.to_owned()));
        match c {
            'd' => class("[0-9]"),
            'D' => class("[^0-9]"),
            's' => class("[\\t\\n\\f\\r ]"),
            'S' => class("[^\\t\\n\\f\\r ]"),
            'w' => class("[0-9A-Za-z_]"),
            'W' => class("[^0-9A-Za-z_]"),
            'p' | 'P' => self.property(c).map(Escaped::Class),
            'a' => Some(Escaped::Char('\u{7}')),
            'f' => Some(Escaped::Char('\u{c}')),
            'n' => Some(Escaped::Char('\n')),
            'r' => Some(Escaped::Char('\r')),
            't' => Some(Escaped::Char('\t')),
            'v' => Some(Escaped::Char('\u{b}')),
            'x' => self.hexadecimal().map(Escaped::Char),
            '0'..='7' => self.octal(c).map(Escaped::Char),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(Escaped::Char(c)),
            _ => None,
        }
    }

    fn property(&mut self, letter: char) -> Option<String> {
        let name = match self.rest.next()? {
            '{' => {
                let name: String = self.rest.by_ref().take_while(|c| *c != '}').collect();
                format!("{{{name}}}")
            }
            one => one.to_string(),
        };
        Some(format!("\\{letter}{name}"))
    }

    fn hexadecimal(&mut self) -> Option<char> {
        let digits: String = if self.rest.next_if_eq(&'{').is_some() {
            self.rest.by_ref().take_while(|c| *c != '}').collect()
        } else {
            self.rest.by_ref().take(2).collect()
        };
        let hexadecimal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
        char::from_u32(u32::from_str_radix(&digits, 16).ok().filter(|_| hexadecimal)?)
    }

    /// Up to three octal digits; a single one but zero would refer back, which Go does not do.
    fn octal(&mut self, first: char) -> Option<char> {
        let mut value = first.to_digit(8)?;
        if first != '0' && !matches!(self.rest.peek(), Some('0'..='7')) {
            return None;
        }
        for _ in 0..2 {
            let Some(digit) = self.rest.next_if(|c| matches!(c, '0'..='7')) else { break };
            value = value * 8 + digit.to_digit(8)?;
        }
        char::from_u32(value)
    }

    /// `[...]`, in which Go has neither classes of classes nor operators.
    fn class(&mut self) -> Option<()> {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let c = self.rest.next()?;
            if c == ']' && !first {
                self.out.push(']');
                return Some(());
            }
            first = false;
            let low = match c {
                '[' if self.rest.peek() == Some(&':') => {
                    if let Some(named) = self.named() {
                        self.out.push_str(&named);
                        continue;
                    }
                    '['
                }
                '\\' => match self.escaped()? {
                    Escaped::Char(c) => c,
                    Escaped::Class(class) => {
                        self.out.push_str(&class);
                        continue;
                    }
                },
                c => c,
            };
            let mut ahead = self.rest.clone();
            let range = ahead.next() == Some('-') && !matches!(ahead.next(), Some(']') | None);
            let high = if range { self.high()? } else { low };
            if low > high {
                return None;
            }
            self.out.push_str(&format!("\\x{{{:x}}}-\\x{{{:x}}}", u32::from(low), u32::from(high)));
        }
    }

    /// The end of a range.
    fn high(&mut self) -> Option<char> {
        self.rest.next();
        match self.rest.next()? {
            '\\' => match self.escaped()? {
                Escaped::Char(c) => Some(c),
                Escaped::Class(_) => None,
            },
            c => Some(c),
        }
    }

    /// `[:alpha:]` and the like; `None` when the text goes on otherwise.
    fn named(&mut self) -> Option<String> {
        let mut ahead = self.rest.clone();
        let mut name = String::from("[");
        for c in ahead.by_ref().take(12) {
            name.push(c);
            if name.ends_with(":]") && name.len() > 3 {
                self.rest = ahead;
                return Some(name);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_in_go() {
        let check = |pattern: &str, text: &str, expected: bool| {
            let spelled = translate(pattern).unwrap();
            let regex = regex::Regex::new(&format!("^(?:{spelled})$")).unwrap();
            assert_eq!(regex.is_match(text), expected, "`{pattern}` as `{spelled}` on `{text}`");
        };
        check(r"\w+", "web_1", true);
        check(r"\w+", "é", false);
        check(r"\d", "٣", false);
        check(r"[\d\-x]+", "1-x", true);
        check(r"\W", "é", true);
        check("[a&&b]", "&", true);
        check("[[a]", "[", true);
        check("[]a]+", "]a", true);
        check("[^]a]", "b", true);
        check("[a-]", "-", true);
        check("[[:alpha:]-]+", "a-", true);
        check("a{2,3}", "aaa", true);
        check("a{,2}", "a{,2}", true);
        check("a{", "a{", true);
        check(r"\Qa.b\E.", "a.bx", true);
        check(r"\Qa.b\E.", "axbx", false);
        check(r"a\<b", "a<b", true);
        check("(?i)WEB|db", "web", true);
        check(r"\x41\x{42}\103", "ABC", true);
        check("web-.*", "web-1", true);
        check("(?P<n>a)(?:b)", "ab", true);
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for bad in [
            r"\1", "a**", "a{2}{3}", "a{1001}", "a{3,2}", "(?x)a", "[b-a]", "[a", r"\y", r"\C", r"\", "(?=a)",
        ] {
            assert_eq!(translate(bad), None, "{bad}");
        }
        for bad in ["(", "*a", "a)"] {
            let spelled = translate(bad).unwrap();
            assert!(regex::Regex::new(&format!("^(?:{spelled})$")).is_err() || bad == "a)", "{bad}");
        }
    }
}
