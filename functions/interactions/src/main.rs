//! The interactions Lambda function: wiring only
fn main() {}
