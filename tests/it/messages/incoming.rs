//! Messages that come in: who may bring them, copies, STOP and START, whose they are.

use cti_gateway::{
    app::committer::{Intake, LeadDone, LeadOrder},
    domain::{
        dnc::Channel,
        lead::{Asked, DuplicatesCheck, FieldRules, Flag, LeadPatch, Source},
    },
    store::dnc,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    AUTH_TOKEN, MESSAGES, OTHERS, OURS, PUBLIC, THEIRS, account, carried_by, draft, generic, outside, post, posts, put, send, signature,
    story, twilio, twilio_posts, twilio_posts_signed, when,
};
use crate::support::app::{TestApp, answer, both, number};
use cti_gateway::domain::setup::Kind;

fn form<'a>(id: &'a str, from: &'a str, body: &'a str) -> [(&'a str, &'a str); 4] {
    [("MessageSid", id), ("From", from), ("To", OURS), ("Body", body)]
}

async fn items(t: &TestApp) -> Vec<Value> {
    t.get(MESSAGES).await.1["items"].as_array().cloned().expect("items")
}

pub(super) async fn opted_out(t: &TestApp, raw: &str) -> Option<String> {
    let number = number(raw).expect("a number");
    dnc::get(t.app().db.read(), t.account, Channel::Message, &number).await.expect("the store").map(|row| row.source)
}

