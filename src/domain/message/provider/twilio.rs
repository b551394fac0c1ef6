//! Twilio, and whoever speaks like it: the request that sends a message, its answer, and the two posts that come back.
//!
//! The posts are signed over the address as the provider knows it. Behind a proxy that is the public address, not the one the server
//! hears at; so it must be the one that was configured, never one made of the request's headers.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha1::Sha1;

use super::{
    Credential, InvalidProvider, Method, Outgoing, escape,
    reply::{self, Reading, Reply, Verdict},
};
use crate::domain::{
    message::{Fault, Incoming, Message, Status, Told},
    phone::{HomeRegion, Number},
    request::{basic, word},
};

/// An account there. Made only of a configuration that holds together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct TwilioAccount(Written);

/// The configuration as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    account_sid: String,
    auth_token: Credential,
    /// What comes before `/2010-04-01`.
    #[serde(default = "their_own")]
    base_url: String,
}

fn their_own() -> String {
    "https://api.twilio.com".to_owned()
}

impl TryFrom<Written> for TwilioAccount {
    type Error = InvalidProvider;

    fn try_from(written: Written) -> Result<Self, InvalidProvider> {
        escape::check_address("baseUrl", &written.base_url)?;
        if written.base_url.contains(['?', '{', '}']) {
            return Err(InvalidProvider::Address { field: "baseUrl", expected: "the address has neither a query nor placeholders" });
        }
        let plain = !written.account_sid.is_empty() && written.account_sid.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !plain {
            return Err(InvalidProvider::Field { field: "accountSid", expected: "an account's id has letters, digits and hyphens only" });
        }
        Ok(Self(written))
    }
}

impl From<TwilioAccount> for Written {
    fn from(account: TwilioAccount) -> Self {
        account.0
    }
}

impl TwilioAccount {
    /// The request that sends this message.
    pub(super) fn render(&self, message: &Message, callback: Option<&str>) -> Outgoing {
        let Written { account_sid, auth_token, base_url } = &self.0;
        let own = [("From", message.from.as_str()), ("To", message.to.as_str()), ("Body", message.body.as_str())];
        let pairs = own.into_iter().chain(callback.map(|callback| ("StatusCallback", callback)));
        Outgoing {
            method: Method::Post,
            url: format!("{}/2010-04-01/Accounts/{account_sid}/Messages.json", base_url.trim_end_matches('/')),
            headers: vec![("Authorization".to_owned(), basic(account_sid, auth_token))],
            body: escape::pairs(pairs.map(|(name, value)| (name, value.into()))).into_bytes(),
            content_type: Some("application/x-www-form-urlencoded"),
        }
    }

    /// Whether a post to `url` (the whole address, with its query) came from the provider: `signature` is its `X-Twilio-Signature`,
    /// the base64 of an HMAC-SHA1, keyed with the account's token, over the address and then each name and value of the form in
    /// the order of names. Takes the same time however wrong it is.
    pub fn is_signed(&self, url: &str, form: &Form, signature: &str) -> bool {
        let (Ok(signature), Ok(mut mac)) =
            (BASE64_STANDARD.decode(signature.trim()), Hmac::<Sha1>::new_from_slice(self.0.auth_token.reveal().as_bytes()))
        else {
            return false;
        };
        // a pair that is there twice counts once
        let mut pairs: Vec<_> = form.0.iter().collect();
        pairs.sort();
        pairs.dedup();
        mac.update(url.as_bytes());
        for (name, value) in pairs {
            mac.update(name.as_bytes());
            mac.update(value.as_bytes());
        }
        mac.verify_slice(&signature).is_ok()
    }
}

/// What the answer to a send means. A refusal because of an opt-out says so, however Twilio words it.
pub(super) fn judge(reply: Reply<'_>) -> Verdict {
    let verdict = reply::judge(reply, &[], |body| {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let told = |id: String| {
            let status = answer["status"].as_str().and_then(status).unwrap_or(Status::Sending);
            Told { status, provider_id: Some(id), fault: fault(word(&answer["error_code"]), answer["error_message"].as_str()) }
        };
        Reading { taken: word(&answer["sid"]).map(told), code: word(&answer["code"]), text: answer["message"].as_str().map(str::to_owned) }
    });
    match verdict {
        Verdict::NotTaken { fault: refusal, .. } if refusal.code() == Some(OPTED_OUT) => {
            Verdict::NotTaken { fault: fault(Some(OPTED_OUT.to_owned()), None).unwrap_or(refusal), again: false }
        }
        verdict => verdict,
    }
}

