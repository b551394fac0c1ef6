//! Playlists and skills: what is changed counts when it is reloaded.

use cti_gateway::domain::setup::Kind;
use serde_json::{Value, json};

use super::{AUTH, account, ask, effect, entries, moved_in, put};
use crate::support::app::{TestApp, both};

const CHANGED: &str = r#"200 {"success":true,"changed":true}"#;
const SAME: &str = r#"200 {"success":true,"changed":false}"#;

fn refused(code: &str, message: &str) -> String {
    format!(r#"200 {{"success":false,"error":{{"code":{},"message":{}}}}}"#, json!(code), json!(message))
}

async fn playlist(t: &TestApp, action: &str, filter: &str) -> String {
    ask(t, "PlaylistOperations", &format!("{AUTH}&Playlist=evening&Action={action}&Filter={filter}")).await.line()
}

async fn with_playlist(t: &TestApp) {
    moved_in(t).await;
    let filter = |city: &str| json!({"blocks": [{"statements": [{"field": "City", "op": "eq", "value": city}]}]});
    put(t, Kind::Filter, "Boston", filter("Boston")).await;
    put(t, Kind::Filter, "Salem", filter("Salem")).await;
    put(t, Kind::Playlist, "Evening", json!({"campaigns": ["Spring"], "filters": []})).await;
}

async fn record(t: &TestApp) -> (Vec<(String, bool)>, Option<Value>) {
    let account = account(t).await;
    let record = account.setup.playlists.get("evening").expect("the playlist");
    let filters = record.draft.filters.iter().map(|assigned| (assigned.filter.clone(), assigned.active)).collect();
    (filters, record.published.as_ref().map(|published| json!(published)))
}

async fn skill(t: &TestApp, query: &str) -> String {
    ask(t, "SkillListOperations", &format!("{AUTH}&{query}")).await.line()
}

both! {
    async fn filters_of_a_playlist_count_from_the_reload_on(t: TestApp) {
        with_playlist(&t).await;
        assert_eq!(playlist(&t, "AssignFilter", "boston").await, CHANGED);
        assert_eq!(playlist(&t, "assignfilter", "Boston").await, SAME);
        assert_eq!(playlist(&t, "AssignFilter", "Salem").await, CHANGED);
        assert_eq!(playlist(&t, "DisableFilter", "Salem").await, CHANGED);
        assert_eq!(playlist(&t, "DisableFilter", "Salem").await, SAME);
        let draft = vec![("Boston".to_owned(), true), ("Salem".to_owned(), false)];
        assert_eq!(record(&t).await, (draft.clone(), None), "nothing counts yet");
        assert_eq!(playlist(&t, "Reload", "").await, CHANGED);
        let (filters, published) = record(&t).await;
        let published = published.expect("it was published").to_string();
        assert_eq!(filters, draft);
        assert!(published.contains("Spring") && published.contains("Boston") && !published.contains("Salem"), "{published}");
        assert_eq!(playlist(&t, "Reload", "").await, SAME);
        assert_eq!(playlist(&t, "EnableFilter", "Salem").await, CHANGED);
        assert_eq!(playlist(&t, "RemoveFilter", "Boston").await, CHANGED);
        assert_eq!(record(&t).await.1.expect("as before").to_string(), published);
        assert_eq!(playlist(&t, "Reload", "").await, CHANGED);
        let (filters, published) = record(&t).await;
        assert_eq!(filters, [("Salem".to_owned(), true)]);
        assert!(published.expect("it was published").to_string().contains("Salem"));
        assert!(entries(&t, "list.changed").await.len() >= 7);
    }

    async fn what_cannot_be_done_with_a_playlist_changes_nothing(t: TestApp) {
        with_playlist(&t).await;
        let before = effect(&t).await;
        assert_eq!(playlist(&t, "AssignFilter", "Lynn").await, refused("not_found", "there is no filter \"Lynn\""));
        assert_eq!(playlist(&t, "EnableFilter", "Salem").await, refused("not_found", "filter \"Salem\" is not assigned to playlist \"Evening\""));
        assert_eq!(playlist(&t, "RemoveFilter", "").await, refused("missing", "Filter should be specified"));
        assert_eq!(playlist(&t, "Burn", "Salem").await, refused("unknown_action", "Action should be one of: EnableFilter, DisableFilter, Reload, AssignFilter, RemoveFilter"));
        let nowhere = ask(&t, "PlaylistOperations", &format!("{AUTH}&Playlist=Dawn&Action=Reload")).await;
        assert_eq!(nowhere.line(), refused("not_found", "there is no playlist \"Dawn\""));
        assert_eq!(effect(&t).await, before);
    }

    async fn skills_of_a_source_count_from_the_reload_on(t: TestApp) {
        moved_in(&t).await;
        put(&t, Kind::Skill, "Spanish", json!({"agents": ["agent1"]})).await;
        put(&t, Kind::RingGroup, "Sales", json!({"number": "+17815550100"})).await;
        put(&t, Kind::RingGroup, "Support", json!({"number": "+17815550101"})).await;
        let priorities = async || {
            let account = account(&t).await;
            let group = account.setup.ring_groups.get("sales").expect("the group").clone();
            (json!(group.skills), json!(group.published))
        };
        let update = "Action=UpdatePriority&Skill=SPANISH";
        assert_eq!(skill(&t, &format!("{update}&Source=7815550100&Priority=3&Delay=20&Active=1")).await, CHANGED);
        assert_eq!(skill(&t, &format!("{update}&Source=Sales&Priority=3")).await, SAME);
        assert_eq!(skill(&t, &format!("{update}&Source=sales&Active=0")).await, CHANGED);
        let drafted = json!({"Spanish": {"priority": 3, "delayS": 20, "active": false}});
        assert_eq!(priorities().await, (drafted.clone(), json!({})), "nothing counts yet");
        assert_eq!(skill(&t, "Action=Reload&Source=Support").await, r#"200 {"success":true,"reloaded":0}"#);
        assert_eq!(skill(&t, "Action=Reload").await, r#"200 {"success":true,"reloaded":1}"#);
        assert_eq!(priorities().await, (drafted.clone(), drafted));
        assert_eq!(skill(&t, "Action=Reload").await, r#"200 {"success":true,"reloaded":0}"#);
        let before = effect(&t).await;
        for (query, refusal) in [
            ("Source=7815550109", refused("not_found", "there is no source \"7815550109\"")),
            ("Source=Sales&Skill=Danish", refused("not_found", "there is no skill \"Danish\"")),
            ("Source=Sales&Priority=101", refused("invalid", "expected a priority of 0 to 100")),
            ("Source=Sales&Delay=-1", refused("invalid", "expected a delay of 0 to 86400 seconds")),
            ("Source=Sales&Priority=high", refused("invalid", "Priority should be a whole number")),
            ("Priority=1", refused("missing", "Source should be specified")),
        ] {
            assert_eq!(skill(&t, &format!("{update}&{query}")).await, refusal, "{query}");
        }
        assert_eq!(skill(&t, "Action=Reload&Source=nowhere").await, refused("not_found", "there is no source \"nowhere\""));
        assert_eq!(effect(&t).await, before);
    }
}