both! {
    async fn a_message_comes_in_once(t: TestApp with outside) {
        carried_by(&t, twilio("http://127.0.0.1:9")).await;
        for _ in 0..3 {
            let (status, text) = twilio_posts(&t, &posts("incoming"), &form("SM1", THEIRS, "Is it there?")).await;
            assert_eq!((status, text.as_str()), (StatusCode::OK, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>"));
        }
        let items = items(&t).await;
        assert_eq!(items.len(), 1);
        for (key, value) in [("direction", "in"), ("status", "received"), ("from", THEIRS), ("to", OURS), ("body", "Is it there?"), ("providerId", "SM1"), ("provider", "main")] {
            assert_eq!(items[0][key], value, "{key}");
        }
        assert_eq!(story(&t).await, ["message.received received"]);
        let entry = t.journal().await.pop().expect("an entry");
        assert_eq!((&entry["audience"], &entry["source"], &entry["data"]["message"]), (&json!("all"), &json!("provider"), &items[0]));
        // at the same time, too
        let path = posts("incoming");
        let fields = form("SM2", THEIRS, "Hello?");
        let (one, other, third) = tokio::join!(twilio_posts(&t, &path, &fields), twilio_posts(&t, &path, &fields), twilio_posts(&t, &path, &fields));
        assert_eq!((one.0, other.0, third.0), (StatusCode::OK, StatusCode::OK, StatusCode::OK));
        assert_eq!(self::items(&t).await.len(), 2);
    }

    async fn stop_is_heard_whichever_number_it_was_for(t: TestApp with outside) {
        put(&t, Kind::Provider, "posts", twilio("http://127.0.0.1:9")).await;
        let path = posts("incoming").replace("/main/", "/posts/");
        for (text, out) in [("Is it there?", false), ("STOP", true)] {
            let fields = [("MessageSid", "SM1"), ("From", THEIRS), ("To", "+12025550199"), ("Body", text)];
            assert_eq!(twilio_posts(&t, &path, &fields).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
            assert_eq!(opted_out(&t, THEIRS).await.is_some(), out, "{text}");
        }
        assert!(items(&t).await.is_empty(), "no message of ours");
    }

    async fn stop_and_start_are_obeyed(t: TestApp with outside) {
        carried_by(&t, json!("simulated")).await;
        put(&t, Kind::Provider, "posts", twilio("http://127.0.0.1:9")).await;
        let path = posts("incoming").replace("/main/", "/posts/");
        when(&t, &send(&t, THEIRS).await, "status", "delivered").await;
        for (index, (text, out)) in [("Stop.", true), ("STOP", true), ("help", true), ("start", false), ("stop it, please", false), ("UNSUBSCRIBE", true), ("Unstop", false)].into_iter().enumerate() {
            twilio_posts(&t, &path, &form(&format!("SM{index}"), THEIRS, text)).await;
            assert_eq!(opted_out(&t, THEIRS).await, out.then(|| "stop".to_owned()), "{text}");
            let (status, body) = post(&t, &draft(THEIRS)).await;
            let expected = if out { (StatusCode::CONFLICT, "opted_out") } else { (StatusCode::ACCEPTED, "") };
            assert_eq!((status, body["error"]["code"].as_str().unwrap_or_default()), expected, "{text}");
            assert_eq!(post(&t, &draft(OTHERS)).await.0, StatusCode::ACCEPTED, "nobody else is concerned");
        }
        let (_, start) = t.get("/api/v1/events").await;
        let epoch = start["epoch"].as_str().expect("an epoch");
        let (_, page) = t.get(&format!("/api/v1/events?after=0&epoch={epoch}&limit=500&types=dnc.*")).await;
        let entries = page["items"].as_array().cloned().expect("items");
        let changes: Vec<_> = entries.iter().filter(|entry| entry["type"].as_str().is_some_and(|kind| kind.starts_with("dnc."))).map(|entry| (entry["type"].as_str().expect("a type"), entry["source"].as_str().expect("a source"))).collect();
        assert_eq!(changes, [("dnc.added", "stop"), ("dnc.removed", "start"), ("dnc.added", "stop"), ("dnc.removed", "start")]);
    }

    async fn a_post_that_is_not_signed_stores_nothing(t: TestApp with outside) {
        carried_by(&t, twilio("http://127.0.0.1:9")).await;
        put(&t, Kind::Provider, "generic", generic("http://127.0.0.1:9")).await;
        let fields = form("SM1", THEIRS, "STOP");
        let path = posts("incoming");
        let good = signature(&format!("{PUBLIC}{path}"), &fields, AUTH_TOKEN);
        for wrong in [
            signature(&format!("{PUBLIC}{path}"), &fields, "another token"),
            signature(&format!("http://{}{path}", t.address), &fields, AUTH_TOKEN),
            signature(&format!("{PUBLIC}{path}"), &form("SM1", THEIRS, "stop"), AUTH_TOKEN),
            String::new(),
            "not base64".to_owned(),
        ] {
            let (status, _) = twilio_posts_signed(&t, &path, &fields, &wrong).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{wrong}");
        }
        let elsewhere = ["/providers/acme/nobody/incoming", "/providers/nobody/main/incoming", "/providers/acme/generic/incoming"];
        for path in elsewhere.into_iter().map(str::to_owned).chain([format!("{path}?x=1"), posts("status")]) {
            assert_eq!(twilio_posts_signed(&t, &path, &fields, &good).await.0, StatusCode::FORBIDDEN, "{path}");
        }
        let post = json!({"id": 1, "from": THEIRS, "to": OURS, "body": "STOP"});
        for query in ["", "?secret=", "?secret=hush-wrong", "?message=x&Secret=hush-secret+of+posts%26x"] {
            let request = t.request(Method::POST, &format!("/providers/acme/generic/incoming{query}")).header("secret", "hush-secret of posts&x").json(&post);
            assert_eq!(answer(request).await.0, StatusCode::FORBIDDEN, "{query}");
        }
        assert_eq!((items(&t).await, opted_out(&t, THEIRS).await), (vec![], None));
        assert_eq!(twilio_posts_signed(&t, &path, &fields, &good).await.0, StatusCode::OK, "it was the signature alone");
        let fine = t.request(Method::POST, "/providers/acme/generic/incoming?secret=hush-secret+of+posts%26x").json(&post);
        assert_eq!(answer(fine).await, (StatusCode::OK, json!({"ok": true})));
        assert_eq!(items(&t).await.len(), 2, "the same id of another provider is another message");
    }

    async fn without_a_public_address_nothing_is_signed(t: TestApp with |config| { outside(config); config.http.public_url.clear(); }) {
        carried_by(&t, twilio("http://127.0.0.1:9")).await;
        let (path, fields) = (posts("incoming"), form("SM1", THEIRS, "STOP"));
        assert_eq!(twilio_posts_signed(&t, &path, &fields, &signature(&path, &fields, AUTH_TOKEN)).await.0, StatusCode::FORBIDDEN);
    }

    async fn what_cannot_be_a_message_of_ours_is_refused(t: TestApp with outside) {
        let mut config = generic("http://127.0.0.1:9");
        config["http"]["posts"]["header"] = json!("X-Hush");
        config["http"]["posts"]["secret"] = json!("hush-secret-of-a-header");
        carried_by(&t, config).await;
        let ask = |kind: &'static str, body: String| answer(t.request(Method::POST, &posts("incoming")).header("x-hush", "hush-secret-of-a-header").header("content-type", kind).body(body));
        for (body, field, code) in [
            (json!({"id": 1, "from": THEIRS, "to": "+12025550199", "body": "x"}), "to", "number_not_owned"),
            (json!({"id": 1, "from": "nobody", "to": OURS, "body": "x"}), "from", "invalid"),
            (json!({"from": THEIRS, "to": OURS, "body": "x"}), "id", "invalid"),
            (json!([1]), "id", "invalid"),
        ] {
            let (status, answered) = ask("application/json", body.to_string()).await;
            assert_eq!((status, &answered["error"]["field"], &answered["error"]["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field), &json!(code)), "{body}");
        }
        assert_eq!(items(&t).await, [] as [Value; 0]);
        let (status, _) = ask("application/x-www-form-urlencoded", "id=a%00b&from=%2B493055501901&to=%2B12025550123&body=caf%C3%A9%00".to_owned()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!((&items(&t).await[0]["body"], &items(&t).await[0]["providerId"]), (&json!("café"), &json!("ab")));
    }

    async fn a_message_of_a_known_lead_is_for_its_agent(t: TestApp with outside) {
        carried_by(&t, twilio("http://127.0.0.1:9")).await;
        put(&t, Kind::Campaign, "Sales", json!({})).await;
        let account = account(&t).await;
        let rules = FieldRules { region: account.region, declared: &[], allow_undeclared: false };
        let given = json!({"campaign": "Sales", "phone": THEIRS, "rep": "agent2"});
        let patch = LeadPatch::strict(given.as_object().expect("an object"), &rules).expect("a patch");
        let asked = Asked { duplicates_check: DuplicatesCheck::Allow, allow_dups: Flag::Absent, dial_non_callables: Flag::Absent, skip_window: Flag::Absent, import_only: true };
        let order = LeadOrder::Inject(Box::new(Intake { patch, asked, callback: None, expires_at: None, source: Source::Api }));
        let done = t.app().apply_leads(&account, vec![order], None).await.expect("the store");
        let LeadDone::Created { id, .. } = done[0] else { panic!("{done:?}") };
        twilio_posts(&t, &posts("incoming"), &form("SM1", THEIRS, "Is it there?")).await;
        let entry = t.journal().await.pop().expect("an entry");
        assert_eq!((&entry["audience"], &entry["agent"], &entry["data"]["message"]["leadId"]), (&json!(["agent2"]), &json!("agent2"), &json!(id)));
        let mut answer = draft(THEIRS);
        (answer["leadId"], answer["agent"]) = (json!(id), json!("agent1"));
        assert_eq!(post(&t, &answer).await.0, StatusCode::ACCEPTED);
        let entries = t.journal().await;
        let queued = entries.iter().find(|entry| entry["type"] == "message.queued").expect("an entry");
        assert_eq!((&queued["audience"], &queued["agent"]), (&json!(["agent1", "agent2"]), &json!("agent1")));
        assert_eq!(t.get(&format!("{MESSAGES}?leadId={id}")).await.1["items"].as_array().map(Vec::len), Some(2));
    }
}
