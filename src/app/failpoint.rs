//! Places where a fault test may kill the process: `CTI_FAILPOINT=name:n` ends it without a word at the n-th pass.
//!
//! A kill from outside hits these instants once in thousands of tries; the promise of the committer is about exactly them.
//! Built only with debug assertions: a production binary has none.

/// Passes a named place.
#[cfg(debug_assertions)]
pub fn hit(name: &str) {
    use std::sync::{
        OnceLock,
        atomic::{AtomicI64, Ordering},
    };
    static PLAN: OnceLock<Option<(String, AtomicI64)>> = OnceLock::new();
    let plan = PLAN.get_or_init(|| {
        let text = std::env::var("CTI_FAILPOINT").ok()?;
        let (name, passes) = text.split_once(':')?;
        Some((name.to_owned(), AtomicI64::new(passes.parse().ok()?)))
    });
    if let Some((planned, left)) = plan
        && planned == name
        && left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        // abort is as sudden as kill -9: nothing is flushed, nothing is dropped
        std::process::abort();
    }
}

/// Passes a named place; nothing happens in a production build.
#[cfg(not(debug_assertions))]
pub fn hit(_name: &str) {}
