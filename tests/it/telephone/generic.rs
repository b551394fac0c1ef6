//! A system that is told by HTTP requests: what it is asked, what its answers mean, and how its own news find our calls.

use cti_gateway::{app::committer::Failure, config::Config, domain::order::Command};
use serde_json::{Value, json};

use super::{CALLER, THEIRS, call, dial, due, entries, give, order, put, setup::with_key, shown, state, station, system_state};
use crate::support::{
    app::{TestApp, both, number},
    fake::{Act, Fake},
    wire::until,
};

/// Settings under which a system may be on this machine.
fn outside(config: &mut Config) {
    with_key(config);
    config.courier.allow = vec!["127.0.0.1".into()];
}

/// Sets one up as `pbx` that takes a form, with these fields of its own.
async fn pbx(t: &TestApp, base: &str, own: Value) {
    let mut body = json!({
        "gateway": "office", "auth": {"basic": {"user": "crm", "password": "hush"}}, "callIdPointer": "/call/id",
        "params": {"id": "{call}", "ext": "{extension}"},
        "requests": {
            "dial": {"url": format!("{base}/call"), "params": {"to": "{number}", "show": "{callerId}"}},
            "hangup": {"url": format!("{base}/hangup/{{call}}"), "method": "GET"},
            "hold": {"url": format!("{base}/{{verb}}")},
            "consult_transfer": {"url": format!("{base}/ask"), "params": {"to": "{plainNumber}", "leg": "{leg}"}},
        },
    });
    for (name, value) in own.as_object().expect("fields") {
        body[name] = value.clone();
    }
    put(t, "telephone-systems/pbx", json!({ "generic": body })).await;
    due(t).await;
}

fn first_line(fake: &Fake, index: usize) -> String {
    fake.seen()[index].head.lines().next().expect("a line").to_owned()
}

