//! Receivers who have opted out at the provider: their numbers come on the opt-out list, and stay off once they came back.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{
    OTHERS, OURS, THEIRS, carried_by, draft,
    fake::{Act, Fake},
    generic,
    incoming::opted_out,
    message, outside, post, posts, send, send_due, story, twilio, twilio_posts, when,
};
use crate::support::app::{TestApp, both};

const REFUSAL: &str = r#"{"code": 21610, "message": "Attempt to send to unsubscribed recipient", "more_info": "https://www.twilio.com/docs/errors/21610", "status": 400}"#;
const REASON: &str = "the receiver has opted out at the provider";

/// What was told of the opt-out list: type, source, data.
async fn changes(t: &TestApp) -> Vec<(String, String, Value)> {
    let (_, start) = t.get("/api/v1/events").await;
    let epoch = start["epoch"].as_str().expect("an epoch");
    let (_, page) = t.get(&format!("/api/v1/events?after=0&epoch={epoch}&limit=500&types=dnc.*")).await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let entries =
        page["items"].as_array().expect("items").iter().filter(|entry| entry["type"].as_str().is_some_and(|kind| kind.starts_with("dnc.")));
    entries.map(|entry| (text(&entry["type"]), text(&entry["source"]), entry["data"].clone())).collect()
}

fn added(number: &str) -> (String, String, Value) {
    ("dnc.added".to_owned(), "provider".to_owned(), json!({"channel": "message", "number": number, "scrubbedLeads": 0}))
}

both! {
    async fn a_refusal_by_twilio_is_obeyed_from_then_on(t: TestApp with outside) {
        let fake = Fake::start([Act::answer(400, REFUSAL)]).await;
        carried_by(&t, twilio(&fake.url())).await;
        let id = send(&t, THEIRS).await;
        let failed = when(&t, &id, "status", "failed").await;
        assert_eq!((&failed["errorCode"], &failed["error"]), (&json!("21610"), &json!(REASON)));
        assert_eq!(opted_out(&t, THEIRS).await.as_deref(), Some("provider"));
        assert_eq!(changes(&t).await, [added(THEIRS)]);
        assert_eq!(story(&t).await.last().map(String::as_str), Some("message.failed failed"));
        let (status, body) = post(&t, &draft(THEIRS)).await;
        assert_eq!((status, &body["error"]["code"]), (StatusCode::CONFLICT, &json!("opted_out")));
        t.restart().await;
        assert_eq!((send_due(&t).await, fake.seen().len()), (0, 1), "it is not tried again");
        assert_eq!(message(&t, &id).await, failed, "the reason is in the book");
    }

    async fn a_report_of_twilio_is_obeyed_once(t: TestApp with outside) {
        let fake = Fake::start([Act::answer(201, r#"{"sid":"SM1","status":"queued"}"#)]).await;
        carried_by(&t, twilio(&fake.url())).await;
        let id = send(&t, THEIRS).await;
        when(&t, &id, "providerId", "SM1").await;
        let report = [("MessageSid", "SM1"), ("MessageStatus", "failed"), ("ErrorCode", "21610")];
        let path = posts(&format!("status?message={id}"));
        assert_eq!(twilio_posts(&t, &path, &report).await.0, StatusCode::OK);
        let failed = message(&t, &id).await;
        assert_eq!((&failed["status"], &failed["errorCode"], &failed["error"]), (&json!("failed"), &json!("21610"), &json!(REASON)));
        assert_eq!(opted_out(&t, THEIRS).await.as_deref(), Some("provider"));
        let start = [("MessageSid", "SM2"), ("From", THEIRS), ("To", OURS), ("Body", "START")];
        assert_eq!(twilio_posts(&t, &posts("incoming"), &start).await.0, StatusCode::OK);
        assert_eq!(opted_out(&t, THEIRS).await, None);
        t.clock.advance(std::time::Duration::from_secs(60));
        assert_eq!(twilio_posts(&t, &path, &report).await.0, StatusCode::OK);
        assert_eq!(opted_out(&t, THEIRS).await, None, "a copy is no news: he came back meanwhile");
        let told: Vec<_> = changes(&t).await.into_iter().map(|(kind, source, _)| (kind, source)).collect();
        assert_eq!(told, [("dnc.added", "provider"), ("dnc.removed", "start")].map(|(kind, source)| (kind.to_owned(), source.to_owned())));
    }

    async fn other_reasons_close_nobodys_number(t: TestApp with outside) {
        let other = REFUSAL.replace("21610", "21614");
        let fake = Fake::start([Act::answer(400, &other), Act::answer(201, r#"{"sid":"SM1","status":"sent","error_code":21610}"#), Act::answer(400, REFUSAL)]).await;
        carried_by(&t, twilio(&fake.url())).await;
        assert_eq!(when(&t, &send(&t, THEIRS).await, "status", "failed").await["errorCode"], "21614");
        when(&t, &send(&t, THEIRS).await, "status", "sent").await;
        // a provider of another kind may mean anything by the same code
        carried_by(&t, generic(&fake.url())).await;
        when(&t, &send(&t, OTHERS).await, "status", "failed").await;
        assert_eq!((opted_out(&t, THEIRS).await, opted_out(&t, OTHERS).await), (None, None));
        assert_eq!(changes(&t).await, []);
    }
}
