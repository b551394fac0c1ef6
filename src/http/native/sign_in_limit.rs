//! How often an address may try to sign in.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::keyed::DashMapStateStore,
};

use crate::http::error::ApiError;

/// Tries until those addresses are forgotten that may try as if they never had.
const FORGET_EVERY: u32 = 1000;

/// Tries to sign in, per address.
pub(crate) struct SignInLimit<C: Clock = DefaultClock> {
    limiter: RateLimiter<IpAddr, DashMapStateStore<IpAddr>, C, NoOpMiddleware<C::Instant>>,
    tries: AtomicU32,
}

/// Ten tries a minute.
pub(crate) fn sign_in_limit() -> SignInLimit {
    SignInLimit::new(DefaultClock::default())
}

impl<C: Clock> SignInLimit<C> {
    fn new(clock: C) -> Self {
        let quota = Quota::per_minute(NonZeroU32::MIN.saturating_add(9));
        Self { limiter: RateLimiter::new(quota, DashMapStateStore::default(), clock), tries: AtomicU32::new(0) }
    }

    /// Counts a try.
    ///
    /// # Errors
    /// That there were too many.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), ApiError> {
        if self.tries.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&network(address)).map_err(|_| ApiError::TooMany)
    }
}

/// Whom the tries are counted for: with IPv6 a whole /64, which is what one customer gets.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_customer_of_ipv6_is_one_address() {
        let limit = SignInLimit::new(FakeRelativeClock::default());
        for host in 0..10 {
            limit.check(address(&format!("2001:db8:0:1::{host}"))).unwrap();
        }
        assert!(limit.check(address("2001:db8:0:1:ffff::1")).is_err());
        assert!(limit.check(address("2001:db8:0:2::1")).is_ok());
        assert!(limit.check(address("192.0.2.1")).is_ok());
    }

    #[test]
    fn addresses_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let limit = SignInLimit::new(clock.clone());
        for host in 0..FORGET_EVERY * 3 {
            limit.check(address(&format!("10.0.{}.{}", host / 256, host % 256))).unwrap();
            clock.advance(Duration::from_secs(1));
        }
        assert!(limit.limiter.len() <= FORGET_EVERY as usize, "{}", limit.limiter.len());
    }
}
