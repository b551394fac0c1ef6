//! Sessions of people, one-time links, and tickets for the socket.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    App,
    clock::{self, Clock},
    directory::{Grant, Subject},
    passwords,
};
use crate::{
    domain::secret::SecretHash,
    store::{
        Db, Result,
        credentials::{self, NewCredential},
        people,
    },
};

/// A signed-in person is asked again after this time.
const SESSION_HOURS: i64 = 12;
/// A ticket must open its socket within this time.
const TICKET_SECONDS: i64 = 30;
/// What signs an embedded softphone in must be used within this time.
const EMBED_SECONDS: i64 = 60;
/// A session that was exchanged for a new one holds for this long: requests may be on their way.
const EXCHANGED_SECONDS: i64 = 30;
/// A one-time link must be opened within this time.
const LINK_MINUTES: i64 = 60;

/// What operators may do.
pub const OPERATOR_SCOPES: &str = "events:read,calls:read,agents:read,leads:read";
/// What agents may do.
pub const AGENT_SCOPES: &str = "events:read,calls:read,calls:control,agents:read,messages:send";

/// A new secret and until when it holds.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Issued {
    pub secret: String,
    pub expires_at: DateTime<Utc>,
    pub account: String,
    pub login: String,
}

impl App {
    /// Signs an operator or an agent in; `None` when account, login and password do not belong together.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sign_in(&self, account: &str, login: &str, password: String) -> Result<Option<Issued>> {
        let Some(account) = self.directory.account_named(&self.hub, account).await? else {
            passwords::verify(password, None).await;
            return Ok(None);
        };
        let operator = people::operator_password(self.db.read(), account.id, login).await?;
        let (stored, subject, scopes) = match operator {
            Some(hash) => (Some(hash), Subject::Operator(login.to_owned()), OPERATOR_SCOPES),
            None => (people::agent_password(self.db.read(), account.id, login).await?, Subject::Agent(login.to_owned()), AGENT_SCOPES),
        };
        if !passwords::verify(password, stored).await {
            return Ok(None);
        }
        let issue = Issue { kind: "session", subject: &subject, scopes, life: TimeDelta::hours(SESSION_HOURS), parent: None };
        self.issue(account.id, &account.name, issue).await.map(Some)
    }

    /// Turns a one-time link's code into a session; `None` when it was used or is too old.
    ///
    /// # Errors
    /// What the database says.
    pub async fn redeem_link(&self, code: &str) -> Result<Option<Issued>> {
        let Some(row) = credentials::redeem(self.db.write(), &SecretHash::of(code), "code", self.clock.now()).await? else {
            return Ok(None);
        };
        let grant = self.directory.grant_of(&self.hub, &row).await?;
        let issue =
            Issue { kind: "session", subject: &grant.subject, scopes: &row.scopes, life: TimeDelta::hours(SESSION_HOURS), parent: None };
        self.issue(row.account_id, &grant.account.name, issue).await.map(Some)
    }

    /// Makes a socket ticket for whom `grant` stands, or for `agent` whom it acts for.
    ///
    /// # Errors
    /// What the database says.
    pub async fn ticket(&self, grant: &Grant, subject: &Subject) -> Result<Issued> {
        let issue = Issue {
            kind: "ticket",
            subject,
            scopes: &grant.scopes.to_string(),
            life: TimeDelta::seconds(TICKET_SECONDS),
            parent: Some(grant.credential),
        };
        self.issue(grant.account.id, &grant.account.name, issue).await
    }

    /// What a ticket grants; `None` when it was used, is too old or never was, or what it was made with has ended.
    ///
    /// # Errors
    /// What the database says.
    pub async fn redeem_ticket(&self, ticket: &str) -> Result<Option<Grant>> {
        match credentials::redeem(self.db.write(), &SecretHash::of(ticket), "ticket", self.clock.now()).await? {
            Some(row) => {
                // the socket lives as long as the session or token that its ticket was made with
                let parent = row.label.parse().unwrap_or(row.id);
                if !credentials::is_valid(self.db.read(), parent, self.clock.now()).await? {
                    return Ok(None);
                }
                Ok(Some(Grant { credential: parent, ..self.directory.grant_of(&self.hub, &row).await? }))
            }
            None => Ok(None),
        }
    }

    /// A one-time code that signs an agent's embedded softphone in.
    ///
    /// # Errors
    /// What the database says.
    pub async fn embed_token(&self, account: (i64, &str), login: &str) -> Result<Issued> {
        let subject = Subject::Agent(login.to_owned());
        let life = TimeDelta::seconds(EMBED_SECONDS);
        self.issue(account.0, account.1, Issue { kind: "code", subject: &subject, scopes: AGENT_SCOPES, life, parent: None }).await
    }

    /// The same for an agent who gave his password; `None` when login and password do not belong together.
    ///
    /// # Errors
    /// What the database says.
    pub async fn embed_sign_in(&self, account: (i64, &str), login: &str, password: String) -> Result<Option<Issued>> {
        let stored = people::agent_password(self.db.read(), account.0, login).await?;
        if !passwords::verify(password, stored).await {
            return Ok(None);
        }
        self.embed_token(account, login).await.map(Some)
    }

    /// Exchanges a session for a new one that ends when it would have. The old one ends in a moment, or stays where `beside`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn exchange_session(&self, grant: &Grant, beside: bool) -> Result<Issued> {
        let now = self.clock.now();
        let scopes = grant.scopes.to_string();
        let life = grant.expires_at.map_or(TimeDelta::hours(SESSION_HOURS), |expires| expires - now);
        let issue = Issue { kind: "session", subject: &grant.subject, scopes: &scopes, life, parent: None };
        let issued = self.issue(grant.account.id, &grant.account.name, issue).await?;
        if !beside {
            let until = now + TimeDelta::seconds(EXCHANGED_SECONDS);
            let (admin, account, credential) = (self.admin(), grant.account.clone(), grant.credential);
            // in a task of its own: a client that goes away must not cut a transaction in two
            let ended = tokio::spawn(async move { admin.end_session((account.id, &account.name), credential, until).await }).await;
            ended.map_err(|_| sqlx::Error::WorkerCrashed)??;
            self.directory.invalidate(grant.account.id);
        }
        Ok(issued)
    }

    async fn issue(&self, account: i64, name: &str, issue: Issue<'_>) -> Result<Issued> {
        issue.store(&self.db, self.clock.now(), (account, name)).await
    }
}

