//! A server under load: a process of its own, the product or another, and the product's command line.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{machine, store::Scratch};

/// The product, in the profile of the bench.
const PRODUCT: &str = env!("CARGO_BIN_EXE_cti-gateway");

/// How long a server may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running server; it is killed with its value.
pub(crate) struct Process {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    /// From its start until it said that it is ready.
    pub(crate) ready_within: Duration,
    child: Child,
    scratch: Scratch,
}

impl Process {
    /// Starts a server that will listen there, and waits until it is ready.
    pub(crate) fn start(mut command: Command, addr: SocketAddr) -> Result<Self> {
        let scratch = Scratch::new()?;
        let log = File::create(scratch.path().join("log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("start {command:?}"))?;
        let mut process = Self { addr, ready_within: Duration::ZERO, child, scratch };
        process.ready_within = process.wait_until_ready()?;
        Ok(process)
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

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The product's command line with the settings of one run.
pub(crate) struct Cli {
    pub(crate) addr: SocketAddr,
    store: String,
}

impl Cli {
    /// For a server on this store, at an address that is free.
    pub(crate) fn new(store: String) -> Result<Self> {
        Ok(Self { addr: free_address()?, store })
    }

    /// A command with the settings of the run.
    pub(crate) fn command(&self) -> Command {
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
    pub(crate) fn run(&self, words: &[&str]) -> Result<String> {
        let output = self.command().args(words).arg("--json").output().with_context(|| format!("run {PRODUCT}"))?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`{}` failed: {}\n{error}", words.join(" "), output.status);
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// An address of the loopback that nobody listens on.
pub(crate) fn free_address() -> Result<SocketAddr> {
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
