//! The softphone in a real browser, framed by a page of another site as its seed describes.

mod audio;
pub(crate) mod crm;
mod demo;
mod dialpad;
mod framing;
mod loss;
mod pictures;
mod signing;
mod speed;
mod using;
mod writing;
