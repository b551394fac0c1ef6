//! The protocol against an Asterisk of the mind: any orders, people who do as they like, answers that are lost, connections that
//! break, processes that die. Whatever happens, in the end nothing is left, every call has ended, and nobody was called twice.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use cti_gateway::{
    domain::{
        call::NewsKind,
        order::{Command, Order},
        phone::HomeRegion,
        telephone::Reply,
    },
    pbx::asterisk::{Act, Exchange, Method, Request},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    app::noon,
    desk::{dial, house, number, roster, station},
};

/// Somebody does something.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// An order, about a call, with another.
    Order(u8, u8, u8),
    /// Asterisk does the next thing that it was asked for.
    Work,
    /// It does it, or not, and its answer is lost.
    Lose(bool),
    /// The next event arrives.
    Event,
    /// Somebody at a telephone answers, rings, or hangs up.
    Phone(u8, u8),
    /// Somebody calls us.
    CallIn,
    /// The connection breaks, and comes back.
    Cut,
    /// Our process dies, and another one begins.
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..12_u8, 0..6_u8, 0..6_u8).prop_map(|(verb, call, with)| Step::Order(verb, call, with)),
        14 => Just(Step::Work),
        1 => any::<bool>().prop_map(Step::Lose),
        12 => Just(Step::Event),
        8 => (0..8_u8, 0..5_u8).prop_map(|(phone, deed)| Step::Phone(phone, deed)),
        1 => Just(Step::CallIn),
        1 => Just(Step::Cut),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 1..160)
}

struct Channel {
    state: &'static str,
    data: String,
}

/// What there is at Asterisk.
#[derive(Default)]
struct Pbx {
    channels: BTreeMap<String, Channel>,
    bridges: BTreeMap<String, BTreeSet<String>>,
    events: VecDeque<Value>,
    /// How often each channel was called.
    dialed: BTreeMap<String, u32>,
}

struct World {
    pbx: Pbx,
    exchange: Exchange,
    requests: VecDeque<Request>,
    now: DateTime<Utc>,
    /// How often each call has ended, as far as told.
    ended: BTreeMap<String, u32>,
    crashed: bool,
    callers: u32,
    /// A call's name is used once.
    names: BTreeMap<u8, u32>,
}

impl Pbx {
    fn tell(&mut self, kind: &str, id: &str, more: &Value) {
        let Some(channel) = self.channels.get(id) else { return };
        let mut event = json!({"type": kind, "args": channel.data.split(',').skip(1).collect::<Vec<_>>(), "channel": shown(id, channel)});
        if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
            event.extend(more.clone());
        }
        self.events.push_back(event);
    }

    fn set(&mut self, id: &str, state: &'static str) {
        if let Some(channel) = self.channels.get_mut(id).filter(|channel| channel.state != "Up" && channel.state != state) {
            channel.state = state;
            self.tell("ChannelStateChange", id, &json!({}));
        }
    }

    fn hang_up(&mut self, id: &str, cause: i64) {
        self.tell("ChannelHangupRequest", id, &json!({ "cause": cause }));
        self.tell("StasisEnd", id, &json!({}));
        // of channels that came by themselves no more is told
        if id.starts_with("cti-") {
            self.tell("ChannelDestroyed", id, &json!({ "cause": cause }));
        }
        self.channels.remove(id);
        self.bridges.values_mut().for_each(|bridge| {
            bridge.remove(id);
        });
    }

    fn work(&mut self, request: &Request) -> u16 {
        let value =
            |name: &str| request.query.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str()).unwrap_or_default();
        let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        match (request.method, parts.as_slice()) {
            (Method::Post, ["channels", "create"]) => {
                let id = value("channelId").to_owned();
                if self.channels.contains_key(&id) {
                    return 409;
                }
                let data = format!("{},{}", value("app"), value("appArgs"));
                self.channels.insert(id.clone(), Channel { state: "Down", data });
                self.tell("StasisStart", &id, &json!({}));
                200
            }
            (Method::Post, ["channels", id, "dial"]) if self.channels.contains_key(*id) => {
                *self.dialed.entry((*id).to_owned()).or_default() += 1;
                204
            }
            (Method::Post, ["channels", id, "answer"]) if self.channels.contains_key(*id) => {
                self.set(id, "Up");
                204
            }
            (Method::Delete, ["channels", id]) if self.channels.contains_key(*id) => {
                self.hang_up(id, 16);
                204
            }
            (_, ["channels", id, ..]) => {
                if self.channels.contains_key(*id) {
                    200
                } else {
                    404
                }
            }
            (Method::Post, ["bridges", id]) => {
                self.bridges.entry((*id).to_owned()).or_default();
                200
            }
            (Method::Delete, ["bridges", id]) => {
                if self.bridges.remove(*id).is_some() {
                    204
                } else {
                    404
                }
            }
            (Method::Post, ["bridges", id, "addChannel"]) => {
                let channel = value("channel").to_owned();
                match () {
                    () if !self.bridges.contains_key(*id) => 404,
                    () if !self.channels.contains_key(&channel) => 400,
                    () => {
                        self.bridges.values_mut().for_each(|bridge| {
                            bridge.remove(&channel);
                        });
                        self.bridges.entry((*id).to_owned()).or_default().insert(channel);
                        204
                    }
                }
            }
            (_, ["bridges", id, ..]) => {
                if self.bridges.contains_key(*id) {
                    204
                } else {
                    404
                }
            }
            _ => panic!("not a request that Asterisk knows: {request:?}"),
        }
    }
}

