//! INI files as SOPS writes them: sections of aligned `name = value` lines, each with its comment above it.

use kustomize::yaml::Ordered;

use super::dotenv::{COMMENT, flat};
use super::format::{Loaded, unflatten};

/// The section of lines before the first header.
const DEFAULT: &str = "DEFAULT";

pub(super) fn load(text: &str) -> Result<Loaded, String> {
    let mut sections: Vec<(String, Vec<(String, Ordered)>)> = vec![(DEFAULT.to_owned(), Vec::new())];
    let mut comments: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with([';', '#']) {
            comments.push(line.trim_start_matches([';', '#', ' ']).to_owned());
            continue;
        }
        let header = line.strip_prefix('[').and_then(|line| line.strip_suffix(']'));
        if let Some(name) = header {
            sections.push((name.to_owned(), Vec::new()));
        }
        let Some((_, section)) = sections.last_mut() else { continue };
        if !comments.is_empty() {
            section.push((COMMENT.to_owned(), Ordered::Text(comments.join("\n"))));
            comments.clear();
        }
        if header.is_none() {
            let (name, value) = line.split_once('=').ok_or("a line has no `=`")?;
            section
                .push((unquoted(name.trim())?.to_owned(), Ordered::Text(unquoted(value.trim())?.to_owned())));
        }
    }
    let at = sections.iter().position(|(name, _)| name == "sops").ok_or("it has no `sops` section")?;
    let (_, sops) = sections.remove(at);
    let sops = sops.into_iter().filter_map(|(name, value)| Some((name, flat(&value)?.replace("\\n", "\n"))));
    let content = sections.into_iter().map(|(name, fields)| (name, Ordered::Map(fields))).collect();
    Ok(Loaded { content: Ordered::Map(content), sops: unflatten(sops.collect()), lost_comments: false })
}

fn unquoted(text: &str) -> Result<&str, String> {
    for quote in ["\"\"\"", "`", "\""] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest
                .strip_suffix(quote)
                .ok_or_else(|| "a value of several lines is not supported".to_owned());
        }
    }
    Ok(text)
}

pub(super) fn emit(content: &Ordered) -> Result<String, String> {
    let Ordered::Map(sections) = content else { return Err("it is not a map of sections".to_owned()) };
    let mut out = String::new();
    for (index, (name, section)) in sections.iter().enumerate() {
        let Ordered::Map(fields) = section else { return Err(format!("`{name}` is not a section")) };
        if index == 0 && name == DEFAULT {
            if fields.is_empty() {
                continue;
            }
        } else {
            out.push_str(&format!("[{name}]\n"));
        }
        lines(fields, &mut out)?;
        if index + 1 < sections.len() {
            out.push('\n');
        }
    }
    Ok(out)
}

fn lines(fields: &[(String, Ordered)], out: &mut String) -> Result<(), String> {
    let names = fields.iter().filter(|(name, _)| name != COMMENT).map(|(name, _)| quoted_name(name).len());
    let width = names.max().unwrap_or_default();
    for (name, value) in fields {
        let value = flat(value).ok_or_else(|| format!("`{name}` is not a single value"))?;
        if name == COMMENT {
            value.lines().for_each(|line| out.push_str(&format!("; {}\n", line.trim())));
            continue;
        }
        out.push_str(&format!("{:width$} = {}\n", quoted_name(name), quoted(&value)));
    }
    Ok(())
}

fn quoted_name(name: &str) -> String {
    if name.contains(['"', '=', ':']) { format!("`{name}`") } else { name.to_owned() }
}

fn quoted(value: &str) -> String {
    match value {
        value if value.contains(['\n', '`']) => format!("\"\"\"{value}\"\"\""),
        value if value.contains(['#', ';']) => format!("`{value}`"),
        value if value.trim() != value => format!("\"{value}\""),
        value => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn sections_are_read_and_written() {
        let text = "a = 1\n\n[one]\n; c\nlong = x;y\nk=\n\n[sops]\nmac = m\n";
        let loaded = load(text).unwrap();
        assert_eq!(emit(&loaded.content).unwrap(), "a = 1\n\n[one]\n; c\nlong = `x;y`\nk    = \n");
        assert_eq!(loaded.sops.get("mac"), Some(&Ordered::Text("m".into())));
        assert!(load("[a]\nb = 1\n").is_err() && load("[sops]\nb\n").is_err());
    }
}
