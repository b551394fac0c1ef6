//! The law of playlists, and the SQL that they become.

use std::collections::BTreeMap;

use cti_gateway::{
    domain::{
        filter::TextField,
        phone::HomeRegion,
        playlist::{MAX_CAMPAIGNS, Playlist, Published},
    },
    store::filter_text,
};

use super::{CUSTOM, blocks, with};

#[test]
fn a_playlist_takes_what_its_filters_say_when_it_is_reloaded() {
    let mut filters = BTreeMap::from([
        ("a".to_owned(), blocks(&[("a", "and")])),
        ("b".to_owned(), blocks(&[("b", "or")])),
        ("c".to_owned(), blocks(&[("c", "and")])),
    ]);
    let mut playlist = Playlist { name: "hot".into(), campaigns: vec!["Spring".into()], filters: vec![] };
    let lead = |states: &str, campaign: &str| {
        let mut lead = with(TextField::State, states);
        lead.texts[TextField::Campaign as usize] = Some(campaign.into());
        lead
    };
    let everything = playlist.reload(&filters).expect("a playlist");
    assert!(everything.matches(&lead("z", "SPRING")), "without a filter, all of its campaigns");
    assert!(!everything.matches(&lead("z", "Summer")));
    for name in ["c", "a", "b"] {
        assert_eq!(playlist.assign(name, true), Ok(true), "assigned and active at once");
    }
    // c and (a and b): in the order of assignment
    let all = playlist.reload(&filters).expect("a playlist");
    assert_eq!((all.matches(&lead("abc", "Spring")), all.matches(&lead("ac", "Spring"))), (true, false));
    assert!(!all.matches(&lead("abc", "Summer")));
    assert_eq!(playlist.set_active("c", false, true), Ok(true));
    assert!(!all.matches(&lead("ab", "Spring")), "what was published stays");
    let fewer = playlist.reload(&filters).expect("a playlist");
    assert!(fewer.matches(&lead("ab", "Spring")) && !fewer.matches(&lead("b", "Spring")));
    // b or c, where b ends in or: the join stands between filters
    playlist.remove("a", true).expect("it is assigned");
    playlist.remove("c", true).expect("it is assigned");
    playlist.assign("c", true).expect("a filter");
    let either = playlist.reload(&filters).expect("a playlist");
    assert!(either.matches(&lead("b", "Spring")) && either.matches(&lead("c", "Spring")) && !either.matches(&lead("a", "Spring")));
    // what a filter says is published too
    filters.insert("b".into(), blocks(&[("x", "or")]));
    assert!(either.matches(&lead("b", "Spring")));
    assert!(!playlist.reload(&filters).expect("a playlist").matches(&lead("b", "Spring")));
    playlist.campaigns.clear();
    let nothing = playlist.reload(&filters).expect("a playlist");
    assert!(!nothing.matches(&lead("c", "Spring")) && !nothing.matches(&lead("c", "")), "without a campaign, none");
    for published in [everything, either, nothing] {
        let stored = serde_json::to_value(&published).expect("JSON");
        assert_eq!(Published::read(&stored, &CUSTOM, HomeRegion::default()), Ok(published));
    }
}

#[test]
fn the_texts_of_playlists() {
    let filters = BTreeMap::from([("a".to_owned(), blocks(&[("a", "or"), ("b", "and")]))]);
    let mut playlist = Playlist { name: "p".into(), campaigns: vec!["Spring".into(), "Ü".into()], filters: vec![] };
    let text = |playlist: &Playlist| {
        let condition = filter_text::of_playlist(&playlist.reload(&filters).expect("a playlist"), 2);
        format!("{} {:?}", condition.sql, condition.args)
    };
    let mut texts = vec![text(&playlist)];
    playlist.assign("a", true).expect("a filter");
    texts.push(text(&playlist));
    playlist.campaigns.clear();
    texts.push(text(&playlist));
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn a_playlist_refuses_what_it_does_not_know() {
    let mut playlist = Playlist { name: "hot".into(), ..Playlist::default() };
    let mut told = vec![
        playlist.assign("a", false).expect_err("no such filter").to_string(),
        playlist.remove("a", false).expect_err("no such filter").to_string(),
        playlist.remove("a", true).expect_err("not assigned").to_string(),
        playlist.set_active("a", true, false).expect_err("no such filter").to_string(),
        playlist.set_active("a", false, true).expect_err("not assigned").to_string(),
    ];
    assert_eq!(playlist.assign("a", true), Ok(true));
    assert_eq!(playlist.set_active("a", true, true), Ok(false));
    assert_eq!(playlist.set_active("a", false, true), Ok(true));
    assert_eq!(playlist.assign("a", true), Ok(false), "again");
    assert_eq!(playlist.filters.len(), 1);
    assert!(!playlist.filters[0].active, "it stays as it is");
    assert!(playlist.reload(&BTreeMap::new()).is_ok(), "an inactive filter need not be there");
    // a filter that is gone can be switched and removed, and not be published
    assert_eq!(playlist.set_active("a", true, false), Ok(true));
    told.push(playlist.reload(&BTreeMap::new()).expect_err("gone").to_string());
    assert_eq!(playlist.remove("a", false), Ok(true));
    for n in 0..100 {
        playlist.assign(&n.to_string(), true).expect("room");
    }
    told.push(playlist.assign("x", true).expect_err("no room").to_string());
    assert_eq!(playlist.assign("99", true), Ok(false), "which needs no room");
    let long = blocks(&[("a", "and"), ("b", "and")]);
    let known = (0..100).map(|n| (n.to_string(), long.clone())).collect();
    told.push(playlist.reload(&known).expect_err("too much").to_string());
    playlist.filters.clear();
    playlist.campaigns = vec!["x".into(); MAX_CAMPAIGNS];
    assert!(playlist.reload(&known).is_ok());
    playlist.campaigns.push("x".into());
    told.push(playlist.reload(&known).expect_err("too many").to_string());
    insta::assert_snapshot!(told.join("\n"));
}
