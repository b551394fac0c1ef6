//! The protocol by itself: orders and events as Asterisk's documentation shows them, and what follows from them.

use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};
use cti_gateway::{
    domain::{
        call::{Cause, News, NewsKind, Told},
        order::{Command, Order},
        phone::HomeRegion,
        telephone::Reply,
    },
    pbx::asterisk::{Act, Exchange, Method, Request, Unreadable},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    app::noon,
    desk::{dial, house, number, roster, station},
};

const DONE: Reply<'static> = Reply::Answer { status: 204, body: b"" };

/// An exchange whose requests are all done, and what it said.
struct Bench {
    exchange: Exchange,
    now: DateTime<Utc>,
    story: String,
    asked: Vec<Request>,
}

impl Bench {
    fn new() -> Self {
        let asterisk = house(&json!({
            "station": "PJSIP/{extension}", "trunk": "PJSIP/{number}@trunk", "autoAnswer": true, "record": true,
            "recordingUrl": "https://pbx.example/{name}.wav",
        }));
        let mut bench = Self { exchange: Exchange::new(asterisk, HomeRegion::default()), now: noon(), story: String::new(), asked: vec![] };
        bench.listed(&json!([]), &json!([]));
        bench
    }

    fn tick(&mut self) -> DateTime<Utc> {
        self.now += TimeDelta::seconds(1);
        self.now
    }

    fn note(&mut self, line: &str) {
        writeln!(self.story, "{line}").expect("text");
    }

    /// Notes what is to be done, and does it.
    fn act(&mut self, acts: Vec<Act>) -> Vec<Act> {
        for act in &acts {
            self.note(&format!("    {}", show(act)));
            if let Act::Ask(request) = act {
                self.asked.push(request.clone());
            }
        }
        acts
    }

    fn order(&mut self, call: &str, command: Command) -> Vec<Act> {
        let now = self.tick();
        self.note(&format!("order {} {call}", command.verb()));
        let acts = self.exchange.order(&Order { id: Uuid::nil(), call: call.to_owned(), command }, &roster(), now);
        self.act(acts.expect("it is taken"))
    }

    /// An order that is not taken: the word for it.
    fn refused(&mut self, call: &str, command: Command) -> &'static str {
        let now = self.tick();
        let refused = self.exchange.order(&Order { id: Uuid::nil(), call: call.to_owned(), command }, &roster(), now);
        let later = self.exchange.event("{}", now).expect("an event");
        assert_eq!(later.len(), 0, "nothing is done about it later");
        refused.expect_err("it is refused").code
    }

    fn event(&mut self, event: &Value) -> Vec<Act> {
        let now = self.tick();
        self.note(&format!("{} {}", event["type"].as_str().unwrap_or_default(), event["channel"]["id"].as_str().unwrap_or_default()));
        let acts = self.exchange.event(&event.to_string(), now).expect("an event");
        self.act(acts)
    }

    /// Answers everything that was asked so far.
    fn answer(&mut self, reply: Reply<'_>) -> Vec<Act> {
        let mut all = vec![];
        for request in std::mem::take(&mut self.asked) {
            let now = self.now;
            let acts = self.exchange.answered(request.id, reply, now);
            all.extend(self.act(acts));
        }
        all
    }

    fn listed(&mut self, channels: &Value, bridges: &Value) -> Vec<Act> {
        let now = self.tick();
        self.note("lists");
        let acts = self.exchange.listed(channels.to_string().as_bytes(), bridges.to_string().as_bytes(), now).expect("lists");
        self.act(acts)
    }

    /// A channel of ours begins, rings and is answered, as far as told.
    fn live(&mut self, channel: &str, states: &[&str]) {
        self.event(&event("StasisStart", channel, "Down"));
        for state in states {
            self.event(&event("ChannelStateChange", channel, state));
        }
        self.answer(DONE);
    }

    /// Anna talks to a number in the call `c1`.
    fn talking() -> Self {
        let mut bench = Self::new();
        bench.order("c1", dial("+4930111001", Some("agent1")));
        bench.live("cti-c1-agent", &["Ringing", "Up"]);
        bench.live("cti-c1-out", &["Ringing", "Up"]);
        bench.story.clear();
        bench
    }
}

