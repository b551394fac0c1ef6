//! `InjectLead` and `UpdateLead`: exact answers, what is stored, and the ways in which requests come.

use cti_gateway::domain::setup::{Kind, OPTIONS};
use reqwest::{Method, header};
use serde_json::json;

use super::{AUTH, BOLD, DUPLICATE, OK, ask, detail, effect, entries, inject, moved_in, put, said, script};
use crate::support::app::both;

const FORM: &str = "application/x-www-form-urlencoded";

both! {
    async fn a_lead_comes_in_whichever_way_it_is_sent(t: TestApp) {
        moved_in(&t).await;
        let lead = "Campaign=Spring&PrimaryPhone=7812706510&FirstName=Ada&DuplicatesCheck=1";
        let post = |path: &str| t.request(Method::POST, path).header(header::CONTENT_TYPE, FORM);
        let path = script("InjectLead");
        let requests = [
            t.request(Method::GET, &format!("{path}?{AUTH}&{lead}")),
            post(&path).body(format!("{AUTH}&{lead}")),
            // a browser with `mode: 'no-cors'`
            t.request(Method::POST, &format!("{path}?{AUTH}&{lead}")),
            post(&format!("{path}?{AUTH}&{lead}&FirstName=Bob")).body("FirstName=Ada&LastName=null"),
            t.request(Method::POST, &format!("{path}?{AUTH}&{lead}")).header(header::CONTENT_TYPE, "text/plain;charset=UTF-8").body(""),
            t.request(Method::GET, &format!("/HttpImport/injectlead.PHP?{}", format!("{AUTH}&{lead}").to_uppercase().replace("ADA", "Ada").replace("ACME", "acme"))),
            t.request(Method::POST, &format!("{path}?{AUTH}")).json(&json!({"Campaign": "spring", "PrimaryPhone": 7812706510_i64, "FirstName": "Ada", "DuplicatesCheck": 1})),
        ];
        for (index, request) in requests.into_iter().enumerate() {
            let answer = said(request).await;
            let id = i64::try_from(index).expect("few") + 1;
            assert_eq!((answer.status, answer.kind.as_str(), answer.body.as_str(), answer.lead), (200, "text/html; charset=utf-8", OK, Some(id)));
            let stored = detail(&t, id).await;
            assert_eq!((&stored["FirstName"], &stored["LastName"], &stored["Campaign"]), (&json!("Ada"), &json!(""), &json!("Spring")), "{index}");
        }
    }

    async fn whoever_only_looks_brings_nothing_in(t: TestApp) {
        moved_in(&t).await;
        let path = format!("{}?{AUTH}&Campaign=Spring&PrimaryPhone=7812706510", script("InjectLead"));
        let before = effect(&t).await;
        for request in [
            t.request(Method::HEAD, &path),
            t.request(Method::GET, &path).header("Purpose", "prefetch"),
            t.request(Method::GET, &path).header("Sec-Purpose", "prefetch;prerender"),
        ] {
            assert_eq!(request.send().await.expect("an answer").status(), 204);
        }
        for method in [Method::PUT, Method::DELETE, Method::OPTIONS] {
            assert_eq!(t.request(method, &path).send().await.expect("an answer").status(), 405);
        }
        for unknown in ["Nothing.php", "InjectLead", "InjectLead.php.bak"] {
            assert_eq!(said(t.request(Method::GET, &format!("/HttpImport/{unknown}?{AUTH}"))).await.status, 404, "{unknown}");
        }
        assert_eq!(effect(&t).await, before);
    }

    async fn the_words_that_clients_compare(t: TestApp) {
        moved_in(&t).await;
        let lead = "Campaign=Spring&PrimaryPhone=7812706510";
        assert_eq!(inject(&t, lead).await.line(), format!("200 {OK} | lead 1"));
        assert_eq!(inject(&t, "Campaign=SPRING&PrimaryPhone=(781)+270-6510").await.line(), format!("200 {DUPLICATE} | lead 1"));
        put(&t, Kind::Options, OPTIONS, json!({"olderResultText": true})).await;
        assert_eq!(inject(&t, &format!("{lead}&DuplicatesCheck=1")).await.body, "<br><br>Result: OK");
        assert_eq!(inject(&t, lead).await.body, DUPLICATE);
    }

    async fn duplicates_are_looked_for_as_asked(t: TestApp) {
        moved_in(&t).await;
        let phone = "PrimaryPhone=7812706510";
        for (query, lead) in [
            ("Campaign=Spring&Subcampaign=North", Some(1)),
            ("Campaign=Autumn", Some(2)),
            ("Campaign=Spring&Subcampaign=South", None),
            ("Campaign=Spring&Subcampaign=South&DuplicatesCheck=3", Some(3)),
            ("Campaign=Spring&Subcampaign=SOUTH&DuplicatesCheck=3", None),
            ("Campaign=Autumn&DuplicatesCheck=2", None),
            ("Campaign=Autumn&DuplicatesCheck=1", Some(4)),
            ("Campaign=Autumn&DuplicatesCheck=junk", None),
            ("Campaign=Autumn&AllowDialingDups=1", None),
        ] {
            let answer = inject(&t, &format!("{query}&{phone}")).await;
            let expected = if lead.is_some() { OK } else { DUPLICATE };
            assert_eq!(answer.body, expected, "{query}");
            assert!(lead.is_none() || answer.lead == lead, "{query}");
        }
        let bold = ask(&t, "InjectLead", &format!("{BOLD}&Campaign=Autumn&AllowDialingDups=1&{phone}")).await;
        assert_eq!((bold.body.as_str(), bold.lead, bold.warnings), (OK, Some(5), None));
        assert_eq!(entries(&t, "lead.created").await.pop().expect("an entry")["overrides"], json!(["dups"]));
    }

    async fn overrides_need_their_scopes(t: TestApp) {
        moved_in(&t).await;
        ask(&t, "LeadOperations", &format!("{AUTH}&Action=InsertDnc&Number=7812706510")).await;
        let query = "Campaign=Spring&PrimaryPhone=7812706510&DialNonCallables=yes&timezone=0&DuplicatesCheck=1";
        let denied = inject(&t, query).await;
        assert_eq!(denied.line(), format!("200 {OK} | lead 1 | DialNonCallables=1 is ignored: the token has no scope dnc:override, timezone=0 is ignored: the token has no scope window:override, the lead is stored and not dialed: its number is on the do-not-call list"));
        let told = entries(&t, "lead.created").await.pop().expect("an entry");
        assert_eq!((&told["dial"], &told["overrides"], &told["deniedOverrides"]), (&json!("dnc"), &json!([]), &json!(["dnc", "window"])));
        let granted = ask(&t, "InjectLead", &format!("{BOLD}&{query}")).await;
        assert_eq!(granted.line(), format!("200 {OK} | lead 2"));
        let told = entries(&t, "lead.created").await.pop().expect("an entry");
        assert_eq!((&told["dial"], &told["overrides"], &told["deniedOverrides"]), (&json!("now"), &json!(["dnc"]), &json!([])));
        let kept = inject(&t, "Campaign=Spring&PrimaryPhone=2025550123&ImportOnly=1").await;
        assert_eq!(kept.line(), format!("200 {OK} | lead 3"));
        assert_eq!(detail(&t, 3).await["ImportOnly"], "1");
        let unsaid = inject(&t, "Campaign=Spring&PrimaryPhone=2025550124").await;
        assert_eq!(unsaid.warnings, None, "who asks for nothing is denied nothing");
    }

    async fn fields_are_stored_by_the_names_of_the_database(t: TestApp) {
        moved_in(&t).await;
        let answer = inject(&t, "Campaign=Spring&Subcampaign=north&PrimaryPhone=%28781%29+270-6510+ext.+12&FirstName=Ada&LastName=Lovelace&Address=1+Main+St&City=Boston&State=MA&ZipCode=02110&email=ada%40example.org&Rep=agent1&CallStatus=CALL+BACK&Notes=a%0Ab&ClientId=c-1&adv_Policy__ID=P-7&adv_Shoe__Size=9&LeadId=99").await;
        assert_eq!(answer.line(), format!("200 {OK} | lead 1 | Shoe Size is ignored: it is not declared, LeadId is ignored: the server sets it"));
        insta::assert_json_snapshot!("a_lead_in_detail", detail(&t, 1).await);
        put(&t, Kind::Options, OPTIONS, json!({"undeclaredFields": true})).await;
        let answer = inject(&t, "Campaign=Spring&PrimaryPhone=2025550123&adv_Shoe__Size=9&ADV_policy__id=P-8").await;
        assert_eq!(answer.warnings.as_deref(), Some("Shoe Size is stored, but not declared"));
        let stored = detail(&t, 2).await;
        assert_eq!((&stored["Shoe Size"], &stored["Policy ID"]), (&json!("9"), &json!("P-8")), "an undeclared name keeps its case");
    }

    async fn a_callback_is_promised_at_the_customers_time(t: TestApp) {
        moved_in(&t).await;
        let date = "CallbackDate=12%2F01%2F2026+14:20:00";
        let answer = inject(&t, &format!("Campaign=Spring&PrimaryPhone=7812706510&CallbackAgent=agent1&{date}&CallbackNotes=about+it")).await;
        assert_eq!(answer.line(), format!("200 {OK} | lead 1"));
        let stored = detail(&t, 1).await;
        assert_eq!((&stored["Callback"], &stored["CallbackAgent"], &stored["CallbackNotes"]), (&json!("2026-12-01T19:20:00Z"), &json!("agent1"), &json!("about it")));
        assert_eq!(stored["Hot"], "0", "it was promised for a time");
        let update = ask(&t, "UpdateLead", &format!("{AUTH}&SearchField=LeadId&Identifier=1&CallbackAgent=agent2&CallbackDate=12/02/2026 08:00:00")).await;
        assert_eq!(update.line(), format!("200 {OK} | lead 1"));
        let stored = detail(&t, 1).await;
        assert_eq!((&stored["Callback"], &stored["CallbackAgent"]), (&json!("2026-12-02T13:00:00Z"), &json!("agent2")));
    }

    async fn what_clients_do_to_have_an_upsert(t: TestApp) {
        moved_in(&t).await;
        let upsert = async |campaign: &str, name: &str| {
            let lead = format!("Campaign={campaign}&PrimaryPhone=7812706510&FirstName={name}");
            let first = inject(&t, &format!("{lead}&DuplicatesCheck=2&timezone=1")).await;
            if first.body == OK {
                return (first.lead, "injected");
            }
            assert_eq!(first.body, DUPLICATE);
            let second = ask(&t, "UpdateLead", &format!("{AUTH}&{lead}&DuplicatesCheck=2&timezone=1&SearchField=Phone&Identifier=7812706510")).await;
            assert_eq!((second.body.as_str(), second.warnings), (OK, None));
            (second.lead, "updated")
        };
        assert_eq!(upsert("Spring", "Ada").await, (Some(1), "injected"));
        assert_eq!(upsert("Spring", "Bea").await, (Some(1), "updated"));
        assert_eq!(upsert("Autumn", "Cid").await, (Some(1), "updated"));
        let stored = detail(&t, 1).await;
        assert_eq!((&stored["FirstName"], &stored["Campaign"], &stored["Version"]), (&json!("Cid"), &json!("Autumn"), &json!("3")));
        assert_eq!(effect(&t).await.0, 1);
    }

    async fn an_update_changes_the_newest_lead_and_dials_none(t: TestApp) {
        moved_in(&t).await;
        for (campaign, client) in [("Spring", "c-1"), ("Autumn", "c-1"), ("Spring", "c-2")] {
            let answer = inject(&t, &format!("Campaign={campaign}&PrimaryPhone=7812706510&ClientId={client}&ImportOnly=1&DuplicatesCheck=1")).await;
            assert_eq!(answer.body, OK);
        }
        for (search, lead) in [("Phone&Identifier=781.270.6510", 3), ("clientid&Identifier=c-1", 2), ("LeadId&Identifier=+1", 1)] {
            let answer = ask(&t, "UpdateLead", &format!("{AUTH}&SearchField={search}&City=Boston")).await;
            assert_eq!(answer.line(), format!("200 {OK} | lead {lead}"), "{search}");
            let stored = detail(&t, lead).await;
            assert_eq!((&stored["City"], &stored["Hot"]), (&json!("Boston"), &json!("0")));
        }
        let before = effect(&t).await;
        let again = ask(&t, "UpdateLead", &format!("{AUTH}&SearchField=LeadId&Identifier=1&City=Boston")).await;
        assert_eq!(again.line(), format!("200 {OK} | lead 1"));
        assert_eq!(effect(&t).await, before, "nothing changed");
    }

    async fn an_update_says_which_custom_values_it_did_not_take(t: TestApp) {
        moved_in(&t).await;
        inject(&t, "Campaign=Spring&PrimaryPhone=7812706510").await;
        let update = async |body: String| said(t.request(Method::POST, &script("UpdateLead")).header(header::CONTENT_TYPE, FORM).body(format!("{AUTH}&SearchField=LeadId&Identifier=1&{body}"))).await.line();
        assert_eq!(update("adv_Policy__ID=7&adv_Shoe=9".into()).await, format!("200 {OK} | lead 1 | Shoe is ignored: it is not declared"));
        put(&t, Kind::Options, OPTIONS, json!({"undeclaredFields": true})).await;
        let many: String = (1..100).map(|index| format!("&adv_n{index}=x")).collect();
        assert!(update(many).await.starts_with(&format!("200 {OK} | lead 1 | n1 is stored, but not declared")));
        // a lead is full: what it holds may change, and what comes new is left out
        let told = update("City=Boston&adv_n1=y&adv_Shoe=9".into()).await;
        assert_eq!(told, format!("200 {OK} | lead 1 | n1 is stored, but not declared, Shoe is ignored: a lead holds 100 custom fields"));
        let stored = detail(&t, 1).await;
        assert_eq!((&stored["City"], &stored["n1"], &stored["Shoe"]), (&json!("Boston"), &json!("y"), &json!(null)));
    }
}
