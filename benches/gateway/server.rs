//! The server under load, a process of its own: the product set up through its command line, or a reference.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use indicatif::ProgressBar;
use serde::Deserialize;

use crate::{
    machine,
    options::{Audience, Options, Reference},
    store::{Scratch, Store},
};

/// The product, in the profile of the bench.
const PRODUCT: &str = env!("CARGO_BIN_EXE_cti-gateway");

/// How long a server may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Login of agent `index`.
pub(crate) fn login(index: usize) -> String {
    format!("agent{}", index + 1)
}

/// Telephone number of agent `index`.
pub(crate) fn number(index: usize) -> usize {
    1001 + index
}

/// A running server; it is killed with its value.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    /// What the telephone system shows.
    pub(crate) secret: String,
    /// What the softphones' tickets are fetched with.
    pub(crate) token: String,
    /// From its start until it said that it is ready.
    pub(crate) ready_within: Duration,
    child: Child,
    scratch: Scratch,
}

impl Server {
    /// The product on a fresh store, with an account of as many agents as there will be sockets.
    pub(crate) fn product(store: &Store, options: &Options, bar: &ProgressBar) -> Result<Self> {
        #[derive(Deserialize)]
        struct Gateway {
            secret: String,
        }
        #[derive(Deserialize)]
        struct Token {
            token: String,
        }
        let addr = free_address()?;
        let cli = Cli { addr, store: store.url() };
        cli.run(&["account", "add", "bench"])?;
        bar.set_message("agents");
        bar.set_length(options.sockets() as u64);
        for index in 0..options.sockets() {
            let (login, number) = (login(index), number(index).to_string());
            cli.run(&["agent", "add", "--account", "bench", "--login", &login, "--number", &number])?;
            bar.inc(1);
        }
        let gateway = ["gateway", "add", "--account", "bench", "--name", "bench", "--popup", options.audience.word()];
        let Gateway { secret } = serde_json::from_str(&cli.run(&gateway)?).context("the gateway's secret")?;
        let scopes = "events:read,calls:read,calls:write,agents:act";
        let token = cli.run(&["token", "add", "--account", "bench", "--scopes", scopes])?;
        let Token { token } = serde_json::from_str(&token).context("the token")?;
        if options.entries > 0 {
            bar.set_message("journal");
            store.fill_journal(options.entries)?;
        }
        let mut serve = cli.command();
        serve.arg("serve");
        Self::start(serve, addr, secret, token)
    }

    /// A reference: this very program, started as a server.
    pub(crate) fn reference(kind: Reference, store: Option<&Store>, audience: Audience) -> Result<Self> {
        let addr = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--serve-reference", kind.word(), "--audience", audience.word()]);
        command.arg("--listen").arg(addr.to_string());
        if let Some(store) = store {
            command.arg("--store-url").arg(store.url());
        }
        Self::start(command, addr, "reference".into(), "reference".into())
    }

    fn start(mut command: Command, addr: SocketAddr, secret: String, token: String) -> Result<Self> {
        let scratch = Scratch::new()?;
        let log = File::create(scratch.path().join("log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("start {command:?}"))?;
        let mut server = Self { addr, secret, token, ready_within: Duration::ZERO, child, scratch };
        server.ready_within = server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> Result<Duration> {
        let began = machine::now();
        while began.elapsed() < READY_WITHIN {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}:\n{}", self.log());
            }
            if is_ready(self.addr) {
                return Ok(began.elapsed());
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("the server is not ready after {READY_WITHIN:?}:\n{}", self.log())
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far; a healthy server logs no warning under load.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.scratch.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The product's command line with the settings of one run.
struct Cli {
    addr: SocketAddr,
    store: String,
}

impl Cli {
    fn command(&self) -> Command {
        let mut command = Command::new(PRODUCT);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CTI_")) {
            command.env_remove(name); // the caller's own settings have no place in a figure
        }
        command
            .env("CTI_LISTEN", self.addr.to_string())
            .env("CTI_STORE__URL", &self.store)
            .env("CTI_CALLS__WRAP_UP_MS", "0")
            .env("CTI_LOG", "warn")
            .stdin(Stdio::null());
        command
    }

    /// Runs one command and returns what it printed.
    fn run(&self, words: &[&str]) -> Result<String> {
        let output = self.command().args(words).arg("--json").output().with_context(|| format!("run {PRODUCT}"))?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`{}` failed: {}\n{error}", words.join(" "), output.status);
        Ok(String::from_utf8(output.stdout)?)
    }
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn is_ready(addr: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&addr, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(format!("GET /readyz HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n").as_bytes())?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(&status == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}
