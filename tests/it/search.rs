//! `Search.php` and the pages behind it: signing in by cookie, opening a record by number, making a new one.

use std::time::Duration;

use cti_gateway::{
    app::passwords,
    store::{accounts::NewAccount, people::NewAgent},
};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde_json::json;

use crate::support::{
    app::{ACCOUNT, Kind, TOKEN, TestApp, agent, answer, both},
    chromium::Browser,
};

const SEARCH: &str = "/modules/PhoneCalls/callbacks/Search.php";
const PASSWORD: &str = "correct horse";

/// An account of a CRM that has pages of its own, with an operator.
const CRM: &str = "crmco";

both! {
    async fn whoever_is_not_signed_in_logs_in_first(t: TestApp) {
        people(&t).await;
        let wanted = format!("{SEARCH}?phone_number=%2B4930123456");
        let asked = send(t.request(Method::GET, &wanted)).await;
        assert_eq!(asked.status(), StatusCode::SEE_OTHER);
        assert_eq!(asked.headers()[header::CACHE_CONTROL], "no-store");
        let login = location(&asked);
        assert_eq!(login, "/login?next=%2Fmodules%2FPhoneCalls%2Fcallbacks%2FSearch.php%3Fphone_number%3D%252B4930123456");
        let page = text(send(t.request(Method::GET, &login)).await).await;
        assert!(page.contains(&format!(r#"name="next" value="{wanted}""#)), "{page}");

        let wrong = send(log_in(&t, "op", "wrong", &wanted)).await;
        assert_eq!((wrong.status(), wrong.headers().get(header::SET_COOKIE)), (StatusCode::UNAUTHORIZED, None));
        let page = text(wrong).await;
        assert!(page.contains("do not belong together") && page.contains(r#"name="login" value="op""#) && !page.contains("wrong"), "{page}");
        let right = send(log_in(&t, "op", PASSWORD, &wanted)).await;
        assert_eq!((right.status(), location(&right)), (StatusCode::SEE_OTHER, wanted.clone()));
        let set = right.headers()[header::SET_COOKIE].to_str().expect("text").to_owned();
        assert!(set.starts_with("__Host-cti=session_") && set.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=43200"), "{set}");
        let found = send(t.request(Method::GET, &wanted).header(header::COOKIE, cookie(&right))).await;
        assert_eq!((found.status(), location(&found)), (StatusCode::FOUND, "/directory/new?number=%2B4930123456".to_owned()));

        // agents may, too
        sign_in(&t, "agent9").await;
    }

    async fn the_cookie_belongs_to_people_and_to_pages(t: TestApp) {
        people(&t).await;
        let cookie = sign_in(&t, "op").await;
        let (status, _) = answer(t.request(Method::GET, "/api/v1/dialer-calls").header(header::COOKIE, &cookie)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let program = send(t.request(Method::GET, "/directory").header(header::COOKIE, format!("__Host-cti={TOKEN}"))).await;
        assert_eq!(location(&program), "/login?next=%2Fdirectory");
        t.clock.advance(Duration::from_secs(43_200));
        let late = send(t.request(Method::GET, "/directory").header(header::COOKIE, &cookie)).await;
        assert_eq!(location(&late), "/login?next=%2Fdirectory");
    }

    async fn signing_out_ends_the_session(t: TestApp) {
        people(&t).await;
        let cookie = sign_in(&t, "op").await;
        let sign_out = |token: &str| form(t.request(Method::POST, "/logout").header(header::COOKIE, &cookie), &[("csrf", token)]);
        assert_eq!(send(sign_out("guessed")).await.status(), StatusCode::FORBIDDEN);
        let other = csrf(&page(&t, &sign_in(&t, "op").await, "/directory").await);
        assert_eq!(send(sign_out(&other)).await.status(), StatusCode::FORBIDDEN, "a token of another session");
        let out = send(sign_out(&csrf(&page(&t, &cookie, "/directory").await))).await;
        assert_eq!((out.status(), location(&out)), (StatusCode::SEE_OTHER, "/login".to_owned()));
        assert!(out.headers()[header::SET_COOKIE].to_str().expect("text").ends_with("Max-Age=0"));
        let after = send(t.request(Method::GET, "/directory").header(header::COOKIE, &cookie)).await;
        assert_eq!(location(&after), "/login?next=%2Fdirectory");
    }

    async fn only_our_own_login_form_is_taken(t: TestApp) {
        people(&t).await;
        let fields = [("account", ACCOUNT), ("login", "op"), ("password", PASSWORD)];
        let plain = || form(t.request(Method::POST, "/login"), &fields);
        for (request, status) in [
            (plain(), StatusCode::FORBIDDEN),
            (plain().header("Origin", "null"), StatusCode::FORBIDDEN),
            (plain().header("Origin", "https://evil.example"), StatusCode::FORBIDDEN),
            (plain().header("Sec-Fetch-Site", "cross-site"), StatusCode::FORBIDDEN),
            (plain().header("Sec-Fetch-Site", "same-origin").header("Origin", "http://cti.example"), StatusCode::FORBIDDEN),
            (plain().header("Sec-Fetch-Site", "same-origin"), StatusCode::SEE_OTHER),
            (plain().header("Origin", t.url("")), StatusCode::SEE_OTHER),
        ] {
            assert_eq!(send(request).await.status(), status);
        }
        for next in ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)"] {
            assert_eq!(location(&send(log_in(&t, "op", PASSWORD, next)).await), "/directory", "{next}");
        }
    }

    async fn guessing_passwords_is_slow(t: TestApp) {
        people(&t).await;
        let mut last = StatusCode::OK;
        for _ in 0..11 {
            last = send(log_in(&t, "op", "guess", "")).await.status();
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    }

    async fn a_number_opens_its_record(t: TestApp) {
        people(&t).await;
        let cookie = sign_in(&t, "op").await;
        let open = async |query: &str| {
            let found = send(t.request(Method::GET, &format!("{SEARCH}?{query}")).header(header::COOKIE, &cookie)).await;
            (found.status().as_u16(), location(&found))
        };
        party(&t, "contact/c 1", json!({"name": "Ada", "numbers": ["+1 781 270 6510", "1001"]})).await;
        for number in ["%2B17812706510", "+17812706510", "%20%2B1%20781%20270%206510", "(781)%20270-6510", "7812706510", "tel:%2B17812706510"] {
            assert_eq!(open(&format!("phone_number={number}")).await, (302, "/directory/contact/c%201".to_owned()), "{number}");
        }
        assert_eq!(open("phone_number=1001").await.1, "/directory/contact/c%201");
        assert_eq!(open("phone_number=78127").await, (302, "/directory/new?number=78127".to_owned()), "no part of a number matches");

        // of two, the one changed last; the CRM's address wins over our page
        t.clock.advance(Duration::from_secs(1));
        party(&t, "lead/7", json!({"name": "Ben", "numbers": ["+17812706510"], "url": "https://crm.example/leads/ü?x=%2B"})).await;
        assert_eq!(open("phone_number=%2B17812706510").await.1, "https://crm.example/leads/%C3%BC?x=%2B");
        t.clock.advance(Duration::from_secs(1));
        party(&t, "contact/c 1", json!({"name": "Ada", "numbers": ["+17812706510"]})).await;
        assert_eq!(open("phone_number=%2B17812706510").await.1, "/directory/contact/c%201");
    }

    async fn what_is_no_number_or_no_visit_opens_nothing(t: TestApp) {
        people(&t).await;
        let cookie = sign_in(&t, "op").await;
        for query in ["", "?phone_number=", "?phone_number=%20", "?phone_number=undefined", "?phone_number=Ada", "?number=1"] {
            let said = send(t.request(Method::GET, &format!("{SEARCH}{query}")).header(header::COOKIE, &cookie)).await;
            assert_eq!(said.status(), StatusCode::BAD_REQUEST, "{query}");
            assert!(text(said).await.contains("A telephone number is expected"), "{query}");
        }
        let wanted = format!("{SEARCH}?phone_number=1001");
        for request in [
            t.request(Method::HEAD, &wanted),
            t.request(Method::GET, &wanted).header("Purpose", "prefetch"),
            t.request(Method::GET, &wanted).header("Sec-Purpose", "prefetch;prerender"),
        ] {
            let said = send(request.header(header::COOKIE, &cookie)).await;
            assert_eq!((said.status(), said.headers().get(header::LOCATION)), (StatusCode::NO_CONTENT, None));
            assert_eq!(said.headers()[header::CACHE_CONTROL], "no-store");
        }
        assert_eq!(send(t.request(Method::POST, &wanted)).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    }

    async fn templates_lead_into_the_crm(t: TestApp) {
        people(&t).await;
        crm(&t, "https://crm.example/{type}/{id}?n={number}&o={type}", "https://crm.example/new?n={number}").await;
        let cookie = cookie(&send(log_in_to(&t, CRM, "op", PASSWORD, "")).await);
        let token = csrf(&page(&t, &cookie, "/directory/new").await);
        let fields = [("csrf", token.as_str()), ("type", "account"), ("id", "a/b {number}"), ("name", "Ada"), ("numbers", "030 123456")];
        let stored = send(form(t.request(Method::POST, "/directory/new").header(header::COOKIE, &cookie), &fields)).await;
        assert_eq!(location(&stored), "/directory/account/a%2Fb%20%7Bnumber%7D");
        let open = async |number: &str| location(&send(t.request(Method::GET, &format!("{SEARCH}?phone_number={number}")).header(header::COOKIE, &cookie)).await);
        // the account is German: its numbers need no country code
        assert_eq!(open("030123456").await, "https://crm.example/account/a%2Fb%20%7Bnumber%7D?n=%2B4930123456&o=account");
        assert_eq!(open("0301234567").await, "https://crm.example/new?n=%2B49301234567");
        // another account's records are not there
        let other = send(t.request(Method::GET, &location(&stored)).header(header::COOKIE, sign_in(&t, "op").await)).await;
        assert_eq!(other.status(), StatusCode::NOT_FOUND);
    }

    async fn an_unknown_number_becomes_a_record(t: TestApp) {
        people(&t).await;
        let cookie = sign_in(&t, "agent9").await;
        let asked = page(&t, &cookie, "/directory/new?number=%2B4930123456").await;
        assert!(asked.contains(">+4930123456</textarea>"), "{asked}");
        let (token, fresh) = (csrf(&asked), hidden(&asked, "fresh"));
        let name = r#"<script>alert("Ada")</script>"#;
        let send_form = |token: &str, numbers: &str, url: &str, id: &str| {
            let fields = [("csrf", token), ("fresh", &fresh), ("type", "contact"), ("id", id), ("name", name), ("numbers", numbers), ("email", "ada@example.org"), ("url", url)];
            form(t.request(Method::POST, "/directory/new").header(header::COOKIE, &cookie), &fields)
        };
        assert_eq!(send(send_form("guessed", "1001", "", "")).await.status(), StatusCode::FORBIDDEN);
        for (numbers, url, flaw) in [("+4930123456\r\nabc", "", "numbers-flaw"), ("1001", "javascript:alert(1)", "url-flaw")] {
            let refused = send(send_form(&token, numbers, url, "")).await;
            assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
            let shown = text(refused).await;
            assert!(shown.contains(&format!(r#"id="{flaw}""#)) && shown.contains("ada@example.org") && shown.contains(numbers), "{shown}");
            assert!(shown.contains("&lt;script&gt;") && !shown.contains("<script>"), "{shown}");
        }
        // sent twice, as by a double click: one record
        let stored = send(send_form(&token, "+49 30 123456\r\n1001", "https://crm.example/7", "")).await;
        assert_eq!((stored.status(), location(&stored)), (StatusCode::SEE_OTHER, format!("/directory/contact/{fresh}")));
        send(send_form(&token, "+49 30 123456\r\n1001", "https://crm.example/7", "")).await;
        let (_, parties) = t.get("/api/v1/parties").await;
        assert_eq!(parties["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(parties["items"][0]["numbers"], json!(["+4930123456", "1001"]));
        assert_eq!(parties["items"][0]["name"], name);
        // an id that is taken is not taken over
        assert_eq!(send(send_form(&token, "1002", "", &fresh)).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let found = send(t.request(Method::GET, &format!("{SEARCH}?phone_number=%2B4930123456")).header(header::COOKIE, &cookie)).await;
        assert_eq!(location(&found), "https://crm.example/7");
    }

    async fn a_record_shows_its_last_calls(t: TestApp) {
        people(&t).await;
        let cookie = sign_in(&t, "op").await;
        party(&t, "contact/1", json!({"name": "A & B", "numbers": ["+4930123456", "+4930123457"], "email": "a@b.example", "url": "https://crm.example/?a=1&b=2"})).await;
        for n in 0..25 {
            t.clock.advance(Duration::from_secs(60));
            t.vtiger(&format!("event=call_initiated&call_id={n}&from=%2B493012345{}&to=1001", 6 + n % 2)).await;
            t.vtiger(&format!("event=call_hangup&call_id={n}&hangup_reason=busy")).await;
        }
        t.vtiger("event=call_initiated&call_id=other&from=%2B4930999999&to=1001").await;
        let shown = send(t.request(Method::GET, "/directory/contact/1").header(header::COOKIE, &cookie)).await;
        let policy = shown.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("text").to_owned();
        assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'") && !policy.contains("unsafe"), "{policy}");
        let shown = text(shown).await;
        assert_eq!(shown.matches(r#"data-testid="call""#).count(), 20);
        for part in ["A &amp; B", "mailto:a@b.example", r#"href="https://crm.example/?a=1&amp;b=2""#, "2026-11-20T12:25:00.000Z", ">Busy<", ">agent1<"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains("+4930999999"));
        for missing in ["/directory/contact/2", "/directory/contact/%00", "/directory/%00/1"] {
            assert_eq!(send(t.request(Method::GET, missing).header(header::COOKIE, &cookie)).await.status(), StatusCode::NOT_FOUND);
        }
    }
}

/// What only a browser shows: it keeps the cookie, sends the headers that prove our form, and follows a form's redirects
/// to the CRM although the page's policy is narrow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_gets_from_the_link_to_the_crm() {
    let t = TestApp::start(Kind::Sqlite).await;
    people(&t).await;
    // the console's page on another origin stands in for the CRM
    let elsewhere = t.url("").replace("127.0.0.1", "localhost");
    crm(&t, &format!("{elsewhere}/console?record={{id}}"), &format!("{elsewhere}/console?number={{number}}")).await;
    let browser = Browser::launch().await;
    let tab = browser.page(&t.url(&format!("{SEARCH}?phone_number=030123456"))).await;
    let fill = |name: &str, value: &str| format!("document.querySelector('[name={name}]').value = '{value}';");
    let submit = "document.querySelector('main form').requestSubmit()";
    let login = [("account", CRM), ("login", "op"), ("password", PASSWORD)].map(|(name, value)| fill(name, value)).concat();
    tab.eval(&(login + submit)).await;
    tab.wait_for("location.search === '?number=%2B4930123456'", Duration::from_secs(10)).await;
    tab.open(&t.url("/directory")).await;
    tab.eval(&(fill("phone_number", "030 123457") + submit)).await;
    tab.wait_for("location.search === '?number=%2B4930123457'", Duration::from_secs(10)).await;
    tab.open(&t.url("/directory/new?number=%2B4930123458")).await;
    tab.eval(&(fill("name", "Ada") + submit)).await;
    tab.wait_for("document.querySelector('[data-testid=name]')?.textContent === 'Ada'", Duration::from_secs(10)).await;
    tab.eval("document.querySelector('.sign-out').requestSubmit()").await;
    tab.wait_for("location.pathname === '/login'", Duration::from_secs(10)).await;
    assert_eq!(tab.console_errors(), Vec::<String>::new());
}

/// An operator `op` and an agent `agent9` with a password.
async fn people(t: &TestApp) {
    let hash = passwords::hash(PASSWORD).expect("a hash");
    let admin = t.admin();
    assert!(admin.add_operator((t.account, ACCOUNT), "op", &hash).await.expect("the store"));
    let agent = NewAgent { password_hash: Some(hash), ..agent("agent9", "1009") };
    admin.add_agent((t.account, ACCOUNT), &agent).await.expect("the store").expect("a new agent");
}

/// A second, German account whose CRM has pages of its own.
async fn crm(t: &TestApp, search_url: &str, create_url: &str) {
    let admin = t.admin();
    let new =
        NewAccount { name: CRM.into(), region: "DE".into(), search_url: Some(search_url.into()), create_url: Some(create_url.into()) };
    let account = admin.add_account(&new).await.expect("the store").expect("a new account");
    let hash = passwords::hash(PASSWORD).expect("a hash");
    assert!(admin.add_operator((account, CRM), "op", &hash).await.expect("the store"));
}

async fn party(t: &TestApp, path: &str, party: serde_json::Value) {
    let (status, body) = answer(t.api(Method::PUT, &format!("/api/v1/parties/{path}")).json(&party)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

fn log_in(t: &TestApp, login: &str, password: &str, next: &str) -> RequestBuilder {
    log_in_to(t, ACCOUNT, login, password, next)
}

fn log_in_to(t: &TestApp, account: &str, login: &str, password: &str, next: &str) -> RequestBuilder {
    let fields = [("account", account), ("login", login), ("password", password), ("next", next)];
    form(t.request(Method::POST, "/login").header("Origin", t.url("")), &fields)
}

fn form(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    request.form(fields)
}

/// The cookie of a new session.
async fn sign_in(t: &TestApp, login: &str) -> String {
    cookie(&send(log_in(t, login, PASSWORD, "")).await)
}

fn cookie(response: &Response) -> String {
    let set = response.headers().get(header::SET_COOKIE).expect("a cookie").to_str().expect("text");
    set.split(';').next().expect("a pair").to_owned()
}

async fn send(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

async fn text(response: Response) -> String {
    response.text().await.expect("a body")
}

async fn page(t: &TestApp, cookie: &str, path: &str) -> String {
    let response = send(t.request(Method::GET, path).header(header::COOKIE, cookie)).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    text(response).await
}

fn location(response: &Response) -> String {
    response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn csrf(page: &str) -> String {
    hidden(page, "csrf")
}

/// The value of a hidden field.
fn hidden(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!(r#"name="{name}" value=""#)).expect("the field");
    rest.split('"').next().expect("its value").to_owned()
}
