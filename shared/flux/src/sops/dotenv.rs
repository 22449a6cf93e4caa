//! Files of `NAME=value` lines, as SOPS reads and writes them.

use kustomize::yaml::Ordered;

use super::format::{Loaded, unflatten};

const PREFIX: &str = "sops_";
/// The name of a line that is a comment.
pub(super) const COMMENT: &str = "#";

pub(super) fn load(text: &str) -> Result<Loaded, String> {
    let (mut content, mut sops) = (Vec::new(), Vec::new());
    for line in text.split('\n').filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix('#') {
            content.push((COMMENT.to_owned(), Ordered::Text(comment.to_owned())));
            continue;
        }
        let (name, value) = line.split_once('=').ok_or("a line has no `=`")?;
        let value = value.replace("\\n", "\n");
        match name.strip_prefix(PREFIX) {
            Some(name) => sops.push((name.to_owned(), value)),
            None => content.push((name.to_owned(), Ordered::Text(value))),
        }
    }
    if sops.is_empty() {
        return Err("it has no `sops_` lines".to_owned());
    }
    Ok(Loaded { content: Ordered::Map(content), sops: unflatten(sops), lost_comments: false })
}

pub(super) fn emit(content: &Ordered) -> Result<String, String> {
    let Ordered::Map(fields) = content else { return Err("it is not a map of fields".to_owned()) };
    let mut out = String::new();
    for (name, value) in fields {
        let value = flat(value).ok_or_else(|| format!("`{name}` is not a single value"))?;
        let equals = if name == COMMENT { "" } else { "=" };
        out.push_str(&format!(
            "{name}{equals}{}\n",
            if name == COMMENT { value } else { value.replace('\n', "\\n") }
        ));
    }
    Ok(out)
}

/// A single value as text; a list or a map is none.
pub(super) fn flat(value: &Ordered) -> Option<String> {
    Some(match value {
        Ordered::Null => "<nil>".to_owned(),
        Ordered::Bool(flag) => flag.to_string(),
        Ordered::Int(number) => number.to_string(),
        Ordered::Float(number) if number.fract() == 0.0 && number.abs() < 1e21 => format!("{number:.1}"),
        Ordered::Float(number) => number.to_string(),
        Ordered::Time(text) | Ordered::Text(text) => text.clone(),
        Ordered::List(_) | Ordered::Map(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn lines_are_read_and_written() {
        let loaded = load("# c\nA=x=y\\nz\n\nB=\nsops_mac=m\n").unwrap();
        assert_eq!(loaded.sops.get("mac"), Some(&Ordered::Text("m".into())));
        assert_eq!(emit(&loaded.content).unwrap(), "# c\nA=x=y\\nz\nB=\n");
        assert!(load("A").is_err() && load("A=1").is_err());
    }
}
