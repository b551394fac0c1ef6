//! The do-not-call list and its sister for messages.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::{BERLIN, BOSTON, LEADS, add_token, entries, lead, send, send_as, set_up};
use crate::support::app::{TestApp, both};

const DNC: &str = "/api/v1/dnc";

async fn ask(t: &TestApp, method: Method, path: &str) -> (u16, Value) {
    let (status, body) = send(t, method, &format!("{DNC}{path}"), &json!({})).await;
    (status.as_u16(), body)
}

both! {
    async fn a_number_is_listed_shown_and_taken_away(t: TestApp) {
        let entry = json!({"number": BOSTON, "channel": "voice", "source": "api", "createdAt": "2026-11-20T12:00:00Z"});
        assert_eq!(ask(&t, Method::GET, "/(781)%20270-6510").await.0, 404);
        assert_eq!(ask(&t, Method::PUT, "/(781)%20270-6510").await, (201, entry.clone()));
        assert_eq!(ask(&t, Method::PUT, &format!("/{BOSTON}")).await, (200, entry.clone()));
        assert_eq!(ask(&t, Method::GET, &format!("/{BOSTON}?channel=voice")).await, (200, entry));
        assert_eq!(ask(&t, Method::GET, &format!("/{BOSTON}?channel=message")).await.0, 404);
        assert_eq!(ask(&t, Method::PUT, &format!("/{BOSTON}?channel=message")).await.1["channel"], "message");
        assert_eq!(ask(&t, Method::DELETE, &format!("/{BOSTON}")).await.0, 204);
        assert_eq!(ask(&t, Method::DELETE, &format!("/{BOSTON}")).await.0, 404);
        assert_eq!(ask(&t, Method::GET, &format!("/{BOSTON}?channel=message")).await.0, 200);
        for (method, path, field) in [
            (Method::PUT, "/nobody", "number"), (Method::PUT, "/1001", "number"), (Method::GET, "/%00", "number"), (Method::DELETE, "/x", "number"),
            (Method::PUT, "/+17812706510?channel=fax", "channel"), (Method::GET, "?channel=fax", "channel"), (Method::GET, "?limit=0", "limit"),
            (Method::GET, "?cursor=7", "cursor"), (Method::GET, "?colour=red", "colour"), (Method::DELETE, "/+17812706510?all=1", "all"),
        ] {
            let (status, told) = ask(&t, method.clone(), path).await;
            assert_eq!((status, told["error"]["field"].as_str()), (422, Some(field)), "{method} {path}: {told}");
        }
        let told: Vec<String> = entries(&t, "dnc.*").await.iter().map(|e| format!("{} {}", e["type"].as_str().expect("a type"), e["data"]["channel"].as_str().expect("a channel"))).collect();
        assert_eq!(told, ["dnc.added voice", "dnc.added message", "dnc.removed voice"]);
    }

    async fn listing_a_number_marks_its_leads(t: TestApp) {
        set_up(&t).await;
        lead(&t, json!({"campaign": "Summer", "phone": BERLIN})).await;
        lead(&t, json!({"campaign": "Winter", "phone": BERLIN, "callStatus": "CR_BUSY"})).await;
        lead(&t, json!({"campaign": "Winter", "phone": BOSTON})).await;
        ask(&t, Method::PUT, &format!("/{BERLIN}?channel=message")).await;
        assert_eq!(t.get(&format!("{LEADS}/1")).await.1["callStatus"], Value::Null, "messages are another matter");
        ask(&t, Method::PUT, &format!("/{BERLIN}")).await;
        for (id, status) in [(1, json!("DO NOT CALL")), (2, json!("DO NOT CALL")), (3, Value::Null)] {
            let (_, lead) = t.get(&format!("{LEADS}/{id}")).await;
            assert_eq!(lead["callStatus"], status, "{id}");
        }
        ask(&t, Method::DELETE, &format!("/{BERLIN}")).await;
        assert_eq!(t.get(&format!("{LEADS}/1")).await.1["callStatus"], "DO NOT CALL", "nothing is restored");
        assert_eq!(entries(&t, "dnc.added").await[1]["data"]["scrubbedLeads"], 2);
    }

    async fn many_at_once_and_in_pages(t: TestApp) {
        let numbers: Vec<String> = (0..1000).map(|index| format!("+4930{:06}", 100_000 + index)).collect();
        let post = |body: Value| async { let t = &t; let body = body; send(t, Method::POST, &format!("{DNC}/batch"), &body).await };
        let (status, told) = post(json!({ "numbers": numbers })).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        assert!(told["items"].as_array().is_some_and(|items| items.len() == 1000 && items.iter().all(|item| item["status"] == 201)));
        let (_, told) = post(json!({"numbers": [numbers[0], "nobody", "(781) 270-6510", numbers[0]]})).await;
        let brief: Vec<(i64, &str)> = told["items"].as_array().expect("items").iter().map(|item| (item["status"].as_i64().expect("a status"), item["number"].as_str().or(item["error"]["field"].as_str()).expect("a text"))).collect();
        assert_eq!(brief, [(200, numbers[0].as_str()), (422, "numbers[1]"), (201, BOSTON), (200, numbers[0].as_str())]);
        let (_, told) = post(json!({"op": "remove", "numbers": [BOSTON, BOSTON, "x"]})).await;
        assert_eq!(told["items"].as_array().expect("items").iter().map(|item| item["status"].as_i64().expect("a status")).collect::<Vec<_>>(), [200, 404, 422]);
        for (body, field) in [
            (json!({"numbers": []}), "numbers"), (json!({"numbers": vec!["+4930123456"; 1001]}), "numbers"), (json!({}), "numbers"), (json!({"numbers": "x"}), "numbers"),
            (json!({"numbers": [7]}), "numbers[0]"), (json!({"numbers": [BERLIN], "channel": "fax"}), "channel"), (json!({"numbers": [BERLIN], "op": "flip"}), "op"),
        ] {
            let (status, told) = post(body.clone()).await;
            assert_eq!((status, told["error"]["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(field)), "{body}: {told}");
        }
        let (mut found, mut cursor) = (vec![], String::new());
        loop {
            let (_, page) = t.get(&format!("{DNC}?limit=300{cursor}")).await;
            found.extend(page["items"].as_array().expect("items").iter().map(|item| item["number"].as_str().expect("a number").to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, numbers);
        assert_eq!(t.get(&format!("{DNC}?channel=message")).await.1, json!({"items": [], "next": null}));
        let response = t.api(Method::GET, &format!("{DNC}?limit=1")).header(header::ACCEPT, "text/csv").send().await.expect("an answer");
        assert_eq!(response.text().await.expect("text"), format!("number,channel,source,createdAt\n{},voice,api,2026-11-20T12:00:00Z\n", numbers[0]));
    }

    async fn each_scope_opens_what_it_says(t: TestApp) {
        add_token(&t, "cti_read", "leads:read,leads:write,dnc:override").await;
        add_token(&t, "cti_write", "dnc:write").await;
        for (method, path, body, scope) in [
            (Method::PUT, format!("{DNC}/{BOSTON}"), json!({}), "dnc:write"), (Method::GET, format!("{DNC}/{BOSTON}"), json!({}), "leads:read"),
            (Method::GET, DNC.to_owned(), json!({}), "leads:read"), (Method::POST, format!("{DNC}/batch"), json!({"numbers": [BERLIN]}), "dnc:write"),
            (Method::DELETE, format!("{DNC}/{BOSTON}"), json!({}), "dnc:write"),
        ] {
            let (right, wrong) = if scope == "leads:read" { ("cti_read", "cti_write") } else { ("cti_write", "cti_read") };
            let (status, told) = send_as(&t, wrong, method.clone(), &path, &body).await;
            assert!(status == StatusCode::FORBIDDEN && told["error"]["message"].as_str().is_some_and(|text| text.contains(scope)), "{method} {path}: {told}");
            assert!(send_as(&t, right, method.clone(), &path, &body).await.0.is_success(), "{method} {path}");
        }
        add_token(&t, "cti_events", "events:read,leads:read").await;
        add_token(&t, "cti_events_dnc", "events:read,dnc:write").await;
        for (secret, status) in [("cti_events", StatusCode::FORBIDDEN), ("cti_events_dnc", StatusCode::OK)] {
            assert_eq!(send_as(&t, secret, Method::GET, "/api/v1/events?types=dnc.*", &json!({})).await.0, status);
        }
    }
}
