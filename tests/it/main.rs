//! The integration tests: one binary, every store test on SQLite and on Postgres, through the doors.

#![expect(clippy::too_many_lines, clippy::type_complexity, reason = "a test tells one story")]

mod support;

mod call_events;
mod cli;
mod cli_servers;
mod client;
mod committer;
mod committing;
mod console;
mod doors;
mod faults;
mod feeds;
mod house;
mod law;
mod listing;
mod lists;
mod longpoll;
mod parties;
mod pbxmanager;
mod records;
mod safety;
mod search;
mod socket;
mod store;
mod vtiger;
mod windows;
mod wishes;
mod zones;
