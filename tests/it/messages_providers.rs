//! Providers of text messages: what is sent to them, to the byte; what their answers mean; who may post to us.

use std::fmt::Write;

use cti_gateway::domain::{
    message::{
        Draft, Fault, Incoming, Message, Standing, Status, Told,
        provider::{Callback, Dispatch, Form, Outgoing, Provider, Reply, Unfit, Verdict},
    },
    phone::{HomeRegion, Number},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::noon;

/// Everything that could end a value's place or begin another one.
const NASTY: &str = "a&b=c \"d\"\\ {to}%41/../?#\r\nX-Evil: 1 Grüße 😀 </x>";
const CALLBACK: &str = "https://cti.example/sms/status?message=1&x=2";
const SID: &str = "ACfedcba9876543210fedcba9876543210";
const AUTH_TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn provider(config: Value) -> Provider {
    serde_json::from_value(config).expect("a provider")
}

fn refused(config: Value) -> String {
    serde_json::from_value::<Provider>(config).expect_err("a refusal").to_string()
}

fn message_to(to: &str, body: &str) -> Message {
    let draft = Draft {
        from: Number::from_canonical("+12025550123".into()),
        to: Number::from_canonical(to.into()),
        body: body.into(),
        agent: Some("agent 1/ä".into()),
        lead: Some(7),
    };
    let standing = Standing { owned: true, opted_out: false, provider: Some("main".into()) };
    Message::compose(Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0001), draft, standing, noon()).expect("a message")
}

fn message(body: &str) -> Message {
    message_to("+4930123456", body)
}

fn request(provider: &Provider, message: &Message, callback: Option<&str>) -> Outgoing {
    match provider.dispatch(message, callback).expect("a request") {
        Dispatch::Request(outgoing) => outgoing,
        Dispatch::Played(told) => panic!("played: {told:?}"),
    }
}

/// A request as it stands on the wire.
fn show(outgoing: &Outgoing) -> String {
    let mut text = format!("{} {}\n", outgoing.method.word(), outgoing.url);
    let content_type = outgoing.content_type.map(|kind| ("Content-Type".to_owned(), kind.to_owned()));
    for (name, value) in outgoing.headers.iter().cloned().chain(content_type) {
        writeln!(text, "{name}: {value}").expect("text");
    }
    text + "\n" + std::str::from_utf8(&outgoing.body).expect("UTF-8")
}

fn template(change: impl FnOnce(&mut Value)) -> Value {
    let mut config = json!({"http": {"method": "POST", "url": "https://sms.example/send", "params": {"text": "{body}"}}});
    change(&mut config["http"]);
    config
}

fn full() -> Value {
    json!({
        "source": "{from}", "dest": "{to}", "text": "{body}", "ref": "cti-{id}", "agent": "{agent}", "lead": "{lead}",
        "report": "{callback}", "literal & text": "{{{to}}} 100 % of \"it\"",
    })
}

fn everywhere(method: &str, content_type: &str) -> Value {
    template(|http| {
        http["method"] = json!(method);
        http["contentType"] = json!(content_type);
        http["url"] = json!("https://sms.example/v1/{to}/{agent}/{body}?key=k%20k&ref={id}&b={body}");
        http["headers"] = json!({"Idempotency-Key": "{id}", "X-Text": "text={body}; 100%"});
        http["auth"] = json!({"basic": {"user": "acme", "password": "pa:ss ä"}});
        http["params"] = full();
    })
}

#[test]
fn values_are_escaped_wherever_they_go() {
    for (name, config) in [
        ("sent_by_get", everywhere("GET", "form")),
        ("sent_as_form", everywhere("POST", "form")),
        ("sent_as_json", everywhere("PUT", "json")),
        ("sent_to_twilio", json!({"twilio": {"accountSid": SID, "authToken": AUTH_TOKEN}})),
    ] {
        let outgoing = request(&provider(config), &message(NASTY), Some(CALLBACK));
        insta::assert_snapshot!(name, show(&outgoing));
    }
}

