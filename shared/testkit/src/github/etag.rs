//! ETags as GitHub makes them: a hash over the token and the body, so that the same answer has another tag for another token.

use sha2::{Digest as _, Sha256};

/// The weak, quoted ETag of `body` for a caller with this `Authorization`.
pub(crate) fn of(authorization: &str, accept: &str, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    for part in [accept.as_bytes(), b":", authorization.as_bytes(), b":", body] {
        hash.update(part);
    }
    format!("W/\"{}\"", hex::encode(hash.finalize()))
}

/// Whether `If-None-Match` names the tag: weak comparison, a list or `*`. Quotes are part of the value.
pub(crate) fn matches(if_none_match: &str, etag: &str) -> bool {
    fn bare(tag: &str) -> &str {
        let tag = tag.trim();
        tag.strip_prefix("W/").unwrap_or(tag)
    }
    if_none_match.split(',').any(|tag| tag.trim() == "*" || bare(tag) == bare(etag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_bound_to_token_and_body_and_compared_weakly() {
        let tag = of("Bearer a", "json", b"body");
        let strong = tag.trim_start_matches("W/").to_owned();
        assert!(matches(&tag, &tag) && matches(&strong, &tag) && matches("*", &tag));
        assert!(matches(&format!("\"x\", {strong}"), &tag));
        assert!(!matches(strong.trim_matches('"'), &tag), "quotes are part of the value");
        assert!(!matches(&of("Bearer b", "json", b"body"), &tag));
        assert!(!matches(&of("Bearer a", "json", b"other"), &tag));
    }
}
