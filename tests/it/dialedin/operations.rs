//! The scripts that answer JSON: searching, the do-not-call list, outcomes, and what their actions take.

use serde_json::json;

use super::{AUTH, DUPLICATE, OK, ask, detail, effect, inject, moved_in};
use crate::support::app::{TestApp, both};

async fn search(t: &TestApp, query: &str) -> String {
    let said = ask(t, "LeadOperations", &format!("{AUTH}&Action=SearchLead&{query}")).await;
    assert_eq!((said.status, said.kind.as_str()), (200, "application/json"));
    said.body
}

both! {
    async fn leads_are_found_by_three_fields_and_in_places(t: TestApp) {
        moved_in(&t).await;
        let nothing = r#"{"id":0,"LeadExists":false}"#;
        assert_eq!(search(&t, "SearchField=Phone&Identifier=7812706510").await, nothing);
        for place in ["Spring&Subcampaign=North", "Spring", "Autumn"] {
            assert_eq!(inject(&t, &format!("Campaign={place}&PrimaryPhone=7812706510&ClientId=c-1&DuplicatesCheck=1")).await.body, OK);
        }
        for (query, id) in [
            ("SearchField=Phone&Identifier=7812706510", 3),
            ("SearchField=phone&Identifier=(781) 270-6510&Detailed=0", 3),
            ("SearchField=CLIENTID&Identifier=c-1", 3),
            ("SearchField=LeadId&Identifier=2", 2),
            ("SearchField=Phone&Identifier=7812706510&Campaign=spring", 2),
            ("SearchField=Phone&Identifier=7812706510&Campaign=&Subcampaign=north", 1),
            ("SearchField=Phone&Identifier=7812706510&Campaign=null", 3),
        ] {
            assert_eq!(search(&t, query).await, format!(r#"{{"id":{id},"LeadExists":true}}"#), "{query}");
        }
        for query in [
            "SearchField=Phone&Identifier=7812706511",
            "SearchField=Phone&Identifier=nobody",
            "SearchField=LeadId&Identifier=9",
            "SearchField=LeadId&Identifier=c-1",
            "SearchField=ClientId&Identifier=C-1",
            "SearchField=Phone&Identifier=7812706510&Campaign=Winter",
            "SearchField=Phone&Identifier=7812706510&Campaign=Autumn&Subcampaign=North",
        ] {
            assert_eq!(search(&t, query).await, nothing, "{query}");
        }
    }

    async fn in_detail_every_value_is_a_text(t: TestApp) {
        moved_in(&t).await;
        assert_eq!(search(&t, "SearchField=LeadId&Identifier=1&Detailed=1").await, r#"{"id":0,"LeadExists":false,"Leads":[]}"#);
        for campaign in ["Spring", "Autumn"] {
            inject(&t, &format!("Campaign={campaign}&PrimaryPhone=7812706510&FirstName=%22A%22&adv_Policy__ID=7")).await;
        }
        let body = search(&t, "SearchField=Phone&Identifier=7812706510&Detailed=1").await;
        assert!(body.starts_with(r#"{"id":2,"LeadExists":true,"Leads":[{"Campaign":"Autumn","Subcampaign":"","ClientId":"","FirstName":"\"A\"","#), "{body}");
        let found: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        let leads = found["Leads"].as_array().expect("leads");
        assert_eq!(leads.iter().map(|lead| &lead["LeadId"]).collect::<Vec<_>>(), [&json!("2"), &json!("1")], "the newest first");
        for lead in leads {
            assert!(lead.as_object().expect("an object").values().all(serde_json::Value::is_string), "{lead}");
            assert_eq!((&lead["PrimaryPhone"], &lead["Policy ID"]), (&json!("7812706510"), &json!("7")));
        }
        inject(&t, "Campaign=Spring&PrimaryPhone=%2B4930123456").await;
        assert_eq!(detail(&t, 3).await["PrimaryPhone"], "+4930123456", "ten digits would be another number");
    }

    async fn a_number_is_put_on_the_do_not_call_list_and_taken_off(t: TestApp) {
        moved_in(&t).await;
        inject(&t, "Campaign=Spring&PrimaryPhone=7812706510&CallStatus=CALL+BACK").await;
        let dnc = async |action: &str, number: &str| ask(&t, "LeadOperations", &format!("{AUTH}&Action={action}&Number={number}")).await.line();
        assert_eq!(dnc("InsertDnc", "7812706510").await, r#"200 {"success":true,"changed":true}"#);
        assert_eq!(detail(&t, 1).await["CallStatus"], "DO NOT CALL", "it was scrubbed");
        assert_eq!(dnc("insertdnc", "(781)2706510").await, r#"200 {"success":true,"changed":false}"#);
        let again = inject(&t, "Campaign=Autumn&PrimaryPhone=7812706510").await;
        assert_eq!(again.line(), format!("200 {OK} | lead 2 | the lead is stored and not dialed: its number is on the do-not-call list"));
        assert_eq!(dnc("DeleteDnc", "7812706510").await, r#"200 {"success":true,"changed":true}"#);
        assert_eq!(detail(&t, 1).await["CallStatus"], "DO NOT CALL", "it is not restored");
        assert_eq!(dnc("DeleteDnc", "7812706510").await, r#"200 {"success":true,"changed":false}"#);
        assert_eq!(inject(&t, "Campaign=Autumn&PrimaryPhone=7812706510").await.body, DUPLICATE);
    }

    async fn an_outcome_is_set_without_an_action(t: TestApp) {
        moved_in(&t).await;
        inject(&t, "Campaign=Spring&PrimaryPhone=7812706510").await;
        for (query, answer) in [
            ("LeadId=1&Disposition=SALE", r#"200 {"success":true,"id":1,"changed":true} | lead 1"#),
            ("LeadId=1&Disposition=SALE", r#"200 {"success":true,"id":1,"changed":false} | lead 1"#),
            ("Action=SetDisposition&LeadId=1&Disposition=call+back", r#"200 {"success":true,"id":1,"changed":true} | lead 1"#),
            ("LeadId=1&Disposition=Gone+fishing", r#"200 {"success":true,"id":1,"changed":true} | lead 1 | Disposition is stored, but there is none of this name: the lead is not callable"#),
            ("LeadId=2&Disposition=SALE", r#"200 {"success":false,"error":{"code":"not_found","message":"No lead found"}}"#),
            ("LeadId=x&Disposition=SALE", r#"200 {"success":false,"error":{"code":"not_found","message":"No lead found"}}"#),
            ("LeadId=1", r#"200 {"success":false,"error":{"code":"missing","message":"Action should be one of: SearchLead, InsertDnc, DeleteDnc"}}"#),
            ("Action=SearchLead&LeadId=1&Disposition=SALE", r#"200 {"success":false,"error":{"code":"missing","message":"SearchField, Identifier should be specified"}}"#),
        ] {
            assert_eq!(ask(&t, "LeadOperations", &format!("{AUTH}&{query}")).await.line(), answer, "{query}");
        }
        assert_eq!(detail(&t, 1).await["CallStatus"], "Gone fishing");
        assert_eq!(effect(&t).await.0, 1);
    }
}
