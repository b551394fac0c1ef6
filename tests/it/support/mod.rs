//! What tests stand on: a server of their own on a database of their own, a browser, a Postgres, telephone systems.

pub(crate) mod app;
pub(crate) mod asterisk;
pub(crate) mod beside;
pub(crate) mod binary;
pub(crate) mod cable;
pub(crate) mod chromium;
pub(crate) mod desk;
pub(crate) mod fake;
pub(crate) mod floor;
pub(crate) mod load;
pub(crate) mod phones;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod wire;

/// Lets a figure be read by `--no-capture`.
#[expect(clippy::print_stdout, reason = "the figures of a test are a part of its result")]
pub(crate) fn figure(text: &str) {
    println!("{text}");
}
