//! What an account has set up: each kind of record, its checks, versions, secrets, and what keeps a record from going.

use cti_gateway::app::seal::Seal;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{BERLIN, BOSTON, LEADS, add_token, entries, lead, put, send, send_as, set_up};
use crate::support::app::{TestApp, answer, both};

/// A record of each kind that is fine, in an order in which each finds what it names.
fn records() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("campaigns", "Spring", json!({"subcampaigns": ["East"], "dailyCap": 3})),
        ("dispositions", "MAYBE", json!({"connects": true, "callable": true})),
        ("fields", "Shoe Size", json!({})),
        ("providers", "plain", json!({"simulated": null})),
        ("numbers", "+17812706599", json!({"voice": true, "sms": true, "provider": "plain"})),
        ("skills", "german", json!({"agents": ["agent1", "agent2"]})),
        (
            "ring-groups",
            "Sales",
            json!({"number": "(781) 270-6598", "campaign": "Spring", "skills": {"german": {"priority": 1, "delayS": 0, "active": true}}}),
        ),
        (
            "filters",
            "Floridians",
            json!({"blocks": [{"statements": [{"field": "state", "op": "eq", "value": "FL"}, {"field": "custom:Shoe Size", "op": "isNotEmpty"}]}]}),
        ),
        ("playlists", "Morning", json!({"campaigns": ["Spring"], "filters": [{"filter": "Floridians", "active": true}]})),
        ("telephone-systems", "house", json!({"simulated": {"seed": 7, "answerS": [1, 2]}})),
        ("options", "account", json!({"undeclaredFields": true, "zone": "Europe/Berlin", "telephoneSystem": "House"})),
    ]
}

fn writing(kind: &str) -> &'static str {
    match kind {
        "playlists" | "filters" => "lists:write",
        "skills" | "ring-groups" => "skills:write",
        _ => "admin",
    }
}

async fn with_match(t: &TestApp, method: Method, path: &str, version: &str, body: Value) -> (u16, Value) {
    let (status, body) = answer(t.api(method, &format!("/api/v1/{path}")).header("If-Match", version).json(&body)).await;
    (status.as_u16(), body)
}

