//! The law: what things are and what news means for them. Pure: no clock, no randomness, no I/O.

pub mod agent;
pub mod call;
pub mod callback;
pub mod dial_list;
pub mod dialing;
pub mod disposition;
pub mod dnc;
pub mod event;
pub mod filter;
pub mod lead;
mod merge;
pub mod message;
pub mod order;
pub mod pacing;
pub mod phone;
pub mod playlist;
pub mod presence;
pub mod request;
pub mod scope;
pub mod secret;
pub mod setup;
pub mod skill;
pub mod telephone;
pub mod window;
pub mod wish;
pub mod zone;
