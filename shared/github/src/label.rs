//! Labels of a pull request. GitHub makes one that it does not know when it is first put somewhere.

use domain::PullKey;
use http::Method;
use ports::ForgeError;
use serde_json::json;

use crate::GitHub;
use crate::http::{Ask, escaped};
use crate::read::repo_path;

impl GitHub {
    pub(crate) async fn labels(
        &self,
        key: &PullKey,
        add: &[String],
        remove: &[String],
    ) -> Result<(), ForgeError> {
        let path = format!("{}/issues/{}/labels", repo_path(&key.repo), key.number);
        if !add.is_empty() {
            let doing = format!("labelling `{key}`");
            // Adding what is there already changes nothing, so an unconfirmed one may be sent again.
            self.write(&key.repo, &Method::POST, &path, &json!({"labels": add}), &doing).await?;
        }
        for label in remove {
            let (doing, what) = (format!("taking a label off `{key}`"), "the label");
            let path = format!("{path}/{}", escaped(label));
            let ask =
                Ask { method: &Method::DELETE, path: &path, etag: None, body: None, doing: &doing, what };
            match self.ask(&key.repo, ask).await {
                // Somebody else took it off.
                Ok(_) | Err(ForgeError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
