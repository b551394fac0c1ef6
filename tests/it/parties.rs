//! The party directory: keeping it, importing it, and whom calls are shown to come from.

use std::time::Duration;

use cti_gateway::{
    app::{admin::Admin, clock::Clock},
    store::{Db, parties::NewParty},
};
use reqwest::{Method, StatusCode, header::ACCEPT};
use serde_json::{Value, json};

use crate::support::app::{ACCOUNT, TestApp, answer, both, number, token};

const PARTIES: &str = "/api/v1/parties";

async fn put(t: &TestApp, path: &str, party: Value) -> (StatusCode, Value) {
    answer(t.api(Method::PUT, &format!("{PARTIES}/{path}")).json(&party)).await
}

/// Stores a contact with these numbers, a second after whatever was stored before.
async fn contact(t: &TestApp, id: &str, name: &str, numbers: &[&str]) {
    t.clock.advance(Duration::from_secs(1));
    let (status, body) = put(t, &format!("contact/{id}"), json!({"name": name, "numbers": numbers})).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

async fn import(t: &TestApp, csv: impl Into<reqwest::Body>) -> (StatusCode, Value) {
    answer(t.api(Method::POST, PARTIES).header("Content-Type", "text/csv").body(csv)).await
}

/// `type/id` of the parties listed.
async fn listed(t: &TestApp, query: &[(&str, &str)]) -> Vec<String> {
    let (status, body) = answer(t.api(Method::GET, PARTIES).query(query)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let key = |party: &Value| format!("{}/{}", party["type"].as_str().expect("a type"), party["id"].as_str().expect("an id"));
    body["items"].as_array().expect("items").iter().map(key).collect()
}

/// The call object of the newest entry.
async fn newest_object(t: &TestApp) -> Value {
    t.journal().await.pop().expect("an entry")["data"].clone()
}

async fn ring(t: &TestApp, call: &str, from: &str, to: &str) -> Value {
    t.native(json!({"callId": call, "event": "initiated", "from": from, "to": to})).await;
    newest_object(t).await
}

both! {
    async fn a_party_is_kept_shown_and_removed(t: TestApp) {
        let written = json!({"name": " Greta Sommer ", "email": "greta@example.org", "url": "https://crm.example/c-1", "numbers": ["+49 30 123456", "(202) 555-0123", "4711"]});
        let (status, stored) = put(&t, "contact/c-1", written.clone()).await;
        assert_eq!(status, StatusCode::OK, "{stored}");
        assert_eq!(stored, json!({
            "type": "contact", "id": "c-1", "name": "Greta Sommer", "email": "greta@example.org", "url": "https://crm.example/c-1",
            "numbers": ["+12025550123", "+4930123456", "4711"], "updatedAt": "2026-11-20T12:00:00Z",
        }));
        assert_eq!(t.get(&format!("{PARTIES}/contact/c-1")).await, (StatusCode::OK, stored));
        t.clock.advance(Duration::from_secs(5));
        let (_, replaced) = put(&t, "contact/c-1", json!({"name": "Greta Winter", "numbers": ["+4930123456", "+4930123456"]})).await;
        assert_eq!((&replaced["email"], &replaced["numbers"], &replaced["updatedAt"]), (&Value::Null, &json!(["+4930123456"]), &json!("2026-11-20T12:00:05Z")));
        assert_eq!(listed(&t, &[("number", "202 555 0123")]).await, [""; 0], "the old numbers are gone");
        put(&t, "case/a%2Fb%20c", json!({"name": "An odd id"})).await;
        assert_eq!(t.get(&format!("{PARTIES}/case/a%2Fb%20c")).await.1["id"], "a/b c");
        assert_eq!(listed(&t, &[]).await, ["case/a/b c", "contact/c-1"]);
        let remove = || answer(t.api(Method::DELETE, &format!("{PARTIES}/contact/c-1")));
        assert_eq!(remove().await.0, StatusCode::NO_CONTENT);
        assert_eq!(remove().await.0, StatusCode::NOT_FOUND);
        assert_eq!(t.get(&format!("{PARTIES}/contact/c-1")).await.0, StatusCode::NOT_FOUND);
        assert_eq!(listed(&t, &[("number", "+4930123456")]).await, [""; 0], "its numbers went with it");
        let kinds: Vec<_> = t.journal().await.into_iter().filter(|entry| entry["type"] == "config.parties").map(|entry| entry["data"].clone()).collect();
        assert_eq!(kinds, [json!({"count": 1}), json!({"count": 1}), json!({"count": 1}), json!({"removed": {"type": "contact", "id": "c-1"}})]);
    }

    async fn wrong_parties_are_refused_by_field(t: TestApp) {
        let many: Vec<String> = (0..21).map(|n| format!("47{n}")).collect();
        for (path, party, field) in [
            ("contact/c-1", json!({"numbers": []}), "name"), ("contact/c-1", json!({"name": " "}), "name"),
            ("contact/c-1", json!({"name": "x".repeat(501)}), "name"), ("contact/c-1", json!({"name": "a\nb"}), "name"),
            ("contact/c-1", json!({"name": "x", "numbers": ["nobody"]}), "numbers"), ("contact/c-1", json!({"name": "x", "numbers": "+4930"}), "numbers"),
            ("contact/c-1", json!({"name": "x", "numbers": many}), "numbers"), ("contact/c-1", json!({"name": "x", "url": "javascript:alert(1)"}), "url"),
            ("contact/c-1", json!({"name": "x", "email": ""}), "email"), ("contact/c-1", json!({"name": "x", "phone": "1"}), "phone"),
            ("con%00tact/c-1", json!({"name": "x"}), "type"), ("contact/%00", json!({"name": "x"}), "id"), ("contact/%20", json!({"name": "x"}), "id"),
        ] {
            let (status, body) = put(&t, path, party.clone()).await;
            assert_eq!((status, body["error"]["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(field)), "{path} {party}: {body}");
        }
        for path in ["contact/%00", "con%00tact/c-1"] {
            for method in [Method::GET, Method::DELETE] {
                assert_eq!(answer(t.api(method, &format!("{PARTIES}/{path}"))).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
            }
        }
        for (name, value) in [("number", "nobody"), ("limit", "0"), ("cursor", "!"), ("cursor", "WyJcdTAwMDAiLCIiXQ"), ("colour", "red"), ("number", "\0")] {
            let (status, body) = answer(t.api(Method::GET, PARTIES).query(&[(name, value)])).await;
            assert_eq!((status, body["error"]["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(name)), "{name}={value:?}: {body}");
        }
        t.admin().add_token(ACCOUNT, &token(t.account, "cti_reader", "leads:read")).await.expect("the store");
        let request = t.request(Method::PUT, &format!("{PARTIES}/contact/c-1")).bearer_auth("cti_reader").json(&json!({"name": "x"}));
        assert_eq!(answer(request).await.0, StatusCode::FORBIDDEN);
        assert_eq!(listed(&t, &[]).await, [""; 0]);
    }

    async fn calls_show_whose_number_it_is(t: TestApp) {
        contact(&t, "c-1", "Greta Sommer", &["+4930123456", "4711"]).await;
        let fields = |object: &Value| ["fromType", "fromId", "fromName", "toType", "toId", "toName"].map(|key| object[key].as_str().unwrap_or("-").to_owned());
        let inbound = ring(&t, "in", "+4930123456", "1001").await;
        assert_eq!(fields(&inbound), ["contact", "c-1", "Greta Sommer", "agent", "agent1", "-"]);
        let outbound = ring(&t, "out", "1002", "+4930123456").await;
        assert_eq!(fields(&outbound), ["agent", "agent2", "-", "contact", "c-1", "Greta Sommer"]);
        let extension = ring(&t, "short", "4711", "1001").await;
        assert_eq!(fields(&extension)[..3], ["contact", "c-1", "Greta Sommer"]);
        let stranger = ring(&t, "stranger", "+12025550123", "1001").await;
        assert_eq!(fields(&stranger), ["-", "-", "-", "agent", "agent1", "-"]);
        assert!(t.calls().await[1..].iter().all(|call| call["to"] == "Greta Sommer"), "the record names the other side");
        t.native(json!({"callId": "late", "event": "ended"})).await;
        let late = ring(&t, "late", "+4930123456", "1001").await;
        assert_eq!(fields(&late)[..3], ["contact", "c-1", "Greta Sommer"], "also when the number comes late");
        let named = t.native(json!({"callId": "named", "event": "initiated", "from": "+4930123456", "to": "1001", "callerName": "NETWORK"})).await;
        assert_eq!(newest_object(&t).await["fromName"], "Greta Sommer", "the directory beats the network: {named}");
    }

    async fn of_several_the_one_changed_last_is_meant(t: TestApp) {
        contact(&t, "c-1", "First", &["+4930123456"]).await;
        contact(&t, "c-2", "Second", &["+4930123456"]).await;
        assert_eq!(ring(&t, "1", "+4930123456", "1001").await["fromId"], "c-2");
        assert_eq!(listed(&t, &[("number", "0049 30 123456")]).await, [""; 0], "no German prefix in the US");
        assert_eq!(listed(&t, &[("number", "011 49 30 123456")]).await, ["contact/c-2", "contact/c-1"]);
        contact(&t, "c-1", "First again", &["+4930123456"]).await;
        assert_eq!(ring(&t, "2", "+4930123456", "1001").await["fromId"], "c-1");
        assert_eq!(listed(&t, &[("number", "+4930123456")]).await, ["contact/c-1", "contact/c-2"]);
        t.native(json!({"callId": "1", "event": "connected"})).await;
        assert_eq!(newest_object(&t).await["fromId"], "c-2", "a call keeps the party it began with");
        // changed at the same instant: the search and the calls still agree
        import(&t, "type,id,name,numbers\ncontact,c-3,Third,+81312345678\ncontact,c-4,Fourth,+81312345678\n").await;
        let shown = listed(&t, &[("number", "+81312345678")]).await;
        let meant = ring(&t, "3", "+81312345678", "1001").await;
        assert_eq!(format!("contact/{}", meant["fromId"].as_str().expect("an id")), shown[0]);
    }

    async fn a_shared_number_is_paged_to_its_end(t: TestApp) {
        for id in ["c-1", "c-2", "c-3", "c-4", "c-5"] {
            contact(&t, id, "Switchboard", &["+4930123456"]).await;
        }
        let (mut keys, mut cursor) = (Vec::new(), String::new());
        for _ in 0..5 {
            let mut query = vec![("number", "+4930123456"), ("limit", "2")];
            if !cursor.is_empty() {
                query.push(("cursor", &cursor));
            }
            let (_, body) = answer(t.api(Method::GET, PARTIES).query(&query)).await;
            keys.extend(body["items"].as_array().expect("items").iter().map(|party| party["id"].as_str().expect("an id").to_owned()));
            let Some(next) = body["next"].as_str() else { break };
            cursor = next.to_owned();
        }
        assert_eq!(keys, ["c-5", "c-4", "c-3", "c-2", "c-1"]);
    }

    async fn a_file_is_imported_whole(t: TestApp) {
        let csv = "\u{feff}type,id,name,numbers,email,url\n\
                   contact,c-1,\"Sommer, Greta\",+49 30 123456; (202) 555-0123 ;,greta@example.org,https://crm.example/c-1\n\
                   \n\
                   account,a-1, Sommer GmbH ,,,\n\
                   contact,c-1,Greta Winter,4711,,\n";
        assert_eq!(import(&t, csv).await, (StatusCode::OK, json!({"stored": 3})));
        let (_, body) = t.get(&format!("{PARTIES}/contact/c-1")).await;
        assert_eq!((&body["name"], &body["numbers"], &body["email"]), (&json!("Greta Winter"), &json!(["4711"]), &Value::Null), "the later row of one party wins");
        assert_eq!(t.get(&format!("{PARTIES}/account/a-1")).await.1["name"], "Sommer GmbH");
        assert_eq!(import(&t, "type,id,name\ncase,7,No numbers\n").await.1, json!({"stored": 1}), "columns that may be empty may be absent");
        assert_eq!(t.journal().await.iter().filter(|entry| entry["type"] == "config.parties").count(), 2, "one entry per file");
    }

    async fn a_wrong_row_stores_nothing_and_is_named(t: TestApp) {
        let good = "type,id,name,numbers,email,url\ncontact,c-1,Greta,+4930123456,,\n";
        for (row, field) in [
            ("contact,c-2,,+4930123456,,\n", "line 3, name"), ("contact,,Ben,,,\n", "line 3, id"), (",c-2,Ben,,,\n", "line 3, type"),
            ("contact,c-2,Ben,12;nobody,,\n", "line 3, numbers"), ("contact,c-2,Ben,,,ftp://x\n", "line 3, url"),
            ("contact,c-2,\"a\nb\",,,\n", "line 3, name"), ("contact,c-2,Ben\n", "line 3, columns"), ("contact,c-2,Ben,,,,,\n", "line 3, columns"),
            ("contact,c-2,Ben,,,\ncontact,c-3,,,,\n", "line 4, name"),
            // as an editor counts: lines without anything, and those within a text
            ("\n\ncontact,c-2,Ben,,,\n\ncontact,c-3,,,,\n", "line 7, name"), ("\r\ncontact,c-2,Ben\r\n", "line 4, columns"),
            ("contact,c-2,\"Ben\",,\"a@x\n\",\n\ncontact,c-3,,,,\n", "line 6, name"), ("\ncontact,c-2,Ben,,,,,\n", "line 4, columns"),
        ] {
            let (status, body) = import(&t, format!("{good}{row}")).await;
            assert_eq!((status, body["error"]["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(field)), "{row:?}: {body}");
        }
        let (status, body) = import(&t, "kind,id,name\ncontact,c-2,Ben\n").await;
        assert_eq!((status, body["error"]["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("line 2, columns")), "{body}");
        assert!(body["error"]["message"].as_str().is_some_and(|message| message.contains("type")), "{body}");
        let binary = [good.as_bytes(), b"contact,c-2,\xff\xfe,,,\n"].concat();
        assert_eq!(import(&t, binary).await.1["error"]["field"], "line 3, columns");
        let many: String = (0..10_001).map(|n| format!("contact,c-{n},x\n")).collect();
        assert_eq!(import(&t, format!("type,id,name\n{many}")).await.1["error"]["field"], "line 10002, count");
        assert_eq!(answer(t.api(Method::POST, PARTIES).json(&json!([]))).await.0, StatusCode::BAD_REQUEST, "JSON is no CSV");
        assert_eq!(listed(&t, &[]).await, [""; 0], "nothing was stored");
        assert_eq!(t.journal().await.iter().filter(|entry| entry["type"] == "config.parties").count(), 0);
    }

    async fn what_is_exported_can_be_imported(t: TestApp) {
        contact(&t, "c-1", "Sommer, Greta", &["+4930123456", "+12025550123", "4711"]).await;
        contact(&t, "c-2", "Ben \"Benny\" Okafor", &[]).await;
        let export = async || {
            let response = t.api(Method::GET, PARTIES).header(ACCEPT, "text/csv").send().await.expect("an answer");
            response.text().await.expect("text")
        };
        let before = export().await;
        assert!(before.starts_with("type,id,name,"), "{before}");
        assert_eq!(import(&t, before.clone()).await, (StatusCode::OK, json!({"stored": 2})));
        let numbers = t.get(&format!("{PARTIES}/contact/c-1")).await.1["numbers"].clone();
        assert_eq!(numbers, json!(["+12025550123", "+4930123456", "4711"]), "the numbers survive");
    }

    async fn two_imports_at_once_do_not_refuse_each_other(t: TestApp) {
        let rows: Vec<String> = (0..400).map(|n| format!("contact,c-{n:03},Name {n},+4930123{n:03}\n")).collect();
        let forward = format!("type,id,name,numbers\n{}", rows.concat());
        let backward = format!("type,id,name,numbers\n{}", rows.iter().rev().cloned().collect::<String>());
        import(&t, forward.clone()).await;
        for _ in 0..3 {
            let (one, other) = tokio::join!(import(&t, forward.clone()), import(&t, backward.clone()));
            assert_eq!((one.0, other.0), (StatusCode::OK, StatusCode::OK), "{} {}", one.1, other.1);
        }
    }

    async fn a_running_server_hears_of_parties_written_beside_it(t: TestApp) {
        assert_eq!(ring(&t, "before", "+4930123456", "1001").await["fromId"], Value::Null);
        let beside = Db::open(&t.config.store_options()).await.expect("the store opens");
        let party = NewParty { kind: "contact".into(), id: "c-1".into(), name: "Greta".into(), email: None, url: None, numbers: number("+4930123456").into_iter().collect() };
        Admin::new(beside.clone(), Clock::System).put_parties((t.account, ACCOUNT), &[party]).await.expect("the store");
        beside.close().await;
        let mut calls = 0;
        let heard = async {
            loop {
                calls += 1;
                if ring(&t, &format!("after-{calls}"), "+4930123456", "1001").await["fromId"] == "c-1" {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), heard).await.expect("the running server knows the first party of the account");
    }
}
