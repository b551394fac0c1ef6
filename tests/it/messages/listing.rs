//! Messages as the API lists them.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::{MESSAGES, OTHERS, OURS, THEIRS, carried_by, draft, outside, post, put, send, twilio, twilio_posts, when};
use crate::support::app::{ACCOUNT, TestApp, answer, both, token};
use cti_gateway::domain::setup::Kind;

async fn ids(t: &TestApp, query: &[(&str, &str)]) -> Vec<Value> {
    let (status, body) = answer(t.api(Method::GET, MESSAGES).query(query)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body["items"].as_array().expect("items").iter().map(|item| item["id"].clone()).collect()
}

both! {
    async fn messages_are_listed_by_what_they_are(t: TestApp with outside) {
        carried_by(&t, json!("simulated")).await;
        put(&t, Kind::Provider, "posts", twilio("http://127.0.0.1:9")).await;
        let one = send(&t, THEIRS).await;
        when(&t, &one, "status", "delivered").await;
        let lost = send(&t, "+493055501907").await;
        when(&t, &lost, "unclear", true).await;
        let mut written = draft(OTHERS);
        written["agent"] = json!("agent1");
        let (_, third) = post(&t, &written).await;
        let third = third["id"].as_str().expect("an id").to_owned();
        when(&t, &third, "status", "delivered").await;
        twilio_posts(&t, "/providers/acme/posts/incoming", &[("MessageSid", "SM1"), ("From", THEIRS), ("To", OURS), ("Body", "=Hi")]).await;
        let all = ids(&t, &[]).await;
        assert_eq!(all[1..], [json!(third), json!(lost), json!(one)]);
        for (query, expected) in [
            (vec![("direction", "in")], vec![&all[0]]),
            (vec![("direction", "out"), ("status", "delivered")], vec![&all[1], &all[3]]),
            (vec![("status", "unclear")], vec![&all[2]]),
            (vec![("status", "received")], vec![&all[0]]),
            (vec![("status", "failed")], vec![]),
            (vec![("number", "+49 30 55501901")], vec![&all[0], &all[3]]),
            (vec![("number", OURS)], all.iter().collect()),
            (vec![("number", OURS), ("direction", "in")], vec![&all[0]]),
            (vec![("agent", "agent1")], vec![&all[1]]),
            (vec![("leadId", "7")], vec![]),
        ] {
            assert_eq!(ids(&t, &query).await.iter().collect::<Vec<_>>(), expected, "{query:?}");
        }
        let (mut paged, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let query: Vec<_> = [("limit", "3".to_owned())].into_iter().chain(cursor.map(|cursor| ("cursor", cursor))).collect();
            let (_, body) = answer(t.api(Method::GET, MESSAGES).query(&query)).await;
            paged.extend(body["items"].as_array().expect("items").iter().map(|item| item["id"].clone()));
            cursor = body["next"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(paged, all);
        let text = t.api(Method::GET, MESSAGES).header(header::ACCEPT, "text/csv").send().await.expect("an answer").text().await.expect("text");
        assert!(text.starts_with("id,version,direction,") && text.contains("'=Hi"), "{text}");
        assert_eq!(text.lines().count(), 5);
    }

    async fn wrong_questions_are_refused_by_field(t: TestApp with outside) {
        for (name, value) in [("direction", "up"), ("status", "gone"), ("number", "nobody"), ("leadId", "x"), ("limit", "0"), ("cursor", "!"), ("colour", "red"), ("agent", "a\0")] {
            let (status, body) = answer(t.api(Method::GET, MESSAGES).query(&[(name, value)])).await;
            assert_eq!((status, body["error"]["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(name)), "{name}={value}: {body}");
        }
        assert_eq!(t.get(&format!("{MESSAGES}/x")).await.0, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(t.get(&format!("{MESSAGES}/0193a1b2-0000-7000-8000-000000000000")).await.0, StatusCode::NOT_FOUND);
        t.admin().add_token(ACCOUNT, &token(t.account, "cti_reader", "leads:read")).await.expect("the store");
        for request in [t.request(Method::GET, MESSAGES), t.request(Method::POST, MESSAGES).json(&draft(THEIRS))] {
            assert_eq!(answer(request.bearer_auth("cti_reader")).await.0, StatusCode::FORBIDDEN);
        }
    }
}
