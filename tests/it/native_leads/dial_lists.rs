//! Agents' dial lists through the native API: what is stored, what a page and a batch say, and what an agent may do himself.

use std::fmt::Write;

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::{BERLIN, BOSTON, add_token, entries, send, send_as};
use crate::{
    support::app::{TestApp, answer, both},
    wishes::sign_in,
};

const LISTS: &str = "/api/v1/dial-lists";
const HOT: &str = "/api/v1/dial-lists/agent1/hot";

async fn ask(t: &TestApp, method: Method, path: &str, body: Value) -> (u16, Value) {
    let (status, body) = send(t, method, path, &body).await;
    (status.as_u16(), body)
}

/// A list of agent1 with these numbers.
async fn hot(t: &TestApp, numbers: &[&str]) {
    assert_eq!(ask(t, Method::PUT, HOT, json!({})).await.0, 201);
    let (status, told) = ask(t, Method::POST, &format!("{HOT}/numbers"), json!({ "numbers": numbers })).await;
    assert!(status == 200 && told["items"].as_array().is_some_and(|items| items.iter().all(|item| item["status"] == 201)), "{told}");
}

/// The numbers that a path lists, page by page.
async fn walk(t: &TestApp, path: &str, limit: usize) -> Vec<Value> {
    let (mut found, mut cursor) = (vec![], String::new());
    let separator = if path.contains('?') { '&' } else { '?' };
    loop {
        let (status, page) = t.get(&format!("{path}{separator}limit={limit}{cursor}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let items = page["items"].as_array().expect("items");
        assert!(items.len() <= limit);
        found.extend(items.iter().cloned());
        let Some(next) = page["next"].as_str() else { return found };
        cursor = format!("&cursor={next}");
    }
}

both! {
    async fn the_life_of_a_list_as_it_is_told(t: TestApp) {
        let mut story = String::new();
        for (method, path, body) in [
            (Method::GET, LISTS.to_owned(), json!({})),
            (Method::GET, HOT.to_owned(), json!({})),
            (Method::PUT, HOT.to_owned(), json!({})),
            (Method::PUT, HOT.to_owned(), json!({})),
            (Method::GET, format!("{HOT}/numbers"), json!({})),
            (Method::GET, format!("{HOT}/next"), json!({})),
            (Method::POST, format!("{HOT}/numbers"), json!({"numbers": ["(781) 270-6510", BERLIN, "nobody", BOSTON, "1001"]})),
            (Method::POST, format!("{HOT}/numbers"), json!({"numbers": [BERLIN]})),
            (Method::GET, format!("{HOT}/next"), json!({})),
            (Method::PATCH, format!("{HOT}/numbers/(781)%20270-6510"), json!({"dialed": true})),
            (Method::PATCH, format!("{HOT}/numbers/{BOSTON}"), json!({"dialed": true})),
            (Method::PUT, format!("/api/v1/dnc/{BERLIN}"), json!({})),
            (Method::GET, format!("{HOT}/next"), json!({})),
            (Method::GET, format!("{HOT}/numbers?limit=2"), json!({})),
            (Method::GET, format!("{HOT}/numbers?dialed=false"), json!({})),
            (Method::PATCH, format!("{HOT}/numbers/{BOSTON}"), json!({"dialed": false})),
            (Method::DELETE, format!("{HOT}/numbers/{BERLIN}"), json!({})),
            (Method::GET, HOT.to_owned(), json!({})),
            (Method::GET, LISTS.to_owned(), json!({})),
            (Method::DELETE, format!("{HOT}/numbers"), json!({})),
            (Method::DELETE, format!("{HOT}/numbers"), json!({})),
            (Method::GET, HOT.to_owned(), json!({})),
            (Method::DELETE, HOT.to_owned(), json!({})),
            (Method::DELETE, HOT.to_owned(), json!({})),
        ] {
            let (status, told) = ask(&t, method.clone(), &path, body).await;
            writeln!(story, "{method} {path}\n   {status} {told}").expect("a line");
        }
        story.push('\n');
        for entry in entries(&t, "list.*").await {
            writeln!(story, "{} {} to {}", entry["type"].as_str().expect("a type"), entry["data"], entry["audience"]).expect("a line");
        }
        insta::assert_snapshot!("the_life_of_a_dial_list", story);
    }

    async fn what_is_wrong_is_named_and_changes_nothing(t: TestApp) {
        hot(&t, &[BERLIN]).await;
        let before = entries(&t, "list.*").await.len();
        let numbers = format!("{HOT}/numbers");
        for (method, path, body, status, field) in [
            (Method::PUT, format!("{LISTS}/nobody/hot"), json!({}), 422, Some("agent")),
            (Method::PUT, format!("{LISTS}/Agent1/hot"), json!({}), 422, Some("agent")),
            (Method::PUT, format!("{LISTS}/agent1/%20hot"), json!({}), 422, Some("list")),
            (Method::PUT, format!("{LISTS}/agent1/{}", "u".repeat(101)), json!({}), 422, Some("list")),
            (Method::PUT, format!("{LISTS}/agent1/a%00b"), json!({}), 422, Some("list")),
            (Method::GET, format!("{LISTS}?limit=0"), json!({}), 422, Some("limit")),
            (Method::GET, format!("{LISTS}?cursor=7"), json!({}), 422, Some("cursor")),
            (Method::GET, format!("{LISTS}?colour=red"), json!({}), 422, Some("colour")),
            (Method::GET, format!("{numbers}?limit=501"), json!({}), 422, Some("limit")),
            (Method::GET, format!("{numbers}?cursor=7"), json!({}), 422, Some("cursor")),
            (Method::GET, format!("{numbers}?dialed=maybe"), json!({}), 422, Some("dialed")),
            (Method::POST, numbers.clone(), json!({}), 422, Some("numbers")),
            (Method::POST, numbers.clone(), json!({"numbers": []}), 422, Some("numbers")),
            (Method::POST, numbers.clone(), json!({"numbers": vec![BOSTON; 1001]}), 422, Some("numbers")),
            (Method::POST, numbers.clone(), json!({"numbers": [BOSTON, 7]}), 422, Some("numbers[1]")),
            (Method::POST, numbers.clone(), json!({"numbers": [BOSTON], "op": "add"}), 422, Some("op")),
            (Method::POST, format!("{LISTS}/agent1/cold/numbers"), json!({"numbers": ["nobody"]}), 404, None),
            (Method::POST, format!("{LISTS}/agent2/hot/numbers"), json!({"numbers": [BOSTON]}), 404, None),
            (Method::PATCH, format!("{numbers}/{BERLIN}"), json!({}), 422, Some("dialed")),
            (Method::PATCH, format!("{numbers}/{BERLIN}"), json!({"dialed": 1}), 422, Some("dialed")),
            (Method::PATCH, format!("{numbers}/nobody"), json!({"dialed": true}), 422, Some("number")),
            (Method::PATCH, format!("{numbers}/{BOSTON}"), json!({"dialed": true}), 404, None),
            (Method::DELETE, format!("{numbers}/nobody"), json!({}), 422, Some("number")),
            (Method::DELETE, format!("{numbers}/{BOSTON}"), json!({}), 404, None),
            (Method::DELETE, format!("{LISTS}/agent1/Hot/numbers"), json!({}), 404, None),
            (Method::DELETE, format!("{LISTS}/agent2/hot"), json!({}), 404, None),
            (Method::GET, format!("{LISTS}/agent2/hot/next"), json!({}), 404, None),
            (Method::GET, format!("{LISTS}/agent2/hot/numbers"), json!({}), 404, None),
        ] {
            let (told, error) = ask(&t, method.clone(), &path, body.clone()).await;
            assert_eq!((told, error["error"]["field"].as_str()), (status, field), "{method} {path} {body}: {error}");
        }
        assert_eq!(walk(&t, &numbers, 10).await, [json!({"number": BERLIN, "dialed": false, "onDnc": false})]);
        assert_eq!(t.get(LISTS).await.1["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(entries(&t, "list.*").await.len(), before);
    }

    async fn many_numbers_come_in_order_and_a_full_list_takes_no_more(t: TestApp) {
        hot(&t, &[BOSTON]).await;
        let all: Vec<String> = (0..10_000).map(|index| format!("+4930{:06}", 100_000 + index)).collect();
        for part in all.chunks(1_000) {
            let (status, told) = ask(&t, Method::POST, &format!("{HOT}/numbers"), json!({ "numbers": part })).await;
            let full: Vec<&str> = part.iter().zip(told["items"].as_array().expect("items")).filter(|(_, item)| item["status"] != 201).map(|(number, _)| number.as_str()).collect();
            let last = all.last().map(String::as_str);
            assert_eq!((status, full), (200, last.filter(|last| part.iter().any(|number| number == last)).into_iter().collect()), "one is there already");
        }
        let (_, told) = ask(&t, Method::POST, &format!("{HOT}/numbers"), json!({"numbers": [all[9_999], all[0], BOSTON]})).await;
        let brief: Vec<(i64, Option<&str>)> = told["items"].as_array().expect("items").iter().map(|item| (item["status"].as_i64().expect("a status"), item["error"]["code"].as_str())).collect();
        assert_eq!(brief, [(409, Some("conflict")), (200, None), (200, None)], "what is there needs no room");
        let numbers: Vec<String> = walk(&t, &format!("{HOT}/numbers"), 500).await.iter().map(|item| item["number"].as_str().expect("a number").to_owned()).collect();
        assert!(numbers.len() == 10_000 && numbers[0] == BOSTON && numbers[1..] == all[..9_999], "in the order in which they came");
        let told = entries(&t, "list.phones_added").await;
        assert_eq!((told.len(), told[1]["data"]["phones"].as_array().map(Vec::len)), (11, Some(1_000)), "one entry for each batch");
    }

    async fn lists_come_by_agent_and_name_in_pages(t: TestApp) {
        let names = [("agent1", "a"), ("agent1", "b c"), ("agent2", "a"), ("agent2", "x/y"), ("agent3", "a")];
        for (agent, name) in names.iter().rev() {
            let path = format!("{LISTS}/{agent}/{}", name.replace('/', "%2F").replace(' ', "%20"));
            assert_eq!(ask(&t, Method::PUT, &path, json!({})).await.0, 201, "another agent's of the same name is another list");
            assert_eq!(ask(&t, Method::POST, &format!("{path}/numbers"), json!({"numbers": [BERLIN]})).await.0, 200, "{path}");
        }
        let found = |items: Vec<Value>| items.iter().map(|item| (item["agent"].as_str().expect("a login").to_owned(), item["name"].as_str().expect("a name").to_owned())).collect::<Vec<_>>();
        let all: Vec<(String, String)> = names.iter().map(|(agent, name)| ((*agent).to_owned(), (*name).to_owned())).collect();
        for limit in [1, 2, 500] {
            assert_eq!(found(walk(&t, LISTS, limit).await), all);
        }
        assert_eq!(found(walk(&t, &format!("{LISTS}?agent=agent2"), 1).await), all[2..4]);
        assert_eq!(walk(&t, &format!("{LISTS}?agent=nobody"), 1).await, Vec::<Value>::new());
        let csv = t.api(Method::GET, &format!("{LISTS}?agent=agent2")).header(header::ACCEPT, "text/csv").send().await.expect("an answer");
        assert_eq!(csv.text().await.expect("text"), "agent,name,numbers,dialed,createdAt\nagent2,a,1,0,2026-11-20T12:00:00Z\nagent2,x/y,1,0,2026-11-20T12:00:00Z\n");
        let csv = t.api(Method::GET, &format!("{LISTS}/agent1/a/numbers")).header(header::ACCEPT, "text/csv").send().await.expect("an answer");
        assert_eq!(csv.text().await.expect("text"), format!("number,dialed,onDnc\n{BERLIN},false,false\n"), "a number is no formula");
        assert_eq!(ask(&t, Method::DELETE, &format!("{LISTS}/agent2/a"), json!({})).await.0, 204);
        assert_eq!(t.get(&format!("{LISTS}/agent1/a")).await.1["numbers"], 1, "the other's stays");
    }

    async fn an_agent_reads_and_marks_his_own_lists(t: TestApp) {
        let ben = sign_in(&t, "ben", "1010").await;
        let own = format!("{LISTS}/ben/mine");
        hot(&t, &[BOSTON]).await;
        assert_eq!(ask(&t, Method::PUT, &own, json!({})).await.0, 201);
        assert_eq!(ask(&t, Method::POST, &format!("{own}/numbers"), json!({"numbers": [BERLIN]})).await.0, 200);
        let ask = async |method: Method, path: String, body: Value| send_as(&t, &ben, method, &path, &body).await;
        let (status, told) = ask(Method::GET, LISTS.to_owned(), json!({})).await;
        assert_eq!((status, &told["items"][0]["name"], told["items"].as_array().map(Vec::len)), (StatusCode::OK, &json!("mine"), Some(1)), "his own");
        assert_eq!(ask(Method::GET, format!("{LISTS}?agent=ben"), json!({})).await.0, StatusCode::OK);
        for path in [String::new(), "/numbers".to_owned(), "/next".to_owned()] {
            assert_eq!(ask(Method::GET, format!("{own}{path}"), json!({})).await.0, StatusCode::OK, "{path}");
            let (status, told) = ask(Method::GET, format!("{HOT}{path}"), json!({})).await;
            assert!(status == StatusCode::FORBIDDEN && told["error"]["message"].as_str().is_some_and(|text| text.contains("leads:read")), "{path}: {told}");
        }
        assert_eq!(ask(Method::GET, format!("{LISTS}?agent=agent1"), json!({})).await.0, StatusCode::FORBIDDEN);
        let marked = json!({"number": BERLIN, "dialed": true, "changed": true});
        assert_eq!(ask(Method::PATCH, format!("{own}/numbers/{BERLIN}"), json!({"dialed": true})).await, (StatusCode::OK, marked));
        for (method, path, body) in [
            (Method::PATCH, format!("{HOT}/numbers/{BOSTON}"), json!({"dialed": true})), (Method::PUT, format!("{LISTS}/ben/more"), json!({})),
            (Method::POST, format!("{own}/numbers"), json!({"numbers": [BOSTON]})), (Method::DELETE, format!("{own}/numbers"), json!({})),
            (Method::DELETE, format!("{own}/numbers/{BERLIN}"), json!({})), (Method::DELETE, own.clone(), json!({})),
        ] {
            let (status, told) = ask(method.clone(), path.clone(), body).await;
            assert!(status == StatusCode::FORBIDDEN && told["error"]["message"].as_str().is_some_and(|text| text.contains("lists:write")), "{method} {path}: {told}");
        }
        assert_eq!(walk(&t, &format!("{own}/numbers"), 10).await, [json!({"number": BERLIN, "dialed": true, "onDnc": false})]);
        assert_eq!(walk(&t, &format!("{HOT}/numbers"), 10).await, [json!({"number": BOSTON, "dialed": false, "onDnc": false})]);
    }

    async fn the_drop_in_and_the_api_change_the_same_lists(t: TestApp) {
        hot(&t, &[BOSTON]).await;
        assert!(t.admin().add_token("acme", &cti_gateway::store::credentials::NewCredential { allow_query: true, ..crate::support::app::token(t.account, "cti_query", "lists:write") }).await.expect("the store"));
        let path = "/HttpImport/AgentDialListOperations.php?token=cti_query&accid=acme&Agent=agent1&List=hot&Phone=7812706510&Action=PhoneDialed";
        let (_, told) = answer(t.request(Method::GET, path)).await;
        assert_eq!(told, json!({"success": true, "changed": true}));
        assert_eq!(t.get(&format!("{HOT}/next")).await.1, json!({"item": null}));
        // by the name alone DialedIn's clients cannot tell it from another agent's; here the agent is in the address
        assert_eq!(ask(&t, Method::PUT, &format!("{LISTS}/agent2/hot"), json!({})).await.0, 201);
        assert_eq!(answer(t.request(Method::GET, path)).await.1["error"]["code"], "refused");
        assert_eq!(ask(&t, Method::PATCH, &format!("{HOT}/numbers/{BOSTON}"), json!({"dialed": false})).await.1["changed"], true);
    }

    async fn another_accounts_list_is_none(t: TestApp) {
        hot(&t, &[BOSTON]).await;
        add_token(&t, "cti_read", "leads:read").await;
        assert_eq!(send_as(&t, "cti_read", Method::GET, HOT, &json!({})).await.0, StatusCode::OK);
        let new = cti_gateway::store::accounts::NewAccount { name: "globex".into(), region: "US".into(), search_url: None, create_url: None };
        let other = t.admin().add_account(&new).await.expect("the store").expect("a new account");
        t.admin().add_agent((other, "globex"), &crate::support::app::agent("agent1", "1001")).await.expect("the store");
        assert!(t.admin().add_token("globex", &crate::support::app::token(other, "cti_globex", "admin")).await.expect("the store"));
        for (method, path) in [(Method::GET, HOT.to_owned()), (Method::DELETE, HOT.to_owned()), (Method::GET, format!("{HOT}/numbers")), (Method::DELETE, format!("{HOT}/numbers"))] {
            assert_eq!(send_as(&t, "cti_globex", method.clone(), &path, &json!({})).await.0, StatusCode::NOT_FOUND, "{method} {path}");
        }
        assert_eq!(send_as(&t, "cti_globex", Method::GET, LISTS, &json!({})).await.1["items"], json!([]));
        assert_eq!(send_as(&t, "cti_globex", Method::PUT, HOT, &json!({})).await.0, StatusCode::CREATED, "the same names are another list");
        assert_eq!(t.get(HOT).await.1["numbers"], 1);
    }
}