fn shown(id: &str, channel: &Channel) -> Value {
    let dialplan = json!({"exten": "s", "app_name": "Stasis", "app_data": channel.data});
    json!({"id": id, "state": channel.state, "caller": {"name": "", "number": "+12025550123"}, "dialplan": dialplan})
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            pbx: Pbx::default(),
            exchange: Exchange::new(house(&json!({"record": true})), HomeRegion::default()),
            requests: VecDeque::new(),
            now: noon(),
            ended: BTreeMap::new(),
            crashed: false,
            callers: 0,
            names: BTreeMap::new(),
        };
        world.list();
        world
    }

    fn act(&mut self, acts: Vec<Act>) {
        self.now += TimeDelta::milliseconds(1);
        for act in acts {
            match act {
                Act::Ask(request) => self.requests.push_back(request),
                Act::Tell { call, news } => {
                    let ended = self.ended.entry(call).or_default();
                    *ended += u32::from(matches!(news.kind, NewsKind::Ended(_)));
                }
                Act::Refuse { .. } => {}
            }
        }
    }

    fn work(&mut self) {
        if let Some(request) = self.requests.pop_front() {
            let status = self.pbx.work(&request);
            let acts = self.exchange.answered(request.id, Reply::Answer { status, body: b"" }, self.now);
            self.act(acts);
        }
    }

    fn lose(&mut self, done: bool) {
        if let Some(request) = self.requests.pop_front() {
            if done {
                self.pbx.work(&request);
            }
            let reply = if done || request.id.is_multiple_of(2) { Reply::Silence } else { Reply::NotConnected };
            let acts = self.exchange.answered(request.id, reply, self.now);
            self.act(acts);
        }
    }

    fn event(&mut self) {
        if let Some(event) = self.pbx.events.pop_front() {
            let acts = self.exchange.event(&event.to_string(), self.now).expect("an event");
            self.act(acts);
        }
    }

    fn list(&mut self) {
        let channels: Vec<Value> = self.pbx.channels.iter().map(|(id, channel)| shown(id, channel)).collect();
        let bridges: Vec<Value> = self.pbx.bridges.iter().map(|(id, channels)| json!({"id": id, "channels": channels})).collect();
        let (channels, bridges) = (json!(channels).to_string(), json!(bridges).to_string());
        let acts = self.exchange.listed(channels.as_bytes(), bridges.as_bytes(), self.now).expect("lists");
        self.act(acts);
        // the switchboard ends what the book has and the exchange has not
        let there: BTreeSet<String> = self.exchange.calls().map(str::to_owned).collect();
        for (name, ended) in self.ended.iter_mut().filter(|(name, ended)| **ended == 0 && !there.contains(*name)) {
            assert!(self.crashed, "{name} was forgotten");
            *ended = 1;
        }
    }

    fn order(&mut self, verb: u8, call: u8, with: u8) {
        let fresh = |names: &mut BTreeMap<u8, u32>, call: u8| {
            let used = names.entry(call).or_default();
            *used += 1;
            format!("c{call}-{used}")
        };
        let name = |names: &BTreeMap<u8, u32>, call: u8| format!("c{call}-{}", names.get(&call).copied().unwrap_or_default());
        let agent = if with.is_multiple_of(2) { "agent1" } else { "agent2" };
        let caller = format!("1732.{}", self.callers);
        let known = if call == 5 { caller.clone() } else { name(&self.names, call) };
        let to = if with == 3 { "1002" } else { "+4930111001" };
        let (about, command) = match verb {
            0 => (fresh(&mut self.names, call), dial("+4930111001", Some(agent))),
            1 => (fresh(&mut self.names, call), dial("+4930111001", None)),
            2 => (known, Command::Connect { station: station(agent) }),
            3 => (caller, Command::Answer { station: station(agent) }),
            4 => (known, Command::Hangup),
            5 => (known, Command::Hold),
            6 => (known, Command::Resume),
            7 => (known, Command::BlindTransfer { number: number(to) }),
            8 => (known, Command::ConsultTransfer { number: number(to), leg: fresh(&mut self.names, with), station: station(agent) }),
            9 => (known, Command::CompleteTransfer { with: name(&self.names, with) }),
            10 => (known, Command::Conference { with: name(&self.names, with) }),
            _ => {
                let leg = fresh(&mut self.names, with);
                let mute_customer = call.is_multiple_of(2);
                (known, Command::Invite { number: number(to), leg, station: station(agent), mute_customer })
            }
        };
        let begins = matches!(command, Command::Dial { .. }).then(|| about.clone());
        let begins = begins.or_else(|| match &command {
            Command::ConsultTransfer { leg, .. } | Command::Invite { leg, .. } => Some(leg.clone()),
            _ => None,
        });
        let order = Order { id: Uuid::from_u128(u128::from(verb)), call: about, command };
        if let Ok(acts) = self.exchange.order(&order, &roster(), self.now) {
            if let Some(name) = begins {
                self.ended.entry(name).or_default();
            }
            self.act(acts);
        }
        let later = self.exchange.event("{}", self.now).expect("an event");
        assert_eq!(later.len(), 0, "what is refused is not done");
    }

    fn phone(&mut self, phone: u8, deed: u8) {
        let rung = |id: &&String| !id.starts_with("cti-") || self.pbx.dialed.contains_key(*id);
        let ids: Vec<String> = self.pbx.channels.keys().filter(rung).cloned().collect();
        if ids.is_empty() {
            return;
        }
        let id = &ids[usize::from(phone) % ids.len()];
        match deed {
            0 | 1 if id.starts_with("cti-") => self.pbx.set(id, "Up"),
            2 => self.pbx.set(id, "Ringing"),
            3 => self.pbx.hang_up(id, 16),
            4 => self.pbx.hang_up(id, 17),
            _ => {}
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Order(verb, call, with) => self.order(verb, call, with),
            Step::Work => self.work(),
            Step::Lose(done) => self.lose(done),
            Step::Event => self.event(),
            Step::Phone(phone, deed) => self.phone(phone, deed),
            Step::CallIn => {
                self.callers += 1;
                let id = format!("1732.{}", self.callers);
                self.pbx.channels.insert(id.clone(), Channel { state: "Ring", data: "cti,inbound,4930555000".into() });
                self.pbx.tell("StasisStart", &id, &json!({}));
            }
            Step::Cut => {
                self.pbx.events.clear();
                self.all_work();
                self.pbx.events.clear();
                self.list();
            }
            Step::Crash => {
                self.crashed = true;
                self.requests.clear();
                self.pbx.events.clear();
                self.exchange = Exchange::new(house(&json!({"record": true})), HomeRegion::default());
                self.list();
            }
        }
    }

    fn all_work(&mut self) {
        for _ in 0..10_000 {
            if self.requests.is_empty() {
                return;
            }
            self.work();
        }
        panic!("it never ends: {:?}", self.requests);
    }

    fn settle(&mut self) {
        for _ in 0..10_000 {
            if self.requests.is_empty() && self.pbx.events.is_empty() {
                return;
            }
            self.work();
            self.event();
        }
        panic!("it never ends: {:?}", self.requests);
    }

    /// All that is asked and told has been done and heard: nobody of ours sits with nobody, and who talks is not alone by our fault.
    fn check_settled(&self) {
        for (id, bridge) in &self.pbx.bridges {
            assert!(bridge.iter().all(|channel| self.pbx.channels.contains_key(channel)), "{id}");
        }
        let talks = |id: &str| self.pbx.bridges.values().any(|bridge| bridge.contains(id));
        for (id, channel) in self.pbx.channels.iter().filter(|(id, _)| id.ends_with("-out")) {
            assert!(channel.state != "Up" || talks(id), "{id} hears nobody");
        }
        let seats = self.pbx.channels.keys().filter(|id| id.contains("-agent"));
        for seat in seats {
            let room = seat.trim_start_matches("cti-").split("-agent").next().unwrap_or_default();
            assert!(self.pbx.bridges.contains_key(&format!("cti-{room}")) || self.pbx.channels[seat].state != "Up", "{seat} sits nowhere");
        }
    }
}

fn live(steps: &[Step]) {
    let mut world = World::new();
    for &step in steps {
        world.step(step);
    }
    world.settle();
    world.check_settled();
    // everybody goes home
    for id in world.pbx.channels.keys().cloned().collect::<Vec<_>>() {
        world.pbx.hang_up(&id, 16);
        world.settle();
    }
    assert!(world.pbx.channels.is_empty(), "{:?}", world.pbx.channels.keys());
    assert!(world.exchange.is_idle(), "{:?}", world.exchange.calls().collect::<Vec<_>>());
    // a bridge that was not taken away for the lack of an answer goes when the connection is made anew
    world.step(Step::Cut);
    world.settle();
    assert!(world.pbx.bridges.is_empty(), "{:?}", world.pbx.bridges);
    for (call, ended) in &world.ended {
        assert!(*ended >= 1, "{call} has not ended");
        assert!(*ended == 1 || world.crashed, "{call} has ended {ended} times");
    }
    for (channel, times) in world.pbx.dialed.iter().filter(|(channel, _)| channel.ends_with("-out")) {
        assert_eq!(*times, 1, "{channel} was called {times} times");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_everything_ends(steps in steps()) {
        live(&steps);
    }
}
