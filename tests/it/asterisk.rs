//! Asterisk: the protocol by itself, and our driver at a real one.

mod exchange;
mod real;
mod world;
