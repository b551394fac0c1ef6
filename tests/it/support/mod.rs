//! What tests stand on: a server of their own on a database of their own, a browser, a Postgres, telephone systems.

pub(crate) mod app;
pub(crate) mod beside;
pub(crate) mod binary;
pub(crate) mod chromium;
pub(crate) mod load;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod wire;
