//! The law of leads: every cell of the decision table, what a call status allows, what a client may write, and that a dry run
//! says what the table decides.

mod patches;
mod places;
mod retry;

use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};
use cti_gateway::domain::{
    call::Outcome,
    disposition::{self, Callable, Disposition, SYSTEM, resolve},
    lead::{
        Asked, Callback, DayCap, Dial, DuplicatesCheck, Explanation, Facts, FieldRules, Flag, Found, Lead, LeadPatch, Nearest, NoDial,
        Override, Rule, Source, Verdict, Warning, Window, decide, would_dial,
    },
    scope::Scopes,
};
use serde_json::json;

use crate::support::app::noon;

const MODES: [DuplicatesCheck; 4] = [DuplicatesCheck::Campaign, DuplicatesCheck::Allow, DuplicatesCheck::All, DuplicatesCheck::Subcampaign];
const NEAREST: [Nearest; 4] = [Nearest::None, Nearest::Elsewhere, Nearest::Campaign, Nearest::Subcampaign];
const FLAGS: [Flag; 3] = [Flag::Absent, Flag::Denied, Flag::Granted];

/// The inputs of the table, each with its values as the snapshot abbreviates them.
const INPUTS: [(&str, &[&str]); 9] = [
    ("dup", &["0", "1", "2", "3"]),
    ("near", &["-", "e", "c", "s"]),
    ("allow", &["-", "x", "g"]),
    ("imp", &["-", "i"]),
    ("dnc", &["-", "d"]),
    ("call", &["y", "n"]),
    ("nonc", &["-", "x", "g"]),
    ("tz", &["-", "x", "g"]),
    ("win", &["o", "c"]),
];

const HEADER: &str = "\
dup    DuplicatesCheck: 0 same campaign, 1 allow, 2 all campaigns, 3 same campaign and subcampaign
near   nearest lead with the same number: - none, e elsewhere, c same campaign, s same subcampaign
allow  AllowDialingDups: - not asked for, x without dups:override, g granted
imp    ImportOnly: - no, i yes
dnc    number on the DNC list: - no, d yes
call   call status callable: y, n
nonc   DialNonCallables: - not asked for, x without dnc:override, g granted
tz     skip the window check (timezone=0): - not asked for, x without window:override, g granted
win    calling window: o open, c closed
*      any of them: the verdict is the same. a|b: the same for both
cells  how many cells of the whole table the line stands for
over   the overrides that made the difference
";

/// One cell of the table: an index into the values of each input.
type Cell = [usize; 9];

fn asked_and_found(cell: Cell) -> (Asked, Found) {
    let [mode, nearest, allow, import, dnc, call, non_callables, zone, window] = cell;
    let asked = Asked {
        duplicates_check: MODES[mode],
        allow_dups: FLAGS[allow],
        dial_non_callables: FLAGS[non_callables],
        skip_window: FLAGS[zone],
        import_only: import == 1,
    };
    (asked, Found { nearest: NEAREST[nearest], callable: call == 0, on_dnc: dnc == 1, window_open: window == 0 })
}

/// Every cell there is.
fn cells() -> impl Iterator<Item = Cell> {
    let sizes = INPUTS.map(|(_, values)| values.len());
    (0..sizes.iter().product()).map(move |mut number: usize| {
        sizes.map(|size| {
            let value = number % size;
            number /= size;
            value
        })
    })
}

fn word(verdict: &Verdict) -> String {
    let over = |used: &[Override]| used.iter().map(|which| format!("{which:?}").to_lowercase()).collect::<Vec<_>>().join("+");
    match verdict {
        Verdict::Rejected { .. } => "rejected: duplicate".to_owned(),
        Verdict::Stored { dial, used, .. } => {
            let dial = match dial {
                Dial::Now => "dial now",
                Dial::WhenWindowOpens => "dial when the window opens",
                Dial::No(NoDial::ImportOnly) => "no: import only",
                Dial::No(NoDial::Dnc) => "no: DNC",
                Dial::No(NoDial::NotCallable) => "no: not callable",
            };
            if used.is_empty() { format!("stored, {dial}") } else { format!("stored, {dial}, over {}", over(used)) }
        }
    }
}

type Line = (Vec<String>, usize, String);

