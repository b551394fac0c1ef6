//! The description of the native API, OpenAPI 3.1: made of what stands beside the handlers, and of what all of them have in common.

mod setup;

use std::sync::OnceLock;

use axum::{Json, Router, routing::get};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use crate::http::{Web, error::ErrorForm, reference};

/// Where the document is.
pub(in crate::http) const PATH: &str = "/api/v1/openapi.json";

/// What the operations are about, in the order of the page.
const TAGS: [(&str, &str); 14] = [
    ("Leads", "Who shall be called: added, changed, found, explained"),
    ("Do not call", "The list of numbers that must not be called, and that of receivers who want no messages"),
    ("Campaigns", "Who is dialed next, and what the law of pacing lets a campaign do"),
    ("Setup", "What an account has set up: records of a kind, each by its name"),
    ("Dial lists", "Agents' own lists of numbers"),
    ("Agents", "Who is there and what each does now"),
    ("Calls", "Calls are started, controlled, reported and routed"),
    ("Records of calls", "What became of calls"),
    ("Telephone systems", "How the system is that carries calls"),
    ("Messages", "Text messages"),
    ("Parties", "Whom numbers belong to in the CRM"),
    ("Events", "The journal by long poll; the socket gives the same"),
    ("Operation", "Whether all is well"),
    ("Sessions", "Signing in and out, and tickets for the socket"),
];

/// The router of what is described, and the door of its description.
pub(super) fn router(described: OpenApiRouter<Web>) -> Router<Web> {
    let (router, operations) = described.split_for_parts();
    let document = document(operations);
    router.route(PATH, get(move || async move { Json(document) })).merge(reference::router(document))
}

/// The document. It is the same for as long as the process runs.
fn document(operations: utoipa::openapi::OpenApi) -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| complete(json!(operations)))
}

fn complete(mut document: Value) -> Value {
    document["info"] = json!({
        "title": "cti-gateway",
        "version": env!("CARGO_PKG_VERSION"),
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        "description": "JSON over HTTP. Keys are camelCase, times are RFC 3339, telephone numbers may be written in any way and are answered \
            in canonical form. Lists come in pages: `cursor` takes the `next` of the page before; `Accept: text/csv` gets CSV, with that \
            cursor in the header `X-Next-Cursor`. What is refused changes nothing.",
    });
    document["tags"] = TAGS.iter().map(|(name, description)| json!({"name": name, "description": description})).collect();
    document["components"]["securitySchemes"] = json!({"bearer": {
        "type": "http", "scheme": "bearer",
        "description": "A token of `cti-gateway token add`, which has scopes, or the token of a session. Each operation names the scope it needs.",
    }});
    let form = own::<ErrorForm<'_>>(&mut document);
    document["components"]["schemas"]["ErrorForm"] = form;
    setup::describe(&mut document);
    let operations = document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut);
    for operation in operations.flat_map(Map::values_mut) {
        add_refusals(operation);
    }
    document
}

/// What every operation may answer beside what it says itself.
fn add_refusals(operation: &mut Value) {
    let form = json!({"application/json": {"schema": {"$ref": "#/components/schemas/ErrorForm"}}});
    let refusals = [
        (
            "4XX",
            "Refused, and nothing was changed: `code` is a word for programs, `message` says what to do, `field` names the value at fault",
        ),
        ("5XX", "Not done, or not surely: 503 asks to send it again, which is safe; 500 is ours"),
    ];
    if let Some(responses) = operation["responses"].as_object_mut() {
        for (status, description) in refusals {
            responses.entry(status).or_insert_with(|| json!({"description": description, "content": form}));
        }
    }
}

/// The form of a type; what it names is added to the document.
fn own<T: ToSchema>(document: &mut Value) -> Value {
    let mut named = Vec::new();
    T::schemas(&mut named);
    for (name, form) in named {
        document["components"]["schemas"][name] = json!(form);
    }
    json!(T::schema())
}
