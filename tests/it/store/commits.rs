//! Commits: each follows on a turn, and writes nothing when that is not the last one.

use cti_gateway::{
    q,
    store::{Writes, accounts, journal},
};
use uuid::Uuid;

use super::{PLAIN, account_named, begin, make_every_type};
use crate::support::app::{both, noon};

both! {
    async fn a_commit_that_was_overtaken_writes_nothing(t: TestApp) {
        make_every_type(&t).await;
        let db = t.app().db.clone();
        let second = {
            let mut tx = begin(&db).await;
            let id = accounts::add(&mut tx, &account_named("Second"), t.clock.id(), noon()).await.expect("the store").expect("an account");
            tx.commit().await.expect("a commit");
            id
        };
        let writes = async |account: i64, after: Option<Uuid>, epoch: Option<&str>, id: i64| {
            let at = journal::position(db.read(), account).await.expect("a position");
            Writes { account, epoch: epoch.map_or(at.epoch, str::to_owned), after: after.unwrap_or(at.turn), turn: t.clock.id(), seq: at.seq, lead_id: 0, rows: vec![PLAIN.rows(vec![[id.into()]]), PLAIN.rows(vec![])] }
        };
        let stored = async || db.read().all::<(i64,)>(q!("select id from every_type order by id")).await.expect("rows").into_iter().map(|(id,)| id).collect::<Vec<_>>();
        let turn = async |account: i64| journal::position(db.read(), account).await.expect("a position").turn;
        let (first, seconds) = (turn(t.account).await, turn(second).await);
        // all three are made before the first is committed
        for (all, kept) in [
            (vec![writes(t.account, None, None, 1).await], true),
            (vec![writes(t.account, None, None, 2).await], false),
            (vec![writes(t.account, None, Some("another"), 3).await], false),
        ] {
            assert_eq!(db.commit(all, || {}).await.expect("a commit"), kept);
            assert_eq!(stored().await, [1]);
        }
        let after_one = turn(t.account).await;
        assert_ne!(after_one, first);
        // two accounts: both or none
        let all = vec![writes(t.account, None, None, 4).await, writes(second, Some(first), None, 5).await];
        assert!(!db.commit(all, || {}).await.expect("a commit"), "one of them was overtaken");
        assert_eq!((stored().await, turn(t.account).await, turn(second).await), (vec![1], after_one, seconds));
        let all = vec![writes(t.account, None, None, 4).await, writes(second, None, None, 5).await];
        assert!(db.commit(all, || {}).await.expect("a commit"));
        assert_eq!(stored().await, [1, 4, 5]);
        assert!(turn(t.account).await != after_one && turn(second).await != seconds);
        // what the book refuses takes the turn back with it
        let last = turn(t.account).await;
        let rows = vec![PLAIN.rows(vec![[6_i64.into()]]), PLAIN.rows(vec![[1_i64.into()]])];
        let twice = Writes { rows, ..writes(t.account, None, None, 6).await };
        assert!(db.commit(vec![twice], || {}).await.is_err(), "the key is taken");
        assert_eq!((stored().await, turn(t.account).await), (vec![1, 4, 5], last));
        assert!(db.commit(vec![writes(t.account, None, None, 6).await], || {}).await.expect("a commit"), "the next one goes on");
    }

    async fn commits_that_are_sent_behind_one_another_land_in_order_or_not_at_all(t: TestApp) {
        make_every_type(&t).await;
        let db = t.app().db.clone();
        let at = journal::position(db.read(), t.account).await.expect("a position");
        let names: Vec<Uuid> = std::iter::once(at.turn).chain((0..9).map(|_| t.clock.id())).collect();
        let writes = |after: usize, turn: usize, id: i64| {
            vec![Writes { account: t.account, epoch: at.epoch.clone(), after: names[after], turn: names[turn], seq: at.seq, lead_id: 0, rows: vec![PLAIN.rows(vec![[id.into()]])] }]
        };
        // the second and third follow on what is not there yet; the fourth on a turn that nobody took, and the fifth on that
        let sent = [writes(0, 1, 1), writes(1, 2, 2), writes(2, 3, 3), writes(8, 4, 4), writes(4, 5, 5)];
        let landed = futures_util::future::join_all(sent.map(|all| db.commit(all, || {}))).await;
        let landed: Vec<bool> = landed.into_iter().map(|landed| landed.expect("a commit")).collect();
        assert_eq!(landed, [true, true, true, false, false]);
        let stored: Vec<(i64,)> = db.read().all(q!("select id from every_type order by id")).await.expect("rows");
        assert_eq!(stored, [(1,), (2,), (3,)]);
        // one that the book refuses takes what follows on it with it, and nothing else
        let refused = [writes(3, 6, 1), writes(6, 7, 7), writes(3, 8, 8)];
        let landed = futures_util::future::join_all(refused.map(|all| db.commit(all, || {}))).await;
        assert!(matches!(landed[..], [Err(_), Ok(false), Ok(true)]), "{landed:?}");
    }
}