/// The lines for all cells that begin so: what each input is, how many cells, the verdict. Values of an input share lines only
/// when every cell behind them says the same.
fn lines(cell: Cell, depth: usize) -> Vec<Line> {
    if depth == INPUTS.len() {
        let (asked, found) = asked_and_found(cell);
        return vec![(vec![], 1, word(&decide(&asked, &found)))];
    }
    let values = INPUTS[depth].1;
    let mut groups: Vec<(Vec<&str>, Vec<Line>)> = Vec::new();
    for (value, label) in values.iter().enumerate() {
        let mut cell = cell;
        cell[depth] = value;
        let below = lines(cell, depth + 1);
        match groups.iter_mut().find(|(_, known)| *known == below) {
            Some((same, _)) => same.push(label),
            None => groups.push((vec![label], below)),
        }
    }
    let mut all = Vec::new();
    for (same, below) in groups {
        let label = if same.len() == values.len() { "*".to_owned() } else { same.join("|") };
        all.extend(below.into_iter().map(|(mut labels, count, verdict)| {
            labels.insert(0, label.clone());
            (labels, count * same.len(), verdict)
        }));
    }
    all
}

#[test]
fn every_cell_of_the_decision_table() {
    let lines = lines([0; 9], 0);
    let mut table = format!("{HEADER}\n");
    for (name, _) in INPUTS {
        write!(table, "{name:6}").expect("text");
    }
    writeln!(table, "cells  verdict").expect("text");
    for (labels, count, verdict) in &lines {
        for label in labels {
            write!(table, "{label:6}").expect("text");
        }
        writeln!(table, "{count:5}  {verdict}").expect("text");
    }
    let all: usize = lines.iter().map(|(_, count, _)| count).sum();
    assert_eq!((all, cells().count()), (6_912, 6_912));
    writeln!(table, "\n{all} cells").expect("text");
    insta::assert_snapshot!(table);
}

#[test]
fn what_is_ignored_is_said_whatever_becomes_of_the_lead() {
    for (asked, found) in cells().map(asked_and_found) {
        let (Verdict::Rejected { warnings, .. } | Verdict::Stored { warnings, .. }) = decide(&asked, &found);
        let flags = [(asked.allow_dups, Override::Dups), (asked.dial_non_callables, Override::Dnc), (asked.skip_window, Override::Window)];
        let expected = flags.into_iter().filter(|(flag, _)| *flag == Flag::Denied).map(|(_, which)| Warning::NotGranted(which));
        assert_eq!(warnings, expected.collect::<Vec<_>>(), "{asked:?} {found:?}");
    }
    assert_eq!(
        [Override::Dups, Override::Dnc, Override::Window].map(|which| Warning::NotGranted(which).to_string()),
        [
            "AllowDialingDups=1 is ignored: the token has no scope dups:override",
            "DialNonCallables=1 is ignored: the token has no scope dnc:override",
            "timezone=0 is ignored: the token has no scope window:override",
        ]
    );
}

/// The promises, each over every cell.
#[test]
fn no_cell_breaks_a_promise() {
    for (asked, found) in cells().map(asked_and_found) {
        let case = format!("{asked:?} {found:?}");
        let duplicate = match asked.duplicates_check {
            DuplicatesCheck::Campaign => matches!(found.nearest, Nearest::Campaign | Nearest::Subcampaign),
            DuplicatesCheck::Allow => false,
            DuplicatesCheck::All => found.nearest != Nearest::None,
            DuplicatesCheck::Subcampaign => found.nearest == Nearest::Subcampaign,
        };
        match decide(&asked, &found) {
            Verdict::Rejected { nearest, .. } => {
                assert!(duplicate && asked.allow_dups != Flag::Granted, "rejected without need: {case}");
                assert_eq!(nearest, found.nearest);
            }
            Verdict::Stored { dial, used, .. } => {
                let granted = |which| used.contains(&which);
                assert_eq!(granted(Override::Dups), duplicate, "a duplicate is stored by a recorded override only: {case}");
                assert!(!duplicate || asked.allow_dups == Flag::Granted, "{case}");
                let dialed = !matches!(dial, Dial::No(_));
                if dialed && (found.on_dnc || !found.callable) {
                    assert!(asked.dial_non_callables == Flag::Granted && granted(Override::Dnc), "dialed without a grant: {case}");
                }
                if dial == Dial::Now && !found.window_open {
                    assert!(asked.skip_window == Flag::Granted && granted(Override::Window), "dialed outside the window: {case}");
                }
                assert!(!(asked.import_only && dialed), "imported only, and dialed: {case}");
                assert!(dial != Dial::WhenWindowOpens || !found.window_open, "waits for nothing: {case}");
                assert!(dialed || !granted(Override::Dnc) && !granted(Override::Window), "recorded for nothing: {case}");
            }
        }
        let without = |flag| if flag == Flag::Denied { Flag::Absent } else { flag };
        let plain = Asked {
            allow_dups: without(asked.allow_dups),
            dial_non_callables: without(asked.dial_non_callables),
            skip_window: without(asked.skip_window),
            ..asked
        };
        assert_eq!(word(&decide(&asked, &found)), word(&decide(&plain, &found)), "a flag without its scope does nothing: {case}");
    }
}

