//! What happens, told once and in order, in the words of `ports` and `domain`. Decisions are in `domain`; I/O is behind the ports.
//!
//! Three flows, one feature each: [`poll`] queues what changed, [`work`] carries out a job, [`interact`] accepts what people do.

#[cfg(feature = "work")]
pub mod analyse;
#[cfg(any(feature = "poll", feature = "work"))]
pub mod buttons;
mod error;
#[cfg(feature = "interact")]
pub mod interact;
#[cfg(any(feature = "poll", feature = "work"))]
mod message;
#[cfg(feature = "poll")]
pub mod poll;
#[cfg(any(feature = "poll", feature = "work"))]
mod rules;
#[cfg(any(feature = "work", feature = "interact"))]
mod typed;
#[cfg(feature = "work")]
pub mod work;

pub use error::JobError;
