//! The integration tests: one binary, every store test on SQLite and on Postgres, through the doors.

#![expect(clippy::too_many_lines, clippy::type_complexity, reason = "a test tells one story")]

mod support;

mod agents;
mod asterisk;
mod call_events;
mod cli;
mod cli_servers;
mod client;
mod committer;
mod committing;
mod console;
mod control;
mod dialedin;
mod dialer;
mod doors;
mod faults;
mod feeds;
mod filters;
mod house;
mod law;
mod lead_cli;
mod leads_law;
mod listing;
mod lists;
mod longpoll;
mod messages;
mod messages_law;
mod messages_providers;
mod native_leads;
mod openapi;
mod operation;
mod pacing;
mod parties;
mod pbxmanager;
mod records;
mod routing;
mod safety;
mod sdk;
mod search;
mod simulate;
mod socket;
mod softphone;
mod store;
mod telephone;
mod telephone_law;
mod vtiger;
mod windows;
mod wishes;
mod zones;
