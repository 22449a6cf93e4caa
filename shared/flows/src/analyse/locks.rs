//! Whether the cluster may be asked at all: not while anything stands open between its identity and a real write.

use std::sync::Arc;

use ports::{Cluster, Lock};

/// The cluster, when every lock holds; else the sentence that reports say instead.
pub(super) async fn guarded(cluster: Result<Arc<dyn Cluster>, String>) -> Result<Arc<dyn Cluster>, String> {
    let cluster = cluster?;
    let locks = cluster.locks().await.map_err(|error| {
        format!("{error}. Whether its identity could write is not known, so the cluster was not asked")
    })?;
    match sentence(&locks) {
        None => Ok(cluster),
        Some(why) => Err(format!("cluster `{}` was not asked, because {why}", cluster.name())),
    }
}

fn sentence(locks: &[Lock]) -> Option<String> {
    let open = locks.iter().filter_map(|lock| Some(format!("{}: {}", lock.name, lock.open.as_ref()?)));
    let open: Vec<String> = open.collect();
    (!open.is_empty()).then(|| {
        format!(
            "its identity could really write there ({}); `preflux doctor` tries all of this again",
            open.join("; ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_open_lock_is_named() {
        let lock =
            |name: &str, open: Option<&str>| Lock { name: name.to_owned(), open: open.map(str::to_owned) };
        assert_eq!(sentence(&[lock("a", None)]), None);
        let said =
            sentence(&[lock("policy", Some("is gone")), lock("a", None), lock("rights", Some("too many"))]);
        assert!(said.is_some_and(|said| said.contains("(policy: is gone; rights: too many)")));
    }
}
