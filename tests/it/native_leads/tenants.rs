//! Two accounts with the same names, numbers and keys never see each other's leads, list or setup.

use cti_gateway::store::accounts::NewAccount;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{BERLIN, LEADS, send_as, set_up};
use crate::support::app::{SCOPES, TOKEN, TestApp, answer, both, token};

const OTHER: &str = "cti_token_of_globex";

async fn globex(t: &TestApp) {
    let new = NewAccount { name: "globex".into(), region: "DE".into(), search_url: None, create_url: None };
    let account = t.admin().add_account(&new).await.expect("the store").expect("a new account");
    assert!(t.admin().add_token("globex", &token(account, OTHER, SCOPES)).await.expect("the store"));
}

async fn get(t: &TestApp, secret: &str, path: &str) -> (StatusCode, Value) {
    answer(t.request(Method::GET, path).bearer_auth(secret)).await
}

both! {
    async fn leads_stay_in_their_account(t: TestApp) {
        globex(&t).await;
        set_up(&t).await;
        let body = json!({"campaign": "Summer", "phone": BERLIN, "clientId": "c-1", "firstName": "Acme's"});
        let (status, _) = send_as(&t, TOKEN, Method::POST, LEADS, &body).await;
        assert_eq!(status, StatusCode::CREATED);
        let (status, told) = send_as(&t, OTHER, Method::POST, LEADS, &body).await;
        assert_eq!((status, &told["error"]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("campaign")), "the campaign is the other's");
        for (method, path, body) in [
            (Method::GET, format!("{LEADS}/1"), json!({})), (Method::PATCH, format!("{LEADS}/1"), json!({"firstName": "stolen"})),
            (Method::GET, format!("{LEADS}/1/explain"), json!({})), (Method::POST, format!("{LEADS}/1/disposition"), json!({"disposition": "SALE"})),
            (Method::GET, "/api/v1/campaigns/Summer".to_owned(), json!({})), (Method::DELETE, "/api/v1/campaigns/Summer".to_owned(), json!({})),
            (Method::GET, "/api/v1/fields/Policy%20ID".to_owned(), json!({})),
        ] {
            assert_eq!(send_as(&t, OTHER, method.clone(), &path, &body).await.0, StatusCode::NOT_FOUND, "{method} {path}");
        }
        for path in [LEADS.to_owned(), format!("{LEADS}?clientId=c-1"), "/api/v1/campaigns".to_owned(), "/api/v1/fields".to_owned()] {
            assert_eq!(get(&t, OTHER, &path).await.1["items"], json!([]), "{path}");
        }
        // the same names, number, client's id and key are another account's own
        assert_eq!(send_as(&t, OTHER, Method::PUT, "/api/v1/campaigns/Summer", &json!({})).await.0, StatusCode::CREATED);
        for (secret, name) in [(TOKEN, "again"), (OTHER, "Globex's")] {
            let mut body = body.clone();
            (body["firstName"], body["duplicatesCheck"]) = (json!(name), json!(if secret == TOKEN { "allow" } else { "all" }));
            let (status, told) = answer(t.request(Method::POST, LEADS).bearer_auth(secret).header("Idempotency-Key", "k").json(&body)).await;
            assert_eq!((status, &told["lead"]["firstName"]), (StatusCode::CREATED, &json!(name)), "{told}");
        }
        let (_, told) = get(&t, OTHER, LEADS).await;
        assert_eq!((told["items"].as_array().map(Vec::len), &told["items"][0]["id"]), (Some(1), &json!(1)), "ids count within the account");
        let batch = json!({"items": [{"op": "update", "key": {"clientId": "c-1"}, "lead": {"city": "Bonn"}}, {"op": "update", "key": {"id": 2}, "lead": {"city": "Bonn"}}]});
        let (_, told) = send_as(&t, OTHER, Method::POST, &format!("{LEADS}/batch"), &batch).await;
        assert_eq!((&told["items"][0]["id"], &told["items"][1]["status"]), (&json!(1), &json!(404)));
        assert_eq!(get(&t, TOKEN, &format!("{LEADS}/1")).await.1["city"], Value::Null);
        // a cursor is a place, not a permission
        let cursor = get(&t, TOKEN, &format!("{LEADS}?limit=1")).await.1["next"].as_str().expect("a cursor").to_owned();
        let (_, told) = get(&t, OTHER, &format!("{LEADS}?cursor={cursor}")).await;
        assert!(told["items"].as_array().expect("items").iter().all(|lead| lead["firstName"] == "Globex's"), "{told}");
    }

    async fn the_list_stays_in_its_account(t: TestApp) {
        globex(&t).await;
        let path = format!("/api/v1/dnc/{BERLIN}");
        assert_eq!(send_as(&t, TOKEN, Method::PUT, &path, &json!({})).await.0, StatusCode::CREATED);
        assert_eq!(get(&t, OTHER, &path).await.0, StatusCode::NOT_FOUND);
        assert_eq!(get(&t, OTHER, "/api/v1/dnc").await.1["items"], json!([]));
        assert_eq!(send_as(&t, OTHER, Method::DELETE, &path, &json!({})).await.0, StatusCode::NOT_FOUND);
        send_as(&t, OTHER, Method::PUT, "/api/v1/campaigns/Summer", &json!({})).await;
        let (_, told) = send_as(&t, OTHER, Method::POST, LEADS, &json!({"campaign": "Summer", "phone": "030 123456"})).await;
        assert_eq!((&told["dial"], &told["lead"]["phone"]), (&json!("now"), &json!(BERLIN)), "not on this account's list; read in its region");
        assert_eq!(send_as(&t, OTHER, Method::PUT, &path, &json!({})).await.0, StatusCode::CREATED);
        assert_eq!(send_as(&t, OTHER, Method::DELETE, &path, &json!({})).await.0, StatusCode::NO_CONTENT);
        assert_eq!(get(&t, TOKEN, &path).await.0, StatusCode::OK);
    }
}