#[test]
fn flags_come_from_what_was_asked_and_what_is_granted() {
    assert_eq!(
        [(false, false), (false, true), (true, false), (true, true)].map(|(wanted, may)| Flag::of(wanted, may)),
        [Flag::Absent, Flag::Absent, Flag::Denied, Flag::Granted]
    );
    assert_eq!([Some(true), Some(false), None].map(|check| Flag::of_timezone(check, true)), [Flag::Absent, Flag::Granted, Flag::Granted]);
    assert_eq!([Some(true), Some(false), None].map(|check| Flag::of_timezone(check, false)), [Flag::Absent, Flag::Denied, Flag::Absent]);
    let scopes: Scopes = "admin dnc:override".parse().expect("scopes");
    let may = [Override::Dups, Override::Dnc, Override::Window].map(|which| scopes.allow(which.scope()));
    assert_eq!(may, [false, true, false], "each override has its own scope");
    assert_eq!(["0", " 1", "2", "3"].map(DuplicatesCheck::read), MODES.map(Some));
    assert_eq!(["", "4", "true", "-1"].map(DuplicatesCheck::read), [None; 4]);
    assert_eq!(Asked::default().duplicates_check, DuplicatesCheck::Campaign, "DialedIn's default");
}

#[test]
fn the_nearest_duplicate_answers_for_every_scope() {
    let near = |others: &[(&str, Option<&str>)]| Nearest::of("Solar", Some("May"), others.iter().copied());
    assert_eq!(near(&[]), Nearest::None);
    assert_eq!(near(&[("Wind", Some("May"))]), Nearest::Elsewhere);
    assert_eq!(near(&[("SOLAR", None), ("Wind", None)]), Nearest::Campaign);
    assert_eq!(near(&[("Wind", None), ("solar", Some("may")), ("Solar", Some("June"))]), Nearest::Subcampaign);
    assert_eq!(Nearest::of("Solar", None, [("Solar", None)]), Nearest::Subcampaign);
    assert_eq!(Nearest::of("Solar", None, [("Solar", Some("May"))]), Nearest::Campaign);
}

fn own(name: &'static str, callable: bool) -> Disposition {
    Disposition { name: name.into(), text: name.into(), connects: false, is_connect_xor_abort: false, callable }
}

#[test]
fn a_call_status_is_callable_or_not() {
    let campaign = [own("Hot", true), own("Both", false), own("sale", true), own("do not call", true), own("Übergabe", true)];
    let account = [own("hot", false), own("both", true), own("general", true), own("FTC DNC", true)];
    let callable = |status| resolve(status, &campaign, &account).is_callable();
    for (status, expected) in [
        (None, true),
        (Some(""), true),
        (Some("  "), true),
        (Some("nobody knows"), false),
        (Some("UNKNOWN"), false),
        (Some("HOT "), true),
        (Some("both"), false),
        (Some("General"), true),
        (Some("SALE"), true),
        (Some("übergabe"), true),
        (Some("cr_busy"), true),
        (Some("CR_BAD_NUMBER"), false),
        (Some("Do Not Call"), false),
        (Some("ftc dnc"), false),
    ] {
        assert_eq!(callable(status), expected, "{status:?}");
    }
    assert!(!resolve(Some("SALE"), &[], &account).is_callable(), "another campaign's own says nothing here");
    assert_eq!(resolve(Some("nobody knows"), &campaign, &account), Callable::Unknown);
    assert_eq!(resolve(None, &campaign, &account), Callable::Fresh);
}

#[test]
fn the_dispositions_of_the_system() {
    let mut table = String::new();
    for Disposition { name, text, connects, is_connect_xor_abort, callable } in &SYSTEM {
        let mark = |yes: bool, word| if yes { word } else { "-" };
        let flags = [mark(*connects, "connects"), mark(*is_connect_xor_abort, "abort"), mark(*callable, "callable")];
        writeln!(table, "{name:17} {:9} {:6} {:9} {text}", flags[0], flags[1], flags[2]).expect("text");
    }
    insta::assert_snapshot!(table);
    // what the call law finds has the same name and text here
    for outcome in [Outcome::Connected, Outcome::NoAnswer, Outcome::Busy, Outcome::Failed, Outcome::HungUp, Outcome::PresumedLost] {
        let words = outcome.words();
        let Callable::By(known) = resolve(Some(words.disposition), &[], &[]) else { panic!("{} is unknown", words.disposition) };
        assert_eq!((known.name.as_ref(), known.text.as_ref()), (words.disposition, words.text));
        assert_eq!(known.connects, outcome == Outcome::Connected);
    }
    assert!(disposition::NEVER.iter().all(|never| SYSTEM.iter().any(|known| known.name == *never && !known.callable)));
}

