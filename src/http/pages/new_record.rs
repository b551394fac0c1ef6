//! `/directory/new`: a record of a caller whom the directory does not know yet.

use axum::{
    Router,
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use maud::{Markup, html};
use uuid::Uuid;

use super::{
    address::{leave_for, page_of},
    field::Field,
    form::{Fields, Signed},
    layout::{Page, PageError, csrf},
    person::Person,
};
use crate::{
    app::parties::{PartyDraft, check},
    http::{Web, error::ApiError, native::parties::write},
    pbx::params::with_plus,
    store::parties::{self, NewParty},
};

/// Kinds of records that a person may make here, with what they are called.
const KINDS: [(&str, &str); 3] = [("contact", "Contact"), ("lead", "Lead"), ("account", "Account")];

pub(super) fn router() -> Router<Web> {
    Router::new().route("/directory/new", get(ask).post(store))
}

/// The form as it was filled in.
struct Draft {
    kind: String,
    /// The CRM's id, if the person knows it.
    id: String,
    /// The id to take otherwise. It rides in the form, so that sending the form twice makes one record.
    fresh: Uuid,
    name: String,
    numbers: String,
    email: String,
    url: String,
}

impl Draft {
    fn read(fields: &Fields, web: &Web) -> Self {
        let text = |name| fields.text(name).to_owned();
        let fresh = fields.text("fresh").parse().unwrap_or_else(|_| web.app.clock.id());
        Self {
            kind: text("type"),
            id: text("id"),
            fresh,
            name: text("name"),
            numbers: text("numbers"),
            email: text("email"),
            url: text("url"),
        }
    }

    /// The party that is meant, checked as the API does.
    fn party(&self, person: &Person) -> Result<NewParty, ApiError> {
        if !KINDS.iter().any(|(kind, _)| *kind == self.kind) {
            return Err(ApiError::Invalid { field: "type".into(), message: "expected one of the list".into() });
        }
        let id = if self.id.is_empty() { self.fresh.to_string() } else { self.id.clone() };
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let numbers: Vec<String> =
            self.numbers.split(['\n', ';', ',']).map(|number| number.trim().to_owned()).filter(|number| !number.is_empty()).collect();
        let draft =
            PartyDraft { kind: &self.kind, id: &id, name: &self.name, email: some(&self.email), url: some(&self.url), numbers: &numbers };
        Ok(check(person.account(), draft)?)
    }
}

async fn ask(State(web): State<Web>, person: Person, RawQuery(query): RawQuery) -> Response {
    let asked = Fields::read(query.unwrap_or_default().as_bytes());
    let kind = KINDS[0].0.to_owned();
    let numbers = with_plus(asked.raw("number"));
    let empty = String::new;
    let draft = Draft { kind, id: empty(), fresh: web.app.clock.id(), name: empty(), numbers, email: empty(), url: empty() };
    page(&person, &draft, None).into_response()
}

async fn store(State(web): State<Web>, Signed { person, fields }: Signed) -> Result<Response, PageError> {
    let draft = Draft::read(&fields, &web);
    match try_store(&web, &person, &draft).await {
        Ok(party) => Ok(leave_for(StatusCode::SEE_OTHER, &page_of(&party.kind, &party.id))?),
        Err(error @ ApiError::Internal(_)) => Err(error.into()),
        Err(error) => Ok(error.with_body(page(&person, &draft, Some(&error)))),
    }
}

async fn try_store(web: &Web, person: &Person, draft: &Draft) -> Result<NewParty, ApiError> {
    let account = person.account();
    let party = draft.party(person)?;
    // a new record must not take the place of another one
    if !draft.id.is_empty() && parties::get(web.app.db.read(), account.id, &party.kind, &party.id).await?.is_some() {
        return Err(ApiError::Invalid { field: "id".into(), message: format!("there is a {} with this id already", party.kind).into() });
    }
    write(web, account, vec![party.clone()]).await?;
    Ok(party)
}

fn page<'a>(person: &'a Person, draft: &Draft, error: Option<&ApiError>) -> Page<'a> {
    let (flawed, message) = match error {
        Some(ApiError::Invalid { field, message }) => (field.as_ref(), message.to_string()),
        Some(error) => ("", error.body().message),
        None => ("", String::new()),
    };
    let focus = if flawed.is_empty() { "name" } else { flawed };
    let field = |name, title, hint| Field { name, title, hint, flaw: (flawed == name).then_some(message.as_str()), is_optional: true };
    let required = |name, title| Field { is_optional: false, ..field(name, title, None) };
    let line = |field: Field<'_>, kind: &str, value: &str| field.input(kind, value, focus == field.name);
    let content = html! {
        main.page {
            form.card.sheet method="post" action="/directory/new" autocomplete="off" {
                h1 { "New record" }
                @if error.is_some() && flawed.is_empty() {
                    p.flaw role="alert" { (message) }
                }
                (csrf(person))
                input type="hidden" name="fresh" value=(draft.fresh);
                div.pair {
                    (kinds(&required("type", "Type"), &draft.kind))
                    (line(field("id", "Id", Some("Its id in the CRM. Leave it empty to have one made.")), "text", &draft.id))
                }
                (line(required("name", "Name"), "text", &draft.name))
                (numbers(&field("numbers", "Numbers", Some("One per line.")), &draft.numbers, focus == "numbers"))
                (line(field("email", "E-mail", None), "email", &draft.email))
                (line(field("url", "Address", Some("Its page in the CRM, as in https://crm.example/contacts/7.")), "text", &draft.url))
                p.buttons {
                    button.primary type="submit" { "Store the record" }
                    a href="/directory" { "Cancel" }
                }
            }
        }
    };
    Page::new("New record", content).of(person)
}

fn kinds(field: &Field<'_>, chosen: &str) -> Markup {
    field.around(html! {
        select id=(field.id()) name=(field.name) aria-invalid=[field.is_invalid()] aria-describedby=[field.described_by()] {
            @for (kind, title) in KINDS {
                option value=(kind) selected[kind == chosen] { (title) }
            }
        }
    })
}

fn numbers(field: &Field<'_>, typed: &str, has_focus: bool) -> Markup {
    field.around(html! {
        textarea id=(field.id()) name=(field.name) rows="2" inputmode="tel" spellcheck="false" autofocus[has_focus]
            aria-invalid=[field.is_invalid()] aria-describedby=[field.described_by()] { (typed) }
    })
}
