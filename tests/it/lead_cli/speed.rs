//! A hundred thousand leads, on databases that lose nothing in a power cut.

use std::time::Duration;

use cti_gateway::app::clock::instant;

use super::{set_up, write};
use crate::support::{
    figure,
    postgres::{Cluster, Durability},
    program::Program,
};

const ROWS: usize = 100_000;
const WITHIN: Duration = Duration::from_secs(30);

fn rows() -> String {
    let row = |n: usize| {
        let area = ["202", "212", "305", "312", "415", "617", "702", "713", "206", "404"][n % 10];
        let (high, low) = (200 + n / 100_000, n % 100_000 / 10);
        format!(
            "c-{n},Ada{n},\"Love, lace\",{n} Main St,Springfield,MA,{},({area}) {high}-{low:04},ada{n}@example.com,\"called in spring, {n}\",P-{n}\n",
            10_000 + n % 80_000
        )
    };
    let header = "Client Id,First Name,Last Name,Street,City,State,Zip,Phone,E-Mail,Notes,Policy ID\n";
    std::iter::once(header.to_owned()).chain((0..ROWS).map(row)).collect()
}

async fn import(program: Program, store: &str) {
    set_up(&program).await;
    write(&program, "big.csv", rows());
    let began = instant();
    let shown = program.record(&["lead", "import", "big.csv", "--account", "acme", "--campaign", "Spring"]).await;
    let took = began.elapsed();
    assert_eq!((shown["stored"].as_u64(), shown["duplicates"].as_u64()), (Some(ROWS as u64), Some(0)), "{shown}");
    figure(&format!("{store}: {ROWS} rows in {:.1} s, {} rows/s", took.as_secs_f64(), shown["rowsPerSecond"]));
    // a debug build promises nothing
    assert!(cfg!(debug_assertions) || took < WITHIN, "{store}: {took:?}");
}

#[tokio::test]
#[ignore = "slow"]
async fn sqlite() {
    import(Program::on_sqlite(), "SQLite").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow"]
async fn postgres() {
    let cluster = Cluster::start(Durability::Durable).expect("a Postgres");
    let url = cluster.create_database("cti").await.expect("a database");
    import(Program::on_sqlite().with("CTI_STORE__URL", &url), "Postgres").await;
}
