//! Pages of allowed origins, those of client apps among them, may read what some doors answer. A page of another origin may post all the same, as any form can; its
//! browser keeps the answer from it. No cookie opens these doors, so none is let through.

use axum::{
    extract::{Request, State},
    handler::Handler,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodFilter, MethodRouter, on},
};

use super::{Web, error};

/// What pages may send and read at a group of doors.
pub(super) struct Shared {
    pub(super) methods: &'static str,
    pub(super) headers: &'static str,
    /// Headers of answers that a page may read.
    pub(super) exposed: &'static str,
}

/// The page's origin, when it is an allowed one.
async fn origin(web: &Web, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    is_allowed(web, origin.to_str().ok()?).await.then(|| origin.clone())
}

/// Whether the settings name this origin, or a client app of some account does.
pub(super) async fn is_allowed(web: &Web, origin: &str) -> bool {
    if web.config.http.allowed_origins.iter().any(|allowed| allowed == origin) {
        return true;
    }
    let known = web.app.directory.is_client_app(&web.app.hub, origin).await;
    known.inspect_err(|error| tracing::warn!(%error, "the client apps cannot be read")).unwrap_or(false)
}

impl Shared {
    /// Lets the page of this origin read an answer.
    fn let_read(&self, headers: &mut HeaderMap, origin: HeaderValue) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(self.exposed));
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }

    /// What a browser asks before it sends JSON or a bearer. Other origins are answered as ever.
    async fn preflight(&self, web: &Web, headers: &HeaderMap) -> Response {
        let Some(origin) = origin(web, headers).await else { return error::wrong_method().await };
        let allowed = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, self.methods),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, self.headers),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ];
        let mut response = (StatusCode::NO_CONTENT, allowed).into_response();
        self.let_read(response.headers_mut(), origin);
        response
    }

    /// A door whose answers, refusals included, such pages may read.
    pub(super) fn door<T: 'static>(&'static self, method: MethodFilter, handler: impl Handler<T, Web>) -> MethodRouter<Web> {
        let answer = move |State(web): State<Web>, request: Request| async move {
            let origin = origin(&web, request.headers()).await;
            let mut response = handler.call(request, web).await;
            if let Some(origin) = origin {
                self.let_read(response.headers_mut(), origin);
            }
            response
        };
        on(method, answer).options(move |State(web): State<Web>, headers: HeaderMap| async move { self.preflight(&web, &headers).await })
    }
}
