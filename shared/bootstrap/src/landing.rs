//! The page that a browser lands on when it is back from GitHub: a code to type in Slack, or why there is none. No script, nothing
//! from elsewhere, and nothing unescaped. The code is worth nothing to anybody but who began, so nothing is asked of GitHub here.

use flows::interact::came_back;

use crate::inbound::Inbound;

/// Headers of the page: nobody keeps it, frames it, or learns its address.
pub const HEADERS: [(&str, &str); 6] = [
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "no-store"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];
/// A query at most, in bytes; GitHub's is a few hundred.
const LONGEST_QUERY: usize = 4096;
/// A code at most, in characters.
const LONGEST_CODE: usize = 200;

/// Answers `GET /github/callback`: a status and a page.
pub async fn landing(inbound: &Inbound, query: &str) -> (u16, String) {
    if query.len() > LONGEST_QUERY {
        return (400, page("That address is too long", "Begin again in Slack: <code>/flux link</code>"));
    }
    let value = |name: &str| {
        let found = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let code = value("code");
    let well_formed = (1..=LONGEST_CODE).contains(&code.len())
        && code.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    match came_back(&inbound.ctx, &value("state")).await {
        Ok(Some(by)) if well_formed => (200, page("One more step", &type_this(&by.name, &code))),
        Ok(Some(_)) => (
            400,
            page("Nothing was linked", "GitHub gave no code. Begin again in Slack: <code>/flux link</code>"),
        ),
        Ok(None) => (
            400,
            page(
                "Nothing was linked",
                "This link was used, is older than ten minutes, or is not from Preflux. Begin again in Slack: <code>/flux link</code>",
            ),
        ),
        Err(error) => {
            tracing::error!(error = %error, "a browser that came back could not be told apart");
            (500, page("That did not work", "Try again in a minute: <code>/flux link</code> in Slack"))
        }
    }
}

fn type_this(name: &str, code: &str) -> String {
    format!(
        "<b>{}</b> began this in Slack. If that is you, type there, within ten minutes: <pre>/flux link {}</pre> If it is somebody else, close this page: nothing has happened.",
        escaped(name),
        escaped(code)
    )
}

/// `body` is HTML of ours.
fn page(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Preflux</title><h1>{title}</h1><p>{body}</p></html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Text that runs the other way could change what is read.
            c if c.is_control()
                || ('\u{202a}'..='\u{202e}').contains(&c)
                || ('\u{2066}'..='\u{2069}').contains(&c) =>
            {
                out.push('\u{fffd}')
            }
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_html() {
        let page = page("t", &type_this("<script>'\"&\u{202e}", "abc"));
        assert!(
            page.contains("&lt;script&gt;&#39;&quot;&amp;\u{fffd}") && !page.contains("<script"),
            "{page}"
        );
        assert!(page.contains("/flux link abc"), "{page}");
    }
}
