//! Our comments on a pull request: one for each part of what is said, found by its marker and our own account. They are edited
//! rather than posted again, and after every post and deletion GitHub is looked at again, so that whatever else happened at the
//! same time, each part is there once. Comments of an account that wrote in our name before are ours too, and are edited where GitHub
//! lets this one: it asks for write access, of an App for its permission on issues or pull requests.

use domain::{PullKey, marker};
use http::Method;
use ports::ForgeError;
use serde_json::json;

use crate::GitHub;
use crate::http::Ask;
use crate::me::Us;
use crate::policy::parsed;
use crate::read::repo_path;
use crate::wire::Comment;

/// Pages of 100 comments that are searched.
const MAX_PAGES: u32 = 50;
/// How often GitHub is looked at before we say that somebody else keeps changing our comments.
const ROUNDS: usize = 8;

/// What is to be done to one comment.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Edit { id: u64, part: usize },
    Post { part: usize },
    Delete { id: u64 },
}

/// How it went.
#[derive(Debug, PartialEq, Eq)]
enum Went {
    /// All is as it should be.
    Settled,
    /// GitHub must be looked at again.
    LookAgain,
    /// GitHub does not let us change what another account of ours wrote.
    NotLet,
}

impl GitHub {
    pub(crate) async fn our_comments(
        &self,
        key: &PullKey,
        name: &str,
        parts: &[String],
    ) -> Result<String, ForgeError> {
        let mut alone = false;
        let mut doubt: Option<(usize, ForgeError)> = None;
        for _ in 0..ROUNDS {
            let (mut found, all, us) = self.comments_of(key, name).await?;
            found.retain(|(_, comment)| !alone || us.me.wrote(comment));
            let steps = plan(&found, parts);
            let posts =
                |wanted: usize| steps.iter().any(|s| matches!(s, Step::Post { part } if *part == wanted));
            // The post was not confirmed and did not land: whether to try again is the caller's to say.
            if let Some((_, error)) = doubt.take_if(|(part, _)| posts(*part)) {
                return Err(error);
            }
            if !all && steps.iter().any(|step| matches!(step, Step::Post { .. })) {
                let reason = format!("it has more than {} comments", MAX_PAGES * 100);
                return Err(ForgeError::Refused {
                    doing: format!("looking for our comment on `{key}`"),
                    reason,
                });
            }
            let theirs = |id: u64| found.iter().any(|(_, c)| c.id == id && !us.me.wrote(c));
            let went = self.carry_out(key, parts, &steps, theirs, &mut doubt).await?;
            if went == Went::NotLet {
                tracing::warn!(
                    "`{key}` keeps a comment of the account that Preflux wrote with before: GitHub lets this one not change it, so it has one of its own"
                );
                alone = true;
            }
            let first = found.into_iter().find(|(part, _)| *part == 1);
            if let (Went::Settled, Some((_, first))) = (went, first) {
                return Ok(first.html_url);
            }
        }
        let reason = "somebody else keeps changing our comments".to_owned();
        Err(ForgeError::Unavailable { doing: format!("commenting on `{key}`"), reason })
    }

    /// Does what is to be done; `theirs` are comments of other accounts of ours.
    async fn carry_out(
        &self,
        key: &PullKey,
        parts: &[String],
        steps: &[Step],
        theirs: impl Fn(u64) -> bool + Send,
        doubt: &mut Option<(usize, ForgeError)>,
    ) -> Result<Went, ForgeError> {
        let mut went = Went::Settled;
        for step in steps {
            match *step {
                Step::Edit { id, part } => match self.edit_comment(key, id, &parts[part - 1]).await {
                    // What else is to be done is about a comment that is not to be counted on.
                    Err(ForgeError::Refused { .. }) if theirs(id) => return Ok(Went::NotLet),
                    Ok(true) => {}
                    Ok(false) => went = Went::LookAgain,
                    Err(error) => return Err(error),
                },
                Step::Delete { id } => match self.delete_comment(key, id).await {
                    Err(ForgeError::Refused { .. }) if theirs(id) => return Ok(Went::NotLet),
                    other => {
                        other?;
                        went = Went::LookAgain;
                    }
                },
                Step::Post { part } => {
                    went = Went::LookAgain;
                    match self.post_comment(key, &parts[part - 1]).await {
                        // It may have landed all the same.
                        Err(error @ ForgeError::Unavailable { .. }) => {
                            *doubt = Some((part, error));
                            break;
                        }
                        other => other?,
                    }
                }
            }
        }
        Ok(went)
    }