fn event(kind: &str, channel: &str, state: &str) -> Value {
    json!({
        "type": kind, "timestamp": "2026-11-20T12:00:00.500+0000", "application": "cti", "asterisk_id": "02:fc:00:00:00:01", "args": [],
        "channel": {
            "id": channel, "name": "PJSIP/x-00000001", "state": state, "protocol_id": "", "caller": {"name": "", "number": ""},
            "connected": {"name": "", "number": ""}, "accountcode": "", "creationtime": "2026-11-20T12:00:00.000+0000", "language": "en",
            "dialplan": {"context": "default", "exten": "s", "priority": 1, "app_name": "Stasis", "app_data": "cti"}
        }
    })
}

fn destroyed(channel: &str, cause: i64) -> Value {
    let mut event = event("ChannelDestroyed", channel, "Up");
    event["cause"] = cause.into();
    event
}

/// A channel as a list shows it.
fn listed(id: &str, state: &str, data: &str) -> Value {
    let mut channel = event("", id, state)["channel"].take();
    channel["dialplan"]["app_data"] = data.into();
    channel
}

fn caller(id: &str) -> Value {
    let mut event = event("StasisStart", id, "Ring");
    event["args"] = json!(["inbound", "4930555000"]);
    event["channel"]["caller"] = json!({"name": "Ada", "number": "+12025550123"});
    event
}

fn show(act: &Act) -> String {
    match act {
        Act::Ask(request) => ask(request),
        Act::Tell { call, news } => format!("news {call}: {}", tell(news)),
        Act::Refuse { why, .. } => format!("refused: {}", why.code),
    }
}

fn ask(request: &Request) -> String {
    let method = match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Delete => "DELETE",
    };
    let query: Vec<String> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
    format!("{method} {} {} {body} [{}]", request.path, query.join(" "), request.lanes.join(" "))
}

fn tell(news: &News) -> String {
    let Told { direction, customer, extension, agent, dnis, caller_name, recording_url, transferred_to, .. } = &news.told;
    let mut text = match &news.kind {
        NewsKind::Ended(cause) => format!("ended {}", cause.as_ref().map_or("?", |cause: &Cause| cause.text.as_str())),
        kind => format!("{kind:?}").to_lowercase(),
    };
    let number = |number: &Option<cti_gateway::domain::phone::Number>| number.as_ref().map(|number| number.as_str().to_owned());
    for (name, value) in [
        ("direction", direction.map(|(direction, _)| direction.word().to_owned())),
        ("customer", number(customer)),
        ("extension", number(extension)),
        ("agent", agent.clone()),
        ("dnis", dnis.clone()),
        ("name", caller_name.clone()),
        ("recording", recording_url.clone()),
        ("to", transferred_to.clone()),
    ] {
        if let Some(value) = value {
            write!(text, " {name}={value}").expect("text");
        }
    }
    text
}

fn news(acts: &[Act]) -> Vec<String> {
    acts.iter().filter(|act| matches!(act, Act::Tell { .. })).map(show).collect()
}

fn asks(acts: &[Act]) -> Vec<String> {
    acts.iter().filter(|act| matches!(act, Act::Ask(_))).map(show).collect()
}

