//! A real Postgres (15 or newer) for tests and benchmarks, with nothing to set up by hand.
//!
//! [`database`] gives a test a migrated database of its own. All tests of one run share one
//! throwaway server: the first of them starts it, and a watchdog removes it when the test runner
//! (the parent process: cargo or cargo-nextest) has ended, however it ended.
//! [`Cluster`] is a server of one's own, for whoever wants to crash it or to measure it.
//!
//! The servers listen on a unix socket in a temporary folder that only their user may enter.
//! `TEST_DATABASE_URL`, a superuser's URL, makes [`database`] use that server instead.
//! The benchmark includes this file too, so it needs only std, sqlx and tokio.

use std::error::Error;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, process};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

const MISSING: &str = "no Postgres server programs (initdb): run `apt-get install -y postgresql` \
                       or `./test.sh`, or set TEST_DATABASE_URL to a superuser's URL";

/// The advisory lock under which the template database is made.
const TEMPLATE_LOCK: i64 = 7_240_115;

/// Counts what this process has made, for names.
static MADE: AtomicU32 = AtomicU32::new(0);

/// A fresh, migrated database for one test, as a URL.
pub(crate) async fn database() -> String {
    match fresh_database().await {
        Ok(url) => url,
        Err(error) => panic!("no test database: {error}"),
    }
}

async fn fresh_database() -> Result<String, Box<dyn Error>> {
    let server = match env::var("TEST_DATABASE_URL") {
        Ok(url) => url,
        Err(_) => shared_server()?.url("postgres"),
    };
    let mut admin = PgConnection::connect(&server).await?;
    drop_leftovers(&mut admin).await?;
    let template = template(&mut admin, &server).await?;
    let name = format!("ctitest_{}_{}", process::id(), next());
    execute(&mut admin, format!("create database {name} template {template} strategy wal_log")).await?;
    admin.close().await?;
    Ok(with_database(&server, &name))
}

/// The server that all tests of this run share. Started by whoever takes the lock first.
fn shared_server() -> io::Result<Server> {
    let runner = parent_id();
    let server = Server::in_folder(&format!("cti-postgres-{runner}"))?;
    let lock = File::create(server.dir.join("lock"))?;
    lock.lock()?;
    if !server.is_up() {
        server.create(Durability::Fast, runner)?;
    }
    Ok(server)
}

/// The migrated database that the tests' databases are copied from. Its name follows from the
/// migrations, so a server that outlives a run never serves an old one.
async fn template(admin: &mut PgConnection, server: &str) -> Result<String, Box<dyn Error>> {
    let migrations = sqlx::migrate!("migrations/postgres");
    let mut hash = DefaultHasher::new();
    for migration in migrations.iter() {
        migration.checksum.hash(&mut hash);
    }
    let name = format!("ctitemplate_{:016x}", hash.finish());
    execute(admin, format!("select pg_advisory_lock({TEMPLATE_LOCK})")).await?;
    // The flag is set last: a database without it was left half made.
    let finished = "select exists (select from pg_database where datname = $1 and datistemplate)";
    if !sqlx::query_scalar::<_, bool>(finished).bind(&name).fetch_one(&mut *admin).await? {
        execute(admin, format!("drop database if exists {name}")).await?;
        // Sorts by language, as production servers do, so that a forgotten `collate "C"` shows.
        let sorting = "template template0 encoding 'UTF8' locale_provider icu icu_locale 'en-US'";
        execute(admin, format!("create database {name} {sorting}")).await?;
        let mut fresh = PgConnection::connect(&with_database(server, &name)).await?;
        migrations.run(&mut fresh).await?;
        fresh.close().await?;
        execute(admin, format!("alter database {name} is_template true")).await?;
    }
    execute(admin, format!("select pg_advisory_unlock({TEMPLATE_LOCK})")).await?;
    Ok(name)
}

