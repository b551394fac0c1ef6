//! Why a lead is not dialed now: every rule, its value, and until when.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{BERLIN, BOSTON, LEADS, add_token, lead, put, send, send_as, set_up};
use crate::support::app::{TestApp, both};

async fn explained(t: &TestApp, id: i64) -> Value {
    let (status, told) = t.get(&format!("{LEADS}/{id}/explain")).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    told
}

/// `rule value nextAllowed` of each reason.
fn reasons(told: &Value, of: &str) -> Vec<String> {
    let line = |reason: &Value| {
        assert!(reason["message"].as_str().is_some_and(|text| text.len() > 10), "{reason}");
        let text = |key: &str| reason[key].as_str().unwrap_or("never").to_owned();
        format!("{} {:?} {}", text("rule"), text("value"), text("nextAllowed"))
    };
    told[of].as_array().expect("reasons").iter().map(line).collect()
}

both! {
    async fn nothing_speaks_against_a_fresh_lead_by_day(t: TestApp) {
        set_up(&t).await;
        lead(&t, json!({"campaign": "Summer", "phone": BERLIN})).await;
        assert_eq!(explained(&t, 1).await, json!({"dial": true, "reasons": [], "overridden": [], "nextAllowed": "2026-11-20T12:00:00Z", "past": []}));
        for id in ["2", "x"] {
            assert_eq!(t.get(&format!("{LEADS}/{id}/explain")).await.0, StatusCode::NOT_FOUND);
        }
    }

    async fn nobody_is_woken(t: TestApp) {
        set_up(&t).await;
        lead(&t, json!({"campaign": "Summer", "phone": BOSTON})).await;
        lead(&t, json!({"campaign": "Summer", "phone": BERLIN})).await;
        let told = explained(&t, 1).await;
        assert_eq!((&told["dial"], &told["nextAllowed"]), (&json!(false), &json!("2026-11-20T13:00:00Z")));
        assert_eq!(reasons(&told, "reasons"), ["window \"Friday 07:00\" 2026-11-20T13:00:00Z"]);
        assert_eq!(told["reasons"][0]["message"], "it is Friday 07:00 in America/New_York: US US-1");
        t.clock.advance(Duration::from_secs(3600));
        assert_eq!(explained(&t, 1).await["dial"], true);
        // ten at night in Berlin, until eight in the morning
        t.clock.advance(Duration::from_secs(8 * 3600));
        assert_eq!(reasons(&explained(&t, 2).await, "reasons"), ["window \"Friday 22:00\" 2026-11-21T07:00:00Z"]);
        assert_eq!(explained(&t, 1).await["dial"], true, "an afternoon in Boston");
    }

    async fn every_rule_speaks_for_itself(t: TestApp) {
        set_up(&t).await;
        lead(&t, json!({"campaign": "Summer", "phone": BERLIN, "importOnly": true})).await;
        lead(&t, json!({"campaign": "Summer", "phone": "+4930123457", "expiresAt": "2026-11-20T12:30:00Z"})).await;
        lead(&t, json!({"campaign": "Summer", "phone": "+4930123458", "callStatus": "SALE"})).await;
        lead(&t, json!({"campaign": "Summer", "phone": "+4930123459", "callStatus": "no such outcome"})).await;
        lead(&t, json!({"campaign": "Summer", "phone": "+4930123460", "callback": {"agent": "agent1", "at": "2026-11-20T15:00:00.5Z"}})).await;
        lead(&t, json!({"campaign": "Summer", "phone": "+4930123461"})).await;
        send(&t, Method::PUT, "/api/v1/dnc/+4930123461", &json!({})).await;
        lead(&t, json!({"campaign": "Summer", "phone": BOSTON, "expiresAt": "2026-11-20T12:59:00Z"})).await;
        for (id, expected) in [
            (1, vec!["import_only \"true\" never"]), (2, vec![]), (3, vec!["call_status \"SALE\" never"]), (4, vec!["call_status \"no such outcome\" never"]),
            (5, vec!["callback \"2026-11-20T15:00:00.500Z\" 2026-11-20T15:00:00.500Z"]), (6, vec!["dnc \"+4930123461\" never", "call_status \"DO NOT CALL\" never"]),
            (7, vec!["window \"Friday 07:00\" 2026-11-20T13:00:00Z", "expiry \"2026-11-20T12:59:00Z\" never"]),
        ] {
            let told = explained(&t, id).await;
            assert_eq!(reasons(&told, "reasons"), expected, "{id}");
            assert_eq!(told["dial"], json!(expected.is_empty()));
        }
        assert_eq!(explained(&t, 5).await["nextAllowed"], "2026-11-20T15:00:00.500Z");
        t.clock.advance(Duration::from_secs(1800));
        assert_eq!(reasons(&explained(&t, 2).await, "reasons"), ["expiry \"2026-11-20T12:30:00Z\" never"]);
        t.clock.advance(Duration::from_secs(3 * 3600));
        assert_eq!(explained(&t, 5).await["dial"], true, "the time has come");
        // what the account says of an outcome holds at once
        put(&t, "dispositions/no such outcome", json!({"connects": false, "callable": true})).await;
        assert_eq!(explained(&t, 4).await["dial"], true);
    }

    async fn a_granted_override_is_shown_as_one(t: TestApp) {
        set_up(&t).await;
        add_token(&t, "cti_over", "leads:write,dnc:override,window:override").await;
        send(&t, Method::PUT, &format!("/api/v1/dnc/{BOSTON}"), &json!({})).await;
        let body = json!({"campaign": "Summer", "phone": BOSTON, "dialNonCallables": true, "skipWindow": true, "callStatus": "SALE"});
        let (status, told) = send_as(&t, "cti_over", Method::POST, LEADS, &body).await;
        assert_eq!((status, &told["dial"], &told["overrides"]), (StatusCode::CREATED, &json!("now"), &json!(["dnc", "window"])), "{told}");
        let told = explained(&t, 1).await;
        assert_eq!((&told["dial"], reasons(&told, "reasons").len()), (&json!(true), 0));
        assert_eq!(reasons(&told, "overridden"), [
            "dnc \"+17812706510\" never", "call_status \"SALE\" never", "window \"Friday 07:00\" 2026-11-20T13:00:00Z",
        ]);
        // an override that was granted before does not reach over a later listing
        send(&t, Method::DELETE, &format!("/api/v1/dnc/{BOSTON}"), &json!({})).await;
        send(&t, Method::PUT, &format!("/api/v1/dnc/{BOSTON}"), &json!({})).await;
        assert_eq!(explained(&t, 1).await["dial"], false);
    }
}
