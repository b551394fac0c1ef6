//! Bodies of `multipart/form-data`: they are read like forms, files are refused, and what is broken stores nothing.

use std::fmt::Write;

use reqwest::{Method, header};

use super::{AUTH, DUPLICATE, OK, Said, UUID, detail, effect, moved_in, said, script};
use crate::support::app::{ACCOUNT, TestApp, both};

const KIND: &str = "multipart/form-data; boundary=----Seven7";

/// A body of these parts: what stands behind `form-data;`, and the text.
fn parts_of(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut text = String::new();
    for (head, value) in parts {
        write!(text, "------Seven7\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n").expect("text");
    }
    text.push_str("------Seven7--\r\n");
    text.into_bytes()
}

async fn send(t: &TestApp, name: &str, query: &str, kind: &str, body: Vec<u8>) -> Said {
    said(t.request(Method::POST, &format!("{}?{query}", script(name))).header(header::CONTENT_TYPE, kind).body(body)).await
}

both! {
    async fn parts_are_read_like_a_form(t: TestApp) {
        moved_in(&t).await;
        let parts = [
            (r#"name="token""#, UUID),
            (r#"name="accid""#, ACCOUNT),
            (r#"name="Campaign""#, "Spring"),
            (r#"name="PrimaryPhone""#, "+1 (781) 270-6510"),
            (r#"name="FirstName""#, "Zoë &amp; \"Ada\" + 100%"),
            (r#"name="LastName""#, "first"),
            (r#"name="lastname""#, "last"),
            ("name=\"City\"\r\nContent-Type: text/plain; charset=ISO-8859-1", "Boston"),
            (r#"name="Address""#, "one\r\ntwo"),
            (r#"name="Rep""#, "null"),
            (r#"name="adv_Policy__ID""#, "P-7"),
        ];
        let told = send(&t, "InjectLead", "Campaign=Autumn&ZipCode=02101&State=MA", KIND, parts_of(&parts)).await;
        assert_eq!((told.body.as_str(), told.lead, told.warnings), (OK, Some(1), None));
        let lead = detail(&t, 1).await;
        for (name, value) in [
            ("Campaign", "Spring"), ("PrimaryPhone", "7812706510"), ("FirstName", "Zoë &amp; \"Ada\" + 100%"), ("LastName", "last"), ("City", "Boston"),
            ("Address", "one\r\ntwo"), ("Rep", ""), ("Policy ID", "P-7"), ("State", "MA"),
        ] {
            assert_eq!(lead[name], value, "{name}");
        }
        let latin = parts_of(&[(r#"name="Identifier""#, "1"), (r#"name="SearchField""#, "LeadId"), ("name=\"FirstName\"\r\nContent-Type: text/plain; charset=iso-8859-1", "Zo?")]);
        let latin = latin.iter().map(|byte| if *byte == b'?' { 0xeb } else { *byte }).collect();
        assert_eq!(send(&t, "UpdateLead", AUTH, KIND, latin).await.body, OK);
        assert_eq!(detail(&t, 1).await["FirstName"], "Zoë");
        let search = parts_of(&[(r#"name=Action"#, "SearchLead"), (r#"name="SearchField""#, "Phone"), (r#"name="Identifier""#, "7812706510")]);
        assert_eq!(send(&t, "LeadOperations", AUTH, "Multipart/Form-Data; boundary=\"----Seven7\"", search).await.body, r#"{"id":1,"LeadExists":true}"#);
        assert_eq!(send(&t, "InjectLead", &format!("{AUTH}&Campaign=Spring&PrimaryPhone=7812706510"), KIND, vec![]).await.body, DUPLICATE, "there is no body");
    }

    async fn a_file_is_refused_and_nothing_is_stored(t: TestApp) {
        moved_in(&t).await;
        let before = effect(&t).await;
        let with = |head: &str, text: &str| parts_of(&[(r#"name="Campaign""#, "Spring"), (r#"name="PrimaryPhone""#, "7812706510"), (head, text)]);
        let page = |field: &str| format!("<br><br>Result: {field}: expected a text: files are not taken");
        for (head, text, field) in [
            (r#"name="Notes"; filename="notes.txt""#, "x", "Notes"),
            (r#"name="Notes"; filename="notes.txt""#, "", "Notes"),
            (r#"name="Notes"; filename="""#, "x", "Notes"),
            ("name=\"<b>\"; filename=\"a.png\"\r\nContent-Type: image/png", "\u{1}", "&lt;b&gt;"),
            ("name=\"Notes\"\r\nContent-Type: application/octet-stream", "x", "Notes"),
            ("name=\"Notes\"; filename*=UTF-8''notes.csv\r\nContent-Type: application/vnd.ms-excel", "x", "Notes"),
        ] {
            let told = send(&t, "InjectLead", AUTH, KIND, with(head, text)).await;
            assert_eq!((told.status, told.body, told.lead), (200, page(field), None), "{head}");
        }
        let told = send(&t, "LeadOperations", AUTH, KIND, parts_of(&[(r#"name="Action""#, "InsertDnc"), (r#"name="Number"; filename="n""#, "7812706510")])).await;
        assert_eq!(told.line(), r#"200 {"success":false,"error":{"code":"invalid","message":"Number: expected a text: files are not taken"}}"#);
        let told = send(&t, "InjectLead", "", KIND, with(r#"name="Notes"; filename="n""#, "x")).await;
        assert_eq!(told.status, 401, "who may not ask is not told more");
        assert_eq!(effect(&t).await, before);
        // a form whose field for a file was left alone
        let told = send(&t, "InjectLead", AUTH, KIND, with("name=\"Upload\"; filename=\"\"\r\nContent-Type: application/octet-stream", "")).await;
        assert_eq!((told.body.as_str(), told.warnings), (OK, None));
    }

    async fn half_a_form_is_no_form(t: TestApp) {
        moved_in(&t).await;
        let before = effect(&t).await;
        let whole = parts_of(&[(r#"name="Campaign""#, "Spring"), (r#"name="PrimaryPhone""#, "7812706510"), (r#"name="Notes""#, "x")]);
        let no_name = parts_of(&[(r#"name="Campaign""#, "Spring"), (r#"name="PrimaryPhone""#, "7812706510")]);
        let no_name = String::from_utf8(no_name).expect("text").replace("form-data; name=\"PrimaryPhone\"", "form-data");
        for (what, kind, body) in [
            ("no boundary", "multipart/form-data", whole.clone()),
            ("another boundary", "multipart/form-data; boundary=eight", whole.clone()),
            ("cut in a text", KIND, whole[..whole.len() - 20].to_vec()),
            ("cut in the last line", KIND, whole[..whole.len() - 5].to_vec()),
            ("cut in a head", KIND, whole[..40].to_vec()),
            ("a form", KIND, b"Campaign=Spring&PrimaryPhone=7812706510".to_vec()),
        ] {
            let told = send(&t, "InjectLead", AUTH, kind, body.clone()).await;
            assert!(told.status == 400 && told.body.starts_with("<br><br>Result: the body is no multipart/form-data"), "{what}: {}", told.line());
            let told = send(&t, "LeadOperations", AUTH, kind, body).await;
            assert_eq!((told.status, &told.json()["error"]["code"]), (400, &serde_json::json!("unreadable")), "{what}");
        }
        assert_eq!(send(&t, "InjectLead", AUTH, KIND, no_name.into_bytes()).await.body, "<br><br>Result: No data to import", "a part without a name is nobody's");
        let large = "x".repeat(t.config.http.max_body_bytes);
        assert_eq!(send(&t, "InjectLead", AUTH, KIND, parts_of(&[(r#"name="Notes""#, &large)])).await.status, 413);
        let mut many: Vec<(String, &str)> = (0..200).map(|index| (format!("name=\"x{index}\""), "")).collect();
        many.extend([(r#"name="Campaign""#.to_owned(), "Spring"), (r#"name="PrimaryPhone""#.to_owned(), "7812706510")]);
        let many: Vec<(&str, &str)> = many.iter().map(|(head, text)| (head.as_str(), *text)).collect();
        assert_eq!(send(&t, "InjectLead", AUTH, KIND, parts_of(&many)).await.body, "<br><br>Result: Campaign name should be specified", "as with forms, all beyond the 200th");
        assert_eq!(effect(&t).await, before);
    }
}
