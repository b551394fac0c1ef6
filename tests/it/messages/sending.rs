//! Messages that go out: sent, delivered, failed, unclear, tried again, refused.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{
    MESSAGES, OTHERS, OURS, POST_SECRET, PUBLIC, SID, THEIRS, carried_by, draft,
    fake::{Act, Fake},
    generic, message, outside, post, posts, put, send, send_due, story, twilio, twilio_posts, when, when_due,
};
use crate::support::{
    app::{ACCOUNT, TestApp, answer, both},
    wire::until,
};
use cti_gateway::domain::setup::Kind;

const TAKEN: &str = r#"{"sid":"SM1","status":"queued"}"#;

async fn count(t: &TestApp) -> usize {
    t.get(MESSAGES).await.1["items"].as_array().expect("items").len()
}

both! {
    async fn a_message_goes_out_and_arrives(t: TestApp with outside) {
        let fake = Fake::start([Act::answer(201, TAKEN)]).await;
        carried_by(&t, twilio(&fake.url())).await;
        let written = json!({"from": "(202) 555-0123", "to": THEIRS, "body": "Grüße 😀", "agent": "agent1"});
        let (status, body) = post(&t, &written).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        assert_eq!(body["segments"], json!({"encoding": "ucs2", "units": 8, "segments": 1, "perSegment": 70}));
        let id = body["id"].as_str().expect("an id").to_owned();
        assert_eq!(body, json!({
            "id": id, "version": 1, "direction": "out", "status": "queued", "from": OURS, "to": THEIRS, "body": "Grüße 😀", "agent": "agent1",
            "leadId": null, "provider": "main", "providerId": null, "segments": body["segments"], "unclear": false, "errorCode": null, "error": null,
            "createdAt": "2026-11-20T12:00:00Z", "updatedAt": "2026-11-20T12:00:00Z", "sentAt": null, "deliveredAt": null,
        }));
        let taken = when(&t, &id, "providerId", "SM1").await;
        assert_eq!((&taken["status"], &taken["unclear"]), (&json!("sending"), &json!(false)));
        let seen = fake.seen();
        assert_eq!(seen.len(), 1);
        assert!(seen[0].head.starts_with(&format!("POST /2010-04-01/Accounts/{SID}/Messages.json HTTP/1.1")), "{}", seen[0].head);
        assert_eq!(["From", "To", "Body"].map(|name| seen[0].field(name)), [OURS, THEIRS, "Grüße 😀"].map(|value| Some(value.to_owned())));
        let callback = seen[0].field("StatusCallback").expect("where to post");
        let path = callback.strip_prefix(PUBLIC).expect("our public address").to_owned();
        assert_eq!(path, format!("/providers/{ACCOUNT}/main/status?message={id}"));

        for status in ["sent", "delivered", "sent", "queued"] {
            t.clock.advance(Duration::from_secs(1));
            let (code, text) = twilio_posts(&t, &path, &[("MessageSid", "SM1"), ("MessageStatus", status)]).await;
            assert_eq!((code, text.as_str()), (StatusCode::OK, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>"));
        }
        let arrived = message(&t, &id).await;
        assert_eq!((&arrived["status"], &arrived["sentAt"], &arrived["deliveredAt"]), (&json!("delivered"), &json!("2026-11-20T12:00:01Z"), &json!("2026-11-20T12:00:02Z")));
        assert_eq!(story(&t).await, ["message.queued queued", "message.updated sending", "message.updated sending", "message.sent sent", "message.delivered delivered"]);
        let entries = t.journal().await;
        let last = entries.last().expect("an entry");
        assert_eq!((&last["audience"], &last["agent"], &last["source"], &last["data"]["message"]), (&json!(["agent1"]), &json!("agent1"), &json!("provider"), &arrived));
        t.clock.advance(Duration::from_hours(48));
        assert_eq!((send_due(&t).await, fake.seen().len()), (0, 1), "nothing is left to do");
    }

    async fn any_provider_is_asked_and_posts_by_its_template(t: TestApp with outside) {
        let fake = Fake::start([Act::answer(200, r#"{"id": 77}"#)]).await;
        carried_by(&t, generic(&fake.url())).await;
        let id = send(&t, THEIRS).await;
        let sent = when(&t, &id, "status", "sent").await;
        assert_eq!(sent["providerId"], "77");
        let body: Value = serde_json::from_str(&fake.seen()[0].body).expect("JSON");
        let report = body["report"].as_str().expect("where to post").strip_prefix(PUBLIC).expect("our address").to_owned();
        assert!(report.contains("&secret=hush-secret%20of%20posts%26x"), "{report}");
        // by our id, then by theirs alone
        let told = |state: &str| json!({"id": 77, "report": {"state": state}, "code": 9, "text": "too late"});
        for (path, state, status) in [
            (report.clone(), "what is this", "sent"),
            (report, "EXPIRED", "undelivered"),
            (format!("{}?secret=hush-secret+of+posts%26x", posts("status")), "delivrd", "delivered"),
        ] {
            let (code, body) = answer(t.request(Method::POST, &path).json(&told(state))).await;
            assert_eq!((code, body), (StatusCode::OK, json!({"ok": true})));
            let now = message(&t, &id).await;
            assert_eq!(now["status"], status);
            if status == "undelivered" {
                assert_eq!((&now["errorCode"], &now["error"]), (&json!("9"), &json!("too late")));
            }
        }
        let (code, body) = answer(t.request(Method::POST, &format!("{}?secret=hush-secret+of+posts%26x", posts("status"))).json(&json!({"id": 77}))).await;
        assert_eq!((code, &body["error"]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("status")));
        assert_eq!(story(&t).await[2..], ["message.sent sent", "message.failed undelivered", "message.delivered delivered"]);
    }

    async fn what_the_provider_refuses_has_failed(t: TestApp with outside) {
        let fake = Fake::start([Act::answer(400, r#"{"code":21614,"message":"not a mobile number"}"#)]).await;
        carried_by(&t, twilio(&fake.url())).await;
        let failed = when(&t, &send(&t, THEIRS).await, "status", "failed").await;
        assert_eq!((&failed["errorCode"], &failed["error"]), (&json!("21614"), &json!("the provider answered 400: not a mobile number")));
        t.clock.advance(Duration::from_hours(48));
        assert_eq!((send_due(&t).await, fake.seen().len()), (0, 1));
        assert_eq!(story(&t).await, ["message.queued queued", "message.updated sending", "message.failed failed"]);
    }

    async fn without_an_answer_nobody_knows(t: TestApp with outside) {
        let fake = Fake::start([Act::Close, Act::answer(502, "a proxy's page"), Act::answer(200, "no JSON")]).await;
        carried_by(&t, twilio(&fake.url())).await;
        for _ in 0..3 {
            let id = send(&t, THEIRS).await;
            let unclear = when(&t, &id, "unclear", true).await;
            assert_eq!((&unclear["status"], unclear["error"].is_null()), (&json!("sending"), false));
        }
        t.clock.advance(Duration::from_hours(48));
        assert_eq!((send_due(&t).await, fake.seen().len()), (0, 3), "it is not sent again by itself");
        let (_, listed) = t.get(&format!("{MESSAGES}?status=unclear")).await;
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(3));
        assert_eq!(t.get(&format!("{MESSAGES}?status=sending")).await.1["items"], json!([]));
        // the provider had it all the same
        let id = listed["items"][0]["id"].as_str().expect("an id");
        twilio_posts(&t, &format!("{}?message={id}", posts("status")), &[("MessageSid", "SM9"), ("MessageStatus", "delivered")]).await;
        let arrived = message(&t, id).await;
        assert_eq!((&arrived["status"], &arrived["unclear"], &arrived["error"]), (&json!("delivered"), &json!(false), &Value::Null));
    }

    async fn an_answer_that_never_comes_is_given_up(t: TestApp with |config| { outside(config); (config.courier.connect_ms, config.courier.timeout_ms) = (300, 800); }) {
        let fake = Fake::start([Act::Hang]).await;
        carried_by(&t, twilio(&fake.url())).await;
        when(&t, &send(&t, THEIRS).await, "unclear", true).await;
        assert_eq!(fake.seen().len(), 1);
    }

    async fn a_post_may_come_before_the_answer(t: TestApp with outside) {
        let gate = Arc::new(Notify::new());
        let fake = Fake::start([Act::Gated(gate.clone(), 201, TAKEN.into())]).await;
        carried_by(&t, twilio(&fake.url())).await;
        let id = send(&t, THEIRS).await;
        until("the request is there", || async { fake.seen().len() == 1 }).await;
        let path = format!("{}?message={id}", posts("status"));
        twilio_posts(&t, &path, &[("MessageSid", "SM1"), ("MessageStatus", "delivered")]).await;
        assert_eq!(message(&t, &id).await["status"], "delivered");
        gate.notify_one();
        until("the answer was judged", || async { send_due(&t).await == 0 }).await;
        let arrived = message(&t, &id).await;
        assert_eq!((&arrived["status"], &arrived["providerId"]), (&json!("delivered"), &json!("SM1")));
        assert_eq!(story(&t).await, ["message.queued queued", "message.updated sending", "message.delivered delivered"]);
    }

    async fn what_surely_did_not_go_is_tried_again(t: TestApp with outside) {
        let fake = Fake::start([Act::Answer(429, "Retry-After: 60\r\n", "{}".into()), Act::answer(429, "{}"), Act::answer(201, r#"{"sid":"SM1","status":"sent"}"#)]).await;
        carried_by(&t, twilio(&fake.url())).await;
        let id = send(&t, THEIRS).await;
        when_due(&t, &id, 60).await;
        let waiting = message(&t, &id).await;
        assert_eq!((&waiting["status"], &waiting["unclear"]), (&json!("sending"), &json!(false)));
        // the provider asks for a minute; of itself the second pause is 30 seconds
        for (pause, tries) in [(59, 1), (1, 2), (29, 2)] {
            t.clock.advance(Duration::from_secs(pause));
            send_due(&t).await;
            when_due(&t, &id, if tries == 1 { 60 } else { 90 }).await;
            assert_eq!(fake.seen().len(), tries);
        }
        t.clock.advance(Duration::from_secs(1));
        when(&t, &id, "status", "sent").await;
        assert_eq!(story(&t).await, ["message.queued queued", "message.updated sending", "message.sent sent"]);
    }

    async fn tries_come_to_an_end(t: TestApp with outside) {
        let closed = Fake::start([Act::Close]).await.address.port();
        // a port that was free a moment ago and that nobody listens at
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        assert_ne!(closed, free);
        carried_by(&t, twilio(&format!("http://127.0.0.1:{free}"))).await;
        let id = send(&t, THEIRS).await;
        let mut hours = 0;
        while message(&t, &id).await["status"] != "failed" {
            send_due(&t).await;
            t.clock.advance(Duration::from_secs(1800));
            hours += 1;
            assert!(hours < 100, "{}", message(&t, &id).await);
        }
        assert_eq!(message(&t, &id).await["error"], "the provider could not be reached");
    }

    async fn what_may_not_be_sent_is_refused_and_not_stored(t: TestApp with outside) {
        let fake = Fake::start([Act::answer(201, TAKEN)]).await;
        carried_by(&t, twilio(&fake.url())).await;
        put(&t, Kind::Number, "+12025550124", json!({"sms": true})).await;
        put(&t, Kind::Number, "+12025550125", json!({"voice": true, "provider": "main"})).await;
        twilio_posts(&t, &posts("incoming"), &[("MessageSid", "SM8"), ("From", OTHERS), ("To", OURS), ("Body", " Stop! ")]).await;
        let with = |key: &str, value: Value| {
            let mut draft = draft(THEIRS);
            draft[key] = value;
            draft
        };
        for (draft, status, code, field) in [
            (with("from", json!("+12025550199")), 422, "number_not_owned", "from"),
            (with("from", json!("+12025550125")), 422, "number_not_owned", "from"),
            (with("from", json!("+12025550124")), 409, "no_provider", "from"),
            (with("to", json!(OTHERS)), 409, "opted_out", "to"),
            (with("body", json!(" \n")), 422, "empty", "body"),
            (with("body", json!("x".repeat(1601))), 422, "too_long", "body"),
            (with("to", json!("nobody")), 422, "invalid", "to"),
            (with("to", json!("1001")), 422, "invalid", "to"),
            (with("from", json!("")), 422, "invalid", "from"),
            (with("agent", json!("nobody")), 422, "invalid", "agent"),
            (with("leadId", json!(7)), 422, "invalid", "leadId"),
            (with("text", json!("x")), 422, "invalid", "text"),
            (with("body", json!("a\0b")), 422, "invalid", "body"),
            (json!({"from": OURS, "to": THEIRS}), 422, "invalid", "body"),
        ] {
            let key = format!("key-{code}-{field}");
            let (found, body) = answer(t.api(Method::POST, MESSAGES).header("Idempotency-Key", key).json(&draft)).await;
            let field = if code == "invalid" && field == "text" { body["error"]["field"].as_str().unwrap_or_default().to_owned() } else { field.to_owned() };
            assert_eq!((found.as_u16(), &body["error"]["code"], body["error"]["field"].as_str()), (status, &json!(code), Some(field.as_str())), "{draft}: {body}");
        }
        assert_eq!((count(&t).await, fake.seen().len()), (1, 0), "there is the STOP alone");
        assert_eq!(story(&t).await, ["message.received received"]);
    }

    async fn the_same_request_is_taken_once(t: TestApp with outside) {
        let fake = Fake::start([Act::answer(201, TAKEN)]).await;
        carried_by(&t, twilio(&fake.url())).await;
        let ask = |draft: Value| answer(t.api(Method::POST, MESSAGES).header("Idempotency-Key", "k-1").json(&draft));
        let (status, first) = ask(draft(THEIRS)).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        when(&t, first["id"].as_str().expect("an id"), "providerId", "SM1").await;
        t.clock.advance(Duration::from_secs(5));
        assert_eq!(ask(draft(THEIRS)).await, (StatusCode::ACCEPTED, first));
        let (status, other) = ask(draft(OTHERS)).await;
        assert_eq!((status, &other["error"]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("Idempotency-Key")));
        assert_eq!((count(&t).await, fake.seen().len()), (1, 1));
    }

    async fn whoever_says_stop_meanwhile_gets_nothing(t: TestApp with outside) {
        let fake = Fake::start([Act::answer(429, "{}")]).await;
        carried_by(&t, twilio(&fake.url())).await;
        let id = send(&t, THEIRS).await;
        when_due(&t, &id, 10).await;
        twilio_posts(&t, &posts("incoming"), &[("MessageSid", "SM8"), ("From", THEIRS), ("To", OURS), ("Body", "STOP")]).await;
        t.clock.advance(Duration::from_secs(60));
        let failed = when(&t, &id, "status", "failed").await;
        assert_eq!((&failed["errorCode"], fake.seen().len()), (&json!("opted_out"), 1));
    }

    async fn the_simulated_provider_plays_every_way(t: TestApp with outside) {
        carried_by(&t, json!("simulated")).await;
        for (to, status, unclear) in [("+493055501901", "delivered", false), ("+493055501909", "failed", false), ("+493055501908", "undelivered", false), ("+493055501907", "sending", true)] {
            let id = send(&t, to).await;
            until("it was played", || async { let now = message(&t, &id).await; now["status"] == status && now["unclear"] == unclear }).await;
        }
        let path = format!("{}?secret={POST_SECRET}", posts("status"));
        assert_eq!(answer(t.request(Method::POST, &path).json(&json!({}))).await.0, StatusCode::FORBIDDEN, "nobody posts for it");
    }

    async fn a_provider_that_is_gone_or_out_of_bounds_fails_its_messages(t: TestApp with |config| { outside(config); config.courier.allow.clear(); }) {
        carried_by(&t, twilio("http://127.0.0.1:9")).await;
        let failed = when(&t, &send(&t, THEIRS).await, "status", "failed").await;
        assert_eq!(failed["errorCode"], "not_sent");
        assert!(failed["error"].as_str().is_some_and(|error| error.contains("courier.allow")), "{failed}");
    }
}