#[test]
fn the_story_of_a_call() {
    let mut bench = Bench::new();
    bench.order("c1", dial("+4930111001", Some("agent1")));
    bench.live("cti-c1-agent", &["Ringing", "Up"]);
    bench.live("cti-c1-out", &["Ringing", "Up"]);
    for command in [Command::Hold, Command::Resume, Command::Dtmf { digits: "1#".into() }, Command::Play { file: "hello".into() }] {
        bench.order("c1", command);
        bench.answer(DONE);
    }
    bench.order("c1", Command::Hangup);
    bench.event(&destroyed("cti-c1-out", 16));
    bench.answer(DONE);
    bench.event(&destroyed("cti-c1-agent", 16));
    assert!(bench.exchange.is_idle());
    insta::assert_snapshot!(bench.story);
}

#[test]
fn the_story_of_a_caller_who_is_given_away() {
    let mut bench = Bench::new();
    bench.event(&caller("1732.1"));
    bench.order("1732.1", Command::Answer { station: station("agent1") });
    bench.live("cti-1732.1-agent", &["Up"]);
    bench.order("1732.1", Command::BlindTransfer { number: number("1002") });
    bench.answer(DONE);
    bench.live("cti-1732.1-agent-2", &["Ringing", "Up"]);
    bench.event(&destroyed("cti-1732.1-agent", 16));
    bench.event(&event("StasisEnd", "1732.1", "Up"));
    bench.answer(DONE);
    assert!(bench.exchange.is_idle());
    insta::assert_snapshot!(bench.story);
}

#[test]
fn the_story_of_a_question() {
    let mut bench = Bench::talking();
    bench.order("c1", Command::ConsultTransfer { number: number("+4930111002"), leg: "c2".into(), station: station("agent1") });
    bench.answer(DONE);
    bench.live("cti-c2-out", &["Up"]);
    bench.order("c2", Command::CompleteTransfer { with: "c1".into() });
    bench.answer(DONE);
    bench.event(&destroyed("cti-c1-agent", 16));
    bench.event(&destroyed("cti-c2-out", 16));
    bench.event(&destroyed("cti-c1-out", 16));
    bench.answer(DONE);
    assert!(bench.exchange.is_idle());
    insta::assert_snapshot!(bench.story);
}

#[test]
fn events_of_channels_that_nobody_knows_do_nothing() {
    let mut bench = Bench::talking();
    for kind in ["ChannelStateChange", "ChannelHangupRequest", "ChannelHold", "StasisEnd", "ChannelDestroyed", "Novelty"] {
        for channel in ["1.2", "cti-c9-out", "cti-c9-agent", "cti-c1-out;2", "cti-c1-agent-2", ""] {
            assert_eq!(bench.event(&event(kind, channel, "Up")).len(), 0, "{kind} {channel}");
        }
    }
    assert_eq!(bench.event(&json!({"type": "ApplicationReplaced"})).len(), 0);
    assert_eq!(bench.event(&json!({"type": "PlaybackFinished", "playback": {"id": "1"}})).len(), 0);
    // one of ours that nobody waits for is not left on the line
    assert_eq!(asks(&bench.event(&event("StasisStart", "cti-c9-out", "Up"))), ["DELETE /channels/cti-c9-out reason=normal  []"]);
    assert_eq!(bench.exchange.calls().count(), 1);
}

#[test]
fn what_is_no_event_changes_nothing() {
    let mut bench = Bench::talking();
    for text in ["", "null", "7", "{\"type\": 1}", "{\"type\": \"StasisStart\", \"channel\": 7}", "\u{0}"] {
        let now = bench.tick();
        assert!(matches!(bench.exchange.event(text, now), Err(Unreadable)), "{text}");
    }
    let now = bench.tick();
    assert!(bench.exchange.listed(b"[]", b"{}", now).is_err());
    assert!(bench.exchange.listed(b"<html>", b"[]", now).is_err());
    assert_eq!(bench.exchange.calls().count(), 1, "lists that cannot be read end no call");
}

