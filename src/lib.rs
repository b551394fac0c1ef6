//! cti-gateway: one server between CRM back ends, telephone systems, browser softphones and operators.
//!
//! # Rooms
//! Arrows point down only; a test holds it.
//! ```text
//! cli, client, config      what an operator types; the reference socket client; the settings
//! http   DOORS             dialects and protocols: check the secret, parse, answer
//! app    DESK              committer, hub, sweeper, directory, outbox: what is done with things
//! courier COURIER          one outgoing request, timed, to where it may go
//! store  BOOK              the one place that speaks SQL, to SQLite and to Postgres
//! pbx    EAR               bytes of a telephone system → `News`
//! domain LAW               pure functions of (state, input, now)
//! ```
//!
//! # Glossary: one word per thing
//! | word | meaning |
//! |---|---|
//! | account | a tenant; its name is the `accid` of DialedIn |
//! | agent | a person who takes calls; found by *login*, *number* or *extension* |
//! | operator | a person who watches the console |
//! | gateway | one configured telephone system of an account, with its secret |
//! | call | a `dialer_call`: one record for a call's whole life; its id is the *dtCallId* |
//! | attempt | one try on the telephone system; carries the PBX's own call id; a call has 1..n |
//! | line | facet of an attempt that only the telephone system's news moves |
//! | handling | facet of an attempt that is ours: preview, wrap-up, finished |
//! | state | what a screen shows: preview, incoming, ringing, talk, hold, idle, end; a function of line and handling |
//! | status | of a call: open, retry, closed |
//! | call status | Vtiger's words for the newest attempt: ringing, in-progress, completed, busy, hangup, verbatim |
//! | outcome | how a call came out, chosen by the agent or found automatically (a *disposition*) |
//! | news | what a telephone system says happened |
//! | wish | what an agent asks for; may be refused |
//! | fact | what a piece of news changed; becomes an entry |
//! | entry | one row of an account's journal: an *event envelope* with its `seq` |
//! | epoch | the incarnation of a journal; `seq` counts within it |
//! | audience | who may see an entry: all agents of the account, or a list of logins |
//! | lead | somebody to be called: a number, a campaign and what is known of him; its id counts within the account |
//! | campaign | what leads belong to; may have subcampaigns |
//! | disposition | a word for an outcome; says whether a lead with it may be called again |
//! | hot | to be dialed before all others, as soon as the law allows |
//! | override | a rule that a caller asks to set aside, which needs its scope and is recorded |
//! | window | the hours in which a telephone may ring, by the rules of where it is |
//! | dnc | the do-not-call list; its sister for messages is the opt-out list |
//! | setup | what an account has set up: records of a closed set of kinds, each known by its name |
//! | filter, playlist | which leads are meant; which leads of which campaigns are dialed |
//! | pacing | how many lines a campaign's dialer opens: preview, progressive or predictive |
//! | in flight | opened by the dialer for whoever will be free, and not decided yet |
//! | presence | what an agent has set himself to: offline, not ready, ready, and what comes next |
//! | order | what a telephone system is told to do; the *switchboard* carries it out |
//! | capability, verb | what a telephone system can do at all; what can be wished of a call |
//! | receipt | why a lead was presented, dialed or passed over |
//! | desk | of the dialer: finds leads for agents who could have one |
//! | cover | a ready agent covers one call in flight; while he does, he does not leave |
//! | abandoned | answered by a person and not connected to an agent within 2 s |
//! | tally | how many calls of a campaign were answered by a person and how many of these abandoned, over thirty days |
//! | budget | how many calls in flight without cover the tally permits |
//! | forecast | who will have answered and who will be free in the next seconds; a *predictor* makes a wish of it |
//! | dial list | an agent's own list of numbers, outside the dialer's rules |
//! | ring group | a call queue, its number (*DID*, *Source*) and the skills that answer it |
//! | message | one text message; *segments* are what it costs |
//! | provider | who carries messages |
//! | party | a contact, account, case or user of the CRM, known by its numbers |
//! | lease | a state with a deadline; the sweeper ends it |
//! | door | an HTTP entry in one dialect |
//! | progress | how a campaign gets on: its leads, agents and lines, and why there are no more lines |
//! | pulse | what a server has noticed of an account since it started: news, orders, deliveries |
//! | trace | the entries of one call |
//! | reception | when a ring group is open, how many may wait, and where the others go |
//! | queueDn | the number of a ring group (call queue, DID, *Source*) |

pub mod app;
pub mod cli;
pub mod client;
pub mod config;
pub mod courier;
pub mod domain;
pub mod http;
pub mod pbx;
pub mod store;