both! {
    async fn a_call_is_ordered_by_one_request_and_known_by_the_systems_own_name(t: TestApp with outside) {
        let fake = Fake::start([Act::answer(200, r#"{"call": {"id": 77}}"#)]).await;
        pbx(&t, &fake.url(), json!({})).await;
        order(&t, "ours", dial(THEIRS)).await;
        let seen = fake.seen();
        assert_eq!((seen.len(), first_line(&fake, 0).as_str()), (1, "POST /call HTTP/1.1"));
        assert!(seen[0].head.to_lowercase().contains("authorization: basic y3jtomh1c2g=") && seen[0].head.contains("x-www-form-urlencoded"), "{}", seen[0].head);
        assert_eq!(["to", "ext", "id", "show"].map(|name| seen[0].field(name)), [Some(THEIRS.into()), Some("1001".into()), Some("ours".into()), None]);
        // from now on both names mean the same call, whichever the system uses
        t.vtiger("event=call_initiated&call_id=77&from=1001&to=%2B493055501901&direction=outbound").await;
        t.vtiger("event=call_connected&call_id=ours&to=1001").await;
        let told = t.only_call().await;
        assert_eq!((&told["attempts"][0]["callId"], &told["state"], &told["agent"]), (&json!("77"), &json!("talk"), &json!("agent1")));
        order(&t, "77", Command::Hangup).await;
        assert_eq!(first_line(&fake, 1), "GET /hangup/77?id=77 HTTP/1.1");
        t.restart().await;
        t.vtiger("event=call_hangup&call_id=77&hangup_reason=busy").await;
        assert_eq!((t.only_call().await["state"].clone(), t.only_call().await["hangupReason"].clone()), (json!("end"), json!("busy")));
    }

    async fn one_that_tells_no_name_uses_ours(t: TestApp with outside) {
        let fake = Fake::start([Act::answer(200, "done")]).await;
        pbx(&t, &fake.url(), json!({"contentType": "json", "requests": {"dial": {"url": format!("{}/call", fake.url()), "params": {"to": "{number}"}}}})).await;
        order(&t, "ours", dial(THEIRS)).await;
        assert_eq!(serde_json::from_str::<Value>(&fake.seen()[0].body).expect("JSON"), json!({"to": THEIRS, "id": "ours", "ext": "1001"}));
        t.vtiger("event=call_initiated&call_id=ours&from=1001&to=%2B493055501901&direction=outbound").await;
        assert_eq!(t.only_call().await["state"], "ringing");
        assert!(matches!(give(&t, "ours", Command::Hold).await, Err(Failure::NotSupported)), "it has no request for that");
    }

    async fn a_token_is_asked_for_kept_and_renewed(t: TestApp with outside) {
        let token = |token: &str, life: i64| Act::answer(200, &json!({"access_token": token, "expires_in": life}).to_string());
        let fine = || Act::answer(200, "");
        let acts = [
            token("t1", 60), fine(), fine(), // one token for two orders
            Act::answer(401, ""), token("t2", 60), fine(), // refused: another one, and once again
            token("t3", 3600), Act::answer(401, ""), token("t4", 3600), Act::answer(401, ""), // its life is over; refused twice
            Act::answer(500, ""), // no token
        ];
        let fake = Fake::start(acts).await;
        let auth = json!({"token": {"url": format!("{}/token", fake.url()), "params": {"grant_type": "client_credentials"}}});
        pbx(&t, &fake.url(), json!({ "auth": auth })).await;
        for name in ["a", "b", "c"] {
            order(&t, name, dial(THEIRS)).await;
        }
        assert_eq!(fake.seen()[0].field("grant_type").as_deref(), Some("client_credentials"));
        t.clock.advance(std::time::Duration::from_secs(51));
        for name in ["d", "e"] {
            order(&t, name, dial(THEIRS)).await;
        }
        let bearer = |head: &str| head.lines().find_map(|line| line.strip_prefix("authorization: Bearer ").map(str::to_owned)).unwrap_or_default();
        let asked: Vec<String> = fake.seen().iter().map(|seen| format!("{} {}", seen.head.split(' ').nth(1).expect("a path"), bearer(&seen.head))).collect();
        assert_eq!(asked, ["/token ", "/call t1", "/call t1", "/call t1", "/token ", "/call t2", "/token ", "/call t3", "/token ", "/call t4", "/token "]);
        assert_eq!((state(&t, "d").await, state(&t, "e").await), (shown("end", "unauthorized"), shown("end", "no_token")));
        assert_eq!(call(&t, "d").await["outcome"], "Failed");
    }

    async fn what_surely_did_not_reach_it_is_told_again(t: TestApp with outside) {
        let fake = Fake::start([Act::answer(429, ""), Act::answer(200, "")]).await;
        pbx(&t, &fake.url(), json!({})).await;
        order(&t, "busy", dial(THEIRS)).await;
        assert_eq!(fake.seen().len(), 2);
        assert_eq!(entries(&t, "call.order_failed").await.len(), 0);
        // nobody listens there any more
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        pbx(&t, &format!("http://{free}"), json!({})).await;
        assert_eq!(system_state(&t, "pbx").await["state"], "up");
        order(&t, "gone", dial(THEIRS)).await;
        assert_eq!(state(&t, "gone").await, shown("end", "not_reached"));
        let down = system_state(&t, "pbx").await;
        assert!(down["state"] == "down" && down["message"].as_str().is_some_and(|why| why.contains("could not be reached")), "{down}");
        // it comes while the order is told again
        give(&t, "late", dial(THEIRS)).await.expect("stored");
        let late = Fake::start_at(free, [Act::answer(200, "")]).await;
        due(&t).await;
        assert_eq!((late.seen().len(), system_state(&t, "pbx").await["state"].clone()), (1, json!("up")));
    }

    async fn an_unclear_call_is_never_told_twice(t: TestApp with outside) {
        let fake = Fake::start([Act::Close, Act::answer(503, ""), Act::Close]).await;
        pbx(&t, &fake.url(), json!({})).await;
        for name in ["lost", "odd"] {
            order(&t, name, dial(THEIRS)).await;
        }
        assert_eq!(fake.seen().len(), 2, "once each");
        assert!(t.calls().await.is_empty(), "whether somebody's telephone rings is not known");
        assert_eq!(entries(&t, "call.order_failed").await.len(), 0);
        order(&t, "lost", Command::Hangup).await;
        let failed = entries(&t, "call.order_failed").await;
        assert_eq!((fake.seen().len(), failed.len(), &failed[0]["code"]), (3, 1, &json!("unclear")));
    }

    async fn a_refusal_is_one_by_status_or_by_text(t: TestApp with outside) {
        let fake = Fake::start([Act::answer(403, "no"), Act::answer(200, " Error\n"), Act::answer(200, ""), Act::answer(404, "")]).await;
        pbx(&t, &fake.url(), json!({"failureTexts": ["", "Error"]})).await;
        for name in ["status", "text", "empty"] {
            order(&t, name, dial(THEIRS)).await;
            assert_eq!(state(&t, name).await, shown("end", "refused"), "{name}");
        }
        let ask = Command::ConsultTransfer { number: number(CALLER).expect("a number"), leg: "leg".into(), station: station("agent1", "1001") };
        order(&t, "status", ask.clone()).await;
        assert_eq!(entries(&t, "call.order_failed").await[0]["verb"], "consult_transfer");
        let leg = call(&t, "leg").await;
        assert_eq!((&leg["state"], &leg["agent"], &leg["phoneNumber"]), (&json!("end"), &json!("agent1"), &json!(CALLER)), "the call beside it has failed, too");
        // an agent whose telephone nobody knows
        let nowhere = Command::Dial { number: number(THEIRS).expect("a number"), caller_id: None, station: Some(cti_gateway::domain::order::Station { login: "agent2".into(), extension: None }), ring_s: 30 };
        order(&t, "nowhere", nowhere).await;
        assert_eq!((state(&t, "nowhere").await, fake.seen().len()), (shown("end", "no_extension"), 4));
    }

    async fn it_is_told_nothing_behind_the_courier(t: TestApp with with_key) {
        let fake = Fake::start([Act::answer(200, "")]).await;
        pbx(&t, &fake.url(), json!({})).await;
        order(&t, "private", dial(THEIRS)).await;
        assert_eq!((state(&t, "private").await, fake.seen().len()), (shown("end", "not_sent"), 0));
    }

    async fn orders_of_one_call_keep_their_order(t: TestApp with outside) {
        let gate = std::sync::Arc::new(tokio::sync::Notify::new());
        let fake = Fake::start([Act::Gated(gate.clone(), 200, String::new()), Act::answer(200, "")]).await;
        pbx(&t, &fake.url(), json!({})).await;
        for (name, command) in [("slow", dial(THEIRS)), ("slow", Command::Hangup), ("other", dial(CALLER))] {
            give(&t, name, command).await.expect("stored");
        }
        until("the other call is ordered", || async { fake.seen().len() == 2 }).await;
        assert_eq!([0, 1].map(|index| first_line(&fake, index)), ["POST /call HTTP/1.1", "POST /call HTTP/1.1"], "what waits is the same call's");
        gate.notify_one();
        due(&t).await;
        assert_eq!(first_line(&fake, 2), "GET /hangup/slow?id=slow HTTP/1.1");
    }
}
