//! The softphone page of client apps, `/apps/{client_id}`: framed by the pages that the client app names and by no other, which holds for
//! every answer here, refusals included. Its people sign in by a pop-up of this origin; no cookie is set or read.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use maud::{DOCTYPE, html};
use rust_embed::RustEmbed;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Web, asset,
    console::PAGE_POLICY,
    error::ApiError,
    input::{Body, Path},
    pages::is_own_form,
    peer::Peer,
};
use crate::{
    app::directory::Account,
    domain::{
        client_app::{ClientApp, read_client_id},
        event::wire_micros,
        setup::Setup,
    },
};

#[derive(RustEmbed)]
#[folder = "web/softphone"]
struct Files;

/// The one who embeds it is told when its people sign out, so it must know where it is.
const REFERRER: &str = "strict-origin-when-cross-origin";

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/apps/{client_id}", get(page))
        .route("/apps/{client_id}/app.json", get(settings))
        .route("/apps/{client_id}/login", get(login_page).post(sign_in))
        .route("/softphone/{file}", get(|Path(name): Path<String>, headers: HeaderMap| async move { file(&name, &headers) }))
}

/// A client app and whose it is.
struct Found {
    account: std::sync::Arc<Account>,
    name: String,
    app: ClientApp,
}

async fn find(web: &Web, client_id: &str) -> Result<Found, ApiError> {
    let missing = || ApiError::NotFound("there is no such client app: list them with `cti-gateway client-app list`".into());
    let (account, name) = read_client_id(client_id).ok_or_else(missing)?;
    let account = web.app.directory.account_named(&web.app.hub, account).await?.ok_or_else(missing)?;
    let app = account.setup.client_apps.get(name).cloned().ok_or_else(missing)?;
    Ok(Found { name: name.to_owned(), app, account })
}

/// The policy of what only these pages may frame, and what speaks with this account's telephone system and no other.
fn policy(app: &ClientApp, account: &Account) -> String {
    let ancestors: Vec<String> = app.origins.iter().map(ToString::to_string).collect();
    let ancestors = if ancestors.is_empty() { "'none'".to_owned() } else { ancestors.join(" ") };
    let policy = PAGE_POLICY.replace("frame-ancestors 'none'", &format!("frame-ancestors {ancestors}"));
    match account.setup.telephone_system().and_then(|(_, system)| system.audio()) {
        Some(audio) => policy.replace("connect-src 'self'", &format!("connect-src 'self' {}", audio.origin())),
        None => policy,
    }
}

/// An answer as this client app has it: framed by its pages only, with the headers that it wants.
fn dressed(Found { app, account, .. }: &Found, mut response: Response) -> Result<Response, ApiError> {
    let internal = |error: header::InvalidHeaderValue| ApiError::Internal(error.into());
    let headers = response.headers_mut();
    for (name, value) in &app.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_str(&policy(app, account)).map_err(internal)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static(REFERRER));
    Ok(response)
}

/// What `answer` makes of a client app, dressed; of none, the refusal, which nobody may frame.
async fn with_app(web: &Web, client_id: &str, answer: impl AsyncFnOnce(&Found) -> Result<Response, ApiError>) -> Response {
    match find(web, client_id).await {
        Ok(found) => {
            let response = answer(&found).await.unwrap_or_else(ApiError::into_response);
            dressed(&found, response).unwrap_or_else(ApiError::into_response)
        }
        Err(error) => ([(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)], error).into_response(),
    }
}

async fn page(State(web): State<Web>, Path(client_id): Path<String>, headers: HeaderMap) -> Response {
    with_app(&web, &client_id, async |found| match stranger(&found.app, &headers) {
        Some(origin) => Ok(refusal(&found.name, &origin)),
        None => file("index.html", &headers),
    })
    .await
}

async fn login_page(State(web): State<Web>, Path(client_id): Path<String>, headers: HeaderMap) -> Response {
    with_app(&web, &client_id, async |_| file("login.html", &headers)).await
}

