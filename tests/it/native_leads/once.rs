//! `Idempotency-Key`: done once, answered the same again, whatever has happened since.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{BERLIN, BOSTON, LEADS, count, lead, put, send, set_up};
use crate::support::app::{TestApp, answer, both};

/// The status and the body as it was sent.
async fn raw(t: &TestApp, path: &str, key: &str, body: &Value) -> (u16, String) {
    let response = t.api(Method::POST, path).header("Idempotency-Key", key).json(body).send().await.expect("an answer");
    (response.status().as_u16(), response.text().await.expect("text"))
}

both! {
    async fn a_lead_is_added_once(t: TestApp) {
        set_up(&t).await;
        let body = json!({"campaign": "Summer", "phone": BERLIN, "callback": {"at": "2026-11-21T08:00:00.123456789Z"}, "expiresAt": "2026-12-01T00:00:00.987654321Z"});
        let first = raw(&t, LEADS, "a", &body).await;
        assert_eq!(first.0, 201, "{}", first.1);
        assert_eq!(raw(&t, LEADS, "a", &body).await, first);
        // also when the lead, the campaign and the server are no longer as they were
        send(&t, Method::PATCH, &format!("{LEADS}/1"), &json!({"firstName": "Changed"})).await;
        put(&t, "campaigns/Autumn", json!({})).await;
        t.restart().await;
        assert_eq!(raw(&t, LEADS, "a", &body).await, first);
        assert_eq!(count(&t).await, 1);
        let (status, told) = raw(&t, LEADS, "a", &json!({"campaign": "Summer", "phone": BOSTON})).await;
        let told: Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!((status, &told["error"]["field"]), (422, &json!("Idempotency-Key")), "{told}");
        // a refusal by what is stored is remembered too
        let (status, duplicate) = raw(&t, LEADS, "b", &json!({"campaign": "Summer", "phone": BERLIN})).await;
        assert_eq!(status, 409);
        send(&t, Method::PATCH, &format!("{LEADS}/1"), &json!({"campaign": "Autumn"})).await;
        assert_eq!(raw(&t, LEADS, "b", &json!({"campaign": "Summer", "phone": BERLIN})).await, (409, duplicate));
        assert_eq!(raw(&t, LEADS, "c", &json!({"phone": BERLIN, "campaign": "Summer"})).await.0, 201, "another key is another request");
        for key in [" ", &"k".repeat(201)] {
            let (status, told) = answer(t.api(Method::POST, LEADS).header("Idempotency-Key", key).json(&body)).await;
            assert_eq!((status, &told["error"]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("Idempotency-Key")), "{told}");
        }
    }

    async fn the_same_at_once_is_done_once(t: TestApp) {
        set_up(&t).await;
        let body = json!({"campaign": "Summer", "phone": BERLIN, "duplicatesCheck": "allow"});
        let answers = futures_util::future::join_all((0..20).map(|_| raw(&t, LEADS, "a", &body))).await;
        assert!(answers.iter().all(|told| *told == answers[0] && told.0 == 201), "{answers:?}");
        assert_eq!(count(&t).await, 1);
    }

    async fn a_batch_is_done_once_and_answered_whole(t: TestApp) {
        set_up(&t).await;
        lead(&t, json!({"campaign": "Summer", "phone": BOSTON})).await;
        let path = format!("{LEADS}/batch");
        let body = json!({"items": [
            {"op": "create", "lead": {"campaign": "Autumn", "phone": "+4930123400"}}, {"op": "create", "lead": {"campaign": "Summer", "phone": "+4930123401"}},
            {"op": "create", "lead": {"campaign": "Summer", "phone": BOSTON}}, {"op": "fly"}, {"op": "update", "key": {"id": 77}, "lead": {}},
            {"op": "update", "key": {"id": 1}, "lead": {"firstName": "B"}},
        ]});
        let first = raw(&t, &path, "a", &body).await;
        let told: Value = serde_json::from_str(&first.1).expect("JSON");
        let statuses: Vec<i64> = told["items"].as_array().expect("items").iter().map(|item| item["status"].as_i64().expect("a status")).collect();
        assert_eq!((first.0, statuses), (200, vec![422, 201, 409, 422, 404, 200]), "{told}");
        // what was refused then may come in now, and is answered as it was
        put(&t, "campaigns/Autumn", json!({})).await;
        assert_eq!(raw(&t, &path, "a", &body).await, first);
        t.restart().await;
        assert_eq!(raw(&t, &path, "a", &body).await, first);
        assert_eq!(count(&t).await, 2);
        assert_eq!(raw(&t, &path, "a", &json!({"items": [{"op": "fly"}]})).await.0, 422);
        // keys of one address are not those of another
        assert_eq!(raw(&t, LEADS, "a", &json!({"campaign": "Winter", "phone": BOSTON})).await.0, 201);
        let nothing = json!({"items": [{"op": "fly"}]});
        let first = raw(&t, &path, "b", &nothing).await;
        assert_eq!((first.0, raw(&t, &path, "b", &nothing).await), (200, first), "also when nothing was to be done");
    }
}
