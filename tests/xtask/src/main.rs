//! The chores of the project: sandbox, test, and their set-up
fn main() {}
