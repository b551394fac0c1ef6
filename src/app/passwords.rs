//! Passwords: argon2id, on a thread of its own, a few at a time.

use std::sync::{LazyLock, OnceLock};

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use tokio::sync::Semaphore;

/// Hashing takes 19 MiB and tens of milliseconds each; more at once would starve the calls.
static AT_ONCE: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(2));

/// The stored form of a password.
///
/// # Errors
/// When the machine has no randomness, or the password is longer than argon2 takes.
pub fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())
}

/// Whether this is the password that was stored. Without a stored one it takes as long and is false, so that the time
/// does not tell which logins exist.
pub async fn verify(password: String, stored: Option<String>) -> bool {
    let Ok(_permit) = AT_ONCE.acquire().await else { return false };
    let checked = tokio::task::spawn_blocking(move || {
        static NOBODY: OnceLock<String> = OnceLock::new();
        let nobody = || NOBODY.get_or_init(|| hash("nobody has this password").unwrap_or_default()).clone();
        let (text, known) = stored.map_or_else(|| (nobody(), false), |text| (text, true));
        let matches = PasswordHash::new(&text).is_ok_and(|stored| Argon2::default().verify_password(password.as_bytes(), &stored).is_ok());
        matches && known
    });
    checked.await.unwrap_or(false)
}
