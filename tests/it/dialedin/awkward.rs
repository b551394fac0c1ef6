//! Awkward requests: the exact answer to each, and what it left behind. One table per script; each request meets what those
//! before it left.

use std::fmt::Write;

use cti_gateway::domain::setup::Kind;
use reqwest::{Method, header};
use serde_json::json;

use super::{AUTH, effect, inject, moved_in, put, said, script};
use crate::support::app::{TestApp, both};

/// Sends each request and writes down what came of it. `{50}` stands for fifty letters, a `|` parts query and form; requests
/// that bring no credential of their own get the usual one.
async fn table(t: &TestApp, name: &str, requests: &[&str]) -> String {
    let mut table = String::new();
    let mut before = effect(t).await;
    for shown in requests {
        let (query, form) = shown.split_once('|').map_or((*shown, None), |(query, form)| (query, Some(form)));
        let has_own = ["token", "accid", "GroupId"].iter().any(|name| shown.contains(name));
        let query = if has_own { long(query) } else { format!("{AUTH}&{}", long(query)) };
        let path = format!("{}?{query}", script(name));
        let request = match form {
            None => t.request(Method::GET, &path),
            Some(form) => t.request(Method::POST, &path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(long(form)),
        };
        let answer = said(request).await.line();
        let after = effect(t).await;
        let (leads, entries) = (after.0 - before.0, after.1 - before.1);
        writeln!(table, "{shown}\n    {answer}\n    leads +{leads}, entries +{entries}").expect("text");
        before = after;
    }
    table
}

/// Puts letters where `{50}` is.
fn long(text: &str) -> String {
    let mut parts = text.split('{');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (count, rest) = part.split_once('}').expect("a count");
        write!(out, "{}{rest}", "x".repeat(count.parse().expect("a count"))).expect("text");
    }
    out
}