/// Drops the databases of test processes that have ended, so that a long run stays small.
async fn drop_leftovers(admin: &mut PgConnection) -> Result<(), sqlx::Error> {
    if !Path::new("/proc/self").exists() {
        return Ok(()); // no way to tell who has ended
    }
    let names = "select datname from pg_database where datname like 'ctitest\\_%'";
    for name in sqlx::query_scalar::<_, String>(names).fetch_all(&mut *admin).await? {
        let owner = name.split('_').nth(1).and_then(|pid| pid.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            // Another test may be doing the same right now; one of the two succeeds.
            let _ = execute(admin, format!("drop database if exists {name}")).await;
        }
    }
    Ok(())
}

async fn execute(connection: &mut PgConnection, sql: String) -> Result<(), sqlx::Error> {
    sqlx::query(AssertSqlSafe(sql)).execute(connection).await.map(drop)
}

/// The same server's URL with another database in it.
fn with_database(url: &str, database: &str) -> String {
    let (address, parameters) = url.split_at(url.find('?').unwrap_or(url.len()));
    let authority = address.find("://").map_or(0, |at| at + 3);
    let end = address[authority..].find('/').map_or(address.len(), |at| authority + at);
    format!("{}/{database}{parameters}", &address[..end])
}

fn next() -> u32 {
    MADE.fetch_add(1, Ordering::Relaxed)
}

/// What a server promises about a power cut.
#[derive(Clone, Copy)]
pub(crate) enum Durability {
    /// Nothing: the quickest server, for tests.
    Fast,
    /// Everything acknowledged is on disk, as in production; for measurements and fault tests.
    Durable,
}

impl Durability {
    fn settings(self) -> &'static str {
        match self {
            Self::Fast => {
                "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n\
                 shared_buffers = 64MB\nautovacuum = off\n"
            }
            Self::Durable => {
                "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\n\
                 shared_buffers = 256MB\nmax_wal_size = 4GB\nautovacuum = on\n"
            }
        }
    }
}

/// A server of one's own. Dropping it stops the server and deletes its files; a watchdog does so
/// if this process is killed.
pub(crate) struct Cluster(Server);

impl Cluster {
    /// Makes and starts a server. Blocks for about two seconds.
    pub(crate) fn start(durability: Durability) -> io::Result<Self> {
        let folder = format!("cti-postgres-{}-{}", process::id(), next());
        let cluster = Self(Server::in_folder(&folder)?);
        cluster.0.create(durability, process::id())?;
        Ok(cluster)
    }

    /// The URL of a database; `postgres` is always there.
    pub(crate) fn url(&self, database: &str) -> String {
        self.0.url(database)
    }

    /// Makes an empty database, to be migrated by whoever opens it. Answers its URL.
    pub(crate) async fn create_database(&self, name: &str) -> io::Result<String> {
        let made = async {
            let mut admin = PgConnection::connect(&self.url("postgres")).await?;
            execute(&mut admin, format!("create database {name}")).await?;
            admin.close().await
        };
        made.await.map_err(io::Error::other)?;
        Ok(self.url(name))
    }

