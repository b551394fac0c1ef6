//! Lists as the API gives them: filters, pages, CSV out and in.

use reqwest::{Method, StatusCode, header};
use serde_json::json;

use crate::support::app::{TestApp, answer, both};

both! {
    async fn parties_go_out_and_come_back(t: TestApp) {
        let parties = [
            ("contact/1", json!({"name": "Ada", "numbers": ["+4930123456", "1001"], "email": "a@x.example"})),
            ("contact/2", json!({"name": "=SUM(A1)", "numbers": ["+4930123457"]})),
            ("lead/3", json!({"name": "'-quoted; \"twice\", it's", "url": "https://crm.example/3"})),
            ("lead/4", json!({"name": "+1 club", "numbers": ["+4930123458", "+4930123459"]})),
        ];
        for (path, party) in &parties {
            let (status, body) = answer(t.api(Method::PUT, &format!("/api/v1/parties/{path}")).json(party)).await;
            assert_eq!(status, StatusCode::OK, "{body}");
        }
        let (_, before) = t.get("/api/v1/parties").await;
        let text = csv(&t, "/api/v1/parties").await;
        assert!(text.contains("+4930123456;1001") && text.contains("'=SUM(A1)"), "{text}");
        let (status, body) = answer(t.api(Method::POST, "/api/v1/parties").header(header::CONTENT_TYPE, "text/csv").body(text)).await;
        assert_eq!((status, &body["stored"]), (StatusCode::OK, &json!(4)), "{body}");
        assert_eq!(t.get("/api/v1/parties").await.1, before);
    }

    async fn a_page_without_rows_has_its_header_line(t: TestApp) {
        let lists = ["/api/v1/parties", "/api/v1/dialer-calls", "/api/v1/dialer-call-events", "/api/v1/dialer-call-results"];
        let mut empty = Vec::new();
        for list in lists {
            empty.push(csv(&t, list).await.trim_end().to_owned());
        }
        t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
        t.vtiger("event=call_hangup&call_id=1").await;
        answer(t.api(Method::PUT, "/api/v1/parties/contact/1").json(&json!({"name": "Ada", "numbers": ["1001"]}))).await;
        for (list, header) in lists.iter().zip(&empty) {
            assert_eq!(csv(&t, list).await.lines().next(), Some(header.as_str()), "{list}");
            // every plain field has its column
            let item = t.get(list).await.1["items"][0].clone();
            let mut names: Vec<&str> = item.as_object().expect("an item").iter().filter(|(name, _)| *name != "attempts").map(|(name, _)| name.as_str()).collect();
            let mut columns: Vec<&str> = header.split(',').collect();
            names.sort_unstable();
            columns.sort_unstable();
            assert_eq!(columns, names, "{list}");
        }
    }

    async fn a_filter_of_another_list_is_refused(t: TestApp) {
        for (list, filters) in [
            ("dialer-calls", &["result=Busy", "eventName=talk", "call=01900000-0000-7000-8000-000000000000"][..]),
            ("dialer-call-events", &["status=open", "callStatus=busy", "result=Busy"]),
            ("dialer-call-results", &["status=open", "callStatus=busy", "eventName=talk"]),
        ] {
            for filter in filters {
                let (status, body) = t.get(&format!("/api/v1/{list}?{filter}")).await;
                assert_eq!((status, &body["error"]["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid")), "{list} {filter}");
                let name = filter.split('=').next().expect("a name");
                assert!(body["error"].to_string().contains(name), "{body}");
            }
        }
    }

    async fn parties_of_a_number_come_in_pages(t: TestApp) {
        for id in ["a", "b", "c", "d", "e"] {
            answer(t.api(Method::PUT, &format!("/api/v1/parties/contact/{id}")).json(&json!({"name": id, "numbers": ["+4930123456", format!("10{}", id.as_bytes()[0])]}))).await;
            t.clock.advance(std::time::Duration::from_secs(1));
        }
        answer(t.api(Method::PUT, "/api/v1/parties/contact/other").json(&json!({"name": "other", "numbers": ["1001"]}))).await;
        let mut ids = Vec::new();
        let mut cursor = String::new();
        for _ in 0..3 {
            let (status, page) = t.get(&format!("/api/v1/parties?number=%2B4930123456&limit=2{cursor}")).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            ids.extend(page["items"].as_array().expect("items").iter().map(|item| item["id"].as_str().expect("an id").to_owned()));
            assert!(page["items"].as_array().expect("items").iter().all(|item| item["numbers"].as_array().map(Vec::len) == Some(2)), "{page}");
            cursor = page["next"].as_str().map(|next| format!("&cursor={next}")).unwrap_or_default();
        }
        assert_eq!((ids.concat().as_str(), cursor.as_str()), ("edcba", ""), "the one changed last first");
    }

    async fn a_call_shows_its_version(t: TestApp) {
        t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
        t.vtiger("event=call_connected&call_id=1&to=1001").await;
        let last = t.journal().await.last().cloned().expect("an entry");
        assert!(last["cv"].is_i64());
        assert_eq!(t.only_call().await["cv"], last["cv"]);
    }
}

async fn csv(t: &TestApp, path: &str) -> String {
    let response = t.api(Method::GET, path).header(header::ACCEPT, "text/csv").send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.text().await.expect("text")
}