    async fn post_comment(&self, key: &PullKey, body: &str) -> Result<(), ForgeError> {
        let doing = format!("commenting on `{key}`");
        let path = format!("{}/issues/{}/comments", repo_path(&key.repo), key.number);
        let (content, what) = (json!({ "body": body }), format!("`{key}`"));
        let ask = Ask {
            method: &Method::POST,
            path: &path,
            etag: None,
            body: Some(&content),
            doing: &doing,
            what: &what,
        };
        parsed::<Comment>(&self.ask(&key.repo, ask).await?, &doing).map(drop)
    }

    /// `false` when somebody deleted it since it was listed.
    async fn edit_comment(&self, key: &PullKey, id: u64, body: &str) -> Result<bool, ForgeError> {
        let doing = format!("editing our comment on `{key}`");
        let (content, what) = (json!({ "body": body }), format!("our comment on `{key}`"));
        let path = comment_path(key, id);
        let ask = Ask {
            method: &Method::PATCH,
            path: &path,
            etag: None,
            body: Some(&content),
            doing: &doing,
            what: &what,
        };
        match self.ask(&key.repo, ask).await {
            Ok(_) => Ok(true),
            Err(ForgeError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn delete_comment(&self, key: &PullKey, id: u64) -> Result<(), ForgeError> {
        let doing = format!("deleting a spare comment of ours on `{key}`");
        let (path, what) = (comment_path(key, id), "the comment");
        let ask = Ask { method: &Method::DELETE, path: &path, etag: None, body: None, doing: &doing, what };
        match self.ask(&key.repo, ask).await {
            Ok(_) | Err(ForgeError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Our comments of this name, oldest first, each with the part that it is; whether all comments were seen, and who we are.
    async fn comments_of(
        &self,
        key: &PullKey,
        name: &str,
    ) -> Result<(Vec<(usize, Comment)>, bool, Us), ForgeError> {
        let doing = format!("listing the comments of `{key}`");
        let path = format!("{}/issues/{}/comments", repo_path(&key.repo), key.number);
        let (comments, all) =
            self.all::<Comment>(&key.repo, &path, MAX_PAGES, &doing, &format!("`{key}`")).await?;
        // Whoever wrote one of these was remembered before, so we look who that is after.
        let us = self.us(&key.repo).await?;
        let part = |comment: &Comment| marker::part_of(name, comment.body.as_deref()?);
        let ours = comments.into_iter().filter(|comment| us.wrote(comment));
        let mut found: Vec<(usize, Comment)> =
            ours.filter_map(|comment| part(&comment).map(|part| (part, comment))).collect();
        found.sort_by_key(|(_, comment)| comment.id);
        Ok((found, all, us))
    }
}

/// What makes the comments that were found say these parts: the oldest of each part stays, so that two workers keep the same one.
fn plan(found: &[(usize, Comment)], parts: &[String]) -> Vec<Step> {
    let mut steps = Vec::new();
    for (part, body) in (1..).zip(parts) {
        match found.iter().find(|(of, _)| *of == part) {
            Some((_, comment)) if comment.body.as_deref() == Some(body) => {}
            Some((_, comment)) => steps.push(Step::Edit { id: comment.id, part }),
            None => steps.push(Step::Post { part }),
        }
    }
    for (i, (part, comment)) in found.iter().enumerate() {
        let spare = found[..i].iter().any(|(of, _)| of == part);
        if spare || *part > parts.len() {
            steps.push(Step::Delete { id: comment.id });
        }
    }
    steps
}

fn comment_path(key: &PullKey, id: u64) -> String {
    format!("{}/issues/comments/{id}", repo_path(&key.repo))
}
