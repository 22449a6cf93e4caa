//! One machine's backend behind the ports: [`Sqlite`] holds queue and state in one file, [`FileReports`] and
//! [`FileSecrets`] are plain files. It is for a single host; `backend-aws` is the one that scales out.

mod queue;
mod reports;
mod secrets;
mod sqlite;
mod table;

pub use queue::DeadLetter;
pub use reports::FileReports;
pub use secrets::FileSecrets;
pub use sqlite::{OpenError, Sqlite};
