//! No secret and no telephone number reaches a log line, whatever happens and however much is logged.

use cti_gateway::{
    app::{admin::Admin, clock::Clock, directory::Subject, passwords, sessions::OneTimeLink},
    domain::{
        secret::{SecretHash, of_group},
        setup::Kind,
    },
    store::{credentials::NewCredential, setup},
};
use reqwest::{Client, Method, RequestBuilder, StatusCode, header};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{
    app::{ACCOUNT, GENERIC, PBXMANAGER, SECRET, TOKEN, agent, answer, gateway, token},
    binary::Binary,
    wire::{Bytes, Wire, until},
};

const PASSWORD: &str = "hush-password-1";
const SIGNATURE: &str = "hush-signature-2";
const QUERY_TOKEN: &str = "hush-query-token-4";
const SECURITY_CODE: &str = "hush-security-code-5";
/// Digits of the numbers that are used here, in whatever form they are sent.
const DIGITS: [&str; 4] = ["3055501901", "3055501902", "2025550193", "3055501904"];

/// One program with its marked secrets.
struct Marked {
    program: Binary,
    http: Client,
    secrets: Vec<String>,
}

impl Marked {
    async fn start(filter: &str) -> Self {
        let program = Binary::start(&[("CTI_LOG", filter), ("CTI_SOCKET__PING_MS", "500")]).await;
        let db = program.db().await;
        let admin = Admin::new(db.clone(), Clock::System);
        let hash = passwords::hash(PASSWORD).expect("a hash");
        assert!(admin.add_operator((program.account, ACCOUNT), "olga", &hash).await.expect("the store"));
        let mut anna = agent("anna", "+493055501904");
        anna.password_hash = Some(hash);
        admin.add_agent((program.account, ACCOUNT), &anna).await.expect("the store").expect("a new agent");
        let mut signed = gateway("signed", "hush-gateway-3", "all");
        signed.signature = Some(SecretHash::of(SIGNATURE));
        admin.add_gateway((program.account, ACCOUNT), &signed).await.expect("the store").expect("a new gateway");
        let scopes = "leads:read,leads:write,dnc:write,lists:write,skills:write,messages:send,calls:control,agents:read";
        for secret in [QUERY_TOKEN, &of_group(7, SECURITY_CODE)] {
            let credential = NewCredential { allow_query: true, ..token(program.account, secret, scopes) };
            assert!(admin.add_token(ACCOUNT, &credential).await.expect("the store"));
        }
        let mut tx = db.begin().await.expect("a transaction");
        setup::put(&mut tx, program.account, Kind::Campaign, "Spring", "{}", Clock::System.now()).await.expect("the store");
        tx.commit().await.expect("the store");
        let link = OneTimeLink::issue(&db, &Clock::System, (program.account, ACCOUNT), &Subject::Operator("olga".to_owned()))
            .await
            .expect("the store");
        db.close().await;
        let secrets = [TOKEN, SECRET, PASSWORD, SIGNATURE, QUERY_TOKEN, SECURITY_CODE, "hush-gateway-3", "hush-wrong"]
            .map(str::to_owned)
            .into_iter()
            .chain([link.secret])
            .collect();
        Self { program, http: Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client"), secrets }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.program.url(path))
    }

    fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(TOKEN)
    }

    /// What telephone systems send, well and badly.
    async fn telephone_systems(&self) {
        let query = "event=call_initiated&call_id=1&from=%2B493055501901&to=1001&notes=ring+%2B493055501902";
        answer(self.request(Method::POST, &format!("{GENERIC}?{query}")).header("X-VTIGER-SECRET", SECRET)).await;
        answer(self.request(Method::POST, &format!("{GENERIC}?{query}")).header("X-VTIGER-SECRET", "hush-wrong")).await;
        answer(
            self.request(Method::POST, &format!("{GENERIC}?event=+493055501901&call_id=+493055501902")).header("X-VTIGER-SECRET", SECRET),
        )
        .await;
        answer(self.request(Method::PUT, &format!("{GENERIC}?{query}&secret=hush-wrong")).header("X-VTIGER-SECRET", SECRET)).await;
        for (signature, status) in [(SIGNATURE, "NewCall"), ("hush-wrong", "NewCall"), (SIGNATURE, "+493055501901"), (SIGNATURE, "")] {
            let body = format!("vtigersignature={signature}&callstatus={status}&callUUID=2&callerIdNumber=2025550193&callerId=101");
            answer(self.request(Method::POST, PBXMANAGER).body(body)).await;
        }
        let event = |from: &str, event: &str| json!({"events": [{"event": event, "callId": "3", "from": from, "to": "1001", "customData": "hush-wrong"}]});
        for body in [
            event("+493055501901", "initiated"),
            event("no number", "initiated"),
            event("+493055501901", "+493055501902"),
            json!({"events": "+493055501901"}),
            json!({"+493055501901": "hush-wrong"}),
        ] {
            let request = self
                .api(Method::POST, "/api/v1/call-events")
                .header("Idempotency-Key", format!("hush-wrong-{body}").replace('"', "'"))
                .json(&body);
            answer(request).await;
        }
    }

