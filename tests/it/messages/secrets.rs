//! What providers' secrets are kept in, and what the log does not hold.

use cti_gateway::{
    app::{admin::Admin, clock::Clock, directory::Directory, hub::Hub, seal::Seal},
    domain::setup::{Invalid, Kind},
    store::{Db, setup},
};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::{
    AUTH_TOKEN, KEY, MESSAGES, OURS, POST_SECRET, SID, THEIRS, account, carried_by, draft,
    fake::{Act, Fake},
    generic, outside, put, twilio,
};
use crate::support::{
    app::{ACCOUNT, Kind as Database, TOKEN, answer, both},
    binary::Binary,
    wire::until,
};

/// The stored body of a provider.
async fn stored(db: &Db, account: i64, name: &str) -> String {
    let rows = setup::all(db.read(), account).await.expect("the store");
    rows.into_iter().find(|row| row.kind == "provider" && row.name == name).expect("a provider").body
}

both! {
    async fn secrets_are_never_in_the_database_in_clear(t: TestApp with outside) {
        carried_by(&t, twilio("http://127.0.0.1:9")).await;
        put(&t, Kind::Provider, "generic", generic("http://127.0.0.1:9")).await;
        for name in ["main", "generic"] {
            let body: Value = serde_json::from_str(&stored(&t.app().db, t.account, name).await).expect("JSON");
            assert!(body["sealed"].as_str().is_some_and(|text| text.starts_with("v1.")), "{body}");
        }
        t.stop().await;
        if t.kind == Database::Sqlite {
            let file = t.config.store.url.strip_prefix("sqlite:").expect("a file");
            for file in [file.to_owned(), format!("{file}-wal")] {
                let bytes = std::fs::read(&file).unwrap_or_default();
                for secret in [AUTH_TOKEN, POST_SECRET, "hush", SID] {
                    assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} in {file}");
                }
            }
        }
    }

    async fn without_a_key_no_secret_is_stored_or_read(t: TestApp with |config| { outside(config); config.seal = Seal::default(); }) {
        let account = account(&t).await;
        let refused: Invalid = t.app().put_setup(&account, Kind::Provider, "main", twilio("http://127.0.0.1:9")).await.expect("the store").expect_err("a refusal");
        assert!(refused.message.contains("CTI_SECRET_KEY") && refused.message.contains("secrets key"), "{refused}");
        put(&t, Kind::Provider, "simulated", json!("simulated")).await;
        assert_eq!(stored(&t.app().db, t.account, "simulated").await, "\"simulated\"", "there is nothing to seal");
        let admin = t.admin().with_seal(Seal::new(Some(KEY), None).expect("a key"));
        admin.change_setup(&account, Kind::Provider, "main", |_, _| Ok::<_, Invalid>(cti_gateway::app::setup::Change::Put(twilio("http://x.example")))).await.expect("the store").expect("stored");
        assert!(self::account(&t).await.setup.providers.get("main").is_none(), "it is left out, and the rest is there");
        assert!(self::account(&t).await.setup.providers.get("simulated").is_some());
    }

    async fn keys_are_changed_without_losing_anything(t: TestApp with outside) {
        carried_by(&t, twilio("http://127.0.0.1:9")).await;
        put(&t, Kind::Provider, "generic", generic("http://127.0.0.1:9")).await;
        let before = [stored(&t.app().db, t.account, "main").await, stored(&t.app().db, t.account, "generic").await];
        let new_key = Seal::make_key();
        let reads = async |seal: Seal| {
            let hub = Hub::new(t.app().db.clone(), |_| {});
            Directory::new(t.app().db.clone()).with_seal(seal).account(&hub, t.account).await.expect("the account").setup.providers.iter().count()
        };
        let alone = Seal::new(Some(&new_key), None).expect("a key");
        let with_old = Seal::new(Some(&new_key), Some(KEY)).expect("keys");
        let (name, error) = t.admin().with_seal(alone.clone()).reseal((t.account, ACCOUNT)).await.expect("the store").expect_err("no old key");
        assert!(name == "generic" && error.to_string().contains("CTI_SECRET_KEY_OLD"), "{name}: {error}");
        assert_eq!((reads(alone.clone()).await, reads(with_old.clone()).await), (0, 2));
        let admin = t.admin().with_seal(with_old);
        assert_eq!(admin.reseal((t.account, ACCOUNT)).await.expect("the store"), Ok(2));
        assert_eq!(admin.reseal((t.account, ACCOUNT)).await.expect("the store"), Ok(0));
        assert_eq!(reads(alone).await, 2);
        assert!(!before.contains(&stored(&t.app().db, t.account, "main").await));
        let entry = t.journal().await.pop().expect("an entry");
        assert_eq!((&entry["type"], &entry["data"]), (&json!("config.changed"), &json!({"kind": "provider", "resealed": 2})));
    }
}

