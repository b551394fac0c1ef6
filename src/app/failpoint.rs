//! Places where a fault test may kill the process or make it panic: `CTI_FAILPOINT=name:n` does so at the n-th pass.
//!
//! A kill from outside hits these instants once in thousands of tries; the promise of the committer is about exactly them.
//! Built only with debug assertions: a production binary has none.

/// Passes a place where the process may end. An abort is as sudden as kill -9: nothing is flushed, nothing is dropped.
pub fn hit(name: &str) {
    if is_due(name) {
        std::process::abort();
    }
}

/// Passes a place that may panic.
///
/// # Panics
/// When a test wants it.
pub fn may_panic(name: &str) {
    assert!(!is_due(name), "a test wanted a panic here");
}

/// Whether this pass is the one that was planned.
#[cfg(debug_assertions)]
fn is_due(name: &str) -> bool {
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
    plan.as_ref().is_some_and(|(planned, left)| planned == name && left.fetch_sub(1, Ordering::Relaxed) == 1)
}

/// Nothing is planned in a production build.
#[cfg(not(debug_assertions))]
fn is_due(_name: &str) -> bool {
    false
}