    /// What clients of DialedIn send: secrets and numbers ride in the query and in forms, well and badly.
    async fn dialedin_clients(&self) {
        let lead = "Campaign=Spring&PrimaryPhone=2025550193&Notes=hush-wrong&SearchField=Phone&Identifier=2025550193&Number=2025550193";
        let more = "From=2025550193&To=2025550193&Message=hush-wrong&Phone=2025550193&DID=2025550193&Agent=anna&List=hush-wrong";
        let scripts =
            ["InjectLead", "UpdateLead", "LeadOperations", "TextOperations", "CallOperations", "AgentDialList", "PlaylistOperations"];
        let actions =
            ["SearchLead&Detailed=1", "InsertDnc", "SendSms", "ConferenceCall", "AddPhone", "Reload&Playlist=hush-wrong", "hush-wrong"];
        for credential in [
            format!("token={QUERY_TOKEN}&accid={ACCOUNT}"),
            format!("GroupId=7&SecurityCode={SECURITY_CODE}"),
            "token=hush-wrong&accid=hush-wrong".to_owned(),
            format!("token={TOKEN}&accid={ACCOUNT}"),
        ] {
            for (script, action) in scripts.iter().flat_map(|script| actions.map(|action| (script, action))) {
                let (path, query) = (format!("/HttpImport/{script}.php"), format!("{credential}&{lead}&{more}&Action={action}"));
                answer(self.request(Method::GET, &format!("{path}?{query}"))).await;
                answer(self.request(Method::POST, &path).body(query)).await;
            }
        }
        let stored = format!("/HttpImport/InjectLead.php?token={QUERY_TOKEN}&accid={ACCOUNT}&{lead}&DuplicatesCheck=1");
        let response = self.request(Method::GET, &stored).send().await.expect("an answer");
        assert_eq!(response.text().await.expect("a body"), "<br><br>Result:  OK");
    }

    /// What the API is asked, and its errors.
    async fn api_clients(&self) {
        for path in [
            "/api/v1/dialer-calls?number=%2B493055501901",
            "/api/v1/dialer-calls?number=hush-wrong&since=%2B493055501901",
            "/api/v1/events?after=%2B493055501901&epoch=hush-wrong",
            "/api/v1/agents?token=hush-wrong",
            "/api/v1/parties?number=%2B493055501901",
            "/api/v1/parties?cursor=hush-wrong",
            "/nowhere?token=hush-wrong&number=%2B493055501901",
            "/api/v1/dialer-calls?agent=%00hush-wrong",
            "/metrics?token=hush-wrong",
            "/console?token=hush-wrong",
            "/api/v1/events?wait=1",
        ] {
            answer(self.api(Method::GET, path)).await;
            answer(self.request(Method::GET, path).bearer_auth("hush-wrong")).await;
            answer(self.request(Method::GET, path).basic_auth("anna", Some("hush-wrong"))).await;
        }
        let party = json!({"name": "Hush", "numbers": ["+493055501902", "+493055501901"], "email": "a@b.example"});
        answer(self.api(Method::PUT, "/api/v1/parties/contact/1").json(&party)).await;
        answer(self.api(Method::PUT, "/api/v1/parties/contact/1").json(&json!({"name": "x", "numbers": ["hush-wrong"]}))).await;
        let csv = "type,id,name,numbers\ncontact,2,x,+493055501901\ncontact,3,,hush-wrong;+493055501902\n";
        answer(self.api(Method::POST, "/api/v1/parties").header(header::CONTENT_TYPE, "text/csv").body(csv)).await;
        answer(self.api(Method::POST, "/api/v1/parties").header(header::CONTENT_TYPE, "hush-wrong").body(csv)).await;
    }

    /// People: signing in well and badly, pages, signing out. Answers the secrets that were given out.
    async fn people(&mut self) {
        let link = self.secrets.last().cloned().expect("the link's code");
        for body in [
            json!({"account": ACCOUNT, "login": "anna", "password": PASSWORD}),
            json!({"account": ACCOUNT, "login": "anna", "password": "hush-wrong"}),
            json!({ "code": link }),
            json!({"code": "hush-wrong"}),
            json!({"account": "+493055501901", "login": "hush-wrong", "password": ["hush-wrong"]}),
        ] {
            let (_, session) = answer(self.request(Method::POST, "/api/v1/sessions").json(&body)).await;
            self.secrets.extend(session["token"].as_str().map(str::to_owned));
        }
        let session = self.secrets.last().cloned().expect("a session");
        for path in [
            "/directory",
            "/directory/contact/1",
            "/modules/PhoneCalls/callbacks/Search.php?phone_number=%2B493055501901",
            "/directory/new?number=%2B493055501901",
        ] {
            for cookie in [format!("__Host-cti={session}"), "__Host-cti=hush-wrong".to_owned()] {
                answer(self.request(Method::GET, path).header(header::COOKIE, cookie)).await;
            }
        }
        let form = format!("account={ACCOUNT}&login=anna&password={PASSWORD}&next=/directory?number=%2B493055501901");
        let response =
            self.request(Method::POST, "/login").header("sec-fetch-site", "same-origin").body(form).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        let cookie = response.headers().get(header::SET_COOKIE).and_then(|value| value.to_str().ok()).expect("a cookie").to_owned();
        self.secrets.push(cookie.split(['=', ';']).nth(1).expect("a secret").to_owned());
        answer(self.request(Method::DELETE, "/api/v1/sessions/current").bearer_auth(&session)).await;
    }