both! {
    async fn inject_lead(t: TestApp) {
        moved_in(&t).await;
        insta::assert_snapshot!("awkward_inject_lead", table(&t, "InjectLead", &[
            "Campaign=Spring&PrimaryPhone=(781) 270-6510",
            "Campaign=spring&PrimaryPhone=1.781.270.6511",
            "Campaign= Spring &PrimaryPhone=+1 781 270 6512",
            "campaign=SPRING&PRIMARYPHONE=%2B1-781-270-6513",
            "Campaign=Spring&PrimaryPhone=17812706514x99",
            "Campaign=Spring&PrimaryPhone=%2B4930123456&ZipCode&City=",
            "Campaign=Spring&PrimaryPhone=0",
            "Campaign=Spring&PrimaryPhone=911",
            "Campaign=Spring&PrimaryPhone=123456",
            "Campaign=Spring&PrimaryPhone=nobody",
            "Campaign=Spring&PrimaryPhone=1-800-FLOWERS",
            "Campaign=Spring&PrimaryPhone=null",
            "Campaign=Spring&PrimaryPhone=%00",
            "Campaign=Spring&PrimaryPhone=",
            "Campaign=Spring&FirstName=Ada",
            "Campaign=Spring&PrimaryPhone=7812706510{50}",
            "Campaign=Spring&PrimaryPhone=99999999999999999999999999",
            "Campaign=Spring",
            "Campaign=Spring&Subcampaign=North&timezone=1",
            "",
            "Campaign=&PrimaryPhone=7812706520",
            "Campaign=null&PrimaryPhone=7812706520",
            "PrimaryPhone=7812706520",
            "Campaign=Winter&PrimaryPhone=7812706520",
            "Campaign={51}&PrimaryPhone=7812706520",
            "Campaign=<script>&PrimaryPhone=7812706520",
            "Campaign=Spring&Subcampaign=West&PrimaryPhone=7812706521",
            "Campaign=Spring&PrimaryPhone=7812706522&FirstName={101}&State=Massachusetts&ZipCode=02110-12345&ClientId={60}",
            "Campaign=Spring&PrimaryPhone=7812706523&Address={501}&Rep={51}&email={260}&CallStatus={51}",
            "Campaign=Spring&PrimaryPhone=7812706524&FirstName=a%00b&LastName=%07%1B&City=%FF",
            "Campaign=Spring&PrimaryPhone=7812706525&FirstName=undefined&LastName=null&City=   ",
            "Campaign=Spring&PrimaryPhone=7812706526&Shoe=9&adv_=7&adv_Campaign=x&adv_Created__At=1&Hot=1",
            "Campaign=Spring&PrimaryPhone=7812706527&adv_Email=a@b.example&email=c@d.example&adv_Gr%C3%B6%C3%9Fe=9",
            "Campaign=Autumn&Campaign=Spring&PrimaryPhone=7812706528&PrimaryPhone=7812706510",
            "Campaign=Spring&PrimaryPhone=7812706528&primaryphone=null",
            "Campaign=Autumn&PrimaryPhone=7812706510|Campaign=Spring&PrimaryPhone=7812706529",
            "Campaign=Spring&PrimaryPhone=7812706530|PrimaryPhone=null&Campaign=",
            "Campaign=Spring&PrimaryPhone=7812706531|[\"FirstName\", 1]",
            "Campaign=Spring&PrimaryPhone=7812706532|=&&==&%%%",
            "Campaign=Spring&PrimaryPhone=7812706510&DuplicatesCheck=0",
            "Campaign=Spring&PrimaryPhone=7812706510&DuplicatesCheck=4",
            "Campaign=Spring&PrimaryPhone=7812706510&DuplicatesCheck=-1",
            "Campaign=Spring&PrimaryPhone=7812706510&AllowDialingDups=true",
            "Campaign=Spring&PrimaryPhone=7812706510&AllowDialingDups=2",
            "Campaign=Spring&PrimaryPhone=7812706533&timezone=maybe&ImportOnly=YES&DialNonCallables=no",
            "Campaign=Spring&PrimaryPhone=7812706534&timezone=0&DialNonCallables=1&AllowDialingDups=1",
            "Campaign=Spring&PrimaryPhone=7812706535&CallStatus=NOT+INTERESTED",
            "Campaign=Spring&PrimaryPhone=7812706536&CallStatus=nobody+knows",
            "Campaign=Spring&PrimaryPhone=%2B61255501234&timezone=1",
            "Campaign=Spring&PrimaryPhone=7812706537&CallbackAgent=agent1",
            "Campaign=Spring&PrimaryPhone=7812706537&CallbackAgent=nobody&CallbackDate=08/23/2027 14:20:00",
            "Campaign=Spring&PrimaryPhone=7812706537&CallbackAgent=AGENT1&CallbackDate=08/23/2027 14:20:00",
            "Campaign=Spring&PrimaryPhone=7812706537&CallbackAgent=agent1&CallbackDate=23/08/2027 14:20:00",
            "Campaign=Spring&PrimaryPhone=7812706537&CallbackAgent=agent1&CallbackDate=2027-08-23T14:20:00Z",
            "Campaign=Spring&PrimaryPhone=7812706537&CallbackAgent=agent1&CallbackDate=02/29/2027 14:20:00",
            "Campaign=Spring&PrimaryPhone=7812706537&CallbackAgent=agent1&CallbackDate=08/23/2027 24:00:00",
            "Campaign=Spring&PrimaryPhone=7812706537&CallbackAgent=agent1&CallbackDate=08/23/2027 14:20",
            "Campaign=Spring&PrimaryPhone=7812706537&CallbackAgent=agent1&CallbackDate=<b>",
            "Campaign=Spring&PrimaryPhone=7812706537&CallbackDate=08/23/2027 14:20:00",
            "Campaign=Spring&PrimaryPhone=7812706538&CallbackNotes=ring+me",
            "Campaign=Spring&PrimaryPhone=7812706539&CallbackAgent=agent1&CallbackDate=03/14/2027 02:30:00&CallbackNotes={4100}",
            "accid=acme&Campaign=Spring&PrimaryPhone=7812706540",
            "token=nobody&accid=acme&Campaign=Spring&PrimaryPhone=7812706540",
            "GroupId=77&SecurityCode=wrong&Campaign=Spring&PrimaryPhone=7812706540",
        ]).await);
    }

    async fn update_lead(t: TestApp) {
        moved_in(&t).await;
        inject(&t, "Campaign=Spring&PrimaryPhone=7812706510&ClientId=c-1&Subcampaign=North").await;
        insta::assert_snapshot!("awkward_update_lead", table(&t, "UpdateLead", &[
            "SearchField=Phone&Identifier=7812706510",
            "SearchField=Phone&Identifier=7812706510&FirstName=null&City=",
            "SearchField=Phone&Identifier=7812706510&Shoe=9",
            "SearchField=Phone&Identifier=7812706510&LeadId=9",
            "SearchField=Phone&Identifier=7812706510&CallbackNotes=ring+me",
            "SearchField=Phone&Identifier=7812706519&City=Boston",
            "SearchField=Phone&Identifier=nobody&City=Boston",
            "SearchField=LeadId&Identifier=9223372036854775808&City=Boston",
            "SearchField=LeadId&Identifier=1.0&City=Boston",
            "SearchField=ClientId&Identifier=C-1&City=Boston",
            "SearchField=Name&Identifier=Ada&City=Boston",
            "Identifier=7812706510&City=Boston",
            "SearchField=Phone&City=Boston",
            "SearchField=Phone&Identifier=null&City=Boston",
            "City=Boston",
            "",
            "SearchField=Phone&Identifier=7812706510&City=Boston&Shoe=9",
            "SearchField=Phone&Identifier=7812706510|City=Salem",
            "SearchField=ClientId&Identifier=c-1&Campaign=Winter",
            "SearchField=ClientId&Identifier=c-1&Campaign={51}",
            "SearchField=ClientId&Identifier=c-1&Subcampaign=south",
            "SearchField=ClientId&Identifier=c-1&Subcampaign=West",
            "SearchField=ClientId&Identifier=c-1&PrimaryPhone=nobody",
            "SearchField=ClientId&Identifier=c-1&PrimaryPhone=nobody&City=Lynn",
            "SearchField=ClientId&Identifier=c-1&PrimaryPhone=(781)2706511&ClientId={60}",
            "SearchField=ClientId&Identifier={60}&State=Ohio",
            "SearchField=LeadId&Identifier=1&CallbackAgent=nobody&CallbackDate=08/23/2027 14:20:00",
            "SearchField=LeadId&Identifier=1&CallbackAgent=agent1&City=Boston",
            "SearchField=LeadId&Identifier=1&CallbackAgent=agent1&CallbackDate=8/23/2027 14:20:00&City=Boston",
            "SearchField=LeadId&Identifier=1&CallbackAgent=agent1&CallbackDate=08/23/2027 14:20:00",
            "SearchField=LeadId&Identifier=1&City=Lynn&accid=beta&token=0",
        ]).await);
    }

    async fn lead_operations(t: TestApp) {
        moved_in(&t).await;
        inject(&t, "Campaign=Spring&PrimaryPhone=7812706510").await;
        insta::assert_snapshot!("awkward_lead_operations", table(&t, "LeadOperations", &[
            "",
            "Action=",
            "Action=Explode",
            "Action=SearchLead",
            "Action=SearchLead&SearchField=Phone",
            "Action=SearchLead&SearchField=Name&Identifier=Ada",
            "ACTION=searchlead&SEARCHFIELD=phone&IDENTIFIER=7812706510",
            "Action=SearchLead&SearchField=Phone&Identifier=7812706510&Detailed=perhaps",
            "Action=SearchLead&SearchField=LeadId&Identifier=-1&Detailed=true",
            "Action=InsertDnc",
            "Action=InsertDnc&Number=null",
            "Action=InsertDnc&Number=nobody",
            "Action=InsertDnc&Number=911",
            "Action=InsertDnc&Number=(781)+270-6510",
            "Action=InsertDnc&Number=7812706510",
            "Action=Explode&Action=DeleteDnc&Number=+1+781+270+6510",
            "Action=InsertDnc|Number=7812706599",
            "LeadId=1",
            "Disposition=SALE",
            "LeadId=1&Disposition={60}",
            "LeadId=1&Disposition=null",
            "LeadId=one&Disposition=SALE",
        ]).await);
    }

    async fn the_other_scripts(t: TestApp) {
        moved_in(&t).await;
        put(&t, Kind::RingGroup, "Sales", json!({"number": "+17815550100"})).await;
        insta::assert_snapshot!("awkward_text_operations", table(&t, "TextOperations", &[
            "",
            "Action=SendFax",
            "Action=SendSms",
            "Action=SendSms&From=7815550100&To=7812706510&Message=null",
            "Action=SendSms&From=me&To=7812706510&Message=Hi",
            "Action=SendSms&From=7815550100&To=you&Message=Hi",
            "Action=SendSms&From=7815550100&To=7812706510&Message=Hi&Agent=AGENT1",
            "Action=SendSms&From=7815550100&To=7812706510&Message=Hi&LeadId=one",
        ]).await);
        insta::assert_snapshot!("awkward_call_operations", table(&t, "CallOperations", &[
            "",
            "Action=AvailableAgents",
            "Action=AvailableInboundAgents",
            "Action=AvailableInboundAgents&DID=7815550199",
            "Action=ConferenceCall&Agent=agent1",
            "Action=ConferenceCall&Agent=AGENT1&Phone=7812706510",
            "Action=ConferenceCall&Agent=agent1&Phone=nobody",
        ]).await);
        insta::assert_snapshot!("awkward_agent_dial_list_operations", table(&t, "AgentDialList", &[
            "",
            "Action=Create",
            "Action=CreateList&Agent=agent1",
            "Action=CreateList&Agent=nobody&List=mine",
            "Action=AddPhone&Agent=agent1&List=mine",
            "Action=AddPhone&Agent=agent1&List=mine&Phone=(781)2706510",
            "Action=PhoneDialed&Agent=agent1&List=mine&Phone=12345678901234567890",
        ]).await);
        insta::assert_snapshot!("awkward_playlist_operations", table(&t, "PlaylistOperations", &[
            "",
            "Action=Reload",
            "Action=reload&Playlist={60}",
            "Action=EnableFilter&Playlist=Evening",
            "Action=AssignFilter&Playlist=Evening&Filter=null",
        ]).await);
        insta::assert_snapshot!("awkward_skill_list_operations", table(&t, "SkillOperations", &[
            "",
            "Action=Update",
            "Action=UpdatePriority",
            "Action=UpdatePriority&Skill=Spanish&Source=nowhere",
            "Action=UpdatePriority&Skill=Spanish&Source=Sales&Active=perhaps",
            "Action=UpdatePriority&Skill=Spanish&Source=Sales&Priority=99999999999999999999",
            "Action=Reload&Source=null",
        ]).await);
    }

    async fn nothing_that_is_sent_makes_a_door_fail(t: TestApp) {
        moved_in(&t).await;
        let names = ["Campaign", "PrimaryPhone", "Action", "SearchField", "Identifier", "CallbackDate", "LeadId", "Disposition", "Number", "Phone", "Priority", "Source", "adv_x", "Notes", "accid", "GroupId", "SecurityCode", "\0", "{200}"];
        let values = ["%00", "%FF%FE", "'", "%22%3Cscript%3E", "9223372036854775808", "%F0%9F%98%80", "%0D%0AX-Evil:+1", "{9000}", "-1", "1e309"];
        for script_name in ["InjectLead", "UpdateLead", "LeadOperations", "TextOperations", "CallOperations", "AgentDialListOperations", "PlaylistOperations", "SkillListOperations"] {
            for (index, (name, value)) in names.iter().flat_map(|name| values.map(|value| (name, value))).enumerate() {
                let actions = ["SearchLead", "SendSms", "AvailableInboundAgents", "AddPhone", "Reload", "UpdatePriority"];
                let form = long(&format!("Campaign=Spring&PrimaryPhone=7812706510&SearchField=Phone&Identifier=7812706510&Action={}&Playlist=x&Skill=x&{name}={value}", actions[index % actions.len()]));
                let request = t.request(Method::POST, &format!("{}?{AUTH}", script(script_name))).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
                let answer = said(request.body(form)).await;
                assert!([200, 401, 403].contains(&answer.status), "{script_name} {name}={value}: {}", answer.line());
            }
        }
    }
}
