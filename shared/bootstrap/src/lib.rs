//! What every program does before it works: read its configuration (all problems at once), start its log, put its parts together.
//!
//! Features choose the flows (`poll`, `work`, `interact`) and the backend (`aws`, `embedded`), so that a program links only what it uses.

pub mod config;
#[cfg(feature = "interact")]
mod forms;
#[cfg(feature = "interact")]
pub mod inbound;
#[cfg(feature = "aws")]
pub mod lambda;
#[cfg(feature = "interact")]
pub mod landing;
#[cfg(feature = "embedded")]
pub mod local;
pub mod parts;
pub mod telemetry;
#[cfg(feature = "interact")]
pub mod webhook;
#[cfg(feature = "work")]
pub mod worker;