    /// Softphones and programs, well and badly.
    async fn sockets(&mut self) {
        let protocol = ("sec-websocket-protocol", "cti.v1.json");
        let (_, body) = answer(self.api(Method::POST, "/api/v1/ws-ticket").json(&json!({"agent": "anna"}))).await;
        let ticket = body["ticket"].as_str().expect("a ticket").to_owned();
        let mut phone = Wire::with_headers(self.program.address, None, &[protocol]).await.expect("the upgrade");
        phone.hello(json!({ "ticket": ticket })).await;
        phone.next_of("snapshot").await;
        answer(
            self.request(Method::POST, &format!("{GENERIC}?event=call_initiated&call_id=9&from=%2B493055501901&to=%2B493055501904"))
                .header("X-VTIGER-SECRET", SECRET),
        )
        .await;
        phone.next_of("ev").await;
        phone.send(json!({"op": "cmd", "id": "hush-wrong", "m": "dial", "p": {"number": "+493055501902"}})).await;
        phone.next_of("res").await;
        phone.send(json!({"op": "cmd", "id": "x", "m": "+493055501902"})).await;
        phone.next_of("ping").await;
        phone.message(Message::text(r#"{"op":"hush-wrong","number":"+493055501902"}"#)).await;
        phone.closed().await;
        for hello in [
            json!({ "ticket": ticket }),
            json!({"ticket": "hush-wrong"}),
            json!({"agents": ["+493055501901"]}),
            json!({"types": ["hush-wrong"]}),
        ] {
            let mut wire = Wire::with_headers(self.program.address, None, &[protocol, ("authorization", &format!("Bearer {TOKEN}"))])
                .await
                .expect("the upgrade");
            wire.hello(hello).await;
            wire.closed().await;
        }
        for headers in [
            &[protocol, ("authorization", "Bearer hush-wrong")][..],
            &[protocol, ("origin", "https://hush-wrong.example")],
            &[("sec-websocket-protocol", "hush-wrong")],
        ] {
            assert!(Wire::with_headers(self.program.address, None, headers).await.is_err());
        }
        self.secrets.push(ticket);
    }

    /// Bytes that are no request.
    async fn garbage(&self) {
        for bytes in [
            &b"GET /api?token=hush-wrong HTTP/1.1\r\nAuthorization: Bearer hush-wrong\r\n\x01: \r\n\r\n"[..],
            b"hush-wrong +493055501901\r\n\r\n",
        ] {
            let mut connection = Bytes::open(self.program.address).await;
            connection.write(bytes).await;
            connection.finish().await;
            connection.read_to_end().await;
        }
        let long = format!("/healthz?token=hush-wrong&pad={}", "x".repeat(9000));
        answer(self.api(Method::GET, &long)).await;
    }
}

/// Drives every door with secrets and numbers in every place, then looks for them in the log.
async fn search_the_log(filter: &str) -> String {
    let mut marked = Marked::start(filter).await;
    until("the program knows its new agent", || async {
        answer(marked.api(Method::GET, "/api/v1/agents")).await.1.to_string().contains("anna")
    })
    .await;
    marked.telephone_systems().await;
    marked.dialedin_clients().await;
    marked.api_clients().await;
    marked.people().await;
    marked.sockets().await;
    marked.garbage().await;
    let Marked { program, secrets, .. } = marked;
    program.terminate();
    let log = program.ended().await;
    assert!(secrets.len() >= 13, "every kind of secret was in play: {}", secrets.len());
    for marker in secrets.iter().map(String::as_str).chain(DIGITS) {
        let found: Vec<&str> = log.lines().filter(|line| line.contains(marker)).collect();
        assert!(found.is_empty(), "{marker:?} is in the log:\n{}", found.join("\n"));
    }
    log
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fullest_log_holds_no_secret_and_no_number() {
    let log = search_the_log("trace").await;
    for line in ["INFO cti_gateway", "DEBUG request: sqlx::query", "a socket opens", "a connection ended early", "stopped"] {
        assert!(log.contains(line), "the log was on, and full: {line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_the_usual_one() {
    let log = search_the_log("info").await;
    assert!(log.contains("serving") && !log.contains("DEBUG"));
}