/// Their code for a receiver who has opted out.
const OPTED_OUT: &str = "21610";

/// Their word for how far a message has come; `None` for one that we do not know. What waits with them is no longer with us.
pub(super) fn status(word: &str) -> Option<Status> {
    match word.trim().to_ascii_lowercase().as_str() {
        "accepted" | "scheduled" | "queued" | "sending" => Some(Status::Sending),
        "sent" | "partially_delivered" => Some(Status::Sent),
        "delivered" | "read" => Some(Status::Delivered),
        "undelivered" => Some(Status::Undelivered),
        "failed" | "canceled" => Some(Status::Failed),
        _ => None,
    }
}

/// What went wrong, when anything did. Posts carry a code alone, so that the usual ones are explained here.
fn fault(code: Option<String>, text: Option<&str>) -> Option<Fault> {
    let code = code.filter(|code| code != "0");
    let usual = match code.as_deref() {
        Some(OPTED_OUT) => "the receiver has opted out at the provider",
        Some("21614") => "the number cannot receive text messages",
        Some("30001") => "the provider's queue is full",
        Some("30002") => "the account at the provider is suspended",
        Some("30003") => "the handset is switched off or out of reach",
        Some("30004") => "the receiver or the network blocks the message",
        Some("30005") => "the number is unknown or no longer in use",
        Some("30006") => "a landline, or a network that cannot be reached",
        Some("30007") => "a carrier's filter took it for unwanted",
        Some("30008") => "the network gave no reason",
        Some(_) => "the provider gave a code only",
        None => text.filter(|text| !text.trim().is_empty())?,
    };
    let opted_out = code.as_deref() == Some(OPTED_OUT);
    let fault = Fault::new(code, text.filter(|text| !text.trim().is_empty()).unwrap_or(usual));
    Some(if opted_out { fault.by_opt_out() } else { fault })
}

/// The parameters of a post, as sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads the body of a post.
    pub fn read(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    fn id(&self) -> Result<String, Unreadable> {
        let id = self.get("MessageSid").map(|id| id.replace('\0', "").trim().to_owned());
        id.filter(|id| !id.is_empty()).ok_or(Unreadable("MessageSid"))
    }
}

/// A post that tells what became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// Their id of the message.
    pub sid: String,
    /// What it says; `None` for a status that we do not know, which says nothing.
    pub told: Option<Told>,
}

impl Callback {
    /// Reads the form of a status callback.
    ///
    /// # Errors
    /// Which parameter is missing.
    pub fn read(form: &Form) -> Result<Self, Unreadable> {
        let sid = form.id()?;
        let word = form.get("MessageStatus").ok_or(Unreadable("MessageStatus"))?;
        let code = form.get("ErrorCode").map(|code| code.replace('\0', "").trim().to_owned()).filter(|code| !code.is_empty());
        let told = status(word).map(|status| Told { status, provider_id: Some(sid.clone()), fault: fault(code, None) });
        Ok(Self { sid, told })
    }
}

impl Incoming {
    /// Reads the form by which Twilio brings a message. A text may be absent: pictures come without one.
    ///
    /// # Errors
    /// Which parameter is missing, or is no number.
    pub fn from_twilio(form: &Form, region: HomeRegion) -> Result<Self, Unreadable> {
        let number = |name| form.get(name).and_then(|raw| Number::read(raw, region)).ok_or(Unreadable(name));
        Ok(Self {
            provider_id: form.id()?,
            from: number("From")?,
            to: number("To")?,
            body: form.get("Body").unwrap_or_default().to_owned(),
        })
    }
}

/// A post that lacks what it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is missing or cannot be read")]
pub struct Unreadable(pub(super) &'static str);

impl Unreadable {
    /// What is missing.
    pub fn field(self) -> &'static str {
        self.0
    }
}
