//! Secrets never leave: one is planted in everything that can carry one, the real programs make their reports and carry out clicks,
//! and then every place that they write to is searched, for each secret in each form.
//!
//! [`carriers`] is what is planted, [`sought`] what is looked for, [`sinks`] where. A marker that is no secret has to be found in
//! the same places by the same search, so that nothing passes because nobody looked.

mod carriers;
mod lambda;
mod planted;
mod sinks;
mod sought;
mod standalone;
