//! The integration tests: one binary, every store test on SQLite and on Postgres, through the doors.

mod support;

mod client;
mod committing;
mod doors;
mod feeds;
mod law;
mod lists;
mod pbxmanager;
mod search;
mod vtiger;
mod wishes;