both! {
    async fn each_kind_is_stored_shown_changed_and_removed(t: TestApp) {
        for (kind, name, body) in records() {
            let path = format!("/api/v1/{kind}/{name}");
            let (status, made) = send(&t, Method::PUT, &path, &body).await;
            assert_eq!(status, StatusCode::CREATED, "{path}: {made}");
            assert_eq!((&made["name"], &made["version"], &made["updatedAt"]), (&json!(name), &json!(1), &json!("2026-11-20T12:00:00Z")), "{path}");
            assert_eq!(t.get(&path).await, (StatusCode::OK, made.clone()));
            assert_eq!(t.get(&path.to_uppercase().replace("/API/V1/", "/api/v1/").replace(&kind.to_uppercase(), kind)).await, (StatusCode::OK, made.clone()), "in any case");
            let (status, list) = t.get(&format!("/api/v1/{kind}")).await;
            assert_eq!((status, &list), (StatusCode::OK, &json!({"items": [made], "next": null})));
            // what is shown can be sent back as it is
            let (status, again) = send(&t, Method::PUT, &path, &made).await;
            assert_eq!(status, StatusCode::OK, "{path}: {again}");
            let mut expected = made;
            expected["version"] = json!(2);
            assert_eq!(again, expected, "{path}");
            let (status, told) = t.get(&format!("/api/v1/{kind}?limit=5")).await;
            assert_eq!((status, &told["error"]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("limit")));
        }
        for (kind, name, _) in records().into_iter().rev() {
            let path = format!("/api/v1/{kind}/{name}");
            assert_eq!(answer(t.api(Method::DELETE, &path)).await.0, StatusCode::NO_CONTENT, "{path}");
            assert_eq!(answer(t.api(Method::DELETE, &path)).await.0, StatusCode::NOT_FOUND, "{path}");
            if kind != "options" {
                assert_eq!(t.get(&path).await.0, StatusCode::NOT_FOUND, "{path}");
                assert_eq!(t.get(&format!("/api/v1/{kind}")).await.1["items"], json!([]));
            }
        }
        let kinds: Vec<String> = entries(&t, "campaign.*").await.iter().chain(&entries(&t, "list.*").await).map(|e| format!("{} {}", e["type"].as_str().expect("a type"), e["data"]["name"].as_str().expect("a name"))).collect();
        assert_eq!(kinds.iter().filter(|kind| *kind == "campaign.changed Spring").count(), 3);
        assert_eq!(kinds.iter().filter(|kind| *kind == "list.changed Morning").count(), 3);
    }

    async fn names_are_addresses(t: TestApp) {
        for (name, path) in [("A/B", "A%2FB"), ("50 %", "50%20%25"), ("Größe", "Gr%C3%B6%C3%9Fe"), ("+plus", "+plus"), ("a?b#c", "a%3Fb%23c")] {
            let made = put(&t, &format!("campaigns/{path}"), json!({})).await;
            assert_eq!(made["name"], name);
            assert_eq!(t.get(&format!("/api/v1/campaigns/{path}")).await.1["name"], name);
        }
        put(&t, "campaigns/summer", json!({})).await;
        let again = put(&t, "campaigns/SUMMER", json!({"name": "Summer", "dailyCap": 7})).await;
        assert_eq!((&again["name"], &again["dailyCap"]), (&json!("summer"), &json!(7)), "as it was spelt first: leads name it so");
        let made = put(&t, "numbers/(781)%20270-6510", json!({"voice": true})).await;
        assert_eq!(made["name"], BOSTON);
        assert_eq!(t.get("/api/v1/numbers/781-270-6510").await.1["name"], BOSTON);
        assert_eq!(answer(t.api(Method::DELETE, "/api/v1/numbers/1 781 270 6510")).await.0, StatusCode::NO_CONTENT);
        assert_eq!(t.get("/api/v1/options/account").await.1, json!({"name": "account", "version": 0, "updatedAt": null, "undeclaredFields": false, "telephoneSystem": null, "olderResultText": false, "zone": "UTC", "breakReasons": ["break", "lunch", "meeting", "training", "paperwork"]}));
        for path in ["options/other", "campaigns/none", "numbers/nobody", &format!("campaigns/{}", "x".repeat(51))] {
            assert_eq!(t.get(&format!("/api/v1/{path}")).await.0, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(answer(t.api(Method::DELETE, &format!("/api/v1/{path}"))).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }

    async fn wrong_records_are_refused_by_field(t: TestApp) {
        for (kind, name, body) in records() {
            put(&t, &format!("{kind}/{name}"), body).await;
        }
        // a telephone system tells how it is when it likes
        let stored = async || t.journal().await.iter().filter(|entry| entry["type"] != "system.state").count();
        let before = stored().await;
        for (path, body, field) in [
            ("campaigns/x", json!([]), "body"), ("campaigns/x", json!({"colour": "red"}), "colour"), ("campaigns/x", json!({"dailyCap": 0}), "dailyCap"),
            ("campaigns/x", json!({"subcampaigns": [""]}), "subcampaigns[0]"), ("campaigns/x", json!({"name": "y"}), "name"), ("campaigns/%20", json!({}), "name"),
            ("campaigns/x", json!({"dispositions": [{"name": "N"}]}), "dispositions[0]"), ("dispositions/x", json!({"callable": true}), "body"),
            ("fields/Phone", json!({}), "name"), ("fields/created_at", json!({}), "name"), ("fields/x", json!({"type": "text"}), "body"),
            ("numbers/nobody", json!({}), "name"), ("numbers/1001", json!({}), "name"), ("numbers/+17812706597", json!({"provider": "none"}), "provider"),
            ("ring-groups/x", json!({}), "body"), ("ring-groups/x", json!({"number": "nobody"}), "number"), ("ring-groups/x", json!({"number": "781-270-6598"}), "number"),
            ("ring-groups/x", json!({"number": BOSTON, "campaign": "none"}), "campaign"), ("ring-groups/x", json!({"number": BOSTON, "skills": {"none": {"priority": 1, "delayS": 0, "active": true}}}), "skills"),
            ("ring-groups/x", json!({"number": BOSTON, "skills": {"german": {"priority": 101, "delayS": 0, "active": true}}}), "skills.german"),
            ("skills/x", json!({"agents": ["nobody"]}), "agents"), ("skills/x", json!({"agents": "agent1"}), "agents"),
            ("filters/x", json!({"blocks": []}), "blocks"), ("filters/x", json!({"blocks": [{"statements": [{"field": "custom:none", "op": "isEmpty"}]}]}), "blocks[0].statements[0].field"),
            ("playlists/x", json!({"campaigns": ["none"], "filters": []}), "campaigns"), ("playlists/x", json!({"campaigns": [], "filters": [{"filter": "none", "active": true}]}), "filters"),
            ("playlists/x", json!({"campaigns": vec!["Spring"; 201], "filters": []}), "campaigns"),
            ("providers/x", json!({"http": {"method": "POST", "url": "ftp://x"}}), "body"), ("providers/x", json!({"pigeon": {}}), "body"),
            ("telephone-systems/x", json!({"pigeon": {}}), "body"), ("telephone-systems/x", json!({"simulated": {"seed": "x"}}), "simulated.seed"),
            ("options/account", json!({"telephoneSystem": "none"}), "telephoneSystem"), ("options/account", json!({"simulatedTelephoneSystem": true}), "simulatedTelephoneSystem"),
            ("options/account", json!({"zone": "Mars/Olympus"}), "zone"), ("options/account", json!({"colour": "red"}), "colour"),
        ] {
            let (status, told) = send(&t, Method::PUT, &format!("/api/v1/{path}"), &body).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {body}: {told}");
            assert!(told["error"]["field"].as_str().is_some_and(|found| found == field || (field == "body" && found.starts_with("http"))), "{path} {body}: {told}");
        }
        assert_eq!(stored().await, before, "nothing was stored");
    }

    async fn a_version_that_is_meant_must_be_the_present_one(t: TestApp) {
        let response = t.api(Method::PUT, "/api/v1/campaigns/Summer").json(&json!({})).send().await.expect("an answer");
        assert_eq!(response.headers()["etag"], "\"1\"");
        for (version, status) in [("\"1\"", 200), ("1", 412), ("2", 200), ("\"9\"", 412), ("*", 200), ("x", 422), ("", 422)] {
            let (found, told) = with_match(&t, Method::PUT, "campaigns/Summer", version, json!({})).await;
            assert_eq!(found, status, "{version}: {told}");
            if status == 412 {
                assert_eq!(told["error"]["code"], "stale");
            }
        }
        assert_eq!(with_match(&t, Method::PUT, "campaigns/Winter", "1", json!({})).await.0, 412, "there is none");
        assert_eq!(with_match(&t, Method::PUT, "campaigns/Winter", "*", json!({})).await.0, 412);
        assert_eq!(with_match(&t, Method::DELETE, "campaigns/Summer", "1", json!({})).await.0, 412);
        assert_eq!(t.get("/api/v1/campaigns/Summer").await.1["version"], 4);
        assert_eq!(with_match(&t, Method::DELETE, "campaigns/Summer", "\"4\"", json!({})).await.0, 204);
        assert_eq!(t.get("/api/v1/campaigns/Winter").await.0, StatusCode::NOT_FOUND);
    }

    async fn what_is_in_use_stays(t: TestApp) {
        for (kind, name, body) in records() {
            put(&t, &format!("{kind}/{name}"), body).await;
        }
        put(&t, "campaigns/Leads only", json!({})).await;
        lead(&t, json!({"campaign": "leads only", "phone": BERLIN})).await;
        let remove = |path: String| { let t = &t; async move { answer(t.api(Method::DELETE, &format!("/api/v1/{path}"))).await } };
        for (path, user) in [
            ("campaigns/spring", "playlist \"Morning\""), ("campaigns/LEADS ONLY", "leads belong to it"), ("filters/floridians", "playlist \"Morning\""),
            ("skills/German", "ring group \"Sales\""), ("providers/plain", "number +17812706599"), ("fields/shoe size", "filter \"Floridians\""),
        ] {
            let (status, told) = remove(path.to_owned()).await;
            assert_eq!((status, &told["error"]["code"]), (StatusCode::CONFLICT, &json!("conflict")), "{path}: {told}");
            assert!(told["error"]["message"].as_str().is_some_and(|text| text.contains(user)), "{path}: {told}");
        }
        for path in ["playlists/Morning", "filters/Floridians", "fields/Shoe Size"] {
            assert_eq!(remove(path.to_owned()).await.0, StatusCode::NO_CONTENT, "{path}");
        }
        assert!(remove("campaigns/Spring".to_owned()).await.1["error"]["message"].as_str().is_some_and(|text| text.contains("ring group")));
        for path in ["ring-groups/Sales", "campaigns/Spring", "skills/german", "numbers/+17812706599", "providers/plain"] {
            assert_eq!(remove(path.to_owned()).await.0, StatusCode::NO_CONTENT, "{path}");
        }
        let (_, told) = send(&t, Method::PATCH, &format!("{LEADS}/1"), &json!({"campaign": "Spring"})).await;
        assert_eq!(told["error"]["field"], "campaign", "it is gone");
    }

    async fn secrets_of_providers_are_never_shown(t: TestApp with |config| { config.seal = Seal::new(Some(&Seal::make_key()), None).expect("a key"); }) {
        let http = json!({"http": {
            "method": "POST", "url": "https://sms.example:8443/bot-s3cret/send?key=s3cret", "headers": {"X-Key": "s3cret", "X-To": "{to}"},
            "posts": {"secret": "s3cret-of-what-they-post"}, "params": {"to": "{to}", "apikey": "s3cret", "text": "{body}", "sender": "s3cret-{from}"}, "auth": {"basic": {"user": "u", "password": "s3cret"}},
        }});
        let twilio = json!({"twilio": {"accountSid": "AC1", "authToken": "s3cret"}});
        let bearer = json!({"http": {"method": "POST", "url": "https://sms.example", "auth": {"bearer": {"token": "s3cret"}}}});
        for (name, body) in [("http", http.clone()), ("twilio", twilio), ("bearer", bearer)] {
            put(&t, &format!("providers/{name}"), body).await;
        }
        let mut told = vec![t.get("/api/v1/providers").await.1];
        for name in ["http", "twilio", "bearer"] {
            let (_, shown) = t.get(&format!("/api/v1/providers/{name}")).await;
            // sent back as it was shown, it keeps what it had
            told.push(put(&t, &format!("providers/{name}"), shown.clone()).await);
            told.push(shown);
        }
        told.extend(t.journal().await);
        assert!(told.iter().all(|told| !told.to_string().contains("s3cret")), "{told:?}");
        let shown = &told[1]["http"];
        assert_eq!((&shown["url"], &shown["headers"], &shown["auth"]["basic"]), (&json!("https://sms.example:8443/***"), &json!({"X-Key": "***", "X-To": "{to}"}), &json!({"user": "u", "password": "***"})));
        assert_eq!(shown["params"], json!({"to": "{to}", "apikey": "***", "text": "{body}", "sender": "***"}));
        let stored = async || {
            let rows = cti_gateway::store::setup::of_kind(t.app().db.read(), t.account, cti_gateway::domain::setup::Kind::Provider).await.expect("the store");
            let open = |name: &str, body: &str| t.app().seal.open(t.account, cti_gateway::domain::setup::Kind::Provider, name, serde_json::from_str(body).expect("JSON")).expect("it opens");
            rows.into_iter().map(|row| (row.name.clone(), open(&row.name, &row.body))).collect::<std::collections::BTreeMap<_, _>>()
        };
        let kept = stored().await;
        assert_eq!(kept["http"], http);
        assert_eq!((&kept["twilio"]["twilio"]["authToken"], &kept["bearer"]["http"]["auth"]["bearer"]["token"]), (&json!("s3cret"), &json!("s3cret")));
        // what is kept for one host goes to no other, and what is hidden is no value
        for (place, host) in [("/http/url", "https://evil.example/***"), ("/http/url", "https://evil.example/send")] {
            let mut moved = told[1].clone();
            *moved.pointer_mut(place).expect("a place") = json!(host);
            let (status, body) = answer(t.api(Method::PUT, "/api/v1/providers/http").json(&moved)).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        }
        assert_eq!(stored().await["http"], http);
        let mut changed = told[1].clone();
        changed["http"]["auth"]["basic"]["password"] = json!("another");
        put(&t, "providers/http", changed).await;
        let kept = stored().await;
        assert_eq!((&kept["http"]["http"]["auth"]["basic"]["password"], &kept["http"]["http"]["params"]["apikey"]), (&json!("another"), &json!("s3cret")));
    }

    async fn a_preview_shows_what_a_playlist_holds(t: TestApp) {
        set_up(&t).await;
        put(&t, "filters/Floridians", json!({"blocks": [{"statements": [{"field": "state", "op": "eq", "value": "fl"}]}]})).await;
        put(&t, "filters/Insured", json!({"blocks": [{"statements": [{"field": "custom:Policy ID", "op": "startsWith", "value": "é"}]}]})).await;
        for index in 0..50 {
            let state = if index % 2 == 0 { "FL" } else { "GA" };
            let policy = if index % 5 == 0 { "éa" } else { "Éb" };
            lead(&t, json!({"campaign": if index < 45 { "Summer" } else { "Winter" }, "phone": format!("+4930123{index:03}"), "state": state, "custom": {"Policy ID": policy}})).await;
        }
        let preview = |query: &str| { let (t, path) = (&t, format!("/api/v1/playlists/morning/preview{query}")); async move { t.get(&path).await } };
        assert_eq!(preview("").await.0, StatusCode::NOT_FOUND);
        let draft = |filters: Value| json!({"campaigns": ["summer"], "filters": filters});
        for (filters, count) in [
            (json!([]), 45), (json!([{"filter": "Floridians", "active": true}]), 23), (json!([{"filter": "Floridians", "active": false}]), 45),
            (json!([{"filter": "Floridians", "active": true}, {"filter": "Insured", "active": true}]), 5), (json!([{"filter": "Insured", "active": true}]), 9),
        ] {
            put(&t, "playlists/Morning", draft(filters.clone())).await;
            let (status, told) = preview("?draft=true").await;
            assert_eq!((status, &told["count"], &told["draft"], &told["name"]), (StatusCode::OK, &json!(count), &json!(true), &json!("Morning")), "{filters}");
            let items = told["items"].as_array().expect("items");
            assert_eq!(items.len(), usize::try_from(count).expect("a count").min(20));
            assert_eq!(items[0], t.get(&format!("{LEADS}/1")).await.1, "the oldest first");
        }
        assert_eq!(preview("").await.1, json!({"name": "Morning", "draft": false, "count": 0, "items": []}), "it was never reloaded");
        put(&t, "playlists/Morning", json!({"campaigns": [], "filters": []})).await;
        assert_eq!(preview("?draft=true").await.1["count"], 0);
        for (query, field) in [("?draft=maybe", "draft"), ("?limit=5", "limit")] {
            let (status, told) = preview(query).await;
            assert_eq!((status, &told["error"]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{told}");
        }
    }

    async fn each_scope_opens_what_it_says(t: TestApp) {
        let all = "leads:read,leads:write,lists:write,skills:write,dnc:write,events:read";
        add_token(&t, "cti_nothing", "leads:write").await;
        for scope in ["leads:read", "lists:write", "skills:write", "admin"] {
            add_token(&t, &format!("cti_{scope}"), scope).await;
            add_token(&t, &format!("cti_but_{scope}"), &all.split(',').filter(|other| *other != scope).collect::<Vec<_>>().join(",")).await;
        }
        for (kind, name, body) in records() {
            put(&t, &format!("{kind}/{name}"), body.clone()).await;
            let reading = if matches!(kind, "providers" | "telephone-systems") { "admin" } else { "leads:read" };
            for (method, path, scope) in [
                (Method::GET, format!("/api/v1/{kind}"), reading), (Method::GET, format!("/api/v1/{kind}/{name}"), reading),
                (Method::PUT, format!("/api/v1/{kind}/{name}"), writing(kind)), (Method::DELETE, format!("/api/v1/{kind}/none"), writing(kind)),
            ] {
                for secret in [format!("cti_but_{scope}"), "cti_nothing".to_owned()] {
                    let (status, told) = send_as(&t, &secret, method.clone(), &path, &body).await;
                    assert!(status == StatusCode::FORBIDDEN && told["error"]["message"].as_str().is_some_and(|text| text.contains(scope)), "{method} {path} with {secret}: {told}");
                }
                let (status, told) = send_as(&t, &format!("cti_{scope}"), method.clone(), &path, &body).await;
                assert!(status.is_success() || status == StatusCode::NOT_FOUND, "{method} {path}: {told}");
                assert_eq!(send_as(&t, "cti_unknown", method, &path, &body).await.0, StatusCode::UNAUTHORIZED);
            }
        }
        for secret in ["cti_but_leads:read", "cti_lists:write"] {
            assert_eq!(send_as(&t, secret, Method::GET, "/api/v1/playlists/Morning/preview", &json!({})).await.0, StatusCode::FORBIDDEN);
        }
    }
}