#[test]
fn copies_and_odd_orders_of_events_do_no_harm() {
    // answered before it began
    let mut bench = Bench::new();
    bench.order("c1", dial("+4930111001", None));
    let up = bench.event(&event("ChannelStateChange", "cti-c1-out", "Up"));
    assert_eq!(news(&up), ["news c1: connected"]);
    let late = bench.event(&event("StasisStart", "cti-c1-out", "Up"));
    assert_eq!(asks(&late).iter().filter(|ask| ask.contains("/dial")).count(), 0, "who has answered is not called");

    // everything twice
    let mut bench = Bench::new();
    bench.order("c1", dial("+4930111001", None));
    let mut all = vec![];
    for one in [
        event("StasisStart", "cti-c1-out", "Down"),
        event("ChannelStateChange", "cti-c1-out", "Ringing"),
        event("ChannelStateChange", "cti-c1-out", "Up"),
        event("ChannelHangupRequest", "cti-c1-out", "Up"),
        event("StasisEnd", "cti-c1-out", "Up"),
        destroyed("cti-c1-out", 16),
    ] {
        all.extend(bench.event(&one));
        all.extend(bench.event(&one));
    }
    let told = ["news c1: started direction=ccOutbound customer=+4930111001", "news c1: connected"];
    assert_eq!(news(&all)[..2], told);
    assert_eq!(news(&all)[2..], ["news c1: ended completed recording=https://pbx.example/cti-c1.wav"]);
    assert_eq!(asks(&all).iter().filter(|ask| ask.contains("/dial")).count(), 1);
    bench.answer(DONE);
    assert!(bench.exchange.is_idle());

    // gone before anything else was heard of it
    let mut bench = Bench::new();
    bench.order("c1", dial("+4930111001", None));
    assert_eq!(news(&bench.event(&destroyed("cti-c1-out", 34))), ["news c1: ended failed"]);
    bench.answer(DONE);
    assert!(bench.exchange.is_idle());
}

#[test]
fn a_call_that_is_ended_before_it_began_is_not_dialed() {
    let mut bench = Bench::new();
    bench.order("c1", dial("+4930111001", None));
    assert_eq!(asks(&bench.order("c1", Command::Hangup)), ["DELETE /channels/cti-c1-out reason=normal  [c1]"]);
    let acts = bench.event(&event("StasisStart", "cti-c1-out", "Down"));
    assert_eq!(acts.len(), 0, "no dial, no news");
    assert_eq!(news(&bench.event(&destroyed("cti-c1-out", 16))), ["news c1: ended completed"]);
}

#[test]
fn times_that_cannot_be_true_are_replaced() {
    for (told, believed) in [
        ("2026-11-20T12:00:02.250+0000", "2026-11-20T12:00:02.250Z"),
        ("2026-11-20T13:00:02.250+0100", "2026-11-20T12:00:02.250Z"),
        ("2026-11-20T12:00:09.000+0000", "2026-11-20T12:00:03Z"),
        ("2026-11-18T12:00:00.000+0000", "2026-11-20T12:00:03Z"),
        ("nonsense", "2026-11-20T12:00:03Z"),
    ] {
        let mut bench = Bench::new();
        bench.order("c1", dial("+4930111001", None));
        let mut event = event("ChannelStateChange", "cti-c1-out", "Up");
        event["timestamp"] = told.into();
        let acts = bench.event(&event);
        let Some(Act::Tell { news, .. }) = acts.first() else { panic!("no news") };
        let believed: DateTime<Utc> = believed.parse().expect("an instant");
        assert_eq!((news.occurred_at, news.observed_at), (believed, bench.now), "{told}");
    }
}

