//! `Search.php`: opens the record that a number belongs to, or the form that makes one. For a person's browser: whoever is not
//! signed in logs in first and comes back.

use axum::{
    Router,
    extract::{FromRequestParts, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};

use super::only_looks;
use crate::{
    domain::phone::Number,
    http::{
        Web,
        pages::{PageError, Person, create, find_page, leave_for, record},
    },
    pbx::params::{Params, with_plus},
    store::parties,
};

pub(super) fn router() -> Router<Web> {
    Router::new().route("/modules/PhoneCalls/callbacks/Search.php", get(search))
}

async fn search(State(web): State<Web>, request: Request) -> Result<Response, PageError> {
    if let Some(answer) = only_looks(&request) {
        return Ok(answer);
    }
    let (mut parts, _) = request.into_parts();
    let person = <Person as FromRequestParts<Web>>::from_request_parts(&mut parts, &web).await?;
    let account = person.account();
    let params = Params::read(parts.uri.query().unwrap_or_default(), "", b"");
    let typed = params.raw(&["phone_number"]).map(with_plus).unwrap_or_default();
    let Some(number) = Number::read(&typed, account.region) else {
        let flaw = if typed.is_empty() {
            "A telephone number is expected here; phone_number was empty."
        } else {
            "A telephone number is expected here; this has no digits of one."
        };
        return Ok((StatusCode::BAD_REQUEST, find_page(&person, &typed, Some(flaw))).into_response());
    };
    // of several the one changed last, which comes first
    let found = parties::by_number(web.app.db.read(), account.id, &number).await?.into_iter().next();
    let address = found.map_or_else(|| create(account, &number), |party| record(account, &party, &number));
    Ok(leave_for(StatusCode::FOUND, &address)?)
}
