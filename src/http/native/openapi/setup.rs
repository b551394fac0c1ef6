//! Describes the records that an account has set up: four operations for each kind, and the kind's own form.

use serde_json::{Map, Value, json};

use super::{
    super::setup::{reading, writing},
    own,
};
use crate::domain::{
    client_app::ClientApp,
    disposition::Disposition,
    playlist::Playlist,
    scope::Scope,
    setup::{Campaign, Kind, OPTIONS, Options, OwnedNumber, RingGroup, Skill},
};

/// Adds the operations and forms of every kind.
pub(super) fn describe(document: &mut Value) {
    for &kind in Kind::ALL {
        let name = name_of(kind);
        document["components"]["schemas"][format!("{name}Record")] = form(kind, document);
        document["paths"][format!("/api/v1/{}", kind.path())] = json!({ "get": list(kind, &name) });
        document["paths"][format!("/api/v1/{}/{{name}}", kind.path())] =
            json!({"get": show(kind, &name), "put": store(kind, &name), "delete": remove(kind, &name)});
    }
}

/// `ring_group` → `RingGroup`.
fn name_of(kind: Kind) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    kind.word().split('_').map(capital).collect()
}

fn words(kind: Kind) -> String {
    kind.word().replace('_', " ")
}

/// A record of this kind: its own form, and what every record has.
fn form(kind: Kind, document: &mut Value) -> Value {
    let mut form = match kind {
        Kind::Campaign => own::<Campaign>(document),
        Kind::Disposition => own::<Disposition>(document),
        Kind::Number => own::<OwnedNumber>(document),
        Kind::RingGroup => own::<RingGroup>(document),
        Kind::Skill => own::<Skill>(document),
        Kind::Playlist => own::<Playlist>(document),
        Kind::ClientApp => own::<ClientApp>(document),
        Kind::Options => own::<Options>(document),
        Kind::Field => json!({"type": "object", "description": "A custom field of leads: its name is all there is"}),
        Kind::Filter => filter(),
        Kind::Provider => free("Who carries messages: `simulated`, `http` or `twilio` (docs/messages.md). Secrets are not shown"),
        Kind::TelephoneSystem => {
            free("Who carries calls: `simulated`, `generic` or `asterisk` (docs/telephone-systems.md). Secrets are not shown")
        }
    };
    if matches!(kind, Kind::Playlist | Kind::RingGroup) {
        form["properties"]["published"] = json!({"readOnly": true, "description": "What holds since the last reload"});
    }
    let ours = json!({
        "name": {"type": "string", "description": "As in the address"},
        "version": {"type": "integer", "readOnly": true, "description": "Counts the changes; it is the ETag"},
        "updatedAt": {"type": ["string", "null"], "format": "date-time", "readOnly": true},
    });
    for (name, field) in ours.as_object().into_iter().flatten() {
        form["properties"][name] = field.clone();
    }
    if let Some(required) = form["required"].as_array_mut() {
        required.retain(|name| name != "name" && name != "published");
    }
    form
}

fn free(description: &str) -> Value {
    json!({"type": "object", "description": description, "properties": {}, "additionalProperties": true})
}

fn filter() -> Value {
    json!({
        "type": "object",
        "description": "Which leads are meant: blocks of statements (docs/leads.md)",
        "required": ["blocks"],
        "properties": {"blocks": {"type": "array", "items": {
            "type": "object",
            "required": ["statements"],
            "properties": {
                "statements": {"type": "array", "items": {
                    "type": "object",
                    "required": ["field", "op"],
                    "properties": {
                        "field": {"type": "string", "examples": ["State", "custom:Policy ID"]},
                        "op": {"type": "string", "examples": ["eq", "isEmpty", "in"]},
                        "value": {"description": "A text, number, flag or time, or a list of these"},
                    },
                }},
                "join": {"type": "string", "enum": ["and", "or"], "description": "What stands between this block and what follows"},
            },
        }}},
    })
}

fn list(kind: Kind, name: &str) -> Value {
    let page = json!({"type": "object", "required": ["items", "next"], "properties": {
        "items": {"type": "array", "items": reference(name)}, "next": {"type": "null"},
    }});
    operation(
        kind,
        &format!("list{}", plural(kind)),
        &format!("All records of the kind {}, by name.", words(kind)),
        reading(kind),
        json!({
            "responses": {"200": {"description": "They are few, and come as one page", "content": {"application/json": {"schema": page}}}},
        }),
    )
}

fn show(kind: Kind, name: &str) -> Value {
    operation(
        kind,
        &format!("get{name}"),
        &format!("One {}.", words(kind)),
        reading(kind),
        json!({
            "parameters": [named(kind)], "responses": {"200": record(name, "As it is")},
        }),
    )
}

fn store(kind: Kind, name: &str) -> Value {
    operation(
        kind,
        &format!("put{name}"),
        &format!("Stores a {}, whole.", words(kind)),
        writing(kind),
        json!({
            "parameters": [named(kind), if_match()],
            "requestBody": {"required": true, "content": {"application/json": {"schema": reference(name)}}},
            "responses": {"200": record(name, "Changed"), "201": record(name, "Added")},
        }),
    )
}

fn remove(kind: Kind, name: &str) -> Value {
    operation(
        kind,
        &format!("delete{name}"),
        &format!("Removes a {} that nothing else names.", words(kind)),
        writing(kind),
        json!({
            "parameters": [named(kind), if_match()], "responses": {"204": {"description": "Removed"}},
        }),
    )
}

fn operation(kind: Kind, id: &str, summary: &str, scope: Scope, rest: Value) -> Value {
    let mut operation = Map::from_iter([
        ("operationId".to_owned(), json!(id)),
        ("summary".to_owned(), json!(summary)),
        ("tags".to_owned(), json!([if kind == Kind::TelephoneSystem { "Telephone systems" } else { "Setup" }])),
        ("security".to_owned(), json!([{ "bearer": [scope.word()] }])),
    ]);
    operation.extend(rest.as_object().cloned().unwrap_or_default());
    Value::Object(operation)
}

fn plural(kind: Kind) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    kind.path().split('-').map(capital).collect()
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}Record")})
}

fn record(name: &str, description: &str) -> Value {
    json!({
        "description": description,
        "headers": {"ETag": {"schema": {"type": "string"}, "description": "The version, for If-Match"}},
        "content": {"application/json": {"schema": reference(name)}},
    })
}

fn named(kind: Kind) -> Value {
    let description = match kind {
        Kind::Options => "`account`: there is one record".to_owned(),
        Kind::Number => "The number, written in any way".to_owned(),
        kind => format!("The name of the {}; the same in any case", words(kind)),
    };
    let example = match kind {
        Kind::Campaign => "Spring",
        Kind::Disposition => "WANTS A VISIT",
        Kind::Field => "Policy ID",
        Kind::Number => "+493055501000",
        Kind::RingGroup => "Main",
        Kind::Skill => "German",
        Kind::Filter => "Berlin",
        Kind::Playlist => "Evening",
        Kind::Provider => "carrier",
        Kind::TelephoneSystem => "house",
        Kind::ClientApp => "crm",
        Kind::Options => OPTIONS,
    };
    let of = json!({"type": "string"});
    json!({"name": "name", "in": "path", "required": true, "schema": of, "description": description, "example": example})
}

fn if_match() -> Value {
    json!({"name": "If-Match", "in": "header", "required": false, "schema": {"type": "string"},
        "description": "Only if the record is in this version; `*`: only if it is there"})
}
