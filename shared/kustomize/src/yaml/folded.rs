//! What a folded scalar (`>`) becomes when kustomize writes an object out and reads it back before printing it.
//!
//! go-yaml's writer looks for breaks at the start of the text instead of at the current place, so some texts come
//! back with more line breaks. This replays the writer and then the reader.

/// The text after one round trip as a folded scalar.
pub(crate) fn round_trip(text: &str) -> String {
    if !block_allowed(text) {
        return text.to_owned();
    }
    let chomp = match text.strip_suffix('\n') {
        None => Chomp::Strip,
        Some(rest) if rest.is_empty() || rest.ends_with('\n') => Chomp::Keep,
        Some(_) => Chomp::Clip,
    };
    read(&write(text), chomp)
}

#[derive(PartialEq, Clone, Copy)]
enum Chomp {
    Strip,
    Clip,
    Keep,
}

/// Whether the emitter writes the text as a block at all; otherwise it is quoted and comes back unchanged.
pub(super) fn block_allowed(text: &str) -> bool {
    let unprintable = |c: char| c != '\t' && c != '\n' && !super::emit::is_printable(c);
    !text.is_empty() && !text.ends_with(' ') && !text.contains(" \n") && !text.contains(unprintable)
}

fn write(text: &str) -> String {
    let first = text.trim_start_matches('\n').chars().next();
    let adds_break = first.is_some_and(|c| !matches!(c, ' ' | '\t'));
    let mut out = String::with_capacity(text.len() + 16);
    let (mut breaks, mut leading_spaces) = (true, true);
    for c in text.chars() {
        if c == '\n' {
            if !breaks && !leading_spaces && adds_break {
                out.push('\n');
            }
            breaks = true;
        } else {
            if breaks {
                leading_spaces = matches!(c, ' ' | '\t');
            }
            breaks = false;
        }
        out.push(c);
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

fn read(written: &str, chomp: Chomp) -> String {
    let mut out = String::with_capacity(written.len());
    let (mut leading_break, mut trailing_breaks, mut leading_blank) = (false, 0_usize, false);
    for line in written.strip_suffix('\n').unwrap_or(written).split('\n') {
        if line.is_empty() {
            trailing_breaks += 1;
            continue;
        }
        let blank = line.starts_with([' ', '\t']);
        if leading_break && !leading_blank && !blank {
            if trailing_breaks == 0 {
                out.push(' ');
            }
        } else if leading_break {
            out.push('\n');
        }
        out.extend(std::iter::repeat_n('\n', trailing_breaks));
        trailing_breaks = 0;
        leading_blank = blank;
        out.push_str(line);
        leading_break = true;
    }
    if chomp != Chomp::Strip && leading_break {
        out.push('\n');
    }
    if chomp == Chomp::Keep {
        out.extend(std::iter::repeat_n('\n', trailing_breaks));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_indented_lines_gain_a_break() {
        let check = |text: &str, expected: &str| assert_eq!(round_trip(text), expected, "{text:?}");
        check("one line\n", "one line\n");
        check("a\nb\n", "a\nb\n");
        check("[\n  x\n]\n", "[\n\n  x\n]\n");
        check("a\n\n", "a\n\n\n");
        check("a", "a");
    }
}
