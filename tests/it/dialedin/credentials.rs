//! Who may ask: tokens, the older pair, and how either can be wrong.

use cti_gateway::store::credentials::{self, NewCredential};
use reqwest::{Method, header};

use super::{AUTH, CODE, OK, UUID, add, ask, dialedin_token, effect, inject, moved_in, said, script};
use crate::support::app::{both, token};

const LEAD: &str = "Campaign=Spring&PrimaryPhone=7812706510&DuplicatesCheck=1";
const UNKNOWN: &str = "<br><br>Result: The credential is not known, does not belong to this account, has expired or was revoked";

both! {
    async fn a_token_and_its_account_or_the_older_pair(t: TestApp) {
        moved_in(&t).await;
        let (upper, plain) = (UUID.to_uppercase(), UUID.replace('-', ""));
        for credential in [
            AUTH.to_owned(),
            format!("TOKEN={upper}&AccId=ACME"),
            format!("token={plain}&accid=%20acme%20"),
            format!("GroupId=77&SecurityCode={CODE}"),
            format!("groupid=+77&securitycode={}&accid=acme", CODE.to_lowercase()),
        ] {
            let answer = ask(&t, "InjectLead", &format!("{credential}&{LEAD}")).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, OK), "{credential}");
            let answer = ask(&t, "LeadOperations", &format!("{credential}&Action=DeleteDnc&Number=7812706510")).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"success":true,"changed":false}"#), "{credential}");
        }
    }

    async fn a_bad_credential_is_told_in_the_form_of_the_script(t: TestApp) {
        moved_in(&t).await;
        let before = effect(&t).await;
        for (credential, status, text) in [
            ("", 401, "<br><br>Result: token and accid should be specified"),
            ("accid=acme", 401, "<br><br>Result: token and accid should be specified"),
            (&format!("token={UUID}"), 401, "<br><br>Result: accid should be specified"),
            (&format!("token={UUID}&accid=null"), 401, "<br><br>Result: accid should be specified"),
            (&format!("token={UUID}&accid=beta"), 401, UNKNOWN),
            ("token=4f8e&accid=acme", 401, UNKNOWN),
            ("GroupId=77", 401, "<br><br>Result: SecurityCode should be specified"),
            (&format!("SecurityCode={CODE}"), 401, "<br><br>Result: GroupId should be specified"),
            (&format!("GroupId=78&SecurityCode={CODE}"), 401, UNKNOWN),
            (&format!("GroupId=seven&SecurityCode={CODE}"), 401, UNKNOWN),
            (&format!("GroupId=77&SecurityCode={CODE}&accid=beta"), 401, UNKNOWN),
            ("GroupId=77&SecurityCode=0", 401, UNKNOWN),
        ] {
            let page = ask(&t, "InjectLead", &format!("{credential}&{LEAD}")).await;
            assert_eq!((page.status, page.body.as_str(), page.kind.as_str()), (status, text, "text/html; charset=utf-8"), "{credential}");
            let json = ask(&t, "PlaylistOperations", credential).await;
            let message = text.trim_start_matches("<br><br>Result: ");
            let form = format!(r#"{{"success":false,"error":{{"code":"unauthorized","message":"{message}"}}}}"#);
            assert_eq!((json.status, json.body.as_str(), json.kind.as_str()), (status, form.as_str(), "application/json"), "{credential}");
        }
        assert_eq!(effect(&t).await, before);
    }

    async fn a_token_is_good_for_what_it_was_made_for(t: TestApp) {
        moved_in(&t).await;
        add(&t, token(t.account, "cti_header_only", "leads:write")).await;
        add(&t, dialedin_token(&t, "cti_reader", "leads:read")).await;
        add(&t, NewCredential { networks: Some("10.0.0.0/8".into()), ..dialedin_token(&t, "cti_elsewhere", "leads:write") }).await;
        add(&t, NewCredential { expires_at: Some(t.clock.now()), ..dialedin_token(&t, "cti_expired", "leads:write") }).await;
        let before = effect(&t).await;
        for (secret, status, text) in [
            ("cti_header_only", 403, "<br><br>Result: This token may not be sent as a parameter: it was made without --allow-query"),
            ("cti_reader", 403, "<br><br>Result: This credential lacks the scope leads:write"),
            ("cti_elsewhere", 403, "<br><br>Result: This credential may not be used from this address"),
            ("cti_expired", 401, UNKNOWN),
        ] {
            for name in ["InjectLead", "UpdateLead"] {
                let answer = ask(&t, name, &format!("token={secret}&accid=acme&{LEAD}&SearchField=Phone&Identifier=1")).await;
                assert_eq!((answer.status, answer.body.as_str()), (status, text), "{secret}");
            }
            let form = format!("token={secret}&accid=acme&{LEAD}");
            let posted = t.request(Method::POST, &script("InjectLead")).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
            assert_eq!(said(posted).await.status, status, "{secret} in a form");
        }
        assert_eq!(effect(&t).await, before);
    }

    async fn every_action_needs_its_scope(t: TestApp) {
        moved_in(&t).await;
        add(&t, dialedin_token(&t, "cti_nothing", "events:read")).await;
        for (name, query, scope) in [
            ("LeadOperations", "Action=SearchLead", "leads:read"),
            ("LeadOperations", "Action=InsertDnc", "dnc:write"),
            ("LeadOperations", "Action=DeleteDnc", "dnc:write"),
            ("LeadOperations", "LeadId=1&Disposition=SALE", "leads:write"),
            ("TextOperations", "Action=SendSms", "messages:send"),
            ("CallOperations", "Action=AvailableInboundAgents", "agents:read"),
            ("CallOperations", "Action=ConferenceCall", "calls:control"),
            ("AgentDialListOperations", "Action=CreateList", "lists:write"),
            ("AgentDialListOperations", "Action=DeleteList", "lists:write"),
            ("AgentDialListOperations", "Action=AddPhone", "lists:write"),
            ("AgentDialListOperations", "Action=DeletePhone", "lists:write"),
            ("AgentDialListOperations", "Action=PhoneDialed", "lists:write"),
            ("AgentDialListOperations", "Action=PhoneUnDialed", "lists:write"),
            ("PlaylistOperations", "Action=EnableFilter", "lists:write"),
            ("PlaylistOperations", "Action=DisableFilter", "lists:write"),
            ("PlaylistOperations", "Action=Reload", "lists:write"),
            ("PlaylistOperations", "Action=AssignFilter", "lists:write"),
            ("PlaylistOperations", "Action=RemoveFilter", "lists:write"),
            ("SkillListOperations", "Action=UpdatePriority", "skills:write"),
            ("SkillListOperations", "Action=Reload", "skills:write"),
        ] {
            let answer = ask(&t, name, &format!("token=cti_nothing&accid=acme&{query}")).await;
            let form = format!(r#"{{"success":false,"error":{{"code":"forbidden","message":"This credential lacks the scope {scope}"}}}}"#);
            assert_eq!((answer.status, answer.body.as_str()), (403, form.as_str()), "{name} {query}");
        }
    }

    async fn a_revoked_token_is_refused_at_once(t: TestApp) {
        moved_in(&t).await;
        assert_eq!(inject(&t, LEAD).await.body, OK);
        let rows = credentials::list(t.app().db.read(), t.account).await.expect("the store");
        let ours = rows.iter().find(|row| UUID.starts_with(&row.prefix)).expect("the token");
        assert!(t.admin().revoke((t.account, "acme"), ours.id).await.expect("the store"));
        t.app().directory.invalidate(t.account);
        assert_eq!(inject(&t, LEAD).await.status, 401);
    }
}
