//! Where providers of text messages post: what became of a message, and messages that came in.
//!
//! `POST /providers/{account}/{provider}/status?message=<id>` and `POST /providers/{account}/{provider}/incoming`. Who posts is known by
//! the provider's signature or secret; without it the answer is 403, whatever else is wrong, and nothing is stored.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::header,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    Web,
    error::ApiError,
    input::{Path, read_body},
};
use crate::{
    app::{directory::Account, messages::NotReceived},
    domain::message::provider::{Post, Provider, Unreadable},
};

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/providers/{account}/{provider}/status", post(status))
        .route("/providers/{account}/{provider}/incoming", post(incoming))
}

/// A post that came from a provider of an account.
struct Genuine {
    account: Arc<Account>,
    /// As the account spells it.
    name: String,
    parts: axum::http::request::Parts,
    body: axum::body::Bytes,
}

impl Genuine {
    /// Reads a post, and finds out whether it came from who it says.
    async fn read(web: &Web, account: &str, provider: &str, request: Request) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let body = read_body(web, body).await?;
        let forged = || ApiError::Forbidden("this post is not signed by a provider of this account".into());
        let account = web.app.directory.account_named(&web.app.hub, account).await?.ok_or_else(forged)?;
        let name = account.setup.providers.entry(provider).map(|(name, _)| name.to_owned()).ok_or_else(forged)?;
        let post = Self { account, name, parts, body };
        if post.with(web, |provider, post| provider.is_genuine(post)) != Some(true) {
            tracing::warn!(
                account = post.account.name,
                provider = post.name,
                public_url = &*web.app.public_url,
                "a post of a provider is not signed"
            );
            metrics::counter!("cti_provider_posts_refused_total").increment(1);
            return Err(forged());
        }
        Ok(post)
    }

    /// `None` only if the provider was not there, and then the post is not genuine.
    fn with<T>(&self, web: &Web, read: impl FnOnce(&Provider, &Post<'_>) -> T) -> Option<T> {
        let header = |name: &str| self.parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let target = self.parts.uri.path_and_query().map_or("", |target| target.as_str());
        let post = Post { base: &web.app.public_url, target, header: &header, body: &self.body };
        self.account.setup.providers.get(&self.name).map(|provider| read(provider, &post))
    }

    /// The answer that this provider expects.
    fn thanks(&self) -> Response {
        match self.account.setup.providers.get(&self.name) {
            Some(Provider::Twilio(_)) => {
                // an empty list of things to do
                ([(header::CONTENT_TYPE, "text/xml")], "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>").into_response()
            }
            _ => Json(json!({"ok": true})).into_response(),
        }
    }
}

async fn status(State(web): State<Web>, Path((account, provider)): Path<(String, String)>, request: Request) -> Result<Response, ApiError> {
    let post = Genuine::read(&web, &account, &provider, request).await?;
    let message = post.with(&web, |_, post| post.parameter("message")).flatten();
    let message = message.map(|id| {
        Uuid::parse_str(&id).map_err(|_| ApiError::Invalid { field: "message".into(), message: "expected the id of a message".into() })
    });
    let message = message.transpose()?;
    let told = post.with(&web, Provider::read_news).transpose().map_err(unreadable)?;
    let heard = match told.flatten() {
        Some(told) => web.app.hear_message(&post.account, &post.name, message, told).await?,
        None => false,
    };
    if !heard {
        // a word that we do not know, or a message that is another system's: sending it again would not help
        metrics::counter!("cti_provider_posts_ignored_total").increment(1);
    }
    Ok(post.thanks())
}

async fn incoming(
    State(web): State<Web>,
    Path((account, provider)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let post = Genuine::read(&web, &account, &provider, request).await?;
    let region = post.account.region;
    let incoming = post.with(&web, |provider, post| provider.read_incoming(post, region)).transpose().map_err(unreadable)?;
    if let Some(incoming) = incoming {
        web.app.receive_message(&post.account, &post.name, incoming).await?;
    }
    Ok(post.thanks())
}

fn unreadable(error: Unreadable) -> ApiError {
    ApiError::Invalid { field: error.field().into(), message: "is missing or cannot be read".into() }
}

impl From<NotReceived> for ApiError {
    fn from(error: NotReceived) -> Self {
        match error {
            NotReceived::NotOwned => {
                Self::Declined { conflict: false, code: "number_not_owned", field: Some("to"), message: error.to_string().into() }
            }
            NotReceived::Failed(failure) => failure.into(),
        }
    }
}
