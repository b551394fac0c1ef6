//! The directory as a person sees it: find a number, look at a record.

use axum::{
    Router,
    extract::{Path, State, rejection::PathRejection},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, SecondsFormat, Utc};
use maud::{Markup, html};

use super::{
    address::encode,
    field::Field,
    layout::{Page, PageError},
    person::Person,
};
use crate::{
    domain::{call::Direction, phone::Number},
    http::{Web, error::ApiError},
    store::{
        parties::{self, PartyRow},
        records::{self, CallRecord, Filter},
    },
};

/// Calls shown on a record.
const CALLS: usize = 20;

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/directory", get(|person: Person| async move { find_page(&person, "", None) }))
        .route("/directory/{type}/{id}", get(show))
}

/// The form that looks a number up, with what was typed and what is wrong with it.
pub(in crate::http) fn find_page(person: &Person, typed: &str, flaw: Option<&str>) -> Response {
    let hint = Some("With a country code, as in +49 30 123456, or as it is dialed at home. An extension works too.");
    let field = Field { name: "phone_number", title: "Telephone number", hint, flaw, is_optional: false };
    let content = html! {
        main.page {
            form.card.sheet method="get" action="/modules/PhoneCalls/callbacks/Search.php" role="search" {
                h1 { "Find a number" }
                (field.input("tel", typed, true))
                p.buttons { button.primary type="submit" { "Open the record" } }
            }
        }
    };
    Page::new("Find a number", content).of(person).leading_away().into_response()
}

async fn show(State(web): State<Web>, person: Person, path: Result<Path<(String, String)>, PathRejection>) -> Result<Response, PageError> {
    let account = person.account();
    let missing = || ApiError::NotFound("There is no such record in the directory.".into());
    let Path((kind, id)) = path.map_err(|_| missing())?;
    // databases take no NUL in text
    if kind.contains('\0') || id.contains('\0') {
        return Err(missing().into());
    }
    let party = parties::get(web.app.db.read(), account.id, &kind, &id).await?.ok_or_else(missing)?;
    let numbers = parties::numbers(web.app.db.read(), account.id, &kind, &id).await?;
    let calls = last_calls(&web, account.id, &numbers).await?;
    let content = html! {
        main.page {
            article.card.sheet.record {
                header {
                    h1 data-testid="name" { (party.name) }
                    p.kind { (party.kind) }
                }
                (details(&party, &numbers))
            }
            section.card.calls-of aria-labelledby="calls-title" {
                h2 #calls-title { "Last calls" }
                (call_table(&calls))
            }
        }
    };
    Ok(Page::new(&party.name, content).of(&person).into_response())
}

/// The newest calls with any of these numbers.
async fn last_calls(web: &Web, account: i64, numbers: &[String]) -> Result<Vec<CallRecord>, ApiError> {
    let mut calls = Vec::new();
    for number in numbers {
        let filter = Filter { number: Some(number.clone()), ..Filter::default() };
        calls.extend(records::calls(web.app.db.read(), account, &filter, None, i64::try_from(CALLS).unwrap_or(i64::MAX)).await?);
    }
    // identifiers are ordered by time
    calls.sort_by_key(|record| std::cmp::Reverse(record.call.id));
    calls.truncate(CALLS);
    Ok(calls)
}

fn details(party: &PartyRow, numbers: &[String]) -> Markup {
    let is_link = |url: &str| url.starts_with("https://") || url.starts_with("http://");
    html! {
        dl.details {
            div {
                dt { @if numbers.len() == 1 { "Number" } @else { "Numbers" } }
                @for number in numbers {
                    dd { a href={ "tel:" (number) } { (number) } }
                }
                @if numbers.is_empty() {
                    dd.none { "None" }
                }
            }
            @if let Some(email) = &party.email {
                div { dt { "E-mail" } dd { a href={ "mailto:" (encode(email).replace("%40", "@")) } { (email) } } }
            }
            @if let Some(url) = &party.url {
                div {
                    dt { "Address" }
                    dd {
                        @if is_link(url) { a href=(url) rel="noreferrer noopener" { (url) } } @else { (url) }
                    }
                }
            }
            div { dt { "Id" } dd { (party.id) } }
            div { dt { "Changed" } dd { (time(party.updated_at)) } }
        }
    }
}

fn call_table(calls: &[CallRecord]) -> Markup {
    if calls.is_empty() {
        return html! { p.empty { "No calls with this record's numbers yet." } };
    }
    html! {
        table role="table" aria-labelledby="calls-title" {
            thead role="rowgroup" {
                tr role="row" {
                    @for title in ["When", "Number", "Direction", "Agent", "Status", "Outcome"] {
                        th role="columnheader" scope="col" { (title) }
                    }
                }
            }
            tbody role="rowgroup" {
                @for CallRecord { call, .. } in calls {
                    @let newest = call.newest();
                    @let outcome = call.outcome_text();
                    tr role="row" data-testid="call" {
                        td.when role="cell" { (time(call.created_at)) }
                        td.number role="cell" { (newest.line.customer().map(Number::as_str).unwrap_or_default()) }
                        td.direction role="cell" { (newest.line.direction().map(direction_words).unwrap_or_default()) }
                        td.agent role="cell" { (newest.agent().unwrap_or_default()) }
                        td.status role="cell" data-state=[tone(newest.call_status())] { (newest.call_status()) }
                        td.outcome role="cell" { (outcome.unwrap_or_default()) }
                    }
                }
            }
        }
    }
}

/// A time in UTC; a script shows it as the person's clock does.
fn time(at: DateTime<Utc>) -> Markup {
    html! { time datetime=(at.to_rfc3339_opts(SecondsFormat::Millis, true)) { (at.format("%Y-%m-%d %H:%M UTC")) } }
}

/// The state whose tone a call's status has; only calls that are not over stand out.
fn tone(status: &str) -> Option<&'static str> {
    match status {
        "ringing" => Some("ringing"),
        "in-progress" => Some("talk"),
        _ => None,
    }
}

fn direction_words(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "Inbound",
        Direction::Outbound => "Outbound",
        Direction::ClickToCall => "Click to call",
        Direction::Transfer => "Transfer",
        Direction::CcOutbound => "Campaign",
    }
}
