//! TLS to Postgres: every connection, that of the committer too, means the same by `sslmode`.

use std::net::TcpListener;

use super::account_named;
use crate::support::{
    app::noon,
    postgres::{Cluster, Durability},
};
use cti_gateway::{
    app::clock::Clock,
    q,
    store::{Db, OpenError, OpenOptions, Writes, accounts, journal},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

async fn open(url: String) -> Result<Db, OpenError> {
    Db::open(&OpenOptions { url, pipes: 1, writers: 1, readers: 1, replayers: 1 }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_connection_keeps_to_sslmode() {
    let mut params = CertificateParams::new([]).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a root");
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(["localhost".to_owned()]).expect("parameters").signed_by(&key, &root).expect("a certificate");
    let folder = tempfile::tempdir().expect("a folder");
    let root_file = folder.path().join("root.pem");
    std::fs::write(&root_file, root.pem()).expect("a file");

    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let cluster = Cluster::start(Durability::Fast).expect("a Postgres");
    cluster.listen(port, &leaf.pem(), &key.serialize_pem()).await.expect("it listens");
    let url = |host: &str, mode: &str| format!("postgres://postgres@{host}:{port}/postgres?sslmode={mode}");
    let clock = Clock::manual(noon());
    let trusted = format!("&sslrootcert={}", root_file.display());

    for (address, encrypted) in [
        (url("localhost", "disable"), false),
        (url("localhost", "prefer"), true),
        (url("localhost", "require"), true),
        (url("127.0.0.1", "verify-ca") + &trusted, true),
        (url("localhost", "verify-full") + &trusted, true),
    ] {
        let db = open(address.clone()).await.unwrap_or_else(|error| panic!("{address}: {error}"));
        let mut tx = db.begin().await.expect("a transaction");
        let name = clock.id().to_string();
        let account = accounts::add(&mut tx, &account_named(&name), clock.id(), noon()).await.expect("the store").expect("an account");
        tx.commit().await.expect("a commit");
        let at = journal::position(db.read(), account).await.expect("a position");
        let writes = Writes { account, epoch: at.epoch, after: at.turn, turn: clock.id(), seq: 0, lead_id: 0, rows: vec![] };
        assert!(db.commit(vec![writes], || {}).await.expect("a commit"), "{address}");
        let kinds = "select s.ssl, count(*) from pg_stat_ssl s join pg_stat_activity a on a.pid = s.pid
                     where a.application_name = 'cti-gateway' group by s.ssl";
        let kinds: Vec<(bool, i64)> = db.read().all(q!(kinds)).await.expect("connections");
        assert!(matches!(kinds[..], [(of, count)] if of == encrypted && count >= 3), "{address}: {kinds:?}");
        db.close().await;
    }
    for address in [url("localhost", "verify-ca"), url("localhost", "verify-full"), url("127.0.0.1", "verify-full") + &trusted] {
        assert!(open(address.clone()).await.is_err(), "{address} was not refused");
    }
}
