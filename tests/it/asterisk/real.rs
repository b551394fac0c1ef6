//! Our driver at a real Asterisk. Run by `./test.sh --asterisk`, which fetches it.

mod browser;
mod calls;
mod connection;
mod door;
mod inbound;
mod parties;
