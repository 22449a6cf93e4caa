//! Git over HTTP into in-memory trees, without a work tree