#[test]
fn a_request_that_fails_costs_what_hangs_on_it_and_no_more() {
    let refused = Reply::Answer { status: 500, body: br#"{"error": "Allocation failed"}"# };
    let mut bench = Bench::new();
    bench.order("c1", dial("+4930111001", None));
    assert_eq!(news(&bench.answer(refused)), ["news c1: ended refused"], "no channel, no call");

    let mut bench = Bench::new();
    bench.order("c1", dial("+4930111001", Some("agent1")));
    assert_eq!(news(&bench.answer(Reply::NotConnected)), ["news c1: ended agent_not_reached"]);

    // no answer to a request that may have been heard: what there is of it goes, and then it has ended
    let mut bench = Bench::new();
    bench.order("c1", dial("+4930111001", None));
    let acts = bench.answer(Reply::Silence);
    assert_eq!((asks(&acts).len(), news(&acts).len()), (1, 0));
    let missing = Reply::Answer { status: 404, body: b"" };
    let mut told = vec![];
    while !bench.asked.is_empty() {
        told.extend(news(&bench.answer(missing)));
    }
    assert_eq!(told, ["news c1: ended lost"]);
    assert!(bench.exchange.is_idle());

    for command in [
        Command::Hold,
        Command::Dtmf { digits: "1".into() },
        Command::Play { file: "x".into() },
        Command::BlindTransfer { number: number("1002") },
    ] {
        let mut bench = Bench::talking();
        bench.order("c1", command.clone());
        let told: Vec<String> = bench.answer(refused).iter().map(show).collect();
        assert_eq!(told, ["refused: refused"], "{command:?}");
        assert_eq!(bench.refused("c1", Command::Resume), "not_on_hold", "as before");
    }

    // a side that cannot be brought into the conversation is not left in silence
    let mut bench = Bench::new();
    bench.order("c1", dial("+4930111001", None));
    bench.answer(DONE);
    bench.event(&event("StasisStart", "cti-c1-out", "Down"));
    let acts = bench.answer(refused);
    assert!(asks(&acts).iter().any(|ask| ask.starts_with("DELETE /channels/cti-c1-out reason=failure")), "{:?}", asks(&acts));
}

#[test]
fn orders_that_make_no_sense_are_refused_and_change_nothing() {
    let transfer = |to: &str| Command::BlindTransfer { number: number(to) };
    let consult = |leg: &str| Command::ConsultTransfer { number: number("1002"), leg: leg.into(), station: station("agent1") };
    for (call, command, code) in [
        ("c9", Command::Hangup, "no_such_call"),
        ("c9", Command::Hold, "no_such_call"),
        ("c1", Command::Resume, "not_on_hold"),
        ("c1", Command::Answer { station: station("agent1") }, "not_offered"),
        ("c1", Command::Connect { station: station("agent2") }, "taken"),
        ("c1", dial("+4930111001", Some("agent1")), "call_exists"),
        ("c1", consult("c1"), "call_exists"),
        ("c9", transfer("1002"), "no_such_call"),
        ("c1", Command::CompleteTransfer { with: "c9".into() }, "no_such_call"),
        ("c1", Command::Conference { with: "c1".into() }, "same_call"),
        ("c1", Command::Dtmf { digits: "1w".into() }, "digits"),
        ("c1", Command::Dtmf { digits: String::new() }, "digits"),
        ("c1", Command::Play { file: "../../etc/x".into() }, "file"),
    ] {
        let mut bench = Bench::talking();
        assert_eq!(bench.refused(call, command.clone()), code, "{command:?}");
    }
    let mut bench = Bench::new();
    assert_eq!(bench.refused("c1", dial("+4930111001", Some("nobody"))), "no_extension");
    assert!(bench.exchange.is_idle());
}

#[test]
fn an_agents_own_hold_key_is_news() {
    let mut bench = Bench::talking();
    assert_eq!(news(&bench.event(&event("ChannelHold", "cti-c1-agent", "Up"))), ["news c1: held(true)"]);
    assert_eq!(news(&bench.event(&event("ChannelHold", "cti-c1-agent", "Up"))), [""; 0]);
    assert_eq!(news(&bench.event(&event("ChannelUnhold", "cti-c1-agent", "Up"))), ["news c1: held(false)"]);
    assert_eq!(news(&bench.event(&event("ChannelHold", "cti-c1-out", "Up"))), [""; 0], "the other side puts us on hold");
}

#[test]
fn a_channel_that_was_put_in_the_place_of_another_is_the_same_side() {
    let mut bench = Bench::talking();
    let mut replaced = event("StasisStart", "1732.9", "Up");
    replaced["replace_channel"] = event("", "cti-c1-out", "Up")["channel"].take();
    assert_eq!(bench.event(&replaced).len(), 0);
    assert_eq!(bench.event(&destroyed("cti-c1-out", 16)).len(), 0, "the one that went is nobody's any more");
    assert_eq!(news(&bench.event(&destroyed("1732.9", 16))).len(), 1);
}

#[test]
fn a_channel_that_goes_its_own_way_is_over_for_us() {
    let mut bench = Bench::talking();
    let acts = bench.event(&event("StasisEnd", "cti-c1-out", "Up"));
    assert_eq!(asks(&acts), ["GET /channels/cti-c1-out   [c1]"]);
    assert_eq!(news(&bench.answer(Reply::Answer { status: 200, body: b"{}" })).len(), 1, "it lives on elsewhere");

    let mut bench = Bench::talking();
    bench.event(&event("StasisEnd", "cti-c1-out", "Up"));
    assert_eq!(bench.answer(Reply::Answer { status: 404, body: b"" }).len(), 0, "its end is on its way");
    assert_eq!(news(&bench.event(&destroyed("cti-c1-out", 16))).len(), 1);
}

#[test]
fn lists_tell_ends_that_were_missed_and_take_over_what_is_there() {
    let mut bench = Bench::talking();
    let acts = bench.listed(&json!([]), &json!([]));
    assert_eq!(news(&acts), ["news c1: ended lost recording=https://pbx.example/cti-c1.wav"]);
    bench.answer(DONE);
    assert!(bench.exchange.is_idle());

    let channels = json!([
        listed("cti-c1-out", "Up", "cti,party,c1,+4930111001"),
        listed("cti-c1-agent", "Up", "cti,seat,agent1,1001,-"),
        listed("cti-c2-out", "Ringing", "cti,party,c2,+4930111002"),
        listed("cti-c3-out", "Down", "cti,party,c3,+4930111003"),
        listed("cti-c4-agent", "Ringing", "cti,seat,agent2,1002,-"),
        listed("1732.5", "Ring", "cti,inbound,4930555000"),
        listed("1732.6", "Ring", "other,inbound,4930555000"),
        listed("cti-c1-out;2", "Up", "phones,1"),
    ]);
    let bridges = json!([
        {"id": "cti-c1", "channels": ["cti-c1-agent", "1732.44"]},
        {"id": "cti-c1-hold", "channels": ["cti-c1-out"]},
        {"id": "cti-c2", "channels": ["cti-c2-out"]},
        {"id": "cti-c0", "channels": []},
        {"id": "1732.7", "channels": []},
    ]);
    let mut bench = Bench::new();
    bench.exchange = Exchange::new(house(&json!({})), HomeRegion::default());
    let acts: Vec<String> = bench.listed(&channels, &bridges).iter().map(show).collect();
    let expected = [
        "DELETE /channels/cti-c3-out reason=normal  [c3]",
        "news 1732.5: started direction=inbound customer=? dnis=4930555000",
        "POST /channels/1732.5/ring   [1732.5]",
        "DELETE /channels/cti-c4-agent reason=normal  [c4]",
        "DELETE /bridges/cti-c0   [c0]",
    ];
    let expected: Vec<String> = expected.iter().map(|line| line.replace(" customer=?", "")).collect();
    assert_eq!(acts, expected);
    assert_eq!(bench.exchange.calls().collect::<Vec<_>>(), ["1732.5", "c1", "c2", "c3"], "what is not here is not there");
    assert_eq!(bench.refused("c1", Command::Hold), "on_hold");
}
