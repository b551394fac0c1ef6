//! The integration tests: one binary, every store test on SQLite and on Postgres, through the doors.

mod support;

mod law;
mod pbxmanager;
mod search;
mod vtiger;
