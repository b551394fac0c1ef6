//! The journal by long poll: `GET /api/v1/events`.

use std::time::Duration;

use cti_gateway::app::{passwords, sweeper};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    app::{ACCOUNT, QUIET_SECRET, SECRET, TestApp, agent, answer, both},
    wire::{flood, until},
};

async fn ring(t: &TestApp, secret: &str, call: &str, to: &str) {
    t.vtiger_at(secret, &format!("event=call_initiated&call_id={call}&from=%2B4930123456&to={to}")).await;
}

/// Epoch and position of the present.
async fn present(t: &TestApp) -> (String, i64) {
    let (_, start) = t.get("/api/v1/events").await;
    (start["epoch"].as_str().expect("an epoch").to_owned(), start["after"].as_i64().expect("a position"))
}

async fn page(t: &TestApp, query: &str) -> Value {
    let (status, body) = t.get(&format!("/api/v1/events?{query}")).await;
    assert_eq!(status, StatusCode::OK, "{query}: {body}");
    body
}

fn call_ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().expect("items").iter().filter_map(|item| item["data"]["callId"].as_str()).collect()
}

both! {
    async fn without_a_position_it_tells_the_present(t: TestApp) {
        ring(&t, SECRET, "1", "1001").await;
        let journal = t.journal().await;
        let last = journal.last().expect("an entry");
        assert_eq!(page(&t, "").await, json!({"items": [], "epoch": last["epoch"], "after": last["seq"], "reset": false}));
        assert_eq!(page(&t, &format!("epoch={}", "whatever")).await["reset"], false, "an epoch alone asks for nothing");
    }

    async fn pages_follow_each_other_without_a_gap(t: TestApp) {
        let (epoch, begin) = present(&t).await;
        for part in 0..3 {
            flood(&t, &format!("mine-{part}"), "1001", 100, 10).await;
            flood(&t, &format!("others-{part}"), "1002", 90, 10).await;
        }
        for (query, expected) in [("", 570), ("&agents=agent1", 300), ("&agents=agent2,agent1", 570), ("&agents=*", 570), ("&agents=agent1,*", 570), ("&agents=agent3", 0)] {
            for limit in [1 + expected / 7, 500] {
                let (mut after, mut seqs) = (begin, Vec::new());
                loop {
                    let page = page(&t, &format!("after={after}&epoch={epoch}&limit={limit}{query}")).await;
                    let items = page["items"].as_array().expect("items");
                    seqs.extend(items.iter().map(|item| item["seq"].as_i64().expect("a seq")));
                    assert_eq!(page["reset"], false);
                    after = page["after"].as_i64().expect("a position");
                    if items.len() < limit {
                        break;
                    }
                }
                assert_eq!(seqs.len(), expected, "{query} by {limit}");
                assert!(seqs.is_sorted_by(|a, b| a < b));
                assert_eq!(after, begin + 570, "the last page ends at the head, past what was not wanted");
            }
        }
    }

    async fn agents_and_types_choose(t: TestApp) {
        let (epoch, begin) = present(&t).await;
        ring(&t, QUIET_SECRET, "one", "1001").await;
        ring(&t, QUIET_SECRET, "two", "1002").await;
        ring(&t, SECRET, "loud", "1003").await;
        t.admin().add_agent((t.account, ACCOUNT), &agent("new", "1009")).await.expect("the store");
        for (query, calls, configs) in [
            ("", vec!["one", "two", "loud"], 0), ("&agents=agent1", vec!["one", "loud"], 0), ("&agents=agent1,%20agent2,", vec!["one", "two", "loud"], 0),
            ("&types=config.*", vec!["one", "two", "loud"], 1), ("&types=config.agent", vec!["one", "two", "loud"], 1),
            ("&types=config.token,%20lead.*", vec!["one", "two", "loud"], 0), ("&types=config.*&agents=agent2", vec!["two", "loud"], 0),
        ] {
            let page = page(&t, &format!("after={begin}&epoch={epoch}{query}")).await;
            assert_eq!(call_ids(&page), calls, "{query}");
            let configs_seen = page["items"].as_array().expect("items").iter().filter(|item| item["type"] == "config.agent").count();
            assert_eq!(configs_seen, configs, "{query}");
        }
    }

    async fn waiting_is_answered_when_something_comes(t: TestApp) {
        let (epoch, begin) = present(&t).await;
        let waiting = |query: &'static str| {
            let request = t.api(Method::GET, &format!("/api/v1/events?after={begin}&epoch={epoch}&wait=30{query}"));
            tokio::spawn(answer(request))
        };
        let (everything, mine) = (waiting(""), waiting("&agents=agent1"));
        until("both wait", || async { t.app().hub.followers() == 2 }).await;
        ring(&t, QUIET_SECRET, "other", "1002").await;
        let (_, body) = everything.await.expect("an answer");
        assert_eq!((call_ids(&body), &body["after"]), (vec!["other"], &json!(begin + 1)));
        assert!(!mine.is_finished(), "nothing came for this one");
        ring(&t, QUIET_SECRET, "mine", "1001").await;
        let (_, body) = mine.await.expect("an answer");
        assert_eq!((call_ids(&body), &body["after"], &body["reset"]), (vec!["mine"], &json!(begin + 2), &json!(false)));
        until("their places are given up", || async { t.app().hub.followers() == 0 }).await;
    }

    async fn what_is_there_is_given_at_once(t: TestApp) {
        let (epoch, begin) = present(&t).await;
        flood(&t, "call", "1001", 20, 10).await;
        for limit in [1, 7, 20, 21] {
            let query = format!("after={begin}&epoch={epoch}&wait=30&limit={limit}");
            let body = tokio::time::timeout(Duration::from_secs(5), page(&t, &query)).await.expect("no waiting");
            assert_eq!(call_ids(&body).len(), limit.min(20));
            assert_eq!(body["after"], begin + i64::try_from(limit.min(20)).expect("few"));
        }
    }

    async fn a_wait_that_ends_moves_past_what_was_not_wanted(t: TestApp) {
        let (epoch, begin) = present(&t).await;
        let request = t.api(Method::GET, &format!("/api/v1/events?after={begin}&epoch={epoch}&wait=1&agents=agent1"));
        let waiting = tokio::spawn(answer(request));
        until("it waits", || async { t.app().hub.followers() == 1 }).await;
        ring(&t, QUIET_SECRET, "other", "1002").await;
        let (status, body) = waiting.await.expect("an answer");
        assert_eq!((status, body), (StatusCode::OK, json!({"items": [], "epoch": epoch, "after": begin + 1, "reset": false})));
    }

    async fn a_position_that_cannot_be_continued_is_a_reset(t: TestApp) {
        ring(&t, SECRET, "old", "1001").await;
        t.vtiger("event=call_hangup&call_id=old").await;
        let (epoch, floor) = present(&t).await;
        t.clock.advance(t.config.retention() + Duration::from_secs(1));
        ring(&t, SECRET, "new", "1001").await;
        sweeper::trim(&t.app()).await.expect("the store");
        until("everything old is trimmed", || async { page(&t, &format!("after={}&epoch={epoch}", floor - 1)).await["reset"] == true }).await;
        for (name, after, asked) in [
            ("a foreign epoch", floor, "another"), ("below the floor", floor - 1, &epoch), ("the future", floor + 2, &epoch), ("before time", -1, &epoch),
            ("the far future", i64::MAX, &epoch), ("long before", i64::MIN, &epoch),
        ] {
            let body = page(&t, &format!("after={after}&epoch={asked}&wait=30")).await;
            assert_eq!(body, json!({"items": [], "epoch": epoch, "after": floor + 1, "reset": true}), "{name}");
        }
        let body = page(&t, &format!("after={floor}&epoch={epoch}")).await;
        assert_eq!((call_ids(&body), &body["reset"]), (vec!["new"], &json!(false)), "the floor itself can be continued");
    }

    async fn bad_parameters_are_named(t: TestApp) {
        let (epoch, after) = present(&t).await;
        for (query, status, field) in [
            ("after=x&epoch=e", 422, "after"), ("after=1.5&epoch=e", 422, "after"), ("after=99999999999999999999&epoch=e", 422, "after"),
            ("after=1", 400, "epoch"), ("wait=61", 422, "wait"), ("wait=-1", 422, "wait"), ("wait=soon", 422, "wait"), ("limit=0", 422, "limit"),
            ("limit=501", 422, "limit"), ("limit=-5", 422, "limit"), ("limit=many", 422, "limit"), ("agent=agent1", 422, "agent"), ("agents=nobody", 422, "agents"), ("agents=agent1,nobody", 422, "agents"), ("agents=", 422, "agents"), ("agents=,", 422, "agents"),
        ] {
            let (got, body) = t.get(&format!("/api/v1/events?{query}")).await;
            assert_eq!((got.as_u16(), body["error"]["field"].as_str()), (status, Some(field)), "{query}: {body}");
            assert!(body["error"]["message"].as_str().is_some_and(|text| text.len() > 10), "{body}");
        }
        let body = page(&t, &format!("after={after}&epoch={epoch}&limit=500&wait=0&types=&agents=agent1")).await;
        assert_eq!(body["items"], json!([]));
    }

    async fn an_agents_session_sees_its_own(t: TestApp) {
        let mut anna = agent("anna", "1007");
        anna.password_hash = Some(passwords::hash("the password").expect("a hash"));
        t.admin().add_agent((t.account, ACCOUNT), &anna).await.expect("the store");
        t.app().directory.invalidate(t.account);
        let sign_in = json!({"account": ACCOUNT, "login": "anna", "password": "the password"});
        let (_, session) = answer(t.request(Method::POST, "/api/v1/sessions").json(&sign_in)).await;
        let bearer = session["token"].as_str().expect("a token");
        let (epoch, begin) = present(&t).await;
        ring(&t, QUIET_SECRET, "one", "1001").await;
        ring(&t, QUIET_SECRET, "annas", "1007").await;
        ring(&t, SECRET, "loud", "1001").await;
        t.admin().add_agent((t.account, ACCOUNT), &agent("new", "1009")).await.expect("the store");
        for query in ["", "&agents=agent1", "&agents=*", "&agents=nobody", "&types=call.*", "&agents=anna"] {
            let request = t.request(Method::GET, &format!("/api/v1/events?after={begin}&epoch={epoch}{query}")).bearer_auth(bearer);
            let (status, body) = answer(request).await;
            assert_eq!(status, StatusCode::OK, "{body}");
            assert_eq!(call_ids(&body), ["annas", "loud"], "{query}");
            assert_eq!(body["items"].as_array().map(Vec::len), Some(2), "{query}");
        }
        let request = t.request(Method::GET, &format!("/api/v1/events?after={begin}&epoch={epoch}&types=config.*")).bearer_auth(bearer);
        assert_eq!(answer(request).await.0, StatusCode::FORBIDDEN, "the configuration is not an agent's");
    }
}
