//! How a campaign is dialed, as it is set up: defaults, ranges, what it names, and what keeps that from going.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{entries, lead, put, send, set_up};
use crate::support::app::{TestApp, answer, both};

/// What a campaign can name.
async fn named(t: &TestApp) {
    set_up(t).await;
    put(t, "skills/german", json!({"agents": ["agent1"]})).await;
    put(t, "numbers/+17812706599", json!({"voice": true})).await;
    put(t, "numbers/+17812706598", json!({"sms": true})).await;
    put(t, "playlists/Morning", json!({"campaigns": ["Summer"], "filters": []})).await;
    put(t, "playlists/Evening", json!({"campaigns": ["Winter"], "filters": []})).await;
    put(t, "dispositions/MAYBE", json!({"connects": true, "callable": true, "text": "Perhaps"})).await;
}

async fn refusal(t: &TestApp, dialing: Value) -> String {
    let (status, told) = send(t, Method::PUT, "/api/v1/campaigns/Summer", &json!({"dialing": dialing})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{dialing}: {told}");
    format!("{}: {}", told["error"]["field"].as_str().unwrap_or_default(), told["error"]["message"].as_str().unwrap_or_default())
}

both! {
    async fn a_campaign_says_how_it_is_dialed(t: TestApp) {
        named(&t).await;
        assert_eq!(t.get("/api/v1/campaigns/Summer").await.1["dialing"], Value::Null, "nobody dials it");
        let made = put(&t, "campaigns/Summer", json!({"dialing": {"mode": "preview"}})).await;
        assert_eq!(made["dialing"], json!({
            "mode": "preview", "running": false, "skill": null, "callerId": null, "playlist": null, "previewS": 30, "onPreviewEnd": "dial", "ringS": 30,
            "wrapS": 30, "callbackGraceMin": 60, "retries": {}, "maxAttempts": 10, "priority": 0,
        }));
        let full = json!({
            "mode": "predictive", "running": true, "skill": "GERMAN", "callerId": "(781) 270-6599", "playlist": "morning", "previewS": 1, "onPreviewEnd": "notReady",
            "ringS": 5, "wrapS": 0, "callbackGraceMin": 0, "maxAttempts": 1000, "priority": 100,
            "retries": {"no answer": {"afterMin": 525_600, "times": 1000}, "cr_busy": {"afterMin": 0, "times": 0}, "perhaps": {"afterMin": 5, "times": 1}, "SALE": {"afterMin": 0, "times": 0}},
        });
        let made = put(&t, "campaigns/Summer", json!({"dailyCap": 7, "dialing": full})).await;
        let dialing = &made["dialing"];
        assert_eq!((&dialing["skill"], &dialing["callerId"], &dialing["playlist"]), (&json!("german"), &json!("+17812706599"), &json!("Morning")), "as the account spells them");
        let retries = json!({"CR_NOANS": {"afterMin": 525_600, "times": 1000}, "CR_BUSY": {"afterMin": 0, "times": 0}, "MAYBE": {"afterMin": 5, "times": 1}, "SALE": {"afterMin": 0, "times": 0}});
        assert_eq!((&dialing["retries"], &dialing["mode"], &dialing["onPreviewEnd"]), (&retries, &json!("predictive"), &json!("notReady")));
        // what is shown may be sent back as it is, and is what the server goes by
        assert_eq!(put(&t, "campaigns/Summer", made.clone()).await["dialing"], *dialing);
        let account = t.app().directory.account(&t.app().hub, t.account).await.expect("the account");
        let known = account.setup.campaigns.get("summer").expect("a campaign");
        assert_eq!((known.daily_cap, json!(known.dialing)), (7, dialing.clone()));
        put(&t, "campaigns/Summer", json!({})).await;
        assert_eq!(t.get("/api/v1/campaigns/Summer").await.1["dialing"], Value::Null);
    }

    async fn what_cannot_be_is_refused_by_field(t: TestApp) {
        named(&t).await;
        let before = (t.journal().await.len(), t.get("/api/v1/campaigns/Summer").await);
        let with = |more: Value| {
            let mut body = json!({"mode": "preview"});
            more.as_object().expect("an object").iter().for_each(|(name, value)| body[name] = value.clone());
            body
        };
        let tries = |outcome: &str, after: i64, times: i64| with(json!({"retries": {outcome: {"afterMin": after, "times": times}}}));
        for (dialing, told) in [
            (json!({}), "dialing: missing field `mode`"),
            (json!([]), "dialing: expected an object"),
            (json!("preview"), "dialing: expected an object"),
            (json!({"mode": "power"}), "dialing.mode: unknown variant `power`, expected one of `preview`, `progressive`, `predictive`"),
            (with(json!({"speed": 3})), "dialing.speed: unknown field `speed`"),
            (with(json!({"running": "yes"})), "dialing.running: invalid type"),
            (with(json!({"onPreviewEnd": "wait"})), "dialing.onPreviewEnd: unknown variant `wait`, expected one of `dial`, `skip`, `notReady`"),
            (with(json!({"previewS": 0})), "dialing.previewS: expected 1 to 3600"),
            (with(json!({"previewS": 3601})), "dialing.previewS: expected 1 to 3600"),
            (with(json!({"ringS": 4})), "dialing.ringS: expected 5 to 300"),
            (with(json!({"ringS": 301})), "dialing.ringS: expected 5 to 300"),
            (with(json!({"wrapS": -1})), "dialing.wrapS: expected 0 to 3600"),
            (with(json!({"wrapS": 1.5})), "dialing.wrapS: invalid type"),
            (with(json!({"callbackGraceMin": -1})), "dialing.callbackGraceMin: expected 0 to 525600"),
            (with(json!({"maxAttempts": 0})), "dialing.maxAttempts: expected 1 to 1000"),
            (with(json!({"maxAttempts": 1001})), "dialing.maxAttempts: expected 1 to 1000"),
            (with(json!({"priority": -1})), "dialing.priority: expected 0 to 100"),
            (with(json!({"priority": 101})), "dialing.priority: expected 0 to 100"),
            (with(json!({"skill": "french"})), "dialing.skill: there is no such skill"),
            (with(json!({"playlist": "Noon"})), "dialing.playlist: there is no such playlist"),
            (with(json!({"playlist": "Evening"})), "dialing.playlist: expected a playlist that holds this campaign"),
            (with(json!({"callerId": "nobody"})), "dialing.callerId: expected a telephone number"),
            (with(json!({"callerId": "+17812706597"})), "dialing.callerId: the account has no such number"),
            (with(json!({"callerId": "+17812706598"})), "dialing.callerId: expected a number with voice"),
            (tries("unheard of", 1, 1), "dialing.retries.unheard of: expected a disposition"),
            (tries("CR_BUSY", -1, 1), "dialing.retries.CR_BUSY.afterMin: expected 0 to 525600"),
            (tries("CR_BUSY", 525_601, 1), "dialing.retries.CR_BUSY.afterMin: expected 0 to 525600"),
            (tries("CR_BUSY", 1, -1), "dialing.retries.CR_BUSY.times: expected 0 to 1000"),
            (tries("CR_BUSY", 1, 1001), "dialing.retries.CR_BUSY.times: expected 0 to 1000"),
            (tries("SALE", 1, 1), "dialing.retries.SALE: expected a callable outcome"),
            (tries("DO NOT CALL", 1, 1), "dialing.retries.DO NOT CALL: expected a callable outcome"),
            (with(json!({"retries": {"CR_BUSY": [1, 1]}})), "dialing.retries.CR_BUSY: expected an object"),
            (with(json!({"retries": [1]})), "dialing.retries: expected an object"),
            (with(json!({"retries": {"CR_BUSY": {"afterMin": 1}}})), "dialing.retries.CR_BUSY: missing field `times`"),
            (with(json!({"retries": {"CR_BUSY": {"afterMin": 1, "times": 1}, "Busy": {"afterMin": 2, "times": 1}}})), "dialing.retries.CR_BUSY: CR_BUSY is named twice"),
        ] {
            let found = refusal(&t, dialing.clone()).await;
            assert!(found.starts_with(told), "{dialing}: {found:?} is not {told:?}");
        }
        let many: serde_json::Map<String, Value> = (0..101).map(|n| (format!("x{n}"), json!({"afterMin": 1, "times": 1}))).collect();
        assert_eq!(refusal(&t, with(json!({"retries": many}))).await, "dialing.retries: expected at most 100");
        assert_eq!((t.journal().await.len(), t.get("/api/v1/campaigns/Summer").await), before, "nothing was stored");
    }

    async fn what_a_campaign_is_dialed_with_stays(t: TestApp) {
        named(&t).await;
        let dialing = json!({"mode": "preview", "skill": "german", "callerId": "+17812706599", "playlist": "Morning", "retries": {"MAYBE": {"afterMin": 5, "times": 1}, "CR_BUSY": {"afterMin": 5, "times": 1}}});
        put(&t, "campaigns/Summer", json!({"dialing": dialing})).await;
        put(&t, "dispositions/CR_BUSY", json!({"connects": false, "callable": true})).await;
        let remove = |path: &'static str| answer(t.api(Method::DELETE, &format!("/api/v1/{path}")));
        for path in ["skills/german", "numbers/+17812706599", "playlists/Morning", "dispositions/maybe"] {
            let (status, told) = remove(path).await;
            assert_eq!(status, StatusCode::CONFLICT, "{path}: {told}");
            assert!(told["error"]["message"].as_str().is_some_and(|text| text.contains("campaign \"Summer\" names it")), "{path}: {told}");
        }
        let (status, told) = send(&t, Method::PUT, "/api/v1/numbers/+17812706599", &json!({"sms": true})).await;
        assert_eq!((status, &told["error"]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("voice")), "{told}");
        assert_eq!(remove("dispositions/CR_BUSY").await.0, StatusCode::NO_CONTENT, "then the system's is meant");
        put(&t, "campaigns/Summer", json!({})).await;
        for path in ["skills/german", "numbers/+17812706599", "playlists/Morning", "dispositions/maybe"] {
            assert_eq!(remove(path).await.0, StatusCode::NO_CONTENT, "{path}");
        }
    }

    async fn a_playlist_that_does_not_hold_a_lead_is_a_reason(t: TestApp) {
        named(&t).await;
        put(&t, "filters/Germans", json!({"blocks": [{"statements": [{"field": "phone", "op": "startsWith", "value": "+49"}]}]})).await;
        put(&t, "playlists/Morning", json!({"campaigns": ["summer"], "filters": [{"filter": "Germans", "active": true}]})).await;
        put(&t, "campaigns/Summer", json!({"dialing": {"mode": "preview", "playlist": "Morning"}})).await;
        lead(&t, json!({"campaign": "Summer", "phone": "+4930123456"})).await;
        lead(&t, json!({"campaign": "Summer", "phone": "+4313680001"})).await;
        lead(&t, json!({"campaign": "Summer", "phone": "+4313680002", "callback": {"at": "2026-11-20T12:00:00Z"}})).await;
        let against = async |id: i64| {
            let (_, told) = t.get(&format!("/api/v1/leads/{id}/explain")).await;
            told["reasons"].as_array().expect("reasons").iter().map(|reason| format!("{} {}", reason["rule"], reason["value"])).collect::<Vec<_>>()
        };
        assert_eq!(against(1).await, ["\"playlist\" \"Morning\""], "it was never reloaded");
        let (status, _) = send(&t, Method::POST, "/api/v1/playlists/Morning/reload", &json!({})).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!((against(1).await.len(), against(2).await.len()), (0, 1));
        assert_eq!(against(3).await.len(), 0, "a promise is kept whatever is dialed otherwise");
        assert!(entries(&t, "list.changed").await.len() >= 4);
    }
}
