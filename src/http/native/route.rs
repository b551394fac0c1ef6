//! `POST /api/v1/route`: a telephone system asks where a caller is to go.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    app::committer::{NewsItem, Route, RouteAnswer},
    domain::{call::wire_seconds, phone::Number, routing::Turned, scope::Scope},
    http::{Web, auth::Bearer, error::ApiError, input::Body},
    pbx::{Hearing, native::CallEvent},
};

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(route))
}

/// A caller who rings.
#[derive(Deserialize, ToSchema)]
#[schema(as = RouteQuestion)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    /// The telephone system's id of the call, as in its call events.
    call_id: String,
    /// The number or the name of the ring group that he rang.
    number: String,
    /// His own number, where it is known.
    from: Option<String>,
    /// His name, where it is known.
    caller_name: Option<String>,
    /// The agent who was named before and did not pick up.
    missed: Option<String>,
}

/// What to do with a caller.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = RouteDecision)]
#[serde(rename_all = "snake_case")]
enum Decision {
    /// Ring this agent.
    Agent,
    /// Let him wait, and ask again.
    Wait,
    /// It is closed.
    Closed,
    /// As many wait as may.
    Full,
    /// He has waited for as long as one may.
    Waited,
}

/// Where a caller is to go. What does not apply is `null`.
#[derive(Serialize, ToSchema)]
#[schema(as = RouteAnswer)]
#[serde(rename_all = "camelCase")]
struct Answer {
    dialer_call_id: Uuid,
    decision: Decision,
    /// Whom to ring.
    agent: Option<String>,
    /// Where to send the caller: the agent's extension, or elsewhere when he is not to wait. Without one, hang up.
    to: Option<Number>,
    /// Until when the agent may pick up; then ask again, and say whom you rang.
    ring_until: Option<String>,
    /// How many wait before him.
    before: Option<usize>,
    /// Ask again then.
    ask_at: Option<String>,
    /// When it opens next.
    opens_at: Option<String>,
}

impl Answer {
    fn of(Route { call, answer }: Route) -> Self {
        let at = |time: DateTime<Utc>| Some(wire_seconds(time));
        let empty = Self {
            dialer_call_id: call,
            decision: Decision::Wait,
            agent: None,
            to: None,
            ring_until: None,
            before: None,
            ask_at: None,
            opens_at: None,
        };
        match answer {
            RouteAnswer::Agent { login, extension, until } => {
                Self { decision: Decision::Agent, agent: Some(login), to: extension, ring_until: at(until), ..empty }
            }
            RouteAnswer::Wait { before, ask_at } => Self { before: Some(before), ask_at: at(ask_at), ..empty },
            RouteAnswer::Turned { why, to, opens } => {
                let decision = match why {
                    Turned::Closed => Decision::Closed,
                    Turned::Full => Decision::Full,
                    Turned::Waited => Decision::Waited,
                };
                Self { decision, to, opens_at: opens.and_then(at), ..empty }
            }
        }
    }
}

/// Says whom to ring, or to let the caller wait, or where else to send him. The call is known from then on; what becomes of it comes
/// as call events with the same `callId`.
#[utoipa::path(
    post,
    path = "/api/v1/route",
    operation_id = "routeCaller",
    tag = "Calls",
    request_body = Asked,
    responses((status = 200, description = "Done", body = Answer)),
    security(("bearer" = ["calls:write"]))
)]
async fn route(State(web): State<Web>, bearer: Bearer, Body(asked): Body<Asked>) -> Result<Json<Answer>, ApiError> {
    let account = &bearer.with(Scope::CallsWrite)?.account;
    let Some((name, group)) = account.setup.ring_group(&asked.number, account.region) else {
        return Err(ApiError::Invalid { field: "number".into(), message: "expected the number or the name of a ring group".into() });
    };
    if asked.missed.as_deref().is_some_and(|login| account.roster.by_login(login).is_none()) {
        return Err(ApiError::Invalid { field: "missed".into(), message: "expected the login of an agent of this account".into() });
    }
    let event = CallEvent {
        call_id: asked.call_id,
        event: "ringing".to_owned(),
        from: asked.from,
        direction: Some("inbound".to_owned()),
        queue_dn: Some(group.number.as_str().to_owned()),
        caller_name: asked.caller_name,
        ..CallEvent::default()
    };
    let hearing = Hearing { roster: &account.roster, region: account.region, zone: chrono_tz::Tz::UTC, observed_at: web.app.clock.now() };
    let (pbx_call_id, news) = event
        .read(&hearing)
        .map_err(|invalid| ApiError::Invalid { field: invalid.field.into(), message: format!("expected {}", invalid.expected).into() })?;
    let item = NewsItem { gateway: 0, source: "api", pbx_call_id, ordered_as: None, news };
    Ok(Json(Answer::of(web.app.route(account, item, name, asked.missed).await?)))
}
