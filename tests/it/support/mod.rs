//! What tests stand on: a server of their own on a database of their own, a browser, a Postgres.

pub(crate) mod app;
pub(crate) mod chromium;
pub(crate) mod postgres;
