//! Secrets at rest: what is needed in clear later is sealed with a key that the database never sees.
//!
//! XChaCha20-Poly1305 with a random nonce. The sealed text names its key, so that keys can change, and it is bound to its place: it
//! cannot be moved to another account or record.

use std::{fmt, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::domain::setup::Kind;

const NONCE: usize = 24;
/// The one key of a sealed body.
const SEALED: &str = "sealed";

/// The keys of a server: the first one seals, any of them opens.
#[derive(Clone, Default)]
pub struct Seal(Arc<[Key]>);

struct Key {
    id: String,
    cipher: XChaCha20Poly1305,
}

/// Why something cannot be sealed or opened. The texts say what to do, and show no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// There is no key.
    #[error(
        "secrets are stored sealed, and there is no key: set CTI_SECRET_KEY to 32 random bytes in base64, as `cti-gateway secrets key` makes them"
    )]
    NoKey,
    /// A key is none.
    #[error("{0} is not a key: expected 32 bytes in base64, as `cti-gateway secrets key` makes them")]
    BadKey(&'static str),
    /// It was sealed with a key that is not here.
    #[error("it was sealed with another key: add that one to CTI_SECRET_KEY_OLD")]
    OtherKey,
    /// It is no sealed text, or not of this place.
    #[error("it is no sealed text of this place")]
    Broken,
}

impl Seal {
    /// Keys in base64: the one that seals, and older ones that only open, separated by commas. No key at all seals nothing.
    ///
    /// # Errors
    /// When one is not a key.
    pub fn new(key: Option<&str>, old: Option<&str>) -> Result<Self, SealError> {
        let given = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let Some(key) = given(key) else { return Ok(Self::default()) };
        let mut keys = vec![Key::read(&key).ok_or(SealError::BadKey("CTI_SECRET_KEY"))?];
        for old in given(old).iter().flat_map(|list| list.split(',')).map(str::trim).filter(|key| !key.is_empty()) {
            keys.push(Key::read(old).ok_or(SealError::BadKey("CTI_SECRET_KEY_OLD"))?);
        }
        Ok(Self(keys.into()))
    }

    /// A new key.
    pub fn make_key() -> String {
        BASE64_STANDARD.encode(rand::random::<[u8; 32]>())
    }

    /// Whether there is a key.
    pub fn has_key(&self) -> bool {
        !self.0.is_empty()
    }

    /// Seals the body of a record.
    ///
    /// # Errors
    /// Without a key.
    pub fn seal(&self, account: i64, kind: Kind, name: &str, body: &Value) -> Result<Value, SealError> {
        let key = self.0.first().ok_or(SealError::NoKey)?;
        let (nonce, place) = (rand::random::<[u8; NONCE]>(), place(account, kind, name));
        let plain = body.to_string();
        let payload = Payload { msg: plain.as_bytes(), aad: place.as_bytes() };
        let sealed = key.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Broken)?;
        Ok(json!({ SEALED: format!("v1.{}.{}", key.id, BASE64_STANDARD.encode([&nonce[..], &sealed].concat())) }))
    }

    /// Opens the body of a record; one that was not sealed is as it is.
    ///
    /// # Errors
    /// When the key is not here, or the text was not sealed for this place.
    pub fn open(&self, account: i64, kind: Kind, name: &str, body: Value) -> Result<Value, SealError> {
        let Some(text) = sealed_text(&body) else { return Ok(body) };
        if !self.has_key() {
            return Err(SealError::NoKey);
        }
        let (id, sealed) = text.strip_prefix("v1.").and_then(|rest| rest.split_once('.')).ok_or(SealError::Broken)?;
        let key = self.0.iter().find(|key| key.id == id).ok_or(SealError::OtherKey)?;
        let sealed = BASE64_STANDARD.decode(sealed).map_err(|_| SealError::Broken)?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(SealError::Broken)?;
        let place = place(account, kind, name);
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        let plain = key.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::Broken)?;
        serde_json::from_slice(&plain).map_err(|_| SealError::Broken)
    }

    /// Whether a body is sealed with the key that seals now.
    pub fn is_current(&self, body: &Value) -> bool {
        let id = sealed_text(body).and_then(|text| text.strip_prefix("v1.")?.split('.').next());
        self.0.first().is_some_and(|key| id == Some(&key.id))
    }
}

