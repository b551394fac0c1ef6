//! What goes wrong beside the dialer: the telephone system goes away, the server is restarted, the list grows while leads are dialed.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::FIRST;
use crate::support::{
    app::{answer, both},
    figure,
    floor::{campaign, due, house, lead, pass, ready, steady, told},
};

both! {
    async fn a_telephone_system_that_goes_away_leaves_nobody_stuck(t: TestApp) {
        house(&t, steady()).await;
        campaign(&t, "Spring", "progressive", json!({})).await;
        for last in 10..30 {
            lead(&t, "Spring", &format!("+4930555019{last}"), json!({})).await;
        }
        for login in ["agent1", "agent2", "agent3"] {
            ready(&t, login).await;
        }
        pass(&t, 2).await;
        let down = t.api(Method::POST, "/api/v1/telephone-systems/house/simulate").json(&json!({"down": 60}));
        assert_eq!(answer(down).await.0, StatusCode::ACCEPTED);
        pass(&t, 1).await;
        let (_, state) = t.get("/api/v1/telephone-systems/house/state").await;
        assert_eq!(state["state"], "down", "{state}");
        let before = told(&t, "call.ordered").await.len();
        pass(&t, 40).await;
        let during = told(&t, "call.ordered").await.len();
        assert!(during <= before + 3, "{before} {during}: a system that is down is not told to dial");
        pass(&t, 40).await;
        let (_, state) = t.get("/api/v1/telephone-systems/house/state").await;
        assert_eq!(state["state"], "up", "{state}");
        for login in ["agent1", "agent2", "agent3"] {
            let agent = t.agent(login).await;
            assert!(["ready", "on_call", "ringing", "wrap_up", "reserved"].iter().any(|state| agent["state"] == *state), "{agent}");
        }
        assert!(told(&t, "call.ordered").await.len() > during, "and is told again when it is back");
    }

    async fn a_restart_in_the_middle_converges(t: TestApp) {
        house(&t, steady()).await;
        campaign(&t, "Spring", "progressive", json!({})).await;
        lead(&t, "Spring", FIRST, json!({})).await;
        ready(&t, "agent1").await;
        pass(&t, 8).await;
        assert_eq!(t.agent("agent1").await["state"], "on_call");
        t.restart().await;
        pass(&t, 40).await;
        let call = t.only_call().await;
        assert_eq!(call["state"], "end", "the telephone system knows it no more: {call}");
        assert_eq!(t.agent("agent1").await["state"], "ready");
        assert_eq!(told(&t, "lead.dialed").await.len(), 1, "nobody is dialed twice");
    }

    async fn the_list_wins_the_race_with_the_dialer(t: TestApp) {
        house(&t, steady()).await;
        campaign(&t, "Spring", "progressive", json!({})).await;
        let numbers: Vec<String> = (10..60).map(|last| format!("+4930555019{last}")).collect();
        for number in &numbers {
            lead(&t, "Spring", number, json!({})).await;
        }
        for login in ["agent1", "agent2", "agent3"] {
            ready(&t, login).await;
        }
        let listing = async {
            for number in &numbers {
                let (status, body) = answer(t.api(Method::PUT, &format!("/api/v1/dnc/{number}"))).await;
                assert!(status.is_success(), "{body}");
            }
        };
        let dialing = async {
            for _ in 0..12 {
                due(&t).await;
                t.clock.advance(std::time::Duration::from_secs(1));
            }
        };
        tokio::join!(listing, dialing);
        let entries = t.journal_of(&["dnc.*", "lead.*"]).await;
        let mut listed = std::collections::HashSet::new();
        let mut orders = 0;
        for entry in &entries {
            match entry["type"].as_str() {
                Some("dnc.added") => drop(listed.insert(entry["data"]["number"].as_str().unwrap_or_default().to_owned())),
                Some("call.ordered") if entry["data"]["verb"] == "dial" => {
                    orders += 1;
                    let number = entry["data"]["number"].as_str().unwrap_or_default();
                    assert!(!listed.contains(number), "dialed after it was listed");
                }
                _ => {}
            }
        }
        assert_eq!(listed.len(), numbers.len());
        figure(&format!("{orders} dialed, {} listed", listed.len()));
    }
}