/// What was escaped is read back as it was, by the standards' own readers.
#[test]
fn what_is_sent_is_what_was_written() {
    let fields = |outgoing: &[u8]| form_urlencoded::parse(outgoing).into_owned().collect::<Vec<_>>();
    let value = |fields: &[(String, String)], name: &str| fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
    let message = message(NASTY);
    let form = fields(&request(&provider(everywhere("POST", "form")), &message, None).body);
    let json: Value = serde_json::from_slice(&request(&provider(everywhere("PUT", "json")), &message, None).body).expect("JSON");
    let url = reqwest::Url::parse(&request(&provider(everywhere("GET", "form")), &message, None).url).expect("an address");
    let query: Vec<_> = url.query_pairs().into_owned().collect();
    for (name, expected) in [
        ("text", Some(NASTY)),
        ("source", Some("+12025550123")),
        ("agent", Some("agent 1/ä")),
        ("literal & text", Some("{+4930123456} 100 % of \"it\"")),
        ("report", None),
    ] {
        assert_eq!(value(&form, name).as_deref(), expected, "{name}");
        assert_eq!(json[name].as_str(), expected, "{name}");
        assert_eq!(value(&query, name).as_deref(), expected, "{name}");
    }
    assert_eq!((value(&query, "key").as_deref(), value(&query, "b").as_deref()), (Some("k k"), Some(NASTY)));
    let path: Vec<String> =
        url.path_segments().expect("a path").map(|part| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into()).collect();
    assert_eq!(path, ["v1", "+4930123456", "agent 1/ä", NASTY]);
    assert_eq!(url.host_str(), Some("sms.example"));
    assert!(request(&provider(everywhere("GET", "form")), &message, None).body.is_empty());
}

#[test]
fn what_is_not_there_is_left_out() {
    let config = template(|http| {
        http["headers"] = json!({"X-Agent": "{agent}", "X-Lead": "lead {lead}"});
        http["params"] = json!({"agent": "{agent}", "lead": "{lead}", "report": "{callback}", "note": "by {agent}"});
        http["auth"] = json!({"bearer": {"token": "t0ken"}});
    });
    let nobody = Message { agent: None, lead: None, ..message("x") };
    insta::assert_snapshot!(show(&request(&provider(config), &nobody, None)));
}

#[test]
fn no_value_climbs_in_the_path() {
    let in_path = provider(template(|http| http["url"] = json!("https://sms.example/v1/{agent}/send?x={agent}")));
    for (agent, fits) in [("..", false), (".", false), ("...", true), ("a..", true), ("../..", true), ("%2e%2e", true)] {
        let message = Message { agent: Some(agent.into()), ..message("x") };
        assert_eq!(in_path.dispatch(&message, None).err(), if fits { None } else { Some(Unfit) }, "{agent}");
    }
    let joined = provider(template(|http| http["url"] = json!("https://sms.example/v1/.{agent}/send")));
    assert_eq!(joined.dispatch(&Message { agent: Some(".".into()), ..message("x") }, None).err(), Some(Unfit));
    let in_query = provider(template(|http| http["url"] = json!("https://sms.example/v1?x=/../{agent}/")));
    assert!(in_query.dispatch(&Message { agent: Some("..".into()), ..message("x") }, None).is_ok());
}