fn sealed_text(body: &Value) -> Option<&str> {
    body.as_object().filter(|object| object.len() == 1)?.get(SEALED)?.as_str()
}

/// What a sealed text is bound to.
fn place(account: i64, kind: Kind, name: &str) -> String {
    format!("{account}/{}/{}", kind.word(), name.trim().to_lowercase())
}

impl Key {
    fn read(text: &str) -> Option<Self> {
        let bytes: [u8; 32] = BASE64_STANDARD.decode(text).ok()?.try_into().ok()?;
        let digest = Sha256::digest(bytes);
        let id = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Some(Self { id, cipher: XChaCha20Poly1305::new(&bytes.into()) })
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seal({} keys)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: (i64, Kind, &str) = (7, Kind::Provider, "Main");

    fn sealed_by(seal: &Seal, body: &Value) -> Value {
        seal.seal(PLACE.0, PLACE.1, PLACE.2, body).unwrap()
    }

    #[test]
    fn what_was_sealed_is_opened_in_its_place_only() {
        let seal = Seal::new(Some(&Seal::make_key()), None).unwrap();
        let body = json!({"twilio": {"authToken": "hush"}});
        let sealed = sealed_by(&seal, &body);
        assert!(!sealed.to_string().contains("hush") && sealed != sealed_by(&seal, &body));
        assert_eq!(seal.open(7, Kind::Provider, " main", sealed.clone()), Ok(body));
        for (account, kind, name) in [(8, Kind::Provider, "main"), (7, Kind::Number, "main"), (7, Kind::Provider, "other")] {
            assert_eq!(seal.open(account, kind, name, sealed.clone()), Err(SealError::Broken));
        }
        let mut text = sealed["sealed"].as_str().unwrap().to_owned();
        text.pop();
        text.push('A');
        assert_eq!(seal.open(7, Kind::Provider, "main", json!({ "sealed": text })), Err(SealError::Broken));
        assert_eq!(seal.open(7, Kind::Provider, "main", json!("simulated")), Ok(json!("simulated")));
    }

    #[test]
    fn keys_can_change() {
        let (old, new) = (Seal::make_key(), Seal::make_key());
        let sealed = sealed_by(&Seal::new(Some(&old), None).unwrap(), &json!("hush"));
        let open = |seal: &Seal| seal.open(PLACE.0, PLACE.1, PLACE.2, sealed.clone());
        let both = Seal::new(Some(&new), Some(&format!(" {} , {old},", Seal::make_key()))).unwrap();
        assert_eq!(
            (open(&both), both.is_current(&sealed), both.is_current(&sealed_by(&both, &json!(1)))),
            (Ok(json!("hush")), false, true)
        );
        assert_eq!(open(&Seal::new(Some(&new), None).unwrap()), Err(SealError::OtherKey));
        assert_eq!(open(&Seal::default()), Err(SealError::NoKey));
        assert_eq!(Seal::default().seal(7, Kind::Provider, "main", &json!(1)), Err(SealError::NoKey));
        for bad in ["short", "c2hvcnQ=", "not base64 at all, but as long as a key would be"] {
            let error = Seal::new(Some(bad), None).unwrap_err();
            assert!(matches!(error, SealError::BadKey("CTI_SECRET_KEY")) && !error.to_string().contains(bad), "{error}");
        }
        assert!(matches!(Seal::new(Some(&new), Some("x")), Err(SealError::BadKey("CTI_SECRET_KEY_OLD"))));
        assert!(!format!("{both:?}").contains(&new));
    }
}