    /// Makes it listen on this port of the loopback, with TLS by this certificate and key, in PEM. It starts anew for that.
    pub(crate) async fn listen(&self, port: u16, certificate: &str, key: &str) -> io::Result<()> {
        self.stop().await?;
        let data = self.0.dir.join("data");
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = data.join(name);
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?.write_all(text.as_bytes())?;
            if let Some((user, group)) = instead_of_root() {
                chown(&path, Some(user), Some(group))?;
            }
        }
        let mut config = OpenOptions::new().append(true).open(data.join("postgresql.conf"))?;
        write!(config, "ssl = on\nlisten_addresses = '127.0.0.1'\nport = {port}\n")?;
        self.resume().await
    }

    /// Ends every server process at once, in the middle of whatever it does. The data stays.
    pub(crate) async fn crash(&self) -> io::Result<()> {
        self.aside(|server| server.halt("immediate")).await
    }

    /// Ends the server in good order. The data stays.
    pub(crate) async fn stop(&self) -> io::Result<()> {
        self.aside(|server| server.halt("fast")).await
    }

    /// Starts the server again; after a crash it recovers first.
    pub(crate) async fn resume(&self) -> io::Result<()> {
        self.aside(Server::launch).await
    }

    /// Crashes the server and starts it again.
    pub(crate) async fn restart_immediate(&self) -> io::Result<()> {
        self.crash().await?;
        self.resume().await
    }

    /// The process ids of the postmaster and of all its children; empty when it is down.
    /// A connection's process is gone with its connection: read the CPU times before closing.
    pub(crate) fn server_pids(&self) -> Vec<u32> {
        let pid_file = fs::read_to_string(self.0.dir.join("data/postmaster.pid")).unwrap_or_default();
        let Some(postmaster) = pid_file.lines().next().and_then(|line| line.parse().ok()) else {
            return Vec::new();
        };
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let children =
            processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(|pid| parent_of(*pid) == Some(postmaster));
        std::iter::once(postmaster).chain(children).collect()
    }

    /// Runs slow work beside the test, whose own server may be waiting for this one.
    async fn aside(&self, work: fn(&Server) -> io::Result<()>) -> io::Result<()> {
        let server = self.0.clone();
        tokio::task::spawn_blocking(move || work(&server)).await?
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.0.halt("immediate"); // fails when it is down already
        let _ = fs::remove_dir_all(&self.0.dir);
    }
}

/// The fourth field of /proc/…/stat; the second, the name, may hold spaces and brackets.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// A server, up or down.
#[derive(Clone)]
struct Server {
    /// Where `data`, `log` and the socket are.
    dir: PathBuf,
    /// Where initdb and pg_ctl are.
    programs: PathBuf,
}

impl Server {
    /// Makes the folder where it is not there yet.
    fn in_folder(name: &str) -> io::Result<Self> {
        let programs = programs();
        let dir = env::temp_dir().join(name);
        DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        if let Some((user, group)) = instead_of_root() {
            chown(&dir, Some(user), Some(group))?;
        }
        Ok(Self { dir, programs })
    }

    /// Makes the data and starts the server, to live no longer than the process `keeper`.
    fn create(&self, durability: Durability, keeper: u32) -> io::Result<()> {
        let data = self.dir.join("data");
        if data.exists() {
            fs::remove_dir_all(&data)?; // of a start that failed
        }
        self.watch(keeper)?;
        let how = "-U postgres -A trust -E UTF8 --locale=C --no-sync";
        run(self.program("initdb").args(how.split(' ')))?;
        let mut config = OpenOptions::new().append(true).open(data.join("postgresql.conf"))?;
        let socket = self.dir.display();
        write!(
            config,
            "listen_addresses = ''\nunix_socket_directories = '{socket}'\nport = 5432\n\
             max_connections = 300\ntimezone = 'UTC'\n{}",
            durability.settings()
        )?;
        self.launch()
    }

    /// Leaves a process behind that ends the server and removes its files when `keeper` has ended.
    fn watch(&self, keeper: u32) -> io::Result<()> {
        const WATCHDOG: &str = r#"(
            keeper=$1 dir=$2 pg_ctl=$3
            alive() { kill -0 "$keeper" 2>/dev/null || [ -d "/proc/$keeper" ]; }
            while [ -d "$dir" ] && alive; do sleep 0.5; done
            [ -d "$dir" ] || exit
            "$pg_ctl" stop -m immediate
            rm -rf "$dir"
        ) &"#;
        let mut shell = self.command("sh".as_ref());
        shell.args(["-c", WATCHDOG, "watchdog", &keeper.to_string()]);
        shell.arg(&self.dir).arg(self.programs.join("pg_ctl"));
        shell.stdout(Stdio::null()).stderr(Stdio::null());
        // Its own process group, so that it survives the Ctrl-C that ends the run.
        shell.current_dir("/").process_group(0).status().map(drop)
    }

    fn launch(&self) -> io::Result<()> {
        let log = self.dir.join("log");
        let mut start = self.program("pg_ctl");
        start.args(["start", "-w", "-t", "60", "-l"]).arg(&log);
        // The server inherits the output: a pipe would never end.
        start.stdout(Stdio::null()).stderr(Stdio::null());
        if start.status()?.success() {
            return Ok(());
        }
        let said = fs::read_to_string(log).unwrap_or_default();
        Err(io::Error::other(format!("Postgres did not start:\n{said}")))
    }

    fn halt(&self, mode: &str) -> io::Result<()> {
        run(self.program("pg_ctl").args(["stop", "-w", "-m", mode]))
    }

    fn is_up(&self) -> bool {
        UnixStream::connect(self.dir.join(".s.PGSQL.5432")).is_ok()
    }

    fn url(&self, database: &str) -> String {
        let socket = self.dir.display().to_string().replace('%', "%25").replace('/', "%2F");
        format!("postgres:///{database}?host={socket}&port=5432&user=postgres&sslmode=disable")
    }

    fn program(&self, name: &str) -> Command {
        self.command(&self.programs.join(name))
    }

    /// A command as the server's user, in a folder that this user may enter.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("PGDATA", self.dir.join("data"));
        command.current_dir(&self.dir).stdin(Stdio::null());
        if let Some((user, group)) = instead_of_root() {
            command.uid(user).gid(group);
        }
        command
    }
}

