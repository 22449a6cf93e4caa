//! Preflux in one process: serve, diff, sandbox, doctor
fn main() {}