#[test]
fn a_template_that_cannot_work_is_refused_by_name() {
    let with = |name: &str, value: Value| refused(template(|http| http[name] = value));
    for (name, value, text) in [
        ("params", json!({"a": "{phone}"}), "{phone} is not a placeholder; known are {from} {to} {body} {id} {agent} {lead} {callback}"),
        ("headers", json!({"X-A": "{To}"}), "{To} is not a placeholder"),
        ("url", json!("https://sms.example/{}"), "{} is not a placeholder"),
        ("params", json!({"a": "{body"}), "a brace opens or closes no placeholder"),
        ("params", json!({"a": "body}"}), "a brace opens or closes no placeholder"),
        ("params", json!({"a": "}body}"}), "a brace opens or closes no placeholder"),
        ("params", json!({"a": "{a{body}"}), "a brace opens or closes no placeholder"),
        ("url", json!("https://sms.example/{{a}}"), "%7B"),
        ("url", json!("https://{to}.example/"), "not in the host"),
        ("url", json!("https://me:pass@sms.example/"), "belong into auth"),
        ("url", json!("ftp://sms.example/"), "https://"),
        ("url", json!("/send"), "https://"),
        ("url", json!("https:///send"), "no host"),
        ("url", json!("https://sms example/send"), "not plain"),
        ("url", json!("https://sms.example/a b"), "blanks"),
        ("url", json!("https://sms.example/a#{to}"), "fragment"),
        ("url", json!("https://sms.example/a\\b"), "signs"),
        ("url", json!("https://sms.example/%2E./a"), "climbs"),
        ("headers", json!({"X A": "1"}), "\"X A\" is not the name of a header"),
        ("headers", json!({"": "1"}), "\"\" is not the name of a header"),
        ("headers", json!({"X-A": "1\r\nX-B: 2"}), "no header can hold"),
        ("headers", json!({"HOST": "a"}), "\"HOST\" follows from the request"),
        ("headers", json!({"content-type": "a"}), "follows from the request"),
        ("idPointer", json!("messages.id"), "idPointer: a JSON pointer begins with a slash"),
        ("successStatuses", json!([200, 500]), "successStatuses: statuses of success"),
        ("auth", json!({"basic": {"user": "a:b", "password": "c"}}), "a user has no colon"),
        ("auth", json!({"basic": {"user": "a", "password": ""}}), "a password or token is empty"),
        ("auth", json!({"bearer": {"token": "a b"}}), "auth.bearer.token"),
        ("auth", json!({"bearer": {"token": "a\nb"}}), "control characters"),
        ("auth", json!({"bearer": {"token": "a", "tokne": 1}}), "unknown field `tokne`"),
        ("method", json!("DELETE"), "unknown variant `DELETE`"),
        ("contentType", json!("xml"), "unknown variant `xml`"),
        ("parms", json!({}), "unknown field `parms`"),
    ] {
        let refusal = with(name, value.clone());
        assert!(refusal.contains(text), "{value}: {refusal}");
    }
    let both = refused(template(|http| {
        http["auth"] = json!({"bearer": {"token": "a"}});
        http["headers"] = json!({"authorization": "b"});
    }));
    assert!(both.contains("\"authorization\" is set by auth"), "{both}");
    let get = refused(template(|http| {
        http["method"] = json!("GET");
        http["contentType"] = json!("json");
    }));
    assert!(get.contains("GET has no body"), "{get}");
    assert!(refused(json!({"pigeon": {}})).contains("unknown variant `pigeon`"));
}

#[test]
fn a_twilio_account_that_cannot_work_is_refused() {
    let with = |name: &str, value: &str| {
        let mut config = json!({"twilio": {"accountSid": SID, "authToken": AUTH_TOKEN}});
        config["twilio"][name] = json!(value);
        refused(config)
    };
    for (name, value, text) in [
        ("accountSid", "../AC1", "accountSid"),
        ("accountSid", "", "accountSid"),
        ("authToken", "", "empty"),
        ("baseUrl", "sms.example", "baseUrl: an address begins with"),
        ("baseUrl", "https://sms.example/?a=b", "baseUrl: the address has neither"),
        ("baseUrl", "https://sms.example/{to}", "baseUrl: the address has neither"),
        ("from", "x", "unknown field `from`"),
    ] {
        let refusal = with(name, value);
        assert!(refusal.contains(text), "{name} {value}: {refusal}");
    }
    let elsewhere = provider(json!({"twilio": {"accountSid": "p-1", "authToken": "t", "baseUrl": "https://acme.example/api/laml/"}}));
    let outgoing = request(&elsewhere, &message("x"), None);
    assert_eq!(outgoing.url, "https://acme.example/api/laml/2010-04-01/Accounts/p-1/Messages.json");
    assert_eq!(outgoing.body, b"From=%2B12025550123&To=%2B4930123456&Body=x");
}