/// The folder of initdb and pg_ctl: the newest of Debian's, else where PATH leads.
fn programs() -> PathBuf {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let newest = debian
        .filter_map(|entry| {
            let folder = entry.ok()?.path();
            let version: u32 = folder.file_name()?.to_str()?.parse().ok()?;
            Some((version, folder.join("bin")))
        })
        .filter(|(_, folder)| folder.join("initdb").exists())
        .max();
    let on_path = || {
        // A link in PATH says where the rest is.
        let initdb = env::split_paths(&env::var_os("PATH")?).find_map(|folder| fs::canonicalize(folder.join("initdb")).ok())?;
        initdb.parent().map(Path::to_path_buf)
    };
    newest.map(|(_, folder)| folder).or_else(on_path).expect(MISSING)
}

/// Postgres refuses to run as root. Where we are root, this is who runs it instead.
fn instead_of_root() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").ok()?.uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").ok()?;
    ["postgres", "nobody"].iter().find_map(|wanted| {
        let user = users.lines().find(|line| line.split(':').next() == Some(wanted))?;
        let mut ids = user.split(':').skip(2).map_while(|id| id.parse().ok());
        ids.next().zip(ids.next())
    })
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{}: {said}", command.get_program().display())))
}

#[tokio::test]
async fn every_database_is_fresh_and_migrated() {
    let (one, other) = tokio::join!(database(), database());
    assert_ne!(one, other);
    for url in [one, other] {
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let migrated = "select count(*) from _sqlx_migrations where success";
        let done: i64 = sqlx::query_scalar(migrated).fetch_one(&mut connection).await.unwrap();
        assert_eq!(usize::try_from(done).unwrap(), sqlx::migrate!("migrations/postgres").iter().count());
        execute(&mut connection, "create table mine (id bigint)".into()).await.unwrap();
    }
}

#[tokio::test]
async fn a_durable_cluster_keeps_its_rows_through_a_crash() {
    let cluster = Cluster::start(Durability::Durable).unwrap();
    let url = cluster.create_database("kept").await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    execute(&mut connection, "create table kept as select 1 as id".into()).await.unwrap();
    let before = cluster.server_pids();
    assert!(before.len() > 2, "the postmaster, its workers and our connection: {before:?}");

    cluster.restart_immediate().await.unwrap();
    assert!(execute(&mut connection, "select 1".into()).await.is_err());
    assert!(cluster.server_pids().iter().all(|pid| !before.contains(pid)));
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let kept: i32 = sqlx::query_scalar("select id from kept").fetch_one(&mut connection).await.unwrap();
    assert_eq!(kept, 1);

    cluster.stop().await.unwrap();
    assert!(cluster.server_pids().is_empty());
    let folder = cluster.0.dir.clone();
    drop(cluster);
    assert!(!folder.exists());
}