pub(crate) fn rules(declared: &[String]) -> FieldRules<'_> {
    FieldRules { region: "US".parse().expect("a region"), declared, allow_undeclared: false }
}

pub(crate) fn lead() -> Lead {
    let given = [("Campaign", "Solar"), ("PrimaryPhone", "(781) 270-6510"), ("FirstName", "Ada")];
    let (patch, remarks) = LeadPatch::lenient(given, &rules(&[])).expect("fields");
    assert_eq!(remarks, []);
    patch.new_lead(7, Source::DialedIn, noon()).expect("a lead")
}

fn facts() -> Facts {
    let window = Window {
        open: true,
        zone: "America/New_York".to_owned(),
        local_time: "07:00".to_owned(),
        rule: "calls from 08:00 to 21:00".to_owned(),
        next_allowed: None,
    };
    let day = DayCap { attempts: 0, cap: 3, resets_at: in_hours(16) };
    Facts { on_dnc: false, callable: true, left_out: None, tries: None, max_attempts: 10, window, day }
}

fn in_hours(hours: i64) -> DateTime<Utc> {
    noon() + TimeDelta::hours(hours)
}

fn broken(explanation: &Explanation) -> Vec<Rule> {
    explanation.reasons.iter().map(|reason| reason.rule).collect()
}

#[test]
fn all_that_speaks_against_a_dial_is_said() {
    let mut bad = lead();
    bad.import_only = true;
    bad.call_status = Some("SALE".to_owned());
    bad.expires_at = Some(noon());
    bad.callback = Some(Callback { agent: Some("anna".to_owned()), at: in_hours(2), notes: None });
    let mut against = facts();
    (against.on_dnc, against.callable, against.day.attempts) = (true, false, 3);
    (against.window.open, against.window.next_allowed) = (false, Some(in_hours(1)));
    let explanation = would_dial(&bad, &against, noon());
    assert_eq!((explanation.dial, explanation.next_allowed), (false, None));
    insta::assert_json_snapshot!(explanation);
}

#[test]
fn a_lead_waits_for_the_last_rule_that_passes_by_itself() {
    let clear = would_dial(&lead(), &facts(), noon());
    assert_eq!((clear.dial, clear.next_allowed, broken(&clear)), (true, Some(noon()), vec![]));

    let mut against = facts();
    (against.window.open, against.window.next_allowed) = (false, Some(in_hours(1)));
    let closed = would_dial(&lead(), &against, noon());
    assert_eq!((closed.dial, closed.next_allowed, broken(&closed)), (false, Some(in_hours(1)), vec![Rule::Window]));

    let mut promised = lead();
    promised.callback = Some(Callback { agent: None, at: in_hours(2), notes: None });
    let later = would_dial(&promised, &against, noon());
    assert_eq!((later.next_allowed, broken(&later)), (Some(in_hours(2)), vec![Rule::Callback, Rule::Window]));
    assert!(would_dial(&promised, &facts(), in_hours(2)).dial, "when it was promised");

    against.day.attempts = 3;
    let tomorrow = would_dial(&promised, &against, noon());
    assert_eq!((tomorrow.next_allowed, tomorrow.reasons.len()), (Some(in_hours(16)), 3));
    against.day.cap = 0;
    assert_eq!(would_dial(&promised, &against, noon()).next_allowed, None, "a cap of none never passes");
    against.day = facts().day;
    against.window.next_allowed = None;
    assert_eq!(would_dial(&promised, &against, noon()).next_allowed, None, "a window that never opens");

    let mut never = facts();
    never.on_dnc = true;
    let refused = would_dial(&promised, &never, noon());
    assert_eq!((refused.next_allowed, broken(&refused)), (None, vec![Rule::Dnc, Rule::Callback]));
}

#[test]
fn a_lead_that_expires_first_is_never_dialed() {
    let mut against = facts();
    (against.window.open, against.window.next_allowed) = (false, Some(in_hours(1)));
    for (hours, next, rules) in [
        (-1, None, vec![Rule::Expiry, Rule::Window]),
        (0, None, vec![Rule::Expiry, Rule::Window]),
        (1, None, vec![Rule::Window, Rule::Expiry]),
        (2, Some(in_hours(1)), vec![Rule::Window]),
    ] {
        let explanation = would_dial(&Lead { expires_at: Some(in_hours(hours)), ..lead() }, &against, noon());
        assert_eq!((explanation.dial, explanation.next_allowed, broken(&explanation)), (false, next, rules), "{hours} h");
    }
    assert!(would_dial(&Lead { expires_at: Some(in_hours(1)), ..lead() }, &facts(), noon()).dial);
}