#[test]
fn a_configuration_is_stored_as_it_was_read_and_shows_no_secret() {
    for config in [
        json!("simulated"),
        json!({"twilio": {"accountSid": SID, "authToken": AUTH_TOKEN, "baseUrl": "https://api.twilio.com"}}),
        everywhere("PUT", "json"),
        template(|http| {
            http["contentType"] = json!("form");
            http["auth"] = json!("none");
            http["idPointer"] = json!("/id");
            http["successStatuses"] = json!([201]);
        }),
    ] {
        let provider = provider(config.clone());
        assert_eq!(serde_json::to_value(&provider).expect("JSON"), config);
        let shown = format!("{provider:?}");
        assert!(![AUTH_TOKEN, "pa:ss", "k%20k"].iter().any(|secret| shown.contains(secret)), "{shown}");
        if let Ok(Dispatch::Request(outgoing)) = provider.dispatch(&message("hello"), None) {
            let shown = format!("{outgoing:?}");
            assert!(shown.contains("https://"), "{shown}");
            assert!(!["Basic", "hello", "4930", SID, "k%20k"].iter().any(|secret| shown.contains(secret)), "{shown}");
        }
    }
}

fn sureness(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Taken(_) => "taken",
        Verdict::NotTaken { again: false, .. } => "not taken",
        Verdict::NotTaken { again: true, .. } => "not taken, again",
        Verdict::Unclear(_) => "unclear",
    }
}

