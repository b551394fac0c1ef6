//! The program as an operator runs it: commands that end, with what they said, and servers that run until told to stop.

use std::{process::Stdio, time::Duration};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader},
    process::{Child, Command},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};

use super::postgres;

/// How long a command, or a line that is waited for, may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A store and the settings to run the program with.
pub(crate) struct Program {
    pub(crate) folder: TempDir,
    variables: Vec<(String, String)>,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Program {
    /// On a SQLite file of its own, listening on a free port.
    pub(crate) fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("cti.db").display());
        Self { folder, variables: vec![] }.with("CTI_STORE__URL", &url).with("CTI_LISTEN", "127.0.0.1:0")
    }

    /// On a Postgres database of its own, which may lose commits in a power cut.
    pub(crate) async fn on_postgres() -> Self {
        Self::on_sqlite().with("CTI_STORE__URL", &postgres::database().await)
    }

    /// The same with a variable set.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// The value of a variable.
    pub(crate) fn variable(&self, name: &str) -> &str {
        self.variables.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.variables.retain(|(known, _)| known != name);
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cti-gateway"));
        command.args(arguments).env_clear().envs(self.variables.iter().cloned()).current_dir(self.folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, "").await
    }

    /// Runs a command with this standard input.
    pub(crate) async fn run_with(&self, arguments: &[&str], input: &str) -> Said {
        let mut child = self.command(arguments).spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let _ = stdin.write_all(input.as_bytes()).await; // it may end without reading
        drop(stdin);
        let output = timeout(PATIENCE, child.wait_with_output()).await.expect("the command ends in time").expect("an exit code");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs a command that succeeds, with `--json`; its lines.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let said = self.run(&[&["--json"], arguments].concat()).await;
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.err);
        said.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
    }

    /// The one line of a command that succeeds.
    pub(crate) async fn record(&self, arguments: &[&str]) -> Value {
        let lines = self.json(arguments).await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines[0].clone()
    }

    /// Runs a command that fails as it should; what it says to the operator.
    pub(crate) async fn refused(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments).await;
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{arguments:?}: {}", said.err);
        assert!(said.err.starts_with("error: ") && !said.err.contains("panicked"), "{}", said.err);
        said.err
    }

    /// Starts a command that stays.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut child = self.command(arguments).spawn().expect("the program starts");
        let out = lines(child.stdout.take().expect("stdout is piped"));
        let err = lines(child.stderr.take().expect("stderr is piped"));
        Running { child, out: Lines(out, vec![]), err: Lines(err, vec![]) }
    }

    /// Starts the server; it and its address. Commands after it find it there.
    pub(crate) async fn serve(&mut self) -> (Running, String) {
        let mut server = self.start(&["serve"]);
        let line = server.err.wait("address=").await;
        let address = line.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an address").to_owned();
        self.set("CTI_LISTEN", &address);
        (server, format!("http://{address}"))
    }
}

fn lines(stream: impl AsyncRead + Unpin + Send + 'static) -> UnboundedReceiver<String> {
    let (sender, receiver) = unbounded_channel();
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A command that runs. Dropping it kills it.
pub(crate) struct Running {
    child: Child,
    pub(crate) out: Lines,
    pub(crate) err: Lines,
}

/// What a running command says, line by line.
pub(crate) struct Lines(UnboundedReceiver<String>, Vec<String>);

impl Lines {
    /// The next line.
    pub(crate) async fn next(&mut self) -> String {
        let line = timeout(PATIENCE, self.0.recv()).await.unwrap_or_else(|_| panic!("silence after:\n{}", self.1.join("\n")));
        let line = line.unwrap_or_else(|| panic!("it ended after:\n{}", self.1.join("\n")));
        self.1.push(line.clone());
        line
    }

    /// The next line that holds this text.
    pub(crate) async fn wait(&mut self, text: &str) -> String {
        loop {
            let line = self.next().await;
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Everything said, to the end.
    pub(crate) async fn rest(mut self) -> String {
        while let Some(line) = timeout(PATIENCE, self.0.recv()).await.expect("it ends in time") {
            self.1.push(line);
        }
        self.1.join("\n")
    }
}

impl Running {
    /// Sends a signal, such as `INT` or `TERM`, and waits for the end: the exit code, what was said to the operator.
    pub(crate) async fn stop(mut self, signal: &str) -> (i32, String) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args([format!("-{signal}"), pid]).status().await.expect("kill runs");
        assert!(sent.success());
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it stops in time").expect("an exit code");
        (status.code().unwrap_or(-1), self.err.rest().await)
    }
}
