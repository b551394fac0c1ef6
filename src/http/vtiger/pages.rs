//! Small pages.
