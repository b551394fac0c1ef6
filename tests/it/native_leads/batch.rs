//! Many leads in one request, each for itself.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{BERLIN, BOSTON, LEADS, add_token, count, entries, lead, post, put, send, send_as, set_up};
use crate::support::app::{TestApp, both};

async fn batch(t: &TestApp, items: Value) -> Vec<Value> {
    let (status, told) = send(t, Method::POST, &format!("{LEADS}/batch"), &json!({ "items": items })).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    told["items"].as_array().cloned().expect("items")
}

both! {
    async fn each_item_has_its_own_answer(t: TestApp) {
        set_up(&t).await;
        lead(&t, json!({"campaign": "Summer", "subcampaign": "North", "phone": BERLIN, "clientId": "c-1"})).await;
        let told = batch(&t, json!([
            {"op": "create", "lead": {"campaign": "Summer", "phone": BOSTON}},
            {"op": "create", "lead": {"campaign": "Summer", "phone": BOSTON}},
            {"op": "create", "lead": {"campaign": "Summer", "phone": "nobody", "email": 7}},
            {"op": "create", "lead": {"campaign": "Summer", "phone": "+4930123400", "dialNonCallables": true}},
            {"op": "upsert", "key": "phone", "lead": {"campaign": "Summer", "phone": BOSTON, "firstName": "B"}},
            {"op": "upsert", "key": "clientId", "lead": {"campaign": "Winter", "phone": "+4930123401", "clientId": "c-2"}},
            {"op": "update", "key": {"clientId": "c-1"}, "lead": {"subcampaign": "South", "callback": {"localTime": "11/21/2026 10:00:00"}}},
            {"op": "update", "key": {"phone": "+49 30 123456"}, "lead": {"firstName": "A"}},
            {"op": "update", "key": {"id": 99}, "lead": {"firstName": "A"}},
            {"op": "update", "key": {"id": 1}, "lead": {"subcampaign": "East"}},
            {"op": "update", "key": {"email": "x"}, "lead": {}},
            {"op": "update", "key": {"phone": "x"}, "lead": {}},
            {"op": "delete", "lead": {}},
            {"op": "create", "lead": {"campaign": "Summer", "phone": BERLIN}, "colour": "red"},
            {"op": "create"},
            7,
            {"op": "create", "lead": []},
        ])).await;
        let brief: Vec<String> = told.iter().map(|item| {
            let error = &item["error"];
            let detail = error["field"].as_str().map(str::to_owned).or(error["leadId"].as_i64().map(|id| id.to_string())).unwrap_or_default();
            format!("{} {} {detail}", item["status"], item["id"].as_i64().map_or(error["code"].as_str().unwrap_or("-").to_owned(), |id| id.to_string()))
        }).collect();
        assert_eq!(brief, [
            "201 2 ", "409 duplicate 2", "422 invalid email", "403 forbidden ", "200 2 ", "201 3 ", "200 1 ", "200 1 ", "404 not_found ", "422 invalid subcampaign",
            "422 invalid item", "422 invalid key.phone", "422 invalid op", "422 invalid item", "422 invalid lead", "422 invalid item", "422 invalid body",
        ], "{told:#?}");
        assert_eq!(told[2]["error"]["details"].as_array().map(Vec::len), Some(2));
        assert_eq!((&told[0]["dial"], &told[4]["changed"]), (&json!("when_window_opens"), &json!(["firstName"])));
        let (_, first) = t.get(&format!("{LEADS}/1")).await;
        assert_eq!((&first["subcampaign"], &first["firstName"], &first["callback"]["at"]), (&json!("South"), &json!("A"), &json!("2026-11-21T09:00:00Z")));
        assert_eq!(count(&t).await, 3);
    }

    async fn a_thousand_at_once(t: TestApp) {
        set_up(&t).await;
        let item = |index: usize| json!({"op": "create", "lead": {"campaign": "Summer", "phone": format!("+4930{:06}", 100_000 + index % 990), "clientId": format!("c-{index}")}});
        let told = batch(&t, (0..1000).map(item).collect()).await;
        assert_eq!(told.len(), 1000);
        for (index, item) in told.iter().enumerate() {
            match index < 990 {
                true => assert_eq!((&item["status"], &item["id"]), (&json!(201), &json!(index + 1)), "{index}"),
                false => assert_eq!((&item["status"], &item["error"]["leadId"]), (&json!(409), &json!(index - 989)), "{index}"),
            }
        }
        let update = |index: usize| json!({"op": "update", "key": {"clientId": format!("c-{index}")}, "lead": {"city": "Berlin"}});
        let told = batch(&t, (0..1000).map(update).collect()).await;
        assert_eq!(told.iter().filter(|item| item["status"] == 200).count(), 990);
        assert_eq!(told.iter().filter(|item| item["status"] == 404).count(), 10);
        assert_eq!(t.get(&format!("{LEADS}/990")).await.1["city"], "Berlin");
        for items in [json!([]), json!((0..1001).map(item).collect::<Vec<_>>())] {
            let (status, told) = send(&t, Method::POST, &format!("{LEADS}/batch"), &json!({ "items": items })).await;
            assert_eq!((status, &told["error"]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("items")), "{told}");
        }
    }

    async fn what_is_no_batch_is_refused_whole(t: TestApp) {
        set_up(&t).await;
        let good = json!({"op": "create", "lead": {"campaign": "Summer", "phone": BERLIN}});
        for (path, body, field) in [
            ("", json!({}), "items"), ("", json!({"items": {}}), "items"), ("", json!("good"), "body"), ("", json!({"items": [good], "atomic": true}), "atomic"),
            ("?dryRun=true", json!({"items": [good]}), "dryRun"),
        ] {
            let (status, told) = send(&t, Method::POST, &format!("{LEADS}/batch{path}"), &body).await;
            assert_eq!((status, told["error"]["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(field)), "{body}: {told}");
        }
        assert_eq!(count(&t).await, 0);
        add_token(&t, "cti_write", "leads:write,dups:override").await;
        let twice = json!({"op": "create", "lead": {"campaign": "Summer", "phone": BERLIN, "allowDuplicates": true}});
        let (_, told) = send_as(&t, "cti_write", Method::POST, &format!("{LEADS}/batch"), &json!({"items": [twice, twice]})).await;
        assert_eq!((&told["items"][0]["overrides"], &told["items"][1]["overrides"]), (&json!([]), &json!(["dups"])), "{told}");
        assert_eq!(entries(&t, "lead.*").await.len(), 2);
    }

    // work is applied while the batches before it are committed: it must see their leads, and those that they looked up
    async fn duplicates_are_found_under_load(t: TestApp) {
        set_up(&t).await;
        for index in 0..4 {
            lead(&t, json!({"campaign": "Summer", "phone": format!("+4930{}", 100_000 + index)})).await;
        }
        let clients = (0..64).map(|client| {
            let t = &t;
            async move {
                for turn in 0..40 {
                    // every other one is new, so that every batch has something to commit
                    let (number, status) = match turn % 2 {
                        0 => (200_000 + client * 40 + turn, StatusCode::CREATED),
                        _ => (100_000 + (client + turn) % 4, StatusCode::CONFLICT),
                    };
                    let told = post(t, json!({"campaign": "Summer", "phone": format!("+4930{number}")})).await;
                    assert_eq!(told.0, status, "{}", told.1);
                }
            }
        });
        futures_util::future::join_all(clients).await;
    }

    async fn a_full_lead_takes_no_more_custom_values_and_says_so(t: TestApp) {
        set_up(&t).await;
        put(&t, "options/account", json!({"undeclaredFields": true})).await;
        let full: serde_json::Map<String, Value> = (0..100).map(|index| (format!("n{index}"), json!("x"))).collect();
        lead(&t, json!({"campaign": "Summer", "phone": BERLIN, "custom": full})).await;
        let (_, before) = t.get(&format!("{LEADS}/1")).await;
        let more = json!({"city": "Berlin", "custom": {"n1": "y", "shoe": "9", "hat": "7"}});
        let upsert = json!({"campaign": "Summer", "phone": BERLIN, "custom": {"shoe": "9"}});
        let message = "the lead has no room for it: expected at most 100 custom fields";
        for (method, path, body, fields) in [
            (Method::PATCH, format!("{LEADS}/1"), &more, vec!["custom.hat", "custom.shoe"]), (Method::PUT, format!("{LEADS}?key=phone"), &upsert, vec!["custom.shoe"]),
        ] {
            let (status, told) = send(&t, method.clone(), &path, body).await;
            let details: Vec<Value> = fields.iter().map(|field| json!({"field": field, "message": message})).collect();
            assert_eq!((status, told), (StatusCode::UNPROCESSABLE_ENTITY, json!({"error": {"code": "invalid", "field": fields[0], "message": message, "details": details}})), "{method}");
        }
        let told = batch(&t, json!([{"op": "update", "key": {"id": 1}, "lead": more}, {"op": "upsert", "key": "phone", "lead": upsert}])).await;
        assert_eq!(told.iter().map(|item| (&item["status"], &item["error"]["field"])).collect::<Vec<_>>(), [(&json!(422), &json!("custom.hat")), (&json!(422), &json!("custom.shoe"))]);
        assert_eq!(t.get(&format!("{LEADS}/1")).await.1, before, "nothing of it was stored");
        assert_eq!(entries(&t, "lead.updated").await.len(), 0);
        // what is cleared makes room
        let (status, told) = send(&t, Method::PATCH, &format!("{LEADS}/1"), &json!({"custom": {"shoe": "9", "n1": ""}})).await;
        assert_eq!((status, &told["lead"]["custom"]["shoe"], &told["lead"]["custom"]["n1"]), (StatusCode::OK, &json!("9"), &json!(null)));
    }
}
