//! What stands between tokens: spaces, tabs where they are allowed, line breaks and comments.

use super::{Scanner, Version};

/// How far version 3 looks for a comment behind a token or below another comment.
const WINDOW: usize = 512;

impl Scanner<'_> {
    /// Goes to the next token.
    #[inline]
    pub(super) fn skip_to_token(&mut self) {
        loop {
            let tabs = self.in_flow() || !self.key_allowed;
            let blank = |b: &&u8| **b == b' ' || (tabs && **b == b'\t');
            self.cursor.pos += self.cursor.rest().iter().take_while(blank).count();
            if self.cursor.at(0) == b'#' {
                self.skip_comments();
            }
            match self.cursor.break_len(0) {
                0 => return,
                length => self.cursor.skip_break(length),
            }
            if !self.in_flow() {
                self.key_allowed = true;
            }
        }
    }

    /// Skips the comment here. Version 3 also skips the comments below it, whatever blanks are before them.
    fn skip_comments(&mut self) {
        self.commented = true;
        self.cursor.skip_to_break();
        if self.version == Version::V2 {
            return;
        }
        while let Some(ahead) = self.comment_below() {
            let next = self.cursor.pos + ahead;
            while self.cursor.pos < next {
                match self.cursor.break_len(0) {
                    0 => self.cursor.pos += 1,
                    length => self.cursor.skip_break(length),
                }
            }
            self.cursor.skip_to_break();
        }
    }

    fn comment_below(&self) -> Option<usize> {
        let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
        let rest = self.cursor.rest().get(1..)?;
        let skipped = rest.iter().take(WINDOW).take_while(|b| blank(b)).count();
        (skipped + 1 < WINDOW && rest.get(skipped) == Some(&b'#')).then_some(skipped + 1)
    }

    /// Skips a comment behind the token that ends here, as version 3 does before it looks at what comes next.
    pub(super) fn skip_comment_behind(&mut self) {
        if self.version == Version::V2 {
            return;
        }
        let blank = |b: &u8| matches!(b, b' ' | b'\t');
        let rest = self.cursor.rest();
        let skipped = rest.iter().take(WINDOW).take_while(|b| blank(b)).count();
        if skipped < WINDOW && rest.get(skipped) == Some(&b'#') {
            self.commented = true;
            self.cursor.skip_to_break();
        }
    }
}
