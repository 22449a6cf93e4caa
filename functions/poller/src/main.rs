//! The poller Lambda function: wiring only
fn main() {}