/// Messages through the program with everything logged: sent, refused, brought in, forged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fullest_log_holds_no_secret_and_no_number() {
    let fake = Fake::start([
        Act::answer(201, r#"{"sid":"SM1","status":"sent"}"#),
        Act::answer(400, r#"{"code":1,"message":"bad +493055501901"}"#),
        Act::Close,
    ])
    .await;
    let settings = [
        ("CTI_LOG", "trace"),
        ("CTI_SECRET_KEY", KEY),
        ("CTI_COURIER__ALLOW", "127.0.0.1"),
        ("CTI_HTTP__PUBLIC_URL", "https://cti.example/"),
    ];
    let program = Binary::start(&settings).await;
    let db = program.db().await;
    let admin = Admin::new(db.clone(), Clock::System).with_seal(Seal::new(Some(KEY), None).expect("a key"));
    let hub = Hub::new(db.clone(), |_| {});
    let account = Directory::new(db.clone()).account(&hub, program.account).await.expect("the account");
    for (kind, name, body) in [
        (Kind::Provider, "main", twilio(&fake.url())),
        (Kind::Provider, "generic", generic(&fake.url())),
        (Kind::Number, OURS, json!({"sms": true, "provider": "main"})),
        (Kind::Number, "+12025550124", json!({"sms": true, "provider": "generic"})),
    ] {
        admin
            .change_setup(&account, kind, name, |_, _| Ok::<_, Invalid>(cti_gateway::app::setup::Change::Put(body)))
            .await
            .expect("the store")
            .expect("stored");
    }
    db.close().await;
    let http = Client::builder().no_proxy().build().expect("a client");
    let api = |draft: Value| answer(http.post(program.url(MESSAGES)).bearer_auth(TOKEN).json(&draft));
    until("the program knows the number", || async { api(draft(THEIRS)).await.0.as_u16() == 202 }).await;
    let mut other = draft(THEIRS);
    other["from"] = json!("+12025550124");
    for draft in [draft(THEIRS), other.clone(), other, draft("nobody"), json!({"from": "hush-wrong", "to": THEIRS, "body": "hush-wrong"})] {
        api(draft).await;
    }
    let secret = "hush-secret+of+posts%26x";
    for (path, body) in [
        (format!("/providers/acme/generic/incoming?secret={secret}"), json!({"id": 1, "from": THEIRS, "to": OURS, "body": "STOP"})),
        (
            format!("/providers/acme/generic/incoming?secret={secret}"),
            json!({"id": 1, "from": THEIRS, "to": "+12025550199", "body": "hush-wrong"}),
        ),
        (format!("/providers/acme/generic/status?secret={secret}&message=hush-wrong"), json!({"id": 1, "status": "hush-wrong"})),
        (format!("/providers/acme/generic/status?secret={secret}"), json!({"id": 1, "status": "sent", "text": "to +493055501901"})),
        ("/providers/acme/main/incoming".to_owned(), json!({"From": THEIRS})),
        ("/providers/acme/main/status?secret=hush-wrong".to_owned(), json!({"From": THEIRS})),
    ] {
        answer(http.request(Method::POST, program.url(&path)).header("X-Twilio-Signature", "hush-wrong").json(&body)).await;
    }
    until("the provider was asked", || async { fake.seen().len() >= 4 }).await;
    program.terminate();
    let log = program.ended().await;
    for marker in [AUTH_TOKEN, KEY, "hush", SID, "3055501901", "2025550123", "2025550124", "2025550199", "parcel", TOKEN] {
        let found: Vec<&str> = log.lines().filter(|line| line.contains(marker)).collect();
        assert!(found.is_empty(), "{marker:?} is in the log:\n{}", found.join("\n"));
    }
    assert!(log.contains("not signed") && log.contains("DEBUG request: sqlx::query"), "the log was on, and full");
}
