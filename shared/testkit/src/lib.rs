//! A world in a box: two local HTTP servers that stand in for GitHub (REST and real git over HTTP) and for Slack (Web API, signed
//! interactions, a page to click in), and the sample repository the sandbox shows. They keep the real services' limits and refuse
//! what those would refuse; they are not complete: an endpoint that nobody here uses is a 404. Start with [`github::FakeGitHub`],
//! [`slack::FakeSlack`] and [`sample`].

pub mod clock;
pub mod cluster;
pub mod faults;
pub mod github;
pub mod sample;
pub mod slack;

mod server;
