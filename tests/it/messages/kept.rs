//! What the book keeps of messages that were on their way when a server ended: what waits goes on, what was being sent stays unclear.

use std::time::Duration;

use chrono::TimeDelta;
use cti_gateway::{
    domain::{
        message::{Claimed, Draft, Errand, LEASE, Message, Standing, Status, Told},
        phone::Number,
    },
    q,
    store::{
        Db,
        messages::{self, Kept},
    },
};
use serde_json::json;
use uuid::Uuid;

use super::{
    OTHERS, OURS, THEIRS, carried_by,
    fake::{Act, Fake},
    message, outside, send, send_due, story, twilio, when,
};
use crate::support::{
    app::{TestApp, both, noon},
    beside::Beside,
    wire::until,
};

/// A message in the book as a server leaves it that ended right after it was taken.
fn queued(t: &TestApp, to: &str) -> Kept {
    let draft = Draft {
        from: Number::from_canonical(OURS.into()),
        to: Number::from_canonical(to.into()),
        body: "x".into(),
        agent: None,
        lead: None,
    };
    let standing = Standing { owned: true, opted_out: false, provider: Some("main".into()) };
    Kept { message: Message::compose(t.clock.id(), draft, standing, noon()).expect("a message"), errand: Errand::new(noon()) }
}

async fn put_in_the_book(t: &TestApp, kept: &[Kept]) {
    let db = Db::open(&t.config.store_options()).await.expect("the store opens");
    let mut tx = db.begin().await.expect("a transaction");
    for rows in messages::rows(t.account, kept.iter().map(|kept| (kept, true))).expect("rows") {
        tx.bulk(rows).await.expect("the store");
    }
    tx.commit().await.expect("the store");
    db.close().await;
}

both! {
    async fn the_many_of_one_account_hide_nobody_elses(t: TestApp) {
        let db = t.app().db.clone();
        let mut tx = db.begin().await.expect("a transaction");
        for n in 0..41 {
            // the other account's is due last
            let account = if n == 40 { t.account + 1 } else { t.account };
            let sql = "insert into message (account_id, id, version, direction, status, from_number, to_number, provider, record, errand, created_at, updated_at, due_at)
                       values ($1, $2, 1, 'out', 'queued', $3, $3, 'main', '{}', '{}', $4, $4, $4)";
            tx.run(q!(sql, account, t.clock.id(), OURS, noon() + TimeDelta::seconds(n))).await.expect("a row");
        }
        tx.commit().await.expect("a commit");
        let due = messages::due(db.read(), noon() + TimeDelta::minutes(1), 32).await.expect("the store");
        let of = |account: i64| due.iter().filter(|due| due.account_id == account).count();
        assert_eq!((of(t.account), of(t.account + 1)), (32, 1));
        assert!(messages::due(db.read(), noon() - TimeDelta::seconds(1), 32).await.expect("the store").is_empty(), "nothing is due yet");
    }

    async fn what_waited_goes_on_and_what_was_being_sent_stays_unclear(t: TestApp with outside) {
        let fake = Fake::start([Act::answer(201, r#"{"sid":"SM1","status":"sent"}"#)]).await;
        carried_by(&t, twilio(&fake.url())).await;
        t.stop().await;
        let waiting = queued(&t, THEIRS);
        let mut cut_off = queued(&t, OTHERS);
        assert_eq!(cut_off.errand.claim(Uuid::nil(), noon()), Claimed::Yes);
        cut_off.message.hear(&Told::status(Status::Sending).heard_at(noon()));
        put_in_the_book(&t, &[waiting.clone(), cut_off.clone()]).await;
        t.restart().await;
        when(&t, &waiting.message.id.to_string(), "status", "sent").await;
        let id = cut_off.message.id.to_string();
        t.clock.advance(LEASE.to_std().expect("a time") - Duration::from_secs(1));
        send_due(&t).await;
        assert_eq!(message(&t, &id).await["unclear"], false, "another server may be at it");
        t.clock.advance(Duration::from_secs(1));
        let unclear = when(&t, &id, "unclear", true).await;
        assert_eq!((&unclear["status"], unclear["error"].as_str().map(|text| text.contains("the server ended"))), (&json!("sending"), Some(true)));
        t.clock.advance(Duration::from_hours(48));
        t.restart().await;
        assert_eq!((send_due(&t).await, fake.seen().len()), (0, 1), "it is not sent again by itself");
        assert_eq!(story(&t).await, ["message.updated sending", "message.sent sent", "message.updated sending"]);
    }

    async fn an_orderly_end_waits_for_what_is_on_its_way(t: TestApp with outside) {
        let gate = std::sync::Arc::new(tokio::sync::Notify::new());
        let fake = Fake::start([Act::Gated(gate.clone(), 201, r#"{"sid":"SM1","status":"sent"}"#.into())]).await;
        carried_by(&t, twilio(&fake.url())).await;
        let id = send(&t, THEIRS).await;
        until("the request is there", || async { fake.seen().len() == 1 }).await;
        tokio::join!(t.stop(), async { gate.notify_one() });
        t.restart().await;
        assert_eq!(message(&t, &id).await["status"], "sent");
    }

    async fn two_servers_send_each_message_once(t: TestApp with outside) {
        let fake = Fake::start([Act::answer(201, r#"{"sid":"SM1","status":"sent"}"#)]).await;
        carried_by(&t, twilio(&fake.url())).await;
        let other = Beside::start(&t).await;
        let mut ids = Vec::new();
        for _ in 0..20 {
            ids.push(send(&t, THEIRS).await);
            let (one, two) = tokio::join!(cti_gateway::app::outbox::send_due(&other.app), send_due(&t));
            assert!(one.is_ok() && two <= 1);
        }
        for id in &ids {
            when(&t, id, "status", "sent").await;
        }
        assert_eq!(fake.seen().len(), 20);
        other.stop().await;
    }
}
