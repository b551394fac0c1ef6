//! How often an address may try to sign in: a few times as one person, and as often as the people of one office may who come to
//! work at the same time.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
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

/// Tries a minute by one address as one person.
const AS_ONE: u32 = 10;
/// Tries a minute by one address.
const IN_ALL: u32 = 300;

/// Tries by whoever, of a clock.
type Tries<K, C> = RateLimiter<K, DashMapStateStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Tries to sign in.
pub(crate) struct SignInLimit<C: Clock = DefaultClock> {
    as_one: Tries<(IpAddr, u64), C>,
    in_all: Tries<IpAddr, C>,
    tries: AtomicU32,
}

/// No tries yet.
pub(crate) fn sign_in_limit() -> SignInLimit {
    SignInLimit::new(&DefaultClock::default())
}

impl<C: Clock + Clone> SignInLimit<C> {
    fn new(clock: &C) -> Self {
        let quota = |tries: u32| Quota::per_minute(NonZeroU32::new(tries).unwrap_or(NonZeroU32::MIN));
        Self {
            as_one: RateLimiter::new(quota(AS_ONE), DashMapStateStore::default(), clock.clone()),
            in_all: RateLimiter::new(quota(IN_ALL), DashMapStateStore::default(), clock.clone()),
            tries: AtomicU32::new(0),
        }
    }

    /// Counts a try; `who` is the account and the login where a password is tried. What nobody can guess is not a try as somebody.
    ///
    /// # Errors
    /// That there were too many.
    pub(crate) fn check(&self, address: IpAddr, who: Option<(&str, &str)>) -> Result<(), ApiError> {
        if self.tries.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.as_one.retain_recent();
            self.in_all.retain_recent();
        }
        let network = network(address);
        let is_fine = self.in_all.check_key(&network).is_ok()
            && who.is_none_or(|who| {
                let mut hasher = DefaultHasher::new();
                who.hash(&mut hasher);
                self.as_one.check_key(&(network, hasher.finish())).is_ok()
            });
        if is_fine { Ok(()) } else { Err(ApiError::TooMany) }
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

    const ANNA: Option<(&str, &str)> = Some(("acme", "anna"));

    #[test]
    fn one_customer_of_ipv6_is_one_address() {
        let limit = SignInLimit::new(&FakeRelativeClock::default());
        for host in 0..AS_ONE {
            limit.check(address(&format!("2001:db8:0:1::{host}")), ANNA).unwrap();
        }
        assert!(limit.check(address("2001:db8:0:1:ffff::1"), ANNA).is_err());
        assert!(limit.check(address("2001:db8:0:2::1"), ANNA).is_ok());
        assert!(limit.check(address("192.0.2.1"), ANNA).is_ok());
    }

    #[test]
    fn an_office_comes_to_work_at_the_same_time() {
        let clock = FakeRelativeClock::default();
        let limit = SignInLimit::new(&clock);
        let office = address("192.0.2.1");
        for login in 0..IN_ALL {
            limit.check(office, Some(("acme", &login.to_string()))).unwrap();
        }
        assert!(limit.check(office, Some(("acme", "one more"))).is_err());
        clock.advance(Duration::from_secs(60));
        assert!(limit.check(office, None).is_ok());
    }

    #[test]
    fn addresses_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let limit = SignInLimit::new(&clock);
        for host in 0..FORGET_EVERY * 3 {
            limit.check(address(&format!("10.0.{}.{}", host / 256, host % 256)), ANNA).unwrap();
            clock.advance(Duration::from_secs(1));
        }
        assert!(limit.as_one.len() <= FORGET_EVERY as usize, "{}", limit.as_one.len());
        assert!(limit.in_all.len() <= FORGET_EVERY as usize, "{}", limit.in_all.len());
    }
}
