//! The browser libraries in a real browser, in a page of another origin: nothing is missed and nothing told twice, whatever happens
//! to the page, the network and the server.

mod client;
mod crm;
mod host;
mod host_work;
mod loss;
mod opencti;
mod serving;
mod shim;
mod site;
mod snippets;
