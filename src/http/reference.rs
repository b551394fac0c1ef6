//! `/api/docs`: the description of the native API as a page, rendered here and whole, so that it needs no script and no network.

use std::sync::OnceLock;

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use maud::{DOCTYPE, Markup, html};
use serde_json::Value;

use super::{Web, console::PAGE_POLICY, native::openapi};

const STYLE: &str = include_str!("../../web/reference/reference.css");

/// The methods of OpenAPI that this API uses, in the order in which a reader looks for them.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The doors of the page, whose document is this.
pub(super) fn router(document: &'static Value) -> Router<Web> {
    Router::new()
        .route("/api/docs", get(move || async move { page(document) }))
        .route("/api/docs/reference.css", get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) }))
}

fn page(document: &'static Value) -> Response {
    static PAGE: OnceLock<String> = OnceLock::new();
    let text = PAGE.get_or_init(|| whole(document).into_string());
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, PAGE_POLICY)];
    (headers, text.as_str()).into_response()
}

fn whole(document: &Value) -> Markup {
    let tags: Vec<(&str, &str)> = items(&document["tags"]).map(|tag| (text(&tag["name"]), text(&tag["description"]))).collect();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "API reference · cti-gateway" }
                link rel="icon" href="/console/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/console/console.css";
                link rel="stylesheet" href="/api/docs/reference.css";
            }
            body.reference {
                header.bar {
                    p.brand { img src="/console/icon.svg" alt="" width="24" height="24"; span { "API reference" } }
                    nav.ways { a href=(openapi::PATH) { "openapi.json" } }
                }
                nav.tags aria-label="Contents" {
                    ol { @for (tag, _) in &tags { li { a href={"#" (anchor(tag))} { (tag) } } } li { a href="#forms" { "Forms" } } }
                }
                main {
                    section.intro {
                        h1 { "cti-gateway " (text(&document["info"]["version"])) }
                        p { (marked(text(&document["info"]["description"]))) }
                        p { (marked(text(&document["components"]["securitySchemes"]["bearer"]["description"]))) }
                    }
                    @for (tag, description) in &tags {
                        section id=(anchor(tag)) {
                            h2 { (tag) }
                            p.about { (description) }
                            @for (path, method, operation) in operations(document, tag) { (operation_of(path, method, operation)) }
                        }
                    }
                    section id="forms" {
                        h2 { "Forms" }
                        p.about { "What bodies and answers are made of." }
                        @for (name, form) in document["components"]["schemas"].as_object().into_iter().flatten() {
                            details id={"form-" (name)} {
                                summary { span.path { (name) } span.what { (marked(text(&form["description"]))) } }
                                div.body { (shape(form)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The operations of a tag, by path and method.
fn operations<'a>(document: &'a Value, tag: &'a str) -> impl Iterator<Item = (&'a str, &'static str, &'a Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(move |(path, methods)| {
        let found = METHODS.iter().filter_map(move |method| Some((path.as_str(), *method, methods.get(*method)?)));
        found.filter(move |(_, _, operation)| items(&operation["tags"]).any(|of| of == tag))
    })
}

fn operation_of(path: &str, method: &str, operation: &Value) -> Markup {
    let scopes: Vec<&str> = items(&operation["security"]).flat_map(|way| items(&way["bearer"])).map(text).collect();
    html! {
        details.operation id=(text(&operation["operationId"])) {
            summary { span.method.(method) { (method) } span.path { (path) } span.what { (marked(text(&operation["summary"]))) } }
            div.body {
                @if let Some(description) = operation["description"].as_str() { p { (marked(description)) } }
                @if !scopes.is_empty() { p.scope { "Scope " @for scope in &scopes { code { (scope) } " " } } }
                @if items(&operation["parameters"]).next().is_some() {
                    h3 { "Parameters" }
                    dl { @for parameter in items(&operation["parameters"]) { (parameter_of(parameter)) } }
                }
                @for (kind, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
                    h3 { "Body " code { (kind) } }
                    (shape(&content["schema"]))
                }
                h3 { "Answers" }
                dl.answers {
                    @for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
                        dt { code { (status) } }
                        dd { (marked(text(&answer["description"])))
                            @for (kind, content) in answer["content"].as_object().into_iter().flatten() {
                                @if kind == "application/json" { " " (name_of(&content["schema"])) } @else { " or " code { (kind) } }
                            }
                        }
                    }
                }
                h3 { "Try it" }
                pre { code { (curl(path, method, operation)) } }
            }
        }
    }
}

fn parameter_of(parameter: &Value) -> Markup {
    html! {
        dt { code { (text(&parameter["name"])) } " " span.kind { (text(&parameter["in"])) " · " (name_of(&parameter["schema"]))
            @if parameter["required"] == true { " · needed" } } }
        dd { (marked(text(&parameter["description"]))) }
    }
}

/// The fields of a form, or its name.
fn shape(schema: &Value) -> Markup {
    let Some(properties) = schema["properties"].as_object().filter(|properties| !properties.is_empty()) else {
        return html! { p { (name_of(schema)) } };
    };
    let needed = |name: &str| items(&schema["required"]).any(|field| field == name);
    html! {
        dl {
            @for (name, field) in properties {
                dt { code { (name) } " " span.kind { (name_of(field)) @if needed(name) { " · needed" } } }
                dd { (marked(text(&field["description"]))) }
            }
        }
    }
}

/// A schema in a few words, with links to the forms that it names.
fn name_of(schema: &Value) -> Markup {
    let any = |of: &Value| html! { @for (index, one) in items(of).enumerate() { @if index > 0 { " or " } (name_of(one)) } };
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return html! { a href={"#form-" (name)} { (name) } };
    }
    for union in ["oneOf", "anyOf", "allOf"] {
        if schema[union].is_array() {
            return any(&schema[union]);
        }
    }
    if schema["enum"].is_array() {
        return html! { @for (index, word) in items(&schema["enum"]).enumerate() { @if index > 0 { ", " } code { (plain(word)) } } };
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().map(text).collect(),
        _ => vec!["any"],
    };
    html! {
        (kinds.join(" or "))
        @if kinds.contains(&"array") { " of " (name_of(&schema["items"])) }
        @if let Some(format) = schema["format"].as_str() { " (" (format) ")" }
        @if let Some(most) = schema["maxLength"].as_u64() { " of at most " (most) " characters" }
    }
}

/// A line for a terminal.
fn curl(path: &str, method: &str, operation: &Value) -> String {
    let mut line = format!("curl -s \"$CTI{path}\"");
    if method != "get" {
        line = format!("curl -s -X {} \"$CTI{path}\"", method.to_uppercase());
    }
    if operation["security"] != serde_json::json!([{}]) {
        line += " \\\n  -H \"Authorization: Bearer $TOKEN\"";
    }
    if let Some(kind) = operation["requestBody"]["content"].as_object().and_then(|content| content.keys().next()) {
        line += &format!(" \\\n  -H 'Content-Type: {kind}' -d @body");
    }
    line
}

/// Text in which backticks mark code.
fn marked(text: &str) -> Markup {
    html! { @for (index, part) in text.split('`').enumerate() { @if index % 2 == 1 { code { (part) } } @else { (part) } } }
}

fn anchor(tag: &str) -> String {
    tag.to_lowercase().replace(' ', "-")
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