/// What the table decides at the door is what the rules say of the stored lead right after.
#[test]
fn the_table_and_the_dry_run_agree() {
    for (asked, found) in cells().map(asked_and_found) {
        let Verdict::Stored { dial, used, .. } = decide(&asked, &found) else { continue };
        let mut lead = lead();
        lead.settle(&asked, dial, noon());
        let mut facts = Facts { on_dnc: found.on_dnc, callable: found.callable, ..facts() };
        (facts.window.open, facts.window.next_allowed) = (found.window_open, Some(in_hours(1)));
        let explanation = would_dial(&lead, &facts, noon());
        let case = format!("{asked:?} {found:?}");
        assert_eq!(explanation.dial, dial == Dial::Now, "{case}");
        let next = match dial {
            Dial::Now => Some(noon()),
            Dial::WhenWindowOpens => Some(in_hours(1)),
            Dial::No(_) => None,
        };
        assert_eq!(explanation.next_allowed, next, "{case}");
        assert_eq!((lead.hot, lead.hot_at), (next.is_some(), next.map(|_| noon())), "{case}");
        let recorded = (lead.import_only, lead.dial_non_callables, lead.check_window);
        let granted = (asked.dial_non_callables == Flag::Granted, asked.skip_window == Flag::Granted);
        assert_eq!(recorded, (asked.import_only, granted.0, !granted.1), "{case}");
        let overridden = explanation.overridden.iter().map(|reason| match reason.rule {
            Rule::Window => Override::Window,
            rule => {
                assert!(matches!(rule, Rule::Dnc | Rule::CallStatus), "{rule:?} is never overridden");
                Override::Dnc
            }
        });
        let mut overridden: Vec<Override> = overridden.collect();
        overridden.dedup();
        if explanation.dial {
            let recorded: Vec<Override> = used.into_iter().filter(|which| *which != Override::Dups).collect();
            assert_eq!(overridden, recorded, "{case}");
        }
    }
}

#[test]
fn a_promised_call_is_not_hot() {
    let mut promised = lead();
    promised.callback = Some(Callback { agent: None, at: in_hours(2), notes: None });
    promised.settle(&Asked::default(), Dial::Now, noon());
    assert_eq!((promised.hot, promised.hot_at), (false, None));
}

#[test]
fn an_override_is_for_the_dial_that_was_asked_for() {
    let mut lead = lead();
    lead.settle(&Asked { dial_non_callables: Flag::Granted, skip_window: Flag::Granted, ..Asked::default() }, Dial::Now, noon());
    let mut against = Facts { on_dnc: true, ..facts() };
    against.window.open = false;
    assert!(would_dial(&lead, &against, noon()).dial, "while it is hot");
    lead.hot = false;
    assert_eq!(broken(&would_dial(&lead, &against, noon())), [Rule::Dnc, Rule::Window], "the campaign's own idea");
    lead.callback = Some(Callback { agent: None, at: noon(), notes: None });
    assert!(would_dial(&lead, &against, noon()).dial, "the promised call");
}

#[test]
fn a_number_put_on_the_list_ends_an_older_override() {
    let mut lead = lead();
    lead.settle(&Asked { dial_non_callables: Flag::Granted, ..Asked::default() }, Dial::Now, noon());
    lead.callback = Some(Callback { agent: None, at: noon(), notes: None });
    let facts = Facts { on_dnc: true, callable: false, ..facts() };
    let before = would_dial(&lead, &facts, noon());
    assert_eq!((before.dial, before.overridden.len()), (true, 2));
    lead.scrub(in_hours(1));
    assert_eq!((lead.call_status.as_deref(), lead.hot, lead.hot_at), (Some("DO NOT CALL"), false, None));
    assert_eq!((lead.updated_at, lead.version), (in_hours(1), 2));
    assert_eq!(broken(&would_dial(&lead, &facts, in_hours(1))), [Rule::Dnc, Rule::CallStatus]);
}

#[test]
fn a_dry_run_reads_like_the_rest_of_the_api() {
    let explanation = json!(would_dial(&lead(), &facts(), noon()));
    assert_eq!(explanation, json!({"dial": true, "reasons": [], "overridden": [], "nextAllowed": "2026-11-20T12:00:00Z"}));
}
