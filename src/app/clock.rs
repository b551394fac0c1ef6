//! Time, identifiers and randomness come from here and from nowhere else, so that tests can hold them still.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use uuid::{ContextV7, Timestamp, Uuid};

/// The clock of a server.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's.
    System,
    /// Stands still until told to move.
    Manual(Arc<Mutex<Standing>>),
}

/// A clock that stands, and what keeps its identifiers in order all the same.
#[derive(Debug)]
pub struct Standing {
    at: DateTime<Utc>,
    order: ContextV7,
}

impl Clock {
    /// A clock that stands at `at`.
    pub fn manual(at: DateTime<Utc>) -> Self {
        Self::Manual(Arc::new(Mutex::new(Standing { at, order: ContextV7::new() })))
    }

    /// The time, cut to microseconds as the book keeps it.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::System => Utc::now().trunc_subsecs(6),
            Self::Manual(standing) => standing.lock().unwrap_or_else(PoisonError::into_inner).at,
        }
    }

    /// Moves a manual clock; the machine's goes on by itself.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(standing) = self {
            standing.lock().unwrap_or_else(PoisonError::into_inner).at += TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        }
    }

    /// A new identifier, greater than those made before it.
    #[expect(clippy::disallowed_methods, reason = "the one place that makes identifiers")]
    pub fn id(&self) -> Uuid {
        match self {
            Self::System => Uuid::now_v7(),
            Self::Manual(standing) => {
                let standing = standing.lock().unwrap_or_else(PoisonError::into_inner);
                let seconds = u64::try_from(standing.at.timestamp()).unwrap_or_default();
                Uuid::new_v7(Timestamp::from_unix(&standing.order, seconds, standing.at.timestamp_subsec_nanos()))
            }
        }
    }
}

/// A monotonic instant, for latencies and socket timers only.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn instant() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// A new secret of 256 bits that begins with `prefix`, so that a leaked one can be recognised.
pub fn secret(prefix: &str) -> String {
    let bytes: [u8; 32] = rand::random();
    format!("{prefix}_{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
}
