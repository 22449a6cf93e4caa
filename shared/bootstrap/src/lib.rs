//! What every program does before it works: read its configuration (all problems at once), start its log, put its parts together.
//!
//! Features choose the flows (`poll`, `work`, `interact`) and the backend (`aws`, `embedded`), so that a program links only what it uses.

pub mod config;
pub mod telemetry;
