//! The courier against listeners of the test: where it may not go, and what it makes of what it meets.

use std::time::Duration;

use cti_gateway::{
    courier::{Answer, Courier, Settings, Trouble},
    domain::message::provider::{Method, Outgoing},
};

use super::fake::{Act, Fake};

fn courier(allow: &[&str]) -> Courier {
    let allow = allow.iter().map(|host| (*host).to_owned()).collect();
    Courier::new(&Settings { allow, connect: Duration::from_millis(300), timeout: Duration::from_secs(1) })
}

fn to(url: &str) -> Outgoing {
    let headers = vec![("Authorization".to_owned(), "Bearer grün".to_owned()), ("x-many".to_owned(), "1".to_owned())];
    Outgoing {
        method: Method::Put,
        url: url.to_owned(),
        headers,
        body: b"a=b".to_vec(),
        content_type: Some("application/x-www-form-urlencoded"),
    }
}

#[tokio::test]
async fn it_goes_where_the_public_internet_is() {
    let fake = Fake::start([Act::answer(200, "inside")]).await;
    let port = fake.address.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "[::]",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "224.0.0.1",
        "[fe80::1]",
        "[fd00::1]",
        "LOCALHOST",
        "localhost.",
    ] {
        let answer = courier(&["example.com", "127.0.0.2", "localhost:1"]).send(&to(&format!("http://{host}:{port}/x"))).await;
        // a name that nobody knows is no way in either
        assert!(matches!(answer, Err(Trouble::Forbidden | Trouble::NotConnected)), "{host}: {answer:?}");
        if host != "localhost." {
            assert_eq!(answer, Err(Trouble::Forbidden), "{host}");
        }
    }
    assert_eq!(fake.seen().len(), 0);
    for (allow, host) in [
        ("127.0.0.1", "127.0.0.1"),
        ("LocalHost", "localhost"),
        (&*format!("127.0.0.1:{port}"), "127.0.0.1"),
        (&*format!("localhost:{port}"), "localhost"),
    ] {
        let answer = courier(&[allow]).send(&to(&format!("http://{host}:{port}/x"))).await;
        assert_eq!(answer, Ok(Answer { status: 200, body: b"inside".to_vec(), retry_after: None }), "{allow}");
    }
}

#[tokio::test]
async fn what_is_sent_is_what_was_said() {
    let fake = Fake::start([Act::answer(200, "")]).await;
    courier(&["127.0.0.1"]).send(&to(&format!("{}/a/b?c=%20d", fake.url()))).await.expect("an answer");
    let seen = &fake.seen()[0];
    let head = seen.head.to_lowercase();
    assert!(seen.head.starts_with("PUT /a/b?c=%20d HTTP/1.1\r\n"), "{}", seen.head);
    for line in [
        "authorization: bearer grün",
        "x-many: 1",
        "content-type: application/x-www-form-urlencoded",
        "content-length: 3",
        "user-agent: cti-gateway/",
    ] {
        assert!(head.contains(line), "{line}: {head}");
    }
    assert_eq!(seen.body, "a=b");
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let fake = Fake::start([Act::Answer(307, "Location: /elsewhere\r\nRetry-After: 7\r\n", String::new())]).await;
    let answer = courier(&["127.0.0.1"]).send(&to(&fake.url())).await;
    assert_eq!(answer, Ok(Answer { status: 307, body: vec![], retry_after: Some(Duration::from_secs(7)) }));
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn what_was_not_sent_is_told_from_what_may_have_been() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let courier = courier(&["127.0.0.1", "nowhere.invalid"]);
    for url in [format!("http://{free}"), "http://nowhere.invalid".into(), format!("https://{}", Fake::start([Act::Close]).await.address)] {
        assert_eq!(courier.send(&to(&url)).await, Err(Trouble::NotConnected), "{url}");
    }
    for act in [Act::Close, Act::Hang, Act::Answer(200, "Broken\r\n", String::new())] {
        let fake = Fake::start([act]).await;
        assert_eq!(courier.send(&to(&fake.url())).await, Err(Trouble::Silence));
        assert_eq!(fake.seen().len(), 1, "nothing is sent twice");
    }
    for outgoing in [
        Outgoing { url: "no address".into(), ..to("") },
        Outgoing { headers: vec![("a b".into(), "c".into())], ..to("http://127.0.0.1") },
        Outgoing { headers: vec![("a".into(), "b\nc".into())], ..to("http://127.0.0.1") },
    ] {
        assert!(matches!(courier.send(&outgoing).await, Err(Trouble::Unfit(_))));
    }
}

#[tokio::test]
async fn of_a_long_answer_the_beginning_is_read() {
    let fake = Fake::start([Act::answer(503, &"x".repeat(200_000))]).await;
    let answer = courier(&["127.0.0.1"]).send(&to(&fake.url())).await.expect("an answer");
    assert_eq!((answer.status, answer.body.len()), (503, 64 * 1024));
    // one that breaks off keeps its status
    let fake = Fake::start([Act::Answer(201, "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n".into())]).await;
    let answer = courier(&["127.0.0.1"]).send(&to(&fake.url())).await;
    assert!(matches!(answer, Ok(Answer { status: 201, .. }) | Err(Trouble::Silence)), "{answer:?}");
}
