//! The diff-worker Lambda function: wiring only
fn main() {}