#[test]
fn an_unclear_send_is_never_taken_for_a_sure_one() {
    let any_2xx = provider(template(|_| ()));
    let some = provider(template(|http| http["successStatuses"] = json!([202, 303])));
    let with_id = provider(template(|http| http["idPointer"] = json!("/messages/0/id")));
    let twilio = provider(json!({"twilio": {"accountSid": SID, "authToken": AUTH_TOKEN}}));
    let mut table = format!("{:14} {:18} {:18} {:18} {:18}\n", "", "any 2xx", "202, 303", "id needed", "twilio");
    let mut row = |name: String, reply: Reply<'_>| {
        let judged = [&any_2xx, &some, &with_id, &twilio].map(|provider| sureness(&provider.judge(reply)));
        writeln!(table, "{name:14} {:18} {:18} {:18} {:18}", judged[0], judged[1], judged[2], judged[3]).expect("text");
    };
    row("not connected".into(), Reply::NotConnected);
    row("silence".into(), Reply::Silence);
    for status in [100, 199, 200, 201, 202, 204, 299, 300, 302, 303, 400, 401, 403, 404, 408, 409, 422, 429, 499, 500, 502, 503, 504, 599] {
        row(format!("{status} empty"), Reply::Answer { status, body: b"" });
    }
    for status in [200, 202, 400, 500] {
        row(format!("{status} id"), Reply::Answer { status, body: br#"{"messages": [{"id": 77}], "sid": "SM1"}"# });
    }
    insta::assert_snapshot!(table);
}

fn taken(verdict: Verdict) -> Told {
    match verdict {
        Verdict::Taken(told) => told,
        other => panic!("{other:?}"),
    }
}

#[test]
fn answers_are_read() {
    let id_at = |pointer: &str| provider(template(|http| http["idPointer"] = json!(pointer)));
    let body = br#"{"messages": [{"id": 77, "ref": " m-1 ", "empty": "", "deep": {}}]}"#;
    for (pointer, expected) in [
        ("/messages/0/id", Some("77")),
        ("/messages/0/ref", Some("m-1")),
        ("/messages/0/empty", None),
        ("/messages/0/deep", None),
        ("/x", None),
    ] {
        let verdict = id_at(pointer).judge(Reply::Answer { status: 200, body });
        match expected {
            Some(id) => assert_eq!(taken(verdict), Told { provider_id: Some(id.into()), ..Told::status(Status::Sent) }),
            None => assert_eq!(sureness(&verdict), "unclear", "{pointer}"),
        }
    }
    let answer = |status, body: &'static [u8]| provider(template(|_| ())).judge(Reply::Answer { status, body });
    assert_eq!(
        answer(403, b"out of credit\n").told(),
        Told {
            fault: Some(Fault::new(Some("http_403".into()), "the provider answered 403: out of credit")),
            ..Told::status(Status::Failed)
        }
    );
    assert_eq!(answer(503, b"\xff").told().status, Status::Sending);
    assert!(answer(503, b"").told().fault.is_some_and(|fault| fault.text() == "the provider answered 503"));
    let lost = provider(json!("simulated")).judge(Reply::Silence).told();
    assert!(lost.status == Status::Sending && lost.fault.is_some_and(|fault| fault.text().contains("may have the message")));

    let twilio = provider(json!({"twilio": {"accountSid": SID, "authToken": AUTH_TOKEN}}));
    let answer = |status, body: Value| twilio.judge(Reply::Answer { status, body: body.to_string().as_bytes() });
    let ok = json!({"sid": "SM1", "status": "queued", "error_code": null, "error_message": null, "to": "+4930123456"});
    assert_eq!(taken(answer(201, ok)), Told { provider_id: Some("SM1".into()), ..Told::status(Status::Sending) });
    let failed = taken(answer(201, json!({"sid": "SM1", "status": "failed", "error_code": 30006, "error_message": null})));
    assert_eq!((failed.status, failed.fault.as_ref().and_then(Fault::code)), (Status::Failed, Some("30006")));
    let wrong = answer(400, json!({"code": 21211, "message": "Invalid 'To' Phone Number", "more_info": "…", "status": 400})).told();
    assert_eq!(wrong.fault, Some(Fault::new(Some("21211".into()), "the provider answered 400: Invalid 'To' Phone Number")));
}

#[test]
fn posts_of_twilio_are_read() {
    let callback = |body: &str| Callback::read(&Form::read(body.as_bytes())).map_err(|missing| missing.to_string());
    for (word, status) in [
        ("accepted", Some(Status::Sending)),
        ("scheduled", Some(Status::Sending)),
        ("queued", Some(Status::Sending)),
        ("sending", Some(Status::Sending)),
        ("sent", Some(Status::Sent)),
        ("partially_delivered", Some(Status::Sent)),
        ("Delivered", Some(Status::Delivered)),
        ("read", Some(Status::Delivered)),
        ("undelivered", Some(Status::Undelivered)),
        ("failed", Some(Status::Failed)),
        ("canceled", Some(Status::Failed)),
        ("receiving", None),
        ("dreaming", None),
    ] {
        let read = callback(&format!("MessageSid=SM1&MessageStatus={word}&ErrorCode=")).expect("a callback");
        let told = status.map(|status| Told { provider_id: Some("SM1".into()), ..Told::status(status) });
        assert_eq!(read, Callback { sid: "SM1".into(), told }, "{word}");
    }
    let fault = |code: &str| {
        callback(&format!("MessageSid=SM1&MessageStatus=undelivered&ErrorCode={code}"))
            .expect("a callback")
            .told
            .and_then(|told| told.fault)
    };
    assert_eq!(fault("30005"), Some(Fault::new(Some("30005".into()), "the number is unknown or no longer in use")));
    assert_eq!(
        fault("39999").map(|fault| (fault.code().map(str::to_owned), fault.text().to_owned())),
        Some((Some("39999".into()), "the provider gave a code only".into()))
    );
    assert_eq!(fault("0"), None);
    let with_nul = callback("MessageSid=S%00M1&MessageStatus=failed&ErrorCode=3%000003").expect("a callback");
    let code = with_nul.told.as_ref().and_then(|told| told.fault.as_ref()).and_then(Fault::code);
    assert_eq!((with_nul.sid.as_str(), code), ("SM1", Some("30003")), "databases take no NUL");
    assert_eq!(callback("MessageStatus=sent").unwrap_err(), "MessageSid is missing or cannot be read");
    assert_eq!(callback("MessageSid=+&MessageStatus=sent").unwrap_err(), "MessageSid is missing or cannot be read");
    assert_eq!(callback("MessageSid=SM1").unwrap_err(), "MessageStatus is missing or cannot be read");

    let incoming = |body: &str| Incoming::from_twilio(&Form::read(body.as_bytes()), HomeRegion::default());
    let read = incoming("From=%2B4930123456&To=%2B12025550123&Body=Gr%C3%BC%C3%9Fe+%26+%F0%9F%98%80&MessageSid=SM1&NumMedia=0")
        .expect("a message");
    assert_eq!(
        (read.from.as_str(), read.to.as_str(), read.body.as_str(), read.provider_id.as_str()),
        ("+4930123456", "+12025550123", "Grüße & 😀", "SM1")
    );
    assert_eq!(incoming("From=72975&To=%2B12025550123&MessageSid=SM1").map(|read| read.body).ok().as_deref(), Some(""));
    for (body, missing) in [
        ("To=%2B12025550123&Body=x&MessageSid=SM1", "From"),
        ("From=ACME&To=%2B12025550123&Body=x&MessageSid=SM1", "From"),
        ("From=%2B4930123456&To=&Body=x&MessageSid=SM1", "To"),
        ("From=%2B4930123456&To=%2B12025550123&Body=x", "MessageSid"),
    ] {
        assert_eq!(incoming(body).err().map(|error| error.to_string()), Some(format!("{missing} is missing or cannot be read")));
    }
}

/// The expected values were computed with Python's hmac and hashlib from the same address, form and token.
#[test]
fn only_what_the_provider_signed_is_believed() {
    let Provider::Twilio(account) = provider(json!({"twilio": {"accountSid": SID, "authToken": AUTH_TOKEN}})) else { panic!("twilio") };
    let url = "https://cti.example/sms/status?message=0199aaaa&x=1";
    let status =
        "MessageSid=SM0123456789abcdef0123456789abcdef&MessageStatus=delivered&From=%2B12025550123&To=%2B4930123456&AccountSid=ACfeed";
    let incoming =
        "Body=Gr%C3%BC%C3%9Fe+%26+50%25+%2B1+%F0%9F%98%80%0A&From=%2B4930123456&To=%2B12025550123&MessageSid=SM1&Tag=b&Tag=a&Tag=b&Empty=";
    let signed = |url: &str, body: &str, signature: &str| account.is_signed(url, &Form::read(body.as_bytes()), signature);
    let (of_status, of_incoming) = ("2T77mUZDk2NKZqjVsAz3tEZqx9k=", "z6WvUwVMfPm4M/dL3uBtjEVUL5Y=");
    assert!(signed(url, status, of_status));
    assert!(signed(url, incoming, of_incoming));
    for (why, url, body, signature) in [
        ("another form", url, incoming, of_status),
        ("a value changed", url, &status.replace("delivered", "failed"), of_status),
        ("a pair more", url, &format!("{status}&a=b"), of_status),
        ("a pair less", url, &status.replace("&AccountSid=ACfeed", ""), of_status),
        ("no form", url, "", of_status),
        ("another address", "https://cti.example/sms/status?message=0199aaaa&x=2", status, of_status),
        ("no query", "https://cti.example/sms/status", status, of_status),
        ("another signature", url, status, "2T77mUZDk2NKZqjVsAz3tEZqx9g="),
        ("half a signature", url, status, "2T77mUZDk2NKZg=="),
        ("no signature", url, status, ""),
        ("no base64", url, status, "%%%"),
    ] {
        assert!(!signed(url, body, signature), "{why}");
    }
    let Provider::Twilio(other) = provider(json!({"twilio": {"accountSid": SID, "authToken": "another"}})) else { panic!("twilio") };
    assert!(!other.is_signed(url, &Form::read(status.as_bytes()), of_status));
}

#[test]
fn the_simulated_provider_does_what_the_last_digit_says() {
    let simulated = provider(json!("simulated"));
    let mut table = String::new();
    for digit in 0..10 {
        let mut message = message_to(&format!("+493012345{digit}"), "x");
        let Ok(Dispatch::Played(told)) = simulated.dispatch(&message, Some(CALLBACK)) else { panic!("played") };
        let words: Vec<&str> = told.iter().map(|told| told.status.word()).collect();
        for told in told {
            message.hear(&told.heard_at(noon()));
        }
        let (id, fault) = (message.delivery.provider_id().unwrap_or("-"), message.delivery.fault().and_then(Fault::code).unwrap_or("-"));
        writeln!(
            table,
            "{digit}: {} | {} | id {id} | fault {fault} | unclear {}",
            words.join(" "),
            message.status_word(),
            message.delivery.is_unclear()
        )
        .expect("text");
    }
    insta::assert_snapshot!(table);
}
