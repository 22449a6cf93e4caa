//! The hidden first line that a comment of ours is known by, beside its author: one for the report, one for each continuation.

/// Longest name in a marker, in characters.
const MOST: usize = 200;

/// The line of the first comment (`part` 1), or of a continuation. `name` may hold letters, digits and `:/#-_. `; others are dropped.
pub fn line(name: &str, part: usize) -> String {
    let name = inner(name);
    if part <= 1 { format!("<!-- {name} -->") } else { format!("<!-- {name} part {part} -->") }
}

/// Which part a comment is, if it *begins* with a marker of this name: one that only quotes ours is somebody's answer.
pub fn part_of(name: &str, body: &str) -> Option<usize> {
    let rest = body.trim_start().strip_prefix("<!-- ")?.strip_prefix(inner(name).as_str())?;
    let (between, _) = rest.split_once("-->")?;
    match between.trim() {
        "" => Some(1),
        part => part.strip_prefix("part ")?.parse().ok().filter(|part| *part > 1),
    }
}

fn inner(name: &str) -> String {
    let mut inner: String =
        name.chars().filter(|c| c.is_ascii_alphanumeric() || ":/#-_. ".contains(*c)).take(MOST).collect();
    // Two hyphens could end the comment early.
    while inner.contains("--") {
        inner = inner.replace("--", "-");
    }
    inner.trim_matches(['-', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_cannot_end_its_comment() {
        assert_eq!(line("preflux:acme/fleet#7", 1), "<!-- preflux:acme/fleet#7 -->");
        assert_eq!(line("a --> b ---\n<x>-", 1), "<!-- a - b -x -->");
        assert_eq!(line("<!-- preflux -->", 3), "<!-- preflux part 3 -->");
    }

    #[test]
    fn parts_are_known_by_how_they_begin() {
        let check = |body: &str, expected| assert_eq!(part_of("preflux", body), expected, "{body}");
        for part in 1..4 {
            check(&format!("{}\ntext", line("preflux", part)), Some(part));
        }
        check("\r\n<!-- preflux -->", Some(1));
        for other in [
            "> <!-- preflux -->\n\nthanks",
            "see <!-- preflux -->",
            "<!-- preflux",
            "<!-- preflux:eu -->",
            "<!-- preflux part -->",
            "<!-- preflux part 0 -->",
            "<!-- preflux part 1 -->",
            "<!-- preflux part 99999999999999999999 -->",
            "<!-- other -->",
            "",
        ] {
            check(other, None);
        }
    }
}