/// A one-time link for an operator or an agent, made by the command line.
pub struct OneTimeLink;

impl OneTimeLink {
    /// Makes the code of a link.
    ///
    /// # Errors
    /// What the database says.
    pub async fn issue(db: &Db, clock: &Clock, account: (i64, &str), subject: &Subject) -> Result<Issued> {
        let scopes = if subject.agent().is_some() { AGENT_SCOPES } else { OPERATOR_SCOPES };
        let issue = Issue { kind: "code", subject, scopes, life: TimeDelta::minutes(LINK_MINUTES), parent: None };
        issue.store(db, clock.now(), account).await
    }
}

/// What to issue.
struct Issue<'a> {
    kind: &'static str,
    subject: &'a Subject,
    scopes: &'a str,
    life: TimeDelta,
    /// The credential that it was made with.
    parent: Option<i64>,
}

impl Issue<'_> {
    async fn store(self, db: &Db, now: DateTime<Utc>, account: (i64, &str)) -> Result<Issued> {
        let Self { kind, subject, scopes, life, parent } = self;
        let secret = clock::secret(kind);
        let login = match subject {
            Subject::Operator(login) | Subject::Agent(login) => login.clone(),
            Subject::Program => String::new(),
        };
        let credential = NewCredential {
            account: account.0,
            hash: SecretHash::of(&secret),
            prefix: kind.to_owned(),
            label: parent.map_or_else(|| kind.to_owned(), |parent| parent.to_string()),
            kind,
            subject: subject.to_stored(),
            scopes: scopes.to_owned(),
            allow_query: false,
            networks: None,
            expires_at: Some(now + life),
        };
        db.write().run(credentials::insert(&credential, now)).await?;
        Ok(Issued { secret, expires_at: now + life, account: account.1.to_owned(), login })
    }
}
