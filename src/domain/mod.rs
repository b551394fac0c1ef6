//! The law: what things are and what news means for them. Pure: no clock, no randomness, no I/O.

pub mod agent;
pub mod call;
pub mod callback;
pub mod event;
pub mod phone;
pub mod scope;
pub mod secret;
pub mod window;
pub mod zone;
