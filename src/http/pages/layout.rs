//! The frame of every page, and the page that says what went wrong.

use std::sync::LazyLock;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::{DOCTYPE, Markup, html};

use super::{address, person::Person};
use crate::http::{console::PAGE_POLICY, error::ApiError};

/// The policy of a page whose form may end at the CRM's own pages: browsers hold a form's redirects to `form-action` too.
static LEADING_AWAY: LazyLock<String> = LazyLock::new(|| PAGE_POLICY.replace("form-action 'self'", "form-action *"));

/// A page.
pub(super) struct Page<'a> {
    title: &'a str,
    content: Markup,
    person: Option<&'a Person>,
    policy: &'static str,
}

impl<'a> Page<'a> {
    /// A page for nobody in particular.
    pub(super) fn new(title: &'a str, content: Markup) -> Self {
        Self { title, content, person: None, policy: PAGE_POLICY }
    }

    /// With the head of a signed-in person.
    pub(super) fn of(self, person: &'a Person) -> Self {
        Self { person: Some(person), ..self }
    }

    /// With a form that may end at another site.
    pub(super) fn leading_away(self) -> Self {
        Self { policy: &LEADING_AWAY, ..self }
    }
}

impl IntoResponse for Page<'_> {
    fn into_response(self) -> Response {
        let markup = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · cti-gateway" }
                    link rel="icon" href="/console/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/console/console.css";
                    link rel="stylesheet" href="/pages/pages.css";
                    script type="module" src="/pages/times.js" {}
                }
                body {
                    (head(self.person))
                    (self.content)
                }
            }
        };
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, self.policy),
            (header::CACHE_CONTROL, "no-store"),
            // not `no-referrer`: browsers would then send our own forms with `Origin: null`
            (header::REFERRER_POLICY, "same-origin"),
        ];
        (headers, markup.into_string()).into_response()
    }
}

/// The bar at the top: where one is, who one is, the way out.
fn head(person: Option<&Person>) -> Markup {
    html! {
        header.bar {
            p.brand {
                img src="/console/icon.svg" alt="" width="24" height="24";
                @if let Some(person) = person {
                    a href="/directory" { "Directory" }
                    span.account { (person.account().name) }
                } @else {
                    span { "Directory" }
                }
            }
            @if let Some(person) = person {
                nav.actions aria-label="Pages" {
                    a href="/directory" { "Find a number" }
                    a href="/directory/new" { "New record" }
                }
                form.sign-out method="post" action="/logout" {
                    (csrf(person))
                    span.login-name title="Signed in" { (person.login) }
                    button.quiet type="submit" { "Sign out" }
                }
            }
        }
    }
}

/// The field that proves a form to be ours.
pub(super) fn csrf(person: &Person) -> Markup {
    html! { input type="hidden" name="csrf" value=(person.form_token()); }
}

/// Why there is no such page for this person.
#[derive(Debug)]
pub(in crate::http) enum PageError {
    /// Sign in first, at this address.
    SignIn(String),
    /// As with the other doors.
    Failed(ApiError),
}

impl<E: Into<ApiError>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let error = match self {
            Self::SignIn(address) => match address::leave_for(StatusCode::SEE_OTHER, &address) {
                Ok(response) => return response,
                Err(error) => error,
            },
            Self::Failed(error) => error,
        };
        let title = match &error {
            ApiError::NotFound(_) => "Not found",
            ApiError::Forbidden(_) => "Not sent",
            ApiError::Busy(_) | ApiError::TooMany => "Please wait a moment",
            ApiError::Internal(_) => "Something went wrong here",
            _ => "That did not work",
        };
        let page = Page::new(
            title,
            html! {
                main.page {
                    section.card.message {
                        h1 { (title) }
                        p { (error.body().message) }
                        p { a href="/directory" { "To the directory" } }
                    }
                }
            },
        );
        error.with_body(page)
    }
}