/// The origin of a page that frames this one and may not, as far as the browser says.
fn stranger(app: &ClientApp, headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_framed = matches!(text("sec-fetch-dest"), Some("iframe" | "frame" | "embed" | "object"));
    let (scheme, rest) = text("referer").filter(|_| is_framed)?.split_once("://")?;
    let origin = format!("{scheme}://{}", rest.split('/').next().unwrap_or_default());
    // a reload of the frame is asked for by the page itself
    let is_own = text("host").is_some_and(|host| rest.split('/').next() == Some(host));
    (!is_own && !app.includes(&origin)).then_some(origin)
}

/// Says to whoever set it up why nothing is shown.
fn refusal(app: &str, origin: &str) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { "Not allowed here · cti-gateway" }
                link rel="stylesheet" href="/softphone/softphone.css";
            }
            body {
                main.message {
                    h1 { "This origin is not allowed" }
                    p { "The softphone is not shown in pages of " code { (origin) } "." }
                    p { "Whoever administers it can add the origin to the client app " code { (app) } "." }
                }
            }
        }
    };
    (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page.into_string()).into_response()
}

/// What the page must know of its client app. It holds no secret: all of it shows in the page's headers or on called telephones.
async fn settings(State(web): State<Web>, Path(client_id): Path<String>) -> Response {
    with_app(&web, &client_id, async |found| {
        let Found { account, name, app } = found;
        Ok(Json(json!({
            "clientId": client_id,
            "account": account.name,
            "name": name,
            "origins": app.origins.iter().map(|pattern| pattern.expression()).collect::<Vec<_>>(),
            "autoDial": app.auto_dial,
            "identities": identities(app, &account.setup),
        }))
        .into_response())
    })
    .await
}

/// For whom an agent can call, each with the number that is shown then.
fn identities(app: &ClientApp, setup: &Setup) -> Vec<Value> {
    let shown = app.identities.iter().filter_map(|identity| {
        let of_group = identity.ring_group.as_deref().and_then(|group| setup.ring_groups.get(group)).map(|group| &group.number);
        let number = identity.number.as_ref().or(of_group)?;
        Some(json!({"type": identity.kind, "id": identity.id, "number": number}))
    });
    shown.collect()
}

/// An agent of the client app's account.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    login: String,
    password: String,
}

/// Signs an agent in by the pop-up, which gives the code to the page that opened it.
async fn sign_in(
    State(web): State<Web>,
    Path(client_id): Path<String>,
    Peer(address): Peer,
    headers: HeaderMap,
    body: Result<Body<SignIn>, ApiError>,
) -> Response {
    with_app(&web, &client_id, async |found| {
        let Body(SignIn { login, password }) = body?;
        if !is_own_form(&headers) {
            return Err(ApiError::Forbidden("this did not come from the log-in page".into()));
        }
        web.sign_ins.check(address, Some((&found.account.name, &login)))?;
        let issued = web.app.embed_sign_in((found.account.id, &found.account.name), &login, password).await?;
        let issued = issued.ok_or(ApiError::Unauthorized("login and password do not belong together".into()))?;
        Ok((StatusCode::CREATED, Json(json!({"code": issued.secret, "expiresAt": wire_micros(issued.expires_at)}))).into_response())
    })
    .await
}

/// A file of the softphone; its modules are served as the one that joins them.
fn file(name: &str, asked: &HeaderMap) -> Result<Response, ApiError> {
    let source = |name: &str| {
        let file = name.strip_prefix("../shared/").map_or_else(|| Files::get(name), asset::Shared::get);
        file.and_then(|file| String::from_utf8(file.data.into_owned()).ok())
    };
    let content = match name {
        "softphone.js" | "login.js" => asset::join(name, &source).map(String::into_bytes),
        _ if name.ends_with(".js") => None,
        _ => Files::get(name).map(|file| file.data.into_owned()),
    };
    asset::answer(name, content.ok_or(ApiError::NotFound("there is no such file".into()))?, asked, PAGE_POLICY)
}
