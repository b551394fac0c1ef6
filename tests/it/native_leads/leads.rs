//! Leads one by one: coming in, duplicates, upserts, changes, outcomes, lists and their entries.

use std::time::Duration;

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::{BERLIN, BOSTON, LEADS, add_token, count, entries, lead, post, put, send, send_as, set_up};
use crate::support::app::{TestApp, answer, both};

async fn patch(t: &TestApp, id: i64, body: Value) -> (StatusCode, Value) {
    send(t, Method::PATCH, &format!("{LEADS}/{id}"), &body).await
}

both! {
    async fn a_lead_comes_in_whole(t: TestApp) {
        set_up(&t).await;
        let told = lead(&t, json!({
            "campaign": "summer", "subcampaign": "north", "clientId": "c-1", "firstName": " Greta ", "lastName": "Sommer", "address": "Weg 1",
            "city": "Berlin", "state": "BE", "zip": "10115", "phone": "+49 30 123456", "email": "greta@example.org", "rep": "agent1",
            "notes": "likes\ntea", "custom": {"policy id": "P-7"}, "expiresAt": "2026-12-01T00:00:00+01:00",
        })).await;
        assert_eq!(told, json!({"dial": "now", "overrides": [], "lead": {
            "id": 1, "campaign": "Summer", "subcampaign": "North", "clientId": "c-1", "firstName": "Greta", "lastName": "Sommer", "address": "Weg 1",
            "city": "Berlin", "state": "BE", "zip": "10115", "phone": BERLIN, "phoneRaw": "+49 30 123456", "email": "greta@example.org", "rep": "agent1",
            "callStatus": null, "notes": "likes\ntea", "custom": {"Policy ID": "P-7"}, "source": "api", "hot": true, "hotAt": "2026-11-20T12:00:00Z",
            "expiresAt": "2026-11-30T23:00:00Z", "importOnly": false, "dialNonCallables": false, "checkWindow": true, "callback": null, "attempts": 0, "attemptsTotal": 0, "outcomes": {}, "retryAt": null,
            "lastAttemptAt": null, "createdAt": "2026-11-20T12:00:00Z", "updatedAt": "2026-11-20T12:00:00Z", "version": 1,
        }}));
        assert_eq!(t.get(&format!("{LEADS}/1")).await, (StatusCode::OK, told["lead"].clone()));
        t.restart().await;
        assert_eq!(t.get(&format!("{LEADS}/1")).await, (StatusCode::OK, told["lead"].clone()));
        for id in ["2", "0", "-1", "x", "99999999999999999999", "1.0"] {
            assert_eq!(t.get(&format!("{LEADS}/{id}")).await.0, StatusCode::NOT_FOUND, "{id}");
        }
        let created = entries(&t, "lead.*").await;
        assert_eq!(created.len(), 1);
        assert_eq!((&created[0]["type"], &created[0]["data"]["lead"], &created[0]["data"]["dial"]), (&json!("lead.created"), &told["lead"], &json!("now")));
        assert_eq!((&created[0]["audience"], &created[0]["source"]), (&json!(["agent1"]), &json!("api")));
    }

    async fn what_is_dialed_follows_from_what_was_asked(t: TestApp) {
        set_up(&t).await;
        send(&t, Method::PUT, "/api/v1/dnc/+4930999999", &json!({})).await;
        add_token(&t, "cti_over", "leads:write,dnc:override,dups:override,window:override").await;
        let phone = |last: usize| format!("+49301111{last:02}");
        for (index, (phone, more, dial, hot, overrides)) in [
            (phone(0), json!({}), "now", true, json!([])),
            (BOSTON.to_owned(), json!({}), "when_window_opens", true, json!([])),
            ("+17812706511".to_owned(), json!({"skipWindow": true}), "now", true, json!(["window"])),
            (phone(1), json!({"importOnly": true}), "import_only", false, json!([])),
            ("+4930999999".to_owned(), json!({"duplicatesCheck": "allow"}), "dnc", false, json!([])),
            ("+4930999999".to_owned(), json!({"duplicatesCheck": "allow", "dialNonCallables": true}), "now", true, json!(["dnc"])),
            (phone(2), json!({"callStatus": "SALE"}), "not_callable", false, json!([])),
            (phone(3), json!({"callStatus": "sale", "dialNonCallables": true}), "now", true, json!(["dnc"])),
            (phone(4), json!({"callStatus": "CR_BUSY"}), "now", true, json!([])),
            (phone(0), json!({"allowDuplicates": true}), "now", true, json!(["dups"])),
            (phone(5), json!({"allowDuplicates": true, "skipWindow": true, "dialNonCallables": true}), "now", true, json!([])),
        ].into_iter().enumerate() {
            let mut body = more;
            (body["campaign"], body["phone"]) = (json!("Summer"), json!(phone));
            let (status, told) = send_as(&t, "cti_over", Method::POST, LEADS, &body).await;
            assert_eq!(status, StatusCode::CREATED, "{body}: {told}");
            assert_eq!((&told["dial"], &told["lead"]["hot"], &told["overrides"]), (&json!(dial), &json!(hot), &overrides), "{body}");
            assert_eq!(told["lead"]["id"], json!(index + 1), "ids count");
        }
    }

    async fn duplicates_are_refused_by_the_chosen_scope(t: TestApp) {
        set_up(&t).await;
        lead(&t, json!({"campaign": "Summer", "subcampaign": "North", "phone": BERLIN})).await;
        for (campaign, subcampaign, check, duplicate) in [
            ("Summer", Some("North"), None, true), ("Summer", Some("South"), Some("campaign"), true), ("Summer", None, Some("campaign"), true),
            ("Winter", None, Some("campaign"), false), ("Winter", None, Some("all"), true), ("summer", Some("NORTH"), Some("subcampaign"), true),
            ("Summer", Some("South"), Some("subcampaign"), false), ("Summer", Some("North"), Some("allow"), false),
        ] {
            let before = count(&t).await;
            let mut body = json!({"campaign": campaign, "phone": "030 / 123456"});
            body["phone"] = json!("+49 (30) 12 34 56");
            subcampaign.into_iter().for_each(|name| body["subcampaign"] = json!(name));
            check.into_iter().for_each(|check| body["duplicatesCheck"] = json!(check));
            let (status, told) = post(&t, body.clone()).await;
            if duplicate {
                assert_eq!((status, &told["error"]["code"]), (StatusCode::CONFLICT, &json!("duplicate")), "{body}: {told}");
                let id = told["error"]["leadId"].as_i64().expect("an id");
                let other = t.get(&format!("{LEADS}/{id}")).await.1;
                assert_eq!(other["phone"], BERLIN);
                assert_eq!(count(&t).await, before, "nothing was stored");
            } else {
                assert_eq!(status, StatusCode::CREATED, "{body}: {told}");
            }
        }
        // the newest one that counts, not the newest of all
        let (_, told) = post(&t, json!({"campaign": "Winter", "phone": BERLIN})).await;
        assert_eq!(told["error"]["leadId"], 2);
        let (_, told) = post(&t, json!({"campaign": "Summer", "phone": BERLIN})).await;
        assert_eq!(told["error"]["leadId"], 4);
    }

    async fn a_dry_run_says_the_same_and_stores_nothing(t: TestApp) {
        set_up(&t).await;
        lead(&t, json!({"campaign": "Summer", "phone": BERLIN})).await;
        let journal = t.journal().await.len();
        let dry = |body: Value| answer(t.api(Method::POST, &format!("{LEADS}?dryRun=true")).json(&body));
        assert_eq!(dry(json!({"campaign": "Summer", "phone": BERLIN})).await, (StatusCode::OK, json!({
            "wouldStore": false, "duplicateOf": 1, "dial": null, "overrides": [], "explanation": null,
        })));
        let (status, told) = dry(json!({"campaign": "Winter", "phone": BERLIN})).await;
        assert_eq!((status, &told["wouldStore"], &told["duplicateOf"], &told["dial"]), (StatusCode::OK, &json!(true), &Value::Null, &json!("now")));
        assert_eq!(told["explanation"], json!({"dial": true, "reasons": [], "overridden": [], "nextAllowed": "2026-11-20T12:00:00Z"}));
        let (_, told) = dry(json!({"campaign": "Summer", "phone": BOSTON, "callback": {"at": "2026-11-21T15:00:00Z"}})).await;
        assert_eq!(told["dial"], "when_window_opens");
        let rules: Vec<&str> = told["explanation"]["reasons"].as_array().expect("reasons").iter().map(|r| r["rule"].as_str().expect("a rule")).collect();
        assert_eq!(rules, ["callback", "window"]);
        let (status, told) = dry(json!({"campaign": "Autumn", "phone": "nobody"})).await;
        assert_eq!((status, told["error"]["details"].as_array().map(Vec::len)), (StatusCode::UNPROCESSABLE_ENTITY, Some(2)), "{told}");
        let keyed = || answer(t.api(Method::POST, &format!("{LEADS}?dryRun=true")).header("Idempotency-Key", "k").json(&json!({"campaign": "Summer", "phone": BOSTON})));
        assert_eq!(keyed().await.0, StatusCode::OK);
        let real = t.api(Method::POST, LEADS).header("Idempotency-Key", "k").json(&json!({"campaign": "Winter", "phone": BOSTON}));
        assert_eq!(t.journal().await.len(), journal);
        assert_eq!(count(&t).await, 1);
        assert_eq!(answer(real).await.0, StatusCode::CREATED, "a dry run uses no key up");
    }

    async fn an_upsert_adds_or_changes(t: TestApp) {
        set_up(&t).await;
        let upsert = |key: &str, body: Value| answer(t.api(Method::PUT, &format!("{LEADS}?key={key}")).json(&body));
        let body = json!({"campaign": "Summer", "clientId": "c-1", "phone": BERLIN, "firstName": "Greta", "notes": "n", "custom": {"Policy ID": "1"}});
        let (status, told) = upsert("clientId", body.clone()).await;
        assert_eq!((status, &told["dial"], &told["lead"]["id"]), (StatusCode::CREATED, &json!("now"), &json!(1)), "{told}");
        let (status, told) = upsert("clientId", body.clone()).await;
        assert_eq!((status, &told["changed"], &told["lead"]["version"]), (StatusCode::OK, &json!([]), &json!(1)), "{told}");
        t.clock.advance(Duration::from_secs(60));
        let (status, told) = upsert("clientId", json!({"campaign": "Winter", "clientId": "c-1", "phone": BOSTON, "notes": null, "custom": {"Policy ID": null}})).await;
        assert_eq!((status, &told["changed"]), (StatusCode::OK, &json!(["campaign", "notes", "phone", "custom"])), "{told}");
        let lead = &told["lead"];
        assert_eq!((&lead["firstName"], &lead["notes"], &lead["custom"], &lead["updatedAt"]), (&json!("Greta"), &Value::Null, &json!({}), &json!("2026-11-20T12:01:00Z")));
        let (status, told) = upsert("phone", json!({"campaign": "Winter", "phone": "(781) 270-6510", "expiresAt": "2026-12-01T00:00:00Z", "importOnly": true})).await;
        assert_eq!((status, &told["lead"]["clientId"], &told["changed"]), (StatusCode::OK, &json!("c-1"), &json!(["phone", "expiresAt"])), "{told}");
        assert_eq!((&told["lead"]["importOnly"], &told["lead"]["phone"]), (&json!(false), &json!(BOSTON)), "what is asked of a new lead");
        // unknown to the key, and still a duplicate by its number
        let (status, told) = upsert("clientId", json!({"campaign": "Winter", "clientId": "c-2", "phone": BOSTON})).await;
        assert_eq!((status, &told["error"]["leadId"]), (StatusCode::CONFLICT, &json!(1)), "{told}");
        for (path, body, status, field) in [
            ("key=email", json!({}), 422, "key"), ("", json!({}), 422, "key"), ("key=clientId", json!({"campaign": "Summer", "phone": BERLIN}), 422, "clientId"),
            ("key=phone", json!({"campaign": "Summer"}), 422, "phone"), ("key=phone", json!({"phone": BERLIN}), 422, "campaign"),
            ("key=phone", json!({"phone": null, "campaign": "Summer"}), 422, "phone"), ("key=clientId", json!({"clientId": "", "phone": BERLIN, "campaign": "Summer"}), 422, "clientId"),
            ("key=phone&dryRun=true", json!({}), 422, "dryRun"),
        ] {
            let (found, told) = answer(t.api(Method::PUT, &format!("{LEADS}?{path}")).json(&body)).await;
            assert_eq!((found.as_u16(), told["error"]["field"].as_str()), (status, Some(field)), "{path} {body}: {told}");
        }
        assert_eq!(count(&t).await, 1);
        let kinds: Vec<String> = entries(&t, "lead.*").await.iter().map(|e| e["type"].as_str().expect("a type").to_owned()).collect();
        assert_eq!(kinds, ["lead.created", "lead.updated", "lead.updated"]);
    }

    async fn a_patch_leaves_sets_and_clears(t: TestApp) {
        set_up(&t).await;
        lead(&t, json!({"campaign": "Summer", "subcampaign": "North", "phone": BERLIN, "rep": "agent1", "firstName": "A", "city": "B", "custom": {"Policy ID": "1"}})).await;
        for (body, changed) in [
            (json!({}), json!([])), (json!({"firstName": "A"}), json!([])), (json!({"firstName": "C"}), json!(["firstName"])),
            (json!({"firstName": null, "city": ""}), json!(["firstName", "city"])), (json!({"firstName": null}), json!([])),
            (json!({"custom": {"policy id": "2"}}), json!(["custom"])), (json!({"custom": {"Policy ID": null}}), json!(["custom"])),
            (json!({"subcampaign": "south"}), json!(["subcampaign"])), (json!({"rep": "agent2"}), json!(["rep"])),
            (json!({"expiresAt": "2026-12-01T00:00:00Z"}), json!(["expiresAt"])), (json!({"expiresAt": null}), json!(["expiresAt"])),
            (json!({"importOnly": true}), json!(["importOnly"])), (json!({"importOnly": null}), json!([])), (json!({"importOnly": false}), json!(["importOnly"])),
            (json!({"callback": {"agent": "agent3", "localTime": "11/23/2026 09:30:00", "notes": "ask"}}), json!(["callback"])),
            (json!({"campaign": "Winter"}), json!(["campaign", "subcampaign"])), (json!({"phone": "030 123 456", "campaign": "winter"}), json!(["phone"])),
        ] {
            if body["phone"].is_string() { continue } // a number without a country code belongs to the account's region
            let (status, told) = patch(&t, 1, body.clone()).await;
            assert_eq!((status, &told["changed"]), (StatusCode::OK, &changed), "{body}: {told}");
        }
        let (_, lead) = t.get(&format!("{LEADS}/1")).await;
        assert_eq!(lead["callback"], json!({"agent": "agent3", "at": "2026-11-23T08:30:00Z", "notes": "ask"}));
        assert_eq!((&lead["hot"], &lead["hotAt"], &lead["version"]), (&json!(false), &Value::Null, &json!(13)));
        assert_eq!(patch(&t, 1, json!({"callback": null})).await.1["lead"]["callback"], Value::Null);
        for (body, field) in [
            (json!({"phone": null}), "phone"), (json!({"campaign": ""}), "campaign"), (json!({"campaign": "Autumn"}), "campaign"), (json!({"subcampaign": "North"}), "subcampaign"),
            (json!({"custom": null}), "custom"), (json!({"id": 2}), "id"), (json!({"version": 3}), "version"), (json!({"hot": true}), "hot"),
            (json!({"dialNonCallables": true}), "dialNonCallables"), (json!({"duplicatesCheck": "all"}), "duplicatesCheck"), (json!([]), "body"),
            (json!({"callback": {}}), "callback"), (json!({"expiresAt": "soon"}), "expiresAt"), (json!({"importOnly": "yes"}), "importOnly"),
        ] {
            let (status, told) = patch(&t, 1, body.clone()).await;
            assert_eq!((status, told["error"]["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(field)), "{body}: {told}");
        }
        assert_eq!(patch(&t, 2, json!({})).await.0, StatusCode::NOT_FOUND);
        // whose it is and whose it was are told
        let updates = entries(&t, "lead.updated").await;
        let owner = updates.iter().find(|entry| entry["data"]["changed"] == json!(["rep"])).expect("the entry");
        assert_eq!((&owner["audience"], &owner["agent"]), (&json!(["agent1", "agent2"]), &json!("agent2")));
    }

    async fn an_outcome_is_one_that_is_known(t: TestApp) {
        set_up(&t).await;
        put(&t, "dispositions/CALL AGAIN", json!({"connects": true, "callable": true})).await;
        put(&t, "campaigns/Winter", json!({"dispositions": [{"name": "FROZEN", "text": "Frozen", "connects": false, "isConnectXorAbort": true, "callable": false}]})).await;
        lead(&t, json!({"campaign": "Summer", "phone": BERLIN})).await;
        lead(&t, json!({"campaign": "Winter", "phone": BERLIN})).await;
        let dispose = |id: i64, word: &str| send_owned(&t, format!("{LEADS}/{id}/disposition"), json!({"disposition": word}));
        for (id, word, status, stored) in [
            (1, "sale", 200, Some("SALE")), (1, " call again ", 200, Some("CALL AGAIN")), (1, "FROZEN", 422, None), (2, "frozen", 200, Some("FROZEN")),
            (1, "", 422, None), (1, "HAPPY", 422, None), (3, "SALE", 404, None),
        ] {
            let (found, told) = dispose(id, word).await;
            assert_eq!((found.as_u16(), told["lead"]["callStatus"].as_str()), (status, stored), "{word}: {told}");
            assert!(status != 422 || told["error"]["field"] == "disposition", "{told}");
        }
        let (_, told) = dispose(1, "SALE").await;
        assert_eq!(told["changed"], json!(["callStatus"]));
        assert_eq!(t.get(&format!("{LEADS}/1/explain")).await.1["reasons"][0]["rule"], "call_status");
        let (status, told) = send(&t, Method::POST, &format!("{LEADS}/1/disposition"), &json!({})).await;
        assert_eq!((status, &told["error"]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("disposition")), "{told}");
    }

    async fn lists_are_filtered_and_come_in_pages(t: TestApp) {
        set_up(&t).await;
        for index in 0..7 {
            let campaign = if index % 2 == 0 { "Summer" } else { "Winter" };
            let only = json!(index == 6);
            lead(&t, json!({"campaign": campaign, "phone": format!("+4930123{index:03}"), "clientId": format!("c-{}", index / 2), "rep": if index < 3 { "agent1" } else { "agent2" }, "importOnly": only, "callStatus": if index == 5 { json!("CR_BUSY") } else { Value::Null }})).await;
        }
        lead(&t, json!({"campaign": "Summer", "subcampaign": "North", "phone": "+4930123000", "duplicatesCheck": "allow"})).await;
        for (query, ids) in [
            ("", vec![8, 7, 6, 5, 4, 3, 2, 1]), ("campaign=summer", vec![8, 7, 5, 3, 1]), ("campaign=Autumn", vec![]), ("subcampaign=North", vec![8]),
            ("phone=%2B4930123000", vec![8, 1]), ("phone=%2B49+30+123+001", vec![2]), ("clientId=c-1", vec![4, 3]), ("rep=agent1&campaign=Winter", vec![2]), ("hot=false", vec![7]),
            ("hot=true&rep=agent2", vec![6, 5, 4]), ("callStatus=CR_BUSY", vec![6]), ("phone=%2B4930123000&campaign=Summer&subcampaign=North", vec![8]), ("clientId=c-1&rep=agent1", vec![3]),
        ] {
            let (status, page) = t.get(&format!("{LEADS}?{query}")).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            let found: Vec<i64> = page["items"].as_array().expect("items").iter().map(|lead| lead["id"].as_i64().expect("an id")).collect();
            assert_eq!(found, ids, "{query}");
            // the same by pages of two
            let (mut paged, mut cursor) = (vec![], String::new());
            loop {
                let (_, page) = t.get(&format!("{LEADS}?{query}&limit=2{cursor}")).await;
                paged.extend(page["items"].as_array().expect("items").iter().map(|lead| lead["id"].as_i64().expect("an id")));
                let Some(next) = page["next"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            assert_eq!(paged, ids, "{query} in pages");
        }
        for (query, field) in [("limit=0", "limit"), ("limit=501", "limit"), ("cursor=x", "cursor"), ("phone=nobody", "phone"), ("hot=maybe", "hot"), ("colour=red", "colour"), ("campaign=%00", "campaign")] {
            let (status, told) = t.get(&format!("{LEADS}?{query}")).await;
            assert_eq!((status, told["error"]["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(field)), "{query}: {told}");
        }
        let response = t.api(Method::GET, &format!("{LEADS}?limit=1")).header(header::ACCEPT, "text/csv").send().await.expect("an answer");
        assert!(response.headers().contains_key("x-next-cursor"));
        let text = response.text().await.expect("text");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() == 2 && lines[0].starts_with("id,campaign,subcampaign,clientId,") && lines[1].starts_with("8,Summer,North,,"), "{text}");
    }

    async fn each_scope_opens_what_it_says(t: TestApp) {
        set_up(&t).await;
        lead(&t, json!({"campaign": "Summer", "phone": BERLIN})).await;
        add_token(&t, "cti_read", "leads:read").await;
        add_token(&t, "cti_write", "leads:write").await;
        let new = json!({"campaign": "Summer", "phone": BOSTON});
        for (method, path, body, scope) in [
            (Method::GET, LEADS.to_owned(), json!({}), "leads:read"), (Method::GET, format!("{LEADS}/1"), json!({}), "leads:read"),
            (Method::GET, format!("{LEADS}/1/explain"), json!({}), "leads:read"), (Method::POST, LEADS.to_owned(), new.clone(), "leads:write"),
            (Method::POST, format!("{LEADS}?dryRun=true"), new.clone(), "leads:write"), (Method::PUT, format!("{LEADS}?key=phone"), new.clone(), "leads:write"),
            (Method::PATCH, format!("{LEADS}/1"), json!({}), "leads:write"), (Method::POST, format!("{LEADS}/1/disposition"), json!({"disposition": "SALE"}), "leads:write"),
            (Method::POST, format!("{LEADS}/batch"), json!({"items": [{"op": "update", "key": {"id": 1}, "lead": {}}]}), "leads:write"),
        ] {
            let (right, wrong) = if scope == "leads:read" { ("cti_read", "cti_write") } else { ("cti_write", "cti_read") };
            let (status, told) = send_as(&t, wrong, method.clone(), &path, &body).await;
            assert_eq!((status, &told["error"]["code"]), (StatusCode::FORBIDDEN, &json!("forbidden")), "{method} {path}");
            assert!(told["error"]["message"].as_str().is_some_and(|text| text.contains(scope)), "{told}");
            let (status, told) = send_as(&t, right, method.clone(), &path, &body).await;
            assert!(status.is_success() || told["error"]["code"] == "duplicate", "{method} {path}: {told}");
            assert_eq!(send_as(&t, "cti_unknown", method, &path, &body).await.0, StatusCode::UNAUTHORIZED);
        }
        // an override is always explicit, also for an administrator
        for (flag, scope) in [("allowDuplicates", "dups:override"), ("dialNonCallables", "dnc:override"), ("skipWindow", "window:override")] {
            let before = count(&t).await;
            let mut body = json!({"campaign": "Winter", "phone": BOSTON});
            body[flag] = json!(true);
            let (status, told) = post(&t, body.clone()).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{told}");
            assert!(told["error"]["message"].as_str().is_some_and(|text| text.contains(flag) && text.contains(scope)), "{told}");
            assert_eq!(send(&t, Method::PUT, &format!("{LEADS}?key=phone"), &body).await.0, StatusCode::FORBIDDEN);
            assert_eq!(count(&t).await, before);
            body[flag] = json!(false);
            assert_eq!(send(&t, Method::POST, &format!("{LEADS}?dryRun=true"), &body).await.0, StatusCode::OK, "not asked for");
        }
        // entries about leads need the scope of leads
        add_token(&t, "cti_events", "events:read").await;
        let (status, told) = send_as(&t, "cti_events", Method::GET, "/api/v1/events?types=lead.*", &json!({})).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{told}");
        add_token(&t, "cti_both", "events:read,leads:read").await;
        assert_eq!(send_as(&t, "cti_both", Method::GET, "/api/v1/events?types=lead.*", &json!({})).await.0, StatusCode::OK);
    }
}

async fn send_owned(t: &TestApp, path: String, body: Value) -> (StatusCode, Value) {
    send(t, Method::POST, &path, &body).await
}
